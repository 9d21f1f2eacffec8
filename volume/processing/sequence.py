"""The order of volumes that share a grid: phases, echoes, time points."""

from __future__ import annotations

from collections.abc import Sequence

from volume.processing.pairing import Pairing
from volume.processing.voxel_difference import difference, tolerance_of
from volume.volume import Volume


def reordered(
    of_a: Sequence[Volume], of_b: Sequence[Volume], pairing: Pairing, within: float | None
) -> tuple[int, ...] | None:
    """Say which volume of B is each of A, where all are there and not in A's order.

    None where they are in A's order, or where any of them is not there. Of volumes that are
    alike, those come first that are in their place.
    """
    left = list(range(len(of_b)))
    order = []
    for place, a in enumerate(of_a):
        nearest = sorted(left, key=lambda n: n != place)
        found = next((n for n in nearest if _is_same(a, of_b[n], pairing, within)), None)
        if found is None:
            return None
        left.remove(found)
        order.append(found)
    return tuple(order) if order != sorted(order) else None


def _is_same(a: Volume, b: Volume, pairing: Pairing, within: float | None) -> bool:
    """Compare a slice in the middle, and only where that is the same the whole."""
    middle = slice(a.array.shape[0] // 2, a.array.shape[0] // 2 + 1)
    ordered = pairing.order.view(b.array)
    if a.array.shape != ordered.shape:
        return False
    tolerance = tolerance_of(a.array, b.array, within)
    if difference(a.array[middle], ordered[middle], tolerance).different:
        return False
    return not difference(a.array, ordered, tolerance).different
