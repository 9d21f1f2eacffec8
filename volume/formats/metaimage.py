"""MetaImage (.mha): LPS, millimetres, zlib; holds a shear and colour.

After ITK's MetaIO (itk.org/Wiki/MetaIO/Documentation). Read here rather than by
SimpleITK, which was seen to return the voxels of a damaged compressed file with nothing
but a line on stderr.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np

from volume.errors import VolumeError
from volume.findings import warning
from volume.formats import deflate
from volume.formats.voxels import Header, number, slabs, stored_dtype
from volume.geometry import Geometry
from volume.progress import Progress
from volume.volume import Volume

LONGEST_HEADER = 64 << 10

TYPES = {
    "int8": "MET_CHAR",
    "uint8": "MET_UCHAR",
    "int16": "MET_SHORT",
    "uint16": "MET_USHORT",
    "int32": "MET_INT",
    "uint32": "MET_UINT",
    "int64": "MET_LONG_LONG",
    "uint64": "MET_ULONG_LONG",
    "float32": "MET_FLOAT",
    "float64": "MET_DOUBLE",
}
NAMES = {name: dtype for dtype, name in TYPES.items()} | {
    "MET_LONG": "int32",
    "MET_ULONG": "uint32",
}
SYNONYMS = {
    "Rotation": "TransformMatrix",
    "Orientation": "TransformMatrix",
    "Position": "Offset",
    "Origin": "Offset",
    "ElementSize": "ElementSpacing",
    "ElementByteOrderMSB": "BinaryDataByteOrderMSB",
}
MM_PER_UNIT = {"mm": 1.0, "?": 1.0, "cm": 10.0, "um": 0.001}
FROM = str.maketrans("LRPASI", "RLAPIS")
"""MetaIO's letters say where an axis comes from, ours where it runs to."""
SIZE_DIGITS = 15


def write(stream: BinaryIO, volumes: Sequence[Volume], progress: Progress) -> None:
    """Write one volume; the size of its compressed voxels is filled in at the end."""
    if len(volumes) != 1:
        raise VolumeError(".mha holds one volume", remedy="write .nii, .nii.gz or .nrrd")
    before, after = _make_header(volumes[0])
    stream.write(before + b"0" * SIZE_DIGITS + after)
    start = stream.tell()
    deflate.write_zlib(stream, slabs(volumes, stored_dtype(volumes), progress))
    end = stream.tell()
    stream.seek(len(before))
    stream.write(f"{end - start:0{SIZE_DIGITS}}".encode("ascii"))
    stream.seek(end)


def _make_header(volume: Volume) -> tuple[bytes, bytes]:
    """Make what stands before and after the size of the compressed voxels."""
    geometry = volume.geometry
    before = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
    fields = {
        "TransformMatrix": _words(geometry.direction.T.ravel()),
        "Offset": _words(geometry.origin),
        "CenterOfRotation": "0 0 0",
        "AnatomicalOrientation": geometry.orientation.translate(FROM),
        "ElementSpacing": _words(geometry.spacing),
        "DimSize": " ".join(map(str, geometry.size)),
        "ElementNumberOfChannels": str(volume.array.shape[3]) if volume.is_colour else "1",
        "ElementType": TYPES[stored_dtype((volume,)).name],
        "ElementDataFile": "LOCAL",
    }
    after = "".join(f"\n{name} = {value}" for name, value in fields.items()) + "\n"
    return f"{before}CompressedData = True\nCompressedDataSize = ".encode(), after.encode("ascii")


def _words(numbers: Iterable[float]) -> str:
    return " ".join(repr(float(n)) for n in numbers)


def header(stream: BinaryIO) -> Header:
    """Read and check a MetaImage header; `ValueError` says what is wrong."""
    fields = _read_fields(stream)
    _refuse_what_is_not_read(fields)
    size = _whole_numbers(fields, "DimSize", "", int(fields["NDims"]))
    if min(size) < 1:
        raise ValueError(f"only volumes of three axes in space are read, not of the sizes {size}")
    geometry, assumed = _geometry(fields, (size[0], size[1], size[2]))
    (channels,) = _whole_numbers(fields, "ElementNumberOfChannels", "1", 1)
    if channels < 1:
        raise ValueError("a voxel has at least one channel")
    shape = (size[2], size[1], size[0]) + ((channels,) if channels > 1 else ())
    packed = _is_true(fields, "CompressedData")
    data, room = _opened(stream, compressed=packed)
    return Header(
        geometry,
        shape,
        _dtype(fields),
        data,
        room,
        count=size[3] if len(size) > 3 else 1,
        findings=assumed,
        packed=packed,
    )


def _read_fields(stream: BinaryIO) -> dict[str, str]:
    """Read `Name = value` lines up to ElementDataFile, which ends a header."""
    stream.seek(0)
    fields: dict[str, str] = {}
    while "ElementDataFile" not in fields:
        line = stream.readline(LONGEST_HEADER)
        name, equals, value = line.decode("utf-8", "replace").partition("=")
        if not equals or stream.tell() > LONGEST_HEADER:
            raise ValueError("this is not a MetaImage file: its header does not end")
        name = name.strip()
        fields[SYNONYMS.get(name, name)] = value.strip()
    return fields


def _refuse_what_is_not_read(fields: Mapping[str, str]) -> None:
    if fields.get("ObjectType", "Image") != "Image":
        raise ValueError("the file holds another object than an image")
    if fields.get("NDims") not in ("3", "4"):
        raise ValueError("only volumes of three axes in space are read")
    if fields["ElementDataFile"] != "LOCAL":
        raise ValueError("the voxels are in another file; only attached data are read")
    if not _is_true(fields, "BinaryData", unsaid="True"):
        raise ValueError("voxels written as text are not read")
    if fields.get("HeaderSize", "0") != "0":
        raise ValueError("a file with 'HeaderSize' is not read")


def _is_true(fields: Mapping[str, str], name: str, unsaid: str = "False") -> bool:
    return fields.get(name, unsaid).lower() in ("true", "1")


def _whole_numbers(fields: Mapping[str, str], name: str, unsaid: str, count: int) -> list[int]:
    numbers = _numbers(fields, name, unsaid, count)
    if not all(n.is_integer() for n in numbers):
        raise ValueError(f"the header's {name} is not made of whole numbers")
    return [int(n) for n in numbers]


def _numbers(fields: Mapping[str, str], name: str, unsaid: str, count: int) -> list[float]:
    words = fields.get(name, unsaid).split()
    if len(words) != count:
        raise ValueError(f"the header's {name} is not {count} numbers")
    return [number(word) for word in words]


def _geometry(
    fields: Mapping[str, str], size: tuple[int, int, int]
) -> tuple[Geometry, tuple[Any, ...]]:
    """Place the grid; what the file does not say is assumed, and said."""
    axes = int(fields["NDims"])
    straight = " ".join(map(str, np.eye(axes).ravel()))
    rows = _numbers(fields, "TransformMatrix", straight, axes * axes)
    square = np.array(rows).reshape(axes, axes)
    if axes > 3 and (square[3, :3].any() or square[:3, 3].any()):
        raise ValueError("a fourth axis that is turned into space is not read")
    matrix = square[:3, :3]
    origin = np.array(_numbers(fields, "Offset", "0 " * axes, axes)[:3])
    spacing = np.array(_numbers(fields, "ElementSpacing", "1 " * axes, axes)[:3])
    unit = fields.get("DistanceUnits", "mm")
    if unit not in MM_PER_UNIT:
        raise ValueError("the header's unit of length is unknown")
    affine = np.eye(4)
    affine[:3, :3] = matrix.T * spacing * MM_PER_UNIT[unit]
    affine[:3, 3] = origin * MM_PER_UNIT[unit]
    known = {"TransformMatrix", "Offset", "ElementSpacing"} <= set(fields)
    return Geometry.from_affine(size, affine), () if known else (ASSUMED,)


ASSUMED = warning(
    "spacing-assumed",
    "the file does not say in full where its voxels lie (TransformMatrix, Offset,"
    " ElementSpacing): straight axes, an origin of 0 and steps of 1 mm are assumed",
)


def _dtype(fields: Mapping[str, str]) -> np.dtype[Any]:
    name = fields.get("ElementType", "")
    if name not in NAMES:
        raise ValueError(f"voxels of type {name[:40]!r} are not read")
    order = _is_true(fields, "BinaryDataByteOrderMSB")
    return np.dtype(NAMES[name]).newbyteorder(">" if order else "<")


def _opened(stream: BinaryIO, *, compressed: bool) -> tuple[BinaryIO, int]:
    """Look behind the header, and say how many bytes of voxels there are at most."""
    start = stream.tell()
    room = stream.seek(0, 2) - start
    stream.seek(start)
    if compressed:
        return deflate.open_zlib(stream), room * deflate.EXPANSION
    return stream, room
