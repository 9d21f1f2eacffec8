"""`volume export`: a volume file, whole or not at all, with its report beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from volume.assembly.assemble import refuse_if_unsafe
from volume.assembly.forecast import forecast, refuse_if_too_large
from volume.assembly.load import assemble_from, choices, choose, matching
from volume.assembly.options import Options
from volume.assembly.report import describe_volume
from volume.assembly.scan import Scan, scan
from volume.assembly.stack import Stack
from volume.assembly.unit import refuse_other_unit
from volume.atomic import refuse_in_source
from volume.cli import names, options
from volume.cli.console import Bar, print_json, say, say_findings, say_forecast, word_error
from volume.cli.headers import scan_source
from volume.dicom.limits import parse_limits
from volume.errors import SeriesChoiceError, VolumeError
from volume.escaping import escape
from volume.findings import Severity
from volume.formats.files import (
    Begun,
    Kind,
    finish,
    is_volume_file,
    members,
    read,
    read_all,
    read_each,
    refuse_output,
    room_for,
)
from volume.formats.files import export as write
from volume.formats.member import Member, choose_member
from volume.geometry import Geometry
from volume.room import Room
from volume.volume import Volume

SCHEMA = "volume.export/1"
PARTLY = 5
SUFFIX_OF_ALL = ".nii.gz"


@dataclass(frozen=True)
class Wishes:
    """What is to be done with a volume on its way out, and how it is said."""

    making: Options
    spacing: tuple[float, ...] | None
    like: Geometry | None
    orientation: str | None
    overwrite: bool
    sidecar: bool
    identifiers: bool
    name: str
    cache: str | None
    quiet: bool
    verbose: bool

    @property
    def keeps_grid(self) -> bool:
        """Whether voxels are written where they were read."""
        return self.spacing is None and self.like is None and self.orientation is None


@click.command()
@options.flags(
    options.source, options.output, options.series, options.everything, options.name,
    options.four_d, options.spacing, options.like, options.orientation, options.gaps,
    options.geometry, options.padding, options.unit, options.limits, options.cache,
    options.overwrite, options.no_sidecar, options.identifiers, options.as_json, options.quiet,
    options.verbose,
)  # fmt: skip
def export(
    source: str,
    output: str,
    series: str | None,
    everything: bool,
    four_d: bool,
    spacing: tuple[float, ...] | None,
    like: str | None,
    orientation: str | None,
    as_json: bool,
    no_sidecar: bool,
    **given: Any,
) -> int:
    """Write the volume in SOURCE to OUTPUT: .nii .nii.gz .nrrd .mha .npz.

    OUTPUT's .json sidecar tells what became of every slice. With --all, OUTPUT is a folder.
    """
    if spacing is not None and like is not None:
        raise click.UsageError("--spacing and --like exclude each other")
    if given["name"] is not None and not everything:
        raise click.UsageError("--name is for the files of --all; otherwise OUTPUT is the name")
    if everything and four_d:
        raise click.UsageError("--all and --4d exclude each other")
    wishes = Wishes(
        making=Options(
            given["geometry"],
            given["gaps"],
            given["padding"],
            limits=parse_limits(given["limits"]),
            identifiers=given["identifiers"],
            unit=given["unit"],
        ),
        spacing=spacing,
        like=_geometry_of(like),
        orientation=orientation,
        overwrite=given["overwrite"],
        sidecar=not no_sidecar,
        identifiers=given["identifiers"],
        name=given["name"] or names.DEFAULT,
        cache=given["cache"],
        quiet=given["quiet"] or as_json,
        verbose=given["verbose"],
    )
    if everything:
        refuse_in_source(output, source)
        return _export_all(source, Path(output), series, wishes, as_json)
    kind: Kind = "volumes" if four_d else "volume"
    refuse_output(output, kind, overwrite=wishes.overwrite, sidecar=wishes.sidecar, source=source)
    as_read = not four_d and wishes.keeps_grid
    with room_for(output) if as_read else nullcontext() as begun:
        room = None if begun is None else begun.room
        loaded = list(_volumes(source, series, four_d, wishes, room))
        written = _write([volume for volume, _ in loaded], Path(output), wishes, begun)
    if as_json:
        print_json(_document([_described(one, written, said) for one, said in loaded], []))
    return 0


def _geometry_of(like: str | None) -> Geometry | None:
    if like is None:
        return None
    if is_volume_file(like):
        return members(like)[0].geometry
    try:
        stack = choose(scan(like))
    except SeriesChoiceError as several:
        remedy = "give --like a volume file, or a folder that holds one volume"
        raise SeriesChoiceError(several.what, files=(like,), remedy=remedy) from None
    if stack.geometry is None:
        raise VolumeError("its slices do not say where they lie", files=(like,))
    return stack.geometry


def _volumes(
    source: str, series: str | None, four_d: bool, wishes: Wishes, room: Room | None
) -> Iterator[tuple[Volume, str]]:
    """Load the volume that is meant, with its description; with --4d, all that share its grid."""
    if is_volume_file(source) and Path(source).is_file():
        for volume in _from_file(source, series, four_d, wishes):
            yield _shaped(refuse_other_unit(volume, wishes.making), wishes), ""
        return
    found = _scan(source, wishes)
    stacks = _on_one_grid(found, series) if four_d else [choose(found, series)]
    if four_d:  # all are held at once
        refuse_if_too_large(stacks, wishes.making)
    for stack in stacks:
        say_forecast(forecast(stack, wishes.making), quiet=wishes.quiet)
        bar = Bar("reading slices", hidden=wishes.quiet)
        volume = assemble_from(found, stack, wishes.making, bar, room)
        yield _shaped(volume, wishes), stack.description


def _from_file(source: str, series: str | None, four_d: bool, wishes: Wishes) -> tuple[Volume, ...]:
    """Read the volume that is meant; with --4d, all of a file that holds several."""
    bar = Bar("reading", hidden=wishes.quiet)
    if not four_d:
        return (read(source, series, progress=bar),)
    if series is not None or len(members(source)) == 1:
        raise SeriesChoiceError(NOTHING_TO_JOIN, files=(source,), remedy="leave out --4d")
    return read_all(source, progress=bar)


NOTHING_TO_JOIN = "nothing here makes one 4D file: no phases, echoes or the like of one series"


def _scan(source: str, wishes: Wishes) -> Scan:
    return scan_source(source, wishes.making.limits, wishes.cache, quiet=wishes.quiet)


def _on_one_grid(found: Scan, series: str | None) -> list[Stack]:
    """Take the stacks of one group that were told apart by a tag; naming one means them all."""
    meant = matching(found, series)
    groups: dict[tuple[str, str], list[Stack]] = {}
    for stack in found.stacks:
        if stack.axis is not None:
            groups.setdefault((stack.series_uid, stack.group), []).append(stack)
    sets = [own for own in groups.values() if len(own) > 1 and any(one in meant for one in own)]
    if len(sets) == 1:
        return sets[0]
    files = (found.source,)
    if sets:
        what = f"{len(sets)} sets of volumes on one grid are here"
        firsts = [own[0] for own in sets]
        raise SeriesChoiceError(what, files=files, choices=firsts, remedy=("series", ""))
    if len(meant) == 1:  # which may be several that nothing tells apart
        refuse_if_unsafe(meant[0], "regular")
    raise SeriesChoiceError(NOTHING_TO_JOIN, files=files, remedy="leave out --4d")


def _shaped(volume: Volume, wishes: Wishes) -> Volume:
    """Resample and reorder as asked."""
    if wishes.keeps_grid:
        return volume
    from volume.processing.orientation import reorient
    from volume.resampling import resample

    bar = Bar("resampling", hidden=wishes.quiet)
    if wishes.like is not None:
        volume = resample(volume, like=wishes.like, progress=bar)
    elif wishes.spacing is not None:
        spacing = wishes.spacing if len(wishes.spacing) == 3 else wishes.spacing[0]
        volume = resample(volume, spacing=spacing, progress=bar)
    return reorient(volume, wishes.orientation) if wishes.orientation else volume


def _write(
    volumes: Sequence[Volume], output: Path, wishes: Wishes, begun: Begun | None = None
) -> tuple[Path, ...]:
    asked: dict[str, Any] = {
        "overwrite": wishes.overwrite,
        "sidecar": wishes.sidecar,
        "identifiers": wishes.identifiers,
        "progress": Bar("writing", hidden=wishes.quiet),
    }
    if begun is not None:
        written = finish(begun, volumes[0], **asked)
    else:
        written = write(volumes[0] if len(volumes) == 1 else volumes, output, **asked)
    if not wishes.quiet:
        _tell(volumes, written, wishes.verbose)
    return written


def _tell(volumes: Sequence[Volume], written: Sequence[Path], verbose: bool) -> None:
    first = volumes[0]
    told = {(f.code, f.message): f for volume in volumes for f in volume.findings}
    say_findings(told.values(), least=Severity.INFO if verbose else Severity.WARNING)
    count = f"{len(volumes)} x " if len(volumes) > 1 else ""
    size = " x ".join(map(str, first.geometry.size))
    spacing = " x ".join(f"{s:.4g}" for s in first.geometry.spacing)
    say(f"{escape(written[0])}: {count}{size} voxels of {spacing} mm, {first.array.dtype}")
    for path in written[1:]:
        say(escape(path))


def _export_all(
    source: str, folder: Path, series: str | None, wishes: Wishes, as_json: bool
) -> int:
    """Write every volume into a folder; what cannot be written is named and the rest goes on."""
    listed, volumes = _each(source, series, wishes)
    stems = names.stems(wishes.name, listed)
    suffix = names.suffix_in(wishes.name) or SUFFIX_OF_ALL
    _make_folder(folder)
    done: list[dict[str, Any]] = []
    failures: list[tuple[Stack | Member, VolumeError]] = []
    for one, stem in zip(listed, stems, strict=True):
        try:
            volume = _shaped(volumes(one), wishes)
            written = _write([volume], folder / f"{stem}{suffix}", wishes)
            done.append(_described(volume, written, one.description))
        except VolumeError as fault:
            failures.append((one, fault))
            say(f"{one.id} is not written:\n{word_error(fault).rstrip()}")
    if as_json:
        print_json(_document(done, failures))
    if not failures:
        return 0
    return PARTLY if done else max(fault.exit_code for _, fault in failures)


def _each(
    source: str, series: str | None, wishes: Wishes
) -> tuple[Sequence[Stack | Member], Callable[[Any], Volume]]:
    """List the volumes that are meant, and say how each is had, in this order."""
    if is_volume_file(source) and Path(source).is_file():
        every = members(source)
        if series is not None:
            every = (choose_member(every, series, source),)
            return every, lambda one: read(source, one.id)
        pages = read_each(source)
        # behind a volume that cannot be read the others are read each alone
        return every, lambda one: next(pages, None) or read(source, one.id)
    found = _scan(source, wishes)

    def volume_of(stack: Stack) -> Volume:
        say_forecast(forecast(stack, wishes.making), quiet=wishes.quiet)
        bar = Bar(f"reading {stack.id}", hidden=wishes.quiet)
        return assemble_from(found, stack, wishes.making, bar)

    return choices(found) if series is None else matching(found, series), volume_of


def _make_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise VolumeError("with --all, OUTPUT is a folder; this is a file", files=(str(folder),))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        what = f"the output folder cannot be made: {fault.strerror}"
        raise VolumeError(what, files=(str(folder),)) from None


def _described(volume: Volume, written: Sequence[Path], description: str) -> dict[str, Any]:
    return {**describe_volume(volume, description), "outputs": [str(path) for path in written]}


def _document(
    volumes: Sequence[dict[str, Any]], failures: Sequence[tuple[Stack | Member, VolumeError]]
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "volumes": list(volumes),
        "failures": [
            {"id": one.id, "exit": fault.exit_code, "message": fault.what}
            for one, fault in failures
        ],
    }
