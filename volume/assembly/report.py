"""What happened to every slice and file, as plain JSON values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from volume.assembly.quantities import describe_quantity
from volume.assembly.scan import Scan
from volume.assembly.stack import Stack
from volume.assembly.tolerances import TOLERANCES
from volume.dicom.files import Fate
from volume.dicom.header import SliceHeader
from volume.formats.member import Member
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
        "axes": [_axis(axis) for axis in stack.axes],
        "findings": [finding.as_json() for finding in stack.findings],
    }


def describe_member(member: Member) -> dict[str, Any]:
    """Describe a volume of a volume file in the same words, its voxels not yet read."""
    return {
        "id": member.id,
        "series_number": None,
        "series_uid": "",
        "modality": member.modality,
        "description": "",
        "size": list(member.size),
        **_place(member.geometry),
        "kind": ["regular"],
        "axis": _axis(member.axis),
        "axes": [],
        "findings": [finding.as_json() for finding in member.findings],
    }


def describe_volume(volume: Volume, description: str = "") -> dict[str, Any]:
    """Describe a volume in the same words, as `export --json` lists it.

    The description is the series', which no volume carries: it may name the patient.
    """
    return {
        "id": volume.id,
        "series_number": volume.report.get("series_number"),
        "series_uid": volume.report.get("series_uid", ""),
        "modality": volume.modality,
        "description": description,
        "size": list(volume.geometry.size),
        **_place(volume.geometry),
        "kind": volume.report.get("kind", ["regular"]),
        "axis": _axis(volume.axis),
        "axes": volume.report.get("axes", []),
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
        "series_uid": _uid(stack.series_uid),
        "study_uid": _uid(first.study_uid),
        "frame_of_reference_uid": _uid(first.frame_of_reference_uid),
        "sop_class_uid": _uid(first.sop_class_uid),
        "kind": list(stack.kind),
        "axis": _axis(stack.axis),
        "axes": [_axis(axis) for axis in stack.axes],
        "options": dict(options),
        "values": dict(values),
        **describe_quantity(stack.slices),
        "slices": [
            *(_slice(header, indices.get(n)) for n, header in enumerate(stack.slices)),
            *(_slice(header, None, "duplicate") for header in stack.dropped),
        ],
        "tolerances": asdict(TOLERANCES),
    }


def _slice(header: SliceHeader, index: float | None, unused: str = "left out") -> dict[str, Any]:
    return {
        "index": index,
        "fate": unused if index is None else "used",
        "sop_instance_uid": _uid(header.sop_instance_uid),
        "frame": header.frame + 1,
        **({"tile": header.pixels.tile.number + 1} if header.pixels.tile else {}),
        "path": header.name,
        "position": list(header.position or ()),
        "slope": header.rescale.slope,
        "intercept": header.rescale.intercept,
    }


def _uid(text: str) -> str:
    """Give a UID (PS3.5 9.1); what stands in its place may be anything, and is not written."""
    return text if UID.fullmatch(text) else ""


UID = re.compile(r"[0-9]+(\.[0-9]+)+")


def account_for(found: Scan) -> dict[str, Any]:
    """Count the files of a source, and say why each that is not used is not."""
    return {
        "total": found.count(),
        **{fate.value: found.count(fate) for fate in Fate},
        "unused": [
            {"path": record.name, "fate": record.fate.value, "reason": record.reason}
            for record in sorted(found.files, key=lambda one: (one.fate, one.reason, one.name))
            if record.fate is not Fate.USED
        ],
    }
