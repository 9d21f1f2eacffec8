"""How one grid lies to another: in millimetres, degrees and anatomical directions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from volume.geometry import LETTERS, Geometry
from volume.processing.axis_order import EVERY_ORDER, AxisOrder, order_like

DIRECTIONS = ("left-right", "front-back", "head-feet")
"""Along x, y and z of LPS."""
LPS_TO_RAS = (-1, -1, 1)


@dataclass(frozen=True, eq=False)
class Displacement:
    """How a grid lies to another whose voxels are the same in order.

    `turn` are the axes of the first, swapped and turned round, that run nearest to the
    second's; what is left is a rotation by `degrees` and, from middle to middle, a shift.
    `negated` are the signs of x, y and z by which every place of the first becomes the
    second's, where that is what sets them apart.
    """

    corners_mm: float
    turn: AxisOrder
    shift_mm: tuple[float, float, float]
    shift_voxels: tuple[float, float, float]
    degrees: float
    same_spacing: bool
    first_mm: tuple[float, float, float]
    """From the centre of one's first voxel to that of the other's."""
    shears: tuple[float, float]
    """How far the axes of each are from right angles, in degrees at most."""
    negated: tuple[int, int, int] | None = None
    negated_part: str = ""
    """"origin" or "directions", where that part alone is negated."""


def corners_apart(a: Geometry, b: Geometry) -> float:
    """Give the greatest distance in mm between corners of the same indices."""
    return float(np.linalg.norm(a.corners - b.corners, axis=1).max())


def displacement(a: Geometry, b: Geometry, within_mm: float) -> Displacement:
    """Say how `b` lies to `a`, whose voxels stand in the same order."""
    turn = AxisOrder()
    if a.size == b.size:
        turn = order_like(a, b)
    straight = turn.grid(a)
    shift = b.centre - straight.centre
    negated, part = _negated(a, b, within_mm)
    drift = np.abs(straight.spacing - b.spacing) * turn.size(a.size)
    return Displacement(
        corners_apart(a, b),
        turn,
        _three(shift),
        _three(a.to_index(a.origin + shift)),
        _degrees(straight.direction, b.direction),
        bool((drift <= within_mm).all()),
        _three(b.origin - straight.origin),
        (_shear(a), _shear(b)),
        negated,
        part,
    )


def _three(vector: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(n) for n in vector)
    return x, y, z


def _shear(geometry: Geometry) -> float:
    cosines = geometry.direction.T @ geometry.direction - np.eye(3)
    return float(np.degrees(np.arcsin(np.clip(np.abs(cosines).max(), 0, 1))))


def _negated(a: Geometry, b: Geometry, within_mm: float) -> tuple[tuple[int, int, int] | None, str]:
    """Find signs of x, y and z that make `b` of `a`, or a part of it."""
    if a.size != b.size or corners_apart(a, b) <= within_mm:
        return None, ""
    signs = [one for one in product((1, -1), repeat=3) if one != (1, 1, 1)]
    signs.sort(key=lambda one: one != LPS_TO_RAS)
    for one, part in product(signs, ("", "origin", "directions")):
        if corners_apart(_with_signs(a, np.array(one, float), part), b) <= within_mm:
            return (one[0], one[1], one[2]), part
    return None, ""


def _with_signs(a: Geometry, signs: NDArray[np.float64], part: str) -> Geometry:
    origin = a.origin if part == "directions" else a.origin * signs
    direction = a.direction if part == "origin" else a.direction * signs[:, None]
    return Geometry(a.size, origin, a.spacing, direction)


def _degrees(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Give the angle of the rotation that is nearest to the way from one's axes to the other's."""
    left, _, right = np.linalg.svd(b @ np.linalg.inv(a))
    rotation = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    off_axis = rotation - rotation.T
    sine = np.linalg.norm([off_axis[2, 1], off_axis[0, 2], off_axis[1, 0]]) / 2
    return float(np.degrees(np.arctan2(sine, (np.trace(rotation) - 1) / 2)))


def name_turn(turn: AxisOrder, geometry: Geometry) -> tuple[str, str]:
    """Word a turn of a grid's axes in the patient's directions: a code, and a sentence."""
    names = [_direction(letter) for letter in geometry.orientation]
    turned = [names[axis] for axis, flip in zip(turn.axes, turn.flipped, strict=True) if flip]
    if turn.axes == (0, 1, 2):
        if len(turned) == 2:
            (about,) = set(names) - set(turned)
            return "turned", f"turned by 180° about the {about} axis ({turned[0]} and {turned[1]})"
        return "mirrored", f"mirrored {' and '.join(turned)}"
    if np.linalg.det(turn.matrix) < 0:
        return "mirrored", f"mirrored, with axes exchanged ({turn.told()})"
    angle = np.degrees(np.arccos(np.clip((np.trace(turn.matrix) - 1) / 2, -1, 1)))
    still = [n for n in range(3) if turn.matrix[n, n] == 1]
    about = f" about the {names[still[0]]} axis" if still else ""
    return "turned", f"turned by {angle:.0f}°{about} ({turn.told()})"


def _direction(letter: str) -> str:
    return next(name for name, pair in zip(DIRECTIONS, LETTERS, strict=True) if letter in pair)


def turn_in_place(a: Geometry, b: Geometry, within_mm: float) -> AxisOrder | None:
    """Find the order in which `a` takes up the very places of `b`; None where there is none."""
    fitting = [order for order in EVERY_ORDER if order.size(a.size) == b.size]
    apart = [corners_apart(order.grid(a), b) for order in fitting]
    if not fitting or min(apart) > within_mm:
        return None
    return fitting[apart.index(min(apart))]


def lattice_offset(a: Geometry, b: Geometry, within_mm: float) -> tuple[int, int, int] | None:
    """Find the voxel of `a`, it may lie outside, at the first of `b`, if both share one lattice."""
    first = np.round(a.to_index(b.origin))
    size = np.array(b.size) - 1
    expected = a.to_world([first + np.array(c) * size for c in product((0, 1), repeat=3)])
    if np.linalg.norm(expected - b.corners, axis=1).max() > within_mm:
        return None
    i, j, k = (int(n) for n in first)
    return i, j, k


def overlap(a: Geometry, b: Geometry) -> float:
    """Give the share of `a`, voxels as boxes, that lies within `b`, from points of `a`."""
    steps = [(np.arange(POINTS) + 0.5) / POINTS * n - 0.5 for n in a.size]
    points = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    ijk = b.to_index(a.to_world(points))
    inside = ((ijk >= -0.5 - EDGE) & (ijk <= np.array(b.size) - 0.5 + EDGE)).all(axis=1)
    return float(inside.mean())


POINTS = 40
EDGE = 1e-6
