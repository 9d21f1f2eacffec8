"""Which triangles hang together, and which surfaces belong to one body.

A hollow body has several surfaces: its outside, and the walls of its cavities.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from volume.processing.crossing import Crossing

Numbers = NDArray[np.int32]


def connected(count: int, together: Sequence[Numbers]) -> Numbers:
    """Number `count` things by what they hang together with: the lowest number of each lot.

    `together` are arrays of one length; the things at the same place in them hang together.
    Lots are joined to their lowest neighbour and become the things of the next round
    (Borůvka), so that a mesh of two million points takes some five.
    """
    lot = np.arange(count, dtype=np.int32)
    while len(together[0]):
        lowest = np.minimum.reduce(together)
        for one in together:
            np.minimum.at(lot, one, lowest)
        _shorten(lot)
        together = [lot[one] for one in together]
        differ = np.logical_or.reduce([one != together[0] for one in together[1:]])
        together = [one[differ] for one in together]
    return lot


def _shorten(lot: Numbers) -> None:
    """Point everything straight at the lowest of its lot."""
    while not np.array_equal(lot, nearer := lot[lot]):
        lot[:] = nearer


def surfaces(faces: NDArray[np.int32], points: int) -> Numbers:
    """Number the points by the closed surface they belong to: its lowest point's number."""
    return connected(points, [np.ascontiguousarray(corner) for corner in faces.T])


def bodies(found: Crossing, surface: Numbers) -> Numbers:
    """Number the points by the body they bound, whose cavities belong to it.

    Every run of voxels along i begins and ends at a surface of one body, and the leftmost
    point of a cavity ends a run that begins further left: so all its walls are reached.
    """
    begins, ends = found.runs
    return connected(len(surface), [surface[begins], surface[ends]])[surface]


def renumbered(faces: NDArray[np.int32], points: int) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """List the points that faces use, and give the faces by their places in that list."""
    is_used = np.zeros(points, bool)
    is_used[faces] = True
    number = np.cumsum(is_used, dtype=np.int32)
    return np.flatnonzero(is_used), number[faces] - np.int32(1)
