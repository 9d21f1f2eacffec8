"""The JSON beside an output: where it is, what was noticed, what became of every slice.

Nothing here names a patient or a file of the source unless it was asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from volume import __version__
from volume.escaping import LABEL, escape, escape_json
from volume.formats import bids
from volume.geometry import Geometry
from volume.surface import Mesh
from volume.volume import Volume

SCHEMA = "volume.sidecar/1"
LARGEST = 64 << 20
"""A sidecar of more bytes is not read."""
NAMING = frozenset(("path", "paths", "file", "files", "identifiers"))
"""Keys under which reports and evidence name files of the source, or the patient."""


def describe(
    what: Sequence[Volume] | Mesh, file: str = "", others: Sequence[str] = (), space: str = "lps"
) -> dict[str, Any]:
    """Describe an output as plain JSON values.

    `file` is the output's own name, `others` those of the files that belong to it, `space`
    that of a mesh's points.
    """
    about = {
        "schema": SCHEMA,
        "software": {"name": "volume", "version": __version__},
        "file": file,
        "others": list(others),
    }
    if isinstance(what, Mesh):
        return {**about, "kind": "mesh", **_points_of(what, space), **_report(what.report)}
    first = what[0]
    return {
        **about,
        "kind": "volume" if len(what) == 1 else "volumes",
        "geometry": _place(first.geometry),
        "modality": first.modality,
        "unit": first.unit,
        **bids.keys(what),
        **(_account(first) if len(what) == 1 else {"volumes": [_account(one) for one in what]}),
    }


def _points_of(mesh: Mesh, space: str) -> dict[str, Any]:
    """Say where the points lie, and which parts the mesh has."""
    parts = [
        {"name": escape(part.name, LABEL), "triangles": part.count, "colour": part.colour}
        for part in mesh.parts
    ]
    return {"space": space.upper(), "length": "mm", **({"parts": parts} if parts else {})}


def _place(geometry: Geometry) -> dict[str, Any]:
    return {
        "space": "LPS",
        "length": "mm",
        "size": list(geometry.size),
        "spacing": geometry.spacing.tolist(),
        "origin": geometry.origin.tolist(),
        "direction": geometry.direction.ravel().tolist(),
    }


def _account(one: Volume) -> dict[str, Any]:
    return {
        "findings": [finding.as_json() for finding in one.findings],
        **_report(one.report),
    }


def _report(report: Mapping[str, Any]) -> dict[str, Any]:
    """Set whose the images are, where that was asked for, beside the report."""
    rest = {key: value for key, value in report.items() if key not in BESIDE}
    asked = {"identifiers": report["identifiers"]} if "identifiers" in report else {}
    return {**asked, "report": rest}


BESIDE = ("identifiers", "acquisition")
"""What of a report stands beside it."""


def text(document: Mapping[str, Any]) -> bytes:
    """Write a document as UTF-8, hidden characters escaped; the same values, the same bytes."""
    written = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    return f"{escape_json(written)}\n".encode()


def volume_without_names(one: Volume) -> Volume:
    """Make the same volume, its findings and report naming no patient and no file."""
    findings = tuple(
        replace(finding, files=(), evidence=_unnamed(finding.evidence)) for finding in one.findings
    )
    return replace(one, findings=findings, report=_unnamed(one.report))


def mesh_without_names(mesh: Mesh) -> Mesh:
    """Make the same mesh, its report naming no patient and no file."""
    return replace(mesh, report=_unnamed(mesh.report))


def _unnamed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _unnamed(inner) for key, inner in value.items() if key not in NAMING}
    if isinstance(value, (list, tuple)):
        return [_unnamed(inner) for inner in value]
    return value


def beside(path: Path, size: Sequence[int]) -> tuple[str, str]:
    """Give modality and unit from a sidecar of ours at `path` that describes such a grid.

    What is not there, not ours or not of this size says nothing: ("", "").
    """
    try:
        if path.stat().st_size > LARGEST:
            return "", ""
        return modality_and_unit(path.read_text(encoding="utf-8"), size)
    except (OSError, ValueError):
        return "", ""


def modality_and_unit(document: str, size: Sequence[int] | None = None) -> tuple[str, str]:
    """Give modality and unit of a document of ours, ("", "") of any other."""
    try:
        told = json.loads(document)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(told, dict) or told.get("schema") != SCHEMA:
        return "", ""
    place = told.get("geometry")
    if size is not None and (not isinstance(place, dict) or place.get("size") != list(size)):
        return "", ""
    return _word(told.get("modality"), r"[A-Z]{2,16}"), _word(
        told.get("unit"), r"[\w/%^*.(){}\[\]'+ -]{1,32}"
    )


def _word(value: Any, pattern: str) -> str:
    return value if isinstance(value, str) and re.fullmatch(pattern, value) else ""
