"""A header that is read by one it is like gives what reading it with care gives."""

from __future__ import annotations

import random
import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset

import shared_data
from careful import Forgetful, told
from phantom import phantom
from volume.dicom import elements, reader
from volume.dicom.element_run import Element
from volume.dicom.elements import TAGS
from volume.dicom.likeness import KEPT, LONGEST, MEMORY
from volume.dicom.limits import DEFAULT
from volume.dicom.opening import open_file


def carefully(path: Path):
    kept, reader.MEMORY = reader.MEMORY, Forgetful()
    try:
        return told(path)
    finally:
        reader.MEMORY = kept


def recognised(path: Path) -> bool:
    with open_file(str(path)) as file:
        return MEMORY.recognise(file, DEFAULT) is not None


@pytest.fixture(autouse=True)
def _nothing_in_mind():
    MEMORY.forget()
    yield
    MEMORY.forget()


def vary(dataset: Dataset, k: int, _phase: int) -> None:
    """Add what varies in real series: of the standard and of makers, wanted and not."""
    for group, maker in ((0x0019, "SIEMENS MR HEADER"), (0x0043, "GEMS_PARM_01"), (9, "X")):
        block = dataset.private_block(group, maker, create=True)
        for number in range(0x40, 0x78):
            block.add_new(number, "LO", f"{number}" if number % 9 else "x" * k)
    dataset.ContentTime = f"1015{k:02}"
    dataset.StudyID = "same"
    dataset.LargestImagePixelValue = k
    inner = Dataset()
    inner.ReferencedSOPInstanceUID = f"1.2.{k}"
    dataset.SourceImageSequence = [inner]
    dataset.ReferencedStudySequence = [Dataset(), Dataset()]
    dataset["ReferencedStudySequence"].is_undefined_length = True


@pytest.fixture(scope="module", params=["explicit", "implicit"])
def files(request, tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp(request.param)
    made = phantom(folder, size=(6, 6, 12), transfer_syntax=request.param, edit=vary, modality="MR")
    return list(made.paths)


def test_the_third_header_of_a_series_is_read_by_the_two_before_it(files):
    for path in files[:2]:
        told(path)
    assert all(recognised(path) for path in files[2:])
    assert [told(path) for path in files[2:]] == [carefully(path) for path in files[2:]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(data=st.data())
def test_damage_is_found_where_the_headers_before_were_sound(files, tmp_path, data):
    """Flips, cuts and insertions anywhere in a header, which was learnt from sound ones."""
    MEMORY.forget()
    for path in files[:3]:
        told(path)
    damaged = tmp_path / "damaged"
    damaged.write_bytes(damage(files[3].read_bytes(), data))
    assert told(damaged) == carefully(damaged)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(data=st.data())
def test_sound_headers_are_read_right_after_damaged_ones(files, tmp_path, data):
    MEMORY.forget()
    order = [*files[:2], tmp_path / "damaged", *files[2:5]]
    order[2].write_bytes(damage(files[5].read_bytes(), data))
    random.Random(data.draw(st.integers(0, 9))).shuffle(order)
    for path in [*order, *order]:
        assert told(path) == carefully(path)


def damage(raw: bytes, data) -> bytes:
    """Draw a change of a file: of a byte, of some, of the length of the file."""
    made = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(made) - 1))
        match data.draw(st.sampled_from(["flip", "insert", "cut", "end", "behind", "value"])):
            case "flip":
                made[at] ^= data.draw(st.integers(1, 255))
            case "insert":
                made[at:at] = data.draw(st.binary(min_size=1, max_size=12))
            case "cut":
                del made[at : at + data.draw(st.integers(1, 12))]
            case "end":
                del made[max(1, at) :]
            case "behind":
                made += bytes(data.draw(st.integers(1, 40)))
            case "value":
                old, new = data.draw(st.sampled_from(VALUES))
                made = bytearray(bytes(made).replace(old, new))
        if not made:
            break
    return bytes(made)


VALUES = [
    (b"\x20\x00\x32\x00DS", b"\x20\x00\x32\x00US"), (b"SIEMENS MR HEADER ", b"SIEMENS MR HEADEX "),
    (b"SIEMENS MR HEADER ", b"SIEMENS CSA HEADER"),
    (b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0"),
    (b"\xe0\x7f\x10\x00", b"\xe0\x7f\x08\x00"), (b"same", b"else"), (b"MR", b"CT"),
    (b"\x28\x00\x10\x00", b"\x28\x00\x11\x00"), (b"\\", b","), (b"-", b"e"),
]  # fmt: skip


def test_a_series_whose_maker_changes_within_it_is_read_with_care(tmp_path):
    """Whose a private element is decides what it says, wherever else headers agree."""

    def edit(dataset: Dataset, k: int, _phase: int) -> None:
        block = dataset.private_block(0x0019, "SIEMENS MR HEADER" if k % 2 else "X", create=True)
        block.add_new(0x0C, "IS", "1000")

    paths = list(phantom(tmp_path / "s", size=(6, 6, 8), edit=edit, modality="MR").paths)
    assert [told(path) for path in paths] == [carefully(path) for path in paths]
    weighted = [slices[0].diffusion is not None for slices, _ in map(told, paths)]
    assert weighted.count(True) == weighted.count(False) == 4


def test_a_file_damaged_in_what_only_tells_slices_apart_is_named_with_its_series(tmp_path):
    def edit(dataset: Dataset, k: int, _phase: int) -> None:
        dataset.TemporalPositionIndex = k + 1

    paths = list(phantom(tmp_path / "s", size=(6, 6, 6), edit=edit, modality="MR").paths)
    raw = paths[4].read_bytes()
    sound = b"\x20\x00\x28\x91UL\x04\x00\x05\x00\x00\x00"
    assert raw.count(sound) == 1
    paths[4].write_bytes(raw.replace(sound, sound[:6] + b"\x02\x00\x05\x00"))
    assert [told(path) for path in paths] == [carefully(path) for path in paths]
    assert told(paths[4])[-1] == dcmread(paths[0]).SeriesInstanceUID


REAL = [
    "ct_chest_jpegll", "ct_head_tilt_ge", "ct_rtstruct_lung", "mr_t1_sag_hfs", "mr_ge_4d_classic",
    "mr_wrist_sloppy", "t1_lowres_ct_tagged",
]  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_most_headers_of_a_real_series_are_like_those_before(name: str):
    paths = sorted(p for p in shared_data.folder(name).rglob("*") if p.is_file())
    alike = 0
    for path in paths:
        alike += recognised(path)
        assert told(path) == carefully(path), path
    assert alike >= 0.7 * len(paths), f"{alike} of {len(paths)}"


def test_positions_are_those_that_pydicom_reads(files):
    for path in [*files, *files]:
        (record,), _ = told(path)
        dataset = dcmread(path, stop_before_pixels=True)
        assert record.position == tuple(map(float, dataset.ImagePositionPatient))
        assert record.instance_number == dataset.InstanceNumber
        assert record.sop_instance_uid == dataset.SOPInstanceUID


def test_nothing_is_learnt_of_a_file_that_changes_while_it_is_read(tmp_path, monkeypatch):
    """What was read before the change would be told of every file like the one after it."""
    old = list(phantom(tmp_path / "old", size=(6, 6, 6), series_uid="1.2.3").paths)
    new = list(
        phantom(tmp_path / "new", size=(6, 6, 6), series_uid="1.2.3", spacing=(2, 2, 2)).paths
    )
    told(new[0])
    with monkeypatch.context() as patch:
        patch.setattr(reader, "first_bytes", lambda _file, _count: new[1].read_bytes()[:16384])
        told(old[1])
    assert [told(path) for path in new] == [carefully(path) for path in new]


def test_a_zero_is_not_taken_for_the_other_zero_that_was_read_before():
    def read(zero: float) -> str:
        element = Element(b"FD", struct.pack("<d", zero), True)
        return str(elements.floats({TAGS["RescaleIntercept"]: element}, "RescaleIntercept", 1))

    assert [read(zero) for zero in (-0.0, 0.0, -0.0)] == ["(-0.0,)", "(0.0,)", "(-0.0,)"]


def test_little_is_kept_in_mind_however_much_was_read(tmp_path):
    def edit(dataset: Dataset, k: int, _phase: int) -> None:
        dataset.SeriesInstanceUID = f"1.2.3.{k}"
        dataset.private_block(9, "X", create=True).add_new(1, "OB", bytes([k]) * 100_000)

    paths = list(phantom(tmp_path / "s", size=(4, 4, 120), edit=edit).paths)
    told(paths[0])
    tracemalloc.start()
    for path in [*paths, *paths]:
        told(path)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 2 * KEPT * LONGEST  # of 24 MB
