"""What happened to every slice and file, as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from volume.assembly.stack import Stack
from volume.assembly.tolerances import TOLERANCES

SCHEMA = "volume.report/1"


def describe(stack: Stack) -> dict[str, Any]:
    """Describe a stack as `info --json` lists it."""
    geometry = stack.geometry
    return {
        "id": stack.id,
        "series_number": stack.series_number,
        "series_uid": stack.series_uid,
        "modality": stack.modality,
        "description": stack.description,
        "size": list(stack.size),
        "spacing": None if geometry is None else geometry.spacing.tolist(),
        "origin": None if geometry is None else geometry.origin.tolist(),
        "direction": None if geometry is None else geometry.direction.ravel().tolist(),
        "kind": list(stack.kind),
        "axis": None if stack.axis is None else {"tag": stack.axis[0], "value": stack.axis[1]},
        "findings": [finding.as_json() for finding in stack.findings],
    }


def write_report(
    stack: Stack,
    indices: Mapping[int, float],
    options: Mapping[str, str],
    values: Mapping[str, Any],
) -> dict[str, Any]:
    """Tell how a volume was made; `indices` maps a slice to its place along k.

    UIDs are the way back to the archive; nothing else identifies the patient.
    """
    first = stack.slices[0]
    return {
        "schema": SCHEMA,
        "id": stack.id,
        "series_number": stack.series_number,
        "series_uid": stack.series_uid,
        "study_uid": first.study_uid,
        "frame_of_reference_uid": first.frame_of_reference_uid,
        "sop_class_uid": first.sop_class_uid,
        "kind": list(stack.kind),
        "axis": None if stack.axis is None else {"tag": stack.axis[0], "value": stack.axis[1]},
        "options": dict(options),
        "values": dict(values),
        "slices": [_slice(stack, n, indices.get(n)) for n in range(len(stack.slices))],
        "tolerances": asdict(TOLERANCES),
    }


def _slice(stack: Stack, n: int, index: float | None) -> dict[str, Any]:
    header = stack.slices[n]
    return {
        "index": index,
        "fate": "used" if index is not None else "left out",
        "sop_instance_uid": header.sop_instance_uid,
        "frame": header.frame + 1,
        "path": header.name,
        "position": list(header.position or ()),
        "slope": header.rescale.slope,
        "intercept": header.rescale.intercept,
    }
