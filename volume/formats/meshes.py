"""Reading mesh files: the suffix says the format, and the mesh comes out in LPS mm."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np

from volume.errors import VolumeError
from volume.formats.damage import damage_told_of
from volume.formats.mesh_space import check_space
from volume.formats.raw_mesh import settle
from volume.formats.suffixes import FORMATS, suffix_of
from volume.memory import refuse_beyond_memory
from volume.surface import Mesh

MEMORY_A_BYTE = 12
"""So many bytes are taken at worst for each of a file (text of one digit a number) while it is
read."""


def read_mesh(path: str | PathLike[str], *, space: str = "lps") -> Mesh:
    """Read the mesh of an .stl, .ply, .obj, .glb or .vtp file.

    Points come out in mm LPS, whatever the file has; of a file that does not say in which
    space they lie, `space` ("lps" or "ras") is assumed, and the report's findings say so.
    Polygons are cut into triangles, groups and materials are parts. Raises a VolumeError
    that names the file where it is none, damaged, or lies about its size.
    """
    source = Path(path)
    suffix = suffix_of(source)
    read = FORMATS[suffix].read if suffix in FORMATS else None
    if read is None:
        readable = " ".join(name for name, one in FORMATS.items() if one.read)
        raise VolumeError(f"this is not a mesh file ({readable})", files=(str(source),))
    check_space(space)
    with damage_told_of(source):
        if not source.is_file():
            raise VolumeError("there is no such file", files=(str(source),))
        with source.open("rb") as stream, np.errstate(all="ignore"):  # refused, not warned of
            needed = MEMORY_A_BYTE * stream.seek(0, 2)
            refuse_beyond_memory(needed, "reading the mesh")
            stream.seek(0)
            return settle(read(stream), suffix, space.lower())


def is_mesh_file(path: str | PathLike[str]) -> bool:
    """Say whether a name is one of a mesh file."""
    suffix = suffix_of(Path(path))
    return suffix in FORMATS and FORMATS[suffix].read is not None
