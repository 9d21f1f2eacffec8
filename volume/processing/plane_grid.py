"""The grids of the patient's planes: axial, coronal and sagittal, and turned from these."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from volume.errors import GridError
from volume.geometry import Geometry
from volume.processing.rotation import STRAIGHT, Rotation, swing

PLANES: Mapping[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
}
"""Each plane's (row direction, column direction) in LPS: to the right and down the screen.

Axial is seen from the feet with the front up, coronal from the front and sagittal from the
patient's left, both with the head up: radiological, the patient's right on the left.
"""
ALIGNED_WITHIN = 0.5
"""A grid is the patient's where no voxel lies further than this part of the finest spacing
from where it would lie on a grid with axes exactly L, P and S: half a voxel is not seen."""
EDGE = ("RL", "AP", "FH")
"""Towards minus and plus on the x, y and z axis of LPS, as viewers write them."""
SLANT = 0.17
"""Direction cosines above this (10 degrees) get their own letter: "AH"."""


SMALL_SLOPE = 1e-6
SAME_SIGHT = 1e-12
"""Lines of sight whose cosine is so near to 1 are one: a plane that the others turn about."""


@lru_cache(maxsize=64)  # a Geometry never changes, and is its own key
def plane_grid(geometry: Geometry, plane: str, rotation: Rotation = STRAIGHT) -> Geometry:
    """Give the grid as a plane sees it: its axes are (column, row, layer).

    Layers run along the direction of view: to the head, to the back, to the patient's right;
    turned by `rotation`, if there is one. A turned plane is swung there the shortest way, so
    that what was up the screen stays so as nearly as can be.
    """
    row, column = _directions(plane)
    wanted = np.array([row, column, np.cross(row, column)])
    if is_turned(plane, rotation):
        turn = swing(wanted[2], rotation.matrix @ wanted[2], otherwise=column)
        return _grid_around(geometry, wanted @ turn.T)
    axes = aligned_axes(geometry)
    if axes is None:
        return _grid_around(geometry, wanted)
    order = [axes[int(np.argmax(np.abs(direction)))] for direction in wanted]
    signs = np.sign(np.sum(geometry.direction[:, order] * wanted.T, axis=0))
    last = np.array(geometry.size) - 1
    first = np.zeros(3)
    for axis, sign in zip(order, signs, strict=True):
        first[axis] = 0 if sign > 0 else last[axis]
    size = np.array(geometry.size)[order]
    return Geometry(
        (size[0], size[1], size[2]),
        geometry.to_world(first),
        geometry.spacing[order],
        geometry.direction[:, order] * signs,
    )


def is_turned(plane: str, rotation: Rotation) -> bool:
    """Say whether a rotation turns a plane out of itself; about its line of sight it does not."""
    sight = np.cross(*_directions(plane))
    return not rotation.is_none and bool(sight @ rotation.matrix @ sight < 1 - SAME_SIGHT)


def aligned_axes(geometry: Geometry) -> tuple[int, int, int] | None:
    """Say which voxel axis (0 i, 1 j, 2 k) runs along x, y and z; None on oblique grids."""
    order = np.abs(geometry.direction).argmax(axis=1)
    if sorted(order) != [0, 1, 2]:
        return None
    snapped = np.zeros((3, 3))
    snapped[[0, 1, 2], order] = np.sign(geometry.direction[[0, 1, 2], order])
    half = (np.array(geometry.size) - 1) / 2 * geometry.spacing
    stray = np.linalg.norm(np.abs(geometry.direction - snapped) @ half)
    if stray > ALIGNED_WITHIN * geometry.spacing.min():
        return None
    return int(order[0]), int(order[1]), int(order[2])


def towards(direction: ArrayLike) -> str:
    """Name where a direction in LPS points to: "L", or "AH" for one that is oblique."""
    vector = np.asarray(direction, dtype=np.float64)
    vector = vector / np.linalg.norm(vector)
    axes = [int(axis) for axis in np.argsort(-np.abs(vector), kind="stable")]
    return "".join(EDGE[axis][int(vector[axis] > 0)] for axis in axes if abs(vector[axis]) > SLANT)


def layer_at(grid: Geometry, at: ArrayLike) -> float:
    """Give the layer a place lies in; refuse a place the volume does not reach."""
    place = np.asarray(at, dtype=np.float64)
    if place.shape != (3,) or not np.isfinite(place).all():
        raise ValueError(f"a place is three numbers, x, y, z in mm LPS, not {at!r}")
    layer = float(grid.to_index(place)[2])
    if not -0.5 - 1e-6 <= layer <= grid.size[2] - 0.5 + 1e-6:
        axis = int(np.argmax(np.abs(grid.direction[:, 2])))
        ends = sorted(grid.to_world([(0, 0, 0), (0, 0, grid.size[2] - 1)])[:, axis])
        raise GridError(
            f"{'xyz'[axis]} = {place[axis]:.5g} mm is outside the volume,"
            f" which reaches from {ends[0]:.5g} to {ends[1]:.5g} mm"
        )
    return layer


def _directions(plane: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if plane not in PLANES:
        raise ValueError(f"no such plane: {plane!r}; there are {', '.join(PLANES)}")
    row, column = PLANES[plane]
    return np.array(row, dtype=np.float64), np.array(column, dtype=np.float64)


def _grid_around(geometry: Geometry, directions: NDArray[np.float64]) -> Geometry:
    """Make the box along the rows of `directions` (3, 3) that holds every voxel centre."""
    places = geometry.corners @ directions.T
    low, high = places.min(axis=0), places.max(axis=0)
    spacing = np.full(3, geometry.spacing.min())
    spacing[2] = _step_along(geometry, directions[2])
    size = np.floor((high - low) / spacing + 1e-6).astype(int) + 1
    first = (low + high) / 2 - (size - 1) / 2 * spacing
    return Geometry((size[0], size[1], size[2]), first @ directions, spacing, directions.T)


def _step_along(geometry: Geometry, direction: NDArray[np.float64]) -> float:
    """Choose steps that pass no voxel over: from layer to layer at most one of each axis."""
    slopes = np.abs(direction @ geometry.direction)
    steps = geometry.spacing / np.maximum(slopes, SMALL_SLOPE)
    return float(min(geometry.spacing[np.argmax(slopes)], steps.min()))
