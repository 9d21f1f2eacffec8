"""How far a surface lies from a simpler one that it was reduced to.

Measured both ways, in mm to the nearest place of the other surface: from every corner of the
former one and from places spread over every face, the more the fewer faces there are, and from
every corner of the simpler one. Which faces
are near is known from what became of the points; where those alone would tell the most, the
whole surface is searched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from volume.processing.smoothing import to_vtk
from volume.processing.topology import Faces, Points

Places = NDArray[np.float64]
AT_A_TIME = 1 << 14
"""Points whose arrays stay in the processor's cache."""
FIRST_LOOKED_AT = 1_000
"""So many of the farthest places are searched for at first, then twice as many."""


@dataclass(frozen=True)
class Reduced:
    """A simpler surface; `became` says which of its points each of the former ones became."""

    points: Points
    faces: Faces
    became: NDArray[np.intp]


class _Stars:
    """The faces round every point of a surface, and the whole of it where those do not tell."""

    def __init__(self, points: Points, faces: Faces) -> None:
        self.points, self.triangles = points, faces
        flat = faces.reshape(-1)
        self.faces = (np.argsort(flat, kind="stable") // 3).astype(np.int32)
        self.count = np.bincount(flat, minlength=len(points))
        self.start = np.cumsum(self.count) - self.count

    def known(self, became: NDArray[np.integer]) -> NDArray[np.intp]:
        """List the places in `became` of points that have faces."""
        return np.flatnonzero((became >= 0) & (self.count[became] > 0))

    def of(self, points: NDArray[np.integer]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
        """List the faces round points, one point after the other, and where each begins."""
        count = self.count[points]
        begins = np.cumsum(count) - count
        within = np.arange(int(count.sum())) - np.repeat(begins, count)
        return self.faces[np.repeat(self.start[points], count) + within], begins

    def near(self, places: Points, points: NDArray[np.integer]) -> Places:
        """Give the distance of each place to the faces round its own point; inf without any."""
        found = np.full(len(places), np.inf)
        whole = self.known(points)

        def measure(start: int) -> None:
            some = whole[start : start + AT_A_TIME]
            near, begins = self.of(points[some])
            count = np.diff(begins, append=len(near))
            here = np.repeat(places[some].astype(np.float64), count, axis=0)
            corners = self.points[self.triangles[near]].astype(np.float64)
            found[some] = np.minimum.reduceat(_distances(here, corners), begins)

        with ThreadPoolExecutor(2) as pool:  # numpy counts without holding the interpreter
            list(pool.map(measure, range(0, len(whole), AT_A_TIME)))
        return found

    def search(self) -> Callable[[Points], Places]:
        """Give what measures places to the whole surface."""
        from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
        from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

        surface = vtkImplicitPolyDataDistance()
        surface.SetInput(to_vtk(self.points, self.triangles))

        def measure(places: Points) -> Places:
            away = numpy_to_vtk(np.zeros(len(places)), deep=True)
            surface.FunctionValue(numpy_to_vtk(places.astype(np.float64), deep=True), away)
            return np.abs(vtk_to_numpy(away))

        return measure


def farthest_from(points: Points, faces: Faces, reduced: Reduced) -> float:
    """Give the largest distance in mm between a surface and what it was reduced to."""
    if not len(faces):
        return 0.0
    stars, became = _Stars(reduced.points, reduced.faces), reduced.became
    far = _farthest(points, stars.near(points, became), stars, 0.0)
    for places, corners in _within(points, faces):
        far = _farthest(places, stars.near(places, became[corners]), stars, far)
    return _farthest(reduced.points, *_backward(points, faces, reduced), far)


def _within(points: Points, faces: Faces) -> Iterator[tuple[Points, NDArray[np.int32]]]:
    """Give places within every face, one a face at a time, and the corners nearest to them.

    They are the middles of even parts of the face.
    """
    parts = min(FINEST, max(1, math.isqrt(PLACES // len(faces))))
    a, b, c = (points[corner] for corner in faces.T)
    for i, j in np.ndindex(parts, parts):
        turned = i + j >= parts
        u = (parts - i - 2 / 3 if turned else i + 1 / 3) / parts
        v = (parts - j - 2 / 3 if turned else j + 1 / 3) / parts
        places = a + np.float32(u) * (b - a) + np.float32(v) * (c - a)
        yield places.astype(np.float32), faces[:, int(np.argmax((1 - u - v, u, v)))]


FINEST, PLACES = 4, 500_000
"""Each side of a face in so many parts at most; places in all, but one a face at least."""


def beyond(points: Points, faces: Faces, reduced: Reduced, mm: float) -> NDArray[np.bool_]:
    """Say of the faces of a surface which are further than `mm` from what it was reduced to.

    So are those round a point that became one too far from them. Where many may be, all of
    these are taken for it.
    """
    stars, became = _Stars(reduced.points, reduced.faces), reduced.became
    corners = _are_beyond(points, stars.near(points, became), stars, mm)
    bound, back = _backward(points, faces, reduced)
    corners |= _are_beyond(reduced.points, bound, back, mm)[became] & (became >= 0)
    strays = np.asarray(corners[faces].any(axis=1))
    for places, nearest in _within(points, faces):
        strays |= _are_beyond(places, stars.near(places, became[nearest]), stars, mm)
    return np.asarray(strays)


def _are_beyond(places: Points, bound: Places, stars: _Stars, mm: float) -> NDArray[np.bool_]:
    far = bound > mm
    some = np.flatnonzero(far)
    if len(some) and len(some) < SEARCHED * len(places):
        far[some] = stars.search()(places[some]) > mm
    return far


SEARCHED = 0.1
"""Up to this share of the places."""


def _backward(points: Points, faces: Faces, reduced: Reduced) -> tuple[Places, _Stars]:
    """Bound the distances of a reduced surface's points to the former surface."""
    stars, became = _Stars(points, faces), reduced.became
    known = np.flatnonzero(became >= 0)
    bound = np.full(len(reduced.points), np.inf)
    np.minimum.at(bound, became[known], stars.near(reduced.points[became[known]], known))
    bound[np.isinf(bound)] = 0  # second points of a place that is measured already
    return bound, stars


def _farthest(places: Points, bound: Places, stars: _Stars, farthest: float) -> float:
    """Measure the farthest places, until no other can be farther; at least `farthest`."""
    order = np.argsort(-bound, kind="stable")
    done, looked_at, search = 0, FIRST_LOOKED_AT, None
    while done < len(order) and bound[order[done]] > farthest:
        search = search or stars.search()
        some = order[done : done + looked_at]
        farthest = max(farthest, float(np.minimum(search(places[some]), bound[some]).max()))
        done, looked_at = done + len(some), 2 * looked_at
    return farthest


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
