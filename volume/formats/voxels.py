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
from volume.labels import Label
from volume.memory import refuse_beyond_memory
from volume.progress import Progress
from volume.volume import Volume

SLAB_BYTES = 4 << 20
"""Written, compressed and read in pieces of about this size: no second copy of the voxels."""


@dataclass(frozen=True)
class Header:
    """What a volume file says about its voxels, and where they begin.

    `shape` is [k, j, i] or [k, j, i, c] in the order of the file, `count` of them, one after
    the other, or `interleaved`: all values of one voxel together. `data` stands at the first
    voxel; `room` is the most bytes that can follow it; `packed` says that it is inflated.
    Values are `slope` times what is stored plus `intercept`. `modality` and `unit` are
    known only to files of our own. `labels` name the values of each volume of a label map.
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
    interleaved: bool = False
    packed: bool = False
    labels: tuple[tuple[Label, ...], ...] | None = None

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


def read(
    header: Header, progress: Progress, wanted: Sequence[int] = (0,), *, held: int = 0
) -> Iterator[Volume]:
    """Read one after the other those volumes of a file, counted from 0, that are `wanted`.

    Memory has to serve for all of them, or for so many as are `held` at once. Nothing is kept
    of the others; what is compressed is read to its end all the same, where its checksum
    stands. Raises `ValueError` where the file cannot hold what it announces, `EOFError` where
    it ends early, and `MemoryLimitError` where memory cannot.
    """
    refuse_impossible(header)
    _refuse_what_will_not_fit(header, 0 if header.interleaved else held, len(wanted))
    progress.total = header.shape[0] * len(wanted)
    stored = _read_mixed if header.interleaved else _read_in_turn
    for n, array in zip(sorted(wanted), stored(header, sorted(wanted), progress), strict=True):
        yield _finished(header, array, n)


def refuse_impossible(header: Header) -> None:
    """Raise `ValueError` where the file cannot hold what its header announces."""
    promised = header.nbytes * header.count
    if promised > header.room:
        raise ValueError(
            f"the header promises {promised:,} bytes of voxels, the file holds {header.room:,}"
        )


def _refuse_what_will_not_fit(header: Header, held: int, wanted: int) -> None:
    at_once = held or wanted
    needed = header.nbytes * at_once
    if (header.slope, header.intercept) != (1, 0):
        widened = 8 if header.dtype.itemsize > 4 else 4
        needed = header.nbytes + needed // header.dtype.itemsize * widened
    what = "the file's volume" if at_once == 1 else f"all {at_once} volumes of the file"
    refuse_beyond_memory(needed, what)


def _finished(header: Header, stored: NDArray[Any], n: int) -> Volume:
    array = _rescale(stored, header.slope, header.intercept)
    _refuse_what_is_no_number(array)
    return Volume(
        array,
        header.geometry,
        unit=header.unit,
        modality=header.modality,
        findings=header.findings,
        labels=None if header.labels is None else header.labels[n],
    )


def _read_in_turn(
    header: Header, wanted: Sequence[int], progress: Progress
) -> Iterator[NDArray[Any]]:
    """Read volumes that lie one after the other, passing over those between them."""
    at = 0
    for n in wanted:
        _pass_over(header, n - at)
        yield _fill(np.empty(header.shape, header.dtype), header.data, progress)
        at = n + 1
    if header.packed:
        _pass_over(header, header.count - at)
        header.data.read(1)  # the end of a stream is where its checksum is compared


def _pass_over(header: Header, count: int) -> None:
    """Skip volumes: in the file, or by inflating them piece by piece."""
    left = count * header.nbytes
    if not header.packed:
        header.data.seek(left, 1)
        return
    piece = memoryview(bytearray(min(left, SLAB_BYTES)))
    while left:
        part = piece[: min(left, SLAB_BYTES)]
        _read_exactly(header.data, part)
        left -= len(part)


def _fill(array: NDArray[Any], data: BinaryIO, progress: Progress) -> NDArray[Any]:
    """Read slices into `array`."""
    step = max(1, SLAB_BYTES // array[0].nbytes)
    for k in range(0, len(array), step):
        slab = array[k : k + step]
        _read_exactly(data, slab.reshape(-1).view(np.uint8).data)
        progress.update(len(slab))
    return _native(array)


def _native(array: NDArray[Any]) -> NDArray[Any]:
    """Turn the bytes of voxels round in place, where the file has them the other way."""
    if not array.dtype.isnative:
        array.byteswap(inplace=True)
    return array.view(array.dtype.newbyteorder("="))


def _read_mixed(
    header: Header, wanted: Sequence[int], progress: Progress
) -> Iterator[NDArray[Any]]:
    """Read volumes of which each voxel's values lie together, in one pass."""
    arrays = [np.empty(header.shape, header.dtype) for _ in wanted]
    flat = [array.reshape(-1) for array in arrays]
    voxels, slices = flat[0].size, header.shape[0]
    step = max(1, SLAB_BYTES // (header.count * header.dtype.itemsize))
    for start in range(0, voxels, step):
        piece = np.empty((min(step, voxels - start), header.count), header.dtype)
        _read_exactly(header.data, piece.reshape(-1).view(np.uint8).data)
        end = start + len(piece)
        for one, n in zip(flat, wanted, strict=True):
            one[start:end] = piece[:, n]
        done = end * slices // voxels - start * slices // voxels
        progress.update(done * len(wanted))
    header.data.read(1)
    yield from map(_native, arrays)


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
