"""How the slices of a stack stray from straight stacking: gantry tilt and single shifts.

From ImagePositionPatient alone: the tilt tag is nominal and may be stale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from volume.assembly.placement import Placement
from volume.assembly.tolerances import TOLERANCES


@dataclass(frozen=True, eq=False)
class Drift:
    """Movement within the plane, along rows and columns, in mm.

    `shear` (2,) is the movement a millimetre along the normal; `over_stack` (2,) what it
    comes to over the whole stack; `shifts` (n, 2) what single slices stray from that line.
    """

    shear: NDArray[np.float64]
    over_stack: NDArray[np.float64]
    shifts: NDArray[np.float64]

    @property
    def angle_deg(self) -> float:
        """The tilt of the stacking direction against the normal."""
        return float(np.degrees(np.arctan(np.linalg.norm(self.shear))))


def measure_drift(placement: Placement) -> Drift:
    """Fit the line through the positions against the normal."""
    in_plane = placement.positions @ placement.axes[:2].T
    offsets = placement.offsets - placement.offsets[0]
    if len(offsets) < 2:
        return Drift(np.zeros(2), np.zeros(2), np.zeros_like(in_plane))
    design = np.column_stack([offsets, np.ones_like(offsets)])
    fitted, *_ = np.linalg.lstsq(design, in_plane, rcond=None)
    shear = fitted[0]
    return Drift(shear, shear * np.ptp(offsets), in_plane - design @ fitted)


def is_tilted(drift: Drift, placement: Placement, pixel: NDArray[np.float64]) -> bool:
    """Say whether the drift over the stack exceeds half a pixel and the rounding.

    `pixel` (2,) is the spacing along rows and columns in mm.
    """
    explained = np.maximum(TOLERANCES.drift_of_pixel * pixel, 2 * placement.quantum)
    return bool((np.abs(drift.over_stack) > explained).any())


def is_shifted(drift: Drift, placement: Placement, pixel: NDArray[np.float64]) -> bool:
    """Say whether a single slice strays from the line by more than half a pixel."""
    explained = np.maximum(TOLERANCES.drift_of_pixel * pixel, placement.quantum)
    return bool((np.abs(drift.shifts) > explained).any())
