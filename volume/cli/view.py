"""`volume view`: a window, or the same scene as a picture without one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from volume.assembly.load import assemble_from, choose_largest, matching
from volume.assembly.options import Options
from volume.assembly.scan import Scan, scan
from volume.assembly.stack import Stack
from volume.cli import options
from volume.cli.console import Bar, safe, say, say_findings
from volume.errors import VolumeError
from volume.findings import info
from volume.formats.files import is_volume_file, read
from volume.volume import Volume


@click.command()
@options.flags(
    options.source, options.series, options.window, options.layout, options.at, options.level,
    options.screenshot, options.size, options.overwrite, options.quiet,
)  # fmt: skip
def view(
    source: str,
    series: str | None,
    window: str | None,
    layout: str,
    at: tuple[float, ...] | None,
    level: float | None,
    screenshot: str | None,
    size: tuple[float, float],
    overwrite: bool,
    quiet: bool,
) -> None:
    """Show the volume in SOURCE: axial, sagittal, coronal, 3D; or write that as a picture.

    Looking is lenient: of several volumes the largest is shown, and missing slices are
    filled, under a banner that says so.
    """
    from volume.viewer import gl, picture
    from volume.viewer import window as windows

    _refuse_early(screenshot, overwrite, gl)
    volume = look(source, series, quiet)
    if not quiet:
        say_findings(volume.findings)
    asked: dict[str, Any] = {"window": window, "layout": layout, "at": at, "level": level}
    width, height = round(size[0]), round(size[1])
    if screenshot is None:
        windows.view(volume, **asked, size=(width, height), title=volume.id)
        return
    path = picture.screenshot(
        volume, screenshot, **asked, size=(width, height), overwrite=overwrite, title=volume.id
    )
    if not quiet:
        say(f"{safe(path)}: a picture of {volume.id}")


def _refuse_early(screenshot: str | None, overwrite: bool, gl: Any) -> None:
    """Say what cannot be done before anything is read."""
    from volume.atomic import refuse_unwritable

    if screenshot is None:
        gl.require_display()
    else:
        refuse_unwritable(Path(screenshot), overwrite=overwrite)


def look(source: str, series: str | None, quiet: bool) -> Volume:
    """Load what can be shown of a source: the largest volume, its gaps filled."""
    if is_volume_file(source) and Path(source).is_file():
        return read(source, progress=Bar("reading", hidden=quiet))
    found = scan(source, progress=Bar("reading headers", hidden=quiet))
    stack = choose_largest(found, series)
    making = Options(gaps="fill", lenient=True)
    volume = assemble_from(found, stack, making, Bar("reading slices", hidden=quiet))
    said = _largest_of(found, series, stack)
    return replace(volume, findings=(*said, *volume.findings))


def _largest_of(found: Scan, series: str | None, shown: Stack) -> tuple[Any, ...]:
    try:
        several = matching(found, series)
    except VolumeError:
        return ()
    if len(several) < 2:
        return ()
    others = ", ".join(stack.id for stack in several if stack is not shown)
    text = f"{len(several)} volumes are here; {shown.id} is shown; --series chooses: {others}"
    return (info("largest-shown", text),)
