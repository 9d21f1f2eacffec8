"""How the pixels of a file are encoded, held against the bytes that are there."""

from __future__ import annotations

import struct
from typing import NamedTuple

from volume.dicom import colour, elements
from volume.dicom.codestream import DECODABLE
from volume.dicom.data_set import UNDEFINED, DataSet
from volume.dicom.encapsulated import too_large
from volume.dicom.encoding import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    LONG_VRS,
    NATIVE,
    Encoding,
    Unreadable,
    plain_syntax,
)
from volume.dicom.header import PixelLayout
from volume.dicom.limits import MIB

PIXEL_DATA = 0x7FE00010
FLOATS = {0x7FE00008: 32, 0x7FE00009: 64}
"""Float and Double Float Pixel Data, and the bits of each pixel (PS3.3 C.7.6.24, C.7.6.25)."""
FRAMES_AT_MOST = 100_000
SIDE_AT_MOST = 65_535
PADDED_BY, PADDED_PART = 1024, 8
"""Pixel data may be padded by zeros (a real MR: 128 bytes after 8192): by less than 1 KB or an
eighth of a frame, and never by a whole frame."""


def read_layout(data: DataSet, encoding: Encoding) -> PixelLayout:
    """Say how the pixels are encoded; the stream stands at the pixel data element.

    Everything declared is checked against the bytes there are. Raises `Unreadable`.
    """
    tag, vr, offset, length = _find_pixels(encoding)
    said = _declared(data, tag)
    transfer_syntax = _syntax_of_pixels(encoding, length, said.stored_bytes)
    native = transfer_syntax in NATIVE
    if said.floating and not native:
        raise Unreadable("floating point pixels in a compressed transfer syntax")
    excess = _excess(said, encoding, offset, length) if native else 0
    if not native:
        _refuse_unbounded(encoding, offset, said.frame_bytes, said.frames)
    signed = said.floating or _is_signed(data)
    colour.refuse_unknown(
        said.photometric, said.samples, said.stored, transfer_syntax, signed=signed
    )
    planar = said.samples > 1 and _flag(data, "PlanarConfiguration")
    in_pairs = said.samples_stored != said.samples and transfer_syntax in colour.PLAIN
    if in_pairs and (planar or said.columns % 2):
        raise Unreadable(f"pixels in {said.photometric} go in pairs, Y Y CB CR: these do not")
    present = min(length or 0, encoding.size - offset)
    return PixelLayout(
        transfer_syntax=transfer_syntax,
        offset=offset,
        length=length,
        frames=said.frames,
        samples=said.samples,
        photometric=said.photometric,
        planar=planar,
        bits_allocated=said.allocated,
        bits_stored=said.stored,
        high_bit=said.high,
        signed=signed,
        swapped=transfer_syntax == EXPLICIT_BIG and said.allocated == 8 and vr == b"OW",
        missing=max(0, said.stored_bytes - present) if native else 0,
        excess=excess if excess > 1 else 0,
        floating=said.floating,
    )


class _Declared(NamedTuple):
    """What a header says of its pixels (PS3.3 C.7.6.3), checked as far as it can be by itself."""

    rows: int
    columns: int
    frames: int
    samples: int
    allocated: int
    stored: int
    high: int
    photometric: str
    floating: bool

    @property
    def samples_stored(self) -> int:
        """Samples of a pixel as they stand in a native frame."""
        return colour.samples_stored(self.photometric, self.samples, EXPLICIT_LITTLE)

    @property
    def stored_bytes(self) -> int:
        """Bytes of all frames in a native transfer syntax."""
        return self._pixels * self.samples_stored * self.frames * self.allocated // 8

    @property
    def frame_bytes(self) -> int:
        """Bytes of a decoded frame."""
        return self._pixels * self.samples * self.allocated // 8

    @property
    def _pixels(self) -> int:
        return self.rows * self.columns


def _declared(data: DataSet, tag: int) -> _Declared:
    rows, columns = (elements.count(data, keyword) for keyword in ("Rows", "Columns"))
    frames = elements.count(data, "NumberOfFrames") or 1
    samples = elements.count(data, "SamplesPerPixel") or 1
    allocated = elements.count(data, "BitsAllocated") or 0
    stored = elements.count(data, "BitsStored") or allocated
    high = elements.count(data, "HighBit")
    photometric = elements.text(data, "PhotometricInterpretation")
    if not rows or not columns or rows > SIDE_AT_MOST or columns > SIDE_AT_MOST:
        raise Unreadable("Rows and Columns are missing or zero")
    if frames > FRAMES_AT_MOST:
        raise Unreadable(f"{frames} frames are declared: more than can be")
    if tag in FLOATS:
        stored = _bits_of_floats(tag, allocated, samples)
        high = stored - 1
    elif allocated not in (8, 16, 32) or not 1 <= stored <= allocated or samples not in (1, 3):
        raise Unreadable(
            f"pixels of {samples} samples in {allocated} bits, {stored} stored, in"
            f" {colour.name(photometric)}, are not handled",
            "not-supported-yet",
        )
    high = stored - 1 if high is None else high
    if not stored - 1 <= high < allocated:
        raise Unreadable(f"High Bit {high} contradicts {stored} bits stored")
    return _Declared(
        rows, columns, frames, samples, allocated, stored, high, photometric, tag in FLOATS
    )


def _excess(said: _Declared, encoding: Encoding, offset: int, length: int | None) -> int:
    """Count the bytes behind native pixels. Raises `Unreadable` where they are no padding."""
    needed = said.stored_bytes
    excess = max(0, (length or 0) - needed)
    most = min(said.frame_bytes, max(PADDED_BY, said.frame_bytes // PADDED_PART))
    if excess >= most or (excess > 1 and not _is_padding(encoding, offset + needed, excess)):
        raise Unreadable(f"{length} bytes of pixels; the header explains {needed} of them")
    return excess


def _bits_of_floats(tag: int, allocated: int, samples: int) -> int:
    """Give the bits of floating point pixels; their own tag says which. Raises `Unreadable`."""
    bits = FLOATS[tag]
    if allocated != bits or samples != 1:
        what = f"{samples} samples in {allocated} bits"
        raise Unreadable(f"floating point pixels of {bits} bits that are said to be {what}")
    return bits


def _is_padding(encoding: Encoding, offset: int, count: int) -> bool:
    """Say whether bytes behind the pixels are zeros; the stream is left where it was."""
    before = encoding.stream.tell()
    encoding.stream.seek(offset)
    padding = encoding.stream.read(count)
    encoding.stream.seek(before)
    return not any(padding)


def _is_signed(data: DataSet) -> bool:
    """Read the pixels' sign, which nobody can guess (type 1, C.7.6.3)."""
    if elements.count(data, "PixelRepresentation") is None:
        raise Unreadable("PixelRepresentation is missing: whether pixels are signed is not said")
    return _flag(data, "PixelRepresentation")


def _flag(data: DataSet, keyword: str) -> bool:
    """Read what is 0 or 1, and 0 where it is absent. Raises `Unreadable` for another number."""
    value = elements.count(data, keyword) or 0
    if value not in (0, 1):
        raise Unreadable(f"{keyword} is 0 or 1, not {value}")
    return value == 1


def _refuse_unbounded(encoding: Encoding, offset: int, frame_bytes: int, frames: int) -> None:
    """Refuse compressed frames larger than is allowed, or more than the bytes there could be."""
    if frame_bytes > encoding.limits.frame * MIB:
        raise too_large(encoding.limits)
    if frames > (encoding.size - offset) // ITEM_HEAD:
        raise Unreadable(f"{frames} compressed frames are declared: more than there are bytes for")


ITEM_HEAD = 8
"""Bytes before every fragment, also an empty one."""


def _syntax_of_pixels(encoding: Encoding, length: int | None, needed: int) -> str:
    """Hold the transfer syntax against the pixel data: compressed ones have no length.

    Raises `Unreadable` where neither what is declared nor its contrary fits.
    """
    declared = encoding.transfer_syntax
    if declared in NATIVE and length is None:
        raise Unreadable("the pixels are compressed; the transfer syntax says they are not")
    if declared not in DECODABLE or length is None:
        return declared
    if length - needed in (0, 1):
        return plain_syntax(encoding.implicit, encoding.little)
    raise Unreadable("the transfer syntax says the pixels are compressed; they are not")


def _find_pixels(encoding: Encoding) -> tuple[int, bytes, int, int | None]:
    """Read the head of the pixel data element: its tag, VR, offset and length."""
    order = "<" if encoding.little else ">"
    head = encoding.stream.read(8)
    if len(head) < 8:
        raise Unreadable("there are no pixel data", "pixels-truncated")
    group, element = struct.unpack(order + "HH", head[:4])
    tag = group << 16 | element
    vr = b"OW" if encoding.implicit else head[4:6]
    if encoding.implicit:
        (length,) = struct.unpack(order + "I", head[4:8])
    elif vr in LONG_VRS:
        (length,) = struct.unpack(order + "I", encoding.stream.read(4).ljust(4, b"\0"))
    else:
        (length,) = struct.unpack(order + "H", head[6:8])
    return tag, vr, encoding.stream.tell(), None if length == UNDEFINED else length
