"""RLE Lossless (PS3.5 annex G), decoded without trusting a single length."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from volume.dicom.encoding import Unreadable

HEADER = 64
NOTHING = b"\0\x80"
"""Bytes that fill a segment up: 128 stands for nothing (PS3.5 G.3.1)."""


def decode(data: bytes, pixels: int, samples: int, bytes_each: int) -> NDArray[np.uint8]:
    """Decode one frame into (samples, pixels, bytes_each), the least significant byte first.

    Segments stand in the order of samples, within each the most significant byte first.
    Raises `Unreadable` where the segments are not those of such a frame.
    """
    if len(data) < HEADER:
        raise Unreadable("the RLE header is cut short", "pixels-truncated")
    count, *offsets = struct.unpack("<16I", data[:HEADER])
    if count != samples * bytes_each:
        raise Unreadable(f"{count} RLE segments instead of {samples * bytes_each}")
    bounds = [*offsets[:count], len(data)]
    if bounds != sorted(bounds) or bounds[0] < HEADER:
        raise Unreadable("the RLE segments overlap")
    out = np.empty((samples, pixels, bytes_each), np.uint8)
    for segment in range(count):
        sample, place = divmod(segment, bytes_each)
        plane = _unpack(data[bounds[segment] : bounds[segment + 1]], pixels)
        out[sample, :, bytes_each - 1 - place] = plane
    return out


def _unpack(segment: bytes, length: int) -> NDArray[np.uint8]:
    """Unpack one PackBits segment into exactly `length` bytes.

    Every byte has to have its place: a run that goes on behind the last pixel, or bytes
    that are left over, betray a run that was changed before.
    """
    out = bytearray()
    at, end = 0, len(segment)
    while len(out) < length and at < end:
        control = segment[at]
        at += 1
        if control < 128:
            out += segment[at : at + control + 1]
            at += control + 1
        elif control > 128:
            out += segment[at : at + 1] * (257 - control)
            at += 1
    if len(out) < length or at > end:
        raise Unreadable("an RLE segment ends early", "pixels-truncated")
    if len(out) > length or (end - at > 1 and segment[at:].strip(NOTHING)):
        raise Unreadable("an RLE segment is damaged: its bytes are not those of its pixels")
    return np.frombuffer(bytes(out), np.uint8)
