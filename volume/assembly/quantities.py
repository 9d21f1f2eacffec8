"""What the values of a volume stand for: a dose, a scaling of the maker; said and reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from volume.assembly.stack import Stack
from volume.dicom.header import SliceHeader
from volume.dicom.sop_classes import RT_DOSE
from volume.findings import Finding, info, warning

SAME_SCALE = 1e-6
"""Products of two slopes that differ by less, relatively, are one."""
DISPLAYED = "DV = PV x RS + RI; FP = DV / (RS x SS)"
STORED = "FP = (PV - SI) / SS"


def describe_quantity(slices: Sequence[SliceHeader]) -> dict[str, Any]:
    """Tell what a report says beyond the unit, as plain JSON values; nothing for most images."""
    if slices[0].sop_class_uid == RT_DOSE:
        return {"dose": _dose(slices[0])}
    if any(header.philips for header in slices):
        return {"philips_scaling": _philips(slices)}
    return {}


def _dose(header: SliceHeader) -> dict[str, Any]:
    """Tell which dose it is (PS3.3 C.8.8.3), in terms of the standard."""
    return {
        "type": header.traits.get("DoseType"),
        "summation_type": header.traits.get("DoseSummationType"),
        "units": header.traits.get("DoseUnits"),
        "grid_scaling": header.rescale.slope,
    }


def _philips(slices: Sequence[SliceHeader]) -> dict[str, Any]:
    """Tell the factors from what the volume holds to floating point values."""
    displayed = all(header.rescale.declared for header in slices)
    return {
        "held": "DV" if displayed else "PV",
        "formula": DISPLAYED if displayed else STORED,
        "RS": _one_or_each([header.rescale.slope for header in slices]),
        "RI": _one_or_each([header.rescale.intercept for header in slices]),
        "SS": _one_or_each([header.philips and header.philips[0] for header in slices]),
        "SI": _one_or_each([header.philips and header.philips[1] for header in slices]),
    }


def _one_or_each(values: Sequence[float | None]) -> float | list[float | None] | None:
    """Give the value that all slices share, or a list of one a slice, in their order."""
    return values[0] if len(set(values)) == 1 else list(values)


def scaling_findings(slices: Sequence[SliceHeader]) -> list[Finding]:
    """Say which of Philips' values are held, and whether slices can be compared by them."""
    scaled = [header for header in slices if header.philips is not None]
    if not scaled:
        return []
    if not all(header.rescale.declared for header in slices):
        text = "Philips scaling: Rescale Slope is missing, so the values are as stored (PV), not"
        return [warning("philips-scaling", f"{text} as displayed (DV); {STORED}")]
    if len(scaled) < len(slices):
        text = f"{len(scaled)} of {len(slices)} slices have Philips' scale slope (SS)"
        return [warning("philips-scaling", f"{text}: of the others no FP can be had")]
    scales = [_scale(header) for header in slices]
    evidence = {"least": min(scales), "greatest": max(scales)}
    if not _same(scales):
        text = (
            f"Philips scaling: RS x SS goes from {min(scales):.4g} to {max(scales):.4g}; displayed"
            f" values (DV) of two slices cannot be compared, floating point ones can: {DISPLAYED}"
        )
        return [warning("philips-scaling", text, evidence=evidence)]
    text = f"Philips scaling: displayed values (DV) are held; FP = DV / {scales[0]:.6g}"
    return [info("philips-scaling", text, evidence=evidence)]


def _scale(header: SliceHeader) -> float:
    """Give RS x SS: by how much displayed values are larger than floating point ones."""
    return header.rescale.slope * (header.philips or (1.0, 0.0))[0]


def _same(scales: Sequence[float]) -> bool:
    return max(scales) - min(scales) <= SAME_SCALE * max(map(abs, scales))


def compare_scalings(stacks: Sequence[Stack]) -> list[Stack]:
    """Say of the volumes of a series that they are displayed on scales of their own."""
    scaled = [stack for stack in stacks if stack.slices[0].philips is not None]
    if len(scaled) < 2 or _same([_scale(stack.slices[0]) for stack in scaled]):
        return list(stacks)
    text = (
        f"Philips scaling: {len(scaled)} volumes of this series have different RS x SS; their"
        " displayed values (DV) cannot be compared, their floating point ones can"
    )
    evidence = {"volumes": len(scaled)}
    found = warning("philips-scaling", text, evidence=evidence)
    return [
        replace(stack, findings=(*stack.findings, found)) if stack in scaled else stack
        for stack in stacks
    ]
