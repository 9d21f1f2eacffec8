"""Series as good scanners and anonymisers write them are neither refused nor torn apart."""

from __future__ import annotations

import json

import numpy as np
import pydicom
import pytest

import shared_data
import volume
from phantom import phantom

SMALL = {"size": (12, 10, 12)}


def every(change):
    """Change every data set, given the slice's k and the phase."""

    def edit(dataset: pydicom.Dataset, k: int, phase: int) -> None:
        change(dataset, k, phase)

    return edit


def load_one(folder, truth) -> volume.Volume:
    made = volume.load(folder)
    assert made.array.shape == truth.size[::-1]
    assert truth.error_mm(made.array, made.geometry.affine) <= 0.12
    return made


def exposures(dataset, k, phase):
    dataset.AcquisitionNumber = 1 + k // 2
    dataset.Exposure = 100 + k
    dataset.ContentTime = f"1010{k:02d}"


def odd_and_even(dataset, k, phase):
    dataset.EchoTime = 80.0 + 0.001 * (k % 2)
    dataset.AcquisitionNumber = 1 + k % 2


def some_frames_of_reference(dataset, k, phase):
    if k in (3, 7):
        dataset.FrameOfReferenceUID = ""


def some_patients(dataset, k, phase):
    if k % 4:
        dataset.PatientID = dataset.PatientName = ""


def spelled_names(dataset, k, phase):
    dataset.PatientName = "A^B" if k % 2 else "A^B^^^"


def some_rescales(dataset, k, phase):
    if k % 2:
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0


GOOD = {
    "exposure and acquisition vary": {"edit": every(exposures)},
    "passes of an MR": {"edit": every(odd_and_even), "modality": "MR"},
    "a frame of reference absent here and there": {"edit": every(some_frames_of_reference)},
    "a patient absent here and there": {"edit": every(some_patients)},
    "a name spelled twice": {"edit": every(spelled_names)},
    "a rescale of one and nothing here and there": {
        "edit": every(some_rescales),
        "modality": "MR",
    },
    "positions from float32": {"float32": True, "decimals": 4, "orientation": "oblique"},
}


@pytest.mark.parametrize("oddities", GOOD.values(), ids=GOOD)
def test_a_good_series_is_one_volume(oddities, tmp_path):
    load_one(tmp_path, phantom(tmp_path, **SMALL, **oddities))


@pytest.mark.parametrize("decimals", [3, 4, 5, 6])
def test_cosines_may_be_written_with_few_decimals(decimals, tmp_path):
    truth = phantom(
        tmp_path, size=(128, 96, 5), orientation="oblique", orientation_decimals=decimals
    )
    made = volume.load(tmp_path)
    assert made.array.shape == truth.size[::-1]
    found = {f.code: f for f in made.findings}
    if decimals == 3:
        assert found["orientation-jitter"].evidence["corner_mm"] > 0


def test_a_copy_among_anonymised_slices_does_not_tear_them_apart(tmp_path):
    truth = phantom(tmp_path, **SMALL, frames_of_reference="per-slice", duplicates=(4,))
    load_one(tmp_path, truth)


def test_a_copy_under_another_uid_and_number_is_found(tmp_path):
    truth = phantom(tmp_path, **SMALL)
    copy = pydicom.dcmread(truth.paths[5])
    copy.SOPInstanceUID = copy.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    copy.InstanceNumber = 99
    copy.save_as(tmp_path / "copy.dcm")
    assert "duplicate-identical" in {f.code for f in load_one(tmp_path, truth).findings}


@pytest.mark.parametrize("drop", [(1, 0), (1, 5), (2, 11)])
def test_blocks_of_numbers_tell_phases_apart_though_one_slice_is_missing(drop, tmp_path):
    phantom(tmp_path, **SMALL, phases=3, phase_tag="", drop=(drop,), gradient=(1, 2, 5))
    found = volume.scan(tmp_path).stacks
    assert sorted(len(stack.slices) for stack in found) == [11, 12, 12]
    assert [bool(stack.refusals) for stack in found] == [phase == drop[0] for phase in range(3)]


def test_phases_that_differ_in_date_and_time_alone_come_apart(tmp_path):
    def timed(dataset, k, phase):
        dataset.AcquisitionDateTime = f"202601011010{phase:02d}"
        dataset.InstanceNumber = 1

    truth = phantom(tmp_path, **SMALL, phases=3, phase_tag="", edit=timed, gradient=(1, 2, 5))
    for phase, made in enumerate(volume.load_all(tmp_path)):
        assert truth.error_mm(made.array, made.geometry.affine, phase=phase) <= 0.12
        assert made.axis == ("AcquisitionDateTime", phase + 1)


def test_trigger_times_that_differ_from_place_to_place_are_named_by_their_mean(tmp_path):
    def timed(dataset, k, phase):
        dataset.TriggerTime = 100 * phase + k

    phantom(tmp_path, **SMALL, phases=3, phase_tag="TriggerTime", edit=timed, gradient=(1, 2, 5))
    assert [made.axis for made in volume.load_all(tmp_path)] == [
        ("TriggerTime", pytest.approx(100 * phase + 5.5)) for phase in range(3)
    ]


def test_two_ranges_that_share_one_place_are_two_volumes(tmp_path):
    def ranges(dataset, k, phase):
        dataset.AcquisitionNumber = 1 + phase

    phantom(
        tmp_path, size=(12, 10, 12), phases=2, phase_tag="AcquisitionNumber",
        phase_offset_mm=11 * 2.5, gradient=(1, 1, 2),
    )  # fmt: skip
    made = volume.load_all(tmp_path)
    assert [one.array.shape[0] for one in made] == [12, 12]


@pytest.mark.parametrize(
    "offsets",
    [
        [*(2.5 * k for k in range(20) if k != 7), *(50 + 5.0 * k for k in range(1, 10))],
        [0, 5, 15],
        [0, 3, 9],
    ],
)
def test_a_hole_on_a_coarse_grid_is_a_hole(offsets, tmp_path):
    size = (12, 10, len(offsets))
    phantom(tmp_path, size=size, offsets_mm=tuple(offsets), origin=(0, 0, 0), gradient=(1, 2, 5))
    with pytest.raises(volume.GridError, match="missing") as refusal:
        volume.load(tmp_path)
    assert " 0 slices" not in str(refusal.value)


@pytest.mark.parametrize(
    ("oddities", "options"),
    [
        ({"drop": (10,), "size": (12, 10, 24)}, {"gaps": "fill"}),
        ({"offsets_mm": tuple(np.cumsum([0, *[2.5] * 8, *[5.0] * 8])), "size": (12, 10, 17)}, {}),
        ({"tilt": 15.0}, {}),
    ],
)
def test_the_slice_table_says_where_each_slice_stands(oddities, options, tmp_path):
    phantom(tmp_path / "series", **oddities)
    made = volume.load(tmp_path / "series", **options)
    volume.export(made, tmp_path / "a.nii.gz")
    table = json.loads((tmp_path / "a.json").read_text())["report"]["slices"]
    for row in table:
        along = made.geometry.direction[:, 2] @ (np.array(row["position"]) - made.geometry.origin)
        assert row["index"] == pytest.approx(along / made.geometry.spacing[2], abs=2e-3)


def test_a_real_time_series_survives_the_loss_of_one_file(tmp_path):
    source = shared_data.folder("mr_ge_4d_classic")
    for path in sorted(source.glob("*.dcm"))[1:]:
        (tmp_path / path.name).symlink_to(path)
    found = volume.scan(tmp_path).stacks
    assert sorted(len(stack.slices) for stack in found) == [14] + [15] * 9
    assert sum(bool(stack.refusals) for stack in found) == 1
