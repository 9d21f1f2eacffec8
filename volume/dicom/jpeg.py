"""Whether the bits of a JPEG are those that its picture takes (ISO/IEC 10918-1, T.81).

libjpeg gives a picture of a stream that is cut short or overwritten too, and the warnings
that go with it are not to be had. So the bits are counted: the differences between the
decoded samples say exactly how many a lossless scan holds. Of the others, which cannot be
recounted from rounded pixels, the end is changed: a whole picture depends on its own last
bytes, and on nothing behind them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.dicom.encoding import Unreadable

START_OF_IMAGE, END_OF_IMAGE = 0xD8, 0xD9
TABLES, SCAN, RESTART_INTERVAL = 0xC4, 0xDA, 0xDD
LOSSLESS = 0xC3
FRAMES = frozenset({0xC0, 0xC1, 0xC2, LOSSLESS})
"""Start of frame of the processes with Huffman codes (T.81 table B.1)."""
SPARE_BYTES = 2
"""Bytes that encoders leave behind a scan; what is damaged is off by many more, or by none."""
TRIAL = 16
"""So many last bytes are changed to see whether the picture depends on them."""
PATTERNS = (0x55, 0xAA, 0x12, 0xED)

Decoder = Callable[[bytes], NDArray[Any]]


@dataclass
class _Scan:
    """One scan: its Huffman tables by component, and where its bits lie."""

    tables: list[NDArray[np.uint8]]
    predictor: int
    point_transform: int
    restart: int
    start: int
    end: int
    restarts: int
    stuffed: int


@dataclass
class _Stream:
    process: int = 0
    precision: int = 0
    even: bool = True
    """Whether every component has a sample at every pixel."""
    scans: list[_Scan] = field(default_factory=list)


def refuse_damaged(data: bytes, pixels: NDArray[Any], decode: Decoder) -> None:
    """Refuse a JPEG whose bits are not those of its picture, (rows, columns[, 3]).

    `decode` decodes another stream in the same way. Raises `Unreadable`.
    """
    try:
        stream = _read(data)
    except (struct.error, IndexError, ValueError):
        raise Unreadable("the compressed frame is cut short", "pixels-truncated") from None
    if not stream.scans:
        raise Unreadable("the compressed frame holds no picture", "pixels-truncated")
    if stream.process == LOSSLESS and stream.even:
        _count(stream, pixels)
    else:
        _try(data, stream.scans[-1], pixels, decode)


def _read(data: bytes) -> _Stream:
    """Read the segments of a stream (T.81 annex B)."""
    stream, restart = _Stream(), 0
    lengths: dict[int, NDArray[np.uint8]] = {}
    for marker, start, end in _segments(data):
        if marker in FRAMES:
            stream.process, stream.precision = marker, data[start]
            sampling = data[start + 7 : end : 3]
            stream.even = len(set(sampling)) <= 1
        elif marker == TABLES:
            lengths |= _code_lengths(data[start:end])
        elif marker == RESTART_INTERVAL:
            (restart,) = struct.unpack_from(">H", data, start)
        elif marker == SCAN:
            components = data[start]
            chosen = data[start + 2 : start + 2 + 2 * components : 2]
            tables = [lengths.get(one >> 4, NO_CODES) for one in chosen]
            predictor, _, bits = data[start + 1 + 2 * components : start + 4 + 2 * components]
            where = _scan(data, end)
            stream.scans.append(_Scan(tables, predictor, bits & 15, restart, end, *where))
    return stream


def _scan(data: bytes, start: int) -> tuple[int, int, int]:
    """Give where a scan ends, its restart markers and its stuffed bytes.

    Of the bits, only 0x00 and restart markers follow a 0xFF (T.81 B.1.1.5).
    """
    values = np.frombuffer(data, np.uint8)
    marks = np.flatnonzero(values[start:-1] == 0xFF) + start
    after = values[marks + 1]
    closing = (after != 0) & ((after < 0xD0) | (after > 0xD7))
    inside = int(closing.argmax()) if closing.any() else len(marks)
    stuffed = int(np.count_nonzero(after[:inside] == 0))
    end = int(marks[inside]) if inside < len(marks) else len(data)
    return end, inside - stuffed, stuffed


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Give every marker segment: its marker, and where what it holds begins and ends."""
    at = 2
    while at < len(data) - 3:
        if data[at] != 0xFF or data[at + 1] in (0x00, 0xFF) or 0xD0 <= data[at + 1] <= 0xD8:
            found = data.find(b"\xff", at + 1)
            at = len(data) if found < 0 else found
            continue
        marker = data[at + 1]
        if marker == END_OF_IMAGE:
            return
        (length,) = struct.unpack_from(">H", data, at + 2)
        yield marker, at + 4, at + 2 + length
        at += 2 + length
        if marker == SCAN:
            at = _scan(data, at)[0]


NO_CODES = np.zeros(17, np.uint8)


def _code_lengths(segment: bytes) -> dict[int, NDArray[np.uint8]]:
    """Give the code length of every category of the tables in a segment (T.81 B.2.4.2)."""
    tables: dict[int, NDArray[np.uint8]] = {}
    at = 0
    while at + 17 <= len(segment):
        counts = segment[at + 1 : at + 17]
        symbols = segment[at + 17 : at + 17 + sum(counts)]
        lengths = NO_CODES.copy()
        ordered = (bits for bits, count in enumerate(counts, start=1) for _ in range(count))
        for symbol, bits in zip(symbols, ordered, strict=False):
            if symbol < len(lengths):
                lengths[symbol] = bits
        if segment[at] < 16:  # tables for differences; those of AC coefficients come as 16 + n
            tables[segment[at]] = lengths
        at += 17 + sum(counts)
    return tables


MAGNITUDES = np.minimum(np.arange(65536), 65536 - np.arange(65536))
CATEGORIES = np.ceil(np.log2(MAGNITUDES + 1)).astype(np.uint8)
"""The category of a difference modulo 65536: how many bits its magnitude has (T.81 H.1.2.2)."""
EXTRA_BITS = (np.arange(17) % 16).astype(np.uint8)
"""Bits that follow the code of a category; of category 16 none do."""


def _count(stream: _Stream, pixels: NDArray[Any]) -> None:
    """Hold the bits of every lossless scan against those that its samples take."""
    planes = [pixels] if pixels.ndim == 2 else list(np.moveaxis(pixels, -1, 0))
    if sum(len(scan.tables) for scan in stream.scans) != len(planes):
        raise Unreadable("the compressed frame lacks a scan", "pixels-truncated")
    for scan in stream.scans:
        needed = sum(_bits(planes.pop(0), table, scan, stream.precision) for table in scan.tables)
        there = 8 * (scan.end - scan.start - scan.stuffed - 2 * scan.restarts)
        if not 0 <= there - needed <= 7 * (scan.restarts + 1) + 8 * SPARE_BYTES:
            raise Unreadable(
                f"the compressed frame is damaged: it holds {there} bits, and its picture"
                f" takes {needed}"
            )


def _bits(plane: NDArray[Any], table: NDArray[np.uint8], scan: _Scan, precision: int) -> int:
    """Count the bits that a plane of samples [j, i] takes."""
    samples = (plane >> scan.point_transform if scan.point_transform else plane).astype(np.uint16)
    predicted = _predict(samples, scan.predictor)
    predicted[1:, 0] = samples[:-1, 0]
    rows = max(1, scan.restart // samples.shape[1]) if scan.restart else len(samples)
    predicted[::rows, 1:] = samples[::rows, :-1]
    predicted[::rows, 0] = 1 << (precision - scan.point_transform - 1)
    costs = np.where(table > 0, table + EXTRA_BITS, UNCODED)[CATEGORIES]
    return int(costs[samples - predicted].sum(dtype=np.int64))


UNCODED = np.uint8(255)
"""The cost of a category without a code: no scan holds it, so that the count is off."""


def _predict(samples: NDArray[np.uint16], predictor: int) -> NDArray[np.uint16]:
    """Predict every sample from those to the left, above and both (T.81 table H.1)."""
    predicted = np.zeros_like(samples)
    wide: Any = samples.astype(np.int32) if predictor >= 5 else samples  # halves need the sign
    left, above, corner = wide[1:, :-1], wide[:-1, 1:], wide[:-1, :-1]
    predicted[1:, 1:] = {
        1: lambda: left,
        2: lambda: above,
        3: lambda: corner,
        4: lambda: left + above - corner,
        5: lambda: left + ((above - corner) >> 1),
        6: lambda: above + ((left - corner) >> 1),
        7: lambda: (left + above) >> 1,
    }.get(predictor, lambda: 0)()
    return predicted


def _try(data: bytes, scan: _Scan, pixels: NDArray[Any], decode: Decoder) -> None:
    """See that a picture depends on the last bytes of its scan, and on nothing behind them."""
    head, last, tail = data[: scan.end - TRIAL], data[scan.end - TRIAL : scan.end], data[scan.end :]
    for pattern in PATTERNS[:2]:
        longer = decode(head + last + bytes([pattern]) * 4 * TRIAL + tail)
        if not np.array_equal(longer, pixels):
            raise Unreadable("the compressed frame ends before its picture", "pixels-truncated")
    if scan.end - scan.start < 2 * TRIAL:
        return
    others = (decode(head + bytes([pattern]) * TRIAL + tail) for pattern in PATTERNS)
    if all(np.array_equal(other, pixels) for other in others):
        raise Unreadable("the compressed frame is damaged: its picture ends before its bytes do")
