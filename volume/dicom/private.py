"""The private data elements that are read, each found through its private creator.

A private element has no number of its own: its maker reserves a block of a group by writing
its name at (gggg,00bb), and its elements are (gggg,bbee) from there on (PS3.5 7.8.1). The
same number means other things to other makers; only the creator tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import NamedTuple

BEYOND_TAGS = 1 << 32
"""Private elements are kept under numbers from here on, which no tag can be."""
CREATORS = range(0x10, 0x100)
"""Elements of an odd group that reserve a block."""
CREATOR_AT_MOST = 64
"""The name of a creator is no longer (LO, PS3.5 6.2)."""


class Private(NamedTuple):
    """A private element: the number it is kept under, its VR, and who wrote it where."""

    tag: int
    vr: bytes
    creator: str
    group: int
    element: int


TABLE = """
0009 0D DT GEMS_PETD_01 = GeScanDateTime
0019 0A US SIEMENS MR HEADER = SiemensNumberOfImagesInMosaic
0019 0C IS SIEMENS MR HEADER = SiemensBValue
0019 0E FD SIEMENS MR HEADER = SiemensDiffusionGradientDirection
0019 BB DS GEMS_ACQU_01 = GeDiffusionDirectionX
0019 BC DS GEMS_ACQU_01 = GeDiffusionDirectionY
0019 BD DS GEMS_ACQU_01 = GeDiffusionDirectionZ
0019 E0 DS GEMS_ACQU_01 = GeNumberOfDiffusionDirections
0029 10 OB SIEMENS CSA HEADER = SiemensCsaImageHeader
0043 39 IS GEMS_PARM_01 = GeBValue
0065 09 FD Image Private Header = UihBValue
0065 37 FD Image Private Header = UihDiffusionGradientDirection
0065 50 DS Image Private Header = UihSlicesInGrid
0065 51 SQ Image Private Header = UihGridSequence
2001 03 FL Philips Imaging DD 001 = PhilipsBValue
2005 0D FL Philips MR Imaging DD 001 = PhilipsScaleIntercept
2005 0E FL Philips MR Imaging DD 001 = PhilipsScaleSlope
2005 0F SQ Philips MR Imaging DD 005 = PhilipsFrameSequence
2005 12 IS Philips MR Imaging DD 005 = PhilipsBValueNumber
2005 13 IS Philips MR Imaging DD 005 = PhilipsGradientNumber
2005 B0 FL Philips MR Imaging DD 001 = PhilipsDiffusionDirectionRL
2005 B1 FL Philips MR Imaging DD 001 = PhilipsDiffusionDirectionAP
2005 B2 FL Philips MR Imaging DD 001 = PhilipsDiffusionDirectionFH
7053 00 DS Philips PET Private Group = PhilipsSuvFactor
7053 09 DS Philips PET Private Group = PhilipsActivityFactor
"""
"""Group, element within the block, VR, creator and the keyword it is read by."""
ACQUISITION = """
0019 18 IS SIEMENS MR HEADER = SiemensRealDwellTime
0019 28 FD SIEMENS MR HEADER = SiemensBandwidthPerPixelPhaseEncode
0021 1C IS SIEMENS MR SDI 02 = SiemensPhaseEncodingPositive
0021 42 IS SIEMENS MR SDI 02 = SiemensDwellTimeOfFrame
0021 53 FD SIEMENS MR SDI 02 = SiemensBandwidthPhaseEncodeOfFrame
0021 FE SQ SIEMENS MR SDI 02 = SiemensFrameSequence
0043 2A OB GEMS_PARM_01 = GeUserDefinedData
0043 2C SS GEMS_PARM_01 = GeEffectiveEchoSpacing
0043 83 DS GEMS_PARM_01 = GeAssetFactors
0051 11 LO SIEMENS MR HEADER = SiemensPatModeText
0065 58 IS Image Private Header = UihPhaseEncodingPositive
"""
"""Read only where a volume is made: how it was acquired."""


def _read(number: int, line: str) -> tuple[str, Private]:
    place, keyword = line.split(" = ")
    group, element, vr, creator = place.split(" ", 3)
    tag = BEYOND_TAGS + number
    return keyword, Private(tag, vr.encode(), creator, int(group, 16), int(element, 16))


LINES = TABLE.strip().splitlines()
PRIVATE = dict(
    _read(number, line) for number, line in enumerate([*LINES, *ACQUISITION.strip().splitlines()])
)
"""What is read, by keyword."""
SCANNED = frozenset(BEYOND_TAGS + number for number in range(len(LINES)))
"""The numbers of what is read of every header."""
VR_OF = {private.tag: private.vr for private in PRIVATE.values()}
"""The VR of what is read, by the number it is kept under."""
TAG_OF = {
    (private.creator, private.group, private.element): private.tag for private in PRIVATE.values()
}
ELEMENTS_OF: Mapping[tuple[str, int], Set[int]] = {
    (creator, group): {e for c, g, e in TAG_OF if (c, g) == (creator, group)}
    for creator, group, _ in TAG_OF
}
"""The elements that are read, by creator and group."""
GROUPS = frozenset(private.group for private in PRIVATE.values())
"""The groups in which something is read; the others are passed over."""


class Blocks:
    """The blocks that are reserved in one data set: a creator names its own.

    `read` holds, by group and block, the elements that are read of the creator.
    """

    def __init__(self) -> None:
        self._creators: dict[int, str] = {}
        self.read: dict[int, Set[int]] = {}

    def reserve(self, tag: int, creator: bytes) -> None:
        """Note who reserved a block; of two that claim it the first has it."""
        name, block = creator.decode("latin-1").strip("\0 "), tag >> 16 << 8 | tag & 0xFF
        if self._creators.setdefault(block, name) == name and (name, tag >> 16) in ELEMENTS_OF:
            self.read[block] = ELEMENTS_OF[name, tag >> 16]

    def resolve(self, tag: int) -> int:
        """Give the number that a private element is kept under, or its own tag."""
        group, element = tag >> 16, tag & 0xFF
        creator = self._creators.get(tag >> 8)
        return tag if creator is None else TAG_OF.get((creator, group, element), tag)


def is_creator(tag: int) -> bool:
    """Say whether an element reserves a block of a group that is read."""
    return tag >> 16 in GROUPS and tag & 0xFFFF in CREATORS
