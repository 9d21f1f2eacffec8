"""Finding the bytes of one frame in encapsulated pixel data (PS3.5 A.4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from volume.dicom.encoding import Unreadable

ITEM, DELIMITER = 0xFFFEE000, 0xFFFEE0DD
FRAGMENTS_AT_MOST = 1_000_000
CODESTREAM_AT_MOST = 256 * 2**20


@dataclass(frozen=True)
class Fragment:
    """One item: `offset` and `length` of its bytes, `item` where its tag begins."""

    item: int
    offset: int
    length: int


def read_frame(file: BinaryIO, offset: int, size: int, frame: int, frames: int) -> bytes:
    """Read the codestream of `frame` (from 0) of `frames` in pixel data that begin at `offset`.

    Every length is checked against the `size` bytes there are.
    Raises `Unreadable` where fragments run past the end or do not tell the frames apart.
    """
    table, fragments = _fragments(file, offset, size)
    chosen = _of_frame(table, fragments, frame, frames)
    if sum(fragment.length for fragment in chosen) > CODESTREAM_AT_MOST:
        raise Unreadable("a compressed frame of more than 256 MiB")
    return b"".join(_read(file, fragment) for fragment in chosen)


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
    table = _read(file, items[0])
    return struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4]), items[1:]


def _of_frame(
    table: tuple[int, ...], fragments: list[Fragment], frame: int, frames: int
) -> list[Fragment]:
    """Choose a frame's fragments: all of one, one each, or as the offset table says."""
    if frames == 1:
        return fragments
    if len(fragments) == frames:
        return fragments[frame : frame + 1]
    if len(table) != frames:
        raise Unreadable(f"{len(fragments)} fragments cannot be told apart into {frames} frames")
    first = fragments[0].item
    begin = first + table[frame]
    end = first + table[frame + 1] if frame + 1 < frames else fragments[-1].item + 1
    return [fragment for fragment in fragments if begin <= fragment.item < end]


def _read(file: BinaryIO, fragment: Fragment) -> bytes:
    file.seek(fragment.offset)
    return file.read(fragment.length)
