"""`volume mesh`: a surface in LPS mm, closed, in the right place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from volume.assembly.load import load
from volume.cli import options
from volume.cli.console import Bar, print_json, say, say_findings
from volume.errors import SeriesChoiceError
from volume.escaping import escape
from volume.formats.files import export as write
from volume.formats.files import refuse_output
from volume.processing.isosurface import mesh as make_mesh

SCHEMA = "volume.mesh/1"


@click.command()
@options.flags(
    options.source, options.output, options.level, options.series, options.gaps,
    options.geometry, options.unit, options.limits, options.cache, options.overwrite,
    options.no_sidecar, options.identifiers, options.as_json, options.quiet,
)  # fmt: skip
def mesh(
    source: str,
    output: str,
    level: float | None,
    series: str | None,
    gaps: str,
    geometry: str,
    unit: str,
    limits: str,
    cache: str | None,
    overwrite: bool,
    no_sidecar: bool,
    identifiers: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write the surface of SOURCE at a level to OUTPUT: .stl or .ply, in LPS mm.

    Without --level, a CT gives its bone (226 HU).
    """
    quiet = quiet or as_json
    sidecar = not no_sidecar
    refuse_output(output, "mesh", overwrite=overwrite, sidecar=sidecar, source=source)
    bar = Bar("reading slices", hidden=quiet)
    try:
        volume = load(
            source,
            series,
            gaps=gaps,
            geometry=geometry,
            unit=unit,
            limits=limits,
            cache=cache,
            identifiers=identifiers,
            progress=bar,
        )
    except SeriesChoiceError as several:
        several.remedy = ("series", "one")  # there is no --all here
        raise
    surface = make_mesh(volume, level, progress=Bar("finding the surface", hidden=quiet))
    written = write(
        surface, Path(output), overwrite=overwrite, sidecar=sidecar, identifiers=identifiers
    )
    if as_json:
        outputs = [str(path) for path in written]
        print_json({"schema": SCHEMA, "meshes": [{**surface.report, "outputs": outputs}]})
    if not quiet:
        say_findings(volume.findings)
        say(f"{escape(written[0])}: {_told(dict(surface.report))}")


def _told(report: dict[str, Any]) -> str:
    size = f"closed, {report['volume_ml']:.4g} mL" if report["closed"] else "not closed"
    return f"{report['triangles']} triangles at {report['level']:g} {report['unit']}, {size}"
