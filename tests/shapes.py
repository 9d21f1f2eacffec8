"""Solids as CT in DICOM: partial volume at their edges, the level midway between in and out.

A solid is a function of (..., 3) places in mm LPS that says how deep they lie in it, in mm, or
True and False. A voxel's value is the share of it that lies inside, counted at points in it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom import Dataset

from phantom import phantom

OUT, IN = -1000, 1000
LEVEL = 0
AIR = -1024
Solid = Callable[[NDArray[np.float64]], NDArray[Any]]


def ball(centre: ArrayLike, radius: float) -> Solid:
    return lambda places: radius - np.linalg.norm(places - np.asarray(centre), axis=-1)


def box(low: ArrayLike, high: ArrayLike) -> Solid:
    return lambda places: np.minimum(places - np.asarray(low), np.asarray(high) - places).min(-1)


def both(a: Solid, b: Solid) -> Solid:
    return lambda places: np.maximum(a(places), b(places))


def without(a: Solid, b: Solid) -> Solid:
    return lambda places: np.minimum(a(places), -b(places))


def shares(solid: Solid, matrix: NDArray[np.float64], shape: tuple[int, int], k: int, fine: int):
    """Give the [j, i] shares of slice k's voxels that lie inside."""
    steps = (np.arange(fine) + 0.5) / fine - 0.5
    j, i = np.indices(shape)
    inside = np.zeros(shape)
    for c in steps:
        for b in steps:
            for a in steps:
                index = np.stack([i + a, j + b, np.full(shape, k + c), np.ones(shape)], axis=-1)
                inside += solid((index @ matrix.T)[..., :3]) > 0
    return inside / fine**3


def solid_series(
    folder: str | Path,
    solid: Solid,
    size: tuple[int, int, int] = (50, 50, 50),
    matrix: ArrayLike | None = None,
    *,
    fine: int = 4,
    **oddities: Any,
) -> Path:
    """Write a solid as a series; `matrix` (4, 4) maps (i, j, k, 1) to mm LPS, 1 mm round 0."""
    if matrix is None:
        matrix = np.eye(4)
        matrix[:3, 3] = -(np.array(size) - 1) / 2
    places = np.array(matrix, dtype=float)

    def fill(dataset: Dataset, k: int, _phase: int) -> None:
        share = shares(solid, places, (size[1], size[0]), k, fine)
        values = np.rint(OUT + (IN - OUT) * share).astype(np.int16)
        dataset.PixelData = (values - AIR).astype("<i2").tobytes()

    phantom(folder, size=size, matrix=places, edit=fill, gradient=(0.1, 0.1, 0.1), **oddities)
    return Path(folder)
