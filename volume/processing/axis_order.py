"""The 48 ways to store one grid: axes swapped and turned round."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.geometry import Geometry

NAMES = "ijk"


@dataclass(frozen=True)
class AxisOrder:
    """A way to take a grid's axes: new axis n is the old axis `axes[n]`, turned where `flipped`."""

    axes: tuple[int, int, int] = (0, 1, 2)
    flipped: tuple[bool, bool, bool] = (False, False, False)

    @property
    def is_as_stored(self) -> bool:
        """Whether it leaves everything as it is."""
        return self == AxisOrder()

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The (3, 3) signed permutation from steps along the new axes to steps along the old."""
        matrix = np.zeros((3, 3))
        for new, (old, flip) in enumerate(zip(self.axes, self.flipped, strict=True)):
            matrix[old, new] = -1 if flip else 1
        return matrix

    def size(self, size: tuple[int, int, int]) -> tuple[int, int, int]:
        """Give the size of a grid taken this way."""
        i, j, k = self.axes
        return size[i], size[j], size[k]

    def view(self, array: NDArray[Any]) -> NDArray[Any]:
        """See [k, j, i(, c)] voxels this way, nothing copied."""
        kji = [2 - axis for axis in reversed(self.axes)]
        steps = tuple(slice(None, None, -1 if flip else 1) for flip in reversed(self.flipped))
        return array.transpose(*kji, *range(3, array.ndim))[steps]

    def grid(self, geometry: Geometry) -> Geometry:
        """Take a grid this way: every voxel keeps its place."""
        first = np.zeros(3)
        for axis, flip in zip(self.axes, self.flipped, strict=True):
            first[axis] = geometry.size[axis] - 1 if flip else 0
        return Geometry(
            self.size(geometry.size),
            geometry.to_world(first),
            geometry.spacing[list(self.axes)],
            geometry.direction[:, list(self.axes)] * np.where(self.flipped, -1.0, 1.0),
        )

    def told(self) -> str:
        """Word what is swapped and turned: "i and j swapped, k turned round"."""
        swapped = [NAMES[n] for n, axis in enumerate(self.axes) if axis != n]
        turned = [NAMES[axis] for axis, flip in zip(self.axes, self.flipped, strict=True) if flip]
        parts = []
        if swapped:
            order = ", ".join(NAMES[axis] for axis in self.axes)
            parts.append(
                f"{' and '.join(swapped)} swapped"
                if len(swapped) == 2
                else f"the axes in the order {order}"
            )
        if turned:
            parts.append(f"{' and '.join(sorted(turned))} flipped")
        return ", ".join(parts) or "nothing changed"


EVERY_ORDER = tuple(
    AxisOrder(axes, flips)  # type: ignore[arg-type]
    for axes in permutations(range(3))
    for flips in product((False, True), repeat=3)
)
"""As stored first, then the others."""


def order_like(geometry: Geometry, like: Geometry) -> AxisOrder:
    """Give the way to take a grid's axes in which they run nearest to those of another."""
    cosines = like.direction.T @ geometry.direction
    return max(EVERY_ORDER, key=lambda order: float(np.sum(cosines.T * order.matrix)))
