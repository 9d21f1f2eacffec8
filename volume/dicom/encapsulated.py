"""Finding the bytes of every frame in encapsulated pixel data (PS3.5 A.4)."""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import BinaryIO, NamedTuple

from volume.dicom.encoding import Unreadable
from volume.dicom.limits import DEFAULT, MIB, Limits

ITEM, DELIMITER = 0xFFFEE000, 0xFFFEE0DD
FRAGMENTS_AT_MOST = 1_000_000
TABLE_AT_MOST = 4 * FRAGMENTS_AT_MOST
"""Bytes of the basic offset table: four a frame."""


class Fragment(NamedTuple):
    """One item: `offset` and `length` of its bytes, `item` where its tag begins."""

    item: int
    offset: int
    length: int


def find_frames(
    file: BinaryIO, offset: int, size: int, frames: int, limits: Limits = DEFAULT
) -> list[list[Fragment]]:
    """Find the fragments of every one of `frames` in pixel data that begin at `offset`.

    Every length is checked against the `size` bytes there are.
    Raises `Unreadable` where fragments run past the end or do not tell the frames apart.
    """
    table, fragments = _fragments(file, offset, size)
    found = _by_frame(table, fragments, frames)
    for chosen in found:
        if sum(fragment.length for fragment in chosen) > limits.frame * MIB:
            raise too_large(limits)
    return found


def too_large(limits: Limits) -> Unreadable:
    """Say that a compressed frame is larger than is allowed."""
    return Unreadable(
        f"a compressed frame of more than {limits.frame} MiB",
        remedy=("limits", f"frame={4 * limits.frame}"),
    )


def read_fragments(
    file: BinaryIO, fragments: Sequence[Fragment], at_most: int | None = None
) -> bytes:
    """Read a frame's codestream, or its first bytes."""
    pieces: list[bytes] = []
    left = sum(fragment.length for fragment in fragments)
    left = left if at_most is None else min(left, at_most)
    for fragment in fragments:
        if not left:
            break
        file.seek(fragment.offset)
        pieces.append(file.read(min(fragment.length, left)))
        left -= min(fragment.length, left)
    return b"".join(pieces)


def _fragments(file: BinaryIO, offset: int, size: int) -> tuple[tuple[int, ...], list[Fragment]]:
    """List the basic offset table and the fragments."""
    items: list[Fragment] = []
    file.seek(offset)
    while True:
        at = file.tell()
        head = file.read(8)
        if len(head) < 8:
            break  # the delimiter is missing; the fragments may be whole all the same
        group, element, length = struct.unpack("<HHI", head)
        tag = group << 16 | element
        if tag == DELIMITER:
            break
        if tag != ITEM or at + 8 + length > size or len(items) > FRAGMENTS_AT_MOST:
            raise Unreadable("the compressed pixel data are cut short", "pixels-truncated")
        items.append(Fragment(at, at + 8, length))
        file.seek(length, 1)
    if len(items) < 2:
        raise Unreadable("there are no compressed pixel data", "pixels-truncated")
    if items[0].length > TABLE_AT_MOST:
        raise Unreadable("the offset table of the compressed pixels is absurdly long")
    table = read_fragments(file, items[:1])
    return struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4]), items[1:]


def _by_frame(
    table: tuple[int, ...], fragments: list[Fragment], frames: int
) -> list[list[Fragment]]:
    """Share the fragments out: all to one frame, one each, or as the offset table says."""
    if frames == 1:
        return [fragments]
    if len(fragments) == frames:
        return [[fragment] for fragment in fragments]
    starts = [fragments[0].item + begin for begin in table]
    items = [fragment.item for fragment in fragments]
    known = set(items)
    if len(table) != frames or starts != sorted(starts) or not known.issuperset(starts):
        raise Unreadable(f"{len(fragments)} fragments cannot be told apart into {frames} frames")
    ends = [*(bisect_left(items, start) for start in starts), len(items)]
    return [fragments[a:b] for a, b in pairwise(ends)]
