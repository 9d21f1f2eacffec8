"""Where the slices of one orientation lie: axes, offsets along the normal, rounding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from volume.assembly.tolerances import TOLERANCES
from volume.dicom.header import SliceHeader

QUANTA = (1.0, 0.5, 0.1, 0.05, 0.01, 0.005, 0.001, 5e-4, 1e-4, 1e-5, 1e-6)
"""Steps in which positions are written, in mm, the coarsest first."""
FLOAT32_RELATIVE = 2.0**-23


@dataclass(frozen=True, eq=False)
class Placement:
    """Slices projected on their common axes.

    The rows of `axes` (3, 3) are the unit directions along i (a row), j (a column) and k
    (their cross product), LPS; `positions` (n, 3) are the slices' own in mm, `offsets` (n,)
    their projections on the normal, `quantum` the rounding of the positions in mm (0: none).
    """

    axes: NDArray[np.float64]
    positions: NDArray[np.float64]
    offsets: NDArray[np.float64]
    quantum: float

    @property
    def quantum_along(self) -> float:
        """How coarse rounding makes the offsets: all three coordinates enter an oblique one."""
        return self.quantum * float(np.abs(self.axes[2]).sum())

    @property
    def rounding_mm(self) -> float:
        """How far rounding may have moved a slice along the normal."""
        return TOLERANCES.rounded_of_quantum * self.quantum_along


def place(slices: Sequence[SliceHeader]) -> Placement:
    """Project slices that have positions and one orientation (PS3.3 C.7.6.2.1.1)."""
    axes = common_axes(slices)
    positions = np.array([header.position for header in slices], dtype=np.float64)
    return Placement(axes, positions, positions @ axes[2], find_quantum(positions))


def common_axes(slices: Sequence[SliceHeader]) -> NDArray[np.float64]:
    """Average the orientations and take the nearest rotation (SVD)."""
    cosines = np.array([header.orientation for header in slices], dtype=np.float64)
    mean = cosines.mean(axis=0)
    rows = np.vstack([mean, np.cross(mean[0], mean[1])])
    left, _, right = np.linalg.svd(rows)
    return left @ right


def corner_stray_mm(slices: Sequence[SliceHeader], axes: NDArray[np.float64]) -> float:
    """Say how far the common axes leave the far corner of a slice from its own cosines."""
    first = slices[0]
    between_rows, between_columns = first.pixel_spacing or (1.0, 1.0)
    extent = np.array([first.columns * between_columns, first.rows * between_rows])
    own = np.array([header.orientation for header in slices], dtype=np.float64)
    stray = np.einsum("nax,a->nx", own - axes[:2], extent)
    along = np.linalg.norm(own - axes[:2], axis=2) * extent
    return float(max(np.linalg.norm(stray, axis=1).max(), along.max()))


def find_quantum(positions: NDArray[np.float64]) -> float:
    """Find the coarsest step of which all coordinates are multiples, 0.0 where there is none.

    Told from the values, not from the text: one decimal that went through float32 counts.
    """
    slack = np.abs(positions) * FLOAT32_RELATIVE + 1e-9
    for quantum in QUANTA:
        if quantum <= 4 * slack.max():  # within the precision everything is a multiple
            return 0.0
        strays = np.abs(positions - np.round(positions / quantum) * quantum)
        if (strays <= slack).all():
            return quantum
    return 0.0


def same_place_mm(offsets: NDArray[np.float64], quantum: float) -> float:
    """Find how close two offsets must be to mean one place."""
    first = max(TOLERANCES.same_position_mm, TOLERANCES.same_position_of_quantum * quantum)
    gaps = np.diff(np.sort(offsets))
    steps = gaps[gaps >= first]
    if not len(steps):
        return first
    step = _median(steps)
    return max(first if first < step / 2 else 0.0, TOLERANCES.same_position_of_step * step)


def _median(values: NDArray[np.float64]) -> float:
    """Give the median (numpy's own imports masked arrays, which takes as long as a scan)."""
    ordered, middle = np.sort(values), len(values) // 2
    return float(ordered[middle] if len(values) % 2 else ordered[middle - 1 : middle + 1].mean())


def share_places(offsets: NDArray[np.float64], within_mm: float) -> list[list[int]]:
    """Group slice indices by place, in order along the normal."""
    order = np.argsort(offsets, kind="stable")
    places: list[list[int]] = []
    for index in order:
        if places and offsets[index] - offsets[places[-1][0]] < within_mm:
            places[-1].append(int(index))
        else:
            places.append([int(index)])
    return places
