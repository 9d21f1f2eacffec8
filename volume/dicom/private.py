"""The private data elements that are read, each found through its private creator.

A private element has no number of its own: its maker reserves a block of a group by writing
its name at (gggg,00bb), and its elements are (gggg,bbee) from there on (PS3.5 7.8.1). The
same number means other things to other makers; only the creator tells.
"""

from __future__ import annotations

from typing import NamedTuple

BEYOND_TAGS = 1 << 32
"""Private elements are kept under numbers from here on, which no tag can be."""
CREATORS = range(0x10, 0x100)
"""Elements of an odd group that reserve a block."""


class Private(NamedTuple):
    """A private element: the number it is kept under, its VR, and who wrote it where."""

    tag: int
    vr: bytes
    creator: str
    group: int
    element: int


TABLE = """
0019 0A US SIEMENS MR HEADER = SiemensNumberOfImagesInMosaic
0019 0C IS SIEMENS MR HEADER = SiemensBValue
0019 0E FD SIEMENS MR HEADER = SiemensDiffusionGradientDirection
0029 10 OB SIEMENS CSA HEADER = SiemensCsaImageHeader
0065 50 DS Image Private Header = UihSlicesInGrid
0065 51 SQ Image Private Header = UihGridSequence
0009 0D DT GEMS_PETD_01 = GeScanDateTime
7053 00 DS Philips PET Private Group = PhilipsSuvFactor
2005 0D FL Philips MR Imaging DD 001 = PhilipsScaleIntercept
2005 0E FL Philips MR Imaging DD 001 = PhilipsScaleSlope
2005 0F SQ Philips MR Imaging DD 005 = PhilipsFrameSequence
7053 09 DS Philips PET Private Group = PhilipsActivityFactor
"""
"""Group, element within the block, VR, creator and the keyword it is read by."""


def _read(number: int, line: str) -> tuple[str, Private]:
    place, keyword = line.split(" = ")
    group, element, vr, creator = place.split(" ", 3)
    tag = BEYOND_TAGS + number
    return keyword, Private(tag, vr.encode(), creator, int(group, 16), int(element, 16))


PRIVATE = dict(_read(number, line) for number, line in enumerate(TABLE.strip().splitlines()))
"""What is read, by keyword."""
VR_OF = {private.tag: private.vr for private in PRIVATE.values()}
"""The VR of what is read, by the number it is kept under."""
TAG_OF = {
    (private.creator, private.group, private.element): private.tag for private in PRIVATE.values()
}
GROUPS = frozenset(private.group for private in PRIVATE.values())
"""The groups in which something is read; the others are passed over."""


class Blocks:
    """The blocks that are reserved in one data set: a creator names its own."""

    def __init__(self) -> None:
        self._creators: dict[int, str] = {}

    def reserve(self, tag: int, creator: bytes) -> None:
        """Note who reserved a block; of two that claim it the first has it."""
        self._creators.setdefault(tag, creator.decode("latin-1").strip("\0 "))

    def resolve(self, tag: int) -> int:
        """Give the number that a private element is kept under, or its own tag."""
        group, block, element = tag >> 16, tag >> 8 & 0xFF, tag & 0xFF
        creator = self._creators.get(group << 16 | block)
        return tag if creator is None else TAG_OF.get((creator, group, element), tag)


def is_creator(tag: int) -> bool:
    """Say whether an element reserves a block of a group that is read."""
    return tag >> 16 in GROUPS and tag & 0xFFFF in CREATORS
