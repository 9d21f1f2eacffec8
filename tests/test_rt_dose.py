"""RT Dose: every plane where the standard puts it, every dose in its unit, or refused."""

from __future__ import annotations

import os

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

import volume
from vector_objects import ORIENTATIONS, ORIGIN, STEP, dose, error_mm, save


def codes(made) -> dict[str, volume.Finding]:
    return {finding.code: finding for finding in made.findings}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_dose_lies_where_its_offsets_say_along_the_normal(orientation, sign, tmp_path):
    save(dose(ORIENTATIONS[orientation], [sign * d for d in (0, 2.5, 5, 7.5, 10)]), tmp_path / "d")
    made = volume.load(tmp_path)
    assert made.array.shape == (5, 7, 9)
    assert error_mm(made.array, made.geometry) < 0.01
    assert (made.unit, made.modality, made.array.dtype) == ("Gy", "RTDOSE", np.float32)


@pytest.mark.parametrize("orientation", ["axial", "prone"])
def test_offsets_that_begin_with_z_are_z_coordinates(orientation, tmp_path):
    offsets = [0, 2.5, 5, 7.5, 10]
    written = [ORIGIN[2] + d for d in offsets]
    save(dose(ORIENTATIONS[orientation], offsets, written=written), tmp_path / "d")
    made = volume.load(tmp_path)
    assert error_mm(made.array, made.geometry) < 0.01
    assert ("spacing-assumed" in codes(made)) == (orientation == "prone")


def test_z_coordinates_may_go_down(tmp_path):
    written = [ORIGIN[2] - d for d in (0, 3, 6, 9)]
    save(dose(offsets=[0, -3, -6, -9], written=written), tmp_path / "d")
    assert error_mm((made := volume.load(tmp_path)).array, made.geometry) < 0.01


def test_a_first_plane_at_z_0_means_the_same_both_ways(tmp_path):
    save(dose(origin=(-20, 31, 0)), tmp_path / "d")
    assert error_mm((made := volume.load(tmp_path)).array, made.geometry) < 0.01


CONTRADICTIONS = {
    "neither 0 nor its z": ({"written": [4, 6.5, 9, 11.5, 14, 16.5]}, "neither 0 nor 12.5"),
    "z of planes that look down": (
        {
            "orientation": ORIENTATIONS["feet first"],
            "written": [ORIGIN[2] + d for d in (0, 2.5, 5, 7.5, 10, 12.5)],
        },
        "do not face along z",
    ),
    "z of sagittal planes": (
        {
            "orientation": ORIENTATIONS["sagittal"],
            "written": [ORIGIN[2] + d for d in (0, 2.5, 5, 7.5, 10, 12.5)],
        },
        "do not face along z",
    ),
    "up and down": ({"written": [0, 2.5, 5, 4, 10, 12.5]}, "neither up nor down"),
    "twice": ({"written": [0, 2.5, 2.5, 5, 7.5, 10]}, "neither up nor down"),
    "too few": ({"written": [0, 2.5, 5]}, "3 numbers instead of 6"),
}


@pytest.mark.parametrize(("oddities", "why"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_offsets_that_contradict_the_place_are_refused(oddities, why, tmp_path):
    save(dose(**oddities), tmp_path / "d")
    with pytest.raises(volume.NotDicomError, match=why):
        volume.load(tmp_path)


def test_several_planes_without_offsets_are_refused(tmp_path):
    dataset = dose()
    del dataset.GridFrameOffsetVector
    save(dataset, tmp_path / "d")
    with pytest.raises(volume.NotDicomError, match="Grid Frame Offset Vector"):
        volume.load(tmp_path)


@pytest.mark.parametrize("scaling", [None, 0, -0.001, 1e-300])
def test_stored_values_without_a_scaling_are_no_dose(scaling, tmp_path):
    dataset = dose()
    dataset.DoseGridScaling = scaling
    save(dataset, tmp_path / "d")
    with pytest.raises(volume.NotDicomError, match="Dose Grid Scaling"):
        volume.load(tmp_path)


def test_a_rescale_is_no_part_of_a_dose(tmp_path):
    dataset = dose()
    dataset.RescaleSlope, dataset.RescaleIntercept = 7, 5
    save(dataset, tmp_path / "d")
    assert error_mm((made := volume.load(tmp_path)).array, made.geometry) < 0.01


def test_32_bits_become_float32_and_that_is_said(tmp_path):
    path = save(dose(bits=32, step=2.0**-18), tmp_path / "d")
    made = volume.load(tmp_path)
    read = pydicom.dcmread(path)
    by_hand = read.pixel_array.astype(np.float64) * float(read.DoseGridScaling)
    assert by_hand.max() / float(read.DoseGridScaling) > 2**28
    np.testing.assert_allclose(made.array, by_hand, rtol=2.0**-24)
    assert "rounded" in codes(made)["dtype-promoted"].message


def test_uneven_planes_are_resampled_onto_even_ones(tmp_path):
    save(dose(offsets=[0, 2.5, 5, 7.5, 10, 15, 20, 25, 30]), tmp_path / "d")
    made = volume.load(tmp_path)
    assert "variable-spacing" in codes(made)
    assert error_mm(made.array, made.geometry) < 0.01


WRITTEN = {"relative": None, "z": [ORIGIN[2] + d for d in (0, 2.5, 5, 7.5, 10, 12.5)]}


@pytest.mark.parametrize(
    ("orientation", "sign", "written"),
    [*((name, sign, "relative") for name in ORIENTATIONS for sign in (1, -1)), ("axial", 1, "z")],
)
def test_simpleitk_finds_every_dose_in_the_same_place(orientation, sign, written, tmp_path):
    offsets = [sign * d for d in (0, 2.5, 5, 7.5, 10, 12.5)]
    dataset = dose(ORIENTATIONS[orientation], offsets, written=WRITTEN[written])
    path = save(dataset, tmp_path / "d.dcm")
    made, theirs = volume.load(tmp_path), sitk.ReadImage(path)
    for ijk in ((0, 0, 0), (8, 6, 5), (3, 2, 1), (7, 1, 4)):
        place = theirs.TransformIndexToPhysicalPoint(ijk)
        i, j, k = np.rint(made.geometry.to_index(place)).astype(int)
        assert made.geometry.to_world([i, j, k]) == pytest.approx(np.array(place), abs=1e-4)
        assert made.array[k, j, i] == pytest.approx(theirs[ijk] * STEP)  # it leaves them as stored


def test_doses_on_one_grid_are_volumes_of_their_own(tmp_path):
    for n, summation in enumerate(("PLAN", "BEAM", "BEAM")):
        dataset = dose(name=f"dose {n}", more=100.0 * n)
        dataset.DoseSummationType, dataset.InstanceNumber = summation, n + 1
        save(dataset, tmp_path / f"{9 - n}")
    with pytest.raises(volume.SeriesChoiceError, match="3 volumes"):
        volume.load(tmp_path)
    made = volume.load_all(tmp_path)
    for n, one in enumerate(made):
        assert error_mm(one.array - 100.0 * n, one.geometry) < 0.01
        assert one.report["dose"]["summation_type"] == ("PLAN", "BEAM", "BEAM")[n]
    messages = [finding.message for finding in made[1].findings]
    assert "this dose is PHYSICAL, BEAM, GY" in messages


def test_doses_that_follow_one_another_are_not_joined(tmp_path):
    save(dose(name="low", offsets=[0, 2.5, 5, 7.5]), tmp_path / "low")
    save(dose(name="high", offsets=[10, 12.5, 15, 17.5], written=[0, 2.5, 5, 7.5]), tmp_path / "h")
    assert [one.array.shape[0] for one in volume.load_all(tmp_path)] == [4, 4]


def planes(folder, summation="PLAN", more=0.0):
    """Write a dose as some do: one plane a file, no offsets."""
    for n in range(5):
        origin = (ORIGIN[0], ORIGIN[1], ORIGIN[2] + 3 * n)
        dataset = dose(offsets=[0], origin=origin, name=f"{summation} {n}", more=more)
        dataset.DoseSummationType = summation
        del dataset.GridFrameOffsetVector, dataset.FrameIncrementPointer
        save(dataset, folder / f"{summation}{n}")


def test_the_same_dose_twice_is_used_once(tmp_path):
    for name in ("a", "b"):
        save(dose(), tmp_path / name)
    made = volume.load(tmp_path)
    assert "duplicate-instance" in codes(made)
    assert error_mm(made.array, made.geometry) < 0.01


def test_single_planes_of_a_series_are_one_volume(tmp_path):
    planes(tmp_path)
    made = volume.load(tmp_path)
    assert made.array.shape[0] == 5
    assert error_mm(made.array, made.geometry) < 0.01


def test_single_planes_of_two_doses_come_apart(tmp_path):
    planes(tmp_path)
    planes(tmp_path, "BEAM", more=400.0)
    beam, plan = volume.load_all(tmp_path)
    assert beam.axis == ("DoseSummationType", "BEAM")
    assert error_mm(plan.array, plan.geometry) < 0.01
    assert error_mm(beam.array - 400, beam.geometry) < 0.01


def test_an_error_dose_may_be_negative(tmp_path):
    dataset = dose()
    dataset.DoseType, dataset.PixelRepresentation = "ERROR", 1
    signed = np.frombuffer(dataset.PixelData, "<u2").astype("<i4") - 30000
    dataset.PixelData = np.clip(signed, -32768, 32767).astype("<i2").tobytes()
    save(dataset, tmp_path / "d")
    made = volume.load(tmp_path)
    np.testing.assert_allclose(made.array.ravel(), signed * STEP, rtol=1e-6)
    assert made.report["dose"] == {
        "type": "ERROR", "summation_type": "PLAN", "units": "GY", "grid_scaling": STEP
    }  # fmt: skip


def test_a_relative_dose_has_no_gray(tmp_path):
    dataset = dose()
    dataset.DoseUnits = "RELATIVE"
    save(dataset, tmp_path / "d")
    assert volume.load(tmp_path).unit == "RELATIVE"


def test_free_text_in_the_place_of_a_term_is_not_written(tmp_path):
    dataset = dose()
    dataset.DoseType = dataset.DoseSummationType = "HONG GILDONG"
    save(dataset, tmp_path / "d")
    made = volume.load(tmp_path)
    assert "HONG" not in str(made.report) + str(made.findings)


def test_a_dose_of_histograms_alone_holds_no_image(tmp_path):
    dataset = dose()
    for keyword in ("PixelData", "Rows", "Columns", "NumberOfFrames", "GridFrameOffsetVector"):
        delattr(dataset, keyword)
    save(dataset, tmp_path / "dvh")
    found = volume.scan(tmp_path)
    assert [f.code for f in found.findings] == ["non-image"]
    assert "no pixel data" in found.findings[0].message


def test_a_dose_without_a_place_is_refused(tmp_path):
    dataset = dose()
    del dataset.ImagePositionPatient
    save(dataset, tmp_path / "d")
    with pytest.raises(volume.GridError, match="Image Position"):
        volume.load(tmp_path)


def test_a_file_is_named_once_however_many_planes_it_has(tmp_path):
    dataset = dose()
    del dataset.PixelSpacing
    save(dataset, tmp_path / "d")
    with pytest.raises(volume.GridError, match="6 slices without Pixel Spacing") as refusal:
        volume.load(tmp_path)
    assert len(refusal.value.files) == 1


def test_of_a_dose_that_is_cut_short_the_whole_planes_are_kept_on_request(tmp_path):
    path = save(dose(), tmp_path / "d")
    os.truncate(path, path.stat().st_size - 10)
    with pytest.raises(volume.VolumeError, match="slice 6 of 6: 10 bytes") as refusal:
        volume.load(tmp_path)
    assert "slice 5" not in str(refusal.value)
    made = volume.load(tmp_path, gaps="largest")
    assert made.array.shape[0] == 5
    assert error_mm(made.array, made.geometry) < 0.01
