"""The surface of a volume, as fine as a pane can show it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.errors import SurfaceError
from volume.geometry import Geometry
from volume.processing.isosurface import unmeasured
from volume.processing.presets import BONE_HU
from volume.surface import Mesh
from volume.volume import Volume

FINEST = 256
"""Voxels a side that a pane of some 800 pixels can tell apart; beyond, the volume is
averaged first: a chest of 512 x 512 x 248 takes a fifth of the time and of the triangles."""
COARSEST = 128
"""While a hand turns the patient, this is enough: an eighth of the voxels."""
SAMPLE = 500_000
CLASSES = 256


def surface_for_looking(volume: Volume, level: float) -> Mesh | None:
    """Make the surface of a volume at a level, or None where there is none."""
    try:
        return unmeasured(volume, level)
    except SurfaceError:
        return None


def level_for_looking(volume: Volume) -> float | None:
    """Choose the level of the first look: bone in CT, else Otsu's threshold; none for colour."""
    if volume.is_colour:
        return None
    if volume.unit == "HU":
        return BONE_HU
    return otsu(volume.array)


def reduced(volume: Volume, most: int = FINEST) -> Volume:
    """Average blocks of voxels, so that no side has more than `most`."""
    factors = [-(-n // most) for n in volume.geometry.size]
    if max(factors) == 1:
        return volume
    geometry = volume.geometry
    size = [n // factor for n, factor in zip(geometry.size, factors, strict=True)]
    middle = geometry.to_world((np.array(factors) - 1) / 2)
    coarse = Geometry(
        (size[0], size[1], size[2]), middle, geometry.spacing * factors, geometry.direction
    )
    return Volume(_block_means(volume.array, factors[::-1], size[::-1]), coarse, volume.unit)


def otsu(array: NDArray[Any]) -> float | None:
    """Give the value that parts dark from bright best (Otsu 1979), None where all are equal."""
    step = max(1, round((array.size / SAMPLE) ** (1 / 3)))
    values = array[::step, ::step, ::step].ravel().astype(np.float64)
    values = values[np.isfinite(values)]
    if not len(values) or values.min() == values.max():
        return None
    counts, edges = np.histogram(values, CLASSES, range=tuple(np.percentile(values, (0, 99.5))))
    middles = (edges[1:] + edges[:-1]) / 2
    below = counts.cumsum()
    above = below[-1] - below
    dark = (counts * middles).cumsum()
    apart = dark / np.maximum(below, 1) - (dark[-1] - dark) / np.maximum(above, 1)
    return float(edges[1 + int(np.argmax(below * above * apart**2))])


def _block_means(array: NDArray[Any], factors: list[int], size: list[int]) -> NDArray[np.float32]:
    total = np.zeros(size, dtype=np.float32)
    for k, j, i in np.ndindex(*factors):
        starts = zip((k, j, i), factors, size, strict=True)
        total += array[tuple(slice(a, a + f * n, f) for a, f, n in starts)]
    return total / np.float32(np.prod(factors))
