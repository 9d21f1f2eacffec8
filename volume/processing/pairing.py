"""Which voxel of volume B is compared with which of volume A, and why that one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from numpy.typing import NDArray

from volume.geometry import Geometry
from volume.processing.axis_order import AxisOrder, order_like
from volume.processing.correspondence import correspond
from volume.processing.displacement import corners_apart, lattice_offset, turn_in_place
from volume.processing.voxel_difference import (
    EQUAL,
    Relation,
    VoxelDifference,
    difference,
    tolerance_of,
)
from volume.volume import Volume

Basis = Literal["place", "values", "overlap", "nothing"]


@dataclass(frozen=True)
class Pairing:
    """How voxels of B are paired with those of A.

    By `place` where both grids take the same places; by `values` where the arrays hold the
    same in `order` though the places say otherwise; in the `overlap` of grids on one lattice,
    of which B begins at `offset` of A; by `nothing`. `by` is the line that takes A's values to
    B's, `others` are orders that fit the values as well.
    """

    basis: Basis
    order: AxisOrder
    by_place: AxisOrder
    is_in_place: bool = False
    offset: tuple[int, int, int] | None = None
    by: Relation = EQUAL
    others: tuple[AxisOrder, ...] = ()

    def of_a(self, a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
        """See the voxels of A that are compared."""
        return a[_box(self.offset, a, b)] if self.basis == "overlap" and self.offset else a

    def of_b(self, a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
        """See the voxels of B that are compared, in A's order."""
        ordered = self.order.view(b)
        if self.basis != "overlap" or self.offset is None:
            return ordered
        i, j, k = self.offset
        return ordered[_box((-i, -j, -k), ordered, a)]

    def difference(self, a: Volume, b: Volume, within: float | None) -> VoxelDifference:
        """Compare the voxels that are paired; places are indices of A."""
        tolerance = tolerance_of(a.array, b.array, within)
        ordered = self.order.view(b.array)
        found = difference(
            self.of_a(a.array, ordered), self.of_b(a.array, b.array), tolerance, self.by
        )
        if found.at is None or self.basis != "overlap" or self.offset is None:
            return found
        i, j, k = (max(0, n) + m for n, m in zip(self.offset, found.at, strict=True))
        return replace(found, at=(i, j, k))


def _box(
    offset: tuple[int, int, int], array: NDArray[Any], other: NDArray[Any]
) -> tuple[slice, ...]:
    """Cut out of [k, j, i] what another array covers that begins at `offset` (i, j, k)."""
    ends = zip(offset[::-1], array.shape, other.shape, strict=False)
    return tuple(slice(max(0, n), max(0, min(mine, n + others))) for n, mine, others in ends)


def pair(a: Volume, b: Volume, within_mm: float, within: float | None) -> Pairing:
    """Pair the voxels of two volumes."""
    placed = _by_place(a.geometry, b.geometry, within_mm)
    if a.array.shape[3:] != b.array.shape[3:]:
        return replace(placed, basis="nothing")
    if placed.is_in_place:
        return _in_place(a, b, placed, within)
    by_values = _by_values(a, b, placed, within)
    if placed.offset is None or by_values is None:
        return by_values or placed
    return _likelier(a, b, by_values, placed, within)


def _by_place(a: Geometry, b: Geometry, within_mm: float) -> Pairing:
    turn = turn_in_place(b, a, within_mm)
    if turn is not None:
        return Pairing("place", turn, turn, is_in_place=True, offset=(0, 0, 0))
    order = order_like(b, a)
    ordered = order.grid(b)
    offset = lattice_offset(a, ordered, within_mm)
    meets = offset is not None and all(
        -theirs < n < mine for n, mine, theirs in zip(offset, a.size, ordered.size, strict=True)
    )
    return Pairing("overlap" if meets else "nothing", order, order, offset=offset)


def _in_place(a: Volume, b: Volume, placed: Pairing, within: float | None) -> Pairing:
    """Pair by place, unless the values show that one array was turned and its place was not."""
    found = placed.difference(a, b, within)
    if not found.different:
        return placed
    by_values = _by_values(a, b, placed, within)
    if by_values is None:
        return placed
    if by_values.order == placed.order:
        return replace(placed, by=by_values.by)
    again = by_values.difference(a, b, within)
    return by_values if _unexplained(again) < _unexplained(found) / 2 else placed


def _unexplained(found: VoxelDifference) -> int:
    return min(found.different, found.compared - found.explained) if found.by else found.different


def _by_values(a: Volume, b: Volume, placed: Pairing, within: float | None) -> Pairing | None:
    """Pair by the order in which the arrays hold the same, if there is one."""
    found = correspond(
        a.array,
        b.array,
        tolerance_of(a.array, b.array, within),
        placed.by_place,
        lambda order: corners_apart(a.geometry, order.grid(b.geometry)),
    )
    if found is None:
        return None
    return replace(placed, basis="values", order=found.order, by=found.by, others=found.others)


def _likelier(
    a: Volume, b: Volume, by_values: Pairing, placed: Pairing, within: float | None
) -> Pairing:
    """Choose between the same array elsewhere and another cut of the same picture."""
    if placed.basis != "overlap" or not by_values.difference(a, b, within).different:
        return by_values
    return by_values if placed.difference(a, b, within).different else placed
