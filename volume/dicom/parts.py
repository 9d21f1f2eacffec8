"""Where the elements of a header lie in its bytes, from the first to the head of the pixel data."""

from __future__ import annotations

import io
import struct
from typing import NamedTuple

from volume.dicom.data_set import PIXEL_TAGS, UNDEFINED, Form, Walk
from volume.dicom.encoding import LONG_VRS, VRS, Encoding, Unreadable

PREAMBLE = 132
META, DELIMITERS = 0x0002, 0xFFFE
"""Groups of the file meta information, and of what delimits items."""


class Part(NamedTuple):
    """An element: where it begins, its value and what is behind it.

    `width` counts the bytes of its length, just before its value. Nothing is said of the value
    of a sequence that ends with a delimiter: `value` and `width` are 0.
    """

    tag: int
    vr: bytes
    at: int
    value: int
    width: int
    end: int


def split_header(chunk: bytes, encoding: Encoding) -> list[Part] | None:
    """Split a header that was read without fault, in little endian, by its first bytes.

    The last part is the pixel data, which ends before its value. None where the header is longer
    than `chunk`, or where an element is not written as the standard has it.
    """
    walk = Walk(io.BytesIO(chunk), len(chunk), encoding.limits)
    parts: list[Part] = []
    at = PREAMBLE
    try:
        while not parts or parts[-1].tag not in PIXEL_TAGS:
            part = _part(walk, chunk, at, encoding)
            if part is None:
                return None
            parts.append(part)
            at = part.end
    except (Unreadable, struct.error):
        return None
    return parts


def _part(walk: Walk, chunk: bytes, at: int, encoding: Encoding) -> Part | None:
    group, number = struct.unpack_from("<HH", chunk, at)
    tag, implicit = group << 16 | number, encoding.implicit and group != META
    vr = b"" if implicit else chunk[at + 4 : at + 6]
    if group == DELIMITERS or not (implicit or vr in VRS):
        return None
    width = 4 if implicit or vr in LONG_VRS else 2
    value = at + (12 if vr in LONG_VRS else 8)
    if value > len(chunk):
        return None
    length = int.from_bytes(chunk[value - width : value], "little")
    if tag in PIXEL_TAGS:
        return Part(tag, vr, at, value, width, value)
    if length == UNDEFINED and width == 4:
        behind = walk.pass_items(value, vr, Form(encoding.implicit, encoding.little))
        return Part(tag, vr, at, 0, 0, behind)
    return Part(tag, vr, at, value, width, value + length)
