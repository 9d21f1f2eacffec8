"""Every data element of a file is listed as pydicom reads it, and no length is believed."""

from __future__ import annotations

import math
import random
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from phantom import phantom
from shared_data import folder
from volume.dicom.data_set import ITEM, PIXEL_TAGS
from volume.dicom.limits import DEFAULT, Limits
from volume.dicom.listing import READ_AT_MOST, Listed, open_listing
from volume.dicom.tag_pattern import TagPattern
from volume.errors import VolumeError

Theirs = tuple[int, int, Any]
"""Depth, tag, data element; or depth, ITEM and number."""


def listed(path: Path, limits: Limits = DEFAULT) -> tuple[list[Listed], VolumeError | None]:
    """List a file as far as it goes; give what ended the list."""
    found: list[Listed] = []
    try:
        with open_listing(str(path), identifiers=True, limits=limits) as listing:
            for one in listing.elements:
                found.append(one)
    except VolumeError as fault:
        return found, fault
    return found, None


def read_by_pydicom(path: Path) -> list[Theirs]:
    dataset = pydicom.dcmread(path, force=True)
    return [*_walk(dataset.file_meta), *_walk(dataset)]


def _walk(dataset: Dataset, depth: int = 0) -> Iterator[Theirs]:
    for tag in sorted(dataset.keys()):
        element = dataset[tag]
        yield depth, int(tag), element
        if element.VR == "SQ":
            for number, item in enumerate(element.value, 1):
                yield depth + 1, ITEM, number
                yield from _walk(item, depth + 1)


def differences(path: Path) -> list[str]:
    """Say where the two lists differ: in order, depth, tag, VR, name or value."""
    ours, fault = listed(path)
    if fault:
        return [str(fault)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = read_by_pydicom(path)
        if [(one.depth, one.tag) for one in ours] != [(depth, tag) for depth, tag, _ in theirs]:
            return ["other elements"]
        pairs = [(one, element) for one, (_, _, element) in zip(ours, theirs, strict=True)]
        return [
            f"{one.tag:08X} {one.vr} {one.values}, not {element.VR} {element.value!r:.80}"
            for one, element in pairs
            if (one.item != element if one.item else not _same(one, element))
        ]


def _same(one: Listed, element: Any) -> bool:
    is_group_length = not one.tag & 0xFFFF and element.VR == "UN"
    if not is_group_length and one.vr != element.VR:
        return False
    if element.keyword and one.keyword != element.keyword:
        return False
    if is_group_length or one.values is None or not one.whole:
        return is_group_length or element.VR == "SQ" or _is_told_by_length(one, element)
    value = element.value
    several = value if isinstance(value, list | pydicom.multival.MultiValue) else [value]
    told = [str(v) for v in several if v is not None]
    if told == [""]:
        told = []
    mine = [str(v) for v in one.values]
    if element.VR in ("FL", "FD", "DS", "IS"):
        return len(mine) == len(told) and all(
            a == b or math.isclose(float(a), float(b)) for a, b in zip(mine, told, strict=True)
        )
    return [_bare(v) for v in mine] == [_bare(v) for v in told]


def _bare(text: str) -> str:
    """Leave out padding, and the group of a name that is empty at its end."""
    for left in ("\x1b$)A", "(", ")", "\r"):  # pydicom leaves an escape sequence in GB 2312
        text = text.replace(left, "")
    return text.strip("\0 \n\t=").rstrip("^")


def _is_told_by_length(one: Listed, element: Any) -> bool:
    if one.length is None:
        return one.tag in PIXEL_TAGS and "fragment" in one.note
    if not isinstance(element.value, bytes | None):
        return one.length > READ_AT_MOST
    return one.length == len(element.value or b"")


REAL = """charsets ct_head_tilt_ge/*3 ct_mpr_two_orientations/*3 ct_rtstruct_lung dicomdirs
    enhanced_ct mr_ge_4d_classic/*2 mr_mosaic mr_t1_sag_hfs/*2 mr_wrist_sloppy mr_xa30_colour_fa
    mr_xa30_t1_enhanced pet_fragments rt_case seg_ct_liver seg_on_pet transfer_syntaxes
    broken_and_odd""".split()
ODD = {
    "DICOMDIR-nooffset": "an item runs past",
    "emri_small_jpeg_2k_lossless_too_short.dcm": "the file ends",
    "rtplan_truncated.dcm": "the file ends inside element (300A,012C)",
    "MR_truncated.dcm": "the file ends inside element (7FE0,0010)",
}
"""Files that end too early: all before is listed."""


@pytest.mark.parametrize("name", REAL)
def test_every_element_of_real_files_is_listed_as_pydicom_reads_it(name):
    name, _, most = name.partition("/*")
    files = [path for path in sorted(folder(name).rglob("*")) if path.is_file()]
    looked_at = 0
    for path in files[: int(most or 60)]:
        with path.open("rb") as file:
            if file.read(132)[128:] != b"DICM":
                continue
        found = differences(path)
        expected = ODD.get(path.name)
        assert not found if expected is None else expected in found[0], (path, found[:3])
        looked_at += 1
    assert looked_at


def test_a_file_that_ends_too_early_is_listed_up_to_there():
    path = folder("broken_and_odd") / "rtplan_truncated.dcm"
    ours, fault = listed(path)
    assert "(300A,012C), at byte 2092" in str(fault)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = [(depth, tag) for depth, tag, _ in read_by_pydicom(path)]
    assert [(one.depth, one.tag) for one in ours] == theirs[: len(ours)]
    assert len(theirs) - len(ours) <= 1


SYNTAXES = ["implicit", "explicit", "big-endian", "deflated", "jpeg-ls", "rle"]


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("enhanced", [False, True])
def test_every_element_of_a_phantom_is_listed_in_every_transfer_syntax(tmp_path, syntax, enhanced):
    def edit(dataset, _k, _phase):
        dataset.SpecificCharacterSet = ["", "ISO 2022 IR 149"]
        dataset.PatientName = "Hong^Gildong=洪^吉洞=홍^길동"
        item = Dataset()
        item.SpecificCharacterSet = "ISO_IR 100"
        item.PatientName, item.CodeMeaning = "Müller^Jürgen", "Schädel"
        inner = Dataset()
        inner.PersonName = "Groß^Äneas"
        item.ReferencedPatientSequence = Sequence([inner, Dataset()])
        dataset.OtherPatientIDsSequence = Sequence([item])
        block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        block.add_new(0x10, "OB", bytes(range(200)))
        block = dataset.private_block(0x0021, "NOBODY KNOWS", create=True)
        block.add_new(1, "FD", [0.1, 2.5])
        dataset.SelectorATValue = [0x00280030, 0x00100010]
        dataset.TextValue = "a\\b " * 9000

    written = phantom(
        tmp_path, size=(12, 10, 3), transfer_syntax=syntax, enhanced=enhanced, edit=edit
    )
    for path in written.paths:
        assert differences(path) == []


def test_bytes_that_no_set_explains_are_no_separators(tmp_path):
    phantom(tmp_path, size=(8, 8, 2))
    path = next(tmp_path.iterdir())
    texts = {0x00081030: b"\x93Kopf\x94 \x80 ", 0x0008103E: b"AB\\\x93C D\\EF "}
    dataset = pydicom.dcmread(path)
    for tag, text in texts.items():
        dataset.add_new(tag, "LO", "?" * len(text))
    dataset.save_as(path)
    whole = path.read_bytes()
    for text in sorted(texts.values(), key=len, reverse=True):
        whole = whole.replace(b"?" * len(text), text)
    path.write_bytes(whole)
    values = {one.tag: one.values for one in listed(path)[0]}
    assert values[0x00081030] == (r"\x93Kopf\x94 \x80",)
    assert values[0x0008103E] == ("AB", r"\x93C D", "EF")


def test_without_preamble_and_without_meta_it_is_listed_too(tmp_path):
    written = phantom(tmp_path, size=(12, 10, 1), preamble=False)
    ours, fault = listed(written.paths[0])
    assert fault is None
    assert {"Rows", "PixelData", "PatientName"} <= {one.keyword for one in ours}


def test_a_length_that_lies_ends_the_list_and_is_placed(tmp_path):
    written = phantom(tmp_path, size=(12, 10, 1))
    content = written.paths[0].read_bytes()
    at = content.index(struct.pack("<HH", 0x0028, 0x0030) + b"DS")
    written.paths[0].write_bytes(content[: at + 6] + b"\xf0\xff" + content[at + 8 :])
    ours, fault = listed(written.paths[0])
    assert ours[-1].keyword == "Columns"
    assert f"inside element (0028,0030), at byte {at}" in str(fault)


def test_nesting_and_elements_have_their_limits(tmp_path):
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    head = struct.pack("<HH2sHI", 0x0040, 0x0275, b"SQ", 0, 0xFFFFFFFF)
    close = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    start = struct.pack("<HH2sH", 8, 5, b"CS", 10) + b"ISO_IR 100"
    for levels, allowed in ((64, DEFAULT), (200, Limits(nesting=200))):
        path = tmp_path / "deep"
        path.write_bytes(start + (head + item) * levels + (end + close) * levels)
        ours, fault = listed(path, allowed)
        assert (len(ours), fault) == (1 + 2 * levels, None)
        path.write_bytes(start + (head + item) * (levels + 1))
        _, fault = listed(path, allowed)
        assert "deep" in str(fault)
    _, fault = listed(path, Limits(elements=20))
    assert "more than 20 elements" in str(fault)


@pytest.mark.parametrize("syntax", ["implicit", "explicit", "deflated", "rle"])
def test_damage_ends_the_list_and_never_the_program(tmp_path, syntax):
    draw = random.Random(syntax)
    written = phantom(tmp_path, size=(12, 10, 1), transfer_syntax=syntax, enhanced=True)
    content = written.paths[0].read_bytes()
    for _ in range(150):
        damaged = bytearray(content)
        for _ in range(draw.randrange(1, 6)):
            damaged[draw.randrange(132, len(damaged))] = draw.choice((0, 255, draw.randrange(256)))
        written.paths[0].write_bytes(
            damaged[: draw.choice((len(damaged), draw.randrange(400, 3000)))]
        )
        ours, fault = listed(written.paths[0])
        assert ours or fault
        assert fault is None or str(fault)


PATTERNS = [
    ("spacing", {"PixelSpacing", "SpacingBetweenSlices"}),
    ("SPACING", {"PixelSpacing", "SpacingBetweenSlices"}),
    ("PixelSpacing", {"PixelSpacing"}),
    ("slice thickness", {"SliceThickness"}),
    ("patient's name", {"PatientName"}),
    ("0028,0030", {"PixelSpacing"}),
    ("(0028,0030)", {"PixelSpacing"}),
    ("00280030", {"PixelSpacing"}),
    ("0x00280030", {"PixelSpacing"}),
    ("0028,003?", {"PixelSpacing"}),
    ("0028,00x1", {"Columns"}),
    ("0020", {"StudyInstanceUID", "PositionReferenceIndicator"}),
    ("0029,1010", {"[CSA Image Header Info]"}),
    ("*Between*", {"SpacingBetweenSlices"}),
    ("Slice*", {"SliceThickness"}),
    ("0??8,0018", {"SOPInstanceUID"}),
    ("csa", {"[CSA Image Header Info]"}),
    ("face", set()),
    ("spacings", set()),
]
ALL = [
    Listed(0x00280030, 0, keyword="PixelSpacing", name="Pixel Spacing"),
    Listed(0x00180088, 0, keyword="SpacingBetweenSlices", name="Spacing Between Slices"),
    Listed(0x00180050, 0, keyword="SliceThickness", name="Slice Thickness"),
    Listed(0x00100010, 0, keyword="PatientName", name="Patient's Name"),
    Listed(0x00280011, 0, keyword="Columns", name="Columns"),
    Listed(0x00080018, 0, keyword="SOPInstanceUID", name="SOP Instance UID"),
    Listed(0x0020000D, 0, keyword="StudyInstanceUID", name="Study Instance UID"),
    Listed(0x00201040, 0, keyword="PositionReferenceIndicator", name="Position Reference"),
    Listed(0x00291010, 0, keyword="", name="[CSA Image Header Info]"),
]


@pytest.mark.parametrize(("text", "names"), PATTERNS)
def test_elements_are_found_by_number_or_name(text, names):
    pattern = TagPattern.of(text)
    assert {one.keyword or one.name for one in ALL if pattern.fits(one)} == names


@pytest.mark.parametrize("text", ["", "  ", "()", "'"])
def test_a_pattern_of_nothing_is_none(text):
    with pytest.raises(ValueError, match="neither a name nor a number"):
        TagPattern.of(text)
