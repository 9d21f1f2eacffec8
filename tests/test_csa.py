"""The Siemens CSA header is read as nibabel reads it, and never beyond its bytes."""

from __future__ import annotations

import gzip
import random
import struct
import warnings
from pathlib import Path

import nibabel
import pydicom
import pytest

from csa_header import csa_header
from shared_data import folder
from volume.dicom import csa
from volume.dicom.encoding import Unreadable

with warnings.catch_warnings():  # it calls its own DICOM readers experimental
    warnings.simplefilter("ignore")
    from nibabel.nicom import csareader

VALUES = {
    "EchoLinePosition": ("IS", 1, ["32"]),
    "NumberOfImagesInMosaic": ("US", 1, ["35"]),
    "SliceNormalVector": ("FD", 3, ["0.0", "-0.5", "0.86602540"]),
    "MosaicRefAcqTimes": ("FD", 0, [f"{60.0 * n:.8f}" for n in range(35)]),
    "ImaPATModeText": ("LO", 1, ["p2"]),
    "B_value": ("IS", 1, []),
}
NIBABEL = Path(nibabel.__file__).parent / "nicom/tests/data"


def agrees_with_nibabel(raw: bytes) -> None:
    ours, theirs = csa.parse(raw), csareader.read(raw)["tags"]
    assert ours.keys() == theirs.keys()
    for name, tag in theirs.items():
        items = list(tag["items"])
        while items and items[-1] == "":
            items.pop()
        if items and isinstance(items[0], int | float):
            assert csa.numbers(ours, name) == tuple(items), name
        else:
            assert ours[name] == tuple(item.strip() for item in items), name


@pytest.mark.parametrize("second", [True, False])
def test_a_header_written_by_hand_is_read(second):
    found = csa.parse(csa_header(VALUES, second=second))
    assert found == {name: tuple(texts) for name, (_, _, texts) in VALUES.items()}
    assert csa.number(found, "NumberOfImagesInMosaic") == 35
    assert csa.numbers(found, "SliceNormalVector", 3) == (0.0, -0.5, 0.8660254)
    assert csa.text(found, "ImaPATModeText") == "p2"
    assert csa.number(found, "B_value") is None


def test_the_form_with_a_mark_is_the_one_that_nibabel_reads():
    agrees_with_nibabel(csa_header(VALUES))


@pytest.mark.parametrize("name", ["csa2_b0.bin", "csa2_b1000.bin", "csa2_zero_len.bin.gz"])
def test_headers_of_real_scanners_are_read_as_nibabel_reads_them(name):
    path = NIBABEL / name
    if not path.exists():
        pytest.skip(f"this nibabel comes without {name}")
    raw = path.read_bytes()
    agrees_with_nibabel(gzip.decompress(raw) if name.endswith(".gz") else raw)


def test_every_real_mosaic_has_a_header_that_both_read():
    paths = [path for path in folder("mr_mosaic").rglob("*") if path.is_file()]
    for path in (path for path in paths if path.suffix != ".nii"):
        raw = pydicom.dcmread(path, stop_before_pixels=True)[0x0029, 0x1010].value
        agrees_with_nibabel(raw)
        assert csa.numbers(csa.parse(raw), "SliceNormalVector", 3)


def test_what_is_no_number_is_not_taken_for_one():
    found = {"B_value": ("1e400",), "SliceNormalVector": ("0", "nan", "1"), "Text": ("p2",)}
    assert csa.number(found, "B_value") is None
    assert csa.numbers(found, "SliceNormalVector", 3) is None
    assert csa.number(found, "Text") is None
    assert csa.numbers({"SliceNormalVector": ("0", "1")}, "SliceNormalVector", 3) is None
    assert csa.number({}, "B_value") is None


@pytest.mark.parametrize("second", [True, False])
def test_a_header_cut_anywhere_is_refused_or_read_and_nothing_else(second):
    whole = csa_header(VALUES, second=second)
    for end in range(len(whole)):
        try:
            csa.parse(whole[:end])
        except Unreadable:
            continue


def test_a_header_cut_in_its_elements_is_refused():
    with pytest.raises(Unreadable, match="CSA header is damaged"):
        csa.parse(csa_header(VALUES)[:-200])


@pytest.mark.parametrize("count", [0, 1001, 2**31, 2**32 - 1])
def test_a_header_of_an_absurd_count_is_refused(count):
    with pytest.raises(Unreadable):
        csa.parse(b"SV10\4\3\2\1" + struct.pack("<2I", count, 77) + bytes(1000))


@pytest.mark.parametrize("second", [True, False])
def test_no_rubbish_raises_anything_else(second):
    draw = random.Random(1)
    whole = csa_header(VALUES, second=second)
    for _ in range(2000):
        broken = bytearray(whole)
        for _ in range(draw.randint(1, 8)):
            broken[draw.randrange(len(broken))] = draw.randrange(256)
        try:
            csa.parse(bytes(broken))
        except Unreadable:
            continue
