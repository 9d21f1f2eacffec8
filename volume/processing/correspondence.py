"""Which voxel of one array is which of another: by their values, at a sample of voxels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.processing.axis_order import EVERY_ORDER, AxisOrder
from volume.processing.voxel_difference import EQUAL, Relation

SAMPLED = 12_000
"""So many voxels of each kind are looked at: a chance of agreement shows as chance."""
AGREES = 0.75
"""From such a share of the sampled voxels on, an order explains the values."""
BETTER = 0.1
"""By such a share another order must do better than the one that the geometry gives."""
ALIKE = 0.98
"""From such a correlation on, values that are nowhere the same are of one picture."""


@dataclass(frozen=True)
class Correspondence:
    """The order in which the second array holds the values of the first, and by which line.

    `others` are orders that fit as well: a symmetric picture does not tell them apart.
    """

    order: AxisOrder
    by: Relation = EQUAL
    others: tuple[AxisOrder, ...] = ()


def correspond(
    a: NDArray[Any],
    b: NDArray[Any],
    tolerance: tuple[float, float],
    first: AxisOrder,
    cost: Callable[[AxisOrder], float],
) -> Correspondence | None:
    """Find the order in which `b` holds the values of `a`; None where there is none.

    `first` is the order that the geometry gives; of several that fit alike it goes before the
    others, and then the one of the least `cost`.
    """
    orders = [
        one
        for one in EVERY_ORDER
        if one.size(_size(b)) == _size(a) and (one == first or _changes(one, _size(b)))
    ]
    if not orders:
        return None
    orders.sort(key=lambda one: (one != first, cost(one)))
    sample = _Sample(a, b, orders, first, tolerance)
    for relate in (_equality, _offset, _line):
        if (found := _best(sample, relate)) is not None:
            return found
    return _by_correlation(sample)


def _size(array: NDArray[Any]) -> tuple[int, int, int]:
    return array.shape[2], array.shape[1], array.shape[0]


def _changes(order: AxisOrder, size: tuple[int, int, int]) -> bool:
    """Say whether an order turns no axis of a single voxel, which nothing tells."""
    turned = zip(order.axes, order.flipped, strict=True)
    return not any(flip and size[axis] == 1 for axis, flip in turned)


class _Sample:
    """Values of both arrays at voxels that tell: where they differ, and in and off the picture."""

    def __init__(
        self,
        a: NDArray[Any],
        b: NDArray[Any],
        orders: Sequence[AxisOrder],
        first: AxisOrder,
        tolerance: tuple[float, float],
    ) -> None:
        self.orders, self.first, self.tolerance = orders, first, tolerance
        as_given = first.view(b) if first in orders else None
        at = np.unravel_index(_telling(a, as_given), a.shape[:3])
        self.a = _values(a, at)
        self.b = [_values(order.view(b), at) for order in orders]


def _values(array: NDArray[Any], at: tuple[NDArray[Any], ...]) -> NDArray[np.float64]:
    return array[at].astype(np.float64).ravel()


def _telling(a: NDArray[Any], b: NDArray[Any] | None) -> NDArray[np.intp]:
    """Choose voxels, the same ones every time, by their number in C order."""
    draw = np.random.default_rng(0)
    voxels = int(np.prod(a.shape[:3]))
    first = a[..., 0] if a.ndim == 4 else a
    at = np.unique(draw.integers(0, voxels, min(16 * SAMPLED, 8 * voxels)))
    drawn = first[np.unravel_index(at, first.shape)]
    values, counts = np.unique(drawn, return_counts=True)
    usual = values[counts.argmax()]
    inside, outside = at[drawn != usual], at[drawn == usual]
    if len(inside) < SAMPLED:
        inside = _where(first, lambda slab, _: slab != usual, draw)
    parts = [inside, outside[: max(len(inside), LEAST_OUTSIDE)]]
    if b is not None:
        other = b[..., 0] if b.ndim == 4 else b
        parts.append(_where(first, lambda slab, k: slab != other[k], draw))
    return np.concatenate([_some(part, draw) for part in parts])


def _where(
    array: NDArray[Any],
    holds: Callable[[NDArray[Any], int], NDArray[np.bool_]],
    draw: np.random.Generator,
) -> NDArray[np.intp]:
    """Find voxels of which something holds, slice by slice, not too many of any."""
    most = max(64, 8 * SAMPLED // len(array))
    found = [
        _some(np.flatnonzero(holds(slab, k)), draw, most) + k * slab.size
        for k, slab in enumerate(array)
    ]
    return np.concatenate(found)


def _some(
    numbers: NDArray[np.intp], draw: np.random.Generator, most: int = SAMPLED
) -> NDArray[np.intp]:
    return numbers if len(numbers) <= most else draw.choice(numbers, most, replace=False)


LEAST_OUTSIDE = 50
Relate = Callable[[NDArray[np.float64], NDArray[np.float64]], Relation | None]


def _best(sample: _Sample, relate: Relate) -> Correspondence | None:
    """Find the order in which one kind of relation holds at most of the voxels."""
    relations = [relate(sample.a, b) for b in sample.b]
    shares = [
        0.0 if by is None else _share(sample, b, by)
        for by, b in zip(relations, sample.b, strict=True)
    ]
    best = max(shares)
    given = shares[0] if sample.orders[0] == sample.first else 0.0
    n = 0 if given >= AGREES and best < given + BETTER and best < 1 else shares.index(best)
    by = relations[n]
    if shares[n] < AGREES or by is None:
        return None
    others = [order for m, order in enumerate(sample.orders) if m != n and shares[m] == shares[n]]
    return Correspondence(sample.orders[n], by, tuple(others))


def _share(sample: _Sample, b: NDArray[np.float64], by: Relation) -> float:
    absolute, relative = sample.tolerance
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(b - by.of(sample.a)) <= absolute + relative * np.maximum(
            np.abs(sample.a), np.abs(b)
        )
    near |= np.isnan(b) & np.isnan(sample.a)
    return float(near.mean())


def _equality(_a: NDArray[np.float64], _b: NDArray[np.float64]) -> Relation:
    return EQUAL


def _offset(a: NDArray[np.float64], b: NDArray[np.float64]) -> Relation | None:
    """Find the constant that most of the voxels differ by."""
    apart = (b - a)[np.isfinite(b - a)]
    return Relation(1.0, _rounded(float(np.median(apart)))) if len(apart) and np.ptp(a) else None


def _line(a: NDArray[np.float64], b: NDArray[np.float64]) -> Relation | None:
    """Fit a rising line to most of the voxels: the worst are left out, and it is fitted again."""
    fits = np.isfinite(a) & np.isfinite(b)
    a, b = a[fits], b[fits]
    for _ in range(TRIMS):
        if len(a) < 3 or not np.ptp(a) or not np.ptp(b):
            return None
        slope, intercept = np.polyfit(a - a.mean(), b, 1)
        intercept -= slope * a.mean()
        off = np.abs(b - slope * a - intercept)
        kept = off <= max(np.quantile(off, KEPT), 1e-9)
        a, b = a[kept], b[kept]
    return Relation(_rounded(slope), _rounded(intercept)) if slope > 1e-9 else None


TRIMS = 4
KEPT = 0.9


def _rounded(number: float) -> float:
    """Take off what the computation left behind the ninth digit."""
    return float(f"{float(number):.9g}") if abs(number) > 1e-9 else 0.0


def _by_correlation(sample: _Sample) -> Correspondence | None:
    """Find the order in which values are of one picture though nowhere the same."""
    alike = np.nan_to_num([_correlation(sample.a, b) for b in sample.b], nan=0.0)
    n = int(alike.argmax())
    given = alike[0] if sample.orders[0] == sample.first else 0.0
    if n == 0 or alike[n] < ALIKE or 1 - given < 4 * (1 - alike[n]):
        return None
    return Correspondence(sample.orders[n])


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    fits = np.isfinite(a) & np.isfinite(b)
    if fits.sum() < 3 or not np.ptp(a[fits]) or not np.ptp(b[fits]):
        return 0.0
    return float(np.corrcoef(a[fits], b[fits])[0, 1])
