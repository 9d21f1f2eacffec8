"""One bad file among good ones is named, and never changes the volume in silence."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import volume
from phantom import phantom

SMALL = {"size": (12, 10, 12)}


def codes(made) -> dict[str, str]:
    return {finding.code: str(finding.severity) for finding in made.findings}


def named(findings) -> set[str]:
    return {name for finding in findings for name in finding.files}


@pytest.mark.parametrize("k", [0, 5, 11])
@pytest.mark.parametrize("part", [0.05, 0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("syntax", ["explicit", "implicit", "deflated", "jpeg-ls"])
def test_a_file_cut_short_is_named_wherever_it_is_cut(syntax, part, k, tmp_path):
    truth = phantom(tmp_path, **SMALL, transfer_syntax=syntax)
    bad = truth.paths[k]
    raw = bad.read_bytes()
    bad.write_bytes(raw[: int(part * len(raw))])
    try:
        made = volume.load(tmp_path)
    except volume.VolumeError as refusal:
        assert str(bad) in refusal.files or bad.name in named(getattr(refusal, "findings", ()))
        return
    assert truth.error_mm(made.array, made.geometry.affine) <= 0.12
    if made.array.shape[0] < 12:  # what cost no pixel, the last delimiter, may go unsaid
        assert bad.name in named(f for f in made.findings if f.severity != "info")


def one(k: int, change):
    """Change one slice."""

    def edit(dataset: pydicom.Dataset, index: int, phase: int) -> None:
        if index == k:
            change(dataset)

    return edit


def unplaced(dataset):
    del dataset.ImagePositionPatient


def other_frame_of_reference(dataset):
    dataset.FrameOfReferenceUID = "1.2.3"


def other_spacing(dataset):
    dataset.PixelSpacing = [0.9, 0.9]


def turned(dataset):
    a = np.radians(3)
    dataset.ImageOrientationPatient = [np.cos(a), np.sin(a), 0, -np.sin(a), np.cos(a), 0]


def other_series(dataset):
    dataset.SeriesInstanceUID = "1.2.3"


@pytest.mark.parametrize(
    "change", [unplaced, other_frame_of_reference, other_spacing, turned, other_series]
)
def test_a_slice_set_apart_at_the_end_is_a_warning(change, tmp_path):
    truth = phantom(tmp_path, **SMALL, edit=one(11, change))
    made = volume.load(tmp_path)
    assert made.array.shape[0] == 11
    assert truth.paths[11].name in named(f for f in made.findings if f.severity == "warning")


def eight_bits(dataset):
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7


def half_the_rows(dataset):
    dataset.Rows = 5


@pytest.mark.parametrize("change", [eight_bits, half_the_rows])
def test_pixel_data_that_the_header_does_not_explain_are_refused(change, tmp_path):
    truth = phantom(tmp_path, **SMALL, edit=one(5, change))
    with pytest.raises(volume.GridError) as refusal:
        volume.load(tmp_path)
    assert str(truth.paths[5]) in [*refusal.value.files, str(tmp_path / truth.paths[5].name)]
    assert "explains" in str(refusal.value)


def no_slope(dataset):
    dataset.RescaleSlope = None


def fewer_bits(dataset):
    dataset.BitsStored, dataset.HighBit = 8, 7


@pytest.mark.parametrize(("change", "word"), [(no_slope, "lack the rescale"), (fewer_bits, "bits")])
def test_a_slice_that_reads_its_pixels_otherwise_is_refused(change, word, tmp_path):
    phantom(tmp_path, **SMALL, edit=one(5, change))
    with pytest.raises(volume.GridError, match=word):
        volume.load(tmp_path)


@pytest.mark.parametrize("model", ["PALETTE COLOR", "HSV", "YBR_PARTIAL_420", "YBR_ICT"])
def test_a_colour_model_that_is_not_read_is_refused_by_name(model, tmp_path):
    def edit(dataset, k, phase):
        dataset.PhotometricInterpretation = model
        if model != "PALETTE COLOR":
            dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
            dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
            dataset.PixelData = bytes(360)

    phantom(tmp_path, **SMALL, edit=edit)
    with pytest.raises(volume.NotDicomError, match=model):
        volume.load(tmp_path)


@pytest.mark.parametrize("drop", [(1, 0), (1, 11), (1, 5), (2, 11)])
def test_a_phase_that_lacks_a_slice_is_refused_and_the_others_are_right(drop, tmp_path):
    truth = phantom(
        tmp_path, **SMALL, phases=3, phase_tag="TriggerTime", drop=(drop,), gradient=(1, 2, 5)
    )
    found = volume.scan(tmp_path).stacks
    if len(found) == 1:
        assert found[0].refusals
        return
    right = 0
    for stack in found:
        try:
            made = volume.load(tmp_path, series=stack.id)
        except volume.GridError as refusal:
            assert "missing-slices" in {f.code for f in refusal.findings}
            continue
        errors = [truth.error_mm(made.array, made.geometry.affine, phase=p) for p in range(3)]
        assert min(errors) <= 0.12
        right += 1
    assert right == 2


def test_patients_under_one_uid_come_apart(tmp_path):
    def edit(dataset, k, phase):
        dataset.PatientID = "A" if k < 6 else "B"

    phantom(tmp_path, **SMALL, edit=edit)
    assert [one.array.shape[0] for one in volume.load_all(tmp_path)] == [6, 6]


def test_series_without_a_uid_are_told_apart_by_number(tmp_path):
    def edit(dataset, k, phase):
        dataset.SeriesInstanceUID = ""
        dataset.SeriesNumber = 7 + k % 2

    phantom(tmp_path, **SMALL, edit=edit)
    assert [one.array.shape[0] for one in volume.load_all(tmp_path)] == [6, 6]


@pytest.mark.parametrize("value", ["nan", "1e400", "inf"])
def test_a_tag_that_is_no_number_does_not_stop_the_scan(value, tmp_path):
    def edit(dataset, k, phase):
        del dataset.EchoTime
        dataset.add_new("EchoTime", "LO", value)

    phantom(tmp_path, **SMALL, modality="MR", duplicates=(3,), duplicates_as="new-uid", edit=edit)
    assert volume.scan(tmp_path).stacks


def test_a_missing_part_of_a_concatenation_is_refused(tmp_path):
    def edit(dataset, k, phase):
        dataset.ConcatenationUID = "1.2.3.4"
        dataset.InConcatenationNumber = 1
        dataset.InConcatenationTotalNumber = 2

    phantom(tmp_path, **SMALL, enhanced=True, edit=edit)
    with pytest.raises(volume.GridError, match="1 of 2 parts"):
        volume.load(tmp_path)
    assert volume.load(tmp_path, gaps="largest").array.shape[0] == 12


def test_a_tilted_colour_stack_is_straightened_channel_by_channel(tmp_path):
    def edit(dataset, k, phase):
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
        dataset.PlanarConfiguration = 0
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
        dataset.PixelRepresentation = 0
        dataset.PixelData = bytes([10, 20, 30]) * 120

    phantom(tmp_path, **SMALL, tilt=15.0, edit=edit)
    made = volume.load(tmp_path)
    assert made.array.shape[3] == 3
    assert np.array_equal(np.unique(made.array[made.valid > 0], axis=0), [[10, 20, 30]])


def test_whole_millimetres_are_no_reason_to_see_gaps(tmp_path):
    phantom(tmp_path, size=(12, 10, 30), spacing=(0.8, 0.7, 1.25), decimals=0)
    try:
        made = volume.load(tmp_path)
    except volume.GridError as refusal:
        pytest.fail(str(refusal))
    assert codes(made)["positions-rounded"] == "warning"
    assert "missing-slices" not in codes(made)


@pytest.mark.parametrize("pitch", [0.625, 1.25, 2.0])
def test_oblique_positions_with_one_decimal_stay_regular(pitch, tmp_path):
    truth = phantom(
        tmp_path,
        size=(8, 6, 200),
        spacing=(0.8, 0.7, pitch),
        orientation="oblique",
        decimals=1,
    )
    made = volume.load(tmp_path)
    assert made.array.shape == truth.size[::-1]
    assert "resampled" not in codes(made)
    assert truth.error_mm(made.array, made.geometry.affine) <= 0.15


def test_no_free_text_of_a_tag_reaches_a_sidecar(tmp_path):
    def edit(dataset, k, phase):
        dataset.RescaleType = "KIMSECRET"

    phantom(
        tmp_path / "series", **SMALL, phases=2, phase_tag="ContrastBolusAgent", edit=edit,
        gradient=(1, 2, 5),
    )  # fmt: skip
    for n, made in enumerate(volume.load_all(tmp_path / "series")):
        volume.export(made, tmp_path / f"{n}.nii")
        text = (tmp_path / f"{n}.json").read_text()
        assert "SECRET" not in text
        assert made.axis[1] in (1, 2)


@pytest.mark.parametrize("bits", [17, 32])
def test_a_codestream_of_more_bits_than_there_is_room_for_is_refused(bits, tmp_path):
    truth = phantom(tmp_path, **SMALL, transfer_syntax="jpeg-2000")
    raw = bytearray(truth.paths[5].read_bytes())
    raw[raw.index(b"\xff\x4f\xff\x51") + 42] = bits - 1
    truth.paths[5].write_bytes(raw)
    with pytest.raises(volume.PixelError, match=f"samples of {bits} bits"):
        volume.load(tmp_path)


@pytest.mark.parametrize("bits", [2, 8])
def test_one_codestream_of_fewer_bits_than_the_others_is_refused_by_name(bits, tmp_path):
    """A lie in the codestream's own header, which the decoder believes."""
    oddities = {"modality": "MR", "bits_stored": 12, "gradient": (1, 1, 2)}
    truth = phantom(tmp_path, **SMALL, transfer_syntax="jpeg-2000", **oddities)
    raw = bytearray(truth.paths[5].read_bytes())
    siz = raw.index(b"\xff\x4f\xff\x51")
    assert raw[siz + 42] == 11
    raw[siz + 42] = bits - 1
    truth.paths[5].write_bytes(raw)
    with pytest.raises(volume.PixelError, match=f"samples of {bits} bits, not 12") as refusal:
        volume.load(tmp_path)
    assert refusal.value.path == str(truth.paths[5])


@pytest.mark.parametrize("value", ["missing", 2, 65535])
def test_a_sign_that_nobody_can_know_is_refused(value, tmp_path):
    def change(dataset):
        if value == "missing":
            del dataset.PixelRepresentation
        else:
            dataset.PixelRepresentation = value

    truth = phantom(tmp_path, **SMALL, edit=one(11, change))
    made = volume.load(tmp_path)
    assert made.array.shape[0] == 11
    assert truth.paths[11].name in named(f for f in made.findings if f.severity == "warning")


def test_a_row_that_the_header_forgets_is_no_padding(tmp_path):
    def change(dataset):
        dataset.Rows = 9

    truth = phantom(tmp_path, **SMALL, edit=one(5, change))
    with pytest.raises(volume.GridError, match="explains") as refusal:
        volume.load(tmp_path)
    assert truth.paths[5].name in " ".join(refusal.value.files)


def test_a_slice_with_another_rescale_is_named(tmp_path):
    truth = phantom(tmp_path, **SMALL, edit=one(0, lambda d: setattr(d, "RescaleSlope", 2)))
    (said,) = [f for f in volume.load(tmp_path).findings if f.code == "rescale-varies"]
    assert (said.severity, said.files) == ("warning", (truth.paths[0].name,))


def test_a_slice_of_another_study_that_fills_a_gap_is_named_in_the_refusal(tmp_path):
    truth = phantom(tmp_path, **SMALL, edit=one(5, lambda d: setattr(d, "StudyInstanceUID", "1.2")))
    with pytest.raises(volume.GridError, match="missing") as refusal:
        volume.load(tmp_path)
    assert str(truth.paths[5]) in refusal.value.files


@pytest.mark.parametrize("part", [0.45, 0.6])
def test_a_shift_is_said_and_from_half_a_pixel_on_resampled(part, tmp_path):
    truth = phantom(tmp_path, **SMALL, shifts={5: (0.8 * part, 0.0)})
    made = volume.load(tmp_path)
    (said,) = [f for f in made.findings if f.code == "in-plane-shift"]
    assert truth.paths[5].name in said.files
    assert ("resampled" in codes(made)) == (part > 0.5)


def flipped_magic(raw: bytes) -> bytes:
    return raw[:128] + b"DIBM" + raw[132:]


def overwritten_head(raw: bytes) -> bytes:
    return b"\xff" * 512 + raw[512:]


def other_class(raw: bytes) -> bytes:
    at = raw.rindex(b"1.2.840.10008.5.1.4.1.1.2\0")
    return raw[: at + 24] + b"7" + raw[at + 25 :]


@pytest.mark.parametrize("k", [5, 11])
@pytest.mark.parametrize("damage", [flipped_magic, overwritten_head, other_class])
def test_a_slice_that_looks_like_another_thing_is_named(damage, k, tmp_path):
    truth = phantom(tmp_path, size=(40, 40, 12))
    truth.paths[k].write_bytes(damage(truth.paths[k].read_bytes()))
    try:
        made = volume.load(tmp_path)
    except volume.GridError as refusal:
        assert k == 5
        assert str(truth.paths[5]) in refusal.files
        return
    assert made.array.shape[0] == 11
    assert truth.paths[11].name in named(f for f in made.findings if f.severity == "warning")


def apart_by(**values):
    def change(dataset):
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    return change


@pytest.mark.parametrize(
    "change",
    [
        apart_by(PixelSpacing=[0.9, 0.9]),
        apart_by(PatientID="ANOTHER"),
        apart_by(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
        unplaced,
    ],
)
def test_a_slice_set_apart_in_the_middle_is_named_in_the_refusal(change, tmp_path):
    truth = phantom(tmp_path, **SMALL, edit=one(5, change))
    with pytest.raises(volume.GridError, match="missing") as refusal:
        volume.load(tmp_path)
    assert str(truth.paths[5]) in refusal.value.files


def test_the_forms_of_pixels_are_told_in_words(tmp_path):
    def change(dataset):
        dataset.BitsStored, dataset.HighBit = 11, 10

    oddities = {"modality": "MR", "bits_stored": 12, "gradient": (0.1, 0.1, 1)}
    phantom(tmp_path, **SMALL, **oddities, edit=one(5, change))
    (said,) = [f for f in volume.load(tmp_path).findings if f.code == "pixels-vary"]
    assert said.message == "pixels of 12 of 16 bits in 11 slices, 11 of 16 bits in 1 slice"


@pytest.mark.parametrize("high_bit", [12, 15])
def test_a_slice_with_its_pixels_in_other_bits_is_refused(high_bit, tmp_path):
    def change(dataset):
        dataset.HighBit = high_bit

    oddities = {"modality": "MR", "bits_stored": 12, "gradient": (1, 1, 2)}
    truth = phantom(tmp_path, **SMALL, **oddities, edit=one(5, change))
    with pytest.raises(volume.GridError, match="High Bit") as refusal:
        volume.load(tmp_path)
    assert str(truth.paths[5]) in refusal.value.files


def test_one_slice_with_a_lookup_table_among_others_is_refused(tmp_path):
    def change(dataset):
        del dataset.RescaleSlope, dataset.RescaleIntercept
        table = pydicom.Dataset()
        table.add_new("LUTDescriptor", "US", [4, 0, 16])
        table.ModalityLUTType = "HU"
        table.add_new("LUTData", "OW", bytes([1, 0, 2, 0, 3, 0, 4, 0]))
        dataset.ModalityLUTSequence = [table]

    truth = phantom(tmp_path, **SMALL, edit=one(5, change))
    with pytest.raises(volume.GridError, match="lookup table") as refusal:
        volume.load(tmp_path)
    assert truth.paths[5].name in " ".join(refusal.value.files)


def test_free_text_for_a_modality_is_not_believed(tmp_path):
    phantom(tmp_path, **SMALL, edit=lambda d, k, p: setattr(d, "Modality", "KIMSECRET"))
    made = volume.load(tmp_path)
    assert (made.modality, made.id[:3]) == ("CT", "ct_")


def test_bytes_behind_a_deflated_stream_are_passed_over_once(tmp_path):
    truth = phantom(tmp_path, size=(12, 10, 3), transfer_syntax="deflated")
    with truth.paths[1].open("ab") as file:
        file.truncate(512 << 20)
    assert volume.load(tmp_path).array.shape[0] == 3


def test_a_file_whose_beginning_became_zeros_is_told_so(tmp_path):
    truth = phantom(tmp_path, **SMALL)
    raw = truth.paths[3].read_bytes()
    truth.paths[3].write_bytes(bytes(len(raw)))
    (failed,) = (one for one in volume.scan(tmp_path).files if one.reason)
    assert failed.reason.startswith("it begins with nothing but zeros")
