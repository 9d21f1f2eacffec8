"""Numbers of a saved scene: finite and plausible, or refused; no VTK."""

from __future__ import annotations

from math import isfinite

FARTHEST_MM = 1e6
"""No place, pan or side of a box is farther from the patient than this."""
LARGEST = 1e150
"""A voxel may be as large; the square of one still has room in a float64."""
LONGEST_INTEGER = 18
"""Digits and a sign that 64 bits hold."""


def read_number(saved: object) -> float:
    """Read a number; a ValueError for what is none. VTK ends the process where an eye is NaN."""
    if isinstance(saved, bool) or not isinstance(saved, int | float) or not isfinite(saved):
        raise ValueError(f"{saved!r} is not a number")
    return float(saved)


def read_mm(saved: object) -> float:
    """Read how far something lies, in mm."""
    mm = read_number(saved)
    if abs(mm) > FARTHEST_MM:
        raise ValueError(f"{mm:g} mm is farther than any patient reaches")
    return mm


def read_place(saved: object) -> tuple[float, float, float]:
    """Read three numbers (x, y, z) in mm LPS."""
    if not isinstance(saved, list) or len(saved) != 3:
        raise ValueError(f"a place is three numbers, x, y, z in mm LPS, not {saved!r}")
    x, y, z = map(read_mm, saved)
    return x, y, z


def parse_fraction(text: str) -> float:
    """Read a number of JSON with a point or an exponent; 1e400 is none."""
    value = float(text)
    if not abs(value) <= LARGEST:
        raise ValueError(f"{text} is not a number that anything can be")
    return value


def parse_integer(text: str) -> float:
    """Read a whole number of JSON that arithmetic has room for."""
    return int(text) if len(text) <= LONGEST_INTEGER else parse_fraction(text)


def refuse_constant(name: str) -> float:
    """Refuse NaN and Infinity, which JSON does not have."""
    raise ValueError(f"{name} is not a number")
