"""Meshes laid over the image: read first, and told where they cannot be what was meant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from volume.cli.console import say
from volume.errors import VolumeError
from volume.escaping import escape
from volume.findings import Finding, Severity, warning, word_remedy
from volume.formats.meshes import is_mesh_file, read_mesh
from volume.surface import Mesh
from volume.volume import Volume

HALF_TURN = np.array([-1, -1, 1])
"""What LPS taken for RAS does to a place."""


def refuse_mesh_alone(source: str) -> None:
    """Refuse a mesh in the place of the image."""
    if is_mesh_file(source) and Path(source).is_file():
        raise VolumeError(
            "this is a mesh; there is no image to lay it over",
            files=(source,),
            remedy="name the image first: volume view SOURCE MESH",
        )


def read_overlays(paths: Sequence[str], space: str) -> tuple[Mesh, ...]:
    """Read the meshes to lay over the image. Raises `VolumeError` for what is none."""
    try:
        return tuple(read_mesh(path, space=space) for path in paths)
    except VolumeError as error:
        error.remedy = error.remedy or "after SOURCE come the meshes that are laid over it"
        raise


def say_of_overlays(paths: Sequence[str], meshes: Sequence[Mesh], volume: Volume) -> None:
    """Say what was assumed of each mesh, and which does not touch the image."""
    for path, mesh in zip(paths, meshes, strict=True):
        for finding in (*_findings(mesh), *outside(mesh, volume)):
            way = word_remedy(finding.remedy, for_shell=True)
            text = escape("; ".join(filter(None, (finding.message, way))))
            say(f"{finding.severity}: {escape(Path(path).name)}: {text} [{finding.code}]")


def _findings(mesh: Mesh) -> list[Finding]:
    """Give what reading a mesh noticed."""
    return [
        Finding(one["code"], Severity(one["severity"]), one["message"])
        for one in mesh.report["findings"]
    ]


def outside(mesh: Mesh, volume: Volume) -> tuple[Finding, ...]:
    """Notice a mesh that lies beside the image, and whether it would not as RAS or LPS."""
    box = _box(volume.geometry.corners)
    there = _box(mesh.points)
    if _meet(there, box):
        return ()
    remedy = None
    if _meet(_box(there * HALF_TURN), box) and not mesh.report["space_told"]:
        remedy = ("mesh-space", "ras" if mesh.report["space"] == "LPS" else "lps")
    text = f"the mesh ({_word(there)}) lies outside the image ({_word(box)})"
    return (warning("mesh-outside", text, remedy=remedy),)


def _box(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Give the least and the greatest (x, y, z) of places."""
    places = points.reshape(-1, 3)
    return np.stack([places.min(axis=0), places.max(axis=0)]).astype(np.float64)


def _meet(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return bool((one[0] <= other[1]).all() and (other[0] <= one[1]).all())


def _word(box: NDArray[np.float64]) -> str:
    return ", ".join(
        f"{axis} {low:.0f} to {high:.0f}" for axis, low, high in zip("xyz", *box, strict=True)
    )
