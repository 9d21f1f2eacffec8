"""Label maps: volumes whose whole numbers name structures and measure nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.errors import SurfaceError
from volume.geometry import Geometry
from volume.labels import Label, unnamed
from volume.volume import Volume

MOST_LABELS = 4096
FEW_LABELS = 256
"""So many at most where nothing but the values says that a volume is a label map."""
MOST_CHANGES = 0.2
"""Neighbours along i that are not 0 differ in this share at most there; those of images differ
nearly everywhere, be they a brain cut out of 0."""
LOOKED_AT = 32
"""Slices that are looked at for that."""
Block = tuple[slice, slice, slice]


def is_evident(volume: Volume) -> bool:
    """Say whether a volume of which nothing is known looks like a label map.

    It has few whole values from 0 upwards, and neighbours in its bodies are mostly equal.
    """
    if volume.is_colour or volume.modality or volume.unit:
        return False
    some = volume.array[:: max(1, len(volume.array) // LOOKED_AT)]
    if not _are_whole(some) or _changes(some) > MOST_CHANGES:
        return False
    if not _are_whole(volume.array) or volume.array.min() != 0:
        return False
    return 0 < len(_slices_of(volume.array)) <= FEW_LABELS


def _are_whole(array: NDArray[Any]) -> bool:
    if array.dtype.kind in "biu":
        return True
    return array.dtype.kind == "f" and all(
        bool((one == np.rint(one)).all() and np.isfinite(one).all()) for one in array
    )


def _changes(array: NDArray[Any]) -> float:
    differing = pairs = 0
    for one in array:
        left, right = one[:, :-1], one[:, 1:]
        inside = (left != 0) & (right != 0)
        pairs += int(np.count_nonzero(inside))
        differing += int(np.count_nonzero(inside & (left != right)))
    return differing / max(1, pairs)


def labels_in(volume: Volume) -> Iterator[tuple[Label, Volume]]:
    """Cut out every label that is there, but for 0, with one voxel round it where there is one.

    Raises `SurfaceError` where the values are no whole numbers, or too many.
    """
    if volume.is_colour or not _are_whole(volume.array):
        raise SurfaceError("the values are not whole numbers, as those of a label map are")
    found = _slices_of(volume.array)
    if not found:
        raise SurfaceError("every voxel of the label map is 0: there is no label")
    if len(found) > MOST_LABELS:
        raise SurfaceError(f"{len(found):,} values are too many for a label map")
    known = {label.value: label for label in volume.labels or ()}
    for value, (first, last) in sorted(found.items()):
        block = _block(volume.array, value, first, last)
        yield known.get(value, unnamed(value)), _cut_out(volume, block)


def _slices_of(array: NDArray[Any]) -> dict[int, tuple[int, int]]:
    """Give for every value but 0 the first and the last slice that have it."""
    found: dict[int, tuple[int, int]] = {}
    for k, slice_ in enumerate(array):
        for value in np.unique(slice_).tolist():
            found[int(value)] = (found.get(int(value), (k, k))[0], k)
        if len(found) > MOST_LABELS + 1:
            break
    found.pop(0, None)
    return found


def _block(array: NDArray[Any], value: int, first: int, last: int) -> Block:
    here = array[first : last + 1] == value
    rows, columns = np.flatnonzero(here.any(axis=(0, 2))), np.flatnonzero(here.any(axis=(0, 1)))
    return (
        slice(max(0, first - 1), last + 2),
        slice(max(0, int(rows[0]) - 1), int(rows[-1]) + 2),
        slice(max(0, int(columns[0]) - 1), int(columns[-1]) + 2),
    )


def _cut_out(volume: Volume, block: Block) -> Volume:
    array = volume.array[block]
    start = [one.start for one in block[::-1]]
    whole = volume.geometry
    size = (array.shape[2], array.shape[1], array.shape[0])
    return Volume(array, Geometry(size, whole.to_world(start), whole.spacing, whole.direction))
