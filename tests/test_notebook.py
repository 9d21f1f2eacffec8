"""A volume in a notebook: three planes in their right places, and nothing of the patient."""

import base64
import re
import subprocess
import sys
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

import volume
from blobs import BLOBS, blob_volume
from phantom import phantom
from volume.findings import warning
from volume.viewer.notebook import SEAM, SIDE, png, three_planes


def picture_of(html: str) -> np.ndarray:
    encoded = re.search(r"base64,([A-Za-z0-9+/=]+)'", html)[1]
    return np.asarray(Image.open(BytesIO(base64.b64decode(encoded))))


def test_the_png_reads_back_as_another_library_has_it():
    pixels = np.random.default_rng(1).integers(0, 256, (31, 47, 3), dtype=np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(png(pixels)))), pixels)


def a_wedge(size=(40, 30, 20), spacing=(1.0, 1.0, 2.0)) -> volume.Volume:
    """Make a volume whose left, back and head are brighter: no flip can hide."""
    k, j, i = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
    values = (10 * i + 7 * j + 20 * k).astype(np.int16)
    grid = volume.Geometry(size, np.zeros(3), np.array(spacing), np.eye(3))
    return volume.Volume(values, grid, unit="HU", modality="CT", id="ct_s001_000000")


def test_the_three_planes_are_shown_as_a_radiologist_has_them():
    drawn = three_planes(a_wedge())[..., 0].astype(int)
    scale = SIDE / 40
    widths = [round(40 * scale), round(40 * scale), round(30 * scale)]
    assert drawn.shape == (SIDE, sum(widths) + 2 * SEAM)
    left = 0
    tiles = []
    for width in widths:
        tiles.append(drawn[:, left : left + width])
        left += width + SEAM
    axial, coronal, sagittal = (tile[tile.any(axis=1)] for tile in tiles)
    assert axial[:, -9:].mean() > axial[:, :9].mean()  # the patient's left is on the right
    assert axial[-9:].mean() > axial[:9].mean()  # the back is below
    assert coronal[:9].mean() > coronal[-9:].mean()  # the head is up
    assert coronal[:, -9:].mean() > coronal[:, :9].mean()
    assert sagittal[:9].mean() > sagittal[-9:].mean()
    assert sagittal[:, -9:].mean() > sagittal[:, :9].mean()  # the front is on the left
    assert len(axial) == pytest.approx(30 * scale, abs=1)
    assert len(coronal) == pytest.approx(20 * 2 * scale, abs=1)  # true to scale


@pytest.mark.parametrize("acquisition", ["axial", "sagittal", "coronal", "oblique"])
def test_every_acquisition_has_its_picture(acquisition):
    html = blob_volume(acquisition, window=(40.0, 400.0))._repr_html_()
    assert picture_of(html).std() > 5
    assert len(BLOBS) > 1


def test_colour_and_masks_have_theirs():
    ct = a_wedge()
    colours = np.repeat((ct.array[..., np.newaxis] % 256).astype(np.uint8), 3, axis=3)
    colours[..., 2] = 0
    drawn = three_planes(ct.with_voxels(colours, ct.geometry, unit=""))
    assert drawn[..., 0].any()
    assert not drawn[..., 2].any()
    assert three_planes(ct.with_voxels(ct.array > 500, ct.geometry, unit="")).max() == 255


def test_the_table_is_short_and_every_text_is_escaped():
    ct = replace(a_wedge(), modality="<script>", id="<b>'\"&", unit="<i>")
    html = ct._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html
    for words in ("40 × 30 × 20", "1 × 1 × 2 mm", "int16"):
        assert words in html
    assert len(html) < 60_000


def test_nothing_that_names_the_patient_is_in_it(tmp_path):
    phantom(tmp_path, patient_name="Hong^Gildong", description="Thorax of Hong", size=(12, 10, 8))
    ct = volume.load(tmp_path)
    told = warning("gantry-tilt", "tilted: see Hong/I0001.dcm", files=("Hong/I0001.dcm",))
    html = replace(ct, findings=(*ct.findings, told))._repr_html_()
    assert "warning: gantry-tilt" in html
    assert "Hong" not in html
    assert "Thorax" not in html


def test_a_volume_is_shown_without_graphics_and_costs_nothing_before():
    code = (
        "import sys, numpy as np, volume;"
        "g = volume.Geometry((4, 4, 4), np.zeros(3), np.ones(3), np.eye(3));"
        "ct = volume.Volume(np.arange(64, dtype=np.int16).reshape(4, 4, 4), g);"
        "early = [n for n in sys.modules if n.startswith('volume.viewer')];"
        "html = ct._repr_html_();"
        "late = [n for n in sys.modules if 'Rendering' in n or n == 'pyvista'];"
        "print(len(early), len(late), html[:9])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "0", "<div><img"]
