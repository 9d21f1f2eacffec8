"""Intensity windows: which values are shown between black and white."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from volume.volume import Volume

Window = tuple[float, float]
"""(centre, width), as in DICOM."""

WINDOWS: Mapping[str, Window] = {
    "soft-tissue": (40, 400),
    "lung": (-500, 1500),
    "bone": (350, 2000),
    "brain": (40, 80),
    "mediastinum": (50, 350),
    "liver": (90, 150),
    "angio": (300, 600),
    "stroke": (40, 40),
    "pet": (3.5, 7),
}
"""Windows by name, in HU; "pet" is SUV 0 to 7. Their order is that of the keys 1 to 9."""

FIRST_LOOK_PERCENT = (0.1, 99.9)
"""Where DICOM gives no window, one voxel in a thousand is cut off at each end."""
SAMPLE = 2_000_000
"""So many values settle the percentiles; all of a chest's 65 million take 20 times as long."""
NARROWEST = 1e-6
SINGLE = (1e-30, 1e30)
"""Within these, single precision has room to calculate (it ends at 1e-38 and 3e38)."""
SINGLE_RESOLVES = 1e-4
"""Of a number, single precision resolves 6e-8: a step in 1,600 of so narrow a window."""
WHOLE = "iub"
"""numpy's kinds of whole numbers."""


def parse_window(text: str) -> Window:
    """Read "40,400" (centre, width) or a name such as "bone"; a ValueError lists the names."""
    name = "-".join(text.strip().lower().replace("_", " ").split())
    if name in WINDOWS:
        return WINDOWS[name]
    try:
        centre, width = (float(number) for number in text.split(","))
    except ValueError:
        names = ", ".join(WINDOWS)
        raise ValueError(
            f"no such window: {text!r}; give CENTRE,WIDTH (40,400) or one of {names}"
        ) from None
    return check_window((centre, width))


def check_window(window: Window) -> Window:
    """Give the window as two floats; refuse one without a width."""
    centre, width = (float(number) for number in window)
    if not (np.isfinite(centre) and np.isfinite(width) and width > 0):
        raise ValueError(f"a window's width must be above 0, not {width:g} (centre {centre:g})")
    return centre, width


def window_for(volume: Volume) -> Window:
    """Choose the window of the first look: DICOM's own, else 0.1 % to 99.9 % of the values."""
    if volume.is_colour:
        return full_window(volume)
    if volume.window is not None and volume.window[1] > 0:
        return check_window(volume.window)
    values = sample(volume.array)
    if not len(values):
        return 0.0, 1.0
    low, high = np.percentile(values, FIRST_LOOK_PERCENT)
    return _between(low, high, values.dtype)


def full_window(volume: Volume) -> Window:
    """Give the window that shows every value, from the least to the largest."""
    array = volume.array
    if volume.is_colour:
        top = 256.0 if array.dtype.itemsize == 1 else max(256.0, _power_above(float(array.max())))
        return top / 2, top
    low, high = np.fmin.reduce(array, axis=None), np.fmax.reduce(array, axis=None)
    return _between(low, high, array.dtype)


def to_grey(values: NDArray[Any], window: Window, *, invert: bool = False) -> NDArray[np.uint8]:
    """Map values through a window to 0 (black) .. 255 (white), same shape.

    Whole numbers by DICOM's LINEAR function (PS3.3 C.11.2.1.2.1), others by LINEAR_EXACT
    (C.11.2.1.3.2): LINEAR's half steps mean one unit of a whole number, which for SUV or
    an FA of 0..1 is the whole range. What is not a number counts as the least value.
    """
    centre, width = window
    if values.dtype.kind in WHOLE and width >= 1:
        low, span = centre - width / 2, width - 1
    else:
        low, span = centre - width / 2, width
    if span <= 0:
        grey = np.where(values > low, np.uint8(255), np.uint8(0))
    else:
        with np.errstate(over="ignore"):  # what becomes infinite is far beyond the window
            scaled = np.subtract(values, low, dtype=_precision(low, span))
        np.clip(scaled, 0, span, out=scaled)
        scaled /= span  # not times 255 / span, which may be infinite
        scaled *= 255
        grey = np.rint(np.nan_to_num(scaled, copy=False)).astype(np.uint8)
    return 255 - grey if invert else grey


def _precision(low: float, span: float) -> type[np.floating[Any]]:
    """Choose single precision, which is faster, unless it cannot tell the window's ends apart."""
    largest = abs(low) + span
    is_enough = SINGLE[0] < largest < SINGLE[1] and span > SINGLE_RESOLVES * largest
    return np.float32 if is_enough else np.float64


def _power_above(value: float) -> float:
    """Give the least power of two that is greater."""
    return float(2 ** int(value).bit_length())


def sample(array: NDArray[Any]) -> NDArray[Any]:
    """Take evenly spread finite values, about `SAMPLE` of them."""
    step = max(1, round((array.size / SAMPLE) ** (1 / 3)))
    values = array[::step, ::step, ::step].ravel()
    if values.dtype.kind == "b":
        return values.view(np.uint8)  # numpy finds no percentiles of true and false
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def _between(low: float, high: float, dtype: np.dtype[Any]) -> Window:
    """Make the window that shows `low` black and `high` white, never without a width."""
    low, high = float(low), float(high)
    if not (np.isfinite(low) and np.isfinite(high)):
        return 0.0, 1.0
    if dtype.kind in WHOLE:
        return (low + high + 1) / 2, high - low + 1
    return (low + high) / 2, max(high - low, NARROWEST * max(1.0, abs(low)))
