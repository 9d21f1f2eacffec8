"""Colour models other than RGB, turned into it (PS3.3 C.7.6.3.1.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.dicom.codestream import HTJ2K, JPEG, JPEG_2000, JPEG_LS, JPEG_WITHOUT_LOSS, RLE
from volume.dicom.encoding import ENCAPSULATED_UNCOMPRESSED, NATIVE, Unreadable

PLAIN = NATIVE | {ENCAPSULATED_UNCOMPRESSED}
FULL, HALVED = "YBR_FULL", "YBR_FULL_422"
GREYS = frozenset({"MONOCHROME1", "MONOCHROME2", ""})
MODELS = frozenset(
    "MONOCHROME1 MONOCHROME2 RGB HSV ARGB CMYK YBR_FULL YBR_FULL_422 YBR_PARTIAL_422"
    " YBR_PARTIAL_420 YBR_ICT YBR_RCT XYB".split()
) | {"PALETTE COLOR"}
"""Defined terms of Photometric Interpretation (C.7.6.3.1.2)."""


def samples_stored(photometric: str, samples: int, transfer_syntax: str) -> int:
    """Say how many samples a pixel takes where it is not compressed: two pixels share a CB, CR."""
    return 2 if photometric == HALVED and samples == 3 and transfer_syntax in PLAIN else samples


def refuse_unknown(
    photometric: str, samples: int, bits: int, transfer_syntax: str, *, signed: bool
) -> None:
    """Refuse colour models that would come out as something they are not."""
    if photometric not in _known(samples, transfer_syntax):
        text = f"pixels in {name(photometric)}, encoded like this, are not handled"
        raise Unreadable(text, REFUSED)
    if photometric in (FULL, HALVED) and bits != 8:
        raise Unreadable(f"pixels of {bits} bits in {photometric} are not handled", REFUSED)
    if samples == 3 and signed:
        raise Unreadable(f"pixels in {photometric} with signed samples are not handled", REFUSED)


def name(photometric: str) -> str:
    """Name a colour model of the standard; other text may be anything, and stays unsaid."""
    return photometric if photometric in MODELS else "another model"


REFUSED = "not-supported-yet"


def _known(samples: int, transfer_syntax: str) -> frozenset[str]:
    """Give the models that a transfer syntax may hold (PS3.5 8.2)."""
    if samples == 1:
        return GREYS if transfer_syntax in JPEG - JPEG_WITHOUT_LOSS else GREYS | {"PALETTE COLOR"}
    if transfer_syntax in JPEG_2000 | HTJ2K:
        return frozenset({"RGB", "YBR_RCT", "YBR_ICT", FULL})
    if transfer_syntax in PLAIN | (JPEG - JPEG_WITHOUT_LOSS):
        return frozenset({"RGB", FULL, HALVED})
    return frozenset({"RGB", FULL})


def needs_conversion(photometric: str, transfer_syntax: str) -> bool:
    """Say whether decoded samples are still luminance and colour differences.

    JPEG with loss leaves its decoder as RGB, and so do the transforms of JPEG 2000.
    """
    decoders = PLAIN | JPEG_WITHOUT_LOSS | JPEG_LS | JPEG_2000 | HTJ2K | {RLE}
    return photometric in (FULL, HALVED) and transfer_syntax in decoders


def to_rgb(ybr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn (..., 3) of Y, CB, CR, 8 bits each, into RGB: rounded, and cut at 0 and 255."""
    y, cb, cr = (ybr[..., n].astype(np.float32) for n in range(3))
    cb, cr = cb - 128, cr - 128
    rgb = np.stack([y + RED * cr, y - GREEN_B * cb - GREEN_R * cr, y + BLUE * cb], axis=-1)
    return np.clip(np.floor(rgb + np.float32(0.5)), 0, 255).astype(np.uint8)


RED, BLUE = np.float32(1.402), np.float32(1.772)
GREEN_B, GREEN_R = np.float32(0.114 * 1.772 / 0.587), np.float32(0.299 * 1.402 / 0.587)
"""The inverse of Y = 0.2990 R + 0.5870 G + 0.1140 B, and so on."""


def spread(values: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """Give every pixel its own CB and CR: stored are Y, Y, CB, CR for two (C.7.6.3.1.2)."""
    pairs = values.reshape(rows, columns // 2, 4)
    out = np.empty((rows, columns // 2, 2, 3), values.dtype)
    out[..., 0] = pairs[..., :2]
    out[..., 1:] = pairs[:, :, None, 2:]
    return out.reshape(rows, columns, 3)


COMPONENTS_MIXED = b"\xff\x52"


def is_mixed(codestream: bytes) -> bool:
    """Say whether a JPEG 2000 codestream mixes its components (T.800 A.6.1: SGcod)."""
    at = codestream.find(COMPONENTS_MIXED)
    return at >= 0 and at + 8 < len(codestream) and codestream[at + 8] != 0
