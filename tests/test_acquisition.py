"""The BIDS keys of the sidecar: against dcm2niix on real series, and in the axes of the file."""

from __future__ import annotations

import json
import re
import struct
import subprocess
from pathlib import Path

import dcm2niix
import nibabel
import numpy as np
import pytest
from pydicom import Dataset
from pydicom.tag import Tag

import shared_data
import volume
from mosaics import Mosaics, write_mosaics
from phantom import phantom
from weighted import WEIGHTS, siemens, weighted

SMALL = {"modality": "MR", "size": (10, 8, 6), "gradient": (1.5, 2.25, 3.75)}


def sidecar(what, output: Path) -> dict:
    return json.loads(volume.export(what, output)[-1].read_text(encoding="utf-8"))


def axes(path: Path) -> np.ndarray:
    """Give the unit directions of i, j and k in RAS, one a row."""
    affine = nibabel.load(path).affine[:3, :3]
    return (affine / np.linalg.norm(affine, axis=0)).T


def phase_direction(told: dict, path: Path) -> np.ndarray:
    letter = told["PhaseEncodingDirection"]
    return axes(path)["ijk".index(letter[0])] * (-1 if letter.endswith("-") else 1)


def times_by_place(told: dict, path: Path) -> dict[tuple[float, ...], float]:
    """Give the time of every slice by the place of its middle voxel, mm RAS."""
    image = nibabel.load(path)
    axis = "ijk".index(told.get("SliceEncodingDirection", "k"))
    middle = (np.array(image.shape[:3]) - 1) / 2
    found = {}
    for n, time in enumerate(told["SliceTiming"]):
        middle[axis] = n
        found[tuple(np.round(image.affine[:3] @ [*middle, 1], 1) + 0.0)] = time
    return found


@pytest.mark.parametrize("name", ["mr_ge_4d_classic", "mr_mosaic/axasc35", "mr_xa30_bold_4d"])
def test_time_points_are_as_far_apart_as_dcm2niix_says(name, tmp_path):
    folder = shared_data.folder(name)
    volumes = volume.load_all(folder)
    head = nibabel.load(volume.export(volumes, tmp_path / "v.nii")[0]).header
    (tmp_path / "peer").mkdir()
    command = [dcm2niix.bin, "-z", "n", "-f", "p", "-o", str(tmp_path / "peer"), str(folder)]
    subprocess.run(command, capture_output=True, check=True)
    peer = nibabel.load(tmp_path / "peer" / "p.nii").header
    assert head.get_zooms()[3] == pytest.approx(peer.get_zooms()[3])
    assert head.get_xyzt_units() == peer.get_xyzt_units() == ("mm", "sec")
    alone = nibabel.load(volume.export(volumes[0], tmp_path / "one.nii")[0]).header
    assert alone.get_xyzt_units() == ("mm", "unknown")


@pytest.mark.parametrize("odd", ["echoes", "3D"])
def test_what_is_no_series_of_times_has_none(odd, tmp_path):
    def change(dataset: Dataset, phase: int) -> None:
        if odd == "echoes":
            dataset.EchoTime = str(10 + 20 * phase)
        else:
            dataset.MRAcquisitionType = "3D"

    write_mosaics(tmp_path / "in", phases=3, change=change)
    path, *_ = volume.export(volume.load_all(tmp_path / "in"), tmp_path / "v.nii")
    head = nibabel.load(path).header
    assert (head.get_zooms()[3], head.get_xyzt_units()) == (1, ("mm", "unknown"))


REAL = [
    "mr_xa30_bold_4d",
    "mr_xa30_t1_enhanced",
    "mr_xa30_fieldmap_2echo",
    "mr_ge_4d_classic",
    "mr_t1_sag_hfs",
    *(f"mr_mosaic/{name}" for name in "AxAsc36mb2a AxInt36mb axasc35 corasc35 sagasc35".split()),
]
NUMBERS = """MagneticFieldStrength ImagingFrequency SliceThickness SpacingBetweenSlices EchoTime
    RepetitionTime InversionTime FlipAngle EchoTrainLength PixelBandwidth DwellTime
    EffectiveEchoSpacing TotalReadoutTime""".split()
WORDS = """Modality Manufacturer ManufacturersModelName SoftwareVersions MRAcquisitionType
    ScanningSequence SequenceVariant ScanOptions ParallelAcquisitionTechnique""".split()
DIFFERS = {
    "mr_xa30_fieldmap_2echo": {"EchoTime"},  # two echoes in one file of ours
    "mr_ge_4d_classic": {"SliceTiming"},  # dcm2niix reckons it from the order of slices
}
DERIVED = {"ScanningSequence", "SequenceVariant", "ScanOptions"}
"""What dcm2niix takes from private elements of Siemens XA."""


@pytest.mark.parametrize("name", REAL)
def test_a_real_series_has_the_keys_that_dcm2niix_gives_it(name, tmp_path):
    source = shared_data.folder(name)
    command = [dcm2niix.bin, "-b", "y", "-z", "n", "-f", "peer", "-o", tmp_path, source]
    subprocess.run(command, capture_output=True, check=False)
    peer_path = min(tmp_path.glob("peer*.nii"))
    peer = json.loads(peer_path.with_suffix(".json").read_text(encoding="utf-8"))
    (path, *_, document) = volume.export(volume.load_all(source), tmp_path / "ours.nii")
    ours = json.loads(document.read_text(encoding="utf-8"))
    odd = DIFFERS.get(name, set())
    for key in set(NUMBERS) & set(peer) - odd:
        assert ours[key] == pytest.approx(peer[key], rel=2e-4), key
    for key in set(WORDS) & set(peer) - odd - (DERIVED if "xa30" in name else set()):
        assert ours[key] == peer[key], key
    assert ("PhaseEncodingDirection" in ours) == ("PhaseEncodingDirection" in peer)
    if "PhaseEncodingDirection" in peer:
        theirs = phase_direction(peer, peer_path)
        np.testing.assert_allclose(phase_direction(ours, path), theirs, atol=1e-3)
    assert ("SliceTiming" in ours) == ("SliceTiming" in peer) or "SliceTiming" in odd
    if "SliceTiming" in ours:
        told, theirs = times_by_place(ours, path), times_by_place(peer, peer_path)
        assert len(told) == len(theirs)
        for place, time in told.items():
            near = min(theirs, key=lambda other: np.linalg.norm(np.subtract(place, other)))
            assert np.linalg.norm(np.subtract(place, near)) < 0.3
            # dcm2niix keeps the time of day in 32 bits: 16 ms in the afternoon
            assert time == pytest.approx(theirs[near], abs=0.016)


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory):
    """Two time points of an oblique mosaic: slices 60 ms apart, phase along columns."""
    folder = tmp_path_factory.mktemp("mosaic")

    def change(dataset, _phase):
        dataset.InPlanePhaseEncodingDirection = "COL"
        block = dataset.private_block(0x0019, "SIEMENS MR HEADER")
        block.add_new(0x28, "FD", 25.0)

    order = (3, 0, 5, 1, 6, 2, 4)
    recipe = Mosaics(orientation="oblique", phases=2, order=order, change=change)
    return write_mosaics(folder, recipe), volume.load_all(folder)


@pytest.mark.parametrize("letters", ["", "RAS", "LPI", "SPR", "ASL"])
def test_times_and_phase_encoding_follow_the_axes_of_the_file(letters, mosaic, tmp_path):
    recipe, volumes = mosaic
    if letters:
        volumes = tuple(volume.reorient(one, letters) for one in volumes)
    told = sidecar(volumes, tmp_path / "v.nii")
    column = recipe.axes[1] * (-1, -1, 1)
    np.testing.assert_allclose(phase_direction(told, tmp_path / "v.nii"), column, atol=1e-6)
    times = times_by_place(told, tmp_path / "v.nii")
    columns, rows, slices = recipe.size
    middles = recipe.place((columns - 1) / 2, (rows - 1) / 2, np.arange(slices)) * (-1, -1, 1)
    for k, middle in enumerate(middles):
        near = min(times, key=lambda place: np.linalg.norm(np.array(place) - middle))
        assert times[near] == pytest.approx(recipe.slice_time_ms(k) / 1000)
    assert told["EffectiveEchoSpacing"] == pytest.approx(1 / (25.0 * rows))
    assert told["TotalReadoutTime"] == pytest.approx((rows - 1) / (25.0 * rows))


@pytest.mark.parametrize(
    ("spacing", "keeps"),
    [((2.0, 1.5, 4.0), {"TotalReadoutTime"}), ((2.0, 3.0, 3.0), {"SliceTiming"}), (2.5, set())],
)
def test_what_is_resampled_away_is_told_no_more(spacing, keeps, mosaic, tmp_path):
    _, volumes = mosaic
    told = sidecar([volume.resample(one, spacing) for one in volumes], tmp_path / "v.nii")
    assert {"TotalReadoutTime", "SliceTiming"} & set(told) == keeps
    assert "PhaseEncodingDirection" in told
    assert told["RepetitionTime"] == 2.0


def test_on_a_turned_grid_no_axis_is_that_of_phase(mosaic, tmp_path):
    _, volumes = mosaic
    straight = volume.Geometry((8, 8, 8), volumes[0].geometry.origin, (2, 2, 2), np.eye(3))
    told = sidecar(volume.resample(volumes[0], like=straight), tmp_path / "v.nii")
    assert not {key for key in told if key.startswith(("Phase", "Slice"))} - {"SliceThickness"}


def test_what_differs_between_volumes_is_not_told_of_the_file(tmp_path):
    phantom(tmp_path / "s", phases=2, phase_tag="EchoTime", **SMALL)
    told = sidecar(volume.load_all(tmp_path / "s"), tmp_path / "v.nii")
    assert "EchoTime" not in told
    assert told["Modality"] == "MR"
    echoes = [one.report["acquisition"]["EchoTime"] for one in volume.load_all(tmp_path / "s")]
    assert echoes == [0.00246, 0.00492]


def test_slices_of_siemens_are_timed_by_their_clock_also_over_midnight(tmp_path):
    def edit(dataset, k, _phase):
        dataset.Manufacturer, dataset.MRAcquisitionType = "SIEMENS", "2D"
        dataset.RepetitionTime = "2000"
        dataset.AcquisitionTime = ("235959.500000", "235959.900000", "000000.300000")[k % 3]

    phantom(tmp_path / "s", edit=edit, **{**SMALL, "size": (10, 8, 3)})
    told = sidecar(volume.load(tmp_path / "s"), tmp_path / "v.nii")
    assert told["SliceTiming"] == pytest.approx([0, 0.4, 0.8])
    assert "235959" not in json.dumps(told)


@pytest.mark.parametrize("maker", ["Philips", "GE MEDICAL SYSTEMS", "SIEMENS"])
def test_times_that_are_none_of_a_volume_are_not_told(maker, tmp_path):
    def edit(dataset, k, _phase):
        dataset.Manufacturer, dataset.MRAcquisitionType = maker, "2D"
        dataset.RepetitionTime = "2000"
        dataset.AcquisitionTime = f"1010{10 * k:02d}.500000"

    phantom(tmp_path / "s", edit=edit, **SMALL)
    assert "SliceTiming" not in sidecar(volume.load(tmp_path / "s"), tmp_path / "v.nii")


@pytest.mark.parametrize("version", [20.0, 26.0])
@pytest.mark.parametrize("flags", [(0, 0), (4, 0), (0, 2), (4, 2)])
def test_ge_tells_the_polarity_as_dcm2niix_reads_it(version, flags, tmp_path):
    flipped, bottom_up = flags
    block = bytearray(4096)
    struct.pack_into("<H", block, 24, 64)
    struct.pack_into("<f", block, 64, version)
    start = 64 + (0x4C if version > 25 else 0)
    struct.pack_into("<H", block, start + 0x3A, 0x800)
    struct.pack_into("<H", block, start + 0x30, flipped)
    struct.pack_into("<H", block, start + (0x308 if version > 25 else 0x394), bottom_up)

    def edit(dataset, _k, _phase):
        dataset.Manufacturer, dataset.MRAcquisitionType = "GE MEDICAL SYSTEMS", "2D"
        dataset.InPlanePhaseEncodingDirection = "ROW"
        dataset.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x2A, "OB", bytes(block))

    phantom(tmp_path / "s", edit=edit, **SMALL)
    told = sidecar(volume.load(tmp_path / "s"), tmp_path / "v.nii")
    command = [dcm2niix.bin, "-b", "y", "-z", "n", "-f", "peer", "-o", tmp_path, tmp_path / "s"]
    subprocess.run(command, capture_output=True, check=False)
    peer = json.loads((tmp_path / "peer.json").read_text(encoding="utf-8"))
    ours = phase_direction(told, tmp_path / "v.nii")
    np.testing.assert_allclose(ours, phase_direction(peer, tmp_path / "peer.nii"), atol=1e-3)


def test_philips_tells_the_axis_of_phase_and_not_the_way(tmp_path):
    def edit(dataset, _k, _phase):
        dataset.Manufacturer, dataset.MRAcquisitionType = "Philips Medical Systems", "2D"
        dataset.InPlanePhaseEncodingDirection = "COL"

    phantom(tmp_path / "s", edit=edit, **SMALL)
    told = sidecar(volume.load(tmp_path / "s"), tmp_path / "v.nii")
    assert told["PhaseEncodingAxis"] == "j"
    assert "PhaseEncodingDirection" not in told


def test_pet_tells_nuclide_dose_and_duration(tmp_path):
    def edit(dataset, _k, _phase):
        nuclide, tracer = Dataset(), Dataset()
        nuclide.CodeValue, nuclide.CodeMeaning = "77004003", "^18^Fluorine"
        tracer.RadionuclideCodeSequence = [nuclide]
        tracer.RadionuclideTotalDose = "370400000"
        dataset.RadiopharmaceuticalInformationSequence = [tracer]
        dataset.ActualFrameDuration = "120000"
        dataset.CorrectedImage, dataset.DecayFactor = ["ATTN", "DECY"], "1.05"
        dataset.ScatterFractionFactor, dataset.Units = "0.25", "BQML"
        dataset.Manufacturer = "SIEMENS"

    phantom(tmp_path / "s", edit=edit, modality="PT", size=(10, 8, 6), gradient=(1.5, 2.25, 3.75))
    told = sidecar(volume.load(tmp_path / "s"), tmp_path / "v.nii")
    assert (told["Modality"], told["Manufacturer"]) == ("PT", "Siemens")
    assert told["TracerRadionuclide"] == "F18"
    assert (told["InjectedRadioactivity"], told["InjectedRadioactivityUnits"]) == (370.4, "MBq")
    assert told["FrameDuration"] == [120.0]
    assert (told["Units"], told["ImageDecayCorrected"]) == ("Bq/mL", True)
    assert (told["DecayCorrectionFactor"], told["ScatterFraction"]) == ([1.05], [0.25])


def test_the_frames_of_a_dynamic_pet_are_listed_one_by_one(tmp_path):
    def edit(dataset, _k, phase):
        dataset.ActualFrameDuration = str(60000 * (phase + 1))

    phantom(tmp_path / "s", edit=edit, modality="PT", size=(10, 8, 6), phases=3)
    told = sidecar(volume.load_all(tmp_path / "s"), tmp_path / "v.nii")
    assert told["FrameDuration"] == [60.0, 120.0, 180.0]


ODD = {
    "EchoTime": "70012.25",
    "RepetitionTime": "-3",
    "FlipAngle": "361",
    "MagneticFieldStrength": "15015",
    "ManufacturerModelName": "Skyra of Dr Kim",
    "Manufacturer": "Kim",
    "SoftwareVersions": "syngo MR KIM",
    "ScanOptions": ["FS", "KIM"],
    "ScanningSequence": "KIM",
    "ImagingFrequency": "1e400",
    "PixelBandwidth": "nan",
    "EchoTrainLength": "1980101",
}


@pytest.mark.parametrize("vr", ["FD", "US", "DS"])
@pytest.mark.parametrize(
    "keyword",
    """ScanningSequence AcquisitionMatrix InPlanePhaseEncodingDirection SoftwareVersions
    DiffusionDirectionality ImageComments""".split(),
)
def test_a_lying_value_costs_no_image(keyword, vr, tmp_path):
    value = b"inf\\1e999" if vr == "DS" else b"abc"

    def edit(dataset, _k, _phase):
        dataset.Manufacturer = "GE MEDICAL SYSTEMS"
        block = dataset.private_block(0x0043, "GEMS_PARM_01", create=True)
        block.add_new(0x2C, "SS", 388)
        block.add_new(0x83, "DS", ["1", "1"])
        dataset.InPlanePhaseEncodingDirection = "COL"
        dataset.pop(keyword, None)
        dataset.add_new(keyword, "SH", value.decode())

    written = phantom(tmp_path / "s", edit=edit, **SMALL)
    for path in written.paths:
        place = struct.pack("<HH", Tag(keyword).group, Tag(keyword).element)
        content = path.read_bytes()
        assert place + b"SH" in content
        path.write_bytes(content.replace(place + b"SH", place + vr.encode()))
    assert sidecar(volume.load(tmp_path / "s"), tmp_path / "v.nii")["Modality"] == "MR"


def test_what_is_implausible_or_no_term_is_left_out(tmp_path):
    def edit(dataset, _k, _phase):
        for keyword, value in ODD.items():
            dataset.pop(keyword, None)
            dataset.add_new(keyword, "LO", value)

    phantom(tmp_path / "s", edit=edit, **SMALL)
    told = sidecar(volume.load(tmp_path / "s"), tmp_path / "v.nii")
    kept = {*ODD, "ManufacturersModelName"} & set(told)
    assert kept == set()
    assert "KIM" not in json.dumps(told).upper()


def test_no_date_or_time_of_day_is_in_a_sidecar(tmp_path):
    def timed(dataset, b, g):
        siemens(dataset, b, g)
        dataset.RepetitionTime = "6000"

    weighted(tmp_path / "s", timed)
    told = sidecar(volume.load_all(tmp_path / "s"), tmp_path / "v.nii")
    text = re.sub(r"[0-9]+(\.[0-9]+){3,}", "a UID", json.dumps(told))
    assert "20200102" not in text
    assert not any(f"10{n:02d}0{k}" in text for n in range(len(WEIGHTS)) for k in range(6))
    assert told["SliceTiming"] == [0, 1, 2, 3, 4, 5]


def test_a_file_that_cannot_be_read_again_leaves_the_keys_out(tmp_path, monkeypatch):
    phantom(tmp_path / "s", **SMALL)
    from volume.dicom import acquisition
    from volume.dicom.encoding import Unreadable

    def fail(*_):
        raise Unreadable("gone")

    monkeypatch.setattr(acquisition, "open_data_set", fail)
    assert volume.load(tmp_path / "s").report["acquisition"] == {"Modality": "MR"}
