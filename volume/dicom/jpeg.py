"""Whether the bits of a JPEG are those that its picture takes (ISO/IEC 10918-1, T.81).

libjpeg gives a picture of a stream that is cut short or overwritten too, and the warnings
that go with it are not to be had. So the bits are counted. Of a lossless scan the
differences between the decoded samples say exactly how many there are; of the others the
codes are followed from the first block to the last (`jpeg_blocks`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from volume.dicom import jpeg_blocks
from volume.dicom.encoding import Unreadable
from volume.dicom.jpeg_blocks import FILL_BITS, SPARE_BYTES, Component, HuffmanTable

END_OF_IMAGE = 0xD9
QUANTIZATION, TABLES, SCAN, RESTART_INTERVAL = 0xDB, 0xC4, 0xDA, 0xDD
SEQUENTIAL, LOSSLESS = frozenset({0xC0, 0xC1}), 0xC3
"""Start of frame of the processes of DICOM's transfer syntaxes (PS3.5 8.2.1, T.81 table B.1)."""
OTHER_FRAMES = frozenset(range(0xC2, 0xD0)) - {LOSSLESS, TABLES, 0xC8, 0xCC}


@dataclass
class Scan:
    """One scan: its components and their tables, and where its bits lie."""

    components: list[Component]
    coefficients: tuple[int, int, int]
    """The first, the last and how they are approximated; of a lossless scan the first number is
    the predictor, the last the point transform (T.81 B.2.3)."""
    restart: int
    """MCUs between two restart markers; 0 where there are none."""
    start: int
    end: int
    restarts: int
    stuffed: int
    spare_bits: int
    """Bits that may be left over, because no marker says where the scan ends."""

    @property
    def predictor(self) -> int:
        return self.coefficients[0]

    @property
    def point_transform(self) -> int:
        return self.coefficients[2] & 15


@dataclass
class Stream:
    """What the marker segments say."""

    process: int = 0
    precision: int = 0
    rows: int = 0
    columns: int = 0
    components: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    """Samples along i and j in an MCU, and the quantization table, by component."""
    scans: list[Scan] = field(default_factory=list)


def refuse_damaged(data: bytes, pixels: NDArray[Any], *, without_loss: bool = False) -> None:
    """Refuse a JPEG whose bits are not those of its picture, (rows, columns[, 3]).

    `without_loss` is what the transfer syntax says of it. Raises `Unreadable`.
    """
    try:
        stream = _read(data)
    except (struct.error, IndexError, ValueError, KeyError):
        raise Unreadable("the compressed frame is cut short", "pixels-truncated") from None
    held = sum(len(scan.components) for scan in stream.scans)
    if not held or held != len(stream.components):
        raise Unreadable("the compressed frame lacks a scan", "pixels-truncated")
    if stream.process == LOSSLESS:
        _count(stream, pixels)
        return
    if without_loss:
        raise Unreadable("the frame was compressed with loss; its transfer syntax says it was not")
    for scan in stream.scans:
        if scan.coefficients not in ALL_COEFFICIENTS:
            raise Unreadable("the compressed frame is damaged: its scan lacks coefficients")
        bits = data[scan.start : scan.end]
        size = stream.rows, stream.columns
        jpeg_blocks.follow(
            bits, scan.components, size, stream.precision, scan.restart, scan.spare_bits
        )


class Segment(NamedTuple):
    """A marker segment, and where what it holds begins and ends."""

    marker: int
    start: int
    end: int


def _segments(data: bytes) -> Iterator[Segment]:
    """Give every marker segment; the bits of a scan are passed over (T.81 B.1.1)."""
    at = 2
    while at < len(data) - 3:
        marker = data[at + 1]
        if data[at] != 0xFF or marker in (0x00, 0xFF) or 0xD0 <= marker <= 0xD8:
            found = data.find(b"\xff", at + 1)
            at = len(data) if found < 0 else found
            continue
        if marker == END_OF_IMAGE:
            return
        (length,) = struct.unpack_from(">H", data, at + 2)
        segment = Segment(marker, at + 4, at + 2 + length)
        yield segment
        at = _bits_behind(data, segment.end)[0] if marker == SCAN else segment.end


def _bits_behind(data: bytes, start: int) -> tuple[int, int, int]:
    """Give where the bits of a scan end, its restart markers and its stuffed bytes.

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


def _read(data: bytes) -> Stream:
    """Read the segments of a stream (T.81 annex B)."""
    stream, restart = Stream(), 0
    huffman: dict[int, HuffmanTable] = {}
    quantization: dict[int, int] = {}
    for marker, start, end in _segments(data):
        if marker in SEQUENTIAL or marker == LOSSLESS:
            _read_frame(stream, marker, data[start:end])
        elif marker in OTHER_FRAMES:
            raise Unreadable("a JPEG of a process that its transfer syntax does not allow")
        elif marker == TABLES:
            huffman |= _huffman_tables(data[start:end])
        elif marker == QUANTIZATION:
            quantization |= _first_steps(data[start:end])
        elif marker == RESTART_INTERVAL:
            (restart,) = struct.unpack_from(">H", data, start)
        elif marker == SCAN:
            stream.scans.append(
                _read_scan(data, start, end, stream, huffman, quantization, restart)
            )
    return stream


def _read_frame(stream: Stream, process: int, segment: bytes) -> None:
    stream.process = process
    stream.precision, stream.rows, stream.columns, count = struct.unpack_from(">BHHB", segment)
    for at in range(6, 6 + 3 * count, 3):
        number, sampling, table = segment[at : at + 3]
        stream.components[number] = (sampling >> 4, sampling & 15, table)


def _read_scan(
    data: bytes,
    start: int,
    end: int,
    stream: Stream,
    huffman: dict[int, HuffmanTable],
    quantization: dict[int, int],
    restart: int,
) -> Scan:
    count = data[start]
    widest = max(along_i for along_i, _, _ in stream.components.values())
    tallest = max(along_j for _, along_j, _ in stream.components.values())
    components = []
    for at in range(start + 1, start + 1 + 2 * count, 2):
        along_i, along_j, table = stream.components[data[at]]
        chosen = data[at + 1]
        components.append(
            Component(
                along_i,
                along_j,
                widest,
                tallest,
                huffman.get(chosen >> 4, NO_CODES),
                huffman.get(AC | chosen & 15, NO_CODES),
                quantization.get(table, 1),
            )
        )
    first, last, bits = data[start + 1 + 2 * count : start + 4 + 2 * count]
    stop, restarts, stuffed = _bits_behind(data, end)
    spare = 0 if stop < len(data) else 8 * SPARE_BYTES
    coefficients = first, last, bits
    return Scan(components, coefficients, restart, end, stop, restarts, stuffed, spare)


ALL_COEFFICIENTS = (0, 63, 0), (0, 0, 0)
"""What stands in a sequential scan (T.81 table B.3), and what some encoders write instead."""


AC = 16
"""Tables of AC coefficients are numbered from here, those of differences from 0."""
NO_CODES = HuffmanTable(bytes(16), b"")


def _huffman_tables(segment: bytes) -> dict[int, HuffmanTable]:
    """Read the tables of a segment (T.81 B.2.4.2)."""
    tables: dict[int, HuffmanTable] = {}
    at = 0
    while at + 17 <= len(segment):
        counts = segment[at + 1 : at + 17]
        tables[segment[at]] = HuffmanTable(counts, segment[at + 17 : at + 17 + sum(counts)])
        at += 17 + sum(counts)
    return tables


def _first_steps(segment: bytes) -> dict[int, int]:
    """Read the step of the DC coefficient of every quantization table (T.81 B.2.4.1)."""
    steps: dict[int, int] = {}
    at = 0
    while at < len(segment):
        wide, number = segment[at] >> 4, segment[at] & 15
        steps[number] = int.from_bytes(segment[at + 1 : at + 2 + (wide > 0)], "big")
        at += 1 + 64 * (2 if wide else 1)
    return steps


MAGNITUDES = np.minimum(np.arange(65536), 65536 - np.arange(65536))
CATEGORIES = np.ceil(np.log2(MAGNITUDES + 1)).astype(np.uint8)
"""The category of a difference modulo 65536: how many bits its magnitude has (T.81 H.1.2.2)."""
EXTRA_BITS = (np.arange(17) % 16).astype(np.uint8)
"""Bits that follow the code of a category; of category 16 none do."""
UNCODED = np.uint8(255)
"""The cost of a category without a code: no scan holds it, so that the count is off."""


def _count(stream: Stream, pixels: NDArray[Any]) -> None:
    """Hold the bits of every lossless scan against those that its samples take."""
    if len({sampling[:2] for sampling in stream.components.values()}) > 1:
        raise Unreadable("a lossless JPEG with fewer samples of some colours is not handled")
    if int(pixels.max(initial=0)) >> stream.precision:
        raise Unreadable(f"the compressed frame is damaged: samples beyond {stream.precision} bits")
    planes = [pixels] if pixels.ndim == 2 else list(np.moveaxis(pixels, -1, 0))
    for scan in stream.scans:
        needed = sum(_bits(planes.pop(0), one, scan, stream.precision) for one in scan.components)
        there = 8 * (scan.end - scan.start - scan.stuffed - 2 * scan.restarts)
        if not 0 <= there - needed <= FILL_BITS * (scan.restarts + 1) + scan.spare_bits:
            raise Unreadable(
                f"the compressed frame is damaged: it holds {there} bits, and its picture"
                f" takes {needed}"
            )


def _bits(plane: NDArray[Any], component: Component, scan: Scan, precision: int) -> int:
    """Count the bits that a plane of samples [j, i] takes."""
    samples = (plane >> scan.point_transform if scan.point_transform else plane).astype(np.uint16)
    predicted = _predict(samples, scan.predictor)
    predicted[1:, 0] = samples[:-1, 0]
    rows = max(1, scan.restart // samples.shape[1]) if scan.restart else len(samples)
    predicted[::rows, 1:] = samples[::rows, :-1]
    predicted[::rows, 0] = 1 << (precision - scan.point_transform - 1)
    costs = _costs(component.dc.lengths.tobytes())
    taken = costs.take(samples - predicted, mode="wrap")  # none is beyond: in half of the time
    return int(taken.sum(dtype=np.uint32 if taken.size < MANY else np.int64))


MANY = 2**24
"""So many bytes can be added up in 32 bits."""


@lru_cache(16)
def _costs(lengths: bytes) -> NDArray[np.uint8]:
    """Give the bits that a difference modulo 65536 takes, by the lengths of the codes."""
    of_code = np.frombuffer(lengths, np.uint8)
    return np.where(of_code > 0, of_code + EXTRA_BITS, UNCODED)[CATEGORIES]


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
