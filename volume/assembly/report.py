"""What happened to every slice and file, as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from volume.assembly.stack import Stack
from volume.assembly.tolerances import TOLERANCES
from volume.geometry import Geometry
from volume.volume import Volume

SCHEMA = "volume.report/1"


def describe(stack: Stack) -> dict[str, Any]:
    """Describe a stack as `info --json` lists it; places are null where the files lack them."""
    return {
        "id": stack.id,
        "series_number": stack.series_number,
        "series_uid": stack.series_uid,
        "modality": stack.modality,
        "description": stack.description,
        "size": list(stack.size),
        **_place(stack.geometry),
        "kind": list(stack.kind),
        "axis": _axis(stack.axis),
        "findings": [finding.as_json() for finding in stack.findings],
    }


def describe_volume(volume: Volume) -> dict[str, Any]:
    """Describe a volume in the same words, as `export --json` lists it."""
    return {
        "id": volume.id,
        "series_number": volume.report.get("series_number"),
        "series_uid": volume.report.get("series_uid", ""),
        "modality": volume.modality,
        "description": volume.report.get("description", ""),
        "size": list(volume.geometry.size),
        **_place(volume.geometry),
        "kind": volume.report.get("kind", ["regular"]),
        "axis": _axis(volume.axis),
        "findings": [finding.as_json() for finding in volume.findings],
    }


def _place(geometry: Geometry | None) -> dict[str, Any]:
    if geometry is None:
        return {"spacing": None, "origin": None, "direction": None}
    return {
        "spacing": geometry.spacing.tolist(),
        "origin": geometry.origin.tolist(),
        "direction": geometry.direction.ravel().tolist(),
    }


def _axis(axis: tuple[str, Any] | None) -> dict[str, Any] | None:
    return None if axis is None else {"tag": axis[0], "value": axis[1]}


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
        "axis": _axis(stack.axis),
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
