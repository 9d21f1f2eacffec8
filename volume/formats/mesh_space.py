"""In which space and unit the points of a mesh file lie, and the words that say so.

3D Slicer reads and writes the same words: `SPACE=LPS` or `SPACE=RAS` in the header of an
STL, in a comment of a PLY or an OBJ, and as field data of a VTP.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SPACES = ("lps", "ras")
LENGTHS_MM = {"um": 0.001, "mm": 1.0, "cm": 10.0, "m": 1000.0}
HALF_TURN = np.array([-1, -1, 1], np.float32)
"""From LPS to RAS and back: half a turn about the z axis, so that faces keep their order."""


def words(space: str) -> str:
    """Give the words that stand in a file whose points lie in this space, in mm."""
    return f"SPACE={space.upper()} UNIT=mm"


def check_space(space: str) -> str:
    """Give a space in small letters. Raises `ValueError` for one that is not known."""
    if space.lower() not in SPACES:
        raise ValueError(f"points lie in {' or '.join(SPACES)}, not in {space!r}")
    return space.lower()


def turned(vectors: NDArray[Any], space: str) -> NDArray[Any]:
    """Take (n, 3) points or normals from LPS to a space, or from there to LPS."""
    if space != "ras":
        return vectors
    return vectors * HALF_TURN.astype(vectors.dtype) + 0  # -0 is 0


@dataclass(frozen=True)
class Told:
    """What a file says of its points: their space ("" where it says nothing) and a unit in mm."""

    space: str = ""
    unit_mm: float = 1.0


def told_in(text: str) -> Told:
    """Find what a header or comments say. Raises `ValueError` for a unit that is not known."""
    space = re.search(r"SPACE=(LPS|RAS)\b", text)
    unit = re.search(r"\bUNIT=(\w{1,20})", text)
    if unit and unit[1].lower() not in LENGTHS_MM:
        raise ValueError(f"its points are in {unit[1]!r}, which is no unit that is known here")
    return Told(space[1].lower() if space else "", LENGTHS_MM[unit[1].lower()] if unit else 1.0)
