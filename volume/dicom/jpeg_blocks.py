"""The codes of a JPEG of 8 x 8 blocks, followed from the first to the last (T.81 annex F).

No coefficient is computed but the mean of a block, which cannot lie outside of what its
samples can be; what matters is that every code is one, that every block has its 64
coefficients, and that the last one ends where the bits do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from volume.dicom.encoding import Unreadable

SIDE, COEFFICIENTS = 8, 64
FILL_BITS, SPARE_BYTES = 7, 2
"""Bits that fill the last byte of a scan, and bytes that fill a frame whose end is missing."""
RESTART = re.compile(rb"\xff[\xd0-\xd7]")
END_OF_BLOCK, NO_CODE = 128, 192
"""Steps that end a block: as it should, and because no code begins with these bits."""


@dataclass(frozen=True)
class HuffmanTable:
    """So many codes of 1 to 16 bits, and what they stand for in their order (T.81 annex C)."""

    counts: bytes
    symbols: bytes

    @property
    def lengths(self) -> NDArray[np.uint8]:
        """The code length of every category from 0 to 16; 0 where it has none."""
        lengths = np.zeros(17, np.uint8)
        for symbol, bits, _ in _codes(self):
            if symbol < len(lengths):
                lengths[symbol] = bits
        return lengths


class Component(NamedTuple):
    """One colour: blocks along i and j in an MCU, and the most of any; its tables.

    `step` is that of its DC coefficient's quantization.
    """

    along_i: int
    along_j: int
    widest: int
    tallest: int
    dc: HuffmanTable
    ac: HuffmanTable
    step: int


def _codes(table: HuffmanTable) -> list[tuple[int, int, int]]:
    """Give (symbol, length, code) of every code (T.81 figure C.2)."""
    found, code, at = [], 0, 0
    for bits, count in enumerate(table.counts, start=1):
        for symbol in table.symbols[at : at + count]:
            found.append((symbol, bits, code))
            code += 1
        at += count
        code <<= 1
    return found


@lru_cache(maxsize=64)
def _advances(table: HuffmanTable, most_bits: int, *, dc: bool) -> list[int]:
    """Say what the next 16 bits begin with: bits to pass << 8 | coefficients to pass.

    Of a DC code, the category stands for the coefficients (T.81 F.1.2.1, F.1.2.2).
    """
    entries = np.full(65536, NO_CODE, np.int32)
    for symbol, bits, code in _codes(table):
        run, size = symbol >> 4, symbol & 15
        if code >= 1 << bits or size > most_bits or (dc and run):
            continue
        if dc:
            entry = bits << 8 | size
        elif size:
            entry = (bits + size) << 8 | run + 1
        elif run in (0, 15):
            entry = bits << 8 | (END_OF_BLOCK if run == 0 else 16)
        else:
            continue
        entries[code << 16 - bits : (code + 1) << 16 - bits] = entry
    return entries.tolist()


def follow(
    data: bytes,
    components: Sequence[Component],
    size: tuple[int, int],
    precision: int,
    restart: int,
    spare_bits: int = 0,
) -> None:
    """Follow the bits of a scan of (rows, columns); raise `Unreadable` where they go astray."""
    units = _units(components, *size)
    intervals = RESTART.split(data)
    step = restart or units
    if len(intervals) != -(-units // step):
        raise _damaged("some of its parts are missing")
    for n, interval in enumerate(intervals):
        count = min(step, units - n * step)
        bits = interval.replace(b"\xff\x00", b"\xff")
        try:
            passed = _pass_blocks(bits, components, count, precision)
        except IndexError:
            passed = 8 * len(bits) + 1
        if passed > 8 * len(bits):
            raise Unreadable("the compressed frame ends before its picture", "pixels-truncated")
        if 8 * len(bits) - passed > FILL_BITS + spare_bits:
            raise _damaged("its picture ends before its bits do")


def _damaged(why: str) -> Unreadable:
    return Unreadable(f"the compressed frame is damaged: {why}")


def _units(components: Sequence[Component], rows: int, columns: int) -> int:
    """Count the MCUs of a scan: interleaved, or the blocks of one component (T.81 A.2)."""
    first = components[0]
    if len(components) > 1:
        return -(-columns // (SIDE * first.widest)) * -(-rows // (SIDE * first.tallest))
    samples_i = -(-columns * first.along_i // first.widest)
    samples_j = -(-rows * first.along_j // first.tallest)
    return -(-samples_i // SIDE) * -(-samples_j // SIDE)


def _pass_blocks(bits: bytes, components: Sequence[Component], count: int, precision: int) -> int:
    """Pass `count` MCUs; give the bits they took. Raises `IndexError` far behind the end."""
    window = _windows(bits)
    extra = precision - 8
    tables = [
        (
            _advances(one.dc, 11 + extra, dc=True),
            _advances(one.ac, 10 + extra, dc=False),
            n,
            ((1 << precision + 2) + one.step) // max(1, one.step),
        )
        for n, one in enumerate(components)
        for _ in range(one.along_i * one.along_j if len(components) > 1 else 1)
    ]
    means = [0] * len(components)
    pos = 0
    for _ in range(count):
        for dc, ac, n, most in tables:
            entry = dc[window[pos >> 3] >> 16 - (pos & 7) & 0xFFFF]
            size = entry & 0xFF
            if size == NO_CODE:
                raise _damaged("its bits begin with no code")
            pos += entry >> 8
            if size:
                value = (window[pos >> 3] >> 32 - (pos & 7) - size) & ((1 << size) - 1)
                means[n] += value if value >> size - 1 else value - (1 << size) + 1
                pos += size
                if not -most <= means[n] <= most:
                    raise _damaged("a block is brighter or darker than can be")
            k = 1
            while k < COEFFICIENTS:
                entry = ac[window[pos >> 3] >> 16 - (pos & 7) & 0xFFFF]
                pos += entry >> 8
                k += entry & 0xFF
            if k != COEFFICIENTS and not END_OF_BLOCK < k < NO_CODE:
                raise _damaged("a block has more coefficients than 64")
    return pos


def _windows(bits: bytes) -> list[int]:
    """Give the 32 bits from every byte on; behind the end there are zeros."""
    values = np.frombuffer(bits + bytes(8), np.uint8).astype(np.uint32)
    return (values[:-3] << 24 | values[1:-2] << 16 | values[2:-1] << 8 | values[3:]).tolist()
