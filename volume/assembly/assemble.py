"""Decode every slice of a stack into one array on its grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.assembly import in_passing, voids
from volume.assembly.forecast import refuse_if_too_large
from volume.assembly.in_passing import DoesNotFitError, InPassing
from volume.assembly.options import DEFAULTS, Options
from volume.assembly.placement import corner_stray_mm
from volume.assembly.regularise import (
    ON_A_SLICE,
    UNTOUCHED,
    Straightening,
    is_straightened,
    plan,
    straighten,
    stray_mm,
)
from volume.assembly.report import write_report
from volume.assembly.selection import Selection, select
from volume.assembly.self_check import Probes, check, check_resampled
from volume.assembly.stack import Grid, Stack
from volume.assembly.values import Values, real_values
from volume.dicom.header import SliceHeader
from volume.dicom.limits import MIB, said
from volume.dicom.pixels import Pixels, read_pixels
from volume.dicom.sop_classes import transfer_syntax_name
from volume.errors import GridError, PixelError
from volume.findings import Finding, Severity, error, info
from volume.geometry import Geometry
from volume.progress import Counted, Progress, Silent, counting
from volume.room import Room
from volume.volume import AIR_HU, Volume


def assemble(
    stack: Stack,
    options: Options = DEFAULTS,
    progress: Progress | None = None,
    room: Room | None = None,
) -> Volume:
    """Decode every slice of `stack` into one array on its grid, and check the result.

    The array lies in `room`, where one is given and the values are made in passing.
    Raises `GridError` where the slices do not prove one, `PixelError` where pixels cannot
    be decoded, `MemoryLimitError` where there is too little memory for them, `SelfCheckError`
    where the result contradicts its own slices.
    """
    selection = select(stack, options.gaps, lenient=options.lenient)
    refuse_if_unsafe(selection.stack, options.geometry)
    slices = selection.slices
    with counting(progress) as bar:
        bar.expect(len(slices))
        pixels, probes, passing = _read(selection.stack, options, bar, room)
        if pixels.faults:
            return _without(stack, selection, pixels, options, bar)
        _refuse_lost_bits(pixels)
        values = _values(pixels, slices, passing, options)
        volume = _on_its_grid(selection.stack, values, probes, options, bar)
    noticed = (*selection.findings, *pixels.findings, *values.findings, *volume.findings)
    noticed = (*noticed, *said(options.limits))
    return replace(volume, findings=noticed, report=_report(stack, selection, options, values))


def _read(
    stack: Stack, options: Options, progress: Counted, room: Room | None
) -> tuple[Pixels, Probes, InPassing | None]:
    """Read the slices of a stack; their values are made in passing, where that can be."""
    bent = is_straightened(stack.kind, options.geometry)
    if in_passing.is_possible(stack.slices):
        memory = options.limits.memory * MIB
        passing = InPassing(stack.slices, options.padding, marks=bent, memory=memory)
        with suppress(DoesNotFitError):
            own = None if bent else room
            return *_read_each(stack, options, progress, passing, own), passing
        progress.expect(len(stack.slices))  # all are read again
    return *_read_each(stack, options, progress, None, None), None


def _read_each(
    stack: Stack,
    options: Options,
    progress: Progress,
    passing: InPassing | None,
    room: Room | None,
) -> tuple[Pixels, Probes]:
    slices = stack.slices
    probes = Probes(len(slices), slices[0].rows, slices[0].columns)

    def before() -> None:
        refuse_if_too_large([stack], options)
        if passing is not None:
            passing.begin()

    def each(n: int, plane: NDArray[Any], ends: tuple[Any, Any] | None) -> None:
        probes.draw(n, plane)
        if passing is not None:
            passing(n, plane, ends)

    read = read_pixels(slices, progress, options.limits, before=before, each=each, room=room)
    return read, probes


def _values(
    pixels: Pixels, slices: Sequence[SliceHeader], passing: InPassing | None, options: Options
) -> Values:
    if passing is not None:
        return passing.values(pixels.array)
    return real_values(pixels, slices, options.padding, memory=options.limits.memory * MIB)


def _refuse_lost_bits(pixels: Pixels) -> None:
    """Refuse a stack in which some slices claim fewer bits than their pixels use."""
    for finding in pixels.findings:
        if finding.evidence.get("bits_vary"):
            raise GridError(
                f"{finding.message}, in slices that claim fewer bits than others",
                findings=(finding,),
                files=finding.files,
                remedy="copy or export these files again from where they came from",
            )


def _without(
    stack: Stack, selection: Selection, pixels: Pixels, options: Options, progress: Counted
) -> Volume:
    """Treat slices whose pixels fail as missing, where the gap policy has a word on that."""
    if options.gaps == "refuse":
        raise _undecodable(selection.slices, pixels)
    failed = {selection.chosen[n]: fault for n, fault in pixels.faults.items()}
    found = tuple(
        error(
            code, f"slice {n + 1} of {len(stack.slices)}: {reason}", files=(stack.slices[n].name,)
        )
        for n, (code, reason) in failed.items()
    )
    broken = replace(stack, lost=stack.lost | set(failed), findings=(*stack.findings, *found))
    return assemble(broken, options, progress)


def refuse_if_unsafe(stack: Stack, geometry: str) -> None:
    """Raise `GridError` where the stack is no grid, or not one of the kind asked for."""
    errors = stack.refusals
    if errors or stack.grid is None:
        first = errors[0]
        raise GridError(
            "; ".join(finding.message for finding in errors),
            findings=errors,
            files=_paths(stack, first.files),
            remedy=first.remedy,
        )
    uneven = tuple(kind for kind in stack.kind if kind not in ("regular", "single", "tilted"))
    bent = [f for f in stack.findings if f.severity is Severity.WARNING and f.code in BENT]
    what = "; ".join(finding.message for finding in bent)
    if geometry == "strict" and stack.kind not in UNTOUCHED:
        raise GridError(what, findings=bent, remedy=("geometry", "regular"))
    if geometry == "raw" and uneven:
        raise GridError(
            f"as acquired, this is no grid: {what}", findings=bent, remedy=("geometry", "regular")
        )


BENT = frozenset(
    "gantry-tilt variable-spacing irregular-spacing in-plane-shift missing-slices".split()
)


def _on_its_grid(
    stack: Stack, values: Values, probes: Probes, options: Options, progress: Counted
) -> Volume:
    """Put the values where their slices say: as they are, or straightened once."""
    grid = _grid(stack)
    if not is_straightened(stack.kind, options.geometry):
        volume = _volume(stack, values, values.array, own_geometry(stack))
        volume = replace(volume, valid=voids.mask(values.voids))
        corner = corner_stray_mm(stack.slices, grid.placement.axes)
        check(volume, stack.slices, probes, stray_mm(grid, stack.kind, corner))
        return volume
    how = plan(grid, stack.slices[0].columns, stack.slices[0].rows, stack.kind)
    progress.expect(how.geometry.size[2])
    array, valid = straighten(values.array, values.padding, how, _outside(values), progress)
    if values.voids is not None:
        marked = values.voids.astype(np.uint8)
        empty, _ = straighten(marked, values.voids, how, 0.0, Silent())
        valid[empty > 0] = voids.NOWHERE
    volume = replace(
        _volume(stack, values, array, how.geometry),
        valid=valid,
        findings=(_resampled(stack, how, valid),),
    )
    check_resampled(volume, values.array, stack.slices, probes)
    return volume


def _volume(stack: Stack, values: Values, array: NDArray[Any], geometry: Geometry) -> Volume:
    return Volume(
        array,
        geometry,
        unit=values.unit,
        modality=stack.modality,
        id=stack.id,
        window=stack.slices[0].window,
        axis=stack.axis,
    )


def _grid(stack: Stack) -> Grid:
    if stack.grid is None:
        raise GridError("the slices do not say where they lie", findings=stack.refusals)
    return stack.grid


def own_geometry(stack: Stack) -> Geometry:
    """Give the grid of the slices as they were acquired: sheared where they are tilted."""
    grid, first = _grid(stack), stack.slices[0]
    if stack.geometry is not None and "tilted" not in stack.kind:
        return stack.geometry
    axes = grid.placement.axes
    along = axes[2] + grid.drift.shear @ axes[:2]
    length = float(np.linalg.norm(along))
    line = grid.placement.positions @ axes[:2].T - grid.drift.shifts
    return Geometry(
        (first.columns, first.rows, len(stack.slices)),
        line[0] @ axes[:2] + grid.spacing.start * axes[2],
        np.array([*grid.pixel, grid.spacing.pitch * length]),
        np.column_stack([axes[0], axes[1], along / length]),
    )


def _outside(values: Values) -> float:
    """Give what stands where nothing was scanned: air in HU, else the least value."""
    if values.unit == "HU" and values.array.ndim == 3:
        return AIR_HU
    return min(0.0, float(values.array.min()))


def _resampled(stack: Stack, how: Straightening, valid: Any) -> Finding:
    between = int(np.count_nonzero((valid == 2).any(axis=(1, 2))))
    size = " x ".join(map(str, how.geometry.size))
    return info(
        "resampled",
        f"{len(stack.slices)} slices were resampled once onto {size} voxels, every"
        f" {how.geometry.spacing[2]:.4g} mm: {between} slices lie between measured ones",
        evidence={"slices": len(stack.slices), "between": between, "kind": list(stack.kind)},
    )


def _undecodable(slices: Sequence[SliceHeader], pixels: Pixels) -> PixelError:
    first = min(pixels.faults)
    header, (_, reason) = slices[first], pixels.faults[first]
    more = f" (and {len(pixels.faults) - 1} more slices)" if len(pixels.faults) > 1 else ""
    name = transfer_syntax_name(header.pixels.transfer_syntax)
    return PixelError(
        f"slice {first + 1} of {len(slices)} cannot be decoded: {reason}{more}",
        path=header.path,
        transfer_syntax=name,
        remedy="copy or export this file again from where it came from,"
        " or leave it out with {gaps=largest}",
    )


def _paths(stack: Stack, names: Sequence[str]) -> tuple[str, ...]:
    paths = {header.name: header.path for header in stack.slices}
    return tuple(paths.get(name, name) for name in names)


def _report(
    stack: Stack, selection: Selection, options: Options, values: Values
) -> Mapping[str, Any]:
    asked = {"geometry": options.geometry, "gaps": options.gaps, "padding": options.padding}
    asked |= {"unit": options.unit} if stack.modality == "PT" else {}
    return write_report(stack, _places_along_k(selection), asked, values.summary)


def _places_along_k(selection: Selection) -> dict[int, float]:
    """Give where each slice stands in the output, along k; fractional between its slices."""
    places = _grid(selection.stack).spacing.indices
    return {
        n: round(float(k)) if abs(k - round(k)) < ON_A_SLICE else round(float(k), 4)
        for n, k in zip(selection.chosen, places, strict=True)
    }
