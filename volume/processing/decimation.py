"""Fewer triangles for the same surface, and how far that took it.

By quadric edge collapse (Garland and Heckbert 1997, in Sven Forstmann's fast version).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from volume.processing.bodies import renumbered, surfaces
from volume.processing.nearness import Reduced, beyond, farthest_from
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


def reduce(points: Points, faces: Faces, fraction: float) -> tuple[Reduced, float]:
    """Take away a fraction of the triangles; give the mm between the surfaces at most.

    Every closed surface stays, so that less is taken away where there are many small ones.
    """
    made = _reduce(Reduced(points, faces, np.arange(len(points))), fraction)
    return made, farthest_from(points, faces, made)


def reduce_within(points: Points, faces: Faces, mm: float) -> tuple[Reduced, float]:
    """Take away triangles while the surfaces lie within `mm` of each other; give how far.

    Where some faces go too far, these and those round them stay as they were.
    """
    whole = Reduced(points, faces, np.arange(len(points)))
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
    own = surface[faces[:, 0]]
    count = np.bincount(own, minlength=len(given.points))
    kept = count[own] < FEWEST
    if frozen is not None:
        kept |= frozen
    large = faces[~kept]
    wanted = (1 - fraction) * len(large)
    if frozen is None:
        wanted -= fraction * np.count_nonzero(kept)
    wanted = max(wanted, LEAST * int(np.count_nonzero(count >= FEWEST)))
    if not len(large) or wanted >= len(large):
        return given
    has_rim = frozen is not None and bool(frozen.any())
    points, fewer, became = _collapse(given.points, large, 1 - wanted / len(large), has_rim)
    left = np.zeros(len(given.points), bool)
    left[surface[np.flatnonzero(became >= 0)]] = True
    return _joined(given, (points, fewer, became), faces[kept | ~left[own]])


Collapsed = tuple[Points, Faces, NDArray[np.intp]]


def _collapse(points: Points, faces: Faces, fraction: float, has_rim: bool) -> Collapsed:
    """Collapse edges, and say what every point became; -1: nothing.

    The library takes some 250 bytes a face: large surfaces are first collapsed stretch by
    stretch of faces, which lie together, each with its rim left alone.
    """
    kept = np.arange(len(points))
    points, wanted = points.copy(), (1 - fraction) * len(faces)
    if len(faces) > AT_A_TIME:
        first = min(fraction, FIRST_ROUND)
        stretches = range(0, len(faces), AT_A_TIME)
        faces = np.concatenate(
            [_collapsed(points, faces[n : n + AT_A_TIME], first, kept, True) for n in stretches]
        )
        fraction = 1 - wanted / len(faces)
    if fraction > 0:
        faces = _collapsed(points, faces, fraction, kept, has_rim)
    _follow(kept)
    used, corners = renumbered(faces, len(points))
    number = np.full(len(points), -1, np.intp)
    number[used] = np.arange(len(used))
    return points[used], corners, number[kept]


AT_A_TIME = 250_000
FIRST_ROUND = 0.85
"""So much is taken away at most before the rims of the stretches are collapsed, too."""


def _collapsed(
    points: Points, faces: Faces, fraction: float, kept: NDArray[np.intp], has_rim: bool
) -> Faces:
    """Collapse edges: moves `points`, notes in `kept` into which each went, gives the faces."""
    import fast_simplification

    used, corners = renumbered(faces, len(points))
    moved, left, collapses = fast_simplification.simplify(
        points[used], corners, fraction, return_collapses=True, preserve_border=has_rim
    )
    own = np.arange(len(used))
    own[collapses[:, 1]] = collapses[:, 0]
    _follow(own)
    a, b, c = (own[corner] for corner in corners.T)
    whole = (a != b) & (b != c) & (c != a)
    stands = np.zeros(len(used), bool)
    for corner in (a, b, c):
        stands[corner[whole]] = True
    standing = used[stands]
    points[standing] = moved
    gone = own != np.arange(len(used))
    kept[used[gone]] = used[own[gone]]
    return standing[left].astype(np.int32)


def _follow(kept: NDArray[np.intp]) -> None:
    """Follow every point into those that it was collapsed into."""
    while not np.array_equal(kept, further := kept[kept]):
        kept[:] = further


def _without_lost(became: NDArray[np.intp], faces: Faces) -> NDArray[np.intp]:
    """Forget the points that no face has after the repair."""
    has_face = np.zeros(max(int(became.max()), int(faces.max(initial=-1))) + 2, bool)
    has_face[faces] = True
    return np.where(has_face[became], became, -1)


def _joined(given: Reduced, collapsed: Collapsed, whole: Faces) -> Reduced:
    """Set the faces that stay as they were beside the collapsed ones, and part what touches."""
    points, faces, became = collapsed
    touched = np.zeros(len(given.points), bool)
    touched[whole] = True
    added = np.flatnonzero(touched & (became < 0))
    became = became.copy()
    became[added] = len(points) + np.arange(len(added))
    points, faces = repair(
        np.concatenate((points, given.points[added])),
        np.concatenate((faces, became[whole].astype(np.int32))),
    )
    became = np.where(given.became < 0, -1, became[given.became])
    return Reduced(points, faces, _without_lost(became, faces))
