"""From where values cross to pieces of surface in mm: chosen, smoothed, reduced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.errors import SurfaceError
from volume.findings import count
from volume.geometry import Geometry
from volume.processing.bodies import bodies, renumbered, surfaces
from volume.processing.crossing import Box, Crossing
from volume.processing.decimation import reduce, reduce_within
from volume.processing.measures import measure, signed_volumes
from volume.processing.smoothing import farthest, smooth, smoothing_of
from volume.processing.topology import Edges, Faces, Points

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

    @property
    def keeps_all(self) -> bool:
        """Whether no body is chosen and none told apart."""
        return self.largest is None and self.min_volume is None and not self.split

    def __post_init__(self) -> None:
        if self.reduce is not None and self.tolerance is not None:
            raise SurfaceError("a fraction and a tolerance of reduction exclude each other")
        given = (self.smooth, self.reduce, self.tolerance, self.min_volume)
        if not np.isfinite([one or 0.0 for one in given]).all():
            raise SurfaceError("what is asked of a surface is told in finite numbers")
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
    if how.keeps_all:
        return [_whole(found, geometry, how)]
    surface = surfaces(found.faces, len(found.points))
    all_bodies = bodies(found, surface)
    ranked = _ranked(found, all_bodies, how)
    found, body = _only(found, all_bodies, ranked.kept)
    points, smoothing = smoothed(found, geometry, how, lambda: body)
    told: dict[str, Any] = {"smoothing": smoothing, "dropped": ranked.dropped}
    if not how.split:
        shells = int(np.isin(all_bodies[_firsts(surface)], ranked.kept).sum())
        told |= {"components": len(ranked.kept), "shells": shells}
        one = Piece(points, found.faces, told)
        return [_finished(one, how)]
    rank = np.empty(max(len(body), int(ranked.kept.max()) + 1), np.int32)
    rank[ranked.kept] = np.arange(len(ranked.kept))
    pieces = _apart(points, found.faces, rank[body])
    return [_finished(Piece(*one, {**told, "components": 1}), how) for one in pieces]


def _whole(found: Crossing, geometry: Geometry, how: Shaping) -> Piece:
    """Smooth all bodies, and count them meanwhile: VTK does not hold the interpreter."""
    with ThreadPoolExecutor(1) as pool:
        counted = pool.submit(_counted, found)
        points, smoothing = smoothed(found, geometry, how, lambda: counted.result()[0])
        told = {"smoothing": smoothing, "dropped": None, **counted.result()[1]}
    return _finished(Piece(points, found.faces, told), how)


def _counted(found: Crossing) -> tuple[NDArray[np.int32], dict[str, Any]]:
    """Tell of every point which body it is of, and how many of them there are."""
    surface = surfaces(found.faces, len(found.points))
    body = bodies(found, surface)
    return body, {"components": len(_firsts(body)), "shells": len(_firsts(surface))}


def _firsts(lots: NDArray[np.int32]) -> NDArray[np.intp]:
    """List the things whose number their lot has."""
    return np.flatnonzero(lots == np.arange(len(lots), dtype=np.int32))


@dataclass(frozen=True)
class _Ranked:
    """The bodies that stay, largest first, and what is said of the others."""

    kept: NDArray[np.int32]
    dropped: dict[str, Any] | None


def _ranked(found: Crossing, body: NDArray[np.int32], how: Shaping) -> _Ranked:
    """Rank bodies by the volume they enclose; keep as many and as large ones as asked."""
    numbers = np.unique(body)
    sums = np.bincount(body[found.faces[:, 0]], signed_volumes(found.points, found.faces))
    millilitres = sums[numbers] / 1000
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
        border=found.border.renumbered(number),
        cut=found.cut.renumbered(number),
    )
    return chosen, body[used]


def smoothed(
    found: Crossing,
    geometry: Geometry,
    how: Shaping,
    body: Callable[[], NDArray[np.int32]] | None = None,
) -> tuple[Points, dict[str, Any] | None]:
    """Smooth a surface; what was cut off by a plane stays in it.

    Bodies that are no larger than the waves to be smoothed away would shrink to nothing, or to
    a thread: they stay as they are, where `body` tells of which each point is.
    """
    if how.smooth == 0:
        return _on_planes(found.points, found, geometry, how.clip), None
    chosen = smoothing_of(found.points, found.faces, how.smooth)
    moved = smooth(found.points, found.faces, chosen)
    moved = _on_planes(moved, found, geometry, how.clip)
    told: dict[str, Any] = {"mm": chosen.mm, "rounds": chosen.rounds}
    if body is None:
        return moved, told
    own = body()
    lost = _shrunken(found, moved, own, MOST_POINTS if how.smooth is None else len(own))
    if lost.any():
        moved[lost] = found.points[lost]
        moved = _on_planes(moved, found, geometry, how.clip)
    told["unsmoothed"] = len(np.unique(own[lost]))
    return moved, {**told, "moved_mm": farthest(found.points, moved)}


LOSS = 0.2
"""So large a share of its volume no body loses or gains by smoothing. A ball of one voxel keeps
a thousandth of it at the usual strength, one of 33 voxels 96 %, a rod one voxel thick 18 %."""
MOST_POINTS = 50_000
"""Larger bodies are not looked at for that at the usual strength: they are far larger than
its waves, and measuring them takes as long as half the smoothing."""


def _shrunken(
    found: Crossing, moved: Points, body: NDArray[np.int32], most_points: int
) -> NDArray[np.bool_]:
    """Say of every point whether smoothing takes too much of its body's volume."""
    size = np.bincount(body)
    chosen = (size <= most_points)[body]
    some = found.faces[chosen[found.faces[:, 0]]]
    used, corners = renumbered(some, len(body))
    own = body[used][corners[:, 0]]
    before, after = (
        np.bincount(own, signed_volumes(points[used], corners), minlength=len(size))
        for points in (found.points, moved)
    )
    holds = np.abs(after - before) <= LOSS * np.abs(before)
    lost = chosen
    lost[chosen] = ~holds[body[chosen]]
    return lost


def _on_planes(points: Points, found: Crossing, geometry: Geometry, box: Box | None) -> Points:
    """Put points back onto the border of the volume and the faces of the box."""
    border = found.border
    if len(border.points):
        indices = geometry.to_index(points[border.points])
        indices[np.arange(len(indices)), border.axis] = border.place
        points[border.points] = geometry.to_world(indices)
    if box is not None:
        points[found.cut.points, found.cut.axis] = found.cut.place
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


CLOSED = Edges(0, 0)
"""What flying edges make of any mask with a rim of nothing, as a test goes through all cases."""


def _finished(piece: Piece, how: Shaping) -> Piece:
    """Take triangles away, if asked, and measure what came out."""
    points, faces, told = piece.points, piece.faces, piece.told
    if how.reduce or how.tolerance is not None:
        points, faces, reduction = _reduced(piece, how)
        measured = measure(points, faces)
    else:
        reduction, measured = None, measure(points, faces, CLOSED)
    if reduction or "shells" not in told:
        told = {**told, "shells": len(_firsts(surfaces(faces, len(points))))}
    return Piece(points, faces, {**measured, **told, "reduction": reduction})


def _reduced(piece: Piece, how: Shaping) -> tuple[Points, Faces, dict[str, Any]]:
    if how.tolerance is not None:
        made, far = reduce_within(piece.points, piece.faces, how.tolerance)
    else:
        made, far = reduce(piece.points, piece.faces, how.reduce or 0)
    told = {
        "triangles_before": len(piece.faces),
        "fraction": 1 - len(made.faces) / len(piece.faces),
        "moved_mm": far.mm,
        "at_most_mm": far.at_most,
    }
    return made.points, made.faces, told


def join(pieces: Sequence[Piece]) -> tuple[Points, Faces]:
    """Set pieces behind each other."""
    if len(pieces) == 1:
        return pieces[0].points, pieces[0].faces
    first = np.cumsum([0, *(len(piece.points) for piece in pieces)])
    faces = [piece.faces + np.int32(at) for piece, at in zip(pieces, first, strict=False)]
    return np.concatenate([piece.points for piece in pieces]), np.concatenate(faces)
