"""From a group of slices to stacks: duplicates dropped, repeats split, a grid fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from volume.assembly import inspection
from volume.assembly.drift import is_shifted, is_tilted, measure_drift
from volume.assembly.duplicates import drop_duplicates
from volume.assembly.grouping import Group
from volume.assembly.interleaved import untangle
from volume.assembly.placement import Placement, place, same_place_mm, share_places
from volume.assembly.regularise import plan
from volume.assembly.repeats import TAGS, Part, suffix, tell_apart
from volume.assembly.spacing import fit_spacing
from volume.assembly.stack import Grid, Stack, name_stack
from volume.assembly.terms import may_be_said
from volume.assembly.tolerances import TOLERANCES
from volume.assembly.weighting import acquired_in_order, is_weighted, weighting
from volume.dicom.header import SliceHeader
from volume.dicom.pixels import can_decode
from volume.findings import Finding, Severity, error, info, warning
from volume.geometry import Geometry

ASSUMED_THICKNESS_MM = 1.0


def stack_group(group: Group) -> tuple[Stack, ...]:
    """Order the slices of a group along their normal and fit the grid they lie on."""
    if any(f.code == "not-a-stack" and f.severity is Severity.ERROR for f in group.findings):
        return (_unplaced(group),)
    if all(header.pixels.tile is not None for header in group.slices):
        return _stack_mosaics(group)
    dropped, findings, places = _at_places(group.slices, numbered=True)
    parts = None if is_film(places) else tell_apart(places)
    if parts is None and not is_film(places):  # copies may bear numbers of their own
        dropped, findings, places = _at_places(group.slices, numbered=False)
        parts = tell_apart(places)
    if parts is None and not is_film(places):  # acquisitions at offsets may meet at places
        mixed = untangle(Part(tuple(h for p in places for h in p)), repeats=True)
        parts = mixed if len(mixed) > 1 else None
    if parts is None:
        findings.append(_film(places) if is_film(places) else _ambiguous(places))
        in_order = [header for place in places for header in place]
        return (replace(_unplaced(group, in_order, findings), dropped=tuple(dropped)),)
    place_of = {id(header): n for n, place in enumerate(places) for header in place}
    ends = {
        id(part): _short_ends(part, place_of, len(places)) for part in parts if not part.untangled
    }
    parts = acquired_in_order([one for part in parts for one in untangle(part)])
    if len(parts) > 1:
        findings.append(_split_by(parts))
    stacks = tuple(
        replace(
            _stack(part, group, [*findings, *ends.get(id(part), [])]),
            dropped=_dropped_from(part, dropped),
        )
        for part in parts
    )
    stacks = _weighted(stacks, group)
    alone = len(stacks) == 1 and not group.letters
    return (inspection.with_ends(stacks[0]),) if alone else stacks


def _weighted(stacks: tuple[Stack, ...], group: Group) -> tuple[Stack, ...]:
    """Say how each volume of a diffusion series is weighted."""
    if not is_weighted(group.slices):
        return stacks
    told = [weighting(stack.slices) for stack in stacks]
    return tuple(
        replace(stack, diffusion=diffusion, findings=(*stack.findings, *odd))
        for stack, (diffusion, odd) in zip(stacks, told, strict=True)
    )


def _stack_mosaics(group: Group) -> tuple[Stack, ...]:
    """Make a stack of every mosaic: each holds a whole volume, whatever lies beside it.

    The first tile stands for its file where files are told apart.
    """
    tiles: dict[tuple[str, int], list[SliceHeader]] = {}
    for header in group.slices:
        tiles.setdefault((header.path, header.frame), []).append(header)
    firsts = [own[0] for own in tiles.values()]

    def whole(slices: Sequence[SliceHeader]) -> tuple[SliceHeader, ...]:
        return tuple(tile for one in slices for tile in tiles[one.path, one.frame])

    for numbered in (True, False):  # copies may bear numbers of their own
        kept, dropped, findings = drop_duplicates(firsts, numbered=numbered)
        parts = tell_apart([kept])
        if parts is not None:
            break
    if parts is None:
        refused = _unplaced(group, whole(kept), [*findings, _ambiguous([kept])])
        return (replace(refused, dropped=whole(dropped)),)
    parts = acquired_in_order(parts)
    if len(parts) > 1:
        findings.append(_split_by(parts))
    stacks = tuple(
        replace(
            _stack(replace(part, slices=whole(part.slices)), group, findings),
            dropped=whole(_dropped_from(part, dropped)),
        )
        for part in parts
    )
    return _weighted(stacks, group)


def _short_ends(part: Part, place_of: Mapping[int, int], count: int) -> list[Finding]:
    """Say where a part ends before its siblings do: positions within it cannot tell.

    A part that covers much less than the others is another range, not one with holes.
    """
    held = [place_of[id(header)] for header in part.slices]
    first, last = min(held), count - 1 - max(held)
    missing = first + last
    if not missing or missing > max(1, TOLERANCES.fill_of_slices * count):
        return []
    ends = " and ".join(
        f"{n} before slice 1" if side == "first" else f"{n} after slice {len(held)}"
        for side, n in (("first", first), ("last", last))
        if n
    )
    return [
        error(
            "missing-slices",
            f"slices are missing at the ends, where other volumes of this series have them: {ends}",
            files=(part.slices[0].name, part.slices[-1].name),
            evidence={"missing": missing, "places": count},
            remedy=("gaps", "largest"),
        )
    ]


def _dropped_from(part: Part, dropped: Sequence[SliceHeader]) -> tuple[SliceHeader, ...]:
    """Choose the duplicates of a part's own slices."""
    if not dropped:
        return ()
    traits = {frozenset(header.traits.items()) for header in part.slices}
    return tuple(h for h in dropped if frozenset(h.traits.items()) in traits)


def _at_places(
    slices: Sequence[SliceHeader], *, numbered: bool
) -> tuple[list[SliceHeader], list[Finding], list[list[SliceHeader]]]:
    """Drop duplicates and group the rest by place, in order along the normal."""
    kept, dropped, findings = drop_duplicates(slices, numbered=numbered)
    placement = place(kept)
    within = same_place_mm(placement.offsets, placement.quantum)
    places = [[kept[n] for n in shared] for shared in share_places(placement.offsets, within)]
    return dropped, findings, places


FILM_IMAGES = 3
"""So many images of one place, and none of another, are a film."""


def is_film(places: Sequence[Sequence[SliceHeader]]) -> bool:
    """Say whether all images show one place."""
    return len(places) == 1 and len(places[0]) >= FILM_IMAGES


def _film(places: Sequence[Sequence[SliceHeader]]) -> Finding:
    return error(
        "time-series-2d",
        f"{len(places[0])} images of one and the same place: a film, not a volume",
        files=tuple(header.name for header in places[0][:FILM_IMAGES]),
        evidence={"images": len(places[0])},
        remedy="put the one image you want into a folder of its own",
    )


def _unplaced(
    group: Group, slices: Sequence[SliceHeader] = (), findings: Sequence[Finding] = ()
) -> Stack:
    """Make a stack that is refused: its slices prove no order."""
    members = tuple(slices) or group.slices
    everything = (*group.findings, *findings, *inspection.of_values(members))
    return Stack(name_stack(members[0], group.letters), members, None, (), everything)


def _ambiguous(places: Sequence[Sequence[SliceHeader]]) -> Finding:
    shared = [place for place in places if len(place) > 1]
    return error(
        "ambiguous-repeats",
        f"{len(shared)} of {len(places)} places hold up to {max(map(len, shared))} slices each,"
        " and no tag tells them apart",
        files=tuple(dict.fromkeys(header.name for header in shared[0])),
        evidence={"places": len(places), "shared": len(shared), "tried": list(TAGS)},
        remedy="put each acquisition into a folder of its own",
    )


def _split_by(parts: Sequence[Part]) -> Finding:
    tags = list(dict.fromkeys(tag for part in parts for tag, _, _ in part.axes))
    make = warning if any(part.untangled for part in parts) else info
    return make(
        "split-by",
        f"{len(parts)} volumes share this series, told apart by {' and '.join(tags)}",
        evidence={"tags": tags, "volumes": len(parts)},
    )


def _stack(part: Part, group: Group, shared: Sequence[Finding]) -> Stack:
    """Fit the grid of one part and say everything that was noticed about it."""
    slices, placement = _in_order(part.slices)
    spacing = fit_spacing(placement.offsets, placement.quantum_along, _thickness(slices))
    drift = measure_drift(placement)
    pixel = np.array((slices[0].pixel_spacing or (1.0, 1.0))[::-1])
    grid = Grid(placement, spacing, drift, pixel)
    lost = frozenset(n for n, header in enumerate(slices) if _unreadable(header))
    findings = (
        *group.findings,
        *shared,
        *inspection.of_grid(slices, grid),
        *inspection.of_parts(slices),
        *inspection.of_lost(slices, lost),
        *inspection.of_values(slices),
    )
    siblings = name_stack(slices[0], group.letters)
    kind = _kind(grid)
    geometry = _geometry(slices, grid, kind)
    return Stack(
        siblings + suffix(part), tuple(slices), geometry, kind, findings, _axes(part), grid, lost,
        group=siblings,
    )  # fmt: skip


def _axes(part: Part) -> tuple[tuple[str, object], ...]:
    """Give the tags and values by which a part was told apart; what may identify, by rank."""
    return tuple((tag, v if may_be_said(tag, v) else rank) for tag, v, rank in part.axes)


def refit(stack: Stack, slices: Sequence[SliceHeader]) -> Stack:
    """Fit some slices of a stack anew; its name, axis and history stay."""
    history = [f for f in stack.findings if f.code in inspection.HISTORY]
    fitted = _stack(Part(tuple(slices)), Group(tuple(slices)), history)
    return replace(
        fitted,
        id=stack.id,
        group=stack.group,
        axes=stack.axes,
        dropped=stack.dropped,
        diffusion=stack.diffusion,
    )


def _unreadable(header: SliceHeader) -> bool:
    return header.pixels.missing > 0 or not can_decode(header.pixels.transfer_syntax)


def _in_order(slices: Sequence[SliceHeader]) -> tuple[list[SliceHeader], Placement]:
    placement = place(slices)
    order = np.argsort(placement.offsets, kind="stable")
    ordered = [slices[n] for n in order]
    return ordered, Placement(
        placement.axes, placement.positions[order], placement.offsets[order], placement.quantum
    )


def _thickness(slices: Sequence[SliceHeader]) -> float:
    """Say what stands in for the spacing of a single slice."""
    for thickness in (slices[0].slice_thickness, slices[0].spacing_between_slices):
        if thickness is not None and 0 < thickness < 1000:
            return thickness
    return ASSUMED_THICKNESS_MM


def _kind(grid: Grid) -> tuple[str, ...]:
    kinds = [grid.spacing.kind] if grid.spacing.kind != "regular" else []
    if is_tilted(grid.drift, grid.placement, grid.pixel):
        kinds.append("tilted")
    if is_shifted(grid.drift, grid.placement, grid.pixel):
        kinds.append("shifted")
    return tuple(kinds) or ("regular",)


def _geometry(slices: Sequence[SliceHeader], grid: Grid, kind: tuple[str, ...]) -> Geometry:
    """Make the grid of the volume that comes out: straight, and even along the normal."""
    return plan(grid, slices[0].columns, slices[0].rows, kind).geometry
