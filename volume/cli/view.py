"""`volume view`: a window, or the same scene as a picture without one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from volume.assembly.forecast import forecast
from volume.assembly.load import assemble_from, choose_largest, matching
from volume.assembly.options import Options
from volume.assembly.stack import Stack
from volume.assembly.unit import refuse_other_unit
from volume.atomic import refuse_in_source, refuse_unwritable
from volume.cli import options
from volume.cli.console import Bar, say, say_findings, say_forecast
from volume.cli.headers import scan_source
from volume.cli.overlay import read_overlays, refuse_mesh_alone, say_of_overlays
from volume.dicom.limits import parse_limits
from volume.errors import GridError, PixelError
from volume.escaping import escape
from volume.findings import Finding, warning
from volume.formats.files import is_volume_file, members, read
from volume.formats.member import Member
from volume.viewer.first_look import CODE as FIRST_LOOK
from volume.viewer.first_look import is_large, sketch
from volume.volume import Volume

if TYPE_CHECKING:
    from volume.viewer.shelf import Shelf


@click.command()
@options.flags(
    options.source, options.meshes, options.series, options.window, options.layout, options.at,
    options.level, options.rendering, options.screenshot, options.size, options.scene,
    options.save_scene, options.measurements, options.mesh_space, options.unit, options.limits,
    options.cache, options.overwrite, options.quiet,
)  # fmt: skip
def view(
    source: str,
    meshes: tuple[str, ...],
    mesh_space: str,
    series: str | None,
    window: str | None,
    layout: str | None,
    at: tuple[float, ...] | None,
    level: float | None,
    rendering: str | None,
    screenshot: str | None,
    size: tuple[int, int] | None,
    scene: str | None,
    save_scene: str | None,
    measurements: str | None,
    unit: str,
    limits: str,
    cache: str | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Show the volume in SOURCE: axial, sagittal, coronal, 3D; or write that as a picture.

    Looking is lenient: of several volumes the largest is shown, and missing slices are
    filled, under a banner that says so. Each MESH (.stl .ply .obj .glb .vtp) is laid over
    it, as a surface and as an outline on the slices.
    """
    from volume.viewer import gl
    from volume.viewer.fonts import remark
    from volume.viewer.picture import screenshot as draw
    from volume.viewer.window import view as open_window

    if screenshot is None:
        gl.refuse_without_display()
    refuse_looks(source, (screenshot, save_scene, measurements), scene, overwrite)
    if screenshot is not None:
        refuse_picture(screenshot, overwrite)
    refuse_mesh_alone(source)
    overlays = read_overlays(meshes, mesh_space)
    gl.begin(window=screenshot is None)
    making = Options(gaps="fill", lenient=True, limits=parse_limits(limits), unit=unit)
    seen = look(
        source, series, making, quiet,
        cache=cache, named=scene_name(scene), in_window=screenshot is None,
    )  # fmt: skip
    volume = seen.volume
    if not quiet:
        say_findings(f for f in (*seen.said, *volume.findings) if f.code != FIRST_LOOK)
        say_of_overlays(meshes, overlays, volume)
    asked: dict[str, Any] = {
        "window": window, "layout": layout, "at": at, "level": level, "rendering": rendering,
        "size": size, "scene": scene, "save_scene": save_scene, "measurements": measurements,
        "overwrite": overwrite,
    }  # fmt: skip
    if screenshot is None:
        open_window(volume, *overlays, **asked, title=_title(volume, source), shelf=seen.shelf)
        return
    volume = replace(volume, findings=(*seen.said, *volume.findings))
    path = draw(volume, screenshot, *overlays, **asked)
    if not quiet:
        if words := remark():
            say(words)
        say(f"{escape(path)}: a picture of {escape(_title(volume, source))}")


def _title(volume: Volume, source: str) -> str:
    """Name what is shown: a volume file by its name, which the person gave."""
    return volume.id if volume.id and not is_volume_file(source) else Path(source).name


def refuse_looks(
    source: str,
    outputs: tuple[str | None, str | None, str | None],
    scene: str | None,
    overwrite: bool,
) -> None:
    """Refuse, before anything is read, outputs that cannot be written, and no scene at all.

    `outputs` are those of --screenshot, --save-scene and --measurements.
    """
    from volume.viewer.first_scene import check_scene, refuse_unwritable_looks

    for path in outputs:
        if path is not None:
            refuse_in_source(path, source)
    refuse_unwritable_looks(*outputs[1:], picture=outputs[0], overwrite=overwrite)
    if scene is not None:
        check_scene(scene)


def refuse_picture(path: str, overwrite: bool) -> None:
    """Refuse, before anything is read, a name that a picture cannot have."""
    from volume.viewer.picture import check_name

    check_name(Path(path))
    refuse_unwritable(Path(path), overwrite=overwrite)


@dataclass(frozen=True, eq=False)
class Seen:
    """What there is to look at: the volume, what is `said` of the choice, and for a window
    what else could be chosen there."""

    volume: Volume
    said: tuple[Finding, ...]
    shelf: Shelf | None = None


def look(
    source: str,
    series: str | None,
    making: Options,
    quiet: bool,
    *,
    cache: str | None = None,
    named: str = "",
    in_window: bool = False,
) -> Seen:
    """Load what can be shown of a source: the largest volume, its gaps filled.

    Without `series`, the volume `named` in a scene goes before the largest. A window shows
    some slices of a very large volume first, and reads the others itself.
    """
    if is_volume_file(source) and Path(source).is_file():
        return _look_at_file(source, series, making, quiet, named)
    found = scan_source(source, making.limits, cache, quiet=quiet)
    series = series or _known(named, found.stacks)
    stack = choose_largest(found, series)
    say_forecast(forecast(stack, making), quiet=quiet)
    said = _said(matching(found, series), stack)
    shelf = None
    if in_window:
        from volume.viewer.stock import shelf_of_scan

        shelf = shelf_of_scan(found, making).at(stack.id)
        if is_large(stack):
            with suppress(PixelError, GridError):  # the whole may be had all the same
                return Seen(sketch(stack, making), said, shelf)
    volume = assemble_from(found, stack, making, Bar("reading slices", hidden=quiet))
    return Seen(volume, said, shelf)


def _look_at_file(
    source: str, series: str | None, making: Options, quiet: bool, named: str
) -> Seen:
    """Load what can be shown of a volume file: of several on one grid the first."""
    from volume.viewer.stock import shelf_of_file

    several = members(source)
    which = series or _known(named, several)
    shown = which if which is not None or len(several) == 1 else several[0].id
    volume = read(source, shown, progress=Bar("reading", hidden=quiet))
    said = _said(several, several[0]) if which is None else ()
    shelf = shelf_of_file(source, several).at(volume.id)
    return Seen(refuse_other_unit(volume, making), said, shelf)


def scene_name(path: str | None) -> str:
    """Say which volume a saved scene is of, if it says so."""
    from volume.viewer.first_scene import check_scene

    return check_scene(path).name if path is not None else ""


def _known(name: str, several: Sequence[Stack | Member]) -> str | None:
    """Give the name if a volume here has it."""
    return name if any(one.id == name for one in several) else None


def _said(several: Sequence[Stack | Member], shown: Stack | Member) -> tuple[Finding, ...]:
    """Say which of several volumes is shown."""
    others = [stack.id for stack in several if stack is not shown]
    if not others:
        return ()
    text = f"{len(several)} volumes are here; {shown.id} is shown, --series chooses another"
    return (warning("largest-shown", text, evidence={"others": others[:OTHERS_KEPT]}),)


OTHERS_KEPT = 100
