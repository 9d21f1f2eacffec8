"""Acquisitions that share no place but lie between one another: told apart by a tag.

Two phases scanned at an offset of half a step look like one volume twice as fine; two at
another offset like a finer grid with holes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np

from volume.assembly.drift import is_shifted, measure_drift
from volume.assembly.placement import place
from volume.assembly.repeats import TAGS, Part, ordering, value_of
from volume.assembly.spacing import Spacing, fit_spacing
from volume.assembly.tolerances import TOLERANCES
from volume.dicom.header import SliceHeader, Trait

CONTENT_TAGS = frozenset(
    "TemporalPositionIdentifier TemporalPositionIndex DiffusionBValue EchoNumbers EchoTime"
    " InversionTime KVP".split()
)
"""Tags that never change inside one volume. Others do: odd and even slices of one MR volume
may differ in AcquisitionNumber and times, and only split what is uneven as a whole."""
SAME_VALUE = 0.01
"""Numbers closer than one in a hundred are one setting, read twice."""
SLICES_A_PART, PARTS_AT_MOST = 3, 100
OVERLAP = 0.5
"""Parts that share less of their extent follow one another: one scan at two spacings."""


def untangle(part: Part, *, repeats: bool = False) -> list[Part]:
    """Split a part into the acquisitions that it interleaves, or give it back as it is.

    `repeats` says that some of its slices share a place, so that it is no grid itself.
    """
    whole = None if repeats else _spacing(part.slices)
    proved = whole is not None and whole.kind == "regular" and not whole.rounded
    for tag in TAGS:
        if proved and tag not in CONTENT_TAGS:
            continue
        groups = _by_value(part.slices, tag)
        if len(groups) > 1 and _are_volumes(list(groups.values())):
            ranked = sorted(groups, key=ordering)
            return [
                Part(tuple(groups[value]), (*part.axes, (tag, value, rank)), untangled=True)
                for rank, value in enumerate(ranked, start=1)
            ]
    return _stacks(part)


STACK_ID = "StackID"
"""Which of several parallel stacks a frame is of (PS3.3 C.7.6.16.2.2): asked only where all
frames together are no grid, for one volume may bear several."""


def _stacks(part: Part) -> list[Part]:
    """Split frames by the stack that they say they are of, where each is regular alone."""
    groups: dict[Trait, list[SliceHeader]] = {}
    for header in part.slices:
        groups.setdefault(value_of(header, STACK_ID), []).append(header)
    some = 1 < len(groups) <= PARTS_AT_MOST and "" not in groups
    if not some or not _is_uneven(part.slices):
        return [part]
    if not all(len(group) > 1 and _is_tight(group) for group in groups.values()):
        return [part]
    return [
        Part(tuple(groups[value]), (*part.axes, (STACK_ID, value, rank)), untangled=True)
        for rank, value in enumerate(sorted(groups, key=ordering), start=1)
    ]


def _is_uneven(slices: Sequence[SliceHeader]) -> bool:
    """Say whether slices are no regular grid: along the normal, or in their plane."""
    placement = place(slices)
    pixel = np.array((slices[0].pixel_spacing or (1.0, 1.0))[::-1])
    uneven = _spacing(slices).kind != "regular"
    return uneven or is_shifted(measure_drift(placement), placement, pixel)


def _spacing(slices: Sequence[SliceHeader]) -> Spacing:
    placement = place(slices)
    return fit_spacing(np.sort(placement.offsets), placement.quantum_along, 1.0)


def _is_tight(slices: Sequence[SliceHeader]) -> bool:
    """Say whether slices lie evenly, and not only within the rounding of their positions."""
    offsets = np.sort(place(slices).offsets)
    if (np.diff(offsets) <= TOLERANCES.duplicate_mm).any():
        return False
    found = _spacing(slices)
    return found.kind == "regular" and not found.rounded


def _by_value(slices: Sequence[SliceHeader], tag: str) -> dict[Trait, list[SliceHeader]]:
    groups: dict[Trait, list[SliceHeader]] = {}
    for header in slices:
        groups.setdefault(value_of(header, tag), []).append(header)
    numbers = sorted(value for value in groups if isinstance(value, float))
    alike = any(b - a <= SAME_VALUE * abs(b) for a, b in pairwise(numbers))
    return {} if "" in groups or alike else groups


def _are_volumes(groups: Sequence[Sequence[SliceHeader]]) -> bool:
    """Say whether every group is a regular stack, and all overlap over most of their extent."""
    if len(groups) > PARTS_AT_MOST or any(len(group) < SLICES_A_PART for group in groups):
        return False
    normal = place(groups[0]).axes[2]
    ends = [sorted(float(np.dot(h.position or (0, 0, 0), normal)) for h in g) for g in groups]
    return all(_overlap(a, b) for a, b in combinations(ends, 2)) and all(map(_is_tight, groups))


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    shared = min(a[-1], b[-1]) - max(a[0], b[0])
    return shared > OVERLAP * min(a[-1] - a[0], b[-1] - b[0])
