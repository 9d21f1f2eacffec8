"""Whether a surface is closed: how many faces share each edge, and what is done about it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Faces = NDArray[np.int32]
Points = NDArray[np.float32]


@dataclass(frozen=True)
class Edges:
    """How many edges belong to one face only, and how many to more than two."""

    boundary: int
    non_manifold: int

    @property
    def closed(self) -> bool:
        """Whether the surface has no rim."""
        return self.boundary == 0


def edges_of(faces: Faces, points: int) -> Edges:
    """Count the edges of a surface that are not shared by two faces.

    In a closed one, turned one way throughout, each edge is run through once upward and once
    downward by number; that these are the same is seen without joining them.
    """
    with ThreadPoolExecutor(2) as pool:  # numpy sorts without holding the interpreter
        up, down = pool.map(lambda upward: _keys(faces, points, upward), (True, False))
    if np.array_equal(up, down) and not (up[1:] == up[:-1]).any():
        return Edges(0, 0)
    _, shared = np.unique(np.concatenate((up, down)), return_counts=True)
    return Edges(int(np.count_nonzero(shared % 2)), int(np.count_nonzero(shared > 2)))


def _keys(faces: Faces, points: int, upward: bool) -> NDArray[np.int64]:
    """Give the edges that run from a lower to a higher point, or back, as sorted numbers."""
    keys = []
    for a, b in ((0, 1), (1, 2), (2, 0)):
        first, last = faces[:, a], faces[:, b]
        wanted = first < last if upward else first > last
        low, high = (first, last) if upward else (last, first)
        keys.append(low[wanted].astype(np.int64) * points + high[wanted])
    joined = np.concatenate(keys)
    joined.sort()
    return joined


def repair(points: Points, faces: Faces) -> tuple[Points, Faces, NDArray[np.intp]]:
    """Part a surface where more than two faces share an edge; its points keep their numbers.

    Tells of every face which of the given ones it was, or is a piece of.

    Faces that collapsed and pairs that lie on one another, back to back, are dropped. Where
    bodies touch along an edge, its ends become points of each; where one body touches itself,
    the edge becomes two, each with a point of its own in the middle. No two lie at one place.
    """
    a, b, c = faces.T
    source = np.flatnonzero((a != b) & (b != c) & (c != a))
    source = source[_no_flaps(faces[source], len(points))]
    faces = faces[source]
    bad = _bad_edges(faces, len(points))
    if len(bad):
        old = len(points)
        points, faces = _parted(points, faces, bad)
        bad = _bad_edges(faces[_near_copies(faces, bad, old, len(points))], len(points))
    if len(bad):
        points, faces, own = _split(points, faces, bad)
        source = source[own]
    return points, faces, source


def _near_copies(faces: Faces, bad: NDArray[np.int64], old: int, points: int) -> NDArray[np.bool_]:
    """Say which faces touch ends of bad edges or copies of them: only there some may be left.

    Copies are the points from `old` on.
    """
    touched = np.zeros(points, bool)
    touched[bad] = True
    touched[old:] = True
    a, b, c = faces.T
    return np.asarray(touched[a] | touched[b] | touched[c])


def _no_flaps(faces: Faces, points: int) -> NDArray[np.bool_]:
    """Say which faces stay: those of the same three points that look opposite ways go in pairs."""
    kept = np.ones(len(faces), bool)
    some = _perhaps_alike(faces)
    kept[some] = _no_flaps_among(faces[some], points)
    return kept


def _perhaps_alike(faces: Faces) -> NDArray[np.intp]:
    """List the faces whose corners' numbers have a sum of squares that others' have, too.

    Those of the same corners are among them, and by chance some others.
    """
    a, b, c = (corner.astype(np.uint64) for corner in faces.T)
    number = a * a * a + b * b * b + c * c * c + ((a + b + c) << np.uint64(40))
    order = np.argsort(number)
    same = number[order[1:]] == number[order[:-1]]
    alike = np.zeros(len(faces), bool)
    alike[order[1:][same]] = alike[order[:-1][same]] = True
    return np.flatnonzero(alike)


def _no_flaps_among(faces: Faces, points: int) -> NDArray[np.bool_]:
    _, lot = np.unique(_triple(np.sort(faces, axis=1), points), return_inverse=True)
    lowest = np.argmin(faces, axis=1)
    rows = np.arange(len(faces))
    ahead = faces[rows, (lowest + 1) % 3] < faces[rows, (lowest + 2) % 3]
    pairs = np.minimum(*(np.bincount(lot[way], minlength=len(faces)) for way in (ahead, ~ahead)))
    kept = np.ones(len(faces), bool)
    for way in (ahead, ~ahead):
        own = np.flatnonzero(way)
        own = own[np.argsort(lot[own], kind="stable")]
        place = np.arange(len(own)) - np.searchsorted(lot[own], lot[own])
        kept[own[place < pairs[lot[own]]]] = False
    return kept


def _triple(corners: Faces, points: int) -> NDArray[np.int64]:
    """Number faces by their sorted corners; the first two, then the pair of that and the third."""
    pair = corners[:, 0].astype(np.int64) * points + corners[:, 1]
    _, pair = np.unique(pair, return_inverse=True)
    return pair.astype(np.int64) * points + corners[:, 2]


def _bad_edges(faces: Faces, points: int) -> NDArray[np.int64]:
    """List the (n, 2) edges that more than two faces share."""
    with ThreadPoolExecutor(2) as pool:  # numpy sorts without holding the interpreter
        ways = pool.map(lambda upward: _keys(faces, points, upward), (True, False))
    keys = np.concatenate(list(ways))
    keys.sort(kind="stable")  # merges the two
    bad = np.unique(keys[2:][keys[2:] == keys[:-2]])
    return np.stack([bad // points, bad % points], axis=1)


Corners = dict[int, tuple[int, int, int]]
Around = dict[tuple[int, int], list[int]]
"""Of an edge, the faces that share it."""


def _corners_at(faces: Faces, ends: NDArray[np.int64], points: int) -> Corners:
    """Take the faces that touch some points."""
    at = np.zeros(points, bool)
    at[ends] = True
    touched = np.flatnonzero(at[faces].any(axis=1))
    return dict(zip(touched.tolist(), map(tuple, faces[touched].tolist()), strict=True))


def _parted(points: Points, faces: Faces, bad: NDArray[np.int64]) -> tuple[Points, Faces]:
    """Give each sheet at the ends of bad edges points of its own."""
    ends = np.unique(bad)
    corners = _corners_at(faces, ends, len(points))
    sharing: Around = defaultdict(list)
    around = defaultdict(list)
    for face, (a, b, c) in corners.items():
        for edge in ((a, b), (b, c), (c, a)):
            sharing[min(edge), max(edge)].append(face)
        for point in (a, b, c):
            around[point].append(face)
    pairs = {edge: _pairs(edge, shared, corners, points) for edge, shared in sharing.items()}
    copies: list[NDArray[np.floating]] = []
    faces = faces.copy()
    for point in ends.tolist():
        for sheet in _sheets(point, around[point], corners, pairs)[1:]:
            faces[sheet] = np.where(faces[sheet] == point, len(points) + len(copies), faces[sheet])
            copies.append(_inward(points[point], [corners[face] for face in sheet], points))
    return np.concatenate((points, np.array(copies, points.dtype).reshape(-1, 3))), faces


INWARD = 0.01
"""So far, in lengths of edges, a point that is made where another lies goes into its own matter:
at one place, a reader of STL, or a printer's program, would make one of the two again."""


def _inward(
    place: NDArray[np.floating], sheet: Sequence[tuple[int, int, int]], points: Points
) -> NDArray[np.floating]:
    """Move a place of a sheet of faces a little to the side that they look away from."""
    a, b, c = points[np.array(sheet)].astype(np.float64).transpose(1, 0, 2)
    outward = np.cross(b - a, c - a).sum(axis=0)
    far = INWARD * np.linalg.norm(b - a, axis=1).mean()
    return place - far * outward / (np.linalg.norm(outward) or 1)


def _split(
    points: Points, faces: Faces, bad: NDArray[np.int64]
) -> tuple[Points, Faces, NDArray[np.intp]]:
    """Make two edges of one that two pairs of faces share: each pair has a middle of its own.

    Tells of every face which it was, or is a piece of.
    """
    corners = _corners_at(faces, np.unique(bad), len(points))
    at_edge: Around = defaultdict(list)
    bad_edges = set(map(tuple, bad.tolist()))
    for face, (a, b, c) in corners.items():
        for edge in ((a, b), (b, c), (c, a)):
            if (key := (min(edge), max(edge))) in bad_edges:
                at_edge[key].append(face)
    middles: list[NDArray[np.floating]] = []
    cuts: dict[int, dict[tuple[int, int], int]] = defaultdict(dict)
    for edge, shared in at_edge.items():
        for pair in _pairs(edge, shared, corners, points):
            for face in pair:
                cuts[face][edge] = len(points) + len(middles)
            middle = (points[edge[0]] + points[edge[1]]) / 2
            middles.append(_inward(middle, [corners[face] for face in pair], points))
    cut_up = [(face, one) for face, own in cuts.items() for one in _cut_up(corners[face], own)]
    pieces = [one for _, one in cut_up]
    whole = np.delete(np.arange(len(faces)), list(cuts))
    source = np.concatenate((whole, np.array([face for face, _ in cut_up], np.intp)))
    made = np.array(pieces, np.int32).reshape(-1, 3)
    grown = np.array(middles, points.dtype).reshape(-1, 3)
    return np.concatenate((points, grown)), np.concatenate((faces[whole], made)), source


def _cut_up(
    corners: tuple[int, int, int], middle: dict[tuple[int, int], int]
) -> list[tuple[int, int, int]]:
    """Cut a face at the middles of some of its edges, which keeps its other edges whole."""
    for n in range(3):
        a, b, c = corners[n], corners[(n + 1) % 3], corners[(n + 2) % 3]
        edge = min(a, b), max(a, b)
        if edge in middle:
            m = middle[edge]
            rest = {key: value for key, value in middle.items() if key != edge}
            return [*_cut_up((a, m, c), rest), *_cut_up((m, b, c), rest)]
    return [corners]


Pairs = list[tuple[int, int]]


def _pairs(edge: tuple[int, int], shared: list[int], corners: Corners, points: Points) -> Pairs:
    """Pair the faces at an edge: two that hold matter between them, going round it."""
    if len(shared) == 2:
        return [(shared[0], shared[1])]
    low, high = (points[end].tolist() for end in edge)
    along = _minus(high, low)
    across = _cross(along, AXES[min(range(3), key=lambda n: abs(along[n]))])
    length = math.hypot(*along) or 1
    beside = [x / length for x in _cross(along, across)]
    found = []
    for face in shared:
        a, b, c = corners[face]
        third = _minus(points[a + b + c - sum(edge)].tolist(), low)
        runs_up = edge in ((a, b), (b, c), (c, a))
        found.append((math.atan2(_dot(third, beside), _dot(third, across)), face, runs_up))
    found.sort()
    ups = [n for n, (_, _, runs_up) in enumerate(found) if runs_up]
    if 2 * len(ups) != len(found):
        return []
    return _matched(found, len(found))


Vector = list[float]
AXES = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


def _minus(a: Vector, b: Vector) -> Vector:
    return [x - y for x, y in zip(a, b, strict=True)]


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Vector, b: Vector) -> Vector:
    """Multiply two vectors: numpy takes forty times as long for so few."""
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def _matched(found: list[tuple[float, int, bool]], count: int) -> Pairs:
    """Match every face that runs up the edge with the next free one behind it that runs down."""
    pairs: Pairs = []
    open_: list[int] = []
    for _, face, runs_up in found + found:
        if len(pairs) * 2 == count:
            break
        taken = any(face in pair for pair in pairs)
        if runs_up and face not in open_ and not taken:
            open_.append(face)
        elif not runs_up and open_ and not taken:
            pairs.append((open_.pop(), face))
    return pairs


def _sheets(
    point: int, around: list[int], corners: Corners, pairs: dict[tuple[int, int], Pairs]
) -> list[list[int]]:
    """Sort the faces round a point into sheets that hang together by paired edges."""
    sheet = {face: {face} for face in around}
    for face in around:
        for other in corners[face]:
            if other == point:
                continue
            for first, second in pairs[min(point, other), max(point, other)]:
                joined = sheet[first] | sheet[second]
                for one in joined:
                    sheet[one] = joined
    return sorted({id(one): sorted(one) for one in sheet.values()}.values())
