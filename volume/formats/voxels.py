"""The voxels of a volume file: written slab by slab, read into their place.

Every format is a `header` that says what follows, and the same voxels behind it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from volume.errors import VolumeError
from volume.findings import Finding
from volume.geometry import Geometry
from volume.memory import refuse_beyond_memory
from volume.progress import Progress
from volume.volume import Volume

SLAB_BYTES = 4 << 20
"""Written, compressed and read in pieces of about this size: no second copy of the voxels."""


@dataclass(frozen=True)
class Header:
    """What a volume file says about its voxels, and where they begin.

    `shape` is [k, j, i] or [k, j, i, c] in the order of the file, `count` of them;
    `data` stands at the first voxel; `room` is the most bytes that can follow it.
    Values are `slope` times what is stored plus `intercept`. `modality` and `unit` are
    known only to files of our own.
    """

    geometry: Geometry
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    data: BinaryIO
    room: int
    count: int = 1
    slope: float = 1.0
    intercept: float = 0.0
    findings: tuple[Finding, ...] = ()
    modality: str = ""
    unit: str = ""

    @property
    def nbytes(self) -> int:
        """Give the bytes of one volume's voxels, as large as the header says they are."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize


def stored_dtype(volumes: Sequence[Volume]) -> np.dtype[Any]:
    """Find the one little-endian type that holds every volume's values."""
    dtype = np.result_type(*(volume.array.dtype for volume in volumes))
    if dtype == np.bool_:
        dtype = np.dtype(np.uint8)
    elif dtype == np.float16:
        dtype = np.dtype(np.float32)
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise VolumeError(f"no format has a type for voxels of {dtype.name}")
    return dtype.newbyteorder("<")


def number(word: str) -> float:
    """Read a finite decimal number of a text header (Python's `float` takes "1_0" and "nan")."""
    value = float(word) if re.fullmatch(r"[-+.\deE]{1,40}", word, re.ASCII) else math.nan
    if not math.isfinite(value):
        raise ValueError(f"{word[:40]!r} in the header is not a number")
    return value


def slabs(
    volumes: Sequence[Volume], dtype: DTypeLike, progress: Progress
) -> Iterator[NDArray[Any]]:
    """Cut voxels into contiguous runs of slices, in the order of the file."""
    for volume in volumes:
        array = volume.array
        step = max(1, SLAB_BYTES // array[0].nbytes)
        for k in range(0, len(array), step):
            slab = np.ascontiguousarray(array[k : k + step], dtype=dtype)
            yield slab
            progress.update(len(slab))


def read(header: Header, progress: Progress) -> Volume:
    """Read the voxels that a header announces.

    Raises `ValueError` where the file cannot hold them, `EOFError` where it ends early,
    and `MemoryLimitError` where memory cannot.
    """
    if header.count != 1:
        raise ValueError(
            f"the file holds {header.count} volumes of one grid (4D); only 3D files are read"
        )
    if header.nbytes > header.room:
        raise ValueError(
            f"the header promises {header.nbytes:,} bytes of voxels, the file holds {header.room:,}"
        )
    refuse_beyond_memory(header.nbytes, "the file's volume")
    stored = _fill(np.empty(header.shape, header.dtype), header.data, progress)
    array = _rescale(stored, header.slope, header.intercept)
    _refuse_what_is_no_number(array)
    return Volume(
        array,
        header.geometry,
        unit=header.unit,
        modality=header.modality,
        findings=header.findings,
    )


def _fill(array: NDArray[Any], data: BinaryIO, progress: Progress) -> NDArray[Any]:
    """Read slices into `array`, then the end, where a stream keeps its checksum."""
    progress.total = len(array)
    step = max(1, SLAB_BYTES // array[0].nbytes)
    for k in range(0, len(array), step):
        slab = array[k : k + step]
        _read_exactly(data, slab.reshape(-1).view(np.uint8).data)
        if not slab.dtype.isnative:
            slab.byteswap(inplace=True)
        progress.update(len(slab))
    data.read(1)
    return array.view(array.dtype.newbyteorder("="))


def _read_exactly(data: BinaryIO, buffer: memoryview) -> None:
    got = 0
    while got < len(buffer):
        more = data.readinto(buffer[got:])  # type: ignore[attr-defined]
        if not more:
            raise EOFError("the file ends before its voxels do")
        got += more


def _refuse_what_is_no_number(array: NDArray[Any]) -> None:
    if array.dtype.kind != "f":
        return
    bad = sum(int(np.count_nonzero(~np.isfinite(slice_))) for slice_ in array)
    if bad:
        raise ValueError(
            f"{bad:,} of {array.size:,} voxels are not numbers (NaN or infinite);"
            " write numbers in their place first"
        )


def _rescale(array: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Apply a slope and an intercept: whole numbers stay whole, the others become float32."""
    if slope == 1 and intercept == 0:
        return array
    dtype = _scaled_dtype(array, slope, intercept)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled: NDArray[Any] = array.astype(dtype)
        scaled *= dtype.type(slope)
        scaled += dtype.type(intercept)
    return scaled


def _scaled_dtype(array: NDArray[Any], slope: float, intercept: float) -> np.dtype[Any]:
    if array.dtype.kind in "iu" and slope.is_integer() and intercept.is_integer():
        least, greatest = float(array.min()), float(array.max())
        ends = (least * slope + intercept, greatest * slope + intercept)
        numbers = (least, greatest, slope, intercept, *ends)
        for whole in (np.int16, np.int32):
            limits = np.iinfo(whole)
            if limits.min <= min(numbers) and max(numbers) <= limits.max:
                return np.dtype(whole)
    return np.dtype(np.float64 if array.dtype.itemsize > 4 else np.float32)
