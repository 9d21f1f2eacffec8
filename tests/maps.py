"""Parametric maps: enhanced phantoms whose values became a quantity, or highdicom's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import Dataset

from phantom import Phantom, phantom

PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"


def mapping(
    slope: float = 1.0,
    intercept: float = 0.0,
    unit: str = "mm2/s",
    label: str = "ADC",
    limits: tuple[float, float] | None = None,
    scheme: str = "UCUM",
) -> Dataset:
    """Make a real world value mapping, by hand."""
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = unit, scheme, "a unit"
    item = Dataset()
    item.RealWorldValueSlope, item.RealWorldValueIntercept = slope, intercept
    item.LUTLabel, item.LUTExplanation = label, "for a test"
    item.MeasurementUnitsCodeSequence = [code]
    if limits is not None:
        item.DoubleFloatRealWorldValueFirstValueMapped = limits[0]
        item.DoubleFloatRealWorldValueLastValueMapped = limits[1]
    return item


def stored(dataset: Dataset, *, big_endian: bool = False) -> NDArray[np.uint16]:
    """Give the [f, j, i] pixels of an enhanced phantom."""
    shape = (int(dataset.NumberOfFrames), dataset.Rows, dataset.Columns)
    order = ">u2" if big_endian else "<u2"
    return np.frombuffer(dataset.PixelData, order).reshape(shape)


def as_floats(dataset: Dataset, values: NDArray[Any]) -> None:
    """Put floating point pixels in the place of whole ones (PS3.3 C.7.6.24)."""
    for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        del dataset[keyword]
    dataset.BitsAllocated = 8 * values.dtype.itemsize
    keyword = "FloatPixelData" if values.dtype == np.float32 else "DoubleFloatPixelData"
    order = values.dtype.newbyteorder("<")
    setattr(dataset, keyword, values.astype(order).tobytes())


def map_phantom(
    folder: Path,
    mappings: Sequence[Dataset] = (),
    values: Callable[[NDArray[np.uint16]], NDArray[Any]] | None = None,
    change: Callable[[Dataset], None] | None = None,
    **oddities: Any,
) -> Phantom:
    """Write an enhanced phantom as a parametric map; `values` makes floats of its pixels."""

    def edit(dataset: Dataset, _k: int, _phase: int) -> None:
        dataset.SOPClassUID = PARAMETRIC_MAP
        if mappings:
            dataset.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence = list(mappings)
        if values is not None:
            big_endian = oddities.get("transfer_syntax") == "big-endian"
            as_floats(dataset, values(stored(dataset, big_endian=big_endian)))
        if change is not None:
            change(dataset)

    usual = {"size": (12, 10, 8), "modality": "MR", "enhanced": True}
    return phantom(folder, edit=edit, **{**usual, **oddities})


def sources(folder: Path, **oddities: Any) -> list[pydicom.Dataset]:
    """Write a classic MR, and give its data sets in order along the normal."""
    phantom(folder, size=(12, 10, 8), modality="MR", **oddities)
    found = [pydicom.dcmread(path) for path in folder.iterdir()]
    return sorted(found, key=lambda dataset: dataset.InstanceNumber)
