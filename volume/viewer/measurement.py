"""A distance, an angle or a region that someone drew on a plane; no VTK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from volume.geometry import Geometry
from volume.processing.plane_grid import PLANES, plane_grid
from volume.processing.region import Region, between
from volume.processing.rotation import STRAIGHT, Rotation
from volume.viewer.saved_number import read_place

Place = tuple[float, float, float]
"""(x, y, z) in mm LPS."""

POINTS: Mapping[str, int] = {"distance": 2, "angle": 3, "rectangle": 2, "ellipse": 2}
"""Kinds of measurements, and the points that each has."""
REGIONS = ("rectangle", "ellipse")
SMALLEST_MM = 1e-3
"""Points nearer to each other are one: a click in place of a drag."""
FACETS = 72
"""An ellipse is drawn with so many edges."""


@dataclass(frozen=True)
class Measurement:
    """Points on a plane. An angle has its vertex in the middle; a region's two points are
    opposite corners of its box, whose sides run along the plane's rows and columns.

    `plane` and `rotation` name the plane as it was turned when this was drawn.
    """

    kind: str
    points: tuple[Place, ...]
    plane: str
    rotation: Rotation = STRAIGHT

    @property
    def is_region(self) -> bool:
        """Whether it has values inside."""
        return self.kind in REGIONS

    @property
    def length(self) -> float | None:
        """The distance in mm; None for other kinds."""
        if self.kind != "distance":
            return None
        start, end = np.array(self.points)
        return float(np.linalg.norm(end - start))

    @property
    def angle(self) -> float | None:
        """The angle in degrees, 0 to 180; None for other kinds, or while it has no third point."""
        if self.kind != "angle" or len(self.points) < POINTS["angle"]:
            return None
        start, vertex, end = np.array(self.points)
        a, b = start - vertex, end - vertex
        return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)))

    def grid(self, geometry: Geometry) -> Geometry:
        """Give the grid of its plane: (column, row, layer)."""
        return plane_grid(geometry, self.plane, self.rotation)

    def region(self, geometry: Geometry) -> Region | None:
        """Give the region on its plane; None for other kinds."""
        if not self.is_region:
            return None
        grid = self.grid(geometry)
        corners = grid.to_index(self.points)[:, :2] * grid.spacing[:2]
        (a, b), (c, d) = corners.tolist()
        return between(self.kind, (a, b), (c, d))

    def corners(self, geometry: Geometry) -> NDArray[np.float64]:
        """Give the (n, 3) places that tell its shape in mm LPS: of a region the four corners."""
        if not self.is_region:
            return np.array(self.points)
        grid = self.grid(geometry)
        (a, b, layer), (c, d, _) = grid.to_index(self.points).tolist()
        return grid.to_world([(a, b, layer), (c, b, layer), (c, d, layer), (a, d, layer)])

    def outline(self, geometry: Geometry) -> NDArray[np.float64]:
        """Give the (n, 3) places of the line to draw, in mm LPS."""
        if not self.is_region:
            return np.array(self.points)
        corners = self.corners(geometry)
        if self.kind == "rectangle":
            return np.concatenate([corners, corners[:1]])
        middle = corners.mean(axis=0)
        right, down = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
        around = np.linspace(0, 2 * np.pi, FACETS + 1)[:, None]
        return np.asarray(middle + np.cos(around) * right + np.sin(around) * down)

    @property
    def is_whole(self) -> bool:
        """Whether it has all its points."""
        return len(self.points) == POINTS[self.kind]

    def is_nothing(self, geometry: Geometry) -> bool:
        """Say whether two of its points are one, or a region has no inside."""
        steps = np.diff(np.array(self.points), axis=0)
        region = self.region(geometry)
        sides = np.linalg.norm(steps, axis=1) if region is None else np.array(region.half) * 2
        return bool((sides < SMALLEST_MM).any())

    def with_point(self, number: int, place: ArrayLike) -> Measurement:
        """Move one point."""
        points = list(self.points)
        points[number] = as_place(place)
        return replace(self, points=tuple(points))

    def and_point(self, place: ArrayLike) -> Measurement:
        """Add a point."""
        return replace(self, points=(*self.points, as_place(place)))

    def moved(self, by: ArrayLike) -> Measurement:
        """Move the whole by (x, y, z) mm."""
        places = np.array(self.points) + np.asarray(by, dtype=np.float64)
        return replace(self, points=tuple(as_place(place) for place in places))

    def as_json(self) -> dict[str, Any]:
        """Give plain values for a saved scene."""
        return {
            "kind": self.kind,
            "points": [list(point) for point in self.points],
            "plane": self.plane,
            "axes": list(self.rotation.numbers),
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Measurement:
        """Read what `as_json` gave; a ValueError where it is something else."""
        kind, plane, points = saved["kind"], saved["plane"], saved["points"]
        if kind not in POINTS or plane not in PLANES:
            raise ValueError(f"no such measurement: {kind!r} on {plane!r}")
        if len(points) != POINTS[kind]:
            raise ValueError(f"this {kind} has {len(points)} points, not {POINTS[kind]}")
        rotation = Rotation.from_numbers(saved["axes"])
        return cls(kind, tuple(read_place(point) for point in points), plane, rotation)


def as_place(place: ArrayLike | Sequence[float]) -> Place:
    """Give three finite numbers, or refuse what is no place."""
    numbers = np.asarray(place, dtype=np.float64)
    if numbers.shape != (3,) or not np.isfinite(numbers).all():
        raise ValueError(f"a place is three numbers, x, y, z in mm LPS, not {place!r}")
    return float(numbers[0]), float(numbers[1]), float(numbers[2])
