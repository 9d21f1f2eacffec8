"""The patient's planes through a volume, and such as are turned from them; thin or as slabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from volume.geometry import Geometry
from volume.processing.plane_grid import aligned_axes, is_turned, layer_at, plane_grid, towards
from volume.processing.rotation import STRAIGHT, Rotation
from volume.volume import AIR_HU

if TYPE_CHECKING:
    from vtkmodules.vtkCommonDataModel import vtkImageData

    from volume.volume import Volume

COMBINE: Mapping[str, Callable[..., NDArray[Any]]] = {"max": np.max, "min": np.min, "mean": np.mean}
"""Ways to make one image of a slab: MIP, MinIP, mean."""
COARSE = 2
"""A coarse plane has pixels so many times as large."""
COARSE_LAYERS = 8
"""Of a coarse slab so many layers are looked at."""


@dataclass(frozen=True, eq=False)
class Plane:
    """One image of a volume in space.

    `array` is [row, column], or [row, column, c] for colour, in the volume's values;
    `origin` (3,) is the centre of pixel [0, 0] in mm LPS; `row_direction` (3,) runs along a
    row to the right of the screen, `column_direction` (3,) along a column, down;
    `pixel_spacing` is DICOM's (between rows, between columns) and `thickness` is in mm.
    """

    array: NDArray[Any]
    origin: NDArray[np.float64]
    row_direction: NDArray[np.float64]
    column_direction: NDArray[np.float64]
    pixel_spacing: tuple[float, float]
    thickness: float

    @property
    def normal(self) -> NDArray[np.float64]:
        """The (3,) direction of view, away from the eye: row x column."""
        return np.cross(self.row_direction, self.column_direction)

    @property
    def letters(self) -> tuple[str, str, str, str]:
        """What lies at the left, right, top and bottom edge: ("R", "L", "A", "P")."""
        row, column = self.row_direction, self.column_direction
        return towards(-row), towards(row), towards(-column), towards(column)

    def to_world(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """Map (..., 2) places [row, column] to (..., 3) positions, in mm LPS."""
        row, column = np.moveaxis(np.asarray(pixels, dtype=np.float64), -1, 0)
        down = self.column_direction * self.pixel_spacing[0]
        right = self.row_direction * self.pixel_spacing[1]
        return self.origin + row[..., None] * down + column[..., None] * right


def reformat(
    volume: Volume,
    plane: str,
    at: ArrayLike | None = None,
    slab: float = 0,
    combine: str = "max",
) -> Plane:
    """Cut the patient's axial, coronal or sagittal plane out of a volume.

    `at` (x, y, z) in mm LPS is a point of the plane, the volume's middle if not given.
    Where the voxels lie along the patient's axes the plane is the layer of voxels nearest
    to `at`, untouched; else it goes through `at` and is sampled linearly at the finest
    spacing. `slab` in mm combines layers around it by "max", "min" or "mean". Raises a
    ValueError for an unknown plane or way to combine, a GridError for a place outside.
    """
    return Reformatter(volume).cut(plane, at, slab, combine)


class Reformatter:
    """Cuts planes out of one volume; keeps what they share, so that each takes a moment."""

    def __init__(self, volume: Volume, *, nearest: bool = False) -> None:
        self.volume = volume
        self.nearest = nearest
        self.aligned = aligned_axes(volume.geometry) is not None
        self._layers: dict[str, NDArray[Any]] = {}

    def cut(
        self,
        plane: str,
        at: ArrayLike | None = None,
        slab: float = 0,
        combine: str = "max",
        *,
        rotation: Rotation = STRAIGHT,
        coarse: bool = False,
    ) -> Plane:
        """Cut one plane, as `reformat` does, or one turned by `rotation`.

        A place beyond the layers of a turned plane means the last of them. A `coarse` slab
        has a quarter of the pixels, each repeated, and fewer layers, where voxels have to be
        interpolated: it is for looking at while it moves.
        """
        check_slab(slab, combine)
        grid = plane_grid(self.volume.geometry, plane, rotation)
        place = self.volume.geometry.centre if at is None else at
        turned = is_turned(plane, rotation)
        layer = _nearest_layer(grid, place) if turned else layer_at(grid, place)
        count = max(1, min(round(slab / grid.spacing[2]), 2 * grid.size[2]))
        if self.aligned and not turned:
            layer = float(np.clip(round(layer), 0, grid.size[2] - 1))
            array, count = self._pick(plane, int(layer), count, combine)
        else:
            array = self._sample(grid, layer, count, combine, coarse=coarse and count > 1)
        return Plane(
            array,
            grid.to_world((0, 0, layer)),
            grid.direction[:, 0],
            grid.direction[:, 1],
            (float(grid.spacing[1]), float(grid.spacing[0])),
            float(count * grid.spacing[2]),
        )

    def _pick(self, plane: str, layer: int, count: int, combine: str) -> tuple[NDArray[Any], int]:
        """Take layers of voxels as they are; say how many the volume has of those."""
        if plane not in self._layers:
            self._layers[plane] = _as_layers(self.volume, plane_grid(self.volume.geometry, plane))
        layers = self._layers[plane]
        if count == 1:
            return np.array(layers[layer], order="C"), 1
        first = max(0, layer - (count - 1) // 2)
        slab = layers[first : layer + count // 2 + 1]
        return _as_type(COMBINE[combine](slab, axis=0), self.volume.array.dtype), len(slab)

    def _sample(
        self, grid: Geometry, layer: float, count: int, combine: str, *, coarse: bool
    ) -> NDArray[Any]:
        """Sample the plane between the voxels, linearly."""
        from vtkmodules.util.numpy_support import vtk_to_numpy
        from vtkmodules.vtkImagingCore import vtkImageReslice

        to_index = np.linalg.inv(self.volume.geometry.affine) @ grid.affine
        to_index[:3, 3] += layer * to_index[:3, 2]
        step = COARSE if coarse else 1
        layers = min(count, COARSE_LAYERS) if coarse else count
        columns, rows = (-(-side // step) for side in grid.size[:2])
        reslice = vtkImageReslice()
        reslice.SetInputData(self._image)
        reslice.SetResliceAxes(_matrix(to_index))
        reslice.SetOutputOrigin((step - 1) / 2, (step - 1) / 2, 0)
        reslice.SetOutputSpacing(step, step, count / layers)
        reslice.SetOutputExtent(0, columns - 1, 0, rows - 1, 0, 0)
        reslice.SetInterpolationMode(0 if self.nearest or coarse else 1)
        reslice.SetBackgroundColor(*[self._outside] * 4)
        reslice.SetSlabNumberOfSlices(layers)
        getattr(reslice, f"SetSlabModeTo{combine.capitalize()}")()
        reslice.Update()
        values = vtk_to_numpy(reslice.GetOutput().GetPointData().GetScalars())
        shape = (rows, columns, *self.volume.array.shape[3:])
        array = np.array(values.reshape(shape), dtype=self.volume.array.dtype)
        return _enlarged(array, grid.size[1::-1]) if coarse else array

    @cached_property
    def _outside(self) -> float:
        """The value beyond the volume's edges: air, or the least there is."""
        if self.volume.is_colour or self.nearest:
            return 0.0
        if self.volume.unit == "HU":
            return AIR_HU
        least = float(np.fmin.reduce(self.volume.array, axis=None))
        return least if np.isfinite(least) else 0.0

    @cached_property
    def _image(self) -> vtkImageData:
        """The voxels as VTK sees them, in index space, sharing the array's memory."""
        from vtkmodules.util.numpy_support import numpy_to_vtk
        from vtkmodules.vtkCommonDataModel import vtkImageData

        voxels = np.ascontiguousarray(_for_vtk(self.volume.array))
        image = vtkImageData()
        image.SetDimensions(*self.volume.geometry.size)
        components = voxels.shape[3] if self.volume.is_colour else 1
        image.GetPointData().SetScalars(numpy_to_vtk(voxels.reshape(-1, components)))
        self._shared = voxels  # VTK reads this memory and does not own it
        return image


def check_slab(thickness: float, combine: str) -> None:
    """Refuse a slab that cannot be."""
    if combine not in COMBINE:
        raise ValueError(f"no such way to combine: {combine!r}; there are {', '.join(COMBINE)}")
    if not thickness >= 0:
        raise ValueError(f"a slab's thickness must be 0 or more, not {thickness}")


def _nearest_layer(grid: Geometry, at: ArrayLike) -> float:
    return float(np.clip(grid.to_index(at)[2], 0, grid.size[2] - 1))


def _as_layers(volume: Volume, grid: Geometry) -> NDArray[Any]:
    """View the voxels as [layer, row, column(, c)] of an aligned plane."""
    axes = np.abs(volume.geometry.direction.T @ grid.direction).argmax(axis=0)
    signs = np.sign(np.sum(volume.geometry.direction[:, axes] * grid.direction, axis=0))
    kji = [2 - int(axis) for axis in axes[::-1]]
    steps = tuple(slice(None, None, int(sign)) for sign in signs[::-1])
    colour = range(3, volume.array.ndim)
    return volume.array.transpose(*kji, *colour)[steps]


def _enlarged(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Repeat the pixels of a coarse plane, so that it has the fine one's [row, column]."""
    return array.repeat(COARSE, axis=0).repeat(COARSE, axis=1)[: shape[0], : shape[1]]


def _as_type(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Give a mean the type of the values it was made of."""
    return (np.rint(values) if dtype.kind in "iu" else values).astype(dtype, copy=False)


def _for_vtk(array: NDArray[Any]) -> NDArray[Any]:
    """Give the values in a type VTK can resample, in the machine's byte order.

    On whole numbers of 64 bits vtkImageReslice (VTK 9.7) ends the process.
    """
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    wider = {"?": np.uint8, "e": np.float32, "q": np.float64, "Q": np.float64}
    wider |= {"l": np.float64, "L": np.float64} if native.dtype.itemsize == 8 else {}
    return native.astype(wider.get(native.dtype.char, native.dtype), copy=False)


def _matrix(values: NDArray[np.float64]) -> Any:
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    matrix = vtkMatrix4x4()
    matrix.DeepCopy(values.ravel().tolist())
    return matrix
