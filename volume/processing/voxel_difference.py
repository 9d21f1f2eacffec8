"""How the values of two arrays differ, voxel by voxel, slab by slab."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SLAB_BYTES = 4 << 20
FLOAT_STEPS = 4 * float(np.finfo(np.float32).eps)
"""Two ways to compute a float32 end within a few of its steps."""


@dataclass(frozen=True)
class Relation:
    """A line that takes values of one volume to those of another: slope * a + intercept."""

    slope: float = 1.0
    intercept: float = 0.0

    @property
    def is_equality(self) -> bool:
        """Whether the values are simply the same."""
        return self.slope == 1 and self.intercept == 0

    def of(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Give what the values become."""
        return np.asarray(values, np.float64) * self.slope + self.intercept


EQUAL = Relation()


@dataclass(frozen=True)
class VoxelDifference:
    """The differences of two arrays of one shape.

    `greatest` and `mean` are of |b - a|; `at` is (i, j, k) of the greatest and `values` what
    both hold there. `only` is the difference that all that differ share. `not_numbers` counts
    the NaN of each. `by` is a line that explains `explained` voxels of those compared.
    """

    compared: int
    different: int = 0
    greatest: float = 0.0
    mean: float = 0.0
    at: tuple[int, int, int] | None = None
    values: tuple[float, float] | None = None
    only: float | None = None
    not_numbers: tuple[int, int] = (0, 0)
    by: Relation | None = None
    explained: int = 0
    volume: int = 0
    """Of several that were compared, counted from 0: where the greatest is."""
    volumes: int = 1

    def joined(self, other: VoxelDifference) -> VoxelDifference:
        """Give the differences of two volumes, or sets of them, together."""
        compared = self.compared + other.compared
        worse = other if _worse(other, self) else self
        shared = [one.only for one in (self, other) if one.different]
        lines = [one.by for one in (self, other) if one.by is not None]
        return VoxelDifference(
            compared,
            self.different + other.different,
            worse.greatest,
            (self.mean * self.compared + other.mean * other.compared) / compared,
            worse.at,
            worse.values,
            shared[0] if len(set(shared)) == 1 else None,
            (
                self.not_numbers[0] + other.not_numbers[0],
                self.not_numbers[1] + other.not_numbers[1],
            ),
            lines[0] if lines else None,
            self.explained + other.explained,
            self.volumes + other.volume if worse is other else self.volume,
            self.volumes + other.volumes,
        )


def _worse(one: VoxelDifference, other: VoxelDifference) -> bool:
    if one.at is None or other.at is None:
        return one.at is not None
    return one.greatest > other.greatest


def tolerance_of(
    a: NDArray[Any], b: NDArray[Any], within: float | None = None
) -> tuple[float, float]:
    """Say how far values may lie apart: absolutely, and for each unit of their size.

    Whole numbers agree exactly, floats within their rounding; `within` takes the place of both.
    """
    if within is not None:
        return within, 0.0
    if a.dtype.kind in "iub" and b.dtype.kind in "iub":
        return 0.0, 0.0
    size = max(_usual_size(one) for one in (a, b))
    return size * FLOAT_STEPS / 8, FLOAT_STEPS


def _usual_size(array: NDArray[Any]) -> float:
    """Give the size that few values exceed: one of 3e38 in an empty corner stands for itself."""
    step = max(1, math.ceil((array.size / SAMPLED) ** (1 / 3)))
    sizes = np.abs(array[::step, ::step, ::step].astype(np.float64))
    finite = sizes[np.isfinite(sizes)]
    return float(np.quantile(finite, 0.99)) if finite.size else 0.0


SAMPLED = 200_000


def _slabs(array: NDArray[Any]) -> Iterator[tuple[int, int]]:
    step = max(1, SLAB_BYTES // max(1, array[0].nbytes))
    for start in range(0, len(array), step):
        yield start, min(start + step, len(array))


def difference(
    a: NDArray[Any], b: NDArray[Any], tolerance: tuple[float, float], by: Relation = EQUAL
) -> VoxelDifference:
    """Compare [k, j, i] or [k, j, i, c] arrays of one shape; a voxel of colour is one voxel.

    `by` is a line to try as well, where the values are not the same.
    """
    tally = _Tally(tolerance, by)
    for start, stop in _slabs(a):
        tally.add(start, a[start:stop], np.ascontiguousarray(b[start:stop]))
    return tally.told()


class _Tally:
    """What is known of the differences so far."""

    def __init__(self, tolerance: tuple[float, float], by: Relation) -> None:
        self.tolerance, self.by = tolerance, by
        self.compared = self.different = self.explained = 0
        self.sum = 0.0
        self.greatest = 0.0
        self.at: tuple[int, int, int] | None = None
        self.values: tuple[float, float] | None = None
        self.range = (math.inf, -math.inf)
        self.not_numbers = [0, 0]

    def add(self, start: int, a: NDArray[Any], b: NDArray[Any]) -> None:
        self.compared += int(np.prod(a.shape[:3]))
        if a.dtype == b.dtype and np.array_equal(a, b):
            self._explain_equal(a)
            return
        unequal = a != b
        a, b = a.astype(np.float64), b.astype(np.float64)
        bad_a, bad_b = np.isnan(a), np.isnan(b)
        self.not_numbers[0] += int(bad_a.sum())
        self.not_numbers[1] += int(bad_b.sum())
        with np.errstate(invalid="ignore", over="ignore"):
            apart = b - a
        apart[~unequal | (bad_a & bad_b)] = 0
        beyond = _beyond(apart, a, b, self.tolerance) if any(self.tolerance) else True
        endless = np.isinf(a) | np.isinf(b)  # no tolerance reaches from there
        differs = unequal & ~(bad_a & bad_b) & (beyond | endless | (bad_a ^ bad_b))
        self._measure(start, a, b, apart, differs)
        if not self.by.is_equality:
            rest = b - self.by.of(a)
            self.explained += _voxels(~(_beyond(rest, a, b, self.tolerance) | np.isnan(rest)))

    def _explain_equal(self, a: NDArray[Any]) -> None:
        """Count, of voxels that are the same, those that the line leaves as they are."""
        if not self.by.is_equality:
            rest = self.by.of(a) - a
            self.explained += _voxels(~_beyond(rest, a, a, self.tolerance))

    def _measure(
        self,
        start: int,
        a: NDArray[Any],
        b: NDArray[Any],
        apart: NDArray[np.float64],
        differs: NDArray[np.bool_],
    ) -> None:
        any_component = differs if differs.ndim == 3 else differs.any(axis=3)
        count = int(np.count_nonzero(any_component))
        if not count:
            return
        self.different += count
        sizes = np.where(np.isfinite(apart) & differs, np.abs(apart), 0)
        per_voxel = sizes if sizes.ndim == 3 else sizes.max(axis=3)
        self.sum += float(per_voxel.sum())
        there = apart[differs & np.isfinite(apart)]
        if there.size:
            low, high = self.range
            self.range = (min(low, float(there.min())), max(high, float(there.max())))
        where = np.unravel_index(int(per_voxel.argmax()), per_voxel.shape)
        if self.at is None or per_voxel[where] > self.greatest:
            if per_voxel[where] == 0:  # NaN or infinite on one side alone
                where = np.unravel_index(int(any_component.argmax()), per_voxel.shape)
            k, j, i = (int(n) for n in where)
            c = () if sizes.ndim == 3 else (int(sizes[k, j, i].argmax()),)
            self.greatest = float(per_voxel[k, j, i])
            self.at = (i, j, start + k)
            self.values = (float(a[(k, j, i, *c)]), float(b[(k, j, i, *c)]))

    def told(self) -> VoxelDifference:
        low, high = self.range
        lines = not self.by.is_equality
        return VoxelDifference(
            self.compared,
            self.different,
            self.greatest,
            self.sum / self.compared if self.compared else 0.0,
            self.at,
            self.values,
            low if low == high else None,
            (self.not_numbers[0], self.not_numbers[1]),
            self.by if lines else None,
            self.explained if lines else 0,
        )


def _voxels(holds: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(holds if holds.ndim == 3 else holds.all(axis=3)))


def _beyond(
    apart: NDArray[np.float64], a: NDArray[Any], b: NDArray[Any], tolerance: tuple[float, float]
) -> NDArray[np.bool_]:
    """Say where values lie further apart than they may."""
    absolute, relative = tolerance
    if relative:
        with np.errstate(invalid="ignore", over="ignore"):
            return np.asarray(
                np.abs(apart) > absolute + relative * np.maximum(np.abs(a), np.abs(b))
            )
    return np.asarray(np.abs(apart) > absolute)
