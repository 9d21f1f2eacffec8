"""MetaImage: what SimpleITK reads of ours, and what we read of its."""

from __future__ import annotations

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


def written(volume: Volume, path: Path) -> Path:
    return export(volume, path, sidecar=False)[0]


def test_simpleitk_finds_every_value_in_its_place(tmp_path, grid):
    image = sitk.ReadImage(str(written(ramp(grid, "f8"), tmp_path / "head.mha")))
    for ijk in product((0, 4, 8), (0, 7), (0, 3, 6)):
        place = np.array(image.TransformIndexToPhysicalPoint(ijk))
        assert image.GetPixel(*ijk) == pytest.approx(place @ SLOPES, abs=1e-9)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("compressed", [True, False])
def test_both_ways_with_simpleitk_nothing_changes(tmp_path, grid, dtype, compressed):
    volume = noise(grid, dtype)
    theirs = tmp_path / "theirs.mha"
    sitk.WriteImage(volume.to_sitk(), str(theirs), compressed)
    for again in (read(theirs), read(written(volume, tmp_path / "ours.mha"))):
        assert again.array.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(again.array, volume.array)
        assert again.geometry.matches(grid, 1e-6)
        assert again.findings == ()
    image = sitk.ReadImage(str(tmp_path / "ours.mha"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), volume.array)


def test_the_header_says_how_many_bytes_follow(tmp_path):
    content = written(noise(oblique()), tmp_path / "head.mha").read_bytes()
    header, _, data = content.partition(b"LOCAL\n")
    (size,) = (line for line in header.splitlines() if line.startswith(b"CompressedDataSize"))
    assert int(size.split(b"=")[1]) == len(data)


@pytest.mark.parametrize("grid_name", ["oblique", "left-handed"])
def test_the_letters_are_those_of_simpleitk(tmp_path, grid_name):
    content = written(noise(GRIDS[grid_name]), tmp_path / "head.mha").read_bytes()
    sitk.WriteImage(noise(GRIDS[grid_name]).to_sitk(), str(tmp_path / "theirs.mha"))
    theirs = (tmp_path / "theirs.mha").read_bytes()
    lines = [
        [line for line in one.splitlines() if line.startswith(b"AnatomicalOrientation")]
        for one in (content, theirs)
    ]
    assert lines[0] == lines[1] != []


@pytest.mark.parametrize(("dtype", "channels"), [("u1", 3), ("f4", 2), ("u2", 4)])
def test_colour_is_a_vector_to_simpleitk(tmp_path, dtype, channels):
    grid = oblique()
    array = np.random.default_rng(0).integers(0, 255, (*grid.size[::-1], channels)).astype(dtype)
    path = written(Volume(array, grid), tmp_path / "head.mha")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), array)
    np.testing.assert_array_equal(read(path).array, array)


def test_several_volumes_are_refused(tmp_path):
    with pytest.raises(VolumeError, match=r"\.nii\.gz \.nii \.nrrd"):
        export((noise(oblique()), noise(oblique())), tmp_path / "head.mha")


FIELDS = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "Offset": "4 5 6",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    "ElementSpacing": "1 2 3",
    "DimSize": "3 2 2",
    "ElementType": "MET_SHORT",
    "ElementDataFile": "LOCAL",
}


def metaimage(path: Path, leave_out: tuple[str, ...] = (), **other: str) -> Path:
    fields = {**{name: value for name, value in FIELDS.items() if name not in leave_out}, **other}
    fields["ElementDataFile"] = fields.pop("ElementDataFile")
    header = "".join(f"{name} = {value}\n" for name, value in fields.items())
    path.write_bytes(header.encode() + bytes(range(24)))
    return path


def test_a_header_by_hand_is_read(tmp_path):
    path = metaimage(
        tmp_path / "a.mha",
        leave_out=("Offset", "TransformMatrix", "BinaryDataByteOrderMSB"),
        Origin="4 5 6",
        Rotation="0 1 0 1 0 0 0 0 1",
        ElementByteOrderMSB="True",
        DistanceUnits="cm",
    )
    volume = read(path)
    assert volume.array.ravel().tolist() == [256 * n + n + 1 for n in range(0, 24, 2)]
    assert volume.geometry.origin.tolist() == [40, 50, 60]
    assert volume.geometry.spacing.tolist() == [10, 20, 30]
    assert volume.geometry.direction.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_a_fourth_axis_of_one_is_dropped(tmp_path):
    path = metaimage(
        tmp_path / "a.mha",
        NDims="4",
        DimSize="3 2 2 1",
        Offset="4 5 6 0",
        ElementSpacing="1 2 3 1",
        TransformMatrix="1 0 0 0  0 1 0 0  0 0 1 0  0 0 0 1",
    )
    assert read(path).geometry.matches(
        Geometry((3, 2, 2), np.array([4, 5, 6]), np.array([1, 2, 3]), np.eye(3))
    )


def test_a_header_without_a_place_is_told(tmp_path):
    volume = read(metaimage(tmp_path / "a.mha", leave_out=("Offset",)))
    assert [finding.code for finding in volume.findings] == ["spacing-assumed"]
    assert volume.geometry.origin.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"ElementDataFile": "/etc/passwd"}, "in another file"),
        ({"ElementDataFile": "LIST"}, "in another file"),
        ({"ObjectType": "Tube"}, "another object"),
        ({"NDims": "2"}, "three axes"),
        ({"BinaryData": "False"}, "as text"),
        ({"HeaderSize": "-1"}, "HeaderSize"),
        ({"DimSize": "3 2"}, "not 3 numbers"),
        ({"DimSize": "3 2 0"}, "three axes"),
        ({"DimSize": "3 2 1.5"}, "whole numbers"),
        ({"DimSize": "3 2 99999999999"}, "promises 1,199,999,999,988 bytes"),
        ({"DimSize": "3 2 3"}, "promises 36 bytes"),
        ({"ElementType": "MET_ASCII"}, "MET_ASCII"),
        ({"ElementSpacing": "1 2 1e400"}, "not a number"),
        ({"ElementSpacing": "1 2 nan"}, "not a number"),
        ({"ElementSpacing": "1 2 0"}, "no grid"),
        ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, "span space"),
        ({"ElementNumberOfChannels": "0"}, "at least one channel"),
        ({"DistanceUnits": "inch"}, "unit of length"),
        ({"CompressedData": "True"}, "compressed voxels are damaged"),
    ],
)
def test_a_header_that_cannot_be_is_refused_by_name(tmp_path, other, told):
    path = metaimage(tmp_path / "a.mha", **other)
    with pytest.raises(VolumeError, match=told) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_header_without_end_is_refused(tmp_path):
    (tmp_path / "a.mha").write_bytes(b"ObjectType = Image\nNDims = 3\n")
    with pytest.raises(VolumeError, match="does not end"):
        read(tmp_path / "a.mha")
    (tmp_path / "b.mha").write_bytes(b"A = 1\n" * 100_000)
    with pytest.raises(VolumeError, match="does not end"):
        read(tmp_path / "b.mha")
