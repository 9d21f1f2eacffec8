"""Where the values of a volume cross into a body: triangles in mm LPS, closed.

VTK's flying edges (Schroeder 2015) join the voxels' edges into triangles; it sees a mask of
one byte a voxel, so that it takes every type, and ends of a range as well as a level. Where
on its edge each point lies is found from the values themselves.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.geometry import Geometry

PAD = 2
"""Layers round the mask: one that goes on as the border does, one of nothing, to close it."""
NEAREST = 1e-3
"""No point is nearer to a voxel's centre, in voxels: there triangles would collapse."""
RIM = 0.45
"""So many voxels beyond the border's centres the body is cut off straight, to end flat at half a
voxel: a rim as sharp as that would be of triangles without area."""
LARGEST = 1e307
"""Infinite values are as good as these, between which there is a place."""
Box = tuple[float, float, float, float, float, float]
"""x0, x1, y0, y1, z0, z1 in mm LPS."""


@dataclass(frozen=True)
class Span:
    """The values of a body, from `low` to `high`, both in it.

    Whole values are rounded ones, so that in them a whole end means half a unit further out:
    no voxel lies exactly on the surface. `between` is false for labels, whose surface lies
    half-way between voxels: their values measure nothing.
    """

    low: float = -math.inf
    high: float = math.inf
    between: bool = True

    def holds(self, values: NDArray[Any], out: NDArray[np.bool_]) -> None:
        """Say of values whether they belong to the body."""
        low, high = (_bound(end, values.dtype) for end in (self.low, self.high))
        if math.isinf(self.high):
            np.greater_equal(values, low, out=out)
        elif self.low == self.high:
            np.equal(values, low, out=out)
        else:
            np.less_equal(values, high, out=out)
            if not math.isinf(self.low):
                out &= values >= low

    def ends(self, dtype: np.dtype[Any]) -> tuple[float, float]:
        """Give the values at which the surface lies, for values of a type."""
        if dtype.kind not in "iu":
            return self.low, self.high
        low = self.low - 0.5 if float(self.low).is_integer() else self.low
        high = self.high + 0.5 if float(self.high).is_integer() else self.high
        return low, high


def _bound(end: float, dtype: np.dtype[Any]) -> float | int:
    """Give a whole end for whole values: comparing those with floats copies them all."""
    return int(end) if dtype.kind in "iu" and float(end).is_integer() else end


@dataclass(frozen=True)
class Pins:
    """Points that lie on a plane, and stay there.

    `points` are their numbers; of each an index (border of the volume) or a place in mm (face
    of a box) is `place` along `axis`.
    """

    points: NDArray[np.intp]
    axis: NDArray[np.int8]
    place: NDArray[np.float64]

    def renumbered(self, number: NDArray[np.intp]) -> Pins:
        """Give the pins of the points that have a number left, which is not negative."""
        kept = number[self.points] >= 0
        return Pins(number[self.points[kept]], self.axis[kept], self.place[kept])


@dataclass(frozen=True)
class Crossing:
    """A surface in mm LPS, its faces counter-clockwise from outside.

    Every run of voxels along i begins at one of its points and ends at another: `runs` (2, r).
    `border` are the points on the border of the volume, `cut` those on faces of the box.
    """

    points: NDArray[np.float32]
    faces: NDArray[np.int32]
    runs: NDArray[np.intp]
    border: Pins
    cut: Pins


def cross(array: NDArray[Any], span: Span, geometry: Geometry, box: Box | None = None) -> Crossing:
    """Find the surface of the values of `span` in [k, j, i] voxels; of the part in a box."""
    start, part = _crop(array, geometry, box)
    frame = _Frame(part, _mask(part, span, geometry, start, box), span, geometry, start, box)
    corners, faces = _flying_edges(frame.mask)
    if np.linalg.det(geometry.direction) < 0:
        faces = np.ascontiguousarray(faces[:, ::-1])
    points = np.empty(corners.shape, np.float32)
    with ThreadPoolExecutor(2) as pool:  # numpy counts without holding the interpreter
        some = list(
            pool.map(
                lambda n: frame.place(corners[n : n + AT_A_TIME], n, points[n : n + AT_A_TIME]),
                range(0, len(corners), AT_A_TIME),
            )
        )
    begins, ends = (_sorted([getattr(one, name) for one in some]) for name in ("begins", "ends"))
    border, cut = (_joined([getattr(one, name) for one in some]) for name in ("border", "cut"))
    return Crossing(points, faces, np.stack([begins, ends]), border, cut)


AT_A_TIME = 1 << 15
"""Points whose arrays stay in the processor's cache."""
Ends = tuple[NDArray[np.intp], NDArray[np.int64]]
"""Points, and the numbers of the voxels inside them."""


def _sorted(parts: list[Ends]) -> NDArray[np.intp]:
    if not parts:
        return np.empty(0, np.intp)
    points, voxels = (np.concatenate([part[n] for part in parts]) for n in range(2))
    return points[np.argsort(voxels, kind="stable")]


def _joined(parts: list[Pins]) -> Pins:
    parts = parts or [NO_PINS]
    points, axis, place = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("points", "axis", "place")
    )
    return Pins(points, axis, place)


NO_PINS = Pins(np.empty(0, np.intp), np.empty(0, np.int8), np.empty(0))


def _crop(
    array: NDArray[Any], geometry: Geometry, box: Box | None
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Take the voxels in and round a box: (i, j, k) of the first, and the voxels."""
    if box is None:
        return np.zeros(3, np.int64), array
    corners = geometry.to_index(np.array(np.meshgrid(box[:2], box[2:4], box[4:])).reshape(3, -1).T)
    low = np.clip(np.floor(corners.min(axis=0)).astype(np.int64) - 1, 0, None)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(np.int64) + 2, geometry.size)
    (i, j, k), (m, n, o) = low, np.maximum(high, low)
    return low, array[k:o, j:n, i:m]


def _mask(
    part: NDArray[Any], span: Span, geometry: Geometry, start: NDArray[np.int64], box: Box | None
) -> NDArray[np.uint8]:
    """Mark what is inside, slice by slice, in a frame that goes on as the border does."""
    mask = np.zeros([n + 2 * PAD for n in part.shape], np.uint8)
    middle = mask[PAD:-PAD, PAD:-PAD, PAD:-PAD].view(bool)
    for k, slice_ in enumerate(part):
        values = slice_.view(np.uint8) if slice_.dtype == bool else slice_
        span.holds(values, middle[k])
        if box is not None:
            middle[k] &= _in_box(part.shape, geometry, start, k, box)
    for axis in range(3):
        layers = np.moveaxis(mask, axis, 0)
        layers[1], layers[-2] = layers[2], layers[-3]
    return mask


def _in_box(
    shape: tuple[int, ...], geometry: Geometry, start: NDArray[np.int64], k: int, box: Box
) -> NDArray[np.bool_]:
    """Say of the voxels [j, i] of slice `k` whether they lie in the box."""
    i, j = np.arange(shape[2])[None], np.arange(shape[1])[:, None]
    inside = np.ones(shape[1:], bool)
    matrix, origin = geometry.affine[:3, :3], geometry.to_world(start)
    for x in range(3):
        places = matrix[x, 0] * i + matrix[x, 1] * j + (matrix[x, 2] * k + origin[x])
        inside &= (places >= box[2 * x]) & (places <= box[2 * x + 1])
    return inside


def _flying_edges(mask: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Cut a mask half-way, on all cores; VTK reads the array's memory."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkSMPTools
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    vtkSMPTools.SetBackend("STDThread")
    image = vtkImageData()
    image.SetDimensions(mask.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(mask.reshape(-1), deep=False))
    cut = vtkFlyingEdges3D()
    cut.SetInputData(image)
    cut.SetValue(0, 0.5)
    cut.ComputeNormalsOff()
    cut.ComputeGradientsOff()
    cut.ComputeScalarsOff()
    cut.Update()
    surface = cut.GetOutput()
    if surface.GetNumberOfPolys() == 0:
        return np.empty((0, 3), np.float32), np.empty((0, 3), np.int32)
    faces = vtk_to_numpy(surface.GetPolys().GetConnectivityArray()).astype(np.int32)
    return vtk_to_numpy(surface.GetPoints().GetData()), faces.reshape(-1, 3)


@dataclass(frozen=True)
class _Some:
    """What is found of some of the points, besides their places."""

    begins: Ends
    ends: Ends
    border: Pins
    cut: Pins


@dataclass(frozen=True)
class _Frame:
    """Voxels, their mask, and all that says where a point lies between two of them."""

    part: NDArray[Any]
    mask: NDArray[np.uint8]
    span: Span
    geometry: Geometry
    start: NDArray[np.int64]
    box: Box | None

    def place(self, corners: NDArray[np.float32], first: int, points: NDArray[np.float32]) -> _Some:
        """Put points where the values cross on their edges, or on the plane that cuts the body.

        They come half-way on the edges of the mask, and `first` is the number of the first.
        """
        low = corners.T.astype(np.int32, order="C")
        axis = np.where(corners[:, 1] != low[1], np.int8(1), np.int8(2))
        axis[corners[:, 0] != low[0]] = 0
        steps = np.array([1, self.mask.shape[2], self.mask[0].size], np.int64)
        voxel = low[0] + steps[1] * low[1] + steps[2] * low[2]
        forward = self.mask.reshape(-1)[voxel] != 0
        low -= np.int32(PAD)
        high = np.stack([low[x] + (axis == x) for x in range(3)])
        inside, outside = np.where(forward, low, high), np.where(forward, high, low)
        share = self._share(inside, outside)
        cut = self._cut(inside, axis, forward, share)
        np.clip(share, NEAREST, 1 - NEAREST, out=share)
        border = self._border(outside, axis)
        indices = inside.astype(np.float64)
        for x in range(3):
            indices[x] += np.where(axis == x, np.where(forward, share, -share), 0)
            np.clip(indices[x], -RIM, self.part.shape[2 - x] - 1 + RIM, out=indices[x])
            indices[x] += self.start[x]
        indices[border.axis, border.points] = border.place
        points[:] = self.geometry.to_world(indices.T)
        along = axis == 0
        begins, ends = np.flatnonzero(along & ~forward), np.flatnonzero(along & forward)
        free = np.isin(cut.points, border.points, assume_unique=True, invert=True)
        return _Some(
            (begins + first, voxel[begins] + 1),
            (ends + first, voxel[ends]),
            Pins(border.points + first, border.axis, border.place),
            Pins(cut.points[free] + first, cut.axis[free], cut.place[free]),
        )

    def _share(self, inside: NDArray[np.int32], outside: NDArray[np.int32]) -> NDArray[np.float64]:
        """Say how far from the voxel inside to that outside the values cross; 1 if they don't."""
        if not self.span.between:
            return np.full(inside.shape[1], 0.5)
        here, there = self._values(inside), self._values(outside)
        low, high = self.span.ends(self.part.dtype)
        level = np.where(there > high, high, low)
        crosses = (there < low) | (there > high)
        return np.divide(here - level, here - there, out=np.ones(len(here)), where=crosses)

    def _values(self, indices: NDArray[np.int32]) -> NDArray[np.float64]:
        """Give the values at (3, n) indices, or of the nearest voxels that there are."""
        i, j, k = (
            np.clip(indices[x], 0, self.part.shape[2 - x] - 1, dtype=np.int32) for x in range(3)
        )
        values = self.part[k, j, i].astype(np.float64)
        return values if self.part.dtype.kind != "f" else np.clip(values, -LARGEST, LARGEST)

    def _cut(
        self,
        inside: NDArray[np.int32],
        axis: NDArray[np.int8],
        forward: NDArray[np.bool_],
        share: NDArray[np.float64],
    ) -> Pins:
        """Find the edges that leave the box before the values cross, and shorten their share."""
        if self.box is None:
            return NO_PINS
        step = self.geometry.affine[:3, :3].T[axis] * np.where(forward, 1, -1)[:, None]
        here = self.geometry.to_world(inside.T + self.start)
        through, place = np.full(len(axis), -1, np.int8), np.zeros(len(axis))
        for x in range(3):
            plane = np.where(step[:, x] > 0, self.box[2 * x + 1], self.box[2 * x])
            leaves = np.full(len(axis), np.inf)
            np.divide(plane - here[:, x], step[:, x], out=leaves, where=step[:, x] != 0)
            first = leaves < share
            share[first], through[first], place[first] = leaves[first], x, plane[first]
        points = np.flatnonzero(through >= 0)
        return Pins(points, through[points], place[points])

    def _border(self, outside: NDArray[np.int32], axis: NDArray[np.int8]) -> Pins:
        """Find the points between the border and what lies beyond: there the body is cut off."""
        size = np.array(self.part.shape[::-1])
        along = outside[axis, np.arange(len(axis))]
        points = np.flatnonzero((along < 0) | (along >= size[axis]))
        ways = axis[points]
        ends = np.where(along[points] < 0, -0.5, size[ways] - 0.5)
        return Pins(points, ways, ends + self.start[ways])
