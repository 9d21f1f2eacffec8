"""How far places lie from a surface: from the faces round points of it, or from all of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

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

    def __init__(
        self, points: Points, faces: Faces, some: NDArray[np.integer] | None = None
    ) -> None:
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

    def search(self, places: NDArray[np.floating], mm: float) -> tuple[Places, NDArray[np.bool_]]:
        """Measure places to the surface as far as `mm`; say whether there is nothing nearer.

        Those that are further may be nearer than is said.
        """
        if not self.is_partial:
            return self._search(places), np.ones(len(places), bool)
        near = _near(self.points, self.whole, places, mm + self._longest_edge)
        if not len(near):
            return np.full(len(places), np.inf), np.zeros(len(places), bool)
        away = _searcher(self.points, near)(places)
        return away, away <= mm

    def nearest(self, places: Places, mm: float) -> tuple[Places, Faces]:
        """Find a face near each place, the nearest if it is within `mm`: its distance and corners.

        Where there is none near: inf, and -1 for corners.
        """
        if not self.is_partial:
            return self._nearest(places)
        near = _near(self.points, self.whole, places, mm + self._longest_edge)
        return _locator(self.points, near)(places)

    @cached_property
    def _nearest(self) -> Callable[[Places], tuple[Places, Faces]]:
        return _locator(self.points, self.whole)

    @cached_property
    def _longest_edge(self) -> float:
        return _longest_edge(self.points, self.whole)

    @cached_property
    def _search(self) -> Callable[[NDArray[np.floating]], Places]:
        return _searcher(self.points, self.whole)


def _searcher(points: Points, faces: Faces) -> Callable[[NDArray[np.floating]], Places]:
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

    surface = vtkImplicitPolyDataDistance()
    surface.SetInput(to_vtk(points, faces))

    def measure(places: NDArray[np.floating]) -> Places:
        away = numpy_to_vtk(np.zeros(len(places)), deep=True)
        surface.FunctionValue(numpy_to_vtk(places.astype(np.float64), deep=True), away)
        return np.abs(vtk_to_numpy(away))

    return measure


def _locator(points: Points, faces: Faces) -> Callable[[Places], tuple[Places, Faces]]:
    from vtkmodules.vtkCommonCore import reference
    from vtkmodules.vtkCommonDataModel import vtkGenericCell, vtkStaticCellLocator

    locator: Any = vtkStaticCellLocator()  # its stubs know no `reference`
    cell = vtkGenericCell()
    if len(faces):
        locator.SetDataSet(to_vtk(points, faces))
        locator.BuildLocator()

    def find(places: Places) -> tuple[Places, Faces]:
        away, own = np.full(len(places), np.inf), np.full((len(places), 3), -1, np.int32)
        face: Any = reference(0)
        square: Any = reference(0.0)
        for n, place in enumerate(places.tolist() if len(faces) else ()):
            locator.FindClosestPoint(place, [0.0, 0.0, 0.0], cell, face, reference(0), square)
            away[n], own[n] = math.sqrt(float(square)), faces[int(face)]
        return away, own

    return find


def _touching(faces: Faces, some: NDArray[np.integer], points: int) -> Faces:
    """Take the faces round some points."""
    touched = np.zeros(points, bool)
    touched[some] = True
    a, b, c = faces.T
    return faces[touched[a] | touched[b] | touched[c]]


def _near(points: Points, faces: Faces, places: NDArray[np.floating], reach: float) -> Faces:
    """Take the faces with a corner within `reach` mm of some places, and others near them.

    They have one in a cell of space in which a place lies, or in one beside it.
    """
    ends = np.concatenate((extent(points), places), dtype=np.float32)
    low, high = extent(ends)
    size = np.float32(max(reach, float((high - low).max()) / CELLS))
    grid = np.zeros(((high - low) / size).astype(int) + 4, bool)
    cells = ((places - low) / size).astype(np.int32) + 1
    for step in np.ndindex(3, 3, 3):
        grid[tuple((cells + np.array(step) - 1).T)] = True
    near = np.empty(len(points), bool)
    for start in range(0, len(points), AT_A_TIME):
        own = ((points[start : start + AT_A_TIME] - low) / size).astype(np.int32) + 1
        near[start : start + AT_A_TIME] = grid[own[:, 0], own[:, 1], own[:, 2]]
    return _touching(faces, np.flatnonzero(near), len(points))


CELLS = 200
"""A side of space in so many at most."""


def _longest_edge(points: Points, faces: Faces) -> float:
    def of_some(start: int) -> float:
        a, b, c = (points[corner] for corner in faces[start : start + AT_A_TIME].T)
        sides = (side.T for side in (a - b, b - c, c - a))
        return max(float((x * x + y * y + z * z).max()) for x, y, z in sides)

    with ThreadPoolExecutor(2) as pool:  # numpy counts without holding the interpreter
        return math.sqrt(max(pool.map(of_some, range(0, len(faces), AT_A_TIME))))


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
