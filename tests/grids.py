"""Grids in which no flip, swap or shear can hide, and volumes whose voxels know their place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.geometry import Geometry
from volume.volume import Volume

SLOPES = np.array([3.7, 5.3, 11.9])
"""A voxel at (x, y, z) mm LPS holds 3.7 x + 5.3 y + 11.9 z: one number tells a misplacement."""


def turned() -> NDArray[np.float64]:
    """Give a rotation by 25° about z, then -17° about x: no axis is near another's."""
    (c, s), (d, t) = ((np.cos(a), np.sin(a)) for a in np.radians((25, -17)))
    about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, d, -t], [0, t, d]])
    return about_x @ about_z


def oblique(
    size: tuple[int, int, int] = (9, 8, 7),
    spacing: tuple[float, float, float] = (0.7, 0.9, 2.5),
    *,
    left_handed: bool = False,
    tilt: float = 0.0,
) -> Geometry:
    """Make a turned, anisotropic grid; `tilt` in degrees shears its slices."""
    direction = turned() * (1, 1, -1 if left_handed else 1)
    if tilt:
        angle = np.radians(tilt)
        direction[:, 2] = np.cos(angle) * direction[:, 2] + np.sin(angle) * direction[:, 1]
    return Geometry(size, np.array([-31.7, 12.25, 104.5]), np.array(spacing), direction)


def places(geometry: Geometry) -> NDArray[np.float64]:
    """Give the (k, j, i, 3) places of all voxels, by ITK's formula and nothing of ours."""
    k, j, i = np.indices(geometry.size[::-1])
    steps = np.stack([i, j, k], axis=-1) * geometry.spacing
    return steps @ geometry.direction.T + geometry.origin


def ramp(geometry: Geometry, dtype: Any = np.float32, **more: Any) -> Volume:
    """Make a volume whose values are linear in the place."""
    values = places(geometry) @ SLOPES
    if np.dtype(dtype).kind in "iu":
        values = np.rint(values)
    return Volume(values.astype(dtype), geometry, **more)


def noise(geometry: Geometry, dtype: Any = np.int16, seed: int = 0, **more: Any) -> Volume:
    """Make a volume of random values that every one of the usual types holds."""
    values = np.random.default_rng(seed).integers(0, 120, geometry.size[::-1])
    return Volume(values.astype(dtype), geometry, **more)
