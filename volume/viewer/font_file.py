"""Which letters VTK finds in a font file: those of the first part of its table "cmap".

VTK 9.7 looks letters up in the first part (OpenType 1.9, cmap), whichever that is: where it is
Macintosh's, as in NanumGothic.ttf, all but ASCII is drawn as nothing.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

LARGEST_TABLE = 4 << 20
MOST_TABLES = 256
SEGMENTS, GROUPS = 4, 12
"""The formats of the table that hold the basic plane, and all of Unicode."""
UNICODE = {(0, 3), (0, 4), (0, 6), (3, 1), (3, 10)}
"""The (platform, encoding) of tables that go by Unicode."""


def letters_of(path: Path) -> frozenset[int]:
    """Give the code points found in the first font of a .ttf, .otf or .ttc; none in a bad file."""
    try:
        return frozenset(_read(_table(path)))
    except (OSError, ValueError, struct.error, IndexError):
        return frozenset()


def _table(path: Path) -> bytes:
    """Find the table of letters of the first font in a file."""
    with path.open("rb") as file:
        start = 0
        if file.read(4) == b"ttcf":
            file.seek(12)
            (start,) = struct.unpack(">I", file.read(4))
        file.seek(start + 4)
        (count,) = struct.unpack(">H", file.read(2))
        file.seek(start + 12)
        for _ in range(min(count, MOST_TABLES)):
            tag, _sum, offset, length = struct.unpack(">4sIII", file.read(16))
            if tag == b"cmap":
                file.seek(offset)
                return file.read(min(length, LARGEST_TABLE))
    raise ValueError("this font has no table of letters")


def _read(table: bytes) -> set[int]:
    platform, encoding, offset = struct.unpack_from(">HHI", table, 4)
    (form,) = struct.unpack_from(">H", table, offset)
    if (platform, encoding) not in UNICODE or form not in READERS:
        return set()
    return READERS[form](table[offset:])


def _read_segments(table: bytes) -> set[int]:
    """Read format 4: segments from a first to a last letter; glyph 0 is no letter."""
    (doubled,) = struct.unpack_from(">H", table, 6)
    count = doubled // 2
    words = np.frombuffer(table[: len(table) // 2 * 2], ">u2").astype(np.int64)
    ends, starts = words[7 : 7 + count], words[8 + count : 8 + 2 * count]
    deltas, offsets = words[8 + 2 * count : 8 + 3 * count], words[8 + 3 * count : 8 + 4 * count]
    letters: set[int] = set()
    for n in range(count):
        codes = np.arange(starts[n], ends[n] + 1)
        if offsets[n]:
            places = 8 + 3 * count + n + offsets[n] // 2 + codes - starts[n]
            codes = codes[(places >= 0) & (places < len(words))]
            glyphs = words[places[(places >= 0) & (places < len(words))]]
        else:
            glyphs = (codes + deltas[n]) & 0xFFFF
        letters.update(codes[glyphs != 0].tolist())
    return letters


def _read_groups(table: bytes) -> set[int]:
    """Read format 12: groups from a first to a last letter."""
    (count,) = struct.unpack_from(">I", table, 12)
    letters: set[int] = set()
    for n in range(min(count, (len(table) - 16) // 12)):
        first, last, _ = struct.unpack_from(">III", table, 16 + 12 * n)
        letters.update(range(first, min(last, 0x10FFFF, first + 0xFFFF) + 1))
    return letters


READERS = {SEGMENTS: _read_segments, GROUPS: _read_groups}
