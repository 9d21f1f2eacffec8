"""Wavefront OBJ (.obj): points with normals and triangles as text, in mm.

The first line, a comment, names the space. Parts are groups; their colours stand behind the
coordinates of their points, as MeshLab, Blender and VTK read them: a material would need a
second file. Reading is in `obj_reader`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from volume.atomic import safe_name
from volume.formats import mesh_space
from volume.formats.raw_mesh import shades_of
from volume.progress import Progress
from volume.surface import Mesh, Part

BATCH = 1 << 15
POINT = "v %.9g %.9g %.9g\n"
COLOURED = "v %.9g %.9g %.9g %.4f %.4f %.4f\n"
"""Nine digits hold a float32 exactly."""
NORMAL = "vn %.4f %.4f %.4f\n"
FACE = "f %d//%d %d//%d %d//%d\n"
LAST = "# %d points, %d triangles\n"


def write(stream: BinaryIO, mesh: Mesh, progress: Progress, space: str = "lps") -> None:
    """Write a mesh, its points shared by its triangles."""
    stream.write(f"# volume {mesh_space.words(space)}\n".encode("ascii"))
    _write_points(stream, mesh_space.turned(mesh.points, space), shades_of(mesh))
    _write_rows(stream, NORMAL, mesh_space.turned(mesh.normals, space))
    for part in mesh.parts or (Part("", 0, len(mesh.faces)),):
        if part.name:
            stream.write(f"g {safe_name(part.name)}\n".encode())
        for start in range(part.first, part.first + part.count, BATCH):
            faces = mesh.faces[start : min(start + BATCH, part.first + part.count)]
            _write_rows(stream, FACE, np.repeat(faces + 1, 2, axis=1))
            progress.update(len(faces))
    stream.write((LAST % (len(mesh.points), len(mesh.faces))).encode("ascii"))


def _write_points(
    stream: BinaryIO, points: NDArray[np.float32], shades: NDArray[np.uint8] | None
) -> None:
    if shades is None:
        _write_rows(stream, POINT, points)
        return
    for start in range(0, len(points), BATCH):
        batch = slice(start, start + BATCH)
        rows = np.hstack([points[batch].astype(np.float64), shades[batch] / 255])
        _write_rows(stream, COLOURED, rows)


def _write_rows(stream: BinaryIO, line: str, rows: NDArray[np.generic]) -> None:
    """Write a line for every row of numbers."""
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        stream.write((line * len(batch) % tuple(batch.ravel().tolist())).encode("ascii"))


def triangles(stream: BinaryIO) -> int:
    """Count the triangles of a file of ours, against its last line; `ValueError` where it differs.

    The file is text, so that nothing less than all of it tells its size.
    """
    stream.seek(0)
    counts = {b"v ": 0, b"f ": 0}
    last = b""
    for line in _lines(stream):
        last = line
        if line[:2] in counts:
            counts[line[:2]] += 1
    if last.decode("ascii", "replace") != LAST % (counts[b"v "], counts[b"f "]):
        raise ValueError("the lines are not as many as the last of them says")
    return counts[b"f "]


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    while line := stream.readline(LONGEST_LINE):
        yield line


LONGEST_LINE = 1000
