"""The same voxels in another order: axes swapped and turned round, nothing interpolated."""

from __future__ import annotations

import numpy as np

from volume.errors import VolumeError
from volume.geometry import LETTERS
from volume.processing.axis_order import AxisOrder
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
    order = AxisOrder((axes[0], axes[1], axes[2]), (flipped[0], flipped[1], flipped[2]))
    valid = None if volume.valid is None else np.ascontiguousarray(order.view(volume.valid))
    return volume.with_voxels(
        np.ascontiguousarray(order.view(volume.array)),
        order.grid(volume.geometry),
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
