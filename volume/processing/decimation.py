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
    small = np.bincount(own, minlength=len(given.points))[own] < FEWEST
    large = faces[~small]
    wanted = (1 - fraction) * len(faces) - np.count_nonzero(small)
    if not len(large) or wanted >= len(large):
        return given
    points, fewer, became = _collapse(given.points, large, 1 - max(wanted, 4) / len(large))
    left = np.zeros(len(given.points), bool)
    alive = np.flatnonzero(became >= 0)
    left[surface[alive]] = True
    return _joined(given, (points, fewer, became), faces[small | ~left[own]])


Collapsed = tuple[Points, Faces, NDArray[np.intp]]


def _collapse(points: Points, faces: Faces, fraction: float) -> Collapsed:
    """Collapse edges, part what grew together, and say what every point became; -1: nothing."""
    import fast_simplification

    used, corners = renumbered(faces, len(points))
    fewer, left, collapses = fast_simplification.simplify(
        points[used], corners, fraction, return_collapses=True
    )
    kept = _survivors(len(used), collapses)
    standing = _standing(corners, kept)
    numbered = np.full(len(used), -1, np.intp)
    numbered[standing] = np.arange(len(standing))
    places, parted = repair(np.asarray(fewer, np.float32), left.astype(np.int32))
    became = np.full(len(points), -1, np.intp)
    became[used] = numbered[kept]
    return places, parted, _without_lost(became, parted)


def _survivors(points: int, collapses: NDArray[np.integer]) -> NDArray[np.intp]:
    """Follow every point into those that it was collapsed into."""
    kept = np.arange(points)
    kept[collapses[:, 1]] = collapses[:, 0]
    while not np.array_equal(kept, further := kept[kept]):
        kept = further
    return kept


def _standing(faces: Faces, kept: NDArray[np.intp]) -> NDArray[np.intp]:
    """List the points at which a face still has three corners, which alone are given back."""
    a, b, c = (kept[corner] for corner in faces.T)
    whole = (a != b) & (b != c) & (c != a)
    stands = np.zeros(len(kept), bool)
    for corner in (a, b, c):
        stands[corner[whole]] = True
    return np.flatnonzero(stands)


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
