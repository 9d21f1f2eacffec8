"""A rectangle or ellipse on a plane, and what the values inside it are."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from volume.processing.planes import Plane

if TYPE_CHECKING:
    from volume.geometry import Geometry

ON_THE_EDGE = 1e-6
"""A pixel's middle counts as inside up to so many mm beyond the edge, for rounding."""


@dataclass(frozen=True)
class Statistics:
    """The values of the pixels whose middles lie inside, in the volume's unit.

    `sd` is the standard deviation of these pixels (the sum of squares is divided by their
    number); NaN and what lies beyond the volume does not count. `invented` of the `pixels`
    were not measured.
    """

    mean: float
    sd: float
    least: float
    largest: float
    pixels: int
    invented: int = 0


@dataclass(frozen=True)
class Region:
    """A "rectangle" or an "ellipse" with the sides (right, down) of a plane.

    `middle` (right, down) is in mm from the middle of pixel [0, 0], `half` the half sides.
    """

    kind: str
    middle: tuple[float, float]
    half: tuple[float, float]

    @property
    def area(self) -> float:
        """The area in mm², of the shape and not of the pixels."""
        return (pi if self.kind == "ellipse" else 4.0) * self.half[0] * self.half[1]

    def holds(self, right: NDArray[np.float64], down: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say which places (right, down) in mm lie inside."""
        width, height = (side + ON_THE_EDGE for side in self.half)
        across, along = (right - self.middle[0]) / width, (down - self.middle[1]) / height
        if self.kind == "ellipse":
            return np.asarray(across**2 + along**2 <= 1)
        return np.asarray((np.abs(across) <= 1) & (np.abs(along) <= 1))


def between(kind: str, corner: tuple[float, float], other: tuple[float, float]) -> Region:
    """Make the region in the box between two opposite corners (right, down) in mm."""
    middle = (corner[0] + other[0]) / 2, (corner[1] + other[1]) / 2
    half = abs(corner[0] - other[0]) / 2, abs(corner[1] - other[1]) / 2
    return Region(kind, middle, half)


def statistics(
    plane: Plane, region: Region, geometry: Geometry, invented: NDArray[np.bool_] | None = None
) -> Statistics | None:
    """Sum up a plane's values inside a region; None where there are none, or colours.

    `geometry` is the volume's, beyond which nothing counts; `invented` [row, column] marks
    the pixels that were not measured.
    """
    if plane.array.ndim != 2:
        return None
    rows, columns = _pixels_in(plane, region)
    places = geometry.to_index(plane.to_world(np.stack([rows, columns], axis=-1)))
    within = ((places > -0.5 - ON_THE_EDGE) & (places < np.array(geometry.size) - 0.5)).all(axis=1)
    values = plane.array[rows, columns].astype(np.float64)
    counted = within & np.isfinite(values)
    values = values[counted]
    if not len(values):
        return None
    unmeasured = 0 if invented is None else int(invented[rows, columns][counted].sum())
    return Statistics(
        float(values.mean()),
        float(values.std()),
        float(values.min()),
        float(values.max()),
        len(values),
        unmeasured,
    )


def _pixels_in(plane: Plane, region: Region) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give the rows and columns of the pixels whose middles lie inside."""
    between_rows, between_columns = plane.pixel_spacing
    rows = _span(region.middle[1], region.half[1], between_rows, plane.array.shape[0])
    columns = _span(region.middle[0], region.half[0], between_columns, plane.array.shape[1])
    down, right = np.meshgrid(rows * between_rows, columns * between_columns, indexing="ij")
    row, column = np.nonzero(region.holds(right, down))
    return rows[row], columns[column]


def _span(middle: float, half: float, step: float, count: int) -> NDArray[np.intp]:
    """Give the indices that may lie within `half` mm of `middle`."""
    ends: ArrayLike = [np.floor((middle - half) / step), np.ceil((middle + half) / step) + 1]
    first, last = np.clip(ends, 0, count).astype(int)
    return np.arange(first, last)
