"""A small writer of lossless JPEG (T.81 process 14), with every choice the standard leaves.

Written from the standard alone, so that the reader is held against something else.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

COUNTS = [0, 0, 0, 14, 3, *[0] * 11]
"""So many Huffman codes of 1, 2, 3, ... bits: one for each of the 17 categories."""


def _codes() -> list[str]:
    """Give the canonical codes of the categories 0 to 16 (T.81 annex C)."""
    codes, code = [], 0
    for bits, count in enumerate(COUNTS, start=1):
        for _ in range(count):
            codes.append(format(code, f"0{bits}b"))
            code += 1
        code <<= 1
    return codes


CODES = _codes()


def _difference(value: int) -> str:
    """Write a difference modulo 65536 as its category's code and its magnitude (H.1.2.2)."""
    value = (value + 32767) % 65536 - 32767
    if value == 32768:
        return CODES[16]
    category = abs(value).bit_length()
    magnitude = value if value >= 0 else value + (1 << category) - 1
    return CODES[category] + (format(magnitude, f"0{category}b") if category else "")


def _predict(plane: NDArray[np.int64], j: int, i: int, predictor: int) -> int:
    a, b, c = int(plane[j, i - 1]), int(plane[j - 1, i]), int(plane[j - 1, i - 1])
    return [a, b, c, a + b - c, a + (b - c >> 1), b + (a - c >> 1), a + b >> 1][predictor - 1]


def _rows(planes: Sequence[NDArray[np.int64]], rows: range, predictor: int, middle: int) -> str:
    """Write the bits of the rows between two restarts, samples interleaved."""
    bits = []
    for j in rows:
        for i in range(planes[0].shape[1]):
            for plane in planes:
                if j == rows.start:
                    predicted = middle if i == 0 else int(plane[j, i - 1])
                else:
                    predicted = int(plane[j - 1, 0]) if i == 0 else _predict(plane, j, i, predictor)
                bits.append(_difference(int(plane[j, i]) - predicted))
    return "".join(bits)


def _packed(bits: str) -> bytes:
    """Pack bits into bytes, the last filled up with ones, every 0xFF followed by 0x00."""
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")


def encode(
    pixels: NDArray[np.integer],
    *,
    predictor: int = 1,
    precision: int = 16,
    point_transform: int = 0,
    restart_rows: int = 0,
) -> bytes:
    """Write [j, i] or [j, i, 3] as a lossless JPEG of one scan."""
    stored = pixels.astype(np.int64) >> point_transform
    planes = [stored] if stored.ndim == 2 else list(np.moveaxis(stored, -1, 0))
    rows, columns = stored.shape[:2]
    count, middle = len(planes), 1 << (precision - point_transform - 1)
    step = restart_rows or rows
    scans = [
        _packed(_rows(planes, range(start, min(rows, start + step)), predictor, middle))
        for start in range(0, rows, step)
    ]
    body = b"".join(
        (bytes([0xFF, 0xD0 + (n - 1) % 8]) if n else b"") + scan for n, scan in enumerate(scans)
    )
    ids = range(1, count + 1)
    return b"".join(
        [
            b"\xff\xd8",
            _segment(0xC4, bytes([0, *COUNTS, *range(17)])),
            _segment(0xDD, struct.pack(">H", restart_rows * columns)) if restart_rows else b"",
            _segment(
                0xC3,
                struct.pack(">BHHB", precision, rows, columns, count)
                + b"".join(bytes([n, 0x11, 0]) for n in ids),
            ),
            _segment(
                0xDA,
                bytes([count, *(b for n in ids for b in (n, 0)), predictor, 0, point_transform]),
            ),
            body,
            b"\xff\xd9",
        ]
    )


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content
