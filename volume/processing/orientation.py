"""The same voxels in another order: axes swapped and turned round, nothing interpolated."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.errors import VolumeError
from volume.geometry import LETTERS, Geometry
from volume.volume import Volume


def reorient(volume: Volume, letters: str) -> Volume:
    """Order the voxels so that i, j and k run to the letters, as closely as the grid allows.

    "RAS": i to the right, j to the front, k to the head (nibabel's sense of the letters);
    "LPS" is how an axial CT lies already. Every voxel keeps its value and its place; on an
    oblique grid each axis goes by the direction it is nearest to. The array of the result
    is C-contiguous; a volume that lies so already is returned itself.

    Raises `VolumeError` where `letters` does not name every direction once.
    """
    wanted = check_letters(letters)
    now = volume.geometry.orientation
    if wanted == now:
        return volume
    axes = [_position(now, letter) for letter in wanted]
    flipped = [now[axis] != letter for axis, letter in zip(axes, wanted, strict=True)]
    valid = None if volume.valid is None else _ordered(volume.valid, axes, flipped)
    return volume.with_voxels(
        _ordered(volume.array, axes, flipped),
        _ordered_grid(volume.geometry, axes, flipped),
        valid=valid,
    )


def check_letters(letters: str) -> str:
    wanted = letters.upper()
    directions = sorted(_direction(letter) for letter in wanted)
    if directions != [0, 1, 2]:
        raise VolumeError(
            f"{letters!r} is not an orientation: it takes one of R and L, one of A and P,"
            " and one of I and S, such as RAS or LPS"
        )
    return wanted


def _direction(letter: str) -> int:
    """Give the axis of LPS that a letter lies on, -1 if on none."""
    return next((axis for axis, pair in enumerate(LETTERS) if letter in pair), -1)


def _position(letters: str, letter: str) -> int:
    """Find which of i, j and k runs along a letter's axis, to it or from it."""
    return [_direction(one) for one in letters].index(_direction(letter))


def _ordered(array: NDArray[Any], axes: list[int], flipped: list[bool]) -> NDArray[Any]:
    """Take [k, j, i(, c)] so that its new i, j, k are the old `axes`, some turned round."""
    kji = [2 - axis for axis in reversed(axes)]
    steps = tuple(slice(None, None, -1 if flip else 1) for flip in reversed(flipped))
    return np.ascontiguousarray(array.transpose(*kji, *range(3, array.ndim))[steps])


def _ordered_grid(geometry: Geometry, axes: list[int], flipped: list[bool]) -> Geometry:
    signs = np.where(flipped, -1.0, 1.0)
    first = np.zeros(3)
    for axis, flip in zip(axes, flipped, strict=True):
        first[axis] = geometry.size[axis] - 1 if flip else 0
    i, j, k = axes
    return Geometry(
        (geometry.size[i], geometry.size[j], geometry.size[k]),
        geometry.to_world(first),
        geometry.spacing[axes],
        geometry.direction[:, axes] * signs,
    )
