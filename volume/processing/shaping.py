"""From where values cross to pieces of surface in mm: chosen, smoothed, reduced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.errors import SurfaceError
from volume.findings import count
from volume.geometry import Geometry
from volume.processing.bodies import bodies, renumbered, surfaces
from volume.processing.crossing import Box, Crossing, Pins
from volume.processing.decimation import reduce, reduce_within
from volume.processing.measures import signed_volumes
from volume.processing.smoothing import farthest, smooth, smoothing_of
from volume.processing.topology import Faces, Points

MOST_PARTS = 256
"""Of a body that is split; noise gives thousands."""


@dataclass(frozen=True)
class Shaping:
    """What is to become of a surface.

    `smooth` is the wave length in mm below which waves fade, None for the usual, 0 for none;
    `reduce` the fraction of the triangles to take away, or `tolerance` how far in mm it may
    move; `largest` how many bodies stay, `min_volume` how many mL each has at least.
    """

    smooth: float | None = None
    reduce: float | None = None
    tolerance: float | None = None
    largest: int | None = None
    min_volume: float | None = None
    clip: Box | None = None
    split: bool = False

    def __post_init__(self) -> None:
        if self.reduce is not None and self.tolerance is not None:
            raise SurfaceError("a fraction and a tolerance of reduction exclude each other")
        for wrong, what in (
            (
                not 0 <= (self.reduce or 0) < 1,
                f"a fraction lies between 0 and 1, not {self.reduce}",
            ),
            ((self.tolerance or 0) < 0, "a tolerance is some mm"),
            ((self.smooth or 0) < 0, "smoothing is some mm, 0 for none"),
            ((self.min_volume or 0) < 0, "a volume is some mL"),
            (self.largest is not None and self.largest < 1, "the largest are one or more"),
        ):
            if wrong:
                raise SurfaceError(what)


@dataclass(frozen=True)
class Piece:
    """A surface in mm LPS, or one body of several; `told` is what was done to it."""

    points: Points
    faces: Faces
    told: dict[str, Any]


def shape(found: Crossing, geometry: Geometry, how: Shaping) -> list[Piece]:
    """Choose bodies, smooth them, and take triangles away: one piece, or one a body."""
    surface = surfaces(found.faces, len(found.points))
    body = bodies(found, surface)
    ranked = _ranked(found, body, geometry, how)
    found, body = _only(found, body, ranked.kept)
    points, faces = _in_patient(found, geometry)
    points, smoothing = _smoothed(points, faces, found.pins, geometry, how)
    told = {"smoothing": smoothing, "dropped": ranked.dropped}
    if not how.split:
        one = Piece(points, faces, {**told, "components": len(ranked.kept)})
        return [_reduced(one, how)]
    rank = np.empty(max(len(body), int(ranked.kept.max()) + 1), np.int32)
    rank[ranked.kept] = np.arange(len(ranked.kept))
    pieces = _apart(points, faces, rank[body])
    return [_reduced(Piece(*one, {**told, "components": 1}), how) for one in pieces]


@dataclass(frozen=True)
class _Ranked:
    """The bodies that stay, largest first, and what is said of the others."""

    kept: NDArray[np.int32]
    dropped: dict[str, Any] | None


def _ranked(found: Crossing, body: NDArray[np.int32], geometry: Geometry, how: Shaping) -> _Ranked:
    """Rank bodies by the volume they enclose; keep as many and as large ones as asked."""
    numbers = np.unique(body)
    if how.largest is None and how.min_volume is None and not how.split:
        return _Ranked(numbers, None)
    voxel_ml = abs(float(np.linalg.det(geometry.affine[:3, :3]))) / 1000
    sums = np.bincount(body[found.faces[:, 0]], signed_volumes(found.points, found.faces))
    millilitres = sums[numbers] * voxel_ml
    order = np.argsort(-millilitres, kind="stable")
    kept = order[millilitres[order] >= (how.min_volume or 0)][: how.largest]
    if not len(kept):
        raise SurfaceError(
            f"no body has {how.min_volume:g} mL: the largest of {len(numbers)} has"
            f" {millilitres.max():.3g} mL",
            remedy="choose less with {min-volume=ML}",
        )
    if how.split and len(kept) > MOST_PARTS:
        raise SurfaceError(
            f"there are {count(len(kept), 'body').replace('bodys', 'bodies')} to split,"
            f" {MOST_PARTS} at most are written",
            remedy="choose some with {largest=N} or {min-volume=ML}",
        )
    left = np.setdiff1d(order, kept)
    dropped = {"components": len(left), "volume_ml": float(millilitres[left].sum())}
    return _Ranked(numbers[kept], dropped if len(left) else None)


def _only(
    found: Crossing, body: NDArray[np.int32], kept: NDArray[np.int32]
) -> tuple[Crossing, NDArray[np.int32]]:
    """Take the bodies that stay."""
    stays = np.zeros(len(body), bool)
    stays[kept] = True
    stays = stays[body]
    if stays.all():
        return found, body
    used, faces = renumbered(found.faces[stays[found.faces[:, 0]]], len(body))
    number = np.full(len(body), -1, np.intp)
    number[used] = np.arange(len(used))
    chosen = replace(
        found,
        points=found.points[used],
        faces=faces,
        inner=found.inner[used],
        axis=found.axis[used],
        forward=found.forward[used],
        pins=Pins(_renumber(found.pins.index, number), _renumber(found.pins.world, number)),
    )
    return chosen, body[used]


Pinned = tuple[NDArray[np.intp], NDArray[np.int8], NDArray[np.float64]]


def _renumber(pinned: Pinned, number: NDArray[np.intp]) -> Pinned:
    points, axis, place = pinned
    kept = number[points] >= 0
    return number[points[kept]], axis[kept], place[kept]


def _in_patient(found: Crossing, geometry: Geometry) -> tuple[Points, Faces]:
    """Place a surface in mm LPS; where the grid is left-handed the corners change their order."""
    handed = np.linalg.det(geometry.affine[:3, :3]) > 0
    faces = found.faces if handed else np.ascontiguousarray(found.faces[:, ::-1])
    return geometry.to_world(found.points).astype(np.float32), faces


def _smoothed(
    points: Points, faces: Faces, pins: Pins, geometry: Geometry, how: Shaping
) -> tuple[Points, dict[str, Any] | None]:
    """Smooth a surface; what was cut off by a plane stays in it."""
    if how.smooth == 0:
        return _on_planes(points, pins, geometry, how.clip), None
    chosen = smoothing_of(points, faces, how.smooth)
    moved = _on_planes(smooth(points, faces, chosen), pins, geometry, how.clip)
    told = {"mm": chosen.mm, "rounds": chosen.rounds, "moved_mm": farthest(points, moved)}
    return moved, told


def _on_planes(points: Points, pins: Pins, geometry: Geometry, box: Box | None) -> Points:
    """Put points back onto the border of the volume and the faces of the box."""
    points = points.copy()
    pinned, axis, place = pins.index
    if len(pinned):
        indices = geometry.to_index(points[pinned])
        indices[np.arange(len(pinned)), axis] = place
        points[pinned] = geometry.to_world(indices)
    if box is not None:
        pinned, axis, place = pins.world
        points[pinned, axis] = place
        np.clip(points, box[::2], box[1::2], out=points)
    return points


def _apart(points: Points, faces: Faces, rank: NDArray[np.int32]) -> list[tuple[Points, Faces]]:
    """Part bodies, in the order of their ranks."""
    own = rank[faces[:, 0]]
    order = np.argsort(own, kind="stable")
    ends = np.cumsum(np.bincount(own))
    parts = []
    for some in np.split(faces[order], ends[:-1]):
        used, corners = renumbered(some, len(points))
        parts.append((points[used], corners))
    return parts


def _reduced(piece: Piece, how: Shaping) -> Piece:
    if not how.reduce and how.tolerance is None:
        return replace(piece, told={**piece.told, "reduction": None})
    if how.tolerance is not None:
        made, far = reduce_within(piece.points, piece.faces, how.tolerance)
    else:
        made, far = reduce(piece.points, piece.faces, how.reduce or 0)
    told = {
        "triangles_before": len(piece.faces),
        "fraction": 1 - len(made.faces) / len(piece.faces),
        "moved_mm": far,
    }
    return Piece(made.points, made.faces, {**piece.told, "reduction": told})


def join(pieces: Sequence[Piece]) -> tuple[Points, Faces]:
    """Set pieces behind each other."""
    if len(pieces) == 1:
        return pieces[0].points, pieces[0].faces
    first = np.cumsum([0, *(len(piece.points) for piece in pieces)])
    faces = [piece.faces + np.int32(at) for piece, at in zip(pieces, first, strict=False)]
    return np.concatenate([piece.points for piece in pieces]), np.concatenate(faces)
