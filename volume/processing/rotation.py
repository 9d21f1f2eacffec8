"""How far planes are turned away from the patient's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

UNTURNED = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
ROTATES_WITHIN = 1e-6
"""Nine numbers whose columns stray further from a rotation's are none."""
OPPOSITE = 1e-9
"""Directions whose cosine is nearer to -1 lie opposite: the shortest way is no longer one."""


@dataclass(frozen=True)
class Rotation:
    """A rotation of space; `numbers` are the nine of its matrix in LPS, row by row."""

    numbers: tuple[float, ...] = UNTURNED

    @cached_property
    def matrix(self) -> NDArray[np.float64]:
        """The (3, 3) matrix that turns directions in LPS."""
        return np.array(self.numbers, dtype=np.float64).reshape(3, 3)

    @property
    def is_none(self) -> bool:
        """Whether nothing is turned."""
        return self.numbers == UNTURNED

    @property
    def degrees(self) -> float:
        """The angle of the whole rotation."""
        return float(np.degrees(np.arccos(np.clip((self.matrix.trace() - 1) / 2, -1, 1))))

    def then_about(self, axis: ArrayLike, degrees: float) -> Rotation:
        """Turn further about a direction in LPS, by the right hand."""
        turn = _about(np.asarray(axis, dtype=np.float64), np.radians(degrees))
        return _of(turn @ self.matrix)

    @classmethod
    def from_numbers(cls, numbers: ArrayLike) -> Rotation:
        """Read the nine numbers of a rotation; a ValueError where they are none."""
        matrix = np.asarray(numbers, dtype=np.float64).reshape(3, 3)
        strays = not np.allclose(matrix.T @ matrix, np.eye(3), rtol=0, atol=ROTATES_WITHIN)
        if strays or np.linalg.det(matrix) < 0:
            raise ValueError("these nine numbers are no rotation")
        return cls(tuple(float(number) for number in matrix.ravel()))


def swing(start: ArrayLike, end: ArrayLike, otherwise: ArrayLike) -> NDArray[np.float64]:
    """Give the shortest rotation (3, 3) from one direction to another.

    To the opposite direction every way is as short: then it is half a turn about `otherwise`.
    """
    a, b = (np.asarray(way, dtype=np.float64) for way in (start, end))
    cosine = float(a @ b)
    if cosine < OPPOSITE - 1:
        axis = np.asarray(otherwise, dtype=np.float64)
        return 2 * np.outer(axis, axis) - np.eye(3)
    across = _cross(np.cross(a, b))
    return np.eye(3) + across + across @ across / (1 + cosine)


def _about(axis: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """Make the matrix of a turn, by Rodrigues' formula."""
    across = _cross(axis / np.linalg.norm(axis))
    return np.eye(3) + np.sin(angle) * across + (1 - np.cos(angle)) * across @ across


def _cross(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make the matrix that gives the vector product with `vector`."""
    x, y, z = vector
    return np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])


def _of(matrix: NDArray[np.float64]) -> Rotation:
    """Give the rotation nearest to a matrix, so that rounding does not add up."""
    left, _, right = np.linalg.svd(matrix)
    return Rotation(tuple(float(number) for number in (left @ right).ravel()))


STRAIGHT = Rotation()
"""The patient's own planes."""
