"""Stacks of different series whose slices lie on one grid: said, never merged unasked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from volume.assembly.stack import Stack
from volume.assembly.tolerances import TOLERANCES
from volume.findings import Finding, warning

PAIRS_AT_MOST = 1_000_000
"""Of more stacks of one kind not every pair is looked at."""
NEAR_STEPS = 1.5
"""A slice this close to the end of a stack, in steps, may be its next one."""


EVEN = (("regular",), ("missing",))
"""Kinds whose grid says where other slices would lie."""


def with_mergeable(stacks: Sequence[Stack]) -> list[Stack]:
    """Add to every even stack which slices of other series continue its grid, or fill it."""
    alike: dict[Hashable, list[Stack]] = defaultdict(list)
    for stack in stacks:
        if stack.grid is not None:
            alike[_kinship(stack)].append(stack)
    found: dict[str, list[Finding]] = defaultdict(list)
    for family in alike.values():
        series = {(stack.slices[0].study_uid, stack.series_uid) for stack in family}
        long = [stack for stack in family if stack.kind in EVEN and len(stack.slices) > 2]
        if len(series) == 1 or len(long) * len(family) > PAIRS_AT_MOST:
            continue
        firsts = np.array([stack.slices[0].position for stack in family], dtype=np.float64)
        for stack in long:
            for n in _may_continue(stack, firsts):
                if _are_related(stack, family[n]) and _continues(stack, family[n]):
                    found[stack.id].append(_finding(family[n]))
    return [
        replace(stack, findings=(*stack.findings, *found[stack.id])) if found[stack.id] else stack
        for stack in stacks
    ]


def _kinship(stack: Stack) -> Hashable:
    first = stack.slices[0]
    spacing = tuple(round(s, 4) for s in first.pixel_spacing or ())
    orientation = tuple(round(c, 3) for row in first.orientation or () for c in row)
    return first.modality, first.rows, first.columns, spacing, orientation


def _are_related(a: Stack, b: Stack) -> bool:
    """Say whether two stacks of different series share study, frame of reference or patient."""
    one, other = a.slices[0], b.slices[0]
    if (one.study_uid, one.series_uid) == (other.study_uid, other.series_uid):
        return False
    same_frame = one.frame_of_reference_uid == other.frame_of_reference_uid != ""
    same_patient = one.patient == other.patient != b""
    return same_frame or same_patient or one.study_uid == other.study_uid


def _may_continue(stack: Stack, firsts: NDArray[np.float64]) -> list[int]:
    """Tell by the first slice of each which stacks `_continues` has to look at.

    The rounding of one sum or another is allowed for: none is left out that it would find.
    """
    grid = stack.grid
    if grid is None:
        return []
    spacing, axes = grid.spacing, grid.placement.axes
    in_plane = (firsts - grid.placement.positions[0]) @ axes[:2].T
    aligned = (np.abs(in_plane) <= LOOSE * TOLERANCES.drift_of_pixel * grid.pixel).all(axis=1)
    steps = (firsts @ axes[2] - spacing.start) / spacing.pitch
    nearest = np.rint(steps)
    off = np.abs(steps - nearest)
    on_grid = off * spacing.pitch <= LOOSE * max(TOLERANCES.regular_mm, grid.placement.rounding_mm)
    taken = np.isin(nearest, np.rint(spacing.indices)) & (off < CLEAR)
    return list(np.flatnonzero(aligned & on_grid & ~taken).tolist())


LOOSE, CLEAR = 1.001, 0.499
"""What is within a thousandth of a tolerance, or of the middle between two steps, is looked at."""


def _continues(stack: Stack, other: Stack) -> bool:
    """Say whether every slice of `other` lies on the grid of `stack`, beside its slices."""
    grid = stack.grid
    if grid is None:
        return False
    own = set(np.rint(grid.spacing.indices).astype(int).tolist())
    positions = np.array([header.position for header in other.slices], dtype=np.float64)
    steps = (positions @ grid.placement.axes[2] - grid.spacing.start) / grid.spacing.pitch
    nearest = np.rint(steps)
    off_mm = np.abs(steps - nearest) * grid.spacing.pitch
    in_plane = (positions - grid.placement.positions[0]) @ grid.placement.axes[:2].T
    aligned = (np.abs(in_plane) <= TOLERANCES.drift_of_pixel * grid.pixel).all()
    free = not own & set(nearest.astype(int).tolist())
    close = nearest.min() <= max(own) + NEAR_STEPS and nearest.max() >= min(own) - NEAR_STEPS
    on_grid = (off_mm <= max(TOLERANCES.regular_mm, grid.placement.rounding_mm)).all()
    return bool(aligned and free and close and on_grid)


def _finding(other: Stack) -> Finding:
    count = len(other.slices)
    names = tuple(header.name for header in other.slices)
    text = f"{count} slice{'s' * (count > 1)} of another series, {other.id}, lie on the same grid"
    return warning(
        "mergeable-series", text, files=names, evidence={"id": other.id, "slices": count}
    )
