"""Volume and mesh files: the suffix says the format.

`export` writes an output and what belongs beside it, all or nothing; `read` gives a
volume back.
"""

from __future__ import annotations

import hashlib
import os
import struct
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from volume.atomic import disk_told_by, refuse_in_source, refuse_unwritable, whole_files
from volume.draft import Draft
from volume.errors import GridError, SelfCheckError, VolumeError
from volume.formats import gradients, voxels
from volume.formats import sidecar as sidecar_file
from volume.formats.damage import damage_told_of, damaged_stream
from volume.formats.member import Member, choose_member
from volume.formats.mesh_space import check_space
from volume.formats.signature import suffix_by_content
from volume.formats.suffixes import FORMATS, Format, Kind, stem, suffix_for, suffix_of
from volume.formats.voxels import Header
from volume.progress import Progress, Silent, shown
from volume.room import DiskRefusedError, Room
from volume.surface import Mesh
from volume.volume import Volume

MEASURED = 1
"""The value of the mask where a voxel was measured."""
SAME_PLACE_MM = 0.01
"""NIfTI-1 keeps float32: half a micrometre a metre away, and a little along the axes."""


def export(
    what: Volume | Mesh | Sequence[Volume],
    path: str | PathLike[str],
    *,
    overwrite: bool = False,
    sidecar: bool = True,
    identifiers: bool = False,
    space: str = "lps",
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Write a volume, a mesh, or volumes that share a grid (as one 4D file).

    Volumes go to .nii, .nii.gz, .nrrd, .mha and .npz, several to the first three, meshes
    to .stl, .ply, .obj, .glb and .vtp, their points in `space` ("lps" or "ras"), mm. Beside
    the output go its JSON `sidecar` and, where not every voxel was measured, the mask
    NAME.valid.nii.gz. File names of the source stay out of all of them, unless `identifiers`
    lets them in. Gives the paths written, the output first.

    Raises `ExistsError` where a file is there and `overwrite` is False, `GridError` for a
    sheared grid in NIfTI or volumes of different grids, `SelfCheckError` where what was
    written does not read back, `VolumeError` for a suffix or a disk that does not serve;
    nothing is left then.
    """
    contents = _contents(what, identifiers=identifiers)
    if check_space(space) != "lps" and not isinstance(contents, Mesh):
        raise ValueError("a space is chosen for a mesh; the files of volumes say their own")
    parts = _plan(contents, Path(path), space, with_sidecar=sidecar)
    return _write(parts, None, overwrite=overwrite, progress=progress)


def finish(
    begun: Begun,
    volume: Volume,
    *,
    overwrite: bool = False,
    sidecar: bool = True,
    identifiers: bool = False,
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Write a volume as `export` does, into what `room_for` has begun."""
    contents = _contents(volume, identifiers=identifiers)
    parts = _plan(contents, begun.draft.target, "lps", with_sidecar=sidecar)
    begun.room.settle()
    return _write(parts, begun.draft, overwrite=overwrite, progress=progress)


def _write(
    parts: Sequence[_Part], begun: Draft | None, *, overwrite: bool, progress: Progress | None
) -> tuple[Path, ...]:
    bar = shown(progress)
    bar.total = sum(part.steps for part in parts)
    paths = [part.path for part in parts]
    with closing(bar), whole_files(paths, overwrite=overwrite, first=begun) as streams:
        for part, stream in zip(parts, streams, strict=True):
            part.write(stream, bar)
    return tuple(paths)


@dataclass(frozen=True)
class Begun:
    """An output that was begun: its draft, and the room in it for voxels."""

    draft: Draft
    room: Room


@contextmanager
def room_for(path: str | PathLike[str]) -> Iterator[Begun | None]:
    """Begin the draft of an output and make room in it for voxels, where its format has it.

    What is read there need not be written again; a draft that is not finished leaves nothing.
    """
    output = Path(path)
    format_ = FORMATS.get(suffix_of(output))
    if format_ is None or format_.room is None or sys.byteorder != "little":
        yield None
        return
    with ExitStack() as given_up:
        draft = Draft(output)
        given_up.callback(draft.discard)
        try:
            room = format_.room(draft.open())
        except OSError:  # whoever writes there will say so
            given_up.close()
            yield None
            return
        given_up.callback(room.give_up)
        try:
            yield Begun(draft, room)
        except DiskRefusedError as refusal:
            with disk_told_by(output):
                raise refusal.__cause__ or refusal from None


def refuse_output(
    path: str | PathLike[str],
    kind: Kind = "volume",
    *,
    overwrite: bool = False,
    sidecar: bool = True,
    source: str | PathLike[str] | None = None,
) -> None:
    """Refuse, before any work, a name that `export` would refuse for what it is.

    So is one that lies inside `source`. Raises `VolumeError` and `ExistsError` as
    `export` does.
    """
    output = Path(path)
    suffix = suffix_for(output, kind)
    for one in (output, _sidecar_of(output, suffix)) if sidecar else (output,):
        if source is not None:
            refuse_in_source(one, source)
        refuse_unwritable(one, overwrite=overwrite)


def is_volume_file(path: str | PathLike[str]) -> bool:
    """Say whether `read` reads this: by its name, or by its first bytes whatever its name."""
    return bool(_suffix_to_read(path)) and not os.path.isdir(path)  # noqa: PTH112 any text


def _suffix_to_read(path: str | PathLike[str]) -> str:
    """Give the suffix of the format that a file is read as; what it holds goes before its name."""
    suffix = suffix_by_content(path) or suffix_of(Path(path))
    return suffix if suffix in FORMATS and FORMATS[suffix].header else ""


def members(path: str | PathLike[str]) -> tuple[Member, ...]:
    """List the volumes of a volume file from its header alone: one, or several of one grid (4D).

    Raises `VolumeError` as `read` does.
    """
    with _opened(path) as (_, listed):
        return listed


def read(
    path: str | PathLike[str],
    series: int | str | None = None,
    *,
    progress: Progress | None = None,
) -> Volume:
    """Read the volume of a volume file: .nii, .nii.gz, .nrrd, .mha or .npz.

    Of a file with four axes `series` says which is meant, by its id. Modality and unit are
    known from a sidecar of ours beside it, otherwise empty. Raises `SeriesChoiceError` where
    there are several or none is called so, and `VolumeError` that names the file where it is
    damaged, lies about its size or holds what is not read.
    """
    with closing(shown(progress)) as bar, _opened(path) as (header, listed):
        chosen = choose_member(listed, series, str(path))
        (volume,) = voxels.read(header, bar, (chosen.n,))
        return chosen.told_of(volume)


def read_all(path: str | PathLike[str], *, progress: Progress | None = None) -> tuple[Volume, ...]:
    """Read every volume of a volume file, in their order. Raises as `read` does."""
    with closing(shown(progress)) as bar, _opened(path) as (header, listed):
        volumes = voxels.read(header, bar, range(len(listed)))
        return tuple(one.told_of(volume) for one, volume in zip(listed, volumes, strict=True))


def read_each(path: str | PathLike[str]) -> Iterator[Volume]:
    """Read the volumes of a volume file one after the other, each let go before the next."""
    with _opened(path) as (header, listed):
        volumes = voxels.read(header, Silent(), range(len(listed)), held=1)
        for one, volume in zip(listed, volumes, strict=True):
            yield one.told_of(volume)


@contextmanager
def _opened(path: str | PathLike[str]) -> Iterator[tuple[Header, tuple[Member, ...]]]:
    """Open a volume file at its voxels; what is wrong with it is told with its name."""
    source = Path(path)
    suffix = _suffix_to_read(path)
    header_of = FORMATS[suffix].header if suffix else None
    if header_of is None:
        readable = " ".join(name for name, one in FORMATS.items() if one.header)
        raise VolumeError(f"this is not a volume file ({readable})", files=(str(source),))
    if not source.is_file():
        raise VolumeError("there is no such file", files=(str(source),))
    with damage_told_of(source), source.open("rb") as stream:
        digest = hashlib.sha256(stream.read(HASHED_BYTES)).hexdigest()[:6]
        stream.seek(0)
        header = header_of(stream)
        voxels.refuse_impossible(header)
        name = f"{suffix.split('.')[1]}_{digest}"
        yield header, _members(header, name, _told_by_sidecar(header, source))


HASHED_BYTES = 64 << 10


def _members(header: Header, name: str, told: tuple[str, str]) -> tuple[Member, ...]:
    if header.count > MOST_VOLUMES:
        raise ValueError(f"a file of {header.count:,} volumes is not read")
    modality, unit = told
    return tuple(
        Member(
            f"{name}_t{n + 1}" if header.count > 1 else name,
            n,
            header.count,
            header.geometry,
            header.dtype.newbyteorder("="),
            modality,
            unit,
            header.findings,
            is_label_map=header.labels is not None,
        )
        for n in range(header.count)
    )


MOST_VOLUMES = 1 << 16
"""The longest series have some thousands."""


def _told_by_sidecar(header: Header, source: Path) -> tuple[str, str]:
    """Give modality and unit: of the file itself, or of a sidecar of ours beside it."""
    suffix = suffix_of(source)
    if header.modality or header.unit or suffix not in FORMATS:
        return header.modality, header.unit
    return sidecar_file.beside(_sidecar_of(source, suffix), header.geometry.size)


Contents = tuple[Volume, ...] | Mesh


def _contents(what: Volume | Mesh | Sequence[Volume], *, identifiers: bool) -> Contents:
    """Make a tuple of volumes of one grid, or a mesh, without names unless asked for."""
    if isinstance(what, Mesh):
        return what if identifiers else sidecar_file.mesh_without_names(what)
    volumes = (what,) if isinstance(what, Volume) else tuple(what)
    if not volumes:
        raise VolumeError("there is no volume to write")
    for other in volumes[1:]:
        _refuse_another_grid(volumes[0], other)
        if other.is_colour:
            raise VolumeError("volumes of colour do not go into one file", remedy=EACH_ALONE)
    return volumes if identifiers else tuple(map(sidecar_file.volume_without_names, volumes))


EACH_ALONE = "write each into a file of its own"


def _refuse_another_grid(first: Volume, other: Volume) -> None:
    same_voxel = other.array.shape[3:] == first.array.shape[3:]
    if not (same_voxel and other.geometry.matches(first.geometry)):
        raise GridError(
            f"volumes of one file share a grid; these do not: {_how_they_differ(first, other)}",
            remedy=EACH_ALONE,
        )


def _how_they_differ(first: Volume, other: Volume) -> str:
    a, b = first.geometry, other.geometry
    if first.array.shape != other.array.shape:
        sizes = (" x ".join(map(str, size)) for size in (a.size, b.size))
        what = " and ".join(f"{size} voxels" for size in sizes)
        return what if a.size != b.size else f"{what}, of other components"
    return f"their corners lie up to {np.abs(a.corners - b.corners).max():.3g} mm apart"


def _kind_of(contents: Contents) -> Kind:
    if isinstance(contents, Mesh):
        return "mesh"
    return "volume" if len(contents) == 1 else "volumes"


@dataclass(frozen=True)
class _Part:
    """One file of an export: where, in how many steps, and how it is written."""

    path: Path
    steps: int
    write: Callable[[BinaryIO, Progress], object]


def _plan(contents: Contents, output: Path, space: str, *, with_sidecar: bool) -> tuple[_Part, ...]:
    """List the files to write: the output, its mask, its b-values and gradients, its sidecar."""
    suffix = suffix_for(output, _kind_of(contents))
    parts = [_output_part(contents, output, FORMATS[suffix], space)]
    if isinstance(contents, tuple) and any(map(_is_partly_measured, contents)):
        parts.append(_mask_part(contents, output, suffix))
    if isinstance(contents, tuple) and suffix.startswith(".nii"):
        parts += _gradient_parts(contents, output.with_name(stem(output, suffix)))
    if with_sidecar:
        others = [part.path.name for part in parts[1:]]
        document = sidecar_file.describe(contents, output.name, others, space)
        parts.append(_sidecar_part(document, _sidecar_of(output, suffix)))
    return tuple(parts)


def _output_part(contents: Contents, output: Path, format_: Format, space: str = "lps") -> _Part:
    placed = (space,) if isinstance(contents, Mesh) else ()

    def write(stream: BinaryIO, progress: Progress) -> None:
        format_.write(stream, contents, progress, *placed)
        written = stream.tell()
        try:
            same = stream.seek(0, 2) == written and _reads_back(format_, stream, contents)
        except (ValueError, EOFError, struct.error):
            same = False
        except damaged_stream():
            same = False
        if not same:
            thing = "mesh" if isinstance(contents, Mesh) else "grid"
            raise SelfCheckError(
                f"the file that was written does not read back as the same {thing}"
            )

    if isinstance(contents, Mesh):
        return _Part(output, len(contents.faces), write)
    return _Part(output, sum(len(one.array) for one in contents), write)


def _reads_back(format_: Format, stream: BinaryIO, contents: Contents) -> bool:
    """Say whether what was written tells the right size and place, and has room for it."""
    if isinstance(contents, Mesh):
        return format_.triangles is None or format_.triangles(stream) == len(contents.faces)
    if format_.header is None:
        return True
    header, first = format_.header(stream), contents[0]
    return (
        (header.count, header.shape) == (len(contents), first.array.shape)
        and header.geometry.matches(first.geometry, SAME_PLACE_MM)
        and header.count * header.nbytes <= header.room
    )


def _is_partly_measured(one: Volume) -> bool:
    return one.valid is not None and not bool((one.valid == MEASURED).all())


def _mask_part(volumes: tuple[Volume, ...], output: Path, suffix: str) -> _Part:
    """Write what was measured as NAME.valid.nii.gz; as .nrrd, which holds a shear, if need be."""
    masks = tuple(one.with_voxels(_valid(one), one.geometry) for one in volumes)
    mask_suffix = ".nrrd" if volumes[0].geometry.is_sheared else ".nii.gz"
    path = output.with_name(stem(output, suffix) + ".valid" + mask_suffix)
    return _output_part(masks, path, FORMATS[mask_suffix])


def _valid(one: Volume) -> NDArray[np.uint8]:
    if one.valid is not None:
        return one.valid
    return np.full(one.array.shape[:3], MEASURED, np.uint8)


def _gradient_parts(volumes: tuple[Volume, ...], beside: Path) -> list[_Part]:
    """Write b-values and gradients as NAME.bval and NAME.bvec beside a 4D NIfTI (FSL)."""
    return [
        _Part(beside.with_name(beside.name + suffix), 0, _writer(table))
        for suffix, table in gradients.tables(volumes).items()
    ]


def _writer(content: bytes) -> Callable[[BinaryIO, Progress], object]:
    return lambda stream, _: stream.write(content)


def _sidecar_part(document: Mapping[str, Any], path: Path) -> _Part:
    return _Part(path, 0, _writer(sidecar_file.text(document)))


def _sidecar_of(output: Path, suffix: str) -> Path:
    """Give head.json for head.nii.gz, as BIDS has it; a mesh's must not take a volume's place."""
    if FORMATS[suffix].holds == ("mesh",):
        return output.with_name(f"{output.name}.json")
    return output.with_name(stem(output, suffix) + ".json")
