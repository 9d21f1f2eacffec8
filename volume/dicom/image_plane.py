"""Values of the Image Plane and related modules, of a classic slice or of a frame.

PS3.3 C.7.6.2 (where the slice lies), C.11.1 (rescale), C.11.2 (window).
"""

from __future__ import annotations

import math

from volume.dicom import elements
from volume.dicom.data_set import DataSet
from volume.dicom.encoding import Unreadable
from volume.dicom.header import Rescale, Trait, Vector


def trait(data: DataSet, keyword: str) -> Trait:
    """Read a value that can be compared: a number, numbers or a text; absent is ""."""
    found = elements.values(data, keyword)
    if not found:
        return ""
    try:
        numbers = tuple(float(value) for value in found)
    except ValueError:
        return "\\".join(map(str, found))
    if not all(math.isfinite(number) for number in numbers):
        return "\\".join(map(str, found))
    return numbers[0] if len(numbers) == 1 else numbers


def position(data: DataSet, keyword: str = "ImagePositionPatient") -> Vector | None:
    """Read Image Position (Patient): the centre of the first pixel, in mm LPS."""
    found = elements.floats(data, keyword, 3)
    return None if found is None else (found[0], found[1], found[2])


def orientation(
    data: DataSet, keyword: str = "ImageOrientationPatient"
) -> tuple[Vector, Vector] | None:
    """Read Image Orientation (Patient): the directions of a row and of a column."""
    found = elements.floats(data, keyword, 6)
    if found is None:
        return None
    x, y, z, u, v, w = found
    return (x, y, z), (u, v, w)


def normal(orientation: tuple[Vector, Vector]) -> Vector:
    """Give the direction, of unit length, in which row x column points."""
    (a, b, c), (d, e, f) = orientation
    x, y, z = b * f - c * e, c * d - a * f, a * e - b * d
    length = math.hypot(x, y, z) or 1.0
    return x / length, y / length, z / length


def moved(
    place: Vector | None, orientation: tuple[Vector, Vector] | None, mm: float
) -> Vector | None:
    """Give the place so far along the normal from another, in mm LPS; None where it is unknown."""
    if place is None or orientation is None:
        return None
    x, y, z = normal(orientation)
    return place[0] + mm * x, place[1] + mm * y, place[2] + mm * z


def pixel_spacing(data: DataSet) -> tuple[float, float] | None:
    """Read Pixel Spacing: between rows and between columns, in mm; it must be positive."""
    found = elements.floats(data, "PixelSpacing", 2)
    if found is None:
        return None
    if min(found) <= 0:
        raise Unreadable(f"PixelSpacing must be positive, not {found[0]:g}, {found[1]:g}")
    return found[0], found[1]


VALUE = 1e7
"""No rescale is so large; becquerels a millilitre may be millions."""


def rescale(data: DataSet, unit: str = "") -> Rescale | None:
    """Read slope, intercept and unit, or None where neither number is there.

    Raises `Unreadable` where a number is there that is none, or the slope is zero.
    """
    slope = elements.floats(data, "RescaleSlope", 1, below=VALUE)
    intercept = elements.floats(data, "RescaleIntercept", 1, below=VALUE)
    if slope is None and intercept is None:
        return Rescale(unit=unit) if unit else None
    declared = (slope is not None) + (intercept is not None)
    slope = slope or (1.0,)
    refuse_vanishing("RescaleSlope", slope[0])
    unit = elements.text(data, "RescaleType") or unit
    return Rescale(slope[0], (intercept or (0.0,))[0], unit, declared)


def refuse_vanishing(keyword: str, slope: float) -> None:
    """Refuse a slope that makes every value zero, or smaller than a float32 can hold."""
    if abs(slope) < LEAST_SLOPE:
        raise Unreadable(
            f"{keyword} is {slope:g}: no value is left" if slope else f"{keyword} is zero"
        )


LEAST_SLOPE = 1e-30


def window(data: DataSet) -> tuple[float, float] | None:
    """Read the first window as (centre, width), where there is a sound one."""
    centre, width = elements.hint(data, "WindowCenter"), elements.hint(data, "WindowWidth")
    if centre is None or width is None or width < 1:
        return None
    return centre, width
