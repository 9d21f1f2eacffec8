"""Triangles of one surface, and a proof of how far any place of theirs is from another.

The distance to a single triangle is convex, so that within a patch it is nowhere more than at
one of the corners; and no place is further than the patch's middle and the way from there.
Where that tells too much, a patch is cut into four.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from volume.processing.stars import Places, Stars, distances
from volume.processing.topology import Faces

MOST = 200_000
"""So many patches at most are looked at: beyond, what is known is told, which is more."""
CUTS = 6
NEAR = 0.25
"""So much of the distance known a middle is searched round at first; at every cut twice as far:
most have some face nearby, which is enough to bound them."""
AT_A_TIME = 1 << 12
"""Patches whose arrays stay in the processor's cache."""


@dataclass(frozen=True)
class Patches:
    """Triangles: `corners` (n, 3 corners, 3), and how far in mm any place of each is at most.

    Each is near faces round some points `around` (n, m) of the other surface; -1 for none.
    """

    corners: Places
    around: NDArray[np.integer]
    bound: Places

    def some(self, chosen: NDArray[np.bool_]) -> Patches:
        """Take some of them."""
        return Patches(self.corners[chosen], self.around[chosen], self.bound[chosen])

    def cut(self) -> Patches:
        """Cut each into four."""
        a, b, c = (self.corners[:, n] for n in range(3))
        d, e, f = (a + b) / 2, (b + c) / 2, (c + a) / 2
        cut = ((a, d, f), (d, b, e), (f, e, c), (d, e, f))
        corners = np.concatenate([np.stack(one, axis=1) for one in cut])
        return Patches(corners, np.tile(self.around, (4, 1)), np.tile(self.bound, 4))

    def nearer(self, bound: Places) -> Patches:
        """Bound them by what is less."""
        return Patches(self.corners, self.around, np.minimum(self.bound, bound))


@dataclass(frozen=True)
class Distance:
    """How far surfaces are apart: `mm` where that is measured, and nowhere more than `at_most`.

    Somewhere else they may be `at_least` so far.
    """

    mm: float
    at_most: float
    at_least: float


def proved(patches: Patches, other: Stars, known: Distance, slack: float) -> Distance:
    """Find how far patches are at most: what is told is little more than what is found."""
    found, at_most = known.at_least, known.at_most
    for cuts in range(CUTS):
        over = patches.bound > found * (1 + slack)
        at_most = max(at_most, float(patches.bound[~over].max(initial=0)))
        patches = patches.some(over)
        if not over.any() or len(patches.bound) > MOST:
            break
        patches = patches.nearer(_by_faces(patches, other))
        at_most = max(at_most, found)
        patches = patches.some(patches.bound > found)
        if not len(patches.bound):
            break
        middles = patches.corners.mean(axis=1)
        reach = min(found * NEAR * 2**cuts, patches.bound.max())
        away, faces = other.nearest(middles, reach)
        found = max(found, float(away[away <= reach].max(initial=0)))
        reaches = np.linalg.norm(patches.corners - middles[:, None], axis=2).max(axis=1)
        patches = patches.nearer(away + reaches * (1 + 1e-6))
        patches = patches.nearer(_by_one(patches, other, faces)).cut()
    at_most = max(at_most, found, float(patches.bound.max(initial=0)))
    return Distance(known.mm, at_most, found)


def _by_one(patches: Patches, other: Stars, faces: Faces) -> Places:
    """Bound patches by a face for each."""
    triangles = other.points[faces].astype(np.float64)
    bound = np.maximum.reduce([distances(patches.corners[:, n], triangles) for n in range(3)])
    bound[faces[:, 0] < 0] = np.inf
    return bound


def _by_faces(patches: Patches, other: Stars) -> Places:
    """Bound patches by the face each of which is nearest as a whole."""
    bound = np.full(len(patches.bound), np.inf)

    def measure(start: int) -> None:
        for column in range(patches.around.shape[1]):
            around = patches.around[start : start + AT_A_TIME, column]
            some = other.known(around)
            near, begins = other.of(around[some])
            if not len(near):
                continue
            own = np.repeat(some + start, np.diff(begins, append=len(near)))
            faces = other.points[other.triangles[near]].astype(np.float64)
            far = np.maximum.reduce([distances(patches.corners[own, n], faces) for n in range(3)])
            some = some + start
            bound[some] = np.minimum(bound[some], np.minimum.reduceat(far, begins))

    with ThreadPoolExecutor(2) as pool:  # numpy counts without holding the interpreter
        list(pool.map(measure, range(0, len(bound), AT_A_TIME)))
    return bound
