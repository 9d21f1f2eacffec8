"""Where a plane cuts a mesh: the outline that is laid over a slice."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from volume.surface import Mesh


def section(mesh: Mesh, origin: ArrayLike, normal: ArrayLike) -> NDArray[np.float64]:
    """Cut a mesh by the plane through `origin` (mm LPS): (n, 2, 3) ends of line segments.

    Every triangle with points on both sides gives one; a point on the plane counts as
    above it, so that a closed mesh has closed outlines.
    """
    place, way = (np.asarray(given, np.float64) for given in (origin, normal))
    heights = mesh.points @ way.astype(np.float32) - np.float32(place @ way)
    above = heights >= 0
    a, b, c = (above[mesh.faces[:, corner]] for corner in range(3))
    cut = mesh.faces[(a != b) | (b != c)]
    alone = _lone_corner_first(cut, above)
    points = mesh.points[alone].astype(np.float64)
    height = heights[alone].astype(np.float64)
    part = height[:, :1] / (height[:, :1] - height[:, 1:])  # never 0: one is above, one is not
    return points[:, :1] + part[..., None] * (points[:, 1:] - points[:, :1])


def _lone_corner_first(faces: NDArray[np.int32], above: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Turn faces so that the corner alone on its side is the first."""
    sides = above[faces]
    is_alone = sides == (sides.sum(axis=1) == 1)[:, None]
    first = is_alone.argmax(axis=1)[:, None]
    return np.take_along_axis(faces, (first + np.arange(3)) % 3, axis=1)
