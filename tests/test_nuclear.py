"""Nuclear medicine: slices in the place that vector, spacing and detector give them."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

import volume
from vector_objects import ORIENTATIONS, ORIGIN, error_mm, normal, nuclear, places, save

SIX = (1, 2, 3, 4, 5, 6)


def codes(made) -> dict[str, volume.Finding]:
    return {finding.code: finding for finding in made.findings}


def only(folder) -> volume.Volume:
    made = volume.load(folder)
    assert error_mm(made.array, made.geometry) < 0.06  # whole counts
    return made


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("spacing", [2.5, -2.5])
def test_a_reconstruction_lies_as_the_sign_of_its_spacing_says(orientation, spacing, tmp_path):
    path = save(nuclear(ORIENTATIONS[orientation], spacing=spacing), tmp_path / "n")
    made = only(tmp_path)
    assert made.array.shape == (6, 7, 9)
    assert not {"spacing-tag-disagrees", "spacing-assumed"} & set(codes(made))
    assert made.geometry.direction[:, 2] == pytest.approx(normal(ORIENTATIONS[orientation]))
    stored = pydicom.dcmread(path).pixel_array  # an independent reading, frame by frame
    for frame in range(6):
        origin = np.array(ORIGIN) + frame * spacing * normal(ORIENTATIONS[orientation])
        ijk = np.rint(made.geometry.to_index(places(origin, ORIENTATIONS[orientation])))
        i, j, k = np.moveaxis(ijk.astype(int), -1, 0)
        assert np.array_equal(made.array[k, j, i], stored[frame])


def test_frames_may_be_stored_in_any_order(tmp_path):
    save(nuclear(slices=(1, 4, 2, 6, 3, 5)), tmp_path / "n")
    assert "frame-order-contradicts-position" in codes(only(tmp_path))


def test_a_stack_that_does_not_begin_with_slice_1_is_refused(tmp_path):
    save(nuclear(slices=(6, 5, 4, 3, 2, 1)), tmp_path / "n")
    with pytest.raises(volume.NotDicomError, match="first frame is slice 6"):
        volume.load(tmp_path)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("spacing", [2.5, -2.5])
def test_simpleitk_finds_every_voxel_in_the_same_place(orientation, spacing, tmp_path):
    path = save(nuclear(ORIENTATIONS[orientation], spacing=spacing), tmp_path / "n.dcm")
    made, theirs = only(tmp_path), sitk.ReadImage(path)
    array = sitk.GetArrayFromImage(theirs)
    for kji in ((0, 0, 0), (5, 6, 8), (1, 2, 3), (4, 1, 7)):
        place = theirs.TransformIndexToPhysicalPoint(kji[::-1])
        i, j, k = np.rint(made.geometry.to_index(place)).astype(int)
        assert made.geometry.to_world([i, j, k]) == pytest.approx(np.array(place), abs=1e-4)
        assert made.array[k, j, i] == array[kji]


@pytest.mark.parametrize(
    "kind", ["STATIC", "DYNAMIC", "GATED", "WHOLE BODY", "TOMO", "GATED TOMO", "EMISSION"]
)
def test_a_projection_is_named_and_left_out(kind, tmp_path):
    dataset = nuclear(kind=kind)
    if kind == "EMISSION":
        del dataset.SliceVector
    save(dataset, tmp_path / "n")
    (finding,) = volume.scan(tmp_path).findings
    assert finding.code == "projection-image"
    assert (kind if kind != "EMISSION" else "no reconstruction") in finding.message


@pytest.mark.parametrize("kind", ["RECON TOMO", "RECON GATED TOMO", "RECON", "RECON_TOMO", "SA"])
def test_reconstructions_go_by_several_names(kind, tmp_path):
    save(nuclear(kind=kind), tmp_path / "n")
    only(tmp_path)


def test_gates_are_volumes_on_one_grid(tmp_path):
    vectors = {
        "RRIntervalVector": np.repeat((1, 1, 2, 2), 6).tolist(),
        "TimeSlotVector": np.repeat((1, 2, 1, 2), 6).tolist(),
    }
    raised = np.repeat((0, 300, 600, 900), 6)
    save(
        nuclear(slices=SIX * 4, kind="RECON GATED TOMO", vectors=vectors, raised=raised),
        tmp_path / "n",
    )
    made = volume.load_all(tmp_path)
    assert len(made) == 4
    for n, one in enumerate(made):
        assert error_mm(one.array - 300 * n, one.geometry) < 0.06
        assert one.axis == ("TimeSlotVector", n % 2 + 1)
        assert one.geometry.matches(made[0].geometry)


def test_energy_windows_are_volumes_on_one_grid(tmp_path):
    vectors = {"EnergyWindowVector": [1] * 6 + [2] * 6}
    save(nuclear(slices=SIX * 2, vectors=vectors, raised=[0] * 6 + [500] * 6), tmp_path / "n")
    low, high = volume.load_all(tmp_path)
    assert (low.id[-3:], high.axis) == ("_w1", ("EnergyWindowVector", 2))
    assert error_mm(high.array - 500, high.geometry) < 0.06


def test_reconstructions_that_share_a_series_are_not_joined(tmp_path):
    for n, name in enumerate(("rest", "stress")):
        dataset = nuclear(name=name, raised=[700 * n] * 6)
        dataset.InstanceNumber = n + 1
        save(dataset, tmp_path / f"{9 - n}")
    for n, one in enumerate(volume.load_all(tmp_path)):
        assert error_mm(one.array - 700 * n, one.geometry) < 0.06


def test_without_a_spacing_the_thickness_stands_in_and_that_is_said(tmp_path):
    dataset = nuclear()
    dataset.SpacingBetweenSlices = None
    save(dataset, tmp_path / "n")
    assert "Slice Thickness" in codes(only(tmp_path))["spacing-assumed"].message


def test_without_any_spacing_it_is_refused(tmp_path):
    dataset = nuclear()
    dataset.SpacingBetweenSlices = dataset.SliceThickness = None
    save(dataset, tmp_path / "n")
    with pytest.raises(volume.NotDicomError, match="Spacing Between Slices is missing"):
        volume.load(tmp_path)


def test_without_a_slice_vector_frames_are_taken_in_order_and_that_is_said(tmp_path):
    dataset = nuclear()
    del dataset.SliceVector
    save(dataset, tmp_path / "n")
    assert "order of frames" in codes(only(tmp_path))["spacing-assumed"].message


def test_gates_without_a_slice_vector_are_refused(tmp_path):
    dataset = nuclear(slices=SIX * 2, vectors={"TimeSlotVector": [1] * 6 + [2] * 6})
    del dataset.SliceVector
    save(dataset, tmp_path / "n")
    with pytest.raises(volume.NotDicomError, match="Slice Vector is missing"):
        volume.load(tmp_path)


def test_a_vector_that_orders_the_frames_has_one_number_a_frame(tmp_path):
    dataset = nuclear()
    dataset.SliceVector = [1, 2, 3]
    save(dataset, tmp_path / "n")
    with pytest.raises(volume.NotDicomError, match="numbers 3 frames of 6"):
        volume.load(tmp_path)


def test_a_place_at_the_top_of_the_file_counts_where_no_detector_has_one(tmp_path):
    dataset = nuclear(ORIENTATIONS["sagittal"], spacing=-2.5)
    (detector,) = dataset.DetectorInformationSequence
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient"):
        setattr(dataset, keyword, detector[keyword].value)
        delattr(detector, keyword)
    save(dataset, tmp_path / "n")
    only(tmp_path)


def test_a_place_that_is_nowhere_is_refused(tmp_path):
    dataset = nuclear()
    dataset.DetectorInformationSequence = []
    save(dataset, tmp_path / "n")
    with pytest.raises(volume.GridError, match="Image Position"):
        volume.load(tmp_path)


def test_detectors_that_disagree_are_said(tmp_path):
    dataset = nuclear()
    second = pydicom.Dataset()
    second.ImagePositionPatient = [0, 0, 0]
    second.ImageOrientationPatient = list(ORIENTATIONS["axial"])
    dataset.DetectorInformationSequence.append(second)
    save(dataset, tmp_path / "n")
    assert "several detectors" in codes(only(tmp_path))["spacing-assumed"].message


def test_a_detector_that_is_not_described_is_refused(tmp_path):
    save(nuclear(vectors={"DetectorVector": [2] * 6}), tmp_path / "n")
    with pytest.raises(volume.NotDicomError, match="detector 2; 1 are described"):
        volume.load(tmp_path)


def test_a_rescale_is_applied(tmp_path):
    dataset = nuclear()
    dataset.RescaleSlope, dataset.RescaleIntercept = "0.5", 10
    path = save(dataset, tmp_path / "n")
    made = volume.load(tmp_path)
    np.testing.assert_array_equal(made.array, pydicom.dcmread(path).pixel_array * 0.5 + 10)


def test_one_slice_a_file_goes_by_place(tmp_path):
    for n in range(5):
        dataset = nuclear(slices=(1,), name=f"slice {n}", spacing=3)
        place = [ORIGIN[0], ORIGIN[1], ORIGIN[2] + 3 * n]
        dataset.DetectorInformationSequence[0].ImagePositionPatient = place
        save(dataset, tmp_path / f"{n}")
    assert volume.load(tmp_path).array.shape[0] == 5
