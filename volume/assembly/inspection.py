"""What there is to say about a stack, in millimetres: every decision as a finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from volume.assembly.drift import is_shifted, is_tilted
from volume.assembly.mappings import of_mappings
from volume.assembly.placement import corner_stray_mm
from volume.assembly.quantities import scaling_findings
from volume.assembly.stack import Grid, Stack
from volume.assembly.tolerances import TOLERANCES
from volume.assembly.values import UNITS
from volume.dicom.header import ModalityLut, SliceHeader
from volume.dicom.sop_classes import transfer_syntax_name
from volume.findings import Finding, error, info, warning
from volume.findings import count as numbered

HISTORY = frozenset(
    "localizer orientation-split matrix-split frame-of-reference-mixed duplicate-instance"
    " duplicate-identical duplicate-conflict split-by no-preamble meta-repaired secondary-capture"
    " pixels-padded left-out charset-repaired trace-split diffusion-incomplete".split()
)
"""Findings that stay true when only some slices of a stack are kept."""
STRICT = ("geometry", "strict")
ORIGINAL = "ask for the images as they were before they were compressed"
MANY_GAPS = 3
APART = "put the slices of each acquisition into a folder of its own"
AGAIN = "copy or export this file again from where it came from"
ORIGINALS = "ask for the images as the scanner made them: these were turned one by one"
NAMED_AT_MOST = 8
"""Gaps beyond so many are counted, not listed."""


def of_grid(slices: Sequence[SliceHeader], grid: Grid) -> list[Finding]:
    """Say what is remarkable about where the slices lie."""
    found = [*_spacing(slices, grid), *_drift(slices, grid), *_rounding(grid)]
    found += [*_orientations(slices, grid), *_spacing_tags(slices, grid), *_frame_order(slices)]
    found += _places_assumed(slices)
    return found


def _places_assumed(slices: Sequence[SliceHeader]) -> list[Finding]:
    """Say what was assumed about where frames lie, for want of a word in the file."""
    said = Counter(text for header in slices for text in header.assumed)
    return [
        warning(
            "spacing-assumed",
            text,
            files=_names(header for header in slices if text in header.assumed),
            evidence={"slices": count},
        )
        for text, count in said.items()
    ]


def _spacing(slices: Sequence[SliceHeader], grid: Grid) -> Iterable[Finding]:
    spacing = grid.spacing
    evidence = {"pitch_mm": _mm(spacing.pitch), "residual_mm": _mm(spacing.residual)}
    match spacing.kind:
        case "single":
            yield _single(slices[0], spacing.pitch)
            yield from _assumed(slices[0], spacing.pitch)
        case "missing":
            yield _missing(slices, grid)
        case "variable" | "irregular":
            yield _uneven(grid, evidence)
            sprawl = _sprawl(grid)
            if sprawl is not None:
                yield sprawl
            elif spacing.gaps:
                yield _missing(slices, grid)
        case "regular" if spacing.residual > TOLERANCES.regular_mm:
            text = f"the slices stray by up to {spacing.residual:.3g} mm from even spacing"
            yield info("spacing-jitter", text, evidence=evidence)


def _single(header: SliceHeader, pitch: float) -> Finding:
    if header.slice_thickness or header.spacing_between_slices:
        return info("single-slice", f"one slice only: its thickness, {pitch:.3g} mm, is its depth")
    return info("single-slice", "one slice only, of unknown thickness")


def _assumed(header: SliceHeader, pitch: float) -> list[Finding]:
    """Say that a single slice's depth is nowhere in the file."""
    if header.slice_thickness or header.spacing_between_slices:
        return []
    text = f"no thickness is given: {pitch:.3g} mm is assumed"
    return [warning("spacing-assumed", text, evidence={"assumed_mm": _mm(pitch)})]


def _missing(slices: Sequence[SliceHeader], grid: Grid) -> Finding:
    gaps = grid.spacing.gaps
    steps = np.diff(grid.placement.offsets)
    wide = steps[list(gaps)].tolist()
    others = np.delete(steps, list(gaps))
    usual = float(np.median(others)) if grid.spacing.kind != "missing" else grid.spacing.pitch
    count = sum(max(1, round(gap / usual) - 1) for gap in wide)
    places = [
        f"{gap:.4g} mm between slices {k + 1} and {k + 2}"
        for k, gap in zip(gaps[:NAMED_AT_MOST], wide, strict=False)
    ]
    more = f" and {len(gaps) - NAMED_AT_MOST} more" if len(gaps) > NAMED_AT_MOST else ""
    return error(
        "missing-slices",
        f"{_count(count, 'slice')} missing: {', '.join(places)}{more}, {usual:.4g} mm elsewhere",
        files=tuple(slices[n].name for k in gaps[:NAMED_AT_MOST] for n in (k, k + 1)),
        evidence={
            "missing": count,
            "pitch_mm": _mm(usual),
            "gaps": [
                {"after_slice": k + 1, "gap_mm": _mm(gap)}
                for k, gap in zip(gaps, wide, strict=True)
            ],
        },
        remedy=("gaps", "fill") if may_be_filled(grid) else ("gaps", "largest"),
    )


def may_be_filled(grid: Grid) -> bool:
    """Say whether so few slices are missing that they may be interpolated on request."""
    missing, widest, allowed = count_missing(grid)
    return missing <= allowed and widest <= TOLERANCES.fill_in_a_row


def count_missing(grid: Grid) -> tuple[int, int, int]:
    """Count the missing slices, the most in a row, and how many of them may be filled."""
    steps = np.diff(grid.spacing.indices)[list(grid.spacing.gaps)]
    missing = np.rint(steps).astype(int) - 1
    count = int(missing.sum())
    allowed = max(1, int(TOLERANCES.fill_of_slices * (len(grid.placement.offsets) + count)))
    return count, int(missing.max(initial=0)), allowed


def _count(number: int, noun: str) -> str:
    return f"{number} {noun} is" if number == 1 else f"{number} {noun}s are"


def _uneven(grid: Grid, evidence: dict[str, float]) -> Finding:
    steps = np.diff(grid.placement.offsets)
    evidence = {**evidence, "least_mm": _mm(steps.min()), "greatest_mm": _mm(steps.max())}
    code = "variable-spacing" if grid.spacing.kind == "variable" else "irregular-spacing"
    what = "the spacing changes" if code == "variable-spacing" else "the slices lie unevenly"
    text = f"{what}: {steps.min():.4g} to {steps.max():.4g} mm between slices"
    return warning(code, text, evidence=evidence, remedy=STRICT)


def _sprawl(grid: Grid) -> Finding | None:
    """Refuse slices so uneven that a regular grid would be mostly invented."""
    count, indices = len(grid.placement.offsets), grid.spacing.indices
    gaps = list(grid.spacing.gaps)
    inside = indices[-1] - np.diff(indices)[gaps].sum() + 1
    needed = round(float(indices[-1])) + 1
    if len(gaps) >= MANY_GAPS and len(gaps) > TOLERANCES.gaps_of_steps * count:
        text = f"{len(gaps)} gaps between {count} unevenly spaced slices"
        return error("not-a-stack", text, evidence={"gaps": len(gaps)}, remedy=APART)
    if inside <= TOLERANCES.growth * count:
        return None
    text = f"{count} slices so unevenly spaced that an even grid would need {needed}"
    return error("not-a-stack", text, evidence={"needed": needed}, remedy=APART)


def _drift(slices: Sequence[SliceHeader], grid: Grid) -> Iterable[Finding]:
    drift = grid.drift
    over = float(np.linalg.norm(drift.over_stack))
    evidence = {
        "angle_deg": round(drift.angle_deg, 4),
        "drift_mm": _mm(over),
        "shear_per_mm": [round(float(s), 6) for s in drift.shear],
    }
    if is_tilted(drift, grid.placement, grid.pixel):
        text = (
            f"the slices are sheared by {drift.angle_deg:.2f} degrees against their normal:"
            f" {over:.4g} mm over the stack"
        )
        yield warning("gantry-tilt", text, evidence=evidence, remedy=STRICT)
    elif over > TOLERANCES.drift_said_mm:
        text = f"the slices drift by {over:.3g} mm in their plane over the stack: left as it is"
        yield info("gantry-tilt", text, evidence=evidence)
    strays = np.linalg.norm(drift.shifts, axis=1)
    if is_shifted(drift, grid.placement, grid.pixel):
        yield _shift(strays, slices, grid)
    elif strays.max() > max(TOLERANCES.drift_said_mm, grid.placement.rounding_mm):
        text = (
            f"single slices stray by up to {strays.max():.3g} mm in their plane: left as they are"
        )
        names = _names([slices[int(strays.argmax())]])
        yield info("in-plane-shift", text, files=names, evidence={"shift_mm": _mm(strays.max())})


def _view_mm(header: SliceHeader, grid: Grid) -> float:
    """Give the shorter side of the field of view."""
    return float(min(header.columns * grid.pixel[0], header.rows * grid.pixel[1]))


def _shift(far: NDArray[np.float64], slices: Sequence[SliceHeader], grid: Grid) -> Finding:
    text = f"single slices are shifted by up to {far.max():.3g} mm in their plane"
    evidence = {"shift_mm": _mm(far.max()), "slice": int(far.argmax()) + 1}
    farthest = np.argsort(-far)[:NAMED_AT_MOST]
    shifted = [n for n in farthest if far[n] > TOLERANCES.drift_of_pixel * grid.pixel.min()]
    names = _names(slices[n] for n in sorted(shifted))
    view_mm = _view_mm(slices[0], grid)
    if far.max() > min(TOLERANCES.shift_refuse_mm, TOLERANCES.shift_refuse_of_view * view_mm):
        text = f"{text}: too far"
        return error("in-plane-shift", text, files=names, evidence=evidence, remedy=APART)
    return warning("in-plane-shift", text, files=names, evidence=evidence, remedy=STRICT)


def _rounding(grid: Grid) -> Iterable[Finding]:
    quantum = grid.placement.quantum
    if grid.spacing.rounded:
        text = f"the positions were written in steps of {quantum:g} mm: fitted over all slices"
        yield info("positions-rounded", text, evidence={"quantum_mm": quantum})
    elif grid.spacing.kind in ("variable", "irregular") and quantum > TOLERANCES.rounded_quantum_mm:
        text = f"the positions are written in steps of {quantum:g} mm: no slice is known better"
        yield warning("positions-rounded", text, evidence={"quantum_mm": quantum})


def _orientations(slices: Sequence[SliceHeader], grid: Grid) -> Iterable[Finding]:
    """Say how far the cosines are from one rotation, and what that is at the far corner."""
    cosines = np.array([header.orientation for header in slices], dtype=np.float64)
    lengths = np.linalg.norm(cosines, axis=2)
    right_angle = np.abs(np.einsum("ni,ni->n", cosines[:, 0], cosines[:, 1])).max()
    stray = float(max(np.abs(lengths - 1).max(), right_angle))
    chord = float(
        np.linalg.norm(cosines / lengths[:, :, None] - grid.placement.axes[:2], axis=2).max()
    )
    angle = float(np.degrees(2 * np.arcsin(min(1.0, chord / 2))))
    corner = corner_stray_mm(slices, grid.placement.axes)
    evidence = {"angle_deg": round(angle, 4), "corner_mm": _mm(corner), "cosines_off_by": stray}
    where = f"{corner:.2g} mm at the far corner"
    if corner > TOLERANCES.drift_of_pixel * float(grid.pixel.min()):
        text = f"the orientation varies by {angle:.2g} degrees: {where}"
        yield error("orientation-jitter", text, evidence=evidence, remedy=ORIGINALS)
    elif angle > TOLERANCES.orientation_jitter_deg:
        text = f"the orientation varies by {angle:.2g} degrees: {where}"
        yield warning("orientation-jitter", text, evidence=evidence)
    elif stray > TOLERANCES.cosines_warn:
        text = (
            f"the direction cosines are off by {stray:.2g}: the nearest rotation is used, {where}"
        )
        yield warning("orientation-jitter", text, evidence=evidence)


def _spacing_tags(slices: Sequence[SliceHeader], grid: Grid) -> Iterable[Finding]:
    if grid.spacing.kind != "regular":
        return
    tag = slices[0].spacing_between_slices
    pitch = grid.spacing.pitch
    if tag is not None and abs(tag - pitch) > TOLERANCES.spacing_tag_relative * pitch:
        text = f"Spacing Between Slices says {tag:g} mm; the positions say {pitch:.4g} mm"
        evidence = {"tag_mm": tag, "positions_mm": _mm(pitch)}
        yield info("spacing-tag-disagrees", text, evidence=evidence)


def _frame_order(slices: Sequence[SliceHeader]) -> Iterable[Finding]:
    frames = [header.frame for header in slices]
    if len({header.path for header in slices}) > 1 or len(frames) < 3:
        return
    if frames not in (sorted(frames), sorted(frames, reverse=True)):
        text = "the frames are stored in another order than they lie: put in order by position"
        evidence = {"frames": len(frames)}
        yield info("frame-order-contradicts-position", text, evidence=evidence)


def of_lost(slices: Sequence[SliceHeader], lost: Iterable[int]) -> list[Finding]:
    """Say which slices have no readable pixels; their places in the stack are known."""
    found = []
    mosaic = slices[0].pixels.tile is not None
    for n in sorted(lost)[: 1 if mosaic else None]:
        header = slices[n]
        if header.pixels.missing:
            code, why = "pixels-truncated", f"{header.pixels.missing} bytes of its pixels missing"
        else:
            name = transfer_syntax_name(header.pixels.transfer_syntax)
            code, why = "transfer-syntax-unsupported", f"pixels encoded as {name}: not supported"
        which = f"slice {n + 1} of {len(slices)}"
        which = f"a mosaic of {numbered(len(slices), 'slice')}" if mosaic else which
        found.append(
            error(
                code,
                f"{which}: {why}",
                files=(header.name,),
                evidence={"slice": n + 1},
                remedy=AGAIN,
            )
        )
    return found


def with_ends(stack: Stack) -> Stack:
    """Add what the numbering says of slices missing at the ends; positions cannot tell."""
    numbers = [header.instance_number for header in stack.slices]
    known = [number for number in numbers if number is not None]
    found = []
    if len(known) == len(numbers) > 2 and _runs_on(known) and min(known) > 1:
        text = f"InstanceNumber runs from {min(known)} to {max(known)}: slices may be missing"
        text += f" before slice {1 if known[0] < known[-1] else len(known)}"
        found.append(info("missing-slices", text, evidence={"first_number": min(known)}))
    expected = max(header.images_in_acquisition or 0 for header in stack.slices)
    if expected > len(stack.slices) and not stack.refusals:
        text = f"Images In Acquisition says {expected}; {len(stack.slices)} slices are here"
        found.append(info("missing-slices", text, evidence={"images_in_acquisition": expected}))
    return replace(stack, findings=(*stack.findings, *found)) if found else stack


def of_parts(slices: Sequence[SliceHeader]) -> list[Finding]:
    """Say which parts of a concatenation are missing (PS3.3 C.7.6.16.2.2.4)."""
    parts: dict[str, set[int]] = {}
    totals: dict[str, int] = {}
    for header in slices:
        if header.concatenation:
            uid, part, total = header.concatenation
            parts.setdefault(uid, set()).add(part)
            totals[uid] = total
    return [
        error(
            "missing-slices",
            f"{len(parts[uid])} of {total} parts of a concatenation are here",
            files=_names(h for h in slices if h.concatenation and h.concatenation[0] == uid),
            evidence={"parts": len(parts[uid]), "places": total},
            remedy=("gaps", "largest"),
        )
        for uid, total in totals.items()
        if len(parts[uid]) < total
    ]


def _runs_on(numbers: Sequence[int]) -> bool:
    """Say whether numbers go up or down by one from slice to slice."""
    steps = set(np.diff(numbers).tolist())
    return steps in ({1}, {-1})


def of_values(slices: Sequence[SliceHeader]) -> list[Finding]:
    """Say what is remarkable about the pixel values, as the headers tell it."""
    first = slices[0]
    found = []
    fullest = max(header.rescale.declared for header in slices)
    bare = [header for header in slices if header.rescale.declared < fullest]
    identity = {(1.0, 0.0)} >= {(h.rescale.slope, h.rescale.intercept) for h in slices}
    if bare and not identity:
        text = f"{len(bare)} of {len(slices)} slices lack the rescale that the others have"
        names = tuple(header.name for header in bare)
        found.append(error("rescale-varies", text, files=names, remedy=AGAIN))
    found += [*_rescales(slices), *_units(slices)]
    found += _stored_otherwise(slices)
    found += scaling_findings(slices)
    if first.pixels.photometric == "MONOCHROME1":
        text = "low values are meant to be shown bright: the values are left as they are"
        found.append(info("monochrome1", text, evidence={"slices": len(slices)}))
    if first.is_colour:
        text = f"every voxel holds red, green and blue{_colours(first)}"
        evidence = {"samples": 3, "photometric": first.pixels.photometric}
        found.append(info("colour-volume", text, evidence=evidence))
    found += of_mappings(slices)
    lossy = sum(map(_is_lossy, slices))
    if lossy:
        text = "the pixels were compressed with loss"
        found.append(warning("lossy-compressed", text, evidence={"slices": lossy}, remedy=ORIGINAL))
    return found


def _is_lossy(header: SliceHeader) -> bool:
    """Say whether pixels lost something: the header says so, or encodes them in such a way."""
    layout = header.pixels
    return header.lossy or layout.transfer_syntax in LOSSY or layout.photometric == "YBR_ICT"


def _colours(header: SliceHeader) -> str:
    """Say what was done to stored samples that are no red, green and blue."""
    if header.palette is not None:
        return ": looked up in the file's palette"
    model = header.pixels.photometric
    return "" if model == "RGB" else f": converted from {model}"


def _rescales(slices: Sequence[SliceHeader]) -> list[Finding]:
    """Say that rescales vary: from slice to slice, or in a few slices among many."""
    count = Counter(map(_scale, slices))
    if len(count) == 1:
        return []
    slopes = [slope for slope, *_ in count]
    evidence = {"least_slope": min(slopes), "greatest_slope": max(slopes)}
    strays = _strays(slices, _scale)
    mapped = [header for header in slices if header.lut is not None]
    if 0 < len(mapped) < len(slices):
        text = f"{len(mapped)} of {len(slices)} slices have a modality lookup table"
        few = mapped if 2 * len(mapped) <= len(slices) else [h for h in slices if h.lut is None]
        return [error("rescale-varies", text, files=_names(few), remedy=AGAIN)]
    if strays:
        text = f"{len(strays)} of {len(slices)} slices have another rescale: each has its own"
        return [warning("rescale-varies", text, files=_names(strays), evidence=evidence)]
    text = f"{len(count)} rescales vary from slice to slice: each is applied to its own"
    return [info("rescale-varies", text, evidence=evidence)]


def _units(slices: Sequence[SliceHeader]) -> list[Finding]:
    """Refuse a PET whose slices hold different quantities (Units, PS3.3 C.8.9.1.1.3)."""
    units = {header.rescale.unit for header in slices if header.modality == "PT"}
    if len(units) < 2:
        return []
    known = sorted(unit for unit in units if unit in UNITS)
    text = f"the slices name {len(units)} units, of no one quantity ({', '.join(known)})"
    strays = _strays(slices, lambda header: header.rescale.unit)
    return [error("rescale-varies", text, files=_names(strays), remedy=APART)]


def _scale(header: SliceHeader) -> tuple[float, float, ModalityLut | None]:
    """Say how stored values become real ones."""
    return header.rescale.slope, header.rescale.intercept, header.lut


def _stored_otherwise(slices: Sequence[SliceHeader]) -> list[Finding]:
    """Say which slices hold pixels of other bits, or of another sign, than the others."""
    forms = Counter(map(_form, slices))
    if len(forms) == 1:
        return []
    lifted = _strays(slices, lambda h: h.pixels.high_bit - h.pixels.bits_stored)
    if lifted:
        text = f"{len(lifted)} of {len(slices)} slices have their pixels in other bits (High Bit)"
        return [error("pixels-vary", text, files=_names(lifted), remedy=AGAIN)]
    text = "pixels of " + ", ".join(
        f"{bits} of {allocated} bits{', signed,' if signed else ''} in {numbered(n, 'slice')}"
        for (bits, allocated, signed, _), n in forms.most_common()
    )
    evidence = {"forms": len(forms)}
    strays = _strays(slices, _form)
    make = warning if strays else info
    return [make("pixels-vary", text, files=_names(strays), evidence=evidence)]


def _form(header: SliceHeader) -> tuple[int, int, bool, int]:
    layout = header.pixels
    return layout.bits_stored, layout.bits_allocated, layout.signed, layout.high_bit


FEW, ONE_AMONG = 0.1, 4
"""Up to a tenth of the slices, or one of four, differ from the others rather than vary."""


def _strays(
    slices: Sequence[SliceHeader], key: Callable[[SliceHeader], Hashable]
) -> list[SliceHeader]:
    """Give the few slices that differ from what the many share."""
    usual, _ = Counter(map(key, slices)).most_common(1)[0]
    others = [header for header in slices if key(header) != usual]
    one = len(others) == 1 and len(slices) >= ONE_AMONG
    return others if one or len(others) <= FEW * len(slices) else []


def _names(slices: Iterable[SliceHeader]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(header.name for header in slices))


LOSSY = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51))
"""JPEG always loses; JPEG-LS .81 and JPEG 2000 .91 may, and then say so in the header."""


def _mm(value: float) -> float:
    return round(float(value), 4)
