"""What a compressed frame says of itself, read before anything is decoded."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from volume.dicom.encoding import Unreadable

JPEG = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70))
JPEG_WITHOUT_LOSS = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (57, 70))
JPEG_LS = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (80, 81))
JPEG_2000 = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (90, 91))
HTJ2K = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (201, 202, 203))
RLE = "1.2.840.10008.1.2.5"
DECODABLE = JPEG | JPEG_LS | JPEG_2000 | HTJ2K | {RLE}

FRAME_MARKERS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""Start of frame in JPEG (T.81 B.1.1.3) and JPEG-LS (T.87 C.1.1)."""
SIZ = b"\xff\x4f\xff\x51"
"""Start of codestream and image size in JPEG 2000 (T.800 A.5.1)."""


@dataclass(frozen=True)
class Codestream:
    """Size, components and depth of a compressed frame."""

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool
    model: str = ""
    """RGB or YBR, where a JPEG says of itself which of them it holds."""


HEAD = 2**16
"""The header of a codestream stands within so many bytes."""


def look(data: bytes, transfer_syntax: str) -> Codestream | None:
    """Read the header of a codestream from its first bytes; RLE and plain frames have none.

    Raises `Unreadable` where it is not there.
    """
    if transfer_syntax not in JPEG | JPEG_LS | JPEG_2000 | HTJ2K:
        return None
    data = data[:HEAD]
    try:
        return _jpeg_2000(data) if transfer_syntax in JPEG_2000 | HTJ2K else _jpeg(data)
    except (struct.error, IndexError):
        raise Unreadable("the compressed frame is cut short", "pixels-truncated") from None


def refuse_another_size(seen: Codestream, rows: int, columns: int, samples: int) -> None:
    """Refuse a codestream that is not of the size that the header says."""
    if (seen.rows, seen.columns, seen.components) != (rows, columns, samples):
        raise Unreadable(
            f"the compressed frame holds {seen.columns} x {seen.rows} x {seen.components}"
            f" instead of {columns} x {rows} x {samples}"
        )


def _jpeg(data: bytes) -> Codestream:
    if data[:2] != b"\xff\xd8":
        raise Unreadable("the compressed frame is no JPEG")
    at, model = 2, ""
    while True:
        while data[at] != 0xFF:
            at += 1
        marker = data[at + 1]
        if marker in (0xFF, 0x00, 0x01) or 0xD0 <= marker <= 0xD8:
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        if marker in FRAME_MARKERS:
            precision, rows, columns, components = struct.unpack(">BHHB", data[at + 4 : at + 10])
            model = "RGB" if data[at + 10 : at + 19 : 3].upper() == b"RGB" else model
            return Codestream(rows, columns, components, precision, False, model)
        model = model or _model(marker, data[at + 4 : at + 2 + length])
        at += 2 + length


def _model(marker: int, segment: bytes) -> str:
    """Read a segment that says which colours a JPEG holds: JFIF (T.871), Adobe's (T.872 6.5.3)."""
    if marker == JFIF and segment.startswith(b"JFIF\0"):
        return "YBR"
    if marker == ADOBE and segment.startswith(b"Adobe"):
        return {b"\0": "RGB", b"\1": "YBR"}.get(segment[11:12], "")
    return ""


JFIF, ADOBE = 0xE0, 0xEE
"""Application segments 0 and 14 (T.81 B.2.4.6)."""


def _jpeg_2000(data: bytes) -> Codestream:
    at = data.find(SIZ)
    if at < 0:
        raise Unreadable("the compressed frame is no JPEG 2000")
    right, bottom, left, top = struct.unpack(">4I", data[at + 8 : at + 24])
    components, depth = struct.unpack(">HB", data[at + 40 : at + 43])
    return Codestream(bottom - top, right - left, components, (depth & 0x7F) + 1, depth > 0x7F)
