"""Binary PLY (.ply): points with normals and triangles in mm, in a space that a comment names.

Parts stand in comments, and their colours on their points. Reading is in `ply_reader`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from volume.escaping import LABEL, escape
from volume.formats import mesh_space, ply_header
from volume.formats.raw_mesh import shades_of
from volume.progress import Progress
from volume.surface import Mesh

POINT = [("point", "<f4", 3), ("normal", "<f4", 3)]
COLOUR = [("colour", "u1", 3)]
FACE = np.dtype([("corners", "u1"), ("points", "<i4", 3)])
BATCH = 1 << 16
PART = "part "
"""Begins the comment that tells of a part, in JSON: its name, its faces, its colour."""


def write(stream: BinaryIO, mesh: Mesh, progress: Progress, space: str = "lps") -> None:
    """Write a mesh, its points shared by its triangles."""
    shades = shades_of(mesh)
    stream.write("".join(f"{line}\n" for line in _header(mesh, space)).encode("ascii"))
    points = mesh_space.turned(mesh.points, space)
    normals = mesh_space.turned(mesh.normals, space)
    for start in range(0, len(points), BATCH):
        batch = slice(start, start + BATCH)
        stream.write(_rows(points[batch], normals[batch], shades, batch).data)
    for start in range(0, len(mesh.faces), BATCH):
        faces = np.zeros(len(mesh.faces[start : start + BATCH]), FACE)
        faces["corners"] = 3
        faces["points"] = mesh.faces[start : start + BATCH]
        stream.write(faces.data)
        progress.update(len(faces))


def _rows(
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
    shades: NDArray[np.uint8] | None,
    batch: slice,
) -> NDArray[np.void]:
    rows = np.zeros(len(points), POINT if shades is None else POINT + COLOUR)
    rows["point"], rows["normal"] = points, normals
    if shades is not None:
        rows["colour"] = shades[batch]
    return rows


def _header(mesh: Mesh, space: str) -> Iterator[str]:
    """Give the lines of the header, in ASCII: JSON writes other letters as \\uXXXX."""
    yield from ("ply", "format binary_little_endian 1.0")
    yield f"comment volume {mesh_space.words(space)}"
    for part in mesh.parts:
        told = {"name": escape(part.name, LABEL), "faces": part.count, "colour": part.colour}
        yield f"comment {PART}{json.dumps(told)}"
    yield f"element vertex {len(mesh.points)}"
    coloured = any(part.colour for part in mesh.parts)
    for name in ("x", "y", "z", "nx", "ny", "nz"):
        yield f"property float {name}"
    for name in ("red", "green", "blue") if coloured else ():
        yield f"property uchar {name}"
    yield f"element face {len(mesh.faces)}"
    yield from ("property list uchar int vertex_indices", "end_header")


def triangles(stream: BinaryIO) -> int:
    """Read how many triangles a file of ours says it holds; `ValueError` where its size differs."""
    size = stream.seek(0, 2)
    stream.seek(0)
    header = ply_header.read(stream)
    points, faces = header.elements
    scalars = sum(property_.scalar.itemsize for property_ in points.properties)
    if size != stream.tell() + points.count * scalars + faces.count * FACE.itemsize:
        what = f"{points.count:,} points and {faces.count:,} triangles"
        raise ValueError(f"{what} do not fill {size:,} bytes")
    return faces.count
