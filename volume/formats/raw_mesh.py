"""What a mesh file holds before it is known to be sound, and the mesh that is made of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.escaping import LABEL, escape
from volume.findings import Finding, warning
from volume.formats.mesh_space import Told, turned
from volume.surface import Mesh, Part

FARTHEST_MM = 1e7
"""No patient lies ten kilometres from the origin, and float32 tells no mm apart there."""
MOST_PARTS = 1 << 16
Piece = tuple[str, int, tuple[float, float, float] | None]
"""The name, the number of faces and the colour of a part."""


@dataclass(frozen=True, eq=False)
class RawMesh:
    """Points (n, 3) and corners of triangles (m, 3) as a file has them, unchecked.

    `pieces` follow one another in the order of the faces and may share points; `assumed`
    says what of the place the file leaves open, where that is not LPS.
    """

    points: NDArray[Any]
    faces: NDArray[Any]
    pieces: tuple[Piece, ...] = ()
    told: Told = field(default_factory=Told)
    assumed: str = ""


def settle(raw: RawMesh, format_: str, assumed_space: str) -> Mesh:
    """Check a mesh, put it into LPS mm, and give its points normals.

    Raises `ValueError` for what cannot be: corners that are no points, places that are no
    numbers, nothing to see.
    """
    faces = _checked_faces(raw)
    space = raw.told.space or assumed_space
    points = _checked_points(raw.points, raw.told.unit_mm, space)
    points, faces = _apart(points, faces, raw.pieces)
    said = _said_of_space(raw, space)
    report = {
        "format": format_,
        "space": space.upper(),
        "space_told": not said,
        "triangles": len(faces),
        "points": len(points),
        "findings": [finding.as_json() for finding in said],
    }
    return Mesh(points, faces, normals_of(points, faces), report, _parts(raw.pieces))


def _said_of_space(raw: RawMesh, space: str) -> tuple[Finding, ...]:
    if raw.told.space:
        return ()
    what = raw.assumed or f"{space.upper()} in mm is assumed, as 3D Slicer has it"
    text = f"the mesh does not say where its points lie: {what}"
    return (warning("space-assumed", text, evidence={"space": space.upper()}),)


def _checked_faces(raw: RawMesh) -> NDArray[np.int32]:
    faces, count = raw.faces, len(raw.points)
    if len(faces) == 0:
        raise ValueError("there are no triangles in it")
    if len(raw.pieces) > MOST_PARTS:
        raise ValueError(f"a mesh of {len(raw.pieces):,} parts is not read")
    if faces.min() < 0 or faces.max() >= count:
        raise ValueError(f"its faces name points that are not there ({count:,} are)")
    return faces.astype(np.int32)


def _checked_points(points: NDArray[Any], unit_mm: float, space: str) -> NDArray[np.float32]:
    """Take points to LPS mm as float32; NaN is beyond every limit too."""
    places = points if points.dtype.kind == "f" else points.astype(np.float64)
    if not (np.abs(places) <= FARTHEST_MM / max(1, unit_mm)).all():
        raise ValueError("its points lie at places that cannot be: no numbers, or over 10 km off")
    return turned(places * unit_mm if unit_mm != 1 else places, space).astype(np.float32)


def _parts(pieces: Iterable[Piece]) -> tuple[Part, ...]:
    parts: list[Part] = []
    first = 0
    for name, count, colour in pieces:
        parts.append(Part(escape(name, LABEL), first, count, colour))
        first += count
    return tuple(parts)


def _apart(
    points: NDArray[np.float32], faces: NDArray[np.int32], pieces: tuple[Piece, ...]
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Give every part points of its own, where parts share some."""
    if len(pieces) < 2:
        return points, faces
    number = np.repeat(np.arange(len(pieces)), [count for _, count, _ in pieces])
    keys = (number[:, None] * len(points) + faces).reshape(-1)
    own, corners = np.unique(keys, return_inverse=True)
    if len(own) == len(np.unique(own % len(points))):
        return points, faces
    return points[own % len(points)], corners.reshape(-1, 3).astype(np.int32)


def normals_of(points: NDArray[np.float32], faces: NDArray[np.int32]) -> NDArray[np.float32]:
    """Give every point the mean of its faces' normals by area; (0, 0, 0) where that is none."""
    a, b, c = (points[faces[:, corner]].astype(np.float64) for corner in range(3))
    across = np.cross(b - a, c - a)
    total = np.zeros((len(points), 3))
    for axis in range(3):
        for corner in range(3):
            total[:, axis] += np.bincount(
                faces[:, corner], weights=across[:, axis], minlength=len(points)
            )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.divide(total, length, where=length > 0, out=total).astype(np.float32)


def triangles_of(counts: NDArray[Any], corners: NDArray[Any]) -> NDArray[Any]:
    """Cut polygons, each of so many of the `corners`, into fans of triangles: (m, 3).

    Raises `ValueError` where a polygon has fewer than three corners.
    """
    if len(counts) == 0:
        return np.zeros((0, 3), corners.dtype)
    if counts.min() < 3:
        raise ValueError(f"one of its faces has {counts.min()} corners")
    if counts.max() == 3:
        return corners.reshape(-1, 3)
    fans = counts - 2
    begin = np.repeat(np.cumsum(counts) - counts, fans)
    step = np.arange(fans.sum()) - np.repeat(np.cumsum(fans) - fans, fans)
    return corners[np.stack([begin, begin + step + 1, begin + step + 2], axis=1)]


def colour_of(shades: NDArray[Any] | None) -> tuple[float, float, float] | None:
    """Give the one colour, 0 to 1, of (n, 3) bytes; None where there are several or none."""
    if shades is None or len(shades) == 0 or (shades != shades[0]).any():
        return None
    red, green, blue = (float(shade) / 255 for shade in shades[0])
    return red, green, blue


PLAIN = (0.8, 0.8, 0.8)
"""Of a part without a colour in a format that gives every point one."""


def shades_of(mesh: Mesh) -> NDArray[np.uint8] | None:
    """Give every point its part's colour as (n, 3) bytes; None where no part has one."""
    if not any(part.colour for part in mesh.parts):
        return None
    shades = np.empty((len(mesh.points), 3), np.uint8)
    for part in mesh.parts:
        shades[mesh.faces[part.first : part.first + part.count]] = shade_of(part)
    return shades


def shade_of(part: Part) -> NDArray[np.uint8]:
    """Give a part's colour as three bytes."""
    return np.rint(np.clip(part.colour or PLAIN, 0, 1) * 255).astype(np.uint8)


def pieces_told(documents: Iterable[Any], faces: int) -> tuple[Piece, ...]:
    """Take parts from what a file of ours says of them; none where that is not so of its faces."""
    pieces: list[Piece] = []
    for told in documents:
        if not isinstance(told, dict):
            return ()
        name, count, colour = told.get("name"), told.get("faces"), told.get("colour")
        if not isinstance(name, str) or type(count) is not int or count < 0:
            return ()
        pieces.append((name, count, colour_told(colour)))
    return tuple(pieces) if sum(count for _, count, _ in pieces) == faces else ()


def colour_told(told: Any) -> tuple[float, float, float] | None:
    """Give a colour of three numbers from 0 to 1; None of anything else."""
    if not isinstance(told, (list, tuple)) or len(told) != 3:
        return None
    if not all(type(shade) in (int, float) and 0 <= shade <= 1 for shade in told):
        return None
    return float(told[0]), float(told[1]), float(told[2])
