"""NIfTI: what nibabel and SimpleITK read of ours, and what we read of theirs."""

from __future__ import annotations

import gzip
import io
import struct
from itertools import product
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

import volume.formats.deflate as deflate
from grids import SLOPES, noise, oblique, places, ramp
from volume.errors import GridError, VolumeError
from volume.formats import nifti
from volume.formats.files import export, members, read
from volume.formats.voxels import SLAB_BYTES
from volume.geometry import Geometry
from volume.progress import Silent
from volume.volume import Volume

GRIDS = {
    "straight": Geometry((9, 8, 7), np.zeros(3), np.array([0.7, 0.9, 2.5]), np.eye(3)),
    "oblique": oblique(),
    "left-handed": oblique(left_handed=True),
}
TYPES = "u1 i1 u2 i2 u4 i4 u8 i8 f4 f8".split()


@pytest.fixture(params=GRIDS, name="grid")
def fixture_grid(request) -> Geometry:
    return GRIDS[request.param]


def written(volume: Volume | tuple[Volume, ...], path: Path) -> Path:
    return export(volume, path, sidecar=False)[0]


def place_by_nibabel(path: Path) -> np.ndarray:
    """Give the (i, j, k, 3) places in LPS of a file's voxels, after nibabel."""
    image = nibabel.load(path)
    ijk = np.moveaxis(np.indices(image.shape[:3]), 0, -1)
    return nibabel.affines.apply_affine(image.affine, ijk) * (-1, -1, 1)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nibabel_finds_every_value_in_its_place(tmp_path, grid, suffix):
    path = written(ramp(grid), tmp_path / f"head{suffix}")
    found = place_by_nibabel(path) @ SLOPES
    np.testing.assert_allclose(nibabel.load(path).get_fdata(), found, atol=1e-3)


def test_simpleitk_finds_every_value_in_its_place(tmp_path, grid):
    image = sitk.ReadImage(str(written(ramp(grid), tmp_path / "head.nii.gz")))
    for ijk in product((0, 4, 8), (0, 7), (0, 3, 6)):
        place = np.array(image.TransformIndexToPhysicalPoint(ijk))
        assert image.GetPixel(*ijk) == pytest.approx(place @ SLOPES, abs=5e-3)


def test_sform_and_qform_agree_with_code_1(tmp_path, grid):
    header = nibabel.load(written(ramp(grid), tmp_path / "head.nii")).header
    sform, s_code = header.get_sform(coded=True)
    qform, q_code = header.get_qform(coded=True)
    assert (s_code, q_code) == (1, 1)
    np.testing.assert_allclose(sform, grid.ras_affine, atol=1e-4)
    np.testing.assert_allclose(qform, grid.ras_affine, atol=1e-4)


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1))
def test_the_quaternion_of_any_rotation_is_right(q):
    a, b, c, d = np.array(q) / np.linalg.norm(q)
    rotation = nibabel.quaternions.quat2mat([a, b, c, d])
    geometry = Geometry((2, 2, 2), np.zeros(3), np.ones(3), np.diag([-1, -1, 1]) @ rotation)
    header = np.zeros((), nifti.NIFTI_2)
    nifti._place(header, geometry)
    again = nibabel.quaternions.quat2mat(
        nibabel.quaternions.fillpositive(header["quatern"], w2_thresh=1e-12)
    )
    np.testing.assert_allclose(again * (1, 1, header["pixdim"][0]), rotation, atol=1e-5)


def test_the_header_says_millimetres_and_nothing_of_anyone(tmp_path):
    told = ramp(oblique(), modality="CT", unit="HU", id="ct_s004_3fa9c1")
    header = nibabel.load(written(told, tmp_path / "Kim.nii")).header
    assert header.get_xyzt_units() == ("mm", "unknown")
    assert header["pixdim"][4] == 1
    for text in ("descrip", "aux_file", "intent_name", "db_name", "data_type"):
        assert not bytes(header[text]).strip(b"\0")
    start = (tmp_path / "Kim.nii").read_bytes()[:352]
    assert struct.unpack("<f", start[108:112]) == (352.0,)
    assert struct.unpack("<ff", start[112:120]) == (1.0, 0.0)
    assert start[348:] == bytes(4)


@pytest.mark.parametrize("dtype", TYPES)
def test_every_type_of_voxel_keeps_its_type_and_values(tmp_path, dtype):
    volume = noise(oblique(), dtype)
    path = written(volume, tmp_path / "head.nii.gz")
    data = nibabel.load(path).dataobj
    assert data.get_unscaled().dtype == np.dtype(dtype)
    np.testing.assert_array_equal(np.asarray(data).T, volume.array)
    again = read(path)
    assert again.array.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(again.array, volume.array)
    assert again.geometry.matches(volume.geometry)
    assert again.findings == ()


@pytest.mark.parametrize(("dtype", "stored"), [("?", "u1"), ("f2", "f4"), (">i2", "<i2")])
def test_types_that_files_lack_are_widened(tmp_path, dtype, stored):
    volume = noise(oblique(), dtype)
    found = nibabel.load(written(volume, tmp_path / "head.nii")).dataobj
    assert found.get_unscaled().dtype == np.dtype(stored)
    np.testing.assert_array_equal(np.asarray(found).T, volume.array)


def test_a_type_that_no_file_holds_is_refused(tmp_path):
    with pytest.raises(VolumeError, match="complex64"):
        written(noise(oblique(), np.complex64), tmp_path / "head.nii")
    assert list(tmp_path.iterdir()) == []


def test_an_array_in_any_memory_order_is_written_alike(tmp_path):
    volume = noise(oblique())
    turned = Volume(np.asfortranarray(volume.array), volume.geometry)
    files = [
        written(one, tmp_path / f"{n}.nii").read_bytes() for n, one in enumerate((volume, turned))
    ]
    assert files[0] == files[1]


def test_a_shear_is_refused_with_two_ways_out(tmp_path):
    with pytest.raises(GridError) as caught:
        written(ramp(oblique(tilt=15)), tmp_path / "head.nii.gz")
    assert ".nrrd" in str(caught.value) and 'geometry="regular"' in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_colour_is_rgb24(tmp_path):
    grid = oblique()
    array = np.random.default_rng(0).integers(0, 255, (*grid.size[::-1], 3)).astype(np.uint8)
    path = written(Volume(array, grid), tmp_path / "head.nii.gz")
    image = nibabel.load(path)
    assert image.header["datatype"] == 128 and image.header["bitpix"] == 24
    red = np.asarray(image.dataobj)["R"].T
    np.testing.assert_array_equal(red, array[..., 0])
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), array)
    np.testing.assert_array_equal(read(path).array, array)


@pytest.mark.parametrize(("dtype", "channels"), [("u2", 3), ("u1", 4)])
def test_other_colour_is_refused(tmp_path, dtype, channels):
    grid = oblique()
    with pytest.raises(VolumeError, match="8 bits"):
        written(Volume(np.zeros((*grid.size[::-1], channels), dtype), grid), tmp_path / "a.nii")


def test_several_volumes_are_one_4d_file(tmp_path):
    phases = tuple(noise(oblique(), seed=seed) for seed in range(3))
    path = written(phases, tmp_path / "phases.nii.gz")
    image = nibabel.load(path)
    assert image.shape == (9, 8, 7, 3)
    for t, phase in enumerate(phases):
        np.testing.assert_array_equal(np.asarray(image.dataobj)[..., t].T, phase.array)
    image = sitk.ReadImage(str(path))
    assert image.GetSize() == (9, 8, 7, 3)
    with pytest.raises(VolumeError, match="3 volumes"):
        read(path)


def test_several_volumes_share_the_type_that_holds_all(tmp_path):
    phases = (noise(oblique(), "i2"), noise(oblique(), "f4"))
    assert nibabel.load(written(phases, tmp_path / "p.nii")).get_data_dtype() == np.float32


def test_an_axis_too_long_for_nifti_1_makes_nifti_2(tmp_path):
    grid = Geometry((40_000, 2, 1), np.ones(3), np.ones(3), oblique().direction)
    path = written(noise(grid), tmp_path / "long.nii.gz")
    image = nibabel.load(path)
    assert isinstance(image, nibabel.Nifti2Image)
    np.testing.assert_allclose(image.get_qform(), grid.ras_affine, atol=1e-9)
    np.testing.assert_allclose(image.affine, grid.ras_affine, atol=1e-9)
    assert read(path).geometry.matches(grid, 1e-6)


def test_gzip_holds_the_plain_file_without_time_or_name(tmp_path):
    volume = noise(oblique((200, 200, 120)))
    plain = written(volume, tmp_path / "head.nii").read_bytes()
    packed = written(volume, tmp_path / "head.nii.gz").read_bytes()
    assert gzip.decompress(packed) == plain
    assert packed[:10] == bytes((31, 139, 8, 0, 0, 0, 0, 0, 0, 255))


def test_the_bytes_do_not_depend_on_the_number_of_threads(tmp_path, monkeypatch):
    volume = noise(oblique((200, 200, 200)))
    assert volume.array.nbytes > 3 * SLAB_BYTES
    files = []
    for threads in (1, 2, 4):
        monkeypatch.setattr(deflate, "THREADS", threads)
        files.append(written(volume, tmp_path / f"{threads}.nii.gz").read_bytes())
    assert files[0] == files[1] == files[2]


def save(image: nibabel.Nifti1Image, path: Path) -> Path:
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("endianness", "<>")
@pytest.mark.parametrize("codes", [(1, 0), (0, 1), (2, 3)])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_files_of_nibabel_are_read_in_place(tmp_path, grid, kind, endianness, codes, suffix):
    volume = ramp(grid)
    header = kind.header_class(endianness=endianness)
    image = kind(volume.array.T, grid.ras_affine, header)
    image.set_sform(grid.ras_affine, codes[0])
    image.set_qform(grid.ras_affine, codes[1])
    again = read(save(image, tmp_path / f"head{suffix}"))
    np.testing.assert_array_equal(again.array, volume.array)
    assert again.array.dtype == np.float32 and again.array.flags.c_contiguous
    assert np.abs(again.geometry.to_world([8, 7, 6]) - places(grid)[6, 7, 8]).max() < 1e-4
    assert again.geometry.matches(grid, 1e-3)


def test_the_sform_goes_before_the_qform(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((2, 3, 4), np.int16), np.eye(4))
    image.set_sform(np.diag([2, 3, 4, 1]), 4)
    image.set_qform(np.diag([5, 6, 7, 1]), 1)
    assert read(save(image, tmp_path / "a.nii")).geometry.spacing.tolist() == [2, 3, 4]


@pytest.mark.parametrize("grid_name", GRIDS)
def test_a_qform_that_says_another_place_is_told_in_millimetres(tmp_path, grid_name):
    grid = GRIDS[grid_name]
    image = nibabel.Nifti1Image(noise(grid).array.T, grid.ras_affine)
    image.set_sform(grid.ras_affine, 1)
    other = grid.ras_affine.copy()
    other[:3, 3] += (3, -4, 0)
    image.set_qform(other, 1)
    again = read(save(image, tmp_path / "a.nii"))
    (finding,) = again.findings
    assert finding.code == "place-disagrees" and "5 mm apart" in finding.message
    assert finding.evidence["apart_mm"] == pytest.approx(5, abs=0.01)
    assert again.geometry.matches(grid, 1e-3)  # nibabel takes the sform too
    np.testing.assert_allclose(nibabel.load(tmp_path / "a.nii").affine, grid.ras_affine, atol=1e-4)


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1))
def test_the_rounding_of_a_qform_is_no_disagreement(tmp_path_factory, q):
    rotation = nibabel.quaternions.quat2mat(np.array(q) / np.linalg.norm(q))
    affine = np.eye(4)
    affine[:3, :3] = rotation * 0.7
    affine[:3, 3] = (-180, 160, -700)
    image = nibabel.Nifti1Image(np.zeros((512, 512, 2), np.uint8), affine)
    image.set_qform(affine, 1)
    image.set_sform(affine, 1)
    path = tmp_path_factory.mktemp("q") / "a.nii"
    assert members(save(image, path))[0].findings == ()


@pytest.mark.parametrize(("code", "told"), [(2304, "RGBA"), (32, "complex"), (1792, "complex")])
def test_types_that_are_not_read_are_refused_by_name(tmp_path, code, told):
    path = written(noise(oblique()), tmp_path / "a.nii")
    content = bytearray(path.read_bytes())
    content[70:72] = struct.pack("<h", code)
    path.write_bytes(content)
    with pytest.raises(VolumeError, match=told):
        read(path)


def test_a_field_of_displacements_is_refused_by_name(tmp_path):
    vectors = np.zeros((4, 5, 6, 1, 3), np.float32)
    image = nibabel.Nifti1Image(vectors, np.eye(4))
    image.header.set_intent("vector")
    with pytest.raises(VolumeError, match="vectors are not read"):
        read(save(image, tmp_path / "a.nii"))


@pytest.mark.parametrize(("unit", "factor"), [("meter", 1000), ("micron", 0.001), ("mm", 1)])
def test_other_units_of_length_become_millimetres(tmp_path, unit, factor):
    image = nibabel.Nifti1Image(np.zeros((2, 3, 4), np.int16), oblique().ras_affine)
    image.header.set_xyzt_units(unit)
    again = read(save(image, tmp_path / "a.nii")).geometry
    np.testing.assert_allclose(again.spacing, oblique().spacing * factor, rtol=1e-6)
    np.testing.assert_allclose(again.origin, oblique().origin * factor, rtol=1e-6)


def test_without_a_place_one_is_assumed_and_said(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((2, 3, 4), np.int16), None)
    image.header.set_zooms((0.5, 0.6, 0.7))
    again = read(save(image, tmp_path / "a.nii"))
    assert [finding.code for finding in again.findings] == ["spacing-assumed"]
    np.testing.assert_allclose(again.geometry.spacing, (0.5, 0.6, 0.7), rtol=1e-6)
    assert again.geometry.orientation == "RAS"


@pytest.mark.parametrize(
    ("dtype", "slope", "intercept", "becomes"),
    [
        ("u2", 1, -1024, "i2"),
        ("i2", 300, 5, "i4"),
        ("i2", 0.5, 0, "f4"),
        ("f4", 2, 1, "f4"),
        ("i4", 0, 7, "i4"),
    ],
)
def test_scaled_values_are_what_nibabel_reads(tmp_path, dtype, slope, intercept, becomes):
    image = nibabel.Nifti1Image(noise(oblique(), dtype).array.T, np.eye(4))
    path = save(image, tmp_path / "a.nii")
    scaled = bytearray(path.read_bytes())
    scaled[112:120] = struct.pack("<ff", slope, intercept)
    path.write_bytes(scaled)
    again = read(path).array
    assert again.dtype == np.dtype(becomes)
    np.testing.assert_allclose(again.T, nibabel.load(path).get_fdata(), rtol=1e-6)


def test_extensions_are_passed_over(tmp_path):
    image = nibabel.Nifti1Image(noise(oblique()).array.T, oblique().ras_affine)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"x" * 1000))
    np.testing.assert_array_equal(
        read(save(image, tmp_path / "a.nii.gz")).array, noise(oblique()).array
    )


def test_a_name_that_lies_about_compression_is_seen_through(tmp_path):
    volume = noise(oblique())
    path = written(volume, tmp_path / "a.nii.gz").rename(tmp_path / "b.nii")
    np.testing.assert_array_equal(read(path).array, volume.array)


@pytest.mark.parametrize(
    ("offset", "patch", "told"),
    [
        (0, struct.pack("<i", 349), "its header has another size"),
        (40, struct.pack("<8h", 3, 9, 8, -7, 1, 1, 1, 1), "no axis can have the sizes"),
        (
            40,
            struct.pack("<8h", 3, 32767, 32767, 32767, 1, 1, 1, 1),
            "promises 70,362,301,923,326 bytes",
        ),
        (40, struct.pack("<8h", 5, 9, 8, 7, 1, 3, 1, 1), "vectors and tensors"),
        (40, struct.pack("<8h", 9, 9, 8, 7, 1, 1, 1, 1), "1 to 7 axes"),
        (70, struct.pack("<h", 32), "type 32"),
        (108, struct.pack("<f", 1e9), "begin at byte"),
        (108, struct.pack("<f", float("nan")), "begin at byte"),
        (112, struct.pack("<f", float("inf")), "cannot be scaled"),
        (123, b"\x07", "unit of length"),
        (280, struct.pack("<f", float("nan")), "not made of numbers"),
        (280, bytes(48), "no grid"),
        (344, b"ni1\0", "in another file"),
        (344, b"abcd", "magic word"),
    ],
)
def test_a_header_that_cannot_be_is_refused_by_name(tmp_path, offset, patch, told):
    path = written(noise(oblique()), tmp_path / "a.nii")
    content = bytearray(path.read_bytes())
    content[offset : offset + len(patch)] = patch
    path.write_bytes(content)
    with pytest.raises(VolumeError, match=told) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_voxels_that_are_no_numbers_are_refused_and_counted(tmp_path, value):
    volume = ramp(oblique())
    volume.array[3, 2, 1] = value
    with pytest.raises(VolumeError, match="1 of 504 voxels"):
        read(written(volume, tmp_path / "a.nii"))


def test_progress_counts_slices(tmp_path):
    class Count(Silent):
        done = 0

        def update(self, n: int = 1) -> None:
            self.done += n

    writing, reading = Count(), Count()
    (path,) = export(noise(oblique()), tmp_path / "a.nii.gz", sidecar=False, progress=writing)
    read(path, progress=reading)
    assert (writing.total, writing.done) == (7, 7)
    assert (reading.total, reading.done) == (7, 7)


def test_a_stream_is_enough(tmp_path):
    stream = io.BytesIO()
    nifti.write(stream, (noise(oblique()),), Silent())
    assert nifti.header(stream).shape == (7, 8, 9)
