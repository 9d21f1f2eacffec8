"""The little picture of a series: its middle slice as it was acquired."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.assembly.options import Options
from volume.assembly.stack import Stack
from volume.assembly.values import real_values
from volume.dicom.pixels import read_pixels
from volume.errors import VolumeError
from volume.processing.windows import FIRST_LOOK_PERCENT, to_grey
from volume.progress import Silent

SIDE = 96
"""Pixels of the longer side."""


def thumbnail(stack: Stack, options: Options) -> NDArray[np.uint8] | None:
    """Give the middle slice as (rows, columns, 3), true to its shape; None if it has no pixels."""
    header = stack.slices[len(stack.slices) // 2]
    try:
        pixels = read_pixels([header], Silent(), options.limits)
        if pixels.faults:
            return None
        image = real_values(pixels, [header], options.padding).array[0]
    except VolumeError:
        return None
    return shrink(image, header.pixel_spacing or (1.0, 1.0), window=header.window)


def shrink(
    image: NDArray[Any],
    spacing: tuple[float, float],
    *,
    window: tuple[float, float] | None = None,
    side: int = SIDE,
) -> NDArray[np.uint8]:
    """Make (rows, columns(, 3)) with a spacing (down, right) small, in red, green and blue."""
    rows, columns = image.shape[:2]
    down, right = rows * spacing[0], columns * spacing[1]
    scale = side / max(down, right)
    shape = max(1, round(down * scale)), max(1, round(right * scale))
    small = image[_picks(rows, shape[0])][:, _picks(columns, shape[1])]
    if small.ndim == 3:
        return to_grey(small, (127.5, 256.0)) if small.dtype != np.uint8 else small
    grey = to_grey(small, window or _window(small))
    return np.repeat(grey[..., np.newaxis], 3, axis=2)


def _picks(count: int, wanted: int) -> NDArray[np.intp]:
    """Give the pixels nearest to the middles of so many equal parts."""
    return ((np.arange(wanted) + 0.5) * count / wanted).astype(np.intp)


def _window(image: NDArray[Any]) -> tuple[float, float]:
    values = image[np.isfinite(image)] if image.dtype.kind == "f" else image.ravel()
    if not len(values):
        return 0.0, 1.0
    low, high = np.percentile(values, FIRST_LOOK_PERCENT)
    return float(low + high) / 2, max(float(high - low), 1e-6)
