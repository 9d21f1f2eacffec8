"""Binary STL (.stl): triangles in mm LPS, which the header says (`SPACE=LPS`)."""

from __future__ import annotations

import struct
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from volume.progress import Progress
from volume.surface import Mesh

HEADER = b"volume SPACE=LPS UNIT=mm"
"""80 bytes in the file. 3D Slicer reads the space here; "solid" would mean text."""
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
BATCH = 1 << 16


def write(stream: BinaryIO, mesh: Mesh, progress: Progress) -> None:
    """Write a mesh, every triangle with its own three corners and its normal."""
    stream.write(HEADER.ljust(80))
    stream.write(struct.pack("<I", len(mesh.faces)))
    for start in range(0, len(mesh.faces), BATCH):
        corners = mesh.points[mesh.faces[start : start + BATCH]]
        triangles = np.zeros(len(corners), TRIANGLE)
        triangles["corners"] = corners
        triangles["normal"] = _normals(corners)
        stream.write(triangles.data)
        progress.update(len(triangles))


def triangles(stream: BinaryIO) -> int:
    """Read how many triangles a file says it holds; `ValueError` where its size differs."""
    size = stream.seek(0, 2)
    stream.seek(len(HEADER.ljust(80)))
    (count,) = struct.unpack("<I", stream.read(4))
    if size != stream.tell() + count * TRIANGLE.itemsize:
        raise ValueError(f"{count:,} triangles do not fill {size:,} bytes")
    return int(count)


def _normals(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give (n, 3) unit normals of (n, 3, 3) corners; (0, 0, 0), as STL allows, for slivers."""
    a, b, c = (corners[:, corner].astype(float) for corner in range(3))
    across = np.cross(b - a, c - a)
    length = np.linalg.norm(across, axis=1, keepdims=True)
    return np.divide(across, length, where=length > 0, out=np.zeros_like(across)).astype(np.float32)
