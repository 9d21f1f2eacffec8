"""The header reader gives what pydicom gives, and believes no length."""

from __future__ import annotations

import io
import struct
import tracemalloc

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from volume.dicom import data_set, elements
from volume.dicom.attributes import ATTRIBUTES
from volume.dicom.data_set import CHUNK, read_data_set
from volume.dicom.encoding import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Encoding,
    Unreadable,
)
from volume.dicom.limits import DEFAULT, Limits

FORMS = {
    IMPLICIT_LITTLE: (True, True),
    EXPLICIT_LITTLE: (False, True),
    EXPLICIT_BIG: (False, False),
}
ITEM, ITEM_END = (
    struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF),
    struct.pack("<HHI", 0xFFFE, 0xE00D, 0),
)
SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def opened(raw: bytes, syntax: str = EXPLICIT_LITTLE, limits: Limits = DEFAULT) -> Encoding:
    return Encoding(io.BytesIO(raw), syntax, *FORMS[syntax], len(raw), "", (), limits)


def element(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """Write one element in explicit little endian, with a length that may lie."""
    length = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    long = vr in (b"SQ", b"OB", b"OW", b"UN", b"UT")
    return head + (struct.pack("<HI", 0, length) if long else struct.pack("<H", length)) + value


def written(dataset: Dataset, syntax: str) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = FORMS[syntax]
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def test_the_table_of_attributes_is_the_standards():
    for keyword, attribute in ATTRIBUTES.items():
        assert attribute.tag == tag_for_keyword(keyword)
        assert attribute.vr.decode() in dictionary_VR(attribute.tag).split(" or ")


@st.composite
def data_sets(draw, depth: int = 0) -> Dataset:
    """Draw what a scanner may write: wanted elements, others, private ones, sequences."""
    dataset = Dataset()
    text = st.text("ABCXYZ 0189_", max_size=12).map(str.strip)
    for keyword in draw(st.sets(st.sampled_from(["ImageType", "Modality", "KVP", "StudyID"]))):
        setattr(dataset, keyword, "12" if keyword == "KVP" else draw(text))
    if draw(st.booleans()):
        dataset.ImagePositionPatient = [1.5, -2.25, draw(st.integers(-9, 9))]
        dataset.Rows = draw(st.integers(0, 65535))
    if draw(st.booleans()):
        block = dataset.private_block(0x0021, "SOME MAKER", create=True)
        block.add_new(1, "OB", bytes(draw(st.integers(0, 3 * CHUNK)) // 2 * 2))
    names = ("SharedFunctionalGroupsSequence", "PlanePositionSequence", "RequestAttributesSequence")
    for name in names if depth < 3 else ():
        items = draw(st.lists(data_sets(depth + 1), max_size=2))
        setattr(dataset, name, Sequence(items))
        dataset[name].is_undefined_length = draw(st.booleans())
        for item in items:
            item.is_undefined_length_sequence_item = draw(st.booleans())
    return dataset


def same(ours: data_set.DataSet, theirs: Dataset) -> bool:
    """Say whether every wanted element has the values that pydicom reads, at every level."""
    for keyword, attribute in ATTRIBUTES.items():
        if attribute.tag not in theirs:
            if attribute.tag in ours:
                return False
        elif attribute.vr == b"SQ":
            items = elements.items(ours, keyword)
            others = theirs[attribute.tag].value
            if len(items) != len(others) or not all(map(same, items, others)):
                return False
        else:
            value = theirs[attribute.tag].value
            several = value if isinstance(value, (list, pydicom.multival.MultiValue)) else [value]
            told = [str(one) for one in several if one not in ("", None)]
            if [str(one) for one in elements.values(ours, keyword) if one != ""] != told:
                return False
    return True


@pytest.mark.parametrize("syntax", FORMS)
@settings(max_examples=50, deadline=None)  # the claim is not about time
@given(dataset=data_sets())
def test_what_pydicom_writes_is_read_as_pydicom_reads_it(syntax, dataset):
    raw = written(dataset, syntax)
    implicit, little = FORMS[syntax]
    theirs = pydicom.filereader.read_dataset(io.BytesIO(raw), implicit, little)
    assert same(read_data_set(opened(raw, syntax)), theirs)


def test_an_item_at_the_edge_of_a_chunk_is_read():
    """The next chunk is read before a head is taken out of it."""
    plane = element(0x00200032, b"DS", b"1\\2\\3 ")
    for before in range(CHUNK - 60, CHUNK + 4, 2):
        raw = element(0x00091010, b"OB", bytes(before))
        raw += element(0x00209113, b"SQ", ITEM + plane + ITEM_END + SEQUENCE_END, 0xFFFFFFFF)
        (item,) = elements.items(read_data_set(opened(raw)), "PlanePositionSequence")
        assert elements.floats(item, "ImagePositionPatient", 3) == (1, 2, 3)


def nested(levels: int, tag: int, *, closed: bool) -> bytes:
    """Nest sequences, of known length from the inside out or without any."""
    if not closed:
        head = element(tag, b"SQ", b"", 0xFFFFFFFF) + ITEM
        return head * levels + (ITEM_END + SEQUENCE_END) * levels
    raw = b""
    for _ in range(levels):
        raw = element(tag, b"SQ", struct.pack("<HHI", 0xFFFE, 0xE000, len(raw)) + raw)
    return raw


@pytest.mark.parametrize("tag", [0x00209113, 0x00400275])
@pytest.mark.parametrize("closed", [True, False])
def test_64_levels_are_read_and_65_are_refused(tag, closed):
    read_data_set(opened(nested(64, tag, closed=closed)))
    deep = opened(nested(65, tag, closed=closed))
    if closed and tag == 0x00400275:  # passed over by its length, whatever is inside
        read_data_set(deep)
        return
    with pytest.raises(Unreadable, match="more than 64 deep") as refusal:
        read_data_set(deep)
    assert refusal.value.remedy == ("limits", "nesting=128")
    read_data_set(opened(deep.stream.getvalue(), limits=Limits(nesting=65)))


def test_half_a_million_levels_take_no_time_and_no_memory():
    raw = nested(500_000, 0x00400275, closed=False)
    tracemalloc.start()
    with pytest.raises(Unreadable, match="deep"):
        read_data_set(opened(raw))
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_more_elements_than_a_header_has_are_refused():
    raw = element(0x00209113, b"SQ", ITEM[:4] + bytes(4), 8) * 20
    read_data_set(opened(raw, limits=Limits(elements=40)))
    with pytest.raises(Unreadable, match="more than 39 elements"):
        read_data_set(opened(raw, limits=Limits(elements=39)))


@pytest.mark.parametrize("claimed", [9, 1000, 2**31, 0xFFFFFFFE])
@pytest.mark.parametrize("tag", [0x00209113, 0x00091010, 0x00283006])
def test_a_length_beyond_the_file_is_refused_before_anything_is_read(tag, claimed):
    raw = element(tag, b"OB" if tag == 0x00091010 else b"UN", b"12345678", claimed)
    with pytest.raises(Unreadable, match=r"the file ends inside element"):
        read_data_set(opened(raw))


def test_an_element_may_not_run_past_its_item():
    inside = element(0x00200032, b"DS", b"1\\2\\3 ", 60)
    raw = element(0x00209113, b"SQ", struct.pack("<HHI", 0xFFFE, 0xE000, len(inside)) + inside)
    with pytest.raises(Unreadable, match="its sequence ends inside element"):
        read_data_set(opened(raw + bytes(200)))


@pytest.mark.parametrize("vr", [b"US", b"ZZ", b"FD"])
def test_a_lying_vr_is_never_read_as_another_value(vr):
    raw = element(0x00280010, vr, struct.pack("<H", 512))
    try:
        assert elements.count(read_data_set(opened(raw)), "Rows") == 512
        assert vr == b"US"
    except Unreadable:
        assert vr != b"US"


def test_an_element_that_is_there_twice_may_not_say_two_things():
    once, other = (element(0x00280010, b"US", struct.pack("<H", n)) for n in (512, 256))
    assert elements.count(read_data_set(opened(once + once)), "Rows") == 512
    with pytest.raises(Unreadable, match="says two things"):
        read_data_set(opened(once + other))


def test_elements_out_of_order_betray_a_damaged_implicit_header():
    raw = struct.pack("<HHI", 0x0028, 0x0010, 2) + b"\0\2" + struct.pack("<HHI", 3, 0x60, 2) + b"CT"
    with pytest.raises(Unreadable, match="out of order"):
        read_data_set(opened(raw, IMPLICIT_LITTLE))


@pytest.mark.parametrize(
    "word", ["1,5", "nan", "inf", "1e400", "1_0", "0x10", "１", "1 2", "--1", "9" * 400]
)
def test_a_number_that_is_none_is_refused(word):
    raw = element(0x00280030, b"DS", (word + "\\1").encode("utf-8"))
    with pytest.raises(Unreadable, match="PixelSpacing"):
        elements.floats(read_data_set(opened(raw)), "PixelSpacing", 2)


@pytest.mark.parametrize("word", ["1", "+1.50", "-.5", "1.", "1e-005", "2E3", " 7 "])
def test_a_decimal_string_of_the_standard_is_read(word):
    raw = element(0x00280030, b"DS", f"{word}\\1".encode())
    assert elements.floats(read_data_set(opened(raw)), "PixelSpacing", 2) == (float(word), 1)


class Counted(io.BytesIO):
    """A file that counts the bytes that are read of it."""

    given = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.given += len(data)
        return data


def test_a_header_is_read_in_one_pass():
    raw = (element(0x00091010, b"LO", b"12345678") + nested(3, 0x00209113, closed=False)) * 5000
    stream = Counted(raw)
    encoding = opened(raw)
    read_data_set(
        Encoding(stream, encoding.transfer_syntax, False, True, len(raw), "", (), DEFAULT)
    )
    assert stream.given <= 1.1 * len(raw)


def items(*contents: bytes) -> bytes:
    return b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(c)) + c for c in contents)


PLANE = element(0x00200032, b"DS", b"1\\2\\3 ")
WRITTEN_BY_SCANNERS = {
    "a needless delimiter of a sequence": element(0x00209113, b"SQ", items(PLANE) + SEQUENCE_END),
    "a needless delimiter of an item": element(0x00209113, b"SQ", items(PLANE) + ITEM_END),
    "explicit items in an unknown sequence": element(0x00091010, b"UN", b"", 0xFFFFFFFF)
    + ITEM
    + element(0x00080100, b"SH", b"T-A0")
    + ITEM_END
    + SEQUENCE_END
    + element(0x00209113, b"SQ", items(PLANE)),
    "a VR to come": element(0x00091010, b"OX", b"1234") + element(0x00209113, b"SQ", items(PLANE)),
    "a description twice": element(0x0008103E, b"LO", b"A ")
    + element(0x0008103E, b"LO", b"B ")
    + element(0x00209113, b"SQ", items(PLANE)),
}


@pytest.mark.parametrize("how", WRITTEN_BY_SCANNERS)
def test_what_is_odd_and_harmless_is_read(how):
    (item,) = elements.items(
        read_data_set(opened(WRITTEN_BY_SCANNERS[how])), "PlanePositionSequence"
    )
    assert elements.floats(item, "ImagePositionPatient", 3) == (1, 2, 3)


def test_elements_of_the_standard_may_stand_out_of_order():
    raw = struct.pack("<HHI", 0x0008, 0x103E, 2) + b"A " + struct.pack("<HHI", 8, 0x60, 2) + b"CT"
    assert elements.text(read_data_set(opened(raw, IMPLICIT_LITTLE)), "Modality") == "CT"


@pytest.mark.parametrize("words", [b"0.5\\0.5\\ ", b"0.5\0\\\x000.5 "])
def test_a_last_backslash_and_nuls_between_numbers_are_nothing(words):
    raw = element(0x00280030, b"DS", words)
    assert elements.floats(read_data_set(opened(raw)), "PixelSpacing", 2) == (0.5, 0.5)
