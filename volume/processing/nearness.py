"""How far a surface lies from a simpler one that it was reduced to.

Measured both ways, in mm to the nearest place of the other surface: from every corner of the
former one and from places spread over every face, the more the fewer faces there are, and from
every corner of the simpler one.

Little of it has to be measured. What became of the points, taken as linear in each face, maps
the former surface onto the simpler one, so that a place lies no further from it than the
corners of its face slid, and no place of the simpler one lies further from the former. So the
places that may be the farthest come first, and once no other can be farther it is known.

What is left, of both surfaces, is cut into patches until none can be much farther, which
proves how far any place is at most; where too many are left, what they slid is told instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from volume.processing.patches import Distance, Patches, proved
from volume.processing.stars import Places, Stars, distances
from volume.processing.topology import Faces, Points

AT_A_TIME = 1 << 15
"""Points whose arrays stay in the processor's cache."""
FIRST_LOOKED_AT = 1_000
"""So many of the farthest places are measured at first, then four times as many."""
FINEST, PLACES = 4, 500_000
"""Each side of a face in so many parts at most; places in all, but one a face at least."""
SLACK = 0.1
"""By so much what is proved may be more than what is measured."""
SEARCHED = 0.1
"""Up to this share of the places the whole surface is searched for which are too far."""


@dataclass(frozen=True)
class Reduced:
    """A simpler surface.

    `became` says which of its points each of the former ones became, -1 for none; `source`
    which of the former faces each of its faces was, or is a piece of.
    """

    points: Points
    faces: Faces
    became: NDArray[np.int32]
    source: NDArray[np.int32]


def unreduced(points: Points, faces: Faces) -> Reduced:
    """Give the surface from which nothing was taken yet."""
    same = np.arange(max(len(points), len(faces)), dtype=np.int32)
    return Reduced(points, faces, same[: len(points)], same[: len(faces)])


def farthest_from(points: Points, faces: Faces, reduced: Reduced) -> Distance:
    """Give the largest distance in mm between a surface and what it was reduced to.

    As measured at places of both, and as proved for all.
    """
    if not len(faces):
        return Distance(0.0, 0.0, 0.0)
    pair = _Pair(points, faces, reduced)
    far = 0.0
    for some in _farthest_first(pair.slid):
        if pair.slid[some].max() <= far:
            break
        bound = pair.forward(points[some], some)
        far = _farthest(points[some], bound, pair.stars, far)
        pair.away[some] = bound
    far = _farthest_within(pair, far)
    some = np.flatnonzero(pair.slid_back > far)
    if len(some):
        far = _farthest(reduced.points[some], *pair.backward(some), far)
    there = proved(pair.patches(far), pair.stars, Distance(far, far, far), SLACK)
    del pair.stars  # what the search took is used again
    patches, stars = pair.patches_back(there.at_least)
    return proved(patches, stars, there, SLACK)


def _farthest_within(pair: _Pair, far: float) -> float:
    may_be = np.flatnonzero(pair.faces_slid > far)
    for places, corners in _within(pair.points, pair.faces[may_be], len(pair.faces)):
        far = _farthest(places, pair.forward(places, corners), pair.stars, far)
    return far


def beyond(points: Points, faces: Faces, reduced: Reduced, mm: float) -> NDArray[np.bool_]:
    """Say of the faces of a surface which are further than `mm` from what it was reduced to.

    So are those round a point that became one too far from them. Where many may be, all of
    these are taken for it.
    """
    pair = _Pair(points, faces, reduced)
    became, stars = reduced.became, pair.stars
    corners = pair.slid > mm
    some = np.flatnonzero(corners)
    corners[some] = _are_beyond(
        points[some], pair.forward(points[some], some), stars, mm, len(points)
    )
    back = pair.slid_back > mm
    some = np.flatnonzero(back)
    bound, nearest = pair.backward(some)
    back[some] = _are_beyond(reduced.points[some], bound, nearest, mm, len(back))
    corners |= back[became] & (became >= 0)
    strays = np.asarray(corners[faces].any(axis=1))
    may_be = np.flatnonzero(pair.faces_slid > mm)
    for places, nearest_corners in _within(points, faces[may_be], len(faces)):
        near = pair.forward(places, nearest_corners)
        strays[may_be] |= _are_beyond(places, near, stars, mm, len(faces))
    return strays


class _Pair:
    """A surface and what it was reduced to, and bounds of how far they are apart."""

    def __init__(self, points: Points, faces: Faces, reduced: Reduced) -> None:
        self.points, self.faces, self.reduced = points, faces, reduced
        self.stars = Stars(reduced.points, reduced.faces)
        self.slid = self._slid()
        self.away = self.slid.copy()
        """How far points are at most, where that was measured or else as they slid."""

    def _slid(self) -> NDArray[np.float32]:
        """Say how far every point is from what it became; inf: it became nothing."""
        became, there = self.reduced.became, self.reduced.points
        slid = np.empty(len(self.points), np.float32)
        for start in range(0, len(slid), AT_A_TIME):
            some = slice(start, start + AT_A_TIME)
            x, y, z = (self.points[some] - there[became[some]]).T
            slid[some] = np.sqrt(x * x + y * y + z * z)
        slid *= np.float32(1 + 1e-6)  # what single precision rounds off
        slid[became < 0] = np.inf
        return slid

    @cached_property
    def faces_slid(self) -> NDArray[np.float32]:
        """Bound how far places of every face are: as a rule, by what its corners slid.

        Where what it became is not there, by how far a corner is.
        """
        slid = np.empty(len(self.faces), np.float32)
        became = self.reduced.became
        is_there = np.zeros(len(self.faces), bool)
        is_there[self._whole_sources()] = True
        edges = _edge_numbers(self.reduced.faces, len(self.reduced.points))

        def measure(start: int) -> None:
            some = slice(start, start + AT_A_TIME)
            corners = np.ascontiguousarray(self.faces[some].T)
            slid[some] = np.maximum.reduce(self.slid[corners])
            a, b, c = ends = became[corners]
            apart = np.stack([a != b, b != c, c != a])
            count = np.count_nonzero(apart, axis=0)
            there = is_there[some] | ((count == 0) & (a >= 0))
            edge = np.flatnonzero(count == 2)
            low, high = ends.min(axis=0)[edge], ends.max(axis=0)[edge]
            number = low.astype(np.int64) * len(self.reduced.points) + high
            at = np.searchsorted(edges, number)
            there[edge] = edges[np.minimum(at, len(edges) - 1)] == number
            lost = np.flatnonzero(~there)
            slid[some][lost] = self._around(corners[:, lost])

        with ThreadPoolExecutor(2) as pool:  # numpy counts without holding the interpreter
            list(pool.map(measure, range(0, len(slid), AT_A_TIME)))
        return slid

    def _around(self, corners: NDArray[np.int32]) -> NDArray[np.float32]:
        """Bound how far places of faces are by how far a corner is, and they from the corner."""
        places = self.points[corners]
        edges = np.linalg.norm(places - np.roll(places, 1, axis=0), axis=2)
        return np.asarray(self.away[corners].min(axis=0) + edges.max(axis=0))

    def _whole_sources(self) -> NDArray[np.int32]:
        """List the former faces that are faces of the reduced surface, not of pieces of one."""
        made, source = self.reduced, self.reduced.source
        became = made.became[self.faces[source]]
        same = np.ones(len(source), bool)
        for n in range(3):
            here, there = made.points[made.faces[:, n]], made.points[became[:, n]]
            same &= (here == there).all(axis=1) & (became[:, n] >= 0)
        return source[same]

    @cached_property
    def slid_back(self) -> NDArray[np.float32]:
        """Bound how far every point of the reduced surface is from the former one.

        Those that became of none are second points of a place that is measured already, or lie
        between two of them on an edge.
        """
        became = self.reduced.became
        known = np.flatnonzero(became >= 0)
        bound = np.full(len(self.reduced.points), np.inf, np.float32)
        np.minimum.at(bound, became[known], self.slid[known])
        bound[np.isinf(bound)] = 0
        return bound

    @cached_property
    def faces_slid_back(self) -> NDArray[np.float32]:
        """Bound how far places of every face of the reduced surface are: by the face it was."""
        reduced, source = self.reduced, self.faces[self.reduced.source]
        slid = np.zeros(len(source), np.float32)

        def measure(start: int) -> None:
            some = slice(start, start + AT_A_TIME)
            triangles = self.points[source[some]].astype(np.float64)
            for n in range(3):
                places = reduced.points[reduced.faces[some, n]].astype(np.float64)
                slid[some] = np.maximum(slid[some], distances(places, triangles))

        with ThreadPoolExecutor(2) as pool:  # numpy counts without holding the interpreter
            list(pool.map(measure, range(0, len(slid), AT_A_TIME)))
        return slid * np.float32(1 + 1e-6)

    def patches(self, mm: float) -> Patches:
        """List the faces that may have places further than `mm` away."""
        some = np.flatnonzero(self.faces_slid > mm)
        faces = self.faces[some]
        bound = self.faces_slid[some].astype(np.float64)
        return Patches(self.points[faces].astype(np.float64), self.reduced.became[faces], bound)

    def patches_back(self, mm: float) -> tuple[Patches, Stars]:
        """List the faces of the reduced surface that may have places further than `mm` away."""
        some = np.flatnonzero(self.faces_slid_back > mm)
        was = self.faces[self.reduced.source[some]]
        around = np.concatenate((was, self.nearest[self.reduced.faces[some]]), axis=1)
        corners = self.reduced.points[self.reduced.faces[some]].astype(np.float64)
        patches = Patches(corners, around, self.faces_slid_back[some].astype(np.float64))
        return patches, Stars(self.points, self.faces, np.unique(around[around >= 0]))

    @cached_property
    def nearest(self) -> NDArray[np.int32]:
        """Say for the points of the reduced surface which that became it slid least; -1: none."""
        became = self.reduced.became
        least = self.slid <= self.slid_back[became]
        known = np.flatnonzero((became >= 0) & least).astype(np.int32)
        nearest = np.full(len(self.reduced.points), -1, np.int32)
        nearest[became[known]] = known
        return nearest

    def forward(self, places: Points, corners: NDArray[np.integer]) -> Places:
        """Bound the distances of places, each near a point, to the faces round what it became."""
        return self.stars.near(places, self.reduced.became[corners])

    def backward(self, some: NDArray[np.intp]) -> tuple[Places, Stars]:
        """Bound the distances of some points of the reduced surface to the former surface."""
        wanted = np.full(len(self.reduced.points), -1, np.intp)
        wanted[some] = np.arange(len(some))
        became = self.reduced.became
        known = np.flatnonzero((became >= 0) & (wanted[became] >= 0))
        stars = Stars(self.points, self.faces, known)
        bound = self.slid_back[some].astype(np.float64)
        near = stars.near(self.reduced.points[became[known]], known)
        np.minimum.at(bound, wanted[became[known]], near)
        return bound, stars


def _edge_numbers(faces: Faces, points: int) -> NDArray[np.int64]:
    """Number the edges of faces by their ends, the lower first, in order."""
    ends = [faces[:, [n, (n + 1) % 3]] for n in range(3)]
    low, high = (np.concatenate([way(one, axis=1) for one in ends]) for way in (np.min, np.max))
    numbers = low.astype(np.int64) * points + high
    numbers.sort()
    return numbers


def _farthest_first(bound: NDArray[np.floating]) -> Iterator[NDArray[np.intp]]:
    """List places in lots of falling bounds: some at first, then more and more."""
    left, count = np.arange(len(bound)), FIRST_LOOKED_AT
    while len(left) > count:
        order = np.argpartition(bound[left], len(left) - count)
        yield left[order[-count:]]
        left, count = left[order[:-count]], 4 * count
    if len(left):
        yield left


def _within(points: Points, faces: Faces, count: int) -> Iterator[tuple[Points, NDArray[np.int32]]]:
    """Give places within some of `count` faces, one a face at a time, and the nearest corners.

    They are the middles of even parts of the face.
    """
    parts = min(FINEST, max(1, math.isqrt(PLACES // count)))
    a, b, c = (points[corner] for corner in faces.T)
    for i, j in np.ndindex(parts, parts):
        turned = i + j >= parts
        u = (parts - i - 2 / 3 if turned else i + 1 / 3) / parts
        v = (parts - j - 2 / 3 if turned else j + 1 / 3) / parts
        places = a + np.float32(u) * (b - a) + np.float32(v) * (c - a)
        yield places.astype(np.float32), faces[:, int(np.argmax((1 - u - v, u, v)))]


def _are_beyond(
    places: Points, bound: Places, stars: Stars, mm: float, count: int
) -> NDArray[np.bool_]:
    """Say which places are too far, of `count` that there are with those that surely are not."""
    far = bound > mm
    some = np.flatnonzero(far)
    if len(some) and len(some) < SEARCHED * count:
        far[some] = stars.search(places[some], float(bound[some].max()))[0] > mm
    return far


def _farthest(places: Points, bound: Places, stars: Stars, farthest: float) -> float:
    """Measure the farthest places, until no other can be farther; at least `farthest`.

    What is measured becomes their `bound`.
    """
    for some in _farthest_first(bound):
        if bound[some].max() <= farthest:
            break
        away, _ = stars.search(places[some], float(bound[some].max()))
        bound[some] = np.minimum(away, bound[some])
        farthest = max(farthest, float(bound[some].max()))
    return farthest
