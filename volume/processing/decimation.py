"""Fewer triangles for the same surface, and how far that took it.

By quadric edge collapse (Garland and Heckbert 1997, in Sven Forstmann's fast version).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from volume.processing.bodies import renumbered, surfaces
from volume.processing.edge_collapse import Collapse, collapse, follow
from volume.processing.nearness import Reduced, beyond, farthest_from, unreduced
from volume.processing.patches import Distance
from volume.processing.stretches import collapse_stretches
from volume.processing.topology import Faces, Points, repair

FEWEST = 64
"""A closed surface of fewer faces keeps them all: it would collapse to nothing."""
LEAST = 32
"""Of the others so many stay on average at least."""
HALF = 0.5
ROUNDS, HALVINGS = 8, 7
"""Of the search for as few triangles as a tolerance allows."""
STRAYS = 0.02
"""Where a larger share of the faces goes too far, the fraction is too high."""
WORTH_WHILE = 0.97


def reduce(points: Points, faces: Faces, fraction: float) -> tuple[Reduced, Distance]:
    """Take away a fraction of the triangles; give how far the surfaces are apart.

    Every closed surface stays, so that less is taken away where there are many small ones.
    """
    made = take_away(points, faces, fraction)
    return made, farthest_from(points, faces, made)


def take_away(points: Points, faces: Faces, fraction: float) -> Reduced:
    """Take away a fraction of the triangles, and do not look how far that goes."""
    return _reduce(unreduced(points, faces), fraction)


def reduce_within(points: Points, faces: Faces, mm: float) -> tuple[Reduced, Distance]:
    """Take away triangles while the surfaces lie within `mm` of each other; give how far.

    Where some faces go too far, these and those round them stay as they were.
    """
    whole = unreduced(points, faces)
    fraction, best = _promising(whole, mm)
    frozen = np.zeros(len(faces), bool)
    for number in range(ROUNDS):
        made = _reduce(whole, fraction, frozen)
        if len(made.faces) > WORTH_WHILE * len(best.faces):
            break
        strays = beyond(points, faces, made, mm)
        if not strays.any():
            best = made
            break
        frozen |= _with_rings(faces, len(points), strays, 1 + number // 2)
    return best, farthest_from(points, faces, best)


def _promising(whole: Reduced, mm: float) -> tuple[float, Reduced]:
    """Halve triangles until many go too far: the fraction before that, and what took none."""
    fewest = best = whole
    for _ in range(HALVINGS):
        tried = _reduce(fewest, HALF)
        if len(tried.faces) > WORTH_WHILE * len(fewest.faces):
            break
        strays = beyond(whole.points, whole.faces, tried, mm)
        if strays.mean() > STRAYS:
            break
        fewest = tried
        best = best if strays.any() else tried
    return max(1 - len(fewest.faces) / len(whole.faces), HALF / 2), best


def _with_rings(
    faces: Faces, points: int, some: NDArray[np.bool_], rings: int
) -> NDArray[np.bool_]:
    """Add the faces that touch some faces, and those that touch these, and so on."""
    for _ in range(rings):
        touched = np.zeros(points, bool)
        touched[faces[some]] = True
        some = np.asarray(touched[faces].any(axis=1))
    return some


def _reduce(given: Reduced, fraction: float, frozen: NDArray[np.bool_] | None = None) -> Reduced:
    """Reduce further, but for frozen faces and for surfaces that would vanish."""
    faces = given.faces
    surface = surfaces(faces, len(given.points))
    large, wanted = _reducible(faces, surface, fraction, frozen)
    if not len(large) or wanted >= len(large):
        return given
    has_rim = frozen is not None and bool(frozen.any())
    made = _collapsed(given.points, faces, large, 1 - wanted / len(large), has_rim)
    left = np.zeros(len(given.points), bool)
    left[surface[np.flatnonzero(made.became >= 0)]] = True
    whole = ~left[surface[faces[:, 0]]]
    whole |= _others(large, len(faces))
    return _joined(given, made, np.flatnonzero(whole).astype(np.int32))


def _reducible(
    faces: Faces,
    surface: NDArray[np.int32],
    fraction: float,
    frozen: NDArray[np.bool_] | None,
) -> tuple[NDArray[np.int32], float]:
    """List the faces of which some are to go, and say how many of them are to stay."""
    own = surface[faces[:, 0]]
    count = np.bincount(own, minlength=len(surface))
    kept = count[own] < FEWEST
    if frozen is not None:
        kept |= frozen
    large = np.flatnonzero(~kept).astype(np.int32)
    wanted = (1 - fraction) * len(large)
    if frozen is None:
        wanted -= fraction * np.count_nonzero(kept)
    return large, max(wanted, LEAST * int(np.count_nonzero(count >= FEWEST)))


def _others(some: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    others = np.ones(count, bool)
    others[some] = False
    return others


def _collapsed(
    points: Points, faces: Faces, some: NDArray[np.int32], fraction: float, has_rim: bool
) -> Reduced:
    """Collapse edges until a fraction of some faces is gone.

    The library takes some 250 bytes a face: large surfaces are first collapsed stretch by
    stretch of faces, which lie together, each with its rim left alone.
    """
    work = _Work(points, faces, some)
    wanted = (1 - fraction) * len(some)
    if len(some) > AT_A_TIME:
        work.collapse_stretches(min(fraction, FIRST_ROUND))
        fraction = 1 - wanted / len(work.source)
    if fraction > 0:
        work.collapse(fraction, has_rim)
    follow(work.became)
    used, corners = renumbered(work.faces, len(points))
    number = np.full(len(points), -1, np.int32)
    number[used] = np.arange(len(used), dtype=np.int32)
    return Reduced(work.points[used], corners, number[work.became], work.source)


AT_A_TIME = 250_000
FIRST_ROUND = 0.85
"""So much is taken away at most before the rims of the stretches are collapsed, too."""


class _Work:
    """Some faces whose edges are being collapsed: their points move, and they become fewer."""

    def __init__(self, points: Points, faces: Faces, some: NDArray[np.int32]) -> None:
        self.points, self.given = points.copy(), faces
        self.became = np.arange(len(points), dtype=np.int32)
        self.source = some

    def collapse_stretches(self, fraction: float) -> None:
        """Collapse edges stretch by stretch, none of which touches what another one moves."""
        points, count = self.points.copy(), -(-len(self.source) // AT_A_TIME)

        def stretch(number: int) -> tuple[Points, Faces]:
            used, corners = renumbered(self._part(number), len(points))
            return points[used], corners

        parts = [
            self._done(self._part(number), made, number * AT_A_TIME)
            for number, made in enumerate(collapse_stretches(count, stretch, AT_A_TIME, fraction))
        ]
        self.faces, left = (np.concatenate(some) for some in zip(*parts, strict=True))
        self.source = self.source[left]

    def _part(self, number: int) -> Faces:
        return self.given[self.source[number * AT_A_TIME : (number + 1) * AT_A_TIME]]

    def collapse(self, fraction: float, has_rim: bool) -> None:
        """Collapse edges everywhere, but for those at a rim."""
        used, corners = renumbered(self.faces, len(self.points))
        made = collapse(self.points[used], corners, fraction, has_rim)
        self.faces, left = self._done(self.faces, made, 0)
        self.source = self.source[left]

    @cached_property
    def faces(self) -> Faces:
        """The faces that are left."""
        return self.given[self.source]

    def _done(self, faces: Faces, made: Collapse, first: int) -> tuple[Faces, NDArray[np.int32]]:
        """Move the points of some faces; give the faces that are left, and their numbers."""
        used, corners = renumbered(faces, len(self.points))
        left = np.flatnonzero(made.whole(corners)).astype(np.int32)
        corners = made.own[corners[left]]
        stands = np.zeros(len(used), bool)
        stands[corners] = True
        self.points[used[stands]] = made.moved
        gone = np.flatnonzero(made.own != np.arange(len(used), dtype=np.int32))
        self.became[used[gone]] = used[made.own[gone]]
        return used[corners].astype(np.int32), left + np.int32(first)


def _without_lost(became: NDArray[np.int32], faces: Faces) -> NDArray[np.int32]:
    """Forget the points that no face has after the repair."""
    has_face = np.zeros(max(int(became.max()), int(faces.max(initial=-1))) + 2, bool)
    has_face[faces] = True
    return np.where(has_face[became], became, np.int32(-1))


def _joined(given: Reduced, made: Reduced, whole: NDArray[np.int32]) -> Reduced:
    """Set the faces that stay as they were beside the collapsed ones, and part what touches."""
    touched = np.zeros(len(given.points), bool)
    touched[given.faces[whole]] = True
    added = np.flatnonzero(touched & (made.became < 0))
    became = made.became.copy()
    became[added] = np.arange(len(added), dtype=np.int32) + np.int32(len(made.points))
    points, faces, own = repair(
        np.concatenate((made.points, given.points[added])),
        np.concatenate((made.faces, became[given.faces[whole]])),
    )
    source = np.concatenate((made.source, whole))[own]
    of_given = np.where(given.became < 0, np.int32(-1), became[given.became])
    return Reduced(points, faces, _without_lost(of_given, faces), given.source[source])
