"""What the values of a volume stand for, as plain JSON values: a dose, a scaling of the maker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from volume.dicom.header import SliceHeader
from volume.dicom.sop_classes import RT_DOSE


def describe_quantity(slices: Sequence[SliceHeader]) -> dict[str, Any]:
    """Tell what a report says beyond the unit; nothing for most images."""
    return _dose(slices[0]) if slices[0].sop_class_uid == RT_DOSE else {}


def _dose(header: SliceHeader) -> dict[str, Any]:
    """Tell which dose it is (PS3.3 C.8.8.3), in terms of the standard."""
    terms = {
        "type": header.traits.get("DoseType"),
        "summation_type": header.traits.get("DoseSummationType"),
        "units": header.traits.get("DoseUnits"),
        "grid_scaling": header.rescale.slope,
    }
    return {"dose": terms}
