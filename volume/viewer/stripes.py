"""Stripes over what no scanner measured: as wide at any zoom, and seen on any grey."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkRenderingCore import vtkImageSlice, vtkImageSliceMapper, vtkRenderer

from volume.viewer.projection import Projection

PERIOD, WIDTH = 8, 3
"""Pixels of the display from stripe to stripe along a row, and of a stripe."""
CONTRAST = 60
"""Grey levels that a stripe is darker than what is bright, brighter than what is dark."""
REACH = 1.0
"""Pixels round a pixel's middle in which an invented voxel counts: a slice much thinner
than a pixel is still seen."""
IN_FRONT = 1.0
"""The stripes lie nearer to the eye than the image, which is at 0."""


class Stripes:
    """An overlay of a pane's size that lightens and darkens the image beneath."""

    def __init__(self, renderer: vtkRenderer) -> None:
        self.mapper = vtkImageSliceMapper()
        self.mapper.BorderOn()
        self.image = vtkImageSlice()
        self.image.SetMapper(self.mapper)
        self.image.ForceTranslucentOn()
        self.image.GetProperty().SetInterpolationTypeToNearest()
        self.image.VisibilityOff()
        renderer.AddViewProp(self.image)

    def show(
        self, projection: Projection, shades: NDArray[np.uint8], where: NDArray[np.bool_] | None
    ) -> None:
        """Stripe `where` (rows, columns) of a plane is True, over the `shades` it is drawn in."""
        shown = where is not None and bool(where.any())
        self.image.SetVisibility(shown)
        if where is None or not shown:
            return
        layer = striped(projection, shades, where)
        height, width = layer.shape[:2]
        right, down = projection.to_plane(projection.rect.x, projection.rect.y)
        pixels = vtkImageData()
        pixels.SetDimensions(width, height, 1)
        pixels.SetSpacing(1 / projection.scale, 1 / projection.scale, 1)
        pixels.SetOrigin(right, -down, IN_FRONT)
        pixels.GetPointData().SetScalars(numpy_to_vtk(layer.reshape(-1, 4), deep=True))
        self.mapper.SetInputData(pixels)


def striped(
    projection: Projection, shades: NDArray[np.uint8], where: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Make the overlay: (rows, columns, 4) of red, green, blue, opacity, the bottom row first."""
    rect = projection.rect
    x, y = np.arange(rect.width), np.arange(rect.height)
    corner, step = projection.to_plane(rect.x, rect.y), 1 / projection.scale
    column = (corner[0] + x * step) / projection.grid.spacing[0]
    row = (corner[1] - y * step) / projection.grid.spacing[1]
    reach = REACH * step / projection.grid.spacing
    marked = _any_within(where, row, column, reach[1], reach[0])
    marked &= np.add.outer(-y, x) % PERIOD < WIDTH
    grey = shades if shades.ndim == 2 else shades.mean(axis=2)
    beneath = grey[np.ix_(_inside(row, len(grey)), _inside(column, grey.shape[1]))][marked]
    bright = beneath >= 128
    layer = np.zeros((rect.height, rect.width, 4), dtype=np.uint8)
    layer[marked, :3] = np.where(bright, 0, 255)[:, None]
    room = np.where(bright, beneath, 255.0 - beneath)
    layer[marked, 3] = np.rint(255 * CONTRAST / room)
    return layer


def _any_within(
    where: NDArray[np.bool_],
    row: NDArray[np.float64],
    column: NDArray[np.float64],
    down: float,
    right: float,
) -> NDArray[np.bool_]:
    """Say for each pixel whether `where` holds within its reach, by sums over rectangles."""
    sums = np.zeros(np.add(where.shape, 1), dtype=np.int64)
    sums[1:, 1:] = where.cumsum(axis=0).cumsum(axis=1)
    top, bottom = _span(row, down, where.shape[0])
    left, end = _span(column, right, where.shape[1])
    counts = sums[bottom][:, end] - sums[top][:, end] - sums[bottom][:, left] + sums[top][:, left]
    return counts > 0


def _span(
    index: NDArray[np.float64], reach: float, count: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give the first voxel within reach and the one past the last; the same where none is."""
    first, last = np.rint(index - reach), np.rint(index + reach) + 1
    return np.clip(first, 0, count).astype(np.intp), np.clip(last, 0, count).astype(np.intp)


def _inside(index: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    return np.clip(np.rint(index), 0, count - 1).astype(np.intp)
