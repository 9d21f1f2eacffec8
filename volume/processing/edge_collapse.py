"""Edges collapsed into points, until fewer triangles are left: one surface, or a stretch of one."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from volume.processing.topology import Faces, Points

_ONE_AT_A_TIME = threading.Lock()
"""The library keeps the surface it works on in variables of its own."""


@dataclass(frozen=True)
class Collapse:
    """What became of n points: `own` (n,) says of which point each is part now.

    `moved` are the places of those that still have faces, in their order.
    """

    own: NDArray[np.int32]
    moved: Points

    def whole(self, faces: Faces) -> NDArray[np.bool_]:
        """Say of the faces that were given which still are some."""
        a, b, c = (self.own[corner] for corner in faces.T)
        return np.asarray((a != b) & (b != c) & (c != a))


def collapse(points: Points, faces: Faces, fraction: float, has_rim: bool) -> Collapse:
    """Take away a fraction of the faces; with `has_rim` their outer edges stay."""
    import fast_simplification

    with _ONE_AT_A_TIME:
        moved, _, collapses = fast_simplification.simplify(
            points,
            faces,
            fraction,
            agg=AGGRESSIVENESS,
            return_collapses=True,
            preserve_border=has_rim,
        )
    own = np.arange(len(points), dtype=np.int32)
    own[collapses[:, 1]] = collapses[:, 0]
    follow(own)
    return Collapse(own, moved.astype(np.float32))


AGGRESSIVENESS = 8.0
"""How fast the error that is allowed grows from round to round.

Of 7, which is the library's own, 8, and 9, 90 % of a chest's bones taken away lie 0.078, 0.076
and 0.080 mm from what they were on average, and 99 % of them within 0.95, 0.79 and 0.86 mm; with
8 it takes a tenth less time than with 7."""


def follow(own: NDArray[np.int32]) -> None:
    """Follow every point into those that it was collapsed into."""
    while not np.array_equal(own, further := own[own]):
        own[:] = further
