"""How far a surface lies from a simpler one: no place of it lies further, which is proved.

The distance to one flat triangle is convex: over a face it is nowhere more than at one of its
corners. So of each face the corners are measured to one and the same triangle nearby, and the
least such bound stands. What cannot be the farthest is not looked at more closely.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from volume.processing.smoothing import to_vtk
from volume.processing.topology import Faces, Points

Places = NDArray[np.float64]
AT_A_TIME = 1 << 14
"""Points whose arrays stay in the processor's cache."""
FIRST_LOOKED_AT, MOST_LOOKED_AT = 2_000, 200_000
COVERS = 3**-0.5
"""No place in a triangle lies further from a corner than this share of its longest edge."""


@dataclass(frozen=True)
class Reduced:
    """A simpler surface; `became` says which of its points each of the former ones became."""

    points: Points
    faces: Faces
    became: NDArray[np.intp]


class _Stars:
    """The faces round every point of a surface."""

    def __init__(self, surface: Reduced) -> None:
        self.corners = surface.points[surface.faces].astype(np.float64)
        flat = surface.faces.reshape(-1)
        self.faces = np.argsort(flat, kind="stable") // 3
        self.count = np.bincount(flat, minlength=len(surface.points))
        self.start = np.cumsum(self.count) - self.count

    def known(self, became: NDArray[np.intp]) -> NDArray[np.intp]:
        """List the places in `became` of points that have faces."""
        return np.flatnonzero((became >= 0) & (self.count[became] > 0))

    def of(self, points: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """List the faces round points, one point after the other, and where each begins."""
        count = self.count[points]
        begins = np.cumsum(count) - count
        within = np.arange(int(count.sum())) - np.repeat(begins, count)
        return self.faces[np.repeat(self.start[points], count) + within], begins


def farthest_from(points: Points, faces: Faces, reduced: Reduced) -> float:
    """Give a bound in mm: no place of a surface lies further from what it was reduced to."""
    if not len(faces):
        return 0.0
    stars = _Stars(reduced)
    corners = _sharpened(points, _corner_distances(points, reduced, stars), reduced)
    longest = np.zeros(len(faces))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        edge = points[faces[:, a]] - points[faces[:, b]]
        np.maximum(longest, np.sqrt(np.square(edge).sum(axis=1)), out=longest)
    bound = np.maximum.reduce([corners[faces[:, n]] for n in range(3)])
    return _farthest_face(
        points, faces, bound + COVERS * longest, float(corners.max()), reduced, stars
    )


def _corner_distances(points: Points, reduced: Reduced, stars: _Stars) -> Places:
    """Bound every point's distance by the faces round the point it became; inf without any."""
    found = np.full(len(points), np.inf)
    whole = stars.known(reduced.became)
    for start in range(0, len(whole), AT_A_TIME):
        some = whole[start : start + AT_A_TIME]
        near, begins = stars.of(reduced.became[some])
        count = np.diff(begins, append=len(near))
        away = _distances(
            np.repeat(points[some].astype(np.float64), count, axis=0), stars.corners[near]
        )
        found[some] = np.minimum.reduceat(away, begins)
    return found


def _sharpened(points: Points, bound: Places, reduced: Reduced) -> Places:
    """Measure the farthest points to the whole surface, until no other can be farther."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

    surface = vtkImplicitPolyDataDistance()
    surface.SetInput(to_vtk(reduced.points, reduced.faces))
    order = np.argsort(-bound, kind="stable")
    done, looked_at, farthest = 0, FIRST_LOOKED_AT, 0.0
    while done < len(order) and bound[order[done]] > farthest:
        if done > MOST_LOOKED_AT and np.isfinite(bound[order[done]]):
            break
        some = order[done : done + looked_at]
        away = numpy_to_vtk(np.zeros(len(some)), deep=True)
        surface.FunctionValue(numpy_to_vtk(points[some].astype(np.float64), deep=True), away)
        bound[some] = np.minimum(np.abs(vtk_to_numpy(away)), bound[some])
        farthest = max(farthest, float(bound[some].max()))
        done, looked_at = done + len(some), 2 * looked_at
    return bound


def _farthest_face(
    points: Points, faces: Faces, rough: Places, farthest: float, reduced: Reduced, stars: _Stars
) -> float:
    """Look closer at the faces whose rough bounds are the largest, while they may matter."""
    order = np.argsort(-rough, kind="stable")
    done, looked_at = 0, FIRST_LOOKED_AT
    while done < len(order) and rough[order[done]] > farthest:
        if done > MOST_LOOKED_AT:
            return float(rough[order[done]])
        some = order[done : done + looked_at]
        closer = np.minimum(rough[some], _convex_bound(points, faces[some], reduced, stars))
        farthest = max(farthest, float(closer.max()))
        done, looked_at = done + len(some), 2 * looked_at
    return farthest


def _convex_bound(points: Points, faces: Faces, reduced: Reduced, stars: _Stars) -> Places:
    """Bound each face's distance by the best one triangle near any of its corners."""
    best = np.full(len(faces), np.inf)
    for corner in range(3):
        became = reduced.became[faces[:, corner]]
        whole = stars.known(became)
        near, begins = stars.of(became[whole])
        count = np.diff(begins, append=len(near))
        triangles = stars.corners[near]
        away = [
            _distances(
                np.repeat(points[faces[whole, n]].astype(np.float64), count, axis=0), triangles
            )
            for n in range(3)
        ]
        found = np.minimum.reduceat(np.maximum.reduce(away), begins) if len(near) else np.empty(0)
        best[whole] = np.minimum(best[whole], found)
    return best


def _distances(places: Places, triangles: Places) -> Places:
    """Give the distance of each (n, 3) place to its own triangle (n, 3, 3)."""
    a, b, c = ([triangles[:, n, x] - places[:, x] for x in range(3)] for n in range(3))
    ab, bc, ca = (_minus(end, begin) for begin, end in ((a, b), (b, c), (c, a)))
    normal = _cross(ab, ca)
    square = _dot(normal, normal)
    inside = np.ones(len(places), bool)
    nearest = np.full(len(places), np.inf)
    for begin, edge in ((a, ab), (b, bc), (c, ca)):
        inside &= _dot(_cross(edge, normal), begin) <= 0
        length = _dot(edge, edge)
        share = np.divide(-_dot(begin, edge), length, out=np.zeros(len(places)), where=length > 0)
        np.clip(share, 0, 1, out=share)
        away = [x + share * step for x, step in zip(begin, edge, strict=True)]
        np.minimum(nearest, _dot(away, away), out=nearest)
    flat = square <= 0
    height = np.divide(_dot(normal, a) ** 2, square, out=np.zeros(len(places)), where=~flat)
    return np.sqrt(np.where(inside & ~flat, height, nearest))


Vectors = list[Places]


def _minus(a: Vectors, b: Vectors) -> Vectors:
    return [x - y for x, y in zip(a, b, strict=True)]


def _dot(a: Vectors, b: Vectors) -> Places:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Vectors, b: Vectors) -> Vectors:
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
