"""Where the values of a volume cross into a body: triangles in index space, closed.

VTK's flying edges (Schroeder 2015) join the voxels' edges into triangles; it sees a mask of
one byte a voxel, so that it takes every type, and ends of a range as well as a level. Where
on its edge each point lies is found from the values themselves.
"""

from __future__ import annotations

import math
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
    """Points that lie on a plane, and stay there: of the volume's border, or of a box.

    `index` holds (point, axis, place) of those of the border, in index space; `world` of those
    of a box, in mm.
    """

    index: tuple[NDArray[np.intp], NDArray[np.int8], NDArray[np.float64]]
    world: tuple[NDArray[np.intp], NDArray[np.int8], NDArray[np.float64]]


@dataclass(frozen=True)
class Crossing:
    """A surface in index space, and of every point between which voxels it lies.

    `points` (n, 3) are indices (i, j, k); `faces` (m, 3) are counter-clockwise from outside
    where the grid is right-handed. `inner` numbers the voxel inside, `axis` is along which the
    voxel outside lies, `forward` says if it is the one behind.
    """

    points: NDArray[np.float64]
    faces: NDArray[np.int32]
    inner: NDArray[np.int64]
    axis: NDArray[np.int8]
    forward: NDArray[np.bool_]
    pins: Pins


def cross(array: NDArray[Any], span: Span, geometry: Geometry, box: Box | None = None) -> Crossing:
    """Find the surface of the values of `span` in [k, j, i] voxels; of the part in a box."""
    start, part = _crop(array, geometry, box)
    mask = _mask(part, span, geometry, start, box)
    corners, faces = _flying_edges(mask)
    edges = _edges(corners, mask)
    del corners
    points, pins = _place(edges, part, span, geometry, start, box)
    return Crossing(points, faces, edges.inner, edges.axis, edges.forward, pins)


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
class _Edges:
    """The edges of voxels on which the points lie: `low` (3, n) is (i, j, k) of the first end."""

    low: NDArray[np.int32]
    inner: NDArray[np.int64]
    axis: NDArray[np.int8]
    forward: NDArray[np.bool_]

    def ends(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Give (3, n) indices of the voxels inside and outside, in the voxels' own numbers."""
        first = self.low - np.int32(PAD)
        second = first.copy()
        second[self.axis, np.arange(len(self.axis))] += 1
        inside = np.where(self.forward, first, second)
        return inside, np.add(first, second, out=second) - inside


def _edges(corners: NDArray[np.float32], mask: NDArray[np.uint8]) -> _Edges:
    """Find the edge of each point, which lies half-way on it."""
    low = corners.T.astype(np.int32, order="C")
    axis = np.where(corners[:, 1] != low[1], np.int8(1), np.int8(2))
    axis[corners[:, 0] != low[0]] = 0
    steps = np.array([1, mask.shape[2], mask.shape[1] * mask.shape[2]], np.int64)
    first = low[0] + steps[1] * low[1] + steps[2] * low[2]
    forward = mask.reshape(-1)[first] != 0
    inner = np.where(forward, first, first + steps[axis])
    return _Edges(low, inner, axis, forward)


def _place(
    edges: _Edges,
    part: NDArray[Any],
    span: Span,
    geometry: Geometry,
    start: NDArray[np.int64],
    box: Box | None,
) -> tuple[NDArray[np.float64], Pins]:
    """Put every point where the values cross on its edge, or on the plane that cuts the body."""
    inside, outside = edges.ends()
    size = np.array(part.shape[::-1], np.int32)
    number = np.arange(len(edges.axis))
    along = outside[edges.axis, number]
    beyond = np.flatnonzero((along < 0) | (along >= size[edges.axis]))
    limits = (size - 1)[:, None]
    share = _share(part, np.clip(inside, 0, limits), np.clip(outside, 0, limits), span)
    cut, plane, world = _shares_of_box(inside + start[:, None], edges, geometry, box)
    cut_first = np.flatnonzero(cut < share)
    share[cut_first] = cut[cut_first]
    np.clip(share, NEAREST, 1 - NEAREST, out=share)
    points = inside.T.astype(np.float64)
    points[number, edges.axis] += np.where(edges.forward, share, -share)
    np.clip(points, -RIM, size - 1 + RIM, out=points)
    axis = edges.axis[beyond]
    border = np.where(along[beyond] < 0, -0.5, size[axis] - 0.5)
    points[beyond, axis] = border
    points += start
    kept = np.isin(cut_first, beyond, assume_unique=True, invert=True)
    cut_first = cut_first[kept]
    pins = Pins(
        (beyond, axis, border + start[axis]),
        (cut_first, plane[cut_first], world[cut_first]),
    )
    return points, pins


def _share(
    part: NDArray[Any], inside: NDArray[np.int32], outside: NDArray[np.int32], span: Span
) -> NDArray[np.float64]:
    """Say how far from the voxel inside to the one outside the values cross: 0 to 1, 1 if not."""
    if not span.between:
        return np.full(inside.shape[1], 0.5)
    here, there = (part[tuple(ends[::-1])].astype(np.float64) for ends in (inside, outside))
    low, high = span.ends(part.dtype)
    level = np.where(there > high, high, low)
    crosses = (there < low) | (there > high)
    share = np.ones(len(here))
    np.divide(here - level, here - there, out=share, where=crosses)
    return share


def _shares_of_box(
    inside: NDArray[Any], edges: _Edges, geometry: Geometry, box: Box | None
) -> tuple[NDArray[np.float64], NDArray[np.int8], NDArray[np.float64]]:
    """Say where every edge leaves the box first: how far along, through which axis, at what mm."""
    count = len(edges.axis)
    share, through = np.full(count, np.inf), np.zeros(count, np.int8)
    place = np.zeros(count)
    if box is None:
        return share, through, place
    step = geometry.affine[:3, :3].T[edges.axis] * np.where(edges.forward, 1, -1)[:, None]
    here = geometry.to_world(inside.T)
    for x in range(3):
        plane = np.where(step[:, x] > 0, box[2 * x + 1], box[2 * x])
        leaves = np.full(count, np.inf)
        np.divide(plane - here[:, x], step[:, x], out=leaves, where=step[:, x] != 0)
        first = leaves < np.minimum(share, 1)
        share[first], through[first], place[first] = leaves[first], x, plane[first]
    return share, through, place
