"""STL (.stl): triangles in mm, in the space that the header names (`SPACE=LPS`).

Written binary, read binary or as text. A triangle has its own three corners: reading makes
one point of those at the same place.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from volume.formats import mesh_space, text_lines
from volume.formats.raw_mesh import RawMesh
from volume.progress import Progress
from volume.surface import Mesh

HEADER_BYTES = 80
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
BATCH = 1 << 16


def write(stream: BinaryIO, mesh: Mesh, progress: Progress, space: str = "lps") -> None:
    """Write a mesh, every triangle with its own three corners and its normal.

    The header does not begin with "solid", which would mean text.
    """
    stream.write(f"volume {mesh_space.words(space)}".encode("ascii").ljust(HEADER_BYTES))
    stream.write(struct.pack("<I", len(mesh.faces)))
    points = mesh_space.turned(mesh.points, space)
    for start in range(0, len(mesh.faces), BATCH):
        corners = points[mesh.faces[start : start + BATCH]]
        triangles = np.zeros(len(corners), TRIANGLE)
        triangles["corners"] = corners
        triangles["normal"] = _normals(corners)
        stream.write(triangles.data)
        progress.update(len(triangles))


def triangles(stream: BinaryIO) -> int:
    """Read how many triangles a file says it holds; `ValueError` where its size differs."""
    size = stream.seek(0, 2)
    stream.seek(HEADER_BYTES)
    (count,) = struct.unpack("<I", stream.read(4))
    if size != stream.tell() + count * TRIANGLE.itemsize:
        raise ValueError(f"{count:,} triangles do not fill {size:,} bytes")
    return int(count)


def read(stream: BinaryIO) -> RawMesh:
    """Read a file, binary where its size says so: many of those begin with "solid" too."""
    size = stream.seek(0, 2)
    stream.seek(0)
    head = stream.read(HEADER_BYTES)
    if size >= HEADER_BYTES + 4:
        try:
            count = triangles(stream)
        except ValueError:
            if head.lstrip()[:5].lower() != b"solid":
                raise
        else:
            return _mesh(_binary_corners(stream, count), head.decode("latin-1"))
    if head.lstrip()[:5].lower() != b"solid":
        raise ValueError("it is no STL: neither as long as a binary one says, nor text")
    stream.seek(0)
    name = stream.readline(LONGEST_NAME).decode("latin-1")
    stream.seek(0)
    return _mesh(_text_corners(text_lines.batches(stream)), name)


LONGEST_NAME = 1000


def _mesh(corners: NDArray[np.float32], header: str) -> RawMesh:
    return RawMesh(*_shared(corners), told=mesh_space.told_in(header))


def _binary_corners(stream: BinaryIO, count: int) -> NDArray[np.float32]:
    """Read the (count, 3, 3) corners, which the file was seen to have room for."""
    corners = np.empty((count, 3, 3), np.float32)
    for start in range(0, count, BATCH):
        wanted = min(BATCH, count - start)
        content = stream.read(wanted * TRIANGLE.itemsize)
        corners[start : start + wanted] = np.frombuffer(content, TRIANGLE)["corners"]
    return corners


TRIANGLE_OF_TEXT = (b"facet", b"outer", b"vertex", b"vertex", b"vertex", b"endloop", b"endfacet")
AROUND = frozenset((b"solid", b"endsolid"))


def _text_corners(batches: Iterable[list[bytes]]) -> NDArray[np.float32]:
    """Read the (n, 3, 3) corners of a text, line by line as they must follow one another."""
    found: list[NDArray[np.float32]] = []
    seen, ended = 0, False
    for lines in batches:
        split = [words for line in lines if (words := line.split())]
        keys = [words[0].lower() for words in split]
        ended = keys[-1] == b"endsolid" if keys else ended
        inner = [key for key in keys if key not in AROUND]
        for n, key in enumerate(inner, seen):
            if key != TRIANGLE_OF_TEXT[n % len(TRIANGLE_OF_TEXT)]:
                raise ValueError(f"it is no STL: {key[:20]!r} stands where no such word belongs")
        seen += len(inner)
        places = [words[1:] for key, words in zip(keys, split, strict=True) if key == b"vertex"]
        if any(len(place) != 3 for place in places):
            raise ValueError("a corner of its triangles has not three numbers")
        found.append(np.array(places, np.float64).reshape(-1, 3).astype(np.float32))
    if seen % len(TRIANGLE_OF_TEXT) or not ended:
        raise ValueError("its text ends in the middle")
    return np.concatenate(found).reshape(-1, 3, 3)


def _shared(corners: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Make one point of corners at the same place: (n, 3) points, (m, 3) faces.

    Points come in the order in which they are first named.
    """
    flat = corners.reshape(-1, 3) + np.float32(0)  # -0 is 0
    order = np.argsort(_keys(flat), kind="stable")
    ordered = flat[order]
    begins = np.ones(len(flat), bool)
    begins[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    first = order[begins]
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    faces = np.empty(len(flat), np.int64)
    faces[order] = rank[np.cumsum(begins) - 1]
    return flat[np.sort(first)], faces.reshape(-1, 3)


def _keys(points: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Give a number for each point, the same for the same place: three times as fast to sort."""
    bits = points.view(np.uint32).astype(np.uint64)
    return (bits * MIXED).sum(axis=1, dtype=np.uint64)


MIXED = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
"""Odd numbers of 64 bits (of the golden ratio; of xxHash). Where two places have one key, a
point may be there twice, which harms nothing."""


def _normals(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give (n, 3) unit normals of (n, 3, 3) corners; (0, 0, 0), as STL allows, for slivers."""
    a, b, c = (corners[:, corner].astype(float) for corner in range(3))
    across = np.cross(b - a, c - a)
    length = np.linalg.norm(across, axis=1, keepdims=True)
    return np.divide(across, length, where=length > 0, out=np.zeros_like(across)).astype(np.float32)
