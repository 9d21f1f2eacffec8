"""`volume mesh`: surfaces, closed, in the right place, in mm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from volume.assembly.load import load
from volume.cli import options
from volume.cli.console import Bar, print_json, say, say_findings
from volume.cli.names import file_stem, free
from volume.errors import SeriesChoiceError, VolumeError
from volume.escaping import escape
from volume.findings import count
from volume.formats.files import export as write
from volume.formats.files import is_volume_file, members, read_all, refuse_output
from volume.formats.meshes import is_mesh_file
from volume.formats.suffixes import stem, suffix_for
from volume.processing.isosurface import mesh as make_mesh
from volume.surface import Mesh
from volume.volume import Volume

SCHEMA = "volume.mesh/1"
NAMED = 6
"""So many surfaces are named on the terminal."""
EXCLUDING = (("level", "range", "preset", "labels"), ("reduce", "tolerance"))
"""Of each of these one can be asked for."""


@click.command()
@options.flags(
    options.source, options.output, options.level, options.value_range, options.preset,
    options.labels, options.smooth, options.reduce, options.tolerance, options.largest,
    options.min_volume, options.clip, options.split, options.space, options.series, options.gaps,
    options.geometry, options.unit, options.limits, options.cache, options.overwrite,
    options.no_sidecar, options.identifiers, options.as_json, options.quiet,
)  # fmt: skip
def mesh(
    source: str,
    output: str,
    overwrite: bool,
    no_sidecar: bool,
    identifiers: bool,
    as_json: bool,
    quiet: bool,
    space: str,
    **given: Any,
) -> None:
    """Write the surface of SOURCE to OUTPUT: .stl .ply .obj .glb .vtp, in LPS mm.

    Without --level, --range or --preset a CT gives its bone (226 HU), and a label map a surface
    for each of its labels. The surface is closed, also where the volume or --clip cuts the body.
    """
    _refuse_contradictions(given)
    _refuse_mesh(source)
    quiet = quiet or as_json
    how = {"overwrite": overwrite, "sidecar": not no_sidecar}
    refuse_output(output, "mesh", source=source, **how)
    volumes = _load(source, given, identifiers, quiet)
    wanted = {name: given[name] for name in WISHES} | {"labels": given["labels"] or None}
    bar = Bar("finding the surface", hidden=quiet)
    surface = make_mesh(volumes, **wanted, progress=bar)
    meshes = _apart(surface, Path(output)) if given["split"] else [(surface, Path(output))]
    for _, path in meshes:
        refuse_output(path, "mesh", source=source, **how)
    done = []
    for one, path in meshes:
        bar = Bar(f"writing {path.name}", hidden=quiet)
        paths = write(one, path, identifiers=identifiers, space=space, progress=bar, **how)
        done.append({**one.report, "outputs": [str(written) for written in paths]})
        if not quiet:
            say(f"{escape(path)}: {_told(one.report)}")
    if as_json:
        print_json({"schema": SCHEMA, "meshes": done})
    if not quiet:
        say_findings(finding for volume in volumes for finding in volume.findings)
        _say_more(surface.report, strongly=bool(given["smooth"]))


WISHES = (
    "level", "range", "preset", "smooth", "reduce", "tolerance", "largest", "min_volume", "clip",
    "split",
)  # fmt: skip


def _refuse_contradictions(given: dict[str, Any]) -> None:
    for names in EXCLUDING:
        asked = [
            f"--{name}" for name in names if given[name] is not None and given[name] is not False
        ]
        if len(asked) > 1:
            raise click.UsageError(f"{' and '.join(asked)} exclude each other")


def _refuse_mesh(source: str) -> None:
    if is_mesh_file(source) and Path(source).is_file():
        raise VolumeError(
            "this is a mesh already; a surface is made of a volume",
            files=(source,),
            remedy="to write it in another format: volume.export(volume.read_mesh(...), ...)",
        )


def _load(source: str, given: dict[str, Any], identifiers: bool, quiet: bool) -> Sequence[Volume]:
    """Load the one volume there, or all layers of a segmentation whose segments overlap."""
    bar = Bar("reading", hidden=quiet)
    if given["series"] is None and is_volume_file(source) and _is_layered(source):
        return read_all(source, progress=bar)
    making = {name: given[name] for name in ("gaps", "geometry", "unit", "limits", "cache")}
    try:
        return (load(source, given["series"], identifiers=identifiers, progress=bar, **making),)
    except SeriesChoiceError as several:
        several.remedy = ("series", "one")  # there is no --all here
        raise


def _is_layered(source: str) -> bool:
    listed = members(source)
    return len(listed) > 1 and all(one.is_label_map for one in listed)


def _apart(surface: Mesh, output: Path) -> list[tuple[Mesh, Path]]:
    """Make a mesh of each part: OUT_1.stl, OUT_2.stl, or OUT_liver.stl by a label's name."""
    suffix = suffix_for(output, "mesh")
    shared = {key: surface.report[key] for key in SHARED if key in surface.report}
    meshes: list[tuple[Mesh, Path]] = []
    taken: set[str] = set()
    for n, (part, told) in enumerate(zip(surface.parts, surface.report["parts"], strict=True)):
        name = free(file_stem(part.name.removeprefix("component ")) or str(n + 1), taken)
        one = replace(surface.part(n), report={**told, **shared})
        meshes.append((one, output.with_name(f"{stem(output, suffix)}_{name}{suffix}")))
    return meshes


SHARED = (
    "level", "range", "preset", "labels", "assumed", "clip", "unit", "source", "findings",
    "identifiers",
)  # fmt: skip
"""What the report of one part has from the whole's."""


def _told(report: Any) -> str:
    size = f"{_number(report['area_cm2'])} cm2"
    size += f", {_number(report['volume_ml'])} mL, closed" if report["closed"] else ", not closed"
    words = [f"{report['triangles']} triangles{_values(report)}", size]
    parts = report.get("parts")
    if parts and report.get("labels"):
        words.append(
            f"{count(len(parts), 'surface')}: "
            + ", ".join(escape(one["name"]) for one in parts[:NAMED])
            + ", ..." * (len(parts) > NAMED)
        )
    return "; ".join(words)


def _number(value: float) -> str:
    """Word a number with three or four digits that count, never as 1.2e+03."""
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"


def _values(report: Any) -> str:
    unit = f" {report['unit']}".rstrip()
    if report.get("range"):
        low, high = report["range"]
        return f" from {low:g} to {high:g}{unit}"
    return f" at {report['level']:g}{unit}" if "level" in report else ""


def _say_more(report: Any, strongly: bool) -> None:
    """Say what was assumed, left out, moved, and is not as a surface should be.

    Every CT has specks of noise that the usual smoothing leaves; where it was asked for
    `strongly`, it may have left all there is.
    """
    for words in report.get("assumed", ()):
        say(f"assumed: {words}")
    if report["dropped"]:
        dropped = report["dropped"]
        say(f"left out: {dropped['components']} smaller bodies, {_number(dropped['volume_ml'])} mL")
    if report["smoothing"]:
        say(f"smoothing moved no place by more than {report['smoothing']['moved_mm']:.3g} mm")
    if report["reduction"]:
        moved, at_most = (report["reduction"][key] for key in ("moved_mm", "at_most_mm"))
        say(
            f"reduction moved no place by more than {at_most:.3g} mm, {moved:.3g} mm where measured"
        )
    if strongly and (small := report["smoothing"]["unsmoothed"]):
        say(f"not smoothed, as they would shrink: {small} of {report['components']} bodies")
    if not report["closed"]:
        say(f"warning: not closed: {report['boundary_edges']} edges have one face only")
    if report["non_manifold_edges"]:
        say(f"warning: {report['non_manifold_edges']} edges are shared by more than two faces")
