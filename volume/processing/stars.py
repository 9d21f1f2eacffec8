"""How far places lie from a surface: from the faces round points of it, or from all of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from volume.processing.measures import extent
from volume.processing.smoothing import to_vtk
from volume.processing.topology import Faces, Points

Places = NDArray[np.float64]
AT_A_TIME = 1 << 14
"""Points whose arrays stay in the processor's cache."""


class Stars:
    """The faces round points of a surface, and the whole of it where those do not tell.

    Those round `some` of its points alone, where these are given.
    """

    def __init__(self, points: Points, faces: Faces, some: NDArray[np.intp] | None = None) -> None:
        self.points, self.whole = points, faces
        self.is_partial = some is not None
        self.triangles = faces if some is None else _touching(faces, some, len(points))
        flat = self.triangles.reshape(-1)
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
            found[some] = np.minimum.reduceat(distances(here, corners), begins)

        with ThreadPoolExecutor(2) as pool:  # numpy counts without holding the interpreter
            list(pool.map(measure, range(0, len(whole), AT_A_TIME)))
        return found

    def search(self, places: Points, bound: Places) -> Places:
        """Measure places, no further than `bound` away, to the whole surface.

        A surface that is large beside the places is searched near to them.
        """
        if self.is_partial:
            near = _near(self.points, self.whole, places, float(bound.max()))
            return _searcher(self.points, near)(places)
        return self._search(places)

    @cached_property
    def _search(self) -> Callable[[Points], Places]:
        return _searcher(self.points, self.whole)


def _searcher(points: Points, faces: Faces) -> Callable[[Points], Places]:
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

    surface = vtkImplicitPolyDataDistance()
    surface.SetInput(to_vtk(points, faces))

    def measure(places: Points) -> Places:
        away = numpy_to_vtk(np.zeros(len(places)), deep=True)
        surface.FunctionValue(numpy_to_vtk(places.astype(np.float64), deep=True), away)
        return np.abs(vtk_to_numpy(away))

    return measure


def _touching(faces: Faces, some: NDArray[np.intp], points: int) -> Faces:
    """Take the faces round some points."""
    touched = np.zeros(points, bool)
    touched[some] = True
    a, b, c = faces.T
    return faces[touched[a] | touched[b] | touched[c]]


def _near(points: Points, faces: Faces, places: Points, mm: float) -> Faces:
    """Take the faces that may have a place within `mm` of some places, and others near them.

    They have a corner in a cell of space in which a place lies, or in one beside it.
    """
    low, high = (np.array(ends) for ends in zip(extent(points), extent(places), strict=True))
    low, high = low.min(axis=0), high.max(axis=0)
    size = max(mm + _longest_edge(points, faces), float((high - low).max()) / CELLS)
    inverse = np.float32(1 / size)
    grid = np.zeros(((high - low) * inverse).astype(int) + 4, bool)
    cells = ((places - low) * inverse).astype(np.int32) + 1
    for step in np.ndindex(3, 3, 3):
        grid[tuple((cells + np.array(step) - 1).T)] = True
    near = grid[tuple(((points - low) * inverse).astype(np.int32).T + 1)]
    return _touching(faces, np.flatnonzero(near), len(points))


CELLS = 200
"""A side of space in so many at most."""


def _longest_edge(points: Points, faces: Faces) -> float:
    square = 0.0
    for start in range(0, len(faces), AT_A_TIME):
        a, b, c = (points[corner] for corner in faces[start : start + AT_A_TIME].T)
        for edge in (a - b, b - c, c - a):
            x, y, z = edge.T
            square = max(square, float((x * x + y * y + z * z).max()))
    return math.sqrt(square)


def distances(places: Places, triangles: Places) -> Places:
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
