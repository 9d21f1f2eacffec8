"""Volumes of a diffusion series: in the order of acquisition, each with its weighting."""

from __future__ import annotations

from collections.abc import Sequence

from volume.assembly.repeats import WEIGHTING, Part, first_acquired
from volume.dicom.header import Diffusion, SliceHeader
from volume.findings import Finding, info, warning

SAME_B = 0.5
"""B-values of one volume differ by no more, in s/mm²."""
SAME_DIRECTION = 1e-3
"""Nor do the parts of its direction."""


def acquired_in_order(parts: Sequence[Part]) -> list[Part]:
    """Put the volumes of a diffusion series in the order in which they were acquired.

    Volumes that differ in something else (echo, magnitude or phase) stay sorted by that.
    """
    if not any(tag in WEIGHTING for part in parts for tag, _, _ in part.axes):
        return list(parts)
    others = [_axes_before(part) for part in parts]
    known = {axes: n for n, axes in reversed(list(enumerate(others)))}
    place = {id(part): known[axes] for part, axes in zip(parts, others, strict=True)}
    return sorted(parts, key=lambda part: (place[id(part)], first_acquired(part.slices)))


def _axes_before(part: Part) -> tuple[object, ...]:
    """Give the axes that stand before a part's b-value and direction."""
    tags = [tag for tag, _, _ in part.axes]
    first = next((n for n, tag in enumerate(tags) if tag in WEIGHTING), len(tags))
    return part.axes[:first]


def is_weighted(slices: Sequence[SliceHeader]) -> bool:
    """Say whether any slice is weighted: makers write a b-value of 0 into other images too."""
    return any(h.diffusion is not None and h.diffusion.b_value > 0 for h in slices)


def weighting(slices: Sequence[SliceHeader]) -> tuple[Diffusion | None, list[Finding]]:
    """Give how the volume that slices make is weighted, and what is odd about that.

    The slices are those of a series in which some are weighted.
    """
    told = [header.diffusion for header in slices if header.diffusion is not None]
    if len(told) < len(slices):
        lacking = tuple(header.name for header in slices if header.diffusion is None)
        text = f"{len(lacking)} of {len(slices)} slices of a diffusion series have no b-value"
        return None, [warning("diffusion-incomplete", text, files=lacking[:FILES_NAMED])]
    first = told[0]
    other = next((n for n, one in enumerate(told) if not _same(first, one)), None)
    if other is not None:
        return None, [
            warning(
                "diffusion-incomplete",
                "the slices of one volume name different b-values or directions",
                files=(slices[0].name, slices[other].name),
                evidence={"b_values": sorted({one.b_value for one in told})},
            )
        ]
    if first.b_value > 0 and first.direction is None:
        text = f"b = {first.b_value:g} s/mm² without a direction: a trace, or it is not told"
        evidence = {"b_value": first.b_value}
        return first, [info("diffusion-incomplete", text, evidence=evidence)]
    return first, []


FILES_NAMED = 4


def _same(one: Diffusion, other: Diffusion) -> bool:
    if abs(one.b_value - other.b_value) > SAME_B:
        return False
    if one.direction is None or other.direction is None:
        return one.direction is other.direction
    apart = zip(one.direction, other.direction, strict=True)
    return max(abs(a - b) for a, b in apart) <= SAME_DIRECTION
