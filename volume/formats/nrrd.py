"""NRRD (.nrrd): LPS, millimetres, gzip; holds a shear, colour and several volumes.

After Gordon Kindlmann's definition (teem.sourceforge.net/nrrd/format.html). Read here
rather than by a library, so that no size is believed before it is checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from volume.findings import Finding, warning
from volume.formats import deflate, gradients, segments
from volume.formats.voxels import Header, number, slabs, stored_dtype
from volume.geometry import Geometry
from volume.progress import Progress
from volume.volume import Volume

LONGEST_HEADER = 1 << 20
"""A header ends within so many bytes; segmentations keep long tables there."""

TYPES = {
    "int8": ("int8", "int8_t", "signed char"),
    "uint8": ("uint8", "uint8_t", "uchar", "unsigned char"),
    "int16": ("int16", "int16_t", "short", "short int", "signed short", "signed short int"),
    "uint16": ("uint16", "uint16_t", "ushort", "unsigned short", "unsigned short int"),
    "int32": ("int32", "int32_t", "int", "signed int"),
    "uint32": ("uint32", "uint32_t", "uint", "unsigned int"),
    "int64": (
        "int64",
        "int64_t",
        "longlong",
        "long long",
        "long long int",
        "signed long long",
        "signed long long int",
    ),
    "uint64": ("uint64", "uint64_t", "ulonglong", "unsigned long long", "unsigned long long int"),
    "float32": ("float",),
    "float64": ("double",),
}
NAMES = {name: dtype for dtype, names in TYPES.items() for name in names}

TO_LPS = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}
MM_PER_UNIT = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001, "µm": 0.001, "": 1.0}


def write(stream: BinaryIO, volumes: Sequence[Volume], progress: Progress) -> None:
    """Write volumes of one grid; several along a last axis of kind `list`."""
    dtype = stored_dtype(volumes)
    stream.write(_make_header(volumes, dtype).encode("ascii"))
    deflate.write_gzip(stream, slabs(volumes, dtype, progress))


def _make_header(volumes: Sequence[Volume], dtype: np.dtype[Any]) -> str:
    geometry = volumes[0].geometry
    axes = [
        (size, _vector(axis), "domain")
        for size, axis in zip(geometry.size, geometry.affine[:3, :3].T, strict=True)
    ]
    if volumes[0].is_colour:
        axes.insert(0, (volumes[0].array.shape[3], "none", "vector"))
    if len(volumes) > 1:
        axes.append((len(volumes), "none", "list"))
    sizes, directions, kinds = zip(*axes, strict=True)
    return "\n".join(
        (
            "NRRD0005",
            f"type: {TYPES[dtype.name][0]}",
            f"dimension: {len(axes)}",
            "space: left-posterior-superior",
            f"sizes: {' '.join(map(str, sizes))}",
            f"space directions: {' '.join(directions)}",
            f"kinds: {' '.join(kinds)}",
            "endian: little",
            "encoding: gzip",
            'space units: "mm" "mm" "mm"',
            f"space origin: {_vector(geometry.origin)}",
            *_weighting(volumes),
            "\n",
        )
    )


def _weighting(volumes: Sequence[Volume]) -> list[str]:
    """Say how volumes are diffusion weighted, in NA-MIC's keys: directions in LPS, one b-value.

    A lesser b-value shortens its direction by the root of its share. Nothing is said where a
    volume lacks its own.
    """
    table = gradients.in_patient(volumes)
    if table is None:
        return []
    b_values, vectors = table
    most = max(b_values) or 1.0
    shortened = [vector * (b / most) ** 0.5 for b, vector in zip(b_values, vectors, strict=True)]
    return [
        "measurement frame: (1,0,0) (0,1,0) (0,0,1)",
        "modality:=DWMRI",
        f"DWMRI_b-value:={most:.8g}",
        *(
            f"DWMRI_gradient_{n:04d}:={' '.join(f'{part:.8g}' for part in vector)}"
            for n, vector in enumerate(shortened)
        ),
    ]


def _vector(numbers: Iterable[float]) -> str:
    return f"({','.join(repr(float(n)) for n in numbers)})"


def header(stream: BinaryIO) -> Header:
    """Read and check a NRRD header; `ValueError` says what is wrong."""
    fields, keys = _read_fields(stream)
    _refuse_detached(fields)
    sizes = _whole_numbers(fields, "sizes")
    if len(sizes) != _whole_numbers(fields, "dimension")[0] or min(sizes) < 1:
        raise ValueError("the header's sizes and dimension do not agree")
    axes = _split_axes(sizes, _kinds(fields, len(sizes)))
    spatial = axes.spatial
    geometry, findings = _geometry(fields, len(sizes), spatial)
    data, room, packed = _opened(stream, fields)
    shape = tuple(sizes[axis] for axis in reversed(spatial))
    return Header(
        geometry,
        (*shape, *axes.components),
        _dtype(fields),
        data,
        room,
        axes.volumes,
        findings=findings,
        interleaved=axes.interleaved,
        packed=packed,
        labels=segments.labels(keys, axes.volumes),
    )


def _read_fields(stream: BinaryIO) -> tuple[dict[str, str], dict[str, str]]:
    """Read lines up to the empty one: of `field: value`, and of `key:=value`; no comments."""
    stream.seek(0)
    if not re.fullmatch(rb"NRRD000[1-5]\r?\n", stream.readline(16)):
        raise ValueError("this is not a NRRD file: its magic word is missing")
    fields: dict[str, str] = {}
    keys: dict[str, str] = {}
    while (line := stream.readline(LONGEST_HEADER)).strip():
        if stream.tell() > LONGEST_HEADER:
            raise ValueError(f"the header is longer than {LONGEST_HEADER:,} bytes")
        name, colon, value = line.decode("utf-8", "replace").strip().partition(":")
        if name.startswith("#") or not colon:
            continue
        if value.startswith("="):
            keys[name] = value[1:]
        else:
            fields[name.strip().lower()] = value.strip()
    if not line and not DETACHED & set(fields):  # a detached header may end without an empty line
        raise EOFError("the file ends within its header")
    return fields, keys


DETACHED = frozenset({"data file", "datafile"})


def _refuse_detached(fields: Mapping[str, str]) -> None:
    if DETACHED & set(fields):
        raise ValueError("the voxels are in another file; only attached data are read")
    for skip in ("byte skip", "byteskip", "line skip", "lineskip"):
        if fields.get(skip, "0") != "0":
            raise ValueError(f"a file with {skip!r} is not read")


def _whole_numbers(fields: Mapping[str, str], name: str) -> list[int]:
    text = fields.get(name, "")
    if not re.fullmatch(r"\d{1,12}( +\d{1,12})*", text, re.ASCII):
        raise ValueError(f"the header's {name!r} is not made of whole numbers")
    return [int(word) for word in text.split()]


def _kinds(fields: Mapping[str, str], dimension: int) -> list[str]:
    """Give every axis its kind; an axis without a direction in space is no domain.

    Nor is one along time, which ITK writes as a fourth axis of space.
    """
    directions = _directions(fields, dimension)
    kinds = fields.get("kinds", "").lower().split() or ["???"] * dimension
    if len(kinds) != dimension:
        raise ValueError("the header does not give one kind to every axis")
    return [
        ("list" if kind in ("domain", "space", "???") else kind) if direction is None else "domain"
        for kind, direction in zip(kinds, directions, strict=True)
    ]


class _Axes(NamedTuple):
    """What the axes of a file are: i, j and k, the values of a voxel, the volumes."""

    spatial: list[int]
    components: tuple[int, ...] = ()
    volumes: int = 1
    interleaved: bool = False


def _split_axes(sizes: Sequence[int], kinds: Sequence[str]) -> _Axes:
    """Tell components, the number of volumes, and which axes are i, j and k.

    A list stands before the axes in space (3D Slicer's sequences and segmentations, the
    values of a voxel together) or behind them (ours, one volume after the other).
    """
    spatial = [axis for axis, kind in enumerate(kinds) if kind == "domain"]
    others = [axis for axis, kind in enumerate(kinds) if kind != "domain" and sizes[axis] > 1]
    if len(spatial) != 3:
        raise ValueError(f"only volumes of three axes in space are read, not {len(spatial)}")
    last = max(spatial) + 1
    if not others:
        return _Axes(spatial)
    if others == [0] and kinds[0] != "list":
        return _Axes(spatial, components=_colour(sizes[0], kinds[0]))
    if others == [0]:
        return _Axes(spatial, volumes=sizes[0], interleaved=True)
    if others == [last]:
        return _Axes(spatial, volumes=sizes[last])
    if others == [0, last] and kinds[0] != "list":
        return _Axes(spatial, _colour(sizes[0], kinds[0]), sizes[last])
    raise ValueError(f"axes in this order are not read: {' '.join(kinds)[:80]}")


def _colour(components: int, kind: str) -> tuple[int, ...]:
    if components > MOST_COMPONENTS:
        raise ValueError(
            f"voxels of {components} values each ({kind[:40]}) are not read, only one or a colour"
        )
    return (components,)


MOST_COMPONENTS = 4
"""Red, green, blue and opacity."""


def _directions(fields: Mapping[str, str], dimension: int) -> list[list[float] | None]:
    """Give every axis its step in space; without directions the first three are straight."""
    if "space directions" not in fields:
        steps = _spacings(fields, dimension)
        first = dimension - 3
        return [None] * first + [
            [step if row == axis else 0.0 for row in range(3)]
            for axis, step in enumerate(steps[first:])
        ]
    words = re.findall(r"none|\([^()]*\)", fields["space directions"])
    if len(words) != dimension:
        raise ValueError("the header does not give one direction to every axis")
    return [None if word == "none" else _in_space(word) for word in words]


def _in_space(word: str) -> list[float] | None:
    """Give the step of an axis in space; None of one that runs along a fourth coordinate."""
    numbers = _numbers(word)
    if len(numbers) == 4 and any(numbers[:3]) and numbers[3]:
        raise ValueError(f"an axis that runs through space and time is not read: {word[:80]}")
    return numbers[:3] if any(numbers[:3]) else None if len(numbers) == 4 else numbers


def _spacings(fields: Mapping[str, str], dimension: int) -> list[float]:
    words = fields.get("spacings", "").split() or ["1"] * dimension
    if len(words) != dimension:
        raise ValueError("the header does not give one spacing to every axis")
    return [number(word) for word in words]


def _numbers(word: str) -> list[float]:
    numbers = [number(part) for part in word.strip("()").split(",")]
    if len(numbers) not in (3, 4):
        raise ValueError(f"{word[:80]!r} is not a vector in space")
    return numbers


def _geometry(
    fields: Mapping[str, str], dimension: int, spatial: Sequence[int]
) -> tuple[Geometry, tuple[Finding, ...]]:
    """Place the grid; what the file does not say is assumed, and said."""
    space = fields.get("space", "").lower().removesuffix("-time")
    space = space.removesuffix("t") if len(space) == 4 else space
    known = {"space directions", "space origin"} <= set(fields) and space in TO_LPS
    directions = _directions(fields, dimension)
    affine = np.eye(4)
    affine[:3, :3] = np.array([directions[axis] for axis in spatial]).T
    if "space origin" in fields:
        affine[:3, 3] = _numbers(fields["space origin"])[:3]
    affine[:3] *= _unit(fields)
    affine[:3] *= np.array(TO_LPS.get(space, (1, 1, 1)))[:, None]
    size = _whole_numbers(fields, "sizes")
    geometry = Geometry.from_affine((size[spatial[0]], size[spatial[1]], size[spatial[2]]), affine)
    return geometry, () if known else (ASSUMED,)


ASSUMED = warning(
    "spacing-assumed",
    "the file does not say in full where its voxels lie (space, directions, origin):"
    " axes to the left, back and head and an origin of 0 are assumed",
)


def _unit(fields: Mapping[str, str]) -> float:
    units = set(re.findall(r'"([^"]*)"', fields.get("space units", ""))) or {""}
    if len(units) > 1 or not units <= set(MM_PER_UNIT):
        raise ValueError("the header's unit of length is unknown")
    return MM_PER_UNIT[units.pop()]


def _dtype(fields: Mapping[str, str]) -> np.dtype[Any]:
    name = fields.get("type", "").lower()
    if name not in NAMES:
        raise ValueError(f"voxels of type {name[:40]!r} are not read")
    dtype = np.dtype(NAMES[name])
    if dtype.itemsize == 1:
        return dtype
    if fields.get("endian") not in ("little", "big"):
        raise ValueError("the header does not say the order of the bytes")
    return dtype.newbyteorder("<" if fields["endian"] == "little" else ">")


def _opened(stream: BinaryIO, fields: Mapping[str, str]) -> tuple[BinaryIO, int, bool]:
    """Look behind the header; say how many bytes there are at most, and if they are packed."""
    start = stream.tell()
    room = stream.seek(0, 2) - start
    stream.seek(start)
    open_it, expansion = ENCODINGS.get(fields.get("encoding", "").lower(), (None, 0))
    if open_it is None:
        raise ValueError("only the encodings raw and gzip are read")
    return open_it(stream), room * expansion, expansion > 1


ENCODINGS: Mapping[str, tuple[Callable[[BinaryIO], BinaryIO] | None, int]] = {
    "raw": (lambda stream: stream, 1),
    "gzip": (deflate.open_gzip, deflate.EXPANSION),
    "gz": (deflate.open_gzip, deflate.EXPANSION),
}
