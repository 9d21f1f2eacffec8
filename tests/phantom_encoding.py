"""How the phantom's pixels and files are written: every transfer syntax, and damage."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.pixels import get_encoder
from pydicom.uid import UID, RLELossless

from phantom_recipe import Recipe

Frame = NDArray[Any]


class Syntax(NamedTuple):
    """A transfer syntax: its UID and, where it is compressed, one frame's encoder."""

    uid: str
    encode: Callable[[Frame, int], bytes] | None = None

    @property
    def encapsulated(self) -> bool:
        return self.encode is not None

    @property
    def vr(self) -> str:
        return "OB" if self.encapsulated else "OW"


def _raw(frame: Frame, bits: int) -> bytes:
    return frame.astype(frame.dtype.newbyteorder("<")).tobytes()


def _rle(frame: Frame, bits: int) -> bytes:
    return get_encoder(RLELossless).encode(
        frame,
        rows=frame.shape[0],
        columns=frame.shape[1],
        number_of_frames=1,
        samples_per_pixel=1,
        photometric_interpretation="MONOCHROME2",
        bits_allocated=16,
        bits_stored=16,
        pixel_representation=0 if frame.dtype == np.uint16 else 1,
    )


def _jpeg_lossless(predictor: int) -> Callable[[Frame, int], bytes]:
    def encode_one(frame: Frame, bits: int) -> bytes:
        bare = frame.view(np.uint16) & ((1 << bits) - 1)
        return bytes(
            imagecodecs.jpeg8_encode(
                bare.astype(np.uint16), lossless=True, predictor=predictor, bitspersample=bits
            )
        )

    return encode_one


def _jpeg_ls(frame: Frame, bits: int) -> bytes:
    return bytes(imagecodecs.jpegls_encode(frame.view(np.uint16)))


def _jpeg_2000(frame: Frame, bits: int) -> bytes:
    return bytes(
        imagecodecs.jpeg2k_encode(
            frame, codecformat="j2k", reversible=True, level=0, bitspersample=bits
        )
    )


def _htj2k(frame: Frame, bits: int) -> bytes:
    return bytes(imagecodecs.htj2k_encode(frame, reversible=True))


SYNTAXES: Mapping[str, Syntax] = {
    "implicit": Syntax("1.2.840.10008.1.2"),
    "explicit": Syntax("1.2.840.10008.1.2.1"),
    "deflated": Syntax("1.2.840.10008.1.2.1.99"),
    "big-endian": Syntax("1.2.840.10008.1.2.2"),
    "encapsulated-uncompressed": Syntax("1.2.840.10008.1.2.1.98", _raw),
    "rle": Syntax("1.2.840.10008.1.2.5", _rle),
    "jpeg-lossless": Syntax("1.2.840.10008.1.2.4.57", _jpeg_lossless(6)),
    "jpeg-lossless-sv1": Syntax("1.2.840.10008.1.2.4.70", _jpeg_lossless(1)),
    "jpeg-ls": Syntax("1.2.840.10008.1.2.4.80", _jpeg_ls),
    "jpeg-2000": Syntax("1.2.840.10008.1.2.4.90", _jpeg_2000),
    "htj2k": Syntax("1.2.840.10008.1.2.4.201", _htj2k),
}
"""The lossless transfer syntaxes a phantom can be written in."""


def encode(frames: NDArray[Any], bits: int, high_bits: int, syntax: str) -> bytes:
    """Encode [f, j, i] integers as the value of PixelData."""
    encode_one = SYNTAXES[syntax].encode
    if high_bits:
        frames = (frames.view(np.uint16) & ((1 << bits) - 1)) | np.uint16(high_bits)
    if encode_one is not None:
        return encapsulate([encode_one(frame, bits) for frame in frames])
    order = ">" if syntax == "big-endian" else "<"
    return frames.astype(frames.dtype.newbyteorder(order)).tobytes()


def write(path: Path, dataset: Dataset, recipe: Recipe) -> None:
    """Write one file as the recipe says, honestly or not."""
    parts = [_body(dataset, recipe.transfer_syntax)]
    if recipe.meta:
        claimed = recipe.claimed_syntax or recipe.transfer_syntax
        parts.insert(0, _file_meta(dataset, SYNTAXES[claimed].uid))
    if recipe.meta and recipe.preamble:
        parts.insert(0, bytes(128) + b"DICM")
    path.write_bytes(b"".join(parts))


def _body(dataset: Dataset, syntax: str) -> bytes:
    uid = UID(SYNTAXES[syntax].uid)
    buffer = DicomBytesIO()
    buffer.is_little_endian = uid.is_little_endian
    buffer.is_implicit_VR = uid.is_implicit_VR
    write_dataset(buffer, dataset)
    body = buffer.getvalue()
    if uid.is_deflated:
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body = deflater.compress(body) + deflater.flush()
        body += bytes(len(body) % 2)
    return body


def _file_meta(dataset: Dataset, transfer_syntax_uid: str) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_file_meta_info(buffer, meta)
    return buffer.getvalue()


def truncate_pixels(path: Path) -> None:
    """Cut the file in the middle of its pixels, which come last."""
    content = path.read_bytes()
    start = content.rfind(b"\xe0\x7f\x10\x00")
    path.write_bytes(content[: (start + len(content)) // 2])
