"""Mosaics made by hand: every voxel holds its own place, as in `phantom`.

The places come from the geometry written here, and the mosaic's own position from them; of
`volume` nothing is imported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword

from csa_header import csa_header
from phantom import ORIENTATIONS
from phantom_encoding import SYNTAXES, encode, write
from phantom_headers import ds
from phantom_recipe import Recipe, uid

GRADIENT = np.array([7.0, 11.0, 13.0])
"""Of the stored values, a millimetre; no two axes alike."""
CONSTANT, PHASE_STEP = 8000.0, 40.0
MR = "1.2.840.10008.5.1.4.1.1.4"


@dataclass(frozen=True)
class Mosaics:
    """How a series of mosaics is made: one file a time point.

    `size` is (columns, rows, slices) and `spacing` (along a row, along a column, from tile
    to tile) in mm; `first` is the place of the first pixel of the first tile. Where
    `opposed`, the tiles go against row x column. `order` is the order of acquisition.
    """

    size: tuple[int, int, int] = (8, 6, 7)
    spacing: tuple[float, float, float] = (2.0, 1.5, 3.0)
    first: tuple[float, float, float] = (-12.0, 20.0, -33.0)
    orientation: str = "axial"
    opposed: bool = False
    phases: int = 1
    uih: bool = False
    csa2: bool = True
    order: Sequence[int] | None = None
    transfer_syntax: str = "explicit"
    file_series: str = "mosaics"
    change: Callable[[Dataset, int], Any] = field(default=lambda dataset, phase: None)
    """Called with every data set before it is written."""
    csa: dict[str, tuple[str, int, Sequence[str]]] = field(default_factory=dict)
    """What stands in the CSA header instead of the truth."""

    @property
    def axes(self) -> NDArray[np.float64]:
        """Rows: the unit directions of a row, of a column, and from tile to tile, LPS."""
        row, column = np.array(ORIENTATIONS[self.orientation], dtype=np.float64)
        return np.stack([row, column, np.cross(row, column) * (-1 if self.opposed else 1)])

    @property
    def grid(self) -> tuple[int, int]:
        """Tiles in a row, and rows of tiles."""
        side = math.ceil(math.sqrt(self.size[2]))
        return side, math.ceil(self.size[2] / side) if self.uih else side

    def place(self, i: Any, j: Any, k: Any) -> NDArray[np.float64]:
        """Give where pixel (i, j) of tile k lies, in mm LPS."""
        steps = np.stack(np.broadcast_arrays(i, j, k), axis=-1) * np.array(self.spacing)
        return np.array(self.first) + steps @ self.axes

    def value_at(self, xyz: Any, phase: int = 0) -> NDArray[np.float64]:
        """Give the true values at places in mm LPS."""
        return np.asarray(xyz) @ GRADIENT + CONSTANT + phase * PHASE_STEP

    def tiles(self, phase: int) -> NDArray[np.uint16]:
        """Give the stored values [k, j, i] of a time point."""
        columns, rows, slices = self.size
        k, j, i = np.meshgrid(*map(np.arange, (slices, rows, columns)), indexing="ij")
        return np.rint(self.value_at(self.place(i, j, k), phase)).astype(np.uint16)

    def image(self, phase: int) -> NDArray[np.uint16]:
        """Give the image of a time point: its tiles side by side, row by row."""
        columns, rows, _ = self.size
        across, down = self.grid
        image = np.zeros((down * rows, across * columns), np.uint16)
        for k, tile in enumerate(self.tiles(phase)):
            top, left = k // across * rows, k % across * columns
            image[top : top + rows, left : left + columns] = tile
        return image

    def error(self, array: NDArray[Any], affine: NDArray[Any], phase: int = 0) -> float:
        """Give the worst error of [k, j, i] voxels on an LPS affine, in stored values."""
        k, j, i = np.indices(array.shape)
        places = np.stack([i, j, k], axis=-1) @ affine[:3, :3].T + affine[:3, 3]
        return float(np.abs(array - self.value_at(places, phase)).max())

    def slice_time_ms(self, k: int) -> float:
        """Give when tile k was acquired: every slice takes 60 ms."""
        return 60.0 * list(self.order or range(self.size[2])).index(k)


def write_mosaics(folder: Path, recipe: Mosaics | None = None, **fields: Any) -> Mosaics:
    """Write a series of mosaics into a folder."""
    recipe = recipe or Mosaics(**fields)
    folder.mkdir(parents=True, exist_ok=True)
    for phase in range(recipe.phases):
        dataset = _dataset(recipe, phase)
        recipe.change(dataset, phase)
        path = folder / f"{recipe.file_series}{phase:04d}.dcm"
        write(path, dataset, Recipe(transfer_syntax=recipe.transfer_syntax))
    return recipe


def _dataset(recipe: Mosaics, phase: int) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = MR
    dataset.SOPInstanceUID = uid(recipe.file_series, phase)
    dataset.StudyInstanceUID = uid("study of mosaics")
    dataset.SeriesInstanceUID = uid("series of mosaics")
    dataset.FrameOfReferenceUID = uid("frame of mosaics")
    dataset.Modality = "MR"
    dataset.Manufacturer = "UIH" if recipe.uih else "SIEMENS"
    dataset.PatientID = "phantom"
    dataset.PatientPosition = "HFS"
    dataset.MRAcquisitionType = "2D"
    dataset.SeriesNumber = 5
    dataset.InstanceNumber = dataset.AcquisitionNumber = phase + 1
    dataset.AcquisitionDate = dataset.ContentDate = "20200102"
    dataset.AcquisitionTime = f"1015{2 * phase:02d}.500000"
    dataset.RepetitionTime, dataset.EchoTime = "2000", "30"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "VFRAME" if recipe.uih else "MOSAIC"]
    _set_plane(dataset, recipe)
    (_set_uih if recipe.uih else _set_siemens)(dataset, recipe)
    set_pixels(dataset, recipe.image(phase), recipe.transfer_syntax)
    return dataset


def _set_plane(dataset: Dataset, recipe: Mosaics) -> None:
    """Siemens gives the corner that a single slice as large as the image would have."""
    columns, rows, _ = recipe.size
    across, down = recipe.grid
    corner = recipe.place(-columns * (across - 1) / 2, -rows * (down - 1) / 2, 0)
    dataset.ImagePositionPatient = list(map(ds, recipe.place(0, 0, 0) if recipe.uih else corner))
    dataset.ImageOrientationPatient = list(map(ds, recipe.axes[:2].ravel()))
    dataset.PixelSpacing = [ds(recipe.spacing[1]), ds(recipe.spacing[0])]
    dataset.SliceThickness = ds(recipe.spacing[2] * 0.8)
    dataset.SpacingBetweenSlices = ds(recipe.spacing[2])


def _set_siemens(dataset: Dataset, recipe: Mosaics) -> None:
    slices = recipe.size[2]
    times = [f"{recipe.slice_time_ms(k):.8f}" for k in range(slices)]
    header = {
        "EchoLinePosition": ("IS", 1, ["32"]),
        "NumberOfImagesInMosaic": ("US", 1, [str(slices)]),
        "SliceNormalVector": ("FD", 3, [f"{x:.8f}" for x in recipe.axes[2]]),
        "MosaicRefAcqTimes": ("FD", 0, times),
        "PhaseEncodingDirectionPositive": ("IS", 1, ["1"]),
        **recipe.csa,
    }
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0A, "US", slices)
    block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", csa_header(header, second=recipe.csa2))


def _set_uih(dataset: Dataset, recipe: Mosaics) -> None:
    block = dataset.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x50, "DS", str(recipe.size[2]))
    items = []
    for k in range(recipe.size[2]):
        item = Dataset()
        item.AcquisitionDate = "20200102"
        item.AcquisitionTime = f"1015{recipe.slice_time_ms(k) / 1000:09.6f}"
        item.AcquisitionDateTime = item.AcquisitionDate + item.AcquisitionTime
        item.ImagePositionPatient = list(map(ds, recipe.place(0, 0, k)))
        items.append(item)
    block.add_new(0x51, "SQ", items)


def set_pixels(dataset: Dataset, image: NDArray[np.uint16], syntax: str = "explicit") -> None:
    """Give a data set 16-bit pixels, in a transfer syntax by its name."""
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = image.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 0
    value = encode(image[None], 16, 0, syntax)
    dataset.add_new(tag_for_keyword("PixelData"), SYNTAXES[syntax].vr, value)
    dataset["PixelData"].is_undefined_length = SYNTAXES[syntax].encapsulated
