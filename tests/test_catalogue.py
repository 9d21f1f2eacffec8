"""Every odd series comes out right to 0.12 mm, or is refused with its code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
import pytest

import volume
from phantom import phantom

RIGHT_MM = 0.12
"""What a linearly resampled, rounded volume may be off by."""
PITCH = 2.5


@dataclass(frozen=True)
class Case:
    """A series with oddities, and what must be found in the volume that it becomes."""

    oddities: dict[str, Any]
    codes: frozenset[str] = frozenset()
    resampled: bool = False


def right(*codes: str, **oddities: Any) -> Case:
    """State that a series comes out right, with these findings."""
    return Case(oddities, frozenset(codes))


def uneven(*codes: str, **oddities: Any) -> Case:
    """State that a series is resampled, and right within its scanned box."""
    return Case(oddities, frozenset((*codes, "resampled")), resampled=True)


def mm(*steps: float) -> tuple[float, ...]:
    """Add up steps between slices."""
    return tuple(float(x) for x in np.cumsum([0.0, *steps]))


COMES_OUT_RIGHT = {
    # files
    "as a good scanner writes it": right(),
    "no extension": right(names="no-extension"),
    "Hangul names": right(names="hangul"),
    "nested folders": right(names="nested"),
    "shuffled names": right(names="shuffled"),
    "no preamble": right("no-preamble", preamble=False),
    "no file meta": right("no-preamble", preamble=False, meta=False, transfer_syntax="implicit"),
    "no file meta, explicit": right("no-preamble", preamble=False, meta=False),
    "wrong transfer syntax in the meta": right("meta-repaired", claimed_syntax="implicit"),
    # numbering says nothing
    "instance numbers shuffled": right(instance_numbers="shuffled"),
    "instance numbers constant": right(instance_numbers="constant"),
    "instance numbers absent": right(instance_numbers="absent"),
    "instance numbers reversed": right(instance_numbers="reversed"),
    "slice locations lie": right(slice_locations="false"),
    "acquisition numbers vary": right(acquisition_numbers="varying"),
    "a frame of reference a slice": right(
        "frame-of-reference-mixed", frames_of_reference="per-slice"
    ),
    "stacked against the normal": right(reverse=True),
    # orientations
    "prone": right(orientation="prone"),
    "sagittal": right(orientation="sagittal"),
    "coronal": right(orientation="coronal"),
    "oblique": right(orientation="oblique"),
    "oblique against the normal": right(orientation="oblique", reverse=True),
    "a stale tilt tag": right(tilt_tag=20.0),
    "cosines in five decimals": right(orientation="oblique", orientation_decimals=5),
    # spacing
    "spacing tag lies": right("spacing-tag-disagrees", spacing_tag=7.0),
    "spacing tag negative": right("spacing-tag-disagrees", spacing_tag=-2.5),
    "whole millimetres at 2 mm": right(
        decimals=0, spacing=(0.8, 0.7, 2.0), origin=(-31.0, 17.0, -12.0)
    ),
    "one slice": right("single-slice", size=(24, 20, 1)),
    "two slices": right(size=(24, 20, 2)),
    # values
    "a slope a slice": right("rescale-varies", rescale="varies"),
    "PET": right("rescale-varies", modality="PT"),
    "MR": right(modality="MR"),
    "unsigned": right(signed=False, intercept=-1024.0),
    "MONOCHROME1": right("monochrome1", photometric="MONOCHROME1"),
    "padding": right("padding-replaced", padding=-2000),
    "rubbish above the stored bits": right(
        "high-bits-masked", modality="MR", bits_stored=12, high_bits=0xF000, gradient=(1, 2, 5)
    ),
    # several
    "the same file twice": right("duplicate-instance", duplicates=(3, 7)),
    "a slice under a new UID": right(
        "duplicate-identical", duplicates=(3,), duplicates_as="new-uid"
    ),
    "one UID for two slices": right(
        "duplicate-conflict", duplicates=(3,), duplicates_as="conflict"
    ),
    "a localizer inside": right("localizer", localizer=2),
    # multi-frame
    "enhanced CT": right(enhanced=True),
    "enhanced CT, frames shuffled": right(
        "frame-order-contradicts-position", enhanced=True, frames="shuffled"
    ),
    "enhanced CT, frames reversed": right(enhanced=True, frames="reversed"),
    "enhanced CT, a rescale a frame": right("rescale-varies", enhanced=True, rescale="varies"),
    "enhanced CT, no shared groups": right(enhanced=True, groups="per-frame"),
    "enhanced MR": right(enhanced=True, modality="MR"),
    # tilt and uneven spacing
    "tilt 20": uneven("gantry-tilt", tilt=20.0),
    "tilt -20": uneven("gantry-tilt", tilt=-20.0),
    "tilt 12.5 without the tag": uneven("gantry-tilt", tilt=12.5),
    "shear along rows": uneven("gantry-tilt", tilt_i=15.0),
    "shear along both": uneven("gantry-tilt", tilt=12.5, tilt_i=-9.0),
    "tilt, against the normal": uneven("gantry-tilt", tilt=20.0, reverse=True),
    "tilt, oblique": uneven("gantry-tilt", tilt=18.0, orientation="oblique"),
    "enhanced CT, tilted": uneven("gantry-tilt", tilt=15.0, enhanced=True),
    "2.5 mm, then 5 mm": uneven("variable-spacing", offsets_mm=mm(*[2.5] * 10, *[5] * 9)),
    "3 mm with one step of 4": uneven(
        "variable-spacing", offsets_mm=mm(*[3] * 9, 4, *[3] * 9)
    ),
    "three slices, unequal": uneven("irregular-spacing", size=(24, 20, 3), offsets_mm=mm(2, 3)),
    "drift of single slices": uneven("in-plane-shift", shifts={5: (1.2, -0.9), 11: (-1.0, 1.1)}),
    "tilted and uneven": uneven(
        "gantry-tilt", "variable-spacing", tilt=18.5, offsets_mm=mm(*[4] * 10, 1.08, *[7] * 8)
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", COMES_OUT_RIGHT.values(), ids=COMES_OUT_RIGHT)
def test_an_odd_series_comes_out_right(case: Case, tmp_path):
    truth = phantom(tmp_path, **case.oddities)
    made = volume.load(tmp_path)
    assert case.codes <= {finding.code for finding in made.findings}
    if case.resampled:
        assert _error_where_valid(truth, made) <= RIGHT_MM
        assert np.count_nonzero(made.valid) >= 0.8 * np.prod(truth.size)
    else:
        assert truth.error_mm(made.array, made.geometry.affine) <= RIGHT_MM
        assert made.array.shape == truth.size[::-1]
    assert truth.coverage(made.array.shape, made.geometry.affine) == pytest.approx(1.0)
    assert np.linalg.det(made.geometry.direction) == pytest.approx(1.0)


def _error_where_valid(truth, made) -> float:
    """Judge a resampled volume by every voxel that claims to have been scanned."""
    k, j, i = np.nonzero(made.valid)
    places = np.stack([i, j, k, np.ones_like(i)], axis=-1) @ made.geometry.affine.T
    wrong = np.abs(made.array[k, j, i] - truth.value_at(places[:, :3]))
    return float(wrong.max()) / truth.slope_per_mm


def rounded(pitch: float, decimals: int, slices: int = 400) -> Case:
    """State that many slices whose positions were rounded still fit one grid."""
    return Case(
        {
            "size": (8, 6, slices),
            "spacing": (0.8, 0.7, pitch),
            "decimals": decimals,
        }
    )


ROUNDED = {
    "0.625 mm, one decimal": rounded(0.625, 1),
    "1.25 mm, one decimal": rounded(1.25, 1),
    "0.625 mm, two decimals": rounded(0.625, 2),
    "0.7 mm, two decimals": rounded(0.7, 2),
}


@pytest.mark.parametrize("case", ROUNDED.values(), ids=ROUNDED)
def test_rounded_positions_move_no_slice_by_more_than_their_rounding(case: Case, tmp_path):
    truth = phantom(tmp_path, **case.oddities)
    made = volume.load(tmp_path)
    assert made.array.shape == truth.size[::-1]
    assert truth.error_mm(made.array, made.geometry.affine) <= RIGHT_MM
    assert made.geometry.spacing[2] == pytest.approx(case.oddities["spacing"][2], rel=1e-3)


REFUSED = {
    "one slice missing": ("missing-slices", {"drop": (7,)}),
    "several slices missing": ("missing-slices", {"drop": (4, 11, 12)}),
    "10 + 10 slices around a hole of 60 mm": (
        "missing-slices",
        {"offsets_mm": mm(*[1] * 9, 60, *[1] * 9), "gradient": (1, 2, 5)},
    ),
    "pairs 0.02 mm apart": (
        "not-a-stack",
        {"offsets_mm": tuple(x for n in range(10) for x in (2.5 * n, 2.5 * n + 0.02))},
    ),
    "phases that no tag tells apart": (
        "ambiguous-repeats",
        {"phases": 2, "phase_tag": "", "instance_numbers": "constant"},
    ),
    "enhanced CT, one frame missing": ("missing-slices", {"enhanced": True, "drop": (6,)}),
    "pixels of one slice cut short": ("pixels-truncated", {"truncate": (7,)}),
    "a slice shifted by 30 mm": ("in-plane-shift", {"shifts": {8: (30.0, 0.0)}}),
    "orientation wobbles": ("orientation-jitter", {"wobble": 0.004, "size": (200, 200, 12)}),
}  # fmt: skip


@pytest.mark.parametrize(("code", "oddities"), REFUSED.values(), ids=REFUSED)
def test_what_proves_no_grid_is_refused_with_its_code(code: str, oddities: dict, tmp_path):
    if oddities.get("size") == (200, 200, 12):
        oddities = {**oddities, "gradient": (0.5, 0.7, 2.0)}
    phantom(tmp_path, **oddities)
    with pytest.raises(volume.GridError) as refusal:
        volume.load(tmp_path)
    assert code in {finding.code for finding in refusal.value.findings}
    assert refusal.value.remedy


PHASED = {
    "phases": {"phase_tag": "TemporalPositionIdentifier"},
    "phases, interleaved": {"phase_order": "interleaved"},
    "echoes": {"phase_tag": "EchoTime", "modality": "MR"},
    "trigger times": {"phase_tag": "TriggerTime"},
    "b-values": {"phase_tag": "DiffusionBValue", "modality": "MR"},
    "acquisition numbers": {"phase_tag": "AcquisitionNumber"},
    "only blocks of instance numbers": {"phase_tag": ""},
    "enhanced, in one file": {"enhanced": True},
    "enhanced, in several files": {"enhanced": True, "phases_in": "files"},
}


@pytest.mark.parametrize("oddities", PHASED.values(), ids=PHASED)
def test_phases_come_apart_and_share_one_grid(oddities: dict, tmp_path):
    truth = phantom(tmp_path, phases=3, gradient=(1, 2, 5), **oddities)
    made = volume.load_all(tmp_path)
    assert len(made) == 3
    for phase, one in enumerate(made):
        assert one.axis is not None
        assert one.geometry.matches(made[0].geometry)
        assert truth.error_mm(one.array, one.geometry.affine, phase=phase) <= RIGHT_MM
    assert len({one.id for one in made}) == 3


def test_a_slice_without_the_rescale_of_the_others_is_refused(tmp_path):
    def forget(dataset, k, phase):
        if k == 5:
            del dataset.RescaleSlope
            del dataset.RescaleIntercept

    truth = phantom(tmp_path, edit=forget)
    with pytest.raises(volume.GridError, match="lack the rescale") as refusal:
        volume.load(tmp_path)
    assert refusal.value.files == (str(truth.paths[5]),)


UNTANGLED = {
    "two phases offset by half a pitch": {"phase_offset_mm": 1.25},
    "two phases offset by a third": {"phase_offset_mm": 0.8},
    "echoes offset by half a pitch": {
        "phase_offset_mm": 1.25,
        "phase_tag": "EchoTime",
        "modality": "MR",
    },
    "acquisitions at an offset": {"phase_offset_mm": 0.8, "phase_tag": "AcquisitionNumber"},
}


@pytest.mark.parametrize("phases", [2, 3])
@pytest.mark.parametrize("oddities", UNTANGLED.values(), ids=UNTANGLED)
def test_interleaved_acquisitions_come_apart(oddities: dict, phases: int, tmp_path):
    truth = phantom(tmp_path, phases=phases, gradient=(1, 2, 5), **oddities)
    made = volume.load_all(tmp_path)
    assert [one.array.shape for one in made] == [truth.size[::-1]] * phases
    for phase, one in enumerate(made):
        assert truth.error_mm(one.array, one.geometry.affine, phase=phase) <= RIGHT_MM


def test_odd_and_even_slices_of_two_passes_stay_one_volume(tmp_path):
    def passes(dataset, k, phase):
        dataset.AcquisitionNumber = 1 + k % 2
        dataset.AcquisitionTime = f"10{10 + k % 2}00"

    truth = phantom(tmp_path, modality="MR", edit=passes)
    made = volume.load(tmp_path)
    assert truth.error_mm(made.array, made.geometry.affine) <= RIGHT_MM


def test_a_film_of_one_place_is_no_volume(tmp_path):
    phantom(tmp_path, size=(24, 20, 1), phases=12, gradient=(1, 1, 1), phase_step=20)
    with pytest.raises(volume.GridError) as refusal:
        volume.load(tmp_path)
    assert [f.code for f in refusal.value.findings] == ["time-series-2d"]


@pytest.mark.parametrize(("gone", "said"), [((0, 1, 2), True), ((), False)])
def test_slices_missing_at_the_start_are_said_from_the_numbering(gone, said, tmp_path):
    phantom(tmp_path, drop=gone)
    made = volume.load(tmp_path)
    found = [f for f in made.findings if f.code == "missing-slices"]
    assert bool(found) is said
    assert all(f.severity == "info" and "before slice 1" in f.message for f in found)


def test_a_modality_lookup_table_gives_the_values(tmp_path):
    table = np.array([7, 70, 700, 7000], dtype="<u2")

    def look_up(dataset, k, phase):
        item = pydicom.Dataset()
        item.add_new("LUTDescriptor", "US", [4, 10, 16])
        item.add_new("LUTData", "OW", table.tobytes())
        item.ModalityLUTType = "US"
        dataset.ModalityLUTSequence = [item]
        for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType"):
            if keyword in dataset:
                del dataset[keyword]
        stored = np.arange(24 * 20, dtype="<i2").reshape(20, 24) % 16
        dataset.PixelData = stored.tobytes()

    phantom(tmp_path, size=(24, 20, 3), edit=look_up)
    made = volume.load(tmp_path)
    expected = {n: table[min(max(n - 10, 0), 3)] for n in range(16)}
    stored = np.arange(24 * 20).reshape(20, 24) % 16
    assert np.array_equal(made.array[1], np.vectorize(expected.get)(stored))


@pytest.mark.parametrize(("shift", "said"), [(0.0, True), (1.0, False)])
def test_a_slice_that_strayed_into_another_series_is_named(shift, said, tmp_path):
    def stray(dataset, k, phase):
        if k == 19:
            dataset.SeriesInstanceUID = "1.2.3.4"
            x, y, z = dataset.ImagePositionPatient
            dataset.ImagePositionPatient = [x, y, z + shift]

    truth = phantom(tmp_path, edit=stray)
    made = volume.load(tmp_path)
    assert made.array.shape[0] == 19
    found = [f for f in made.findings if f.code == "mergeable-series"]
    assert bool(found) is said
    assert all(f.files == (truth.paths[19].name,) for f in found)
