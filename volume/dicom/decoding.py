"""One compressed frame to pixels, with imagecodecs; runs in a child process.

Measured on damaged streams: libjpeg-turbo 3 (`jpeg8_decode`) is the fastest reader of every
JPEG, lossless ones too, and never crashed; RLE is decoded here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.dicom import codestream, colour
from volume.dicom.encoding import ENCAPSULATED_UNCOMPRESSED, Unreadable
from volume.dicom.header import PixelLayout


def decode_frame(data: bytes, layout: PixelLayout, rows: int, columns: int) -> NDArray[Any]:
    """Decode one frame into (rows, columns) or (rows, columns, 3) of stored values.

    The codestream's own size is checked before anything is decoded; the sign is extended
    from its own precision. Raises `Unreadable`.
    """
    if layout.transfer_syntax == ENCAPSULATED_UNCOMPRESSED:
        return _plain(data, layout, rows, columns)
    if layout.transfer_syntax == codestream.RLE:
        return _run_lengths(data, layout, rows, columns)
    seen = codestream.look(data, layout.transfer_syntax)
    if seen is None:
        raise Unreadable("frames in this transfer syntax cannot be decoded")
    codestream.refuse_another_size(seen, rows, columns, layout.samples)
    _refuse_another_model(seen, layout)
    try:
        pixels = _decode(data, layout)
    except Exception as fault:  # noqa: BLE001 every codec has errors of its own
        raise Unreadable(f"the decoder refuses it: {fault}") from None
    if pixels.shape[:2] != (rows, columns):
        raise Unreadable("the compressed frame decodes to another size")
    if layout.transfer_syntax in codestream.JPEG:
        as_stored = _colours(layout)
        without_loss = layout.transfer_syntax in codestream.JPEG_WITHOUT_LOSS
        is_as_stored = as_stored in (None, "RGB") or without_loss
        stored = pixels if is_as_stored else _jpeg(data, as_stored, as_stored)
        from volume.dicom.jpeg import refuse_damaged  # what only a child needs

        refuse_damaged(data, stored, without_loss=without_loss)
    if colour.needs_conversion(layout.photometric, layout.transfer_syntax):
        return colour.to_rgb(pixels)
    return extend_sign(pixels, seen.precision) if layout.signed and not seen.signed else pixels


def _decode(data: bytes, layout: PixelLayout) -> NDArray[Any]:
    import imagecodecs

    transfer_syntax = layout.transfer_syntax
    if transfer_syntax in codestream.JPEG_WITHOUT_LOSS:  # libjpeg converts none of these
        return _jpeg(data, _colours(layout), _colours(layout))
    if transfer_syntax in codestream.JPEG:
        return _jpeg(data, _colours(layout), "RGB")
    if transfer_syntax in codestream.JPEG_LS:
        return imagecodecs.jpegls_decode(data)
    if layout.photometric == colour.FULL and colour.is_mixed(data):
        raise Unreadable(TWO_MODELS)
    return imagecodecs.jpeg2k_decode(data)


def _colours(layout: PixelLayout) -> str | None:
    """Name the colour space that the samples are stored in; None where they are grey."""
    if layout.samples == 1:
        return None
    return "RGB" if layout.photometric == "RGB" else "YCBCR"


def _refuse_another_model(seen: codestream.Codestream, layout: PixelLayout) -> None:
    """Refuse a JPEG with loss whose own markers name other colours than the header."""
    lossy = layout.transfer_syntax in codestream.JPEG - codestream.JPEG_WITHOUT_LOSS
    if lossy and layout.samples == 3 and seen.model not in ("", layout.photometric[:3]):
        raise Unreadable(TWO_MODELS)


TWO_MODELS = "the header and the compressed frame name two colour models"


def _jpeg(data: bytes, stored: str | None, wanted: str | None) -> NDArray[Any]:
    import imagecodecs

    if stored is None:
        return imagecodecs.jpeg8_decode(data)
    return imagecodecs.jpeg8_decode(data, colorspace=stored, outcolorspace=wanted)


def _plain(data: bytes, layout: PixelLayout, rows: int, columns: int) -> NDArray[Any]:
    dtype = stored_type(layout)
    count = rows * columns * samples_stored(layout)
    needed = count * dtype.itemsize
    if len(data) < needed:
        raise Unreadable("the encapsulated pixels are cut short", "pixels-truncated")
    if len(data) > needed + needed % 2:
        raise Unreadable(f"a frame of {len(data)} bytes; the header explains {needed} of them")
    return interleave(np.frombuffer(data, dtype, count), layout, rows, columns)


def _run_lengths(data: bytes, layout: PixelLayout, rows: int, columns: int) -> NDArray[Any]:
    from volume.dicom import rle

    dtype = stored_type(layout)
    planes = rle.decode(data, rows * columns, layout.samples, dtype.itemsize)
    values = planes.reshape(layout.samples, rows, columns * dtype.itemsize).view(dtype)
    if layout.samples == 1:
        return values[0]
    return _as_rgb(np.moveaxis(values, 0, -1), layout)


def stored_type(layout: PixelLayout) -> np.dtype[Any]:
    """Give the little endian type of the stored pixels."""
    kind = "f" if layout.floating else "i" if layout.signed else "u"
    return np.dtype(f"<{kind}{layout.bits_allocated // 8}")


def samples_stored(layout: PixelLayout) -> int:
    """Say how many samples a pixel takes in a frame that is not compressed."""
    return colour.samples_stored(layout.photometric, layout.samples, layout.transfer_syntax)


def interleave(values: NDArray[Any], layout: PixelLayout, rows: int, columns: int) -> NDArray[Any]:
    """Shape stored values into (rows, columns) or (rows, columns, 3) of RGB."""
    if layout.samples == 1:
        return values.reshape(rows, columns)
    if samples_stored(layout) != layout.samples:
        return _as_rgb(colour.spread(values, rows, columns), layout)
    if layout.planar:
        return _as_rgb(np.moveaxis(values.reshape(3, rows, columns), 0, -1), layout)
    return _as_rgb(values.reshape(rows, columns, 3), layout)


def _as_rgb(values: NDArray[Any], layout: PixelLayout) -> NDArray[Any]:
    if colour.needs_conversion(layout.photometric, layout.transfer_syntax):
        return colour.to_rgb(values)
    return values


def extend_sign(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """Read the low `bits` of every value as a two's complement number."""
    width = values.dtype.itemsize * 8
    signed = values.view(np.dtype(f"i{width // 8}"))
    if bits >= width:
        return signed
    shift = width - bits
    return (signed << shift) >> shift
