"""Every format there is, by the suffix of its files. A new one is a module and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from volume.errors import VolumeError
from volume.formats.voxels import Header
from volume.room import Room

if TYPE_CHECKING:
    from volume.formats.raw_mesh import RawMesh

Kind = Literal["volume", "volumes", "mesh"]


@dataclass(frozen=True)
class Format:
    """How files of one suffix are written, and read where `header` is given.

    `triangles` counts those of a mesh file, whose size it compares, and `read` reads one;
    a mesh's `write` takes the space of its points ("lps", "ras") as well. `room` is for voxels
    that are read straight into a file.
    """

    holds: tuple[Kind, ...]
    write: Callable[..., None]
    header: Callable[[BinaryIO], Header] | None = None
    triangles: Callable[[BinaryIO], int] | None = None
    read: Callable[[BinaryIO], RawMesh] | None = None
    room: Callable[[BinaryIO], Room] | None = None


def _function(module: str, name: str) -> Callable[..., Any]:
    """Give a function of a format's module, which is imported when it is called."""

    def call(*given: Any) -> Any:
        return getattr(import_module(f"volume.formats.{module}"), name)(*given)

    return call


def _volumes(module: str, holds: tuple[Kind, ...], write: str = "write") -> Format:
    return Format(holds, _function(module, write), _function(module, "header"))


def _mesh(module: str, reader: str = "") -> Format:
    return Format(
        ("mesh",),
        _function(module, "write"),
        triangles=_function(module, "triangles"),
        read=_function(reader or module, "read"),
    )


FORMATS = {
    ".nii.gz": _volumes("nifti", ("volume", "volumes"), "write_compressed"),
    ".nii": replace(_volumes("nifti", ("volume", "volumes")), room=_function("nifti", "room_in")),
    ".nrrd": _volumes("nrrd", ("volume", "volumes")),
    ".mha": _volumes("metaimage", ("volume",)),
    ".npz": _volumes("numpy", ("volume",)),
    ".stl": _mesh("stl"),
    ".ply": _mesh("ply", "ply_reader"),
    ".obj": _mesh("obj", "obj_reader"),
    ".glb": _mesh("glb", "glb_reader"),
    ".vtp": _mesh("vtp", "vtp_reader"),
}
KINDS: dict[Kind, str] = {
    "volume": "a volume",
    "volumes": "a set of volumes",
    "mesh": "a mesh",
}
WRONG_NAME = 2
"""The exit code of a wrong use."""


def stem(path: Path, suffix: str) -> str:
    return path.name[: -len(suffix)]


def suffix_of(path: Path) -> str:
    """Give the suffix of the table that a name ends in, the longest first; else its own."""
    name = path.name.lower()
    return next((suffix for suffix in FORMATS if name.endswith(suffix)), path.suffix)


def suffix_for(output: Path, kind: Kind) -> str:
    """Give the output's suffix, if it is one for this kind of thing and a name stands before it."""
    suffix = suffix_of(output)
    if suffix in FORMATS and kind in FORMATS[suffix].holds and stem(output, suffix):
        return suffix
    possible = " ".join(name for name, format_ in FORMATS.items() if kind in format_.holds)
    refusal = VolumeError(f"{KINDS[kind]} is written to {possible}, not to {output.name!r}")
    refusal.exit_code = WRONG_NAME
    raise refusal
