"""Fewer triangles for the same surface, and how far that took it.

By quadric edge collapse (Garland and Heckbert 1997, in Sven Forstmann's fast version).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from volume.processing.bodies import renumbered, surfaces
from volume.processing.nearness import Reduced, farthest_from
from volume.processing.topology import Faces, Points, repair

FEWEST = 64
"""A closed surface of fewer faces keeps them all: it would collapse to nothing."""
LEAST = 32
"""Of the others so many stay on average at least."""
FIRST_FRACTION = 0.5
STEPS = 3
"""Of the search for as few triangles as a tolerance allows, once it was overstepped."""
WORTH_WHILE = 0.97


def reduce(points: Points, faces: Faces, fraction: float) -> tuple[Reduced, float]:
    """Take away a fraction of the triangles; give the mm that no place is further from them.

    Every closed surface stays, so that less is taken away where there are many small ones.
    """
    made = _reduce(Reduced(points, faces, np.arange(len(points))), fraction)
    return made, farthest_from(points, faces, made)


def reduce_within(points: Points, faces: Faces, mm: float) -> tuple[Reduced, float]:
    """Take away triangles while no place of the surface gets further than `mm` from them.

    Half of what is left at a time, until that is too far; then less.
    """
    best, best_mm = Reduced(points, faces, np.arange(len(points))), 0.0
    fraction, steps = FIRST_FRACTION, 0
    while steps < STEPS:
        tried = _reduce(best, fraction)
        if len(tried.faces) > WORTH_WHILE * len(best.faces):
            break
        far = farthest_from(points, faces, tried)
        if far <= mm:
            best, best_mm = tried, far
        else:
            steps += 1
            fraction /= 2
    return best, best_mm


def _reduce(given: Reduced, fraction: float) -> Reduced:
    faces = given.faces
    surface = surfaces(faces, len(given.points))
    own = surface[faces[:, 0]]
    count = np.bincount(own, minlength=len(given.points))
    small = count[own] < FEWEST
    large = faces[~small]
    wanted = (1 - fraction) * len(faces) - int(np.count_nonzero(small))
    wanted = max(wanted, LEAST * int(np.count_nonzero(count >= FEWEST)))
    if not len(large) or wanted >= len(large):
        return given
    points, fewer, became = _collapse(given.points, large, 1 - wanted / len(large))
    left = np.zeros(len(given.points), bool)
    alive = np.flatnonzero(became >= 0)
    left[surface[alive]] = True
    return _joined(given, (points, fewer, became), faces[small | ~left[own]])


Collapsed = tuple[Points, Faces, NDArray[np.intp]]


def _collapse(points: Points, faces: Faces, fraction: float) -> Collapsed:
    """Collapse edges, part what grew together, and say what every point became; -1: nothing.

    The library takes some 250 bytes a face: large surfaces are first collapsed stretch by
    stretch of faces, which lie together, each with its rim left alone.
    """
    kept = np.arange(len(points))
    points = points.copy()
    if len(faces) > AT_A_TIME:
        first = min(fraction, FIRST_ROUND)
        stretches = range(0, len(faces), AT_A_TIME)
        faces = np.concatenate(
            [_collapsed(points, faces[n : n + AT_A_TIME], first, kept, True) for n in stretches]
        )
        fraction = 1 - (1 - fraction) / (1 - first)
    if fraction > 0:
        faces = _collapsed(points, faces, fraction, kept)
    _follow(kept)
    used, corners = renumbered(faces, len(points))
    number = np.full(len(points), -1, np.intp)
    number[used] = np.arange(len(used))
    places, parted = repair(points[used], corners)
    return places, parted, _without_lost(number[kept], parted)


AT_A_TIME = 250_000
FIRST_ROUND = 0.85
"""So much is taken away at most before the rims of the stretches are collapsed, too."""


def _collapsed(
    points: Points, faces: Faces, fraction: float, kept: NDArray[np.intp], has_rim: bool = False
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
    """Set the surfaces that stay whole behind the collapsed ones."""
    points, faces, became = collapsed
    used, behind = renumbered(whole, len(given.points))
    became = became.copy()
    became[used] = len(points) + np.arange(len(used))
    return Reduced(
        np.concatenate((points, given.points[used])),
        np.concatenate((faces, behind + np.int32(len(points)))),
        np.where(given.became < 0, -1, became[given.became]),
    )
