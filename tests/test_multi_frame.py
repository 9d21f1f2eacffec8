"""Frames that lie where their file says: by groups of many kinds, by offsets, or one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom import Dataset

import shared_data
import volume
from phantom import Phantom, phantom

MM = 0.12
CT, MR, PET = (f"1.2.840.10008.5.1.4.1.1.{n}" for n in ("2", "4", "128"))
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
XA_3D, CRANIOFACIAL, TOMOSYNTHESIS = (f"1.2.840.10008.5.1.4.1.1.13.1.{n}" for n in (1, 2, 3))
US_VOLUME = "1.2.840.10008.5.1.4.1.1.6.2"


def enhanced(folder: Path, change: Callable[[Dataset], None], **oddities) -> Phantom:
    """Write an enhanced phantom, one file, after a change to its data set."""
    usual = {"size": (12, 10, 8), "modality": "MR", "enhanced": True}
    edit = {"edit": lambda dataset, _k, _phase: change(dataset)}
    return phantom(folder, **{**usual, **edit, **oddities})


def refusal(folder: Path) -> tuple[str, str]:
    """Give the code and the words by which everything in a folder is refused."""
    found = volume.scan(folder)
    said = [*found.findings, *(f for stack in found.stacks for f in stack.refusals)]
    with pytest.raises(volume.VolumeError):
        volume.load(folder)
    return said[0].code, said[0].message


def found_in(made) -> dict[str, str]:
    return {finding.code: finding.message for finding in made.findings}


# Without functional groups


def bare(dataset: Dataset, sop_class: str = MR) -> None:
    """Place the first frame alone, as files without functional groups do."""
    first = dataset.PerFrameFunctionalGroupsSequence[0]
    shared = dataset.SharedFunctionalGroupsSequence[0]
    dataset.ImagePositionPatient = first.PlanePositionSequence[0].ImagePositionPatient
    dataset.ImageOrientationPatient = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    dataset.PixelSpacing = shared.PixelMeasuresSequence[0].PixelSpacing
    dataset.SpacingBetweenSlices = 2.5
    dataset.SliceThickness = 4.0
    del dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence
    dataset.SOPClassUID = sop_class


def bare_after(change: Callable[[Dataset], None]) -> Callable[[Dataset], None]:
    def both(dataset: Dataset) -> None:
        bare(dataset)
        change(dataset)

    return both


@pytest.mark.parametrize("orientation", ["axial", "sagittal", "coronal", "oblique"])
@pytest.mark.parametrize("sop_class", [CT, MR, PET, ENHANCED_MR])
def test_frames_are_assumed_to_follow_the_first_along_the_normal(sop_class, orientation, tmp_path):
    truth = enhanced(tmp_path / "s", lambda d: bare(d, sop_class), orientation=orientation)
    made = volume.load(tmp_path / "s")
    assert truth.error_mm(made.array, made.geometry.affine) < MM
    said = found_in(made)["spacing-assumed"]
    assert "only the first is placed" in said
    assert "2.5 mm from one to the next (Spacing Between Slices)" in said


def test_their_thickness_stands_in_where_no_spacing_is_given(tmp_path):
    def change(dataset):
        del dataset.SpacingBetweenSlices
        dataset.SliceThickness = 2.5

    truth = enhanced(tmp_path / "s", bare_after(change))
    made = volume.load(tmp_path / "s")
    assert truth.error_mm(made.array, made.geometry.affine) < MM
    assert "(Slice Thickness)" in found_in(made)["spacing-assumed"]


def test_offsets_that_are_given_are_used_and_nothing_is_assumed(tmp_path):
    def change(dataset):
        dataset.FrameIncrementPointer = 0x3004000C
        dataset.GridFrameOffsetVector = [2.5 * n for n in range(8)]
        dataset.SpacingBetweenSlices = 9.0

    truth = enhanced(tmp_path / "s", bare_after(change), orientation="oblique")
    made = volume.load(tmp_path / "s")
    assert truth.error_mm(made.array, made.geometry.affine) < MM
    assert "spacing-assumed" not in found_in(made)


def test_offsets_may_be_places_along_z_of_axial_frames(tmp_path):
    def change(dataset):
        z = dataset.ImagePositionPatient[2]
        dataset.GridFrameOffsetVector = [2.5 * n + z for n in range(8)]

    truth = enhanced(tmp_path / "s", bare_after(change))
    made = volume.load(tmp_path / "s")
    assert truth.error_mm(made.array, made.geometry.affine) < MM
    enhanced(tmp_path / "oblique", bare_after(change), orientation="oblique")
    assert "do not face along z" in refusal(tmp_path / "oblique")[1]


def test_offsets_that_begin_anywhere_else_are_refused_as_those_of_a_dose_are(tmp_path):
    def change(dataset):
        dataset.GridFrameOffsetVector = [2.5 * n + 77 for n in range(8)]

    enhanced(tmp_path / "s", bare_after(change))
    assert "neither 0 nor" in refusal(tmp_path / "s")[1]


def without(*keywords: str) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for keyword in keywords:
            del dataset[keyword]

    return bare_after(change)


def with_values(**values) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    return bare_after(change)


REFUSED = {
    "no position": (without("ImagePositionPatient"), "not-a-stack", "no Image Position"),
    "no orientation": (without("ImageOrientationPatient"), "not-a-stack", "no Image Orientation"),
    "no pixels": (without("PixelSpacing"), "not-a-stack", "no Pixel Spacing"),
    "no spacing": (
        without("SpacingBetweenSlices", "SliceThickness"),
        "not-a-stack",
        "neither Spacing Between Slices nor Slice Thickness",
    ),
    "negative": (with_values(SpacingBetweenSlices=-2.5), "not-a-stack", "is -2.5: no spacing"),
    "zero": (with_values(SpacingBetweenSlices=0), "not-a-stack", "is 0: no spacing"),
    "film": (
        with_values(FrameIncrementPointer=0x00181063, FrameTime=40),
        "time-series-2d",
        "8 frames that follow one another in time (Frame Time)",
    ),
    "film of odd times": (
        with_values(FrameIncrementPointer=0x00181065, FrameTimeVector=[0] + [40] * 7),
        "time-series-2d",
        "(Frame Time Vector)",
    ),
    "film without a pointer": (with_values(FrameTime=40), "time-series-2d", "(Frame Time)"),
    "gated": (
        with_values(FrameIncrementPointer=[0x00540080, 0x00540060]),
        "time-series-2d",
        "(RR Interval Vector)",
    ),
    "unheard of": (
        with_values(FrameIncrementPointer=0x00182005),
        "not-a-stack",
        "told apart by (0018,2005)",
    ),
    "too few offsets": (with_values(GridFrameOffsetVector=[0, 2.5]), "unreadable", "holds 2"),
    "one place": (with_values(GridFrameOffsetVector=[0] * 8), "unreadable", "neither up nor down"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_frames_that_nothing_places_are_refused_by_what_is_missing(name, tmp_path):
    change, code, words = REFUSED[name]
    enhanced(tmp_path / "s", change)
    found = refusal(tmp_path / "s")
    assert found[0] == code
    assert words in found[1]


def test_a_real_enhanced_mr_without_groups_is_refused_by_what_is_missing():
    found = volume.scan(shared_data.folder("enhanced_ct/emri_small.dcm"))
    (said,) = found.findings
    assert said.code == "not-a-stack"
    assert "10 frames without functional groups and no Image Position (Patient)" in said.message


def test_a_capture_of_many_frames_stays_a_capture(tmp_path):
    enhanced(tmp_path / "s", lambda d: bare(d, "1.2.840.10008.5.1.4.1.1.7.2"))
    assert refusal(tmp_path / "s")[0] == "secondary-capture"


# X-ray


@pytest.mark.parametrize(
    ("sop_class", "modality"), [(XA_3D, "XA"), (CRANIOFACIAL, "XA"), (TOMOSYNTHESIS, "MG")]
)
@pytest.mark.parametrize("frames", ["ordered", "shuffled"])
def test_x_ray_volumes_lie_where_their_frames_do_and_are_in_no_hounsfield_units(
    sop_class, modality, frames, tmp_path
):
    def change(dataset):
        dataset.SOPClassUID, dataset.Modality = sop_class, modality
        groups = dataset.SharedFunctionalGroupsSequence[0]
        groups.XRay3DFrameTypeSequence = groups.MRImageFrameTypeSequence
        del groups.MRImageFrameTypeSequence

    truth = enhanced(tmp_path / "s", change, frames=frames, orientation="coronal", padding=0)
    made = volume.load(tmp_path / "s")
    assert truth.error_mm(made.array, made.geometry.affine) < MM
    assert (made.modality, made.unit) == (modality, "")
    assert "padding-replaced" not in found_in(made)


def test_an_x_ray_volume_that_says_hounsfield_units_has_them_and_keeps_its_padding(tmp_path):
    def change(dataset):
        dataset.SOPClassUID, dataset.Modality = XA_3D, "XA"

    enhanced(tmp_path / "s", change, modality="CT", padding=-3000)
    made = volume.load(tmp_path / "s")
    assert (made.modality, made.unit) == ("XA", "HU")
    assert made.array.min() == -3000 - 1024  # only a CT's is known to mean air
    assert "padding-replaced" not in found_in(made)


def test_a_modality_that_is_left_empty_is_what_the_class_implies(tmp_path):
    for sop_class, modality in ((XA_3D, "XA"), (TOMOSYNTHESIS, "MG"), (US_VOLUME, "US")):

        def change(dataset, sop_class=sop_class):
            dataset.SOPClassUID, dataset.Modality = sop_class, ""

        enhanced(tmp_path / modality, change)
        assert volume.scan(tmp_path / modality).stacks[0].modality == modality


def test_tomosynthesis_without_a_place_is_refused_and_says_so(tmp_path):
    def change(dataset):
        dataset.SOPClassUID, dataset.Modality = TOMOSYNTHESIS, "MG"
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            del frame.PlanePositionSequence

    enhanced(tmp_path / "s", change)
    code, text = refusal(tmp_path / "s")
    assert code == "not-a-stack"
    assert "without Image Position (Patient)" in text


@pytest.mark.parametrize("last", [4, 5])
def test_a_breast_projection_stays_a_projection(last, tmp_path):
    def change(dataset):
        dataset.SOPClassUID = f"1.2.840.10008.5.1.4.1.1.13.1.{last}"

    enhanced(tmp_path / "s", change)
    assert refusal(tmp_path / "s")[0] == "projection-image"


# Ultrasound


def us_volume(dataset: Dataset) -> None:
    """Place frames in the volume's own frame of reference, as ultrasound does."""
    dataset.SOPClassUID, dataset.Modality = US_VOLUME, "US"
    dataset.VolumeFrameOfReferenceUID = "1.2.3.4"
    shared = dataset.SharedFunctionalGroupsSequence[0]
    turned = Dataset()
    turned.ImageOrientationVolume = [
        float(x) for x in shared.PlaneOrientationSequence[0].ImageOrientationPatient
    ]
    shared.PlaneOrientationVolumeSequence = [turned]
    del shared.PlaneOrientationSequence
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        moved = Dataset()
        moved.ImagePositionVolume = [
            float(x) for x in frame.PlanePositionSequence[0].ImagePositionPatient
        ]
        frame.PlanePositionVolumeSequence = [moved]
        del frame.PlanePositionSequence


def test_an_ultrasound_volume_lies_in_a_space_of_its_own_and_says_so(tmp_path):
    truth = enhanced(tmp_path / "s", us_volume, frames="shuffled", orientation="oblique")
    made = volume.load(tmp_path / "s")
    assert truth.error_mm(made.array, made.geometry.affine) < MM
    assert made.modality == "US"
    assert "its place in the patient is not known" in found_in(made)["spacing-assumed"]
    volume.export(made, tmp_path / "us.nii.gz")
    image = nibabel.load(tmp_path / "us.nii.gz")
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (1, 1)
    np.testing.assert_allclose(image.affine, np.diag([-1, -1, 1, 1]) @ truth.matrix, atol=1e-4)


def test_an_ultrasound_volume_that_knows_the_patient_is_placed_there(tmp_path):
    def change(dataset):
        dataset.SOPClassUID, dataset.Modality = US_VOLUME, "US"

    truth = enhanced(tmp_path / "s", change)
    made = volume.load(tmp_path / "s")
    assert truth.error_mm(made.array, made.geometry.affine) < MM
    assert "spacing-assumed" not in found_in(made)


def test_kinds_of_data_at_the_same_places_of_an_ultrasound_are_volumes_of_their_own(tmp_path):
    def change(dataset):
        us_volume(dataset)
        for n, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            kind = Dataset()
            kind.DataType = "TISSUE_INTENSITY" if n < 8 else "FLOW_VELOCITY"
            frame.ImageDataTypeSequence = [kind]

    truth = enhanced(tmp_path / "s", change, phases=2, phase_tag="")
    first, second = volume.load_all(tmp_path / "s")  # flow comes before tissue
    assert truth.error_mm(first.array, first.geometry.affine, phase=1) < MM
    assert truth.error_mm(second.array, second.geometry.affine, phase=0) < MM


# Stacks


def stacks(first: int, apart_mm: float = 0.0, aside_mm: float = 0.0) -> Callable[[Dataset], None]:
    """Give the frames from `first` on to a second stack, moved away from the first one."""

    def change(dataset: Dataset) -> None:
        for n, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            frame.FrameContentSequence[0].StackID = "1" if n < first else "2"
            if n >= first:
                place = frame.PlanePositionSequence[0]
                x, y, z = (float(c) for c in place.ImagePositionPatient)
                place.ImagePositionPatient = [x + aside_mm, y, z + apart_mm]

    return change


@pytest.mark.parametrize("moved", [{"apart_mm": 41.3}, {"apart_mm": 10.0}, {"aside_mm": 60.0}])
def test_parallel_stacks_of_one_file_are_volumes_of_their_own(moved, tmp_path):
    truth = enhanced(tmp_path / "s", stacks(5, **moved))
    low, high = sorted(
        volume.load_all(tmp_path / "s"), key=lambda v: tuple(v.geometry.origin[::-1])
    )
    assert [made.geometry.size[2] for made in (low, high)] == [5, 3]
    assert truth.error_mm(low.array, low.geometry.affine) < MM
    assert low.axis[0] == "StackID"


def test_frames_on_one_grid_stay_one_volume_whatever_their_stacks(tmp_path):
    truth = enhanced(tmp_path / "s", stacks(5))
    made = volume.load(tmp_path / "s")
    assert made.array.shape == (8, 10, 12)
    assert truth.error_mm(made.array, made.geometry.affine) < MM


def test_a_hole_in_one_stack_stays_a_hole(tmp_path):
    enhanced(tmp_path / "s", stacks(8), size=(12, 10, 12), drop=(5,))
    with pytest.raises(volume.GridError, match="missing"):
        volume.load(tmp_path / "s")


def test_pydicom_reads_the_same_pixels_of_every_frame(tmp_path):
    enhanced(tmp_path / "s", us_volume)
    (path,) = (tmp_path / "s").iterdir()
    theirs = pydicom.dcmread(path).pixel_array
    assert np.array_equal(volume.load(path).array, theirs)
