"""The quick way past elements that have nothing odd about them, as almost all have.

A run ends before the first element that needs a closer look: a sequence that is wanted or has
no length, a VR that is not known, a value that is not in memory whole, a private element of a
maker that is read. `data_set.Walk` gives that look, and begins the next run behind it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Set
from typing import NamedTuple

from volume.dicom import attributes, private
from volume.dicom.encoding import LONG_VRS, VRS


class Element(NamedTuple):
    """A data element: its bytes as they stand, or the items of a sequence.

    `vr` is empty where the file does not say.
    """

    vr: bytes
    value: bytes
    little: bool
    items: tuple[DataSet, ...] = ()


DataSet = dict[int, Element]
"""The elements that were wanted and are there, by tag."""
VR_OF = attributes.VR_OF | private.VR_OF
"""The VR of everything that is read, by the number it is kept under."""
SEQUENCES = frozenset(tag for tag, vr in VR_OF.items() if vr == b"SQ")
VALUE_AT_MOST = 2**18
"""No value that is read is longer: a lookup table takes 128 KiB."""
HEAD = {vr: 12 if vr in LONG_VRS else 8 for vr in VRS if vr != b"SQ"}
"""Bytes before the value of an element, by its VR (PS3.5 table 7.1-1)."""
EXPLICIT, IMPLICIT, LENGTH = struct.Struct("<HH2sH"), struct.Struct("<HHI"), struct.Struct("<I")
ENDS = frozenset({0x7FE0, 0xFFFE})
"""Groups in which a run ends: pixel data, and what delimits items."""
WATCHED = private.GROUPS | ENDS
NOTHING: Set[int] = frozenset()
FIRST_OF_BLOCKS = 0x100
"""Private elements from here on lie in a block; those before reserve one."""


Reserved = Mapping[int, Set[int]]
"""By group and block, (gggg << 8 | bb), the elements that are read of who reserved it."""


class Run(NamedTuple):
    """How far a run went: where the next element begins, and how many were passed."""

    at: int
    passed: int
    last: int
    """The tag of the last one, in implicit data sets."""


def run_explicit(
    chunk: bytes, at: int, stop: int, wanted: Set[int], found: DataSet, blocks: private.Blocks
) -> Run:
    """Pass explicit little endian elements from `at` on, up to `stop`; keep the wanted ones."""
    passed = 0
    while True:
        at, count = _pass_plain(chunk, at, stop, wanted, found, blocks.read)
        passed += count
        behind = _pass_creator(chunk, at, stop, wanted, blocks)
        if behind == at:
            return Run(at, passed, 0)
        at = behind
        passed += 1


def _pass_creator(
    chunk: bytes, at: int, stop: int, wanted: Set[int], blocks: private.Blocks
) -> int:
    """Note who reserves a block of private elements; give where the next element begins."""
    if at > stop - 12:
        return at
    group, number, vr, length = EXPLICIT.unpack_from(chunk, at)
    tag, behind = group << 16 | number, at + 8 + length
    plain = vr == b"LO" and length <= private.CREATOR_AT_MOST and behind <= stop
    if not plain or tag in wanted or not private.is_creator(tag):
        return at
    blocks.reserve(tag, chunk[at + 8 : behind])
    return behind


def _pass_plain(
    chunk: bytes, at: int, stop: int, wanted: Set[int], found: DataSet, reserved: Reserved
) -> tuple[int, int]:
    """Pass elements up to one of another kind; give where that begins, and how many they were."""
    count, last_head = 0, stop - 12
    read_head, read_length, head_of = EXPLICIT.unpack_from, LENGTH.unpack_from, HEAD.get
    while at <= last_head:
        group, number, vr, length = read_head(chunk, at)
        head = head_of(vr)
        if head is None:
            break
        if head == 12:
            (length,) = read_length(chunk, at + 8)
        behind = at + head + length
        if behind > stop:
            break
        tag = group << 16 | number
        if group in WATCHED:
            if number < FIRST_OF_BLOCKS or group in ENDS:
                break
            if number & 0xFF in reserved.get(tag >> 8, NOTHING):
                break
        if tag in wanted:
            if tag in found or tag in SEQUENCES or length > VALUE_AT_MOST:
                break
            found[tag] = Element(vr, chunk[at + head : behind], True)
        at = behind
        count += 1
    return at, count


def run_implicit(
    chunk: bytes,
    at: int,
    stop: int,
    wanted: Set[int],
    found: DataSet,
    reserved: Reserved,
    last: int,
) -> Run:
    """Pass implicit little endian elements likewise, as long as their tags ascend from `last`."""
    count, last_head = 0, stop - 8
    read_head = IMPLICIT.unpack_from
    while at <= last_head:
        group, number, length = read_head(chunk, at)
        behind = at + 8 + length
        tag = group << 16 | number
        if behind > stop or tag <= last:
            break
        if group in WATCHED:
            if number < FIRST_OF_BLOCKS or group in ENDS:
                break
            if number & 0xFF in reserved.get(tag >> 8, NOTHING):
                break
        if tag in wanted:
            if tag in SEQUENCES or length > VALUE_AT_MOST:
                break
            found[tag] = Element(b"", chunk[at + 8 : behind], True)
        at, last = behind, tag
        count += 1
    return Run(at, count, last)
