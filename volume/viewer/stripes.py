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
    grey = shades if shades.ndim == 2 else np.rint(shades.mean(axis=2)).astype(np.uint8)
    down, right = np.nonzero(marked)
    rows, columns = _inside(row, len(grey)), _inside(column, grey.shape[1])
    layer = np.zeros(marked.shape, dtype=np.uint32)
    layer[down, right] = STRIPE[grey[rows[down], columns[right]]]
    return layer.view(np.uint8).reshape(*marked.shape, 4)


def _stripes_over_greys() -> NDArray[np.uint32]:
    """Give the colour and opacity of a stripe over each grey, four bytes in one number."""
    grey = np.arange(256)
    bright = grey >= 128
    stripes = np.zeros((256, 4), dtype=np.uint8)
    stripes[:, :3] = np.where(bright, 0, 255)[:, None]
    stripes[:, 3] = np.rint(255 * CONTRAST / np.where(bright, grey, 255 - grey))
    return stripes.view(np.uint32)[:, 0]


STRIPE = _stripes_over_greys()


def _any_within(
    where: NDArray[np.bool_],
    row: NDArray[np.float64],
    column: NDArray[np.float64],
    down: float,
    right: float,
) -> NDArray[np.bool_]:
    """Say for each pixel whether `where` holds within its reach: down the rows, then along."""
    along = _any_between(where, *_span(row, down, where.shape[0]))
    return _any_between(along.T, *_span(column, right, where.shape[1])).T


def _any_between(
    where: NDArray[np.bool_], first: NDArray[np.intp], past: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Say for each span of rows whether any of them holds, column by column, by sums."""
    sums = np.zeros((len(where) + 1, where.shape[1]), dtype=np.int32)
    np.cumsum(where, axis=0, out=sums[1:])
    return np.asarray(sums[past] > sums[first])


def _span(
    index: NDArray[np.float64], reach: float, count: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give the first voxel within reach and the one past the last; the same where none is."""
    first, last = np.rint(index - reach), np.rint(index + reach) + 1
    return np.clip(first, 0, count).astype(np.intp), np.clip(last, 0, count).astype(np.intp)


def _inside(index: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    return np.clip(np.rint(index), 0, count - 1).astype(np.intp)
