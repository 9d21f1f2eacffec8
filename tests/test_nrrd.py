"""NRRD: what SimpleITK reads of ours, and what we read of its and of others'."""

from __future__ import annotations

import gzip
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from grids import SLOPES, noise, oblique, ramp
from volume.errors import VolumeError
from volume.formats.files import export, read
from volume.geometry import Geometry
from volume.volume import Volume

GRIDS = {
    "oblique": oblique(),
    "left-handed": oblique(left_handed=True),
    "sheared": oblique(tilt=15),
}
TYPES = "u1 i1 u2 i2 u4 i4 u8 i8 f4 f8".split()


@pytest.fixture(params=GRIDS, name="grid")
def fixture_grid(request) -> Geometry:
    return GRIDS[request.param]


def written(volume: Volume | tuple[Volume, ...], path: Path) -> Path:
    return export(volume, path, sidecar=False)[0]


def test_simpleitk_finds_every_value_in_its_place(tmp_path, grid):
    image = sitk.ReadImage(str(written(ramp(grid, "f8"), tmp_path / "head.nrrd")))
    for ijk in product((0, 4, 8), (0, 7), (0, 3, 6)):
        place = np.array(image.TransformIndexToPhysicalPoint(ijk))
        assert image.GetPixel(*ijk) == pytest.approx(place @ SLOPES, abs=1e-9)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("compressed", [True, False])
def test_both_ways_with_simpleitk_nothing_changes(tmp_path, grid, dtype, compressed):
    volume = noise(grid, dtype)
    theirs = tmp_path / "theirs.nrrd"
    sitk.WriteImage(volume.to_sitk(), str(theirs), compressed)
    for again in (read(theirs), read(written(volume, tmp_path / "ours.nrrd"))):
        assert again.array.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(again.array, volume.array)
        assert again.geometry.matches(grid, 1e-9)
        assert again.findings == ()
    image = sitk.ReadImage(str(tmp_path / "ours.nrrd"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), volume.array)


@pytest.mark.parametrize(("dtype", "channels"), [("u1", 3), ("f4", 2), ("u2", 4)])
def test_colour_is_a_vector_to_simpleitk(tmp_path, dtype, channels):
    grid = oblique()
    array = np.random.default_rng(0).integers(0, 255, (*grid.size[::-1], channels)).astype(dtype)
    path = written(Volume(array, grid), tmp_path / "head.nrrd")
    image = sitk.ReadImage(str(path))
    assert image.GetNumberOfComponentsPerPixel() == channels
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), array)
    np.testing.assert_array_equal(read(path).array, array)


def test_several_volumes_lie_one_after_the_other(tmp_path):
    phases = tuple(noise(oblique(), seed=seed) for seed in range(3))
    path = written(phases, tmp_path / "phases.nrrd")
    header, _, data = path.read_bytes().partition(b"\n\n")
    assert b"sizes: 9 8 7 3\n" in header and b"kinds: domain domain domain list\n" in header
    assert gzip.decompress(data) == b"".join(phase.array.tobytes() for phase in phases)
    with pytest.raises(VolumeError, match="3 volumes"):
        read(path)


def nrrd(path: Path, *more: str, encoding: str = "raw", sizes: str = "3 2 2") -> Path:
    fields = ("NRRD0004", "# by hand", "dimension: 3", f"sizes: {sizes}", f"encoding: {encoding}")
    path.write_bytes("\n".join((*fields, *more, "\n")).encode() + bytes(range(24)))
    return path


LPS = (
    "space: left-posterior-superior",
    "space directions: (1,0,0) (0,2,0) (0,0,3)",
    "space origin: (4,5,6)",
)


def test_a_header_by_hand_is_read(tmp_path):
    path = nrrd(tmp_path / "a.nrrd", "type: short", "endian: big", "key:=value: 3", *LPS)
    volume = read(path)
    assert volume.array.dtype == np.int16 and volume.array.dtype.isnative
    assert volume.array.ravel().tolist() == [256 * n + n + 1 for n in range(0, 24, 2)]
    assert volume.geometry.spacing.tolist() == [1, 2, 3]
    assert volume.findings == ()


@pytest.mark.parametrize(
    ("space", "origin"), [("RAS", (-4, -5, 6)), ("left-anterior-superior", (4, -5, 6))]
)
def test_other_spaces_become_lps(tmp_path, space, origin):
    path = nrrd(tmp_path / "a.nrrd", "type: uchar", f"space: {space}", *LPS[1:], sizes="3 2 4")
    assert read(path).geometry.origin.tolist() == list(origin)
    sitk_origin = sitk.ReadImage(str(path)).GetOrigin()
    assert sitk_origin == pytest.approx(origin)


def test_a_header_without_a_place_is_told(tmp_path):
    path = nrrd(tmp_path / "a.nrrd", "type: uchar", "spacings: 1 2 3", sizes="3 2 4")
    volume = read(path)
    assert [finding.code for finding in volume.findings] == ["spacing-assumed"]
    assert volume.geometry.spacing.tolist() == [1, 2, 3]


def test_units_of_length_become_millimetres(tmp_path):
    units = 'space units: "cm" "cm" "cm"'
    path = nrrd(tmp_path / "a.nrrd", "type: uchar", units, *LPS, sizes="3 2 4")
    assert read(path).geometry.spacing.tolist() == [10, 20, 30]
    assert read(path).geometry.origin.tolist() == [40, 50, 60]


GOOD = ("type: uchar", *LPS)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ((*GOOD, "data file: /etc/passwd"), "in another file"),
        ((*GOOD, "datafile: LIST"), "in another file"),
        ((*GOOD, "byte skip: 10"), "byte skip"),
        ((*GOOD, "encoding: ascii"), "raw and gzip"),
        ((*GOOD, "sizes: 3 2"), "do not agree"),
        ((*GOOD, "sizes: 3 2 0"), "do not agree"),
        ((*GOOD, "sizes: 3 2 -2"), "whole numbers"),
        ((*GOOD, "sizes: 3 2 99999999999"), "promises 599,999,999,994 bytes"),
        ((*GOOD, "type: block"), "type 'block'"),
        ((*LPS, "type: short"), "order of the bytes"),
        ((*GOOD, "space origin: (1,nan,0)"), "'nan' in the header is not a number"),
        ((*GOOD, "space origin: (1,1e400,0)"), "'1e400' in the header is not a number"),
        ((*GOOD, "space origin: (1,1_0,0)"), "'1_0' in the header is not a number"),
        ((*GOOD, "space origin: (1,2)"), "not a vector in space"),
        ((*GOOD, "space directions: (1,0,0) (1,0,0) (0,0,1)"), "span space"),
        ((*GOOD, "space directions: (1,0,0) (0,1,0)"), "one direction to every axis"),
        ((*GOOD, "space directions: none (0,1,0) (0,0,1)"), "three axes in space"),
        ((*GOOD, 'space units: "furlong"'), "unit of length"),
        ((*GOOD, "kinds: domain domain"), "one kind to every axis"),
    ],
)
def test_a_header_that_cannot_be_is_refused_by_name(tmp_path, fields, told):
    path = nrrd(tmp_path / "a.nrrd", *fields)
    with pytest.raises(VolumeError, match=told) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_the_detached_header_of_itk_is_called_one(tmp_path):
    path = tmp_path / "a.nhdr"
    sitk.WriteImage(sitk.Image(3, 2, 4, sitk.sitkInt16), str(path))
    with pytest.raises(VolumeError, match="in another file"):
        read(path)


def test_a_header_without_end_is_refused(tmp_path):
    (tmp_path / "a.nrrd").write_bytes(b"NRRD0004\n" + b"#" * (2 << 20))
    with pytest.raises(VolumeError, match="longer than"):
        read(tmp_path / "a.nrrd")
    (tmp_path / "b.nrrd").write_bytes(b"NRRD0004\ntype: short")
    with pytest.raises(VolumeError, match="ends within its header"):
        read(tmp_path / "b.nrrd")
