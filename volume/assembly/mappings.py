"""What the values of a parametric map mean: its mapping and unit, said and held together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.dicom import sop_classes
from volume.dicom.header import SliceHeader
from volume.findings import Finding, error, info, warning

APART = "ask for each quantity in a series of its own"


def is_map(header: SliceHeader) -> bool:
    """Say whether a slice is one of a parametric map."""
    return header.sop_class_uid == sop_classes.PARAMETRIC_MAP


def of_mappings(slices: Sequence[SliceHeader]) -> Iterable[Finding]:
    """Say which real world value mapping was applied, or that there is none to apply."""
    mapped = sum(header.real_world for header in slices)
    if not is_map(slices[0]):
        if mapped:
            text = "a real world value mapping is not applied"
            yield info("real-world-values", text, evidence={"slices": mapped})
        return
    units = sorted({header.rescale.unit for header in slices})
    evidence = {"slices": mapped, "units": units}
    if 0 < mapped < len(slices) or len(units) > 1:
        text = f"{mapped} of {len(slices)} slices have a mapping, to {len(units)} units"
        yield error("real-world-values", text, evidence=evidence, remedy=APART)
    elif not mapped:
        text = "a map without a real world value mapping: values as stored, of unknown unit"
        yield warning("real-world-values", text, evidence=evidence)
    elif not units[0]:
        text = "the real world value mapping is applied; its unit is none of UCUM's known here"
        yield warning("real-world-values", text, evidence=evidence)
    else:
        text = f"the real world value mapping is applied: values in {units[0]}"
        yield info("real-world-values", text, evidence=evidence)


def beyond_mapping(stored: NDArray[Any], slices: Sequence[SliceHeader]) -> list[Finding]:
    """Say how many stored values lie outside of what their mapping is for."""
    count = 0
    for n, header in enumerate(slices):
        if header.mapped is not None:
            first, last = sorted(header.mapped)
            count += int(np.count_nonzero((stored[n] < first) | (stored[n] > last)))
    if not count:
        return []
    text = f"{count} voxels lie outside the range that the mapping is for: mapped like the others"
    return [warning("real-world-values", text, evidence={"voxels": count})]
