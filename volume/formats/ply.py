"""Binary PLY (.ply): points with normals and triangles in mm LPS, which a comment says."""

from __future__ import annotations

import re
from typing import BinaryIO

import numpy as np

from volume.progress import Progress
from volume.surface import Mesh

HEADER = """\
ply
format binary_little_endian 1.0
comment volume SPACE=LPS UNIT=mm
element vertex {points}
property float x
property float y
property float z
property float nx
property float ny
property float nz
element face {faces}
property list uchar int vertex_indices
end_header
"""
POINT = np.dtype([("point", "<f4", 3), ("normal", "<f4", 3)])
FACE = np.dtype([("corners", "u1"), ("points", "<i4", 3)])
BATCH = 1 << 16
END = b"end_header\n"
LONGEST_COUNT = 20


def write(stream: BinaryIO, mesh: Mesh, progress: Progress) -> None:
    """Write a mesh, its points shared by its triangles."""
    header = HEADER.format(points=len(mesh.points), faces=len(mesh.faces))
    stream.write(header.encode("ascii"))
    for start in range(0, len(mesh.points), BATCH):
        points = np.zeros(len(mesh.points[start : start + BATCH]), POINT)
        points["point"] = mesh.points[start : start + BATCH]
        points["normal"] = mesh.normals[start : start + BATCH]
        stream.write(points.data)
    for start in range(0, len(mesh.faces), BATCH):
        faces = np.zeros(len(mesh.faces[start : start + BATCH]), FACE)
        faces["corners"] = 3
        faces["points"] = mesh.faces[start : start + BATCH]
        stream.write(faces.data)
        progress.update(len(faces))


def triangles(stream: BinaryIO) -> int:
    """Read how many triangles a file of ours says it holds; `ValueError` where its size differs."""
    size = stream.seek(0, 2)
    stream.seek(0)
    header = stream.read(len(HEADER) + 2 * LONGEST_COUNT).partition(END)[0] + END
    counts = re.findall(rb"^element (?:vertex|face) (\d+)$", header, re.MULTILINE)
    points, faces = (int(count) for count in counts)
    if size != len(header) + points * POINT.itemsize + faces * FACE.itemsize:
        raise ValueError(f"{points:,} points and {faces:,} triangles do not fill {size:,} bytes")
    return faces
