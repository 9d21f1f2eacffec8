"""The spacing of a stack, fitted over all its slices.

Not the first gap (which a rounded position spoils for every slice after it), nor the
median (which a change of spacing hides).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from volume.assembly.tolerances import TOLERANCES


@dataclass(frozen=True, eq=False)
class Spacing:
    """How slices lie along their normal.

    `kind` is single, regular, missing, variable or irregular; `pitch` the step of the grid
    in mm; `start` the offset of index 0; `indices` (n,) the slices' places on the grid,
    fractional where no grid fits them; `residual` the largest stray in mm; `gaps` the
    intervals (k, k + 1) that nothing may be interpolated across in silence.
    """

    kind: str
    pitch: float
    start: float
    indices: NDArray[np.float64]
    residual: float
    gaps: tuple[int, ...] = ()
    rounded: bool = False


def fit_spacing(offsets: NDArray[np.float64], quantum: float, assumed_mm: float) -> Spacing:
    """Fit increasing, distinct offsets (n,) in mm; `assumed_mm` serves a single slice."""
    count = len(offsets)
    if count == 1:
        return Spacing("single", assumed_mm, float(offsets[0]), np.zeros(1), 0.0)
    grid = _smallest_grid(offsets, quantum)
    steps = np.diff(offsets)
    if grid is None or (count <= 3 and grid.indices[-1] != count - 1):
        return _uneven(offsets, steps, quantum)
    jumps = np.diff(grid.indices)
    if (jumps == 1).all():
        return grid
    if _slices_are_missing(jumps):
        gaps = tuple(int(k) for k in np.flatnonzero(jumps > 1))
        return Spacing(
            "missing", grid.pitch, grid.start, grid.indices, grid.residual, gaps, grid.rounded
        )
    return _uneven(offsets, steps, quantum)


def _smallest_grid(offsets: NDArray[np.float64], quantum: float) -> Spacing | None:
    """Find the fewest steps that fit every offset: evenly spaced first, then with holes."""
    count = len(offsets)
    span = offsets[-1] - offsets[0]
    for candidates in ([count - 1], range(count, TOLERANCES.steps_a_slice * count)):
        for rounded in (False, True):
            for steps in candidates:
                fitted = _fit(offsets, span / steps, quantum, rounded)
                if fitted is not None and (steps == count - 1 or fitted.pitch >= 2 * quantum):
                    return fitted
    return None


def _fit(
    offsets: NDArray[np.float64], pitch: float, quantum: float, rounded: bool
) -> Spacing | None:
    """Fit one pitch by least squares; None where a slice strays too far."""
    allowed = _allowed(pitch, quantum, rounded)
    if _stray(offsets[_sample(len(offsets))], offsets[0], pitch) > 2 * allowed:
        return None  # nor can all of them fit
    indices = np.round((offsets - offsets[0]) / pitch)
    stray = _stray(offsets, offsets[0], pitch)
    if stray > 2 * allowed or (np.diff(indices) < 1).any():  # no refinement can mend that
        return None
    slope, start = np.polyfit(indices, offsets, 1)
    residual = float(np.abs(offsets - (start + slope * indices)).max())
    allowed = _allowed(float(slope), quantum, rounded)
    if residual > allowed and not (rounded and _is_rounded_line(indices, offsets, quantum)):
        return None
    return Spacing("regular", float(slope), float(start), indices, residual, rounded=rounded)


def _is_rounded_line(
    indices: NDArray[np.float64], offsets: NDArray[np.float64], quantum: float
) -> bool:
    """Say whether offsets are those of some line, each rounded to the quantum.

    The line of least squares strays a little further from them than the one that strays least
    (Chebyshev's): that one runs along an edge of their convex hull.
    """
    span = float(offsets[-1] - offsets[0])
    if quantum / 2 > TOLERANCES.residual_cap_of_pitch * span / float(indices[-1]):
        return False
    slopes = [*_hull_slopes(indices, offsets), *(-s for s in _hull_slopes(indices, -offsets))]
    return min(float(np.ptp(offsets - slope * indices)) for slope in slopes) <= HALF_UP * quantum


HALF_UP = 1 + 1e-6
"""From half a quantum below a line to half above, give or take the last digit."""


def _hull_slopes(x: NDArray[np.float64], y: NDArray[np.float64]) -> list[float]:
    """Give the slopes of the lower convex hull of points in order of x (Andrew 1979)."""
    hull: list[tuple[float, float]] = []
    for point in zip(x.tolist(), y.tolist(), strict=True):
        while len(hull) > 1 and _slope(hull[-2], hull[-1]) >= _slope(hull[-1], point):
            hull.pop()
        hull.append(point)
    return [_slope(a, b) for a, b in pairwise(hull)]


def _slope(a: tuple[float, float], b: tuple[float, float]) -> float:
    return (b[1] - a[1]) / (b[0] - a[0])


def _stray(offsets: NDArray[np.float64], start: float, pitch: float) -> float:
    """Say how far an offset lies from the nearest multiple of the pitch, at most."""
    steps = (offsets - start) / pitch
    return float(np.abs(steps - np.round(steps)).max() * pitch)


SAMPLE = 256
"""So many slices of a long stack are tried first: ten thousands of pitches may be."""


@cache
def _sample(count: int) -> NDArray[np.int64]:
    """Choose some of many slices, spread evenly and in no rhythm (the golden ratio's)."""
    if count <= SAMPLE:
        return np.arange(count)
    chosen = (np.arange(1, SAMPLE + 1) * GOLDEN % 1 * count).astype(np.int64)
    return np.array(sorted(set(chosen.tolist())))  # np.unique imports all of numpy.ma


GOLDEN = (5**0.5 - 1) / 2


OBLIQUE = 3**0.5
"""What the rounding of three coordinates comes to along the most oblique normal."""


def _allowed(pitch: float, quantum: float, rounded: bool) -> float:
    tight = max(TOLERANCES.regular_mm, TOLERANCES.regular_of_pitch * pitch)
    if rounded:
        if not 0 < quantum <= OBLIQUE * TOLERANCES.rounded_quantum_mm + 1e-9:
            return -1.0
        tight = max(tight, TOLERANCES.rounded_of_quantum * quantum)
    return min(tight, TOLERANCES.residual_cap_of_pitch * pitch)


def _slices_are_missing(jumps: NDArray[np.float64]) -> bool:
    """Say whether most steps are one and the longer ones stand alone."""
    longest_run = max((len(run) for value, run in _runs(jumps) if value > 1), default=0)
    return bool((jumps == 1).sum() * 2 >= len(jumps)) and (
        longest_run < TOLERANCES.run_of_equal_steps
    )


def _runs(values: NDArray[np.float64]) -> list[tuple[float, NDArray[np.float64]]]:
    """Cut a row of numbers into runs of equal ones."""
    cuts = np.flatnonzero(~_equal(values[1:], values[:-1])) + 1
    return [(float(run[0]), run) for run in np.split(values, cuts)]


def _equal(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    slack = np.maximum(TOLERANCES.regular_mm, TOLERANCES.equal_step_relative * np.maximum(a, b))
    return np.abs(a - b) <= slack


def _uneven(offsets: NDArray[np.float64], steps: NDArray[np.float64], quantum: float) -> Spacing:
    """Describe a stack whose slices no grid fits: spacings that change, or none at all."""
    in_runs = sum(len(run) for _, run in _runs(steps) if len(run) >= TOLERANCES.run_of_equal_steps)
    kind = "variable" if in_runs * 2 >= len(steps) and len(steps) > 2 else "irregular"
    span = float(offsets[-1] - offsets[0])
    pitch = span / max(1, round(span / float(np.percentile(steps, 25))))
    indices = (offsets - offsets[0]) / pitch
    return Spacing(kind, pitch, float(offsets[0]), indices, 0.0, _gaps(steps, quantum))


def _gaps(steps: NDArray[np.float64], quantum: float) -> tuple[int, ...]:
    """Find intervals far wider than both of their neighbours.

    Steps that differ by no more than the rounding of the positions prove no gap: 1.25 mm
    written in whole millimetres is 1 mm here and 2 mm there.
    """
    if np.ptp(steps) <= 1.01 * quantum:
        return ()
    padded = np.concatenate([[0.0], steps, [0.0]])
    neighbours = np.maximum(padded[:-2], padded[2:])
    wide = (steps > TOLERANCES.gap_over_neighbours * neighbours) & (neighbours > 0)
    return tuple(int(k) for k in np.flatnonzero(wide))
