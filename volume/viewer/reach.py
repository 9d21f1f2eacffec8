"""Where a crosshair may stand: in the volume, and on the layer that a turned plane shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from volume.geometry import Geometry

STEPS = 50
"""To and fro between the layer and the volume, at most."""
THERE_MM = 1e-9


def nearest_in(box: Geometry, place: ArrayLike) -> NDArray[np.float64]:
    """Give the (3,) place in a grid that is nearest to one in mm LPS."""
    index = np.clip(box.to_index(place), 0, np.array(box.size) - 1)
    return box.to_world(index)


def nearest_on(
    plane: Geometry, layer: float, box: Geometry, place: ArrayLike
) -> NDArray[np.float64]:
    """Give a (3,) place near to one in mm LPS that lies in a grid and on a plane's layer.

    Going to the layer and back into the grid in turns ends in both, where they meet.
    """
    step = plane.direction[:, 2] * plane.spacing[2]
    inside = np.asarray(place, dtype=np.float64)
    for _ in range(STEPS):
        wanted = inside + step * (layer - plane.to_index(inside)[2])
        inside = nearest_in(box, wanted)
        if np.allclose(inside, wanted, rtol=0, atol=THERE_MM):
            break
    return inside


def reaches(geometry: Geometry, place: ArrayLike) -> bool:
    """Whether a place in mm LPS lies in a voxel of a grid."""
    index = geometry.to_index(place)
    return bool(((index >= -0.5) & (index <= np.array(geometry.size) - 0.5)).all())
