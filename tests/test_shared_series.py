"""Real series: the same voxels in the same place as dcm2niix, and what must be refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import dcm2niix
import nibabel
import numpy as np
import pydicom
import pytest

import shared_data
import volume

AFFINE_MM = 1e-3
LIKE_DCM2NIIX = (
    "ct_chest_jpegll",
    "mr_t1_sag_hfs",
    "mr_xa30_t1_enhanced",
    "t1_lowres_ct_tagged",
    "ct_geometry_phantom/orientation",
    "ct_geometry_phantom/sphere",
    "mr_wrist_sloppy",
    "ct_rtstruct_lung",
)


def canonical(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a NIfTI file in the orientation closest to RAS, without our own code."""
    image = nibabel.as_closest_canonical(nibabel.load(path))
    return np.asanyarray(image.dataobj).astype(np.float64), image.affine


def by_dcm2niix(source: Path, folder: Path) -> Path:
    command = [dcm2niix.bin, "-z", "n", "-b", "n", "-f", "peer", "-o", folder, source]
    subprocess.run(command, check=True, capture_output=True)
    (made,) = folder.glob("peer*.nii")
    return made


@pytest.mark.parametrize("name", LIKE_DCM2NIIX)
def test_a_real_series_has_the_place_and_voxels_that_dcm2niix_gives_it(name: str, tmp_path):
    source = shared_data.folder(name)
    made = volume.load(source)
    volume.export(made, tmp_path / "ours.nii")
    ours, affine = canonical(tmp_path / "ours.nii")
    theirs, their_affine = canonical(by_dcm2niix(source, tmp_path))
    np.testing.assert_allclose(affine, their_affine, atol=AFFINE_MM)
    assert ours.shape == theirs.shape
    measured = theirs >= -1024  # dcm2niix leaves padding in the volume
    assert measured.mean() > 0.5
    assert np.array_equal(ours[measured], theirs[measured])


def test_the_bone_of_the_chest_lies_where_its_voxels_are():
    ct = volume.load(shared_data.folder("ct_chest_jpegll"))
    bone = volume.mesh(ct, level=200, smooth=False)
    ijk = ct.geometry.to_index(bone.points[:: len(bone.points) // 5000])
    low, high = np.floor(ijk).astype(int), np.ceil(ijk).astype(int)
    inside = (low >= 0).all(axis=1) & (high < np.array(ct.geometry.size)).all(axis=1)
    corners = np.stack(
        [
            ct.array[k, j, i]
            for k in (low[inside, 2], high[inside, 2])
            for j in (low[inside, 1], high[inside, 1])
            for i in (low[inside, 0], high[inside, 0])
        ]
    )
    assert inside.mean() > 0.9
    assert ((corners.min(axis=0) <= 200) & (corners.max(axis=0) >= 199)).all()


def test_the_tilted_head_is_found_tilted_and_uneven_and_comes_out_straight():
    folder = shared_data.folder("ct_head_tilt_ge")
    made = volume.load(folder)
    found = {finding.code: finding for finding in made.findings}
    assert found["gantry-tilt"].evidence["angle_deg"] == pytest.approx(18.5, abs=0.05)
    assert "variable-spacing" in found
    assert not made.geometry.is_sheared
    with pytest.raises(volume.GridError, match=r"18\.5"):
        volume.load(folder, geometry="strict")


def test_two_orientations_are_two_stacks_each_reachable_by_its_id():
    found = volume.scan(shared_data.folder("ct_mpr_two_orientations"))
    assert sorted(len(stack.slices) for stack in found.stacks) == [1, 19]
    for stack in found.stacks:
        made = volume.load(found.source, series=stack.id)
        assert made.id == stack.id
        assert made.array.shape[0] == len(stack.slices)


@pytest.mark.parametrize(
    ("name", "count", "slices"),
    [
        ("mr_ge_4d_classic", 10, 15),
        ("mr_xa30_bold_4d", 5, 33),
        ("mr_xa30_fieldmap_2echo", 2, 33),
    ],
)
def test_a_series_of_several_volumes_comes_apart(name: str, count: int, slices: int):
    made = volume.load_all(shared_data.folder(name))
    assert len(made) == count
    assert {one.array.shape[0] for one in made} == {slices}
    assert all(one.geometry.matches(made[0].geometry) for one in made)


@pytest.mark.parametrize("name", ["seg_on_pet", "charsets"])
def test_what_holds_no_volume_yet_says_why(name: str):
    with pytest.raises(volume.NotDicomError, match=r"\d+ file"):
        volume.load(shared_data.folder(name))


def test_every_file_of_every_folder_is_accounted_for():
    root = shared_data.folder(".")
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        found = volume.scan(folder)
        present = sum(path.is_file() for path in folder.rglob("*"))
        assert found.count() == present, folder.name
        assert all(record.reason for record in found.files if record.fate != "used"), folder.name


SOURCE_PIXELS = (
    "ct_chest_jpegll ct_head_tilt_ge ct_mpr_two_orientations ct_rtstruct_lung"
    " ct_geometry_phantom enhanced_ct mr_t1_sag_hfs mr_ge_4d_classic mr_xa30_t1_enhanced"
    " mr_xa30_bold_4d mr_xa30_fieldmap_2echo mr_wrist_sloppy t1_lowres_ct_tagged"
    " odd_mr_rgb_geometry mr_xa30_colour_fa seg_ct_liver pet_fragments rt_case dicomdirs"
).split()


def frame_of(dataset: pydicom.Dataset, frame: int) -> dict[str, np.ndarray]:
    """Give place, directions, spacing, rescale and stored pixels of a frame, by pydicom."""
    groups = [dataset]
    if "PerFrameFunctionalGroupsSequence" in dataset:
        shared = dataset.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()]
        groups = [shared[0], dataset.PerFrameFunctionalGroupsSequence[frame], dataset]
    every = [item for group in groups for item in (group, *nested(group))]

    def first(keyword: str, default: object) -> np.ndarray:
        found = next((item[keyword].value for item in every if keyword in item), default)
        return np.array(found, dtype=np.float64)

    several = int(dataset.get("NumberOfFrames") or 1) > 1
    stored = dataset.pixel_array[frame] if several else dataset.pixel_array
    return {
        "position": first("ImagePositionPatient", None),
        "directions": first("ImageOrientationPatient", None).reshape(2, 3),
        "spacing": first("PixelSpacing", None),
        "values": stored * first("RescaleSlope", 1) + first("RescaleIntercept", 0),
        "padding": stored == dataset.get("PixelPaddingValue", -99999),
    }


def nested(group: pydicom.Dataset) -> list[pydicom.Dataset]:
    return [item for element in group if element.VR == "SQ" for item in element.value[:1]]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SOURCE_PIXELS)
def test_source_pixels_are_found_again_at_their_own_place(name: str):
    draw = np.random.default_rng(11)
    checked = 0
    for stack in volume.scan(shared_data.folder(name)).stacks:
        if stack.refusals:
            continue
        made = volume.load(shared_data.folder(name), series=stack.id)
        resampled = "resampled" in {finding.code for finding in made.findings}
        ends = (stack.slices[0], stack.slices[-1])  # a resampled volume keeps these as they are
        for header in (*ends, *draw.choice(np.array(stack.slices, dtype=object), 4)):
            frame = frame_of(pydicom.dcmread(header.path), header.frame)
            rows, columns = frame["values"].shape[:2]
            row, column = draw.integers(1, rows - 1, 200), draw.integers(1, columns - 1, 200)
            mm = np.stack([column, row], axis=1) * frame["spacing"][::-1]
            places = frame["position"] + mm @ frame["directions"]
            kept = ~frame["padding"].reshape(rows, columns, -1).any(axis=2)[row, column]
            compare(made, places[kept], frame, row[kept], column[kept], resampled=resampled)
            checked += int(kept.sum())
    assert checked > 500


def compare(made, places, frame, row, column, *, resampled: bool) -> None:
    """Hold the volume at given places against source pixels: exactly, or between neighbours."""
    ijk = made.geometry.to_index(places)
    nearest = np.rint(ijk).astype(int)
    here = made.array[nearest[:, 2], nearest[:, 1], nearest[:, 0]]
    source = frame["values"][row, column]
    if not resampled:
        assert np.abs(nearest - ijk).max() < 0.02
        np.testing.assert_allclose(here, source, rtol=1e-6)
        return
    on_a_slice = np.abs(ijk[:, 2] - nearest[:, 2]) < 1e-3
    around = np.stack(
        [frame["values"][row + a, column + b] for a in (-1, 0, 1) for b in (-1, 0, 1)]
    )
    low, high = around.min(axis=0) - 1, around.max(axis=0) + 1
    inside = (np.maximum(low, -1024) <= here) & (here <= np.maximum(high, -1024))
    assert inside[on_a_slice].all()
