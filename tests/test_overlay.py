"""`volume view SOURCE MESH...`: surfaces from files over the image, and what is said of them."""

from __future__ import annotations

import numpy as np
import pytest
import pyvista

from blobs import BLOBS, blob_volume
from phantom import phantom
from test_gl import needs_gl
from volume.cli.overlay import outside
from volume.formats.files import export
from volume.formats.meshes import read_mesh
from volume.formats.raw_mesh import normals_of
from volume.surface import Mesh, Part
from volume.viewer.colours import MESHES
from volume.viewer.first_scene import scene_of
from volume.viewer.picture import picture

SUFFIXES = (".stl", ".ply", ".obj", ".glb", ".vtp")


def ball(centre, radius: float) -> Mesh:
    surface = pyvista.Icosphere(radius=radius, center=centre, nsub=4)
    points = surface.points.astype(np.float32)
    faces = surface.regular_faces.astype(np.int32)
    return Mesh(points, faces, normals_of(points, faces), {"findings": []})


@pytest.fixture(scope="module", name="source")
def fixture_source(tmp_path_factory):
    """Write a small series, with a ball in the middle of it beside."""
    folder = tmp_path_factory.mktemp("series")
    series = phantom(folder / "dicom", size=(40, 36, 12))
    import volume

    ct = volume.load(series.folder)
    for suffix in SUFFIXES:
        export(ball(ct.geometry.centre, 8), folder / f"ball{suffix}", sidecar=False)
    export(ball(ct.geometry.centre + np.array([500, 0, 0]), 8), folder / "far.stl", sidecar=False)
    ball(ct.geometry.centre, 8).to_pyvista().save(folder / "theirs.stl")
    return folder


def has_colour(pixels: np.ndarray, colour: tuple[float, float, float]) -> np.ndarray:
    """Say of every pixel whether it has a colour's hue, brightly enough."""
    shade = pixels.astype(float)
    bright = shade.max(axis=-1)
    wanted = np.array(colour) / max(colour)
    near = np.abs(shade / np.maximum(bright, 1)[..., None] - wanted).max(axis=-1) < 0.08
    return near & (bright > 120)


@needs_gl
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_mesh_of_every_format_is_laid_over_the_image(run, source, tmp_path, suffix):
    mesh, bare = source / f"ball{suffix}", tmp_path / "bare.png"
    code, _, err = run(
        "view", source / "dicom", mesh, "--screenshot", tmp_path / "a.png", "--size", "600,500"
    )
    assert code == 0, err
    assert "space-assumed" not in err and "mesh-outside" not in err
    run("view", source / "dicom", "--screenshot", bare, "--size", "600,500")
    seen, without = (
        has_colour(np.asarray(pyvista.read(path).active_scalars)[:, :3], MESHES[0]).sum()
        for path in (tmp_path / "a.png", bare)
    )
    assert seen > without + 500


@needs_gl
@pytest.mark.parametrize("acquisition", ["axial", "oblique left-handed"])
@pytest.mark.parametrize(("plane", "axis"), [("axial", 2), ("coronal", 1), ("sagittal", 0)])
def test_the_outline_on_a_slice_is_where_the_mesh_is(acquisition, plane, axis):
    centre, radius = np.array(BLOBS["L"]), 20.0
    at = centre.copy()
    at[axis] += 6.0
    ct = blob_volume(acquisition, blobs="L")
    scene = scene_of(ct, layout=plane, at=at, window=(4000.0, 10.0))  # black, but for lines
    size = (500, 500)
    lines = picture(scene, ct, (ball(centre, radius),), size=size)
    found = has_colour(lines, MESHES[0]) & ~has_colour(picture(scene, ct, size=size), MESHES[0])
    rows, columns = np.nonzero(found)
    x, y = _middle_in_pixels(scene, plane, centre, size)
    scale = _pixels_a_mm(scene, plane, centre, size)
    radii = np.hypot(columns - x, size[1] - 1 - rows - y) / scale
    off = 6.0 if acquisition != "axial" else _nearest_layer(ct, at, axis) - centre[axis]
    expected = np.sqrt(radius**2 - off**2)
    assert len(radii) > 200
    np.testing.assert_allclose(np.median(radii), expected, atol=0.6)
    assert np.quantile(np.abs(radii - expected), 0.95) < 1.5
    spread = np.ptp(np.arctan2(size[1] - 1 - rows - y, columns - x))
    assert spread > 6  # all the way round


def _nearest_layer(ct, at, axis: int) -> float:
    index = np.rint(ct.geometry.to_index(at))
    return float(ct.geometry.to_world(index)[axis])


def _projection(scene, plane: str, size):
    from volume.viewer.controller import project_pane
    from volume.viewer.layout import arrange

    return project_pane(scene, plane, arrange(plane, size).panes[plane])


def _middle_in_pixels(scene, plane: str, centre, size) -> tuple[float, float]:
    return _projection(scene, plane, size).to_display(centre)


def _pixels_a_mm(scene, plane: str, centre, size) -> float:
    return _projection(scene, plane, size).scale


GREEN, PINK = (0.1, 0.9, 0.2), (0.95, 0.4, 0.7)


@needs_gl
@pytest.mark.parametrize("layout", ["axial", "3d"])
def test_parts_have_their_own_colours_on_slices_and_in_space(layout):
    one, other = ball((-20, 0, 0), 12), ball((20, 0, 0), 12)
    n, m = len(one.points), len(one.faces)
    both = Mesh(
        np.concatenate([one.points, other.points]),
        np.concatenate([one.faces, other.faces + n]),
        np.concatenate([one.normals, other.normals]),
        {},
        (Part("right", 0, m, GREEN), Part("left", m, m, PINK)),
    )
    ct = blob_volume(blobs="")
    scene = scene_of(ct, layout=layout, window=(4000.0, 10.0), surface=False)
    pixels = picture(scene, ct, (both,), size=(500, 500))
    for colour, is_left in ((GREEN, True), (PINK, False)):  # the patient's right is on the left
        _, columns = np.nonzero(has_colour(pixels, colour))
        assert len(columns) > 100
        assert (columns.max() < 250) == is_left
        assert (columns.min() > 250) != is_left


@needs_gl
def test_what_was_assumed_of_a_mesh_is_said(run, source, tmp_path):
    code, _, err = run(
        "view", source / "dicom", source / "theirs.stl", "--screenshot", tmp_path / "a.png"
    )
    assert code == 0
    assert "warning: theirs.stl: the mesh does not say where its points lie" in err
    assert "[space-assumed]" in err


@needs_gl
def test_a_mesh_beside_the_image_is_said(run, source, tmp_path):
    code, _, err = run(
        "view", source / "dicom", source / "far.stl", "--screenshot", tmp_path / "a.png"
    )
    assert code == 0
    assert "far.stl: the mesh (x " in err and "lies outside the image (x " in err


def test_a_mesh_that_would_fit_as_ras_is_told_how_to_try(tmp_path):
    ct = blob_volume(centre=(300.0, 200.0, 0.0))
    ball((-300, -200, 0), 20).to_pyvista().save(tmp_path / "ras.stl")
    (finding,) = outside(read_mesh(tmp_path / "ras.stl"), ct)
    assert (finding.code, finding.remedy) == ("mesh-outside", ("mesh-space", "ras"))
    assert outside(read_mesh(tmp_path / "ras.stl", space="ras"), ct) == ()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("none.stl", "there is no such file"),
        ("dicom", "not a mesh file"),
        ("broken.stl", "no STL"),
    ],
)
@needs_gl
def test_what_is_no_mesh_is_refused_by_name(run, source, tmp_path, name, told):
    (source / "broken.stl").write_bytes(b"not a mesh")
    code, _, err = run("view", source / "dicom", source / name, "--screenshot", tmp_path / "a.png")
    assert code == 1
    first, where, way_out = err.splitlines()[:3]
    assert told in first
    assert where.strip() == str(source / name)
    assert "after SOURCE come the meshes" in way_out
    assert not (tmp_path / "a.png").exists()


@needs_gl
def test_a_mesh_without_an_image_is_told_where_the_image_goes(run, source, tmp_path):
    code, _, err = run("view", source / "ball.stl", "--screenshot", tmp_path / "a.png")
    assert code == 1
    assert "no image to lay it over" in err and "volume view SOURCE MESH" in err
