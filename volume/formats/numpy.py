"""NumPy's .npz: the array and its place, readable with `numpy.load` alone; no pickle.

`array` [k, j, i], `affine` (4, 4) to mm LPS, `spacing`, `origin`, `direction`, and
`report`, the sidecar's JSON text. Stored plain, without a date: the same bytes always.
"""

from __future__ import annotations

import json
import math
import tokenize
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from volume.errors import VolumeError
from volume.formats import deflate, sidecar
from volume.formats.voxels import Header, slabs, stored_dtype
from volume.geometry import Geometry
from volume.progress import Progress
from volume.volume import Volume

LARGEST_REPORT = 256 << 20


def write(stream: BinaryIO, volumes: Sequence[Volume], progress: Progress) -> None:
    """Write one volume with its place and its report."""
    if len(volumes) != 1:
        raise VolumeError(".npz holds one volume", remedy="write .nii, .nii.gz or .nrrd")
    (volume,) = volumes
    geometry, dtype = volume.geometry, stored_dtype(volumes)
    small = {
        "affine": geometry.affine,
        "spacing": geometry.spacing,
        "origin": geometry.origin,
        "direction": geometry.direction,
        "report": np.array(json.dumps(sidecar.describe(volumes), allow_nan=False)),
    }
    with zipfile.ZipFile(stream, "w") as archive:
        with _entry(archive, "array") as entry:
            described = {
                "descr": npy.dtype_to_descr(dtype),
                "fortran_order": False,
                "shape": volume.array.shape,
            }
            npy.write_array_header_1_0(entry, described)
            for slab in slabs(volumes, dtype, progress):
                entry.write(slab.data)
        for name, array in small.items():
            with _entry(archive, name) as entry:
                npy.write_array(entry, array, allow_pickle=False)


def _entry(archive: zipfile.ZipFile, name: str) -> Any:
    return archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True)


def header(stream: BinaryIO) -> Header:
    """Read and check what the archive says of its array; `ValueError` says what is wrong."""
    size = stream.seek(0, 2)
    stream.seek(0)
    try:
        archive = zipfile.ZipFile(stream)
        _refuse_other_compression(archive)
        affine = _small(archive, "affine", size)
        data = archive.open("array.npy")
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError) as error:
        raise ValueError("this is not an .npz file with an array and its affine") from error
    shape, dtype = _array_header(cast(BinaryIO, data))
    if affine.shape != (4, 4) or affine.dtype.kind != "f":
        raise ValueError("the affine is not a 4 x 4 matrix of numbers")
    modality, unit = _described(archive, size)
    return Header(
        Geometry.from_affine((shape[2], shape[1], shape[0]), affine),
        shape,
        dtype,
        cast(BinaryIO, data),
        size * deflate.EXPANSION,
        modality=modality,
        unit=unit,
        packed=True,
    )


def _refuse_other_compression(archive: zipfile.ZipFile) -> None:
    """Keep to what NumPy writes, whose expansion has a limit."""
    if {entry.compress_type for entry in archive.infolist()} - {
        zipfile.ZIP_STORED,
        zipfile.ZIP_DEFLATED,
    }:
        raise ValueError("the archive is compressed in a way that is not read")


def _array_header(data: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    shape, dtype = _npy_header(data)
    if len(shape) not in (3, 4) or min(shape) < 1:
        raise ValueError(f"the array is not [k, j, i]: {shape}")
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise ValueError(f"voxels of type {dtype} are not read")
    return shape, dtype


def _npy_header(data: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = npy.read_magic(data)
    if version not in HEADERS:
        raise ValueError(f"arrays of version {version} are not read")
    try:
        shape, columns_first, dtype = HEADERS[version](data)
    except UNPARSED as error:
        raise ValueError("the header of an array is damaged") from error
    if columns_first and len(shape) > 1:
        raise ValueError("an array lies column by column; only C order is read")
    return tuple(shape), dtype


UNPARSED = (SyntaxError, tokenize.TokenError, TypeError, RecursionError, MemoryError)
"""What NumPy raises, beside ValueError, of a header that is not one."""

HEADERS: Mapping[tuple[int, int], Callable[..., Any]] = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}


def _small(archive: zipfile.ZipFile, name: str, size: int) -> NDArray[Any]:
    """Read an array that is not the voxels, after a look at its size."""
    entry = archive.getinfo(f"{name}.npy")
    if entry.file_size > min(LARGEST_REPORT, size * deflate.EXPANSION):
        raise ValueError(f"{name!r} is larger than it can be")
    with archive.open(entry) as data:
        shape, dtype = _npy_header(cast(BinaryIO, data))
        if dtype.hasobject or math.prod(shape) * dtype.itemsize > entry.file_size:
            raise ValueError(f"{name!r} is not what it says")
        return np.frombuffer(data.read(), dtype, math.prod(shape)).reshape(shape)


def _described(archive: zipfile.ZipFile, size: int) -> tuple[str, str]:
    """Give modality and unit, where the report is one of ours."""
    if "report.npy" not in archive.namelist():
        return "", ""
    return sidecar.modality_and_unit(str(_small(archive, "report", size)))
