"""The road from a source to a volume: find, read headers, stack, choose, assemble."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from volume.assembly.acquisition import describe_acquisition
from volume.assembly.assemble import assemble
from volume.assembly.forecast import refuse_if_too_large
from volume.assembly.options import DEFAULTS, Options
from volume.assembly.report import account_for
from volume.assembly.scan import Scan, scan
from volume.assembly.selection import remedy_for
from volume.assembly.stack import Stack
from volume.assembly.unit import refuse_other_unit, with_suv, without_dose
from volume.dicom.files import Fate
from volume.dicom.limits import DEFAULT, Limits, limits_of
from volume.errors import NotDicomError, SeriesChoiceError
from volume.findings import count, info
from volume.formats.files import is_volume_file, read, read_all
from volume.progress import Progress, counting
from volume.room import Room
from volume.volume import Volume

REASONS_SHOWN = 4


def load(
    source: str | os.PathLike[str],
    series: int | str | None = None,
    *,
    geometry: str = "regular",
    gaps: str = "refuse",
    padding: str = "air",
    unit: str = "own",
    limits: Limits | str = DEFAULT,
    cache: str | os.PathLike[str] | None = None,
    identifiers: bool = False,
    progress: Progress | None = None,
) -> Volume:
    """Load the one volume in a folder, an archive or a file; `series` chooses among several.

    `source` is a folder, a zip or tar archive, a DICOMDIR, a file of slices, gzipped or not, or
    a volume file; archives are read in place, also those in a folder.

    `series` is a SeriesNumber, a SeriesInstanceUID, an ending of one with a dot in it, or
    a volume's id. `geometry` is "regular" (tilt and uneven spacing are resampled once),
    "strict" (refused) or "raw" (as acquired, sheared where tilted); `gaps` is "refuse",
    "fill" or "largest"; `padding` is "air" or "keep"; `unit` is "own" or
    "suv" (PET values as SUV by body weight, in g/mL); `limits` are what a file may ask for
    (see `Limits`), such as "inflated=2048,memory=30000", in MiB. `cache` is a file that keeps
    what is read of headers, as in `scan`. With `identifiers` the report names the patient, study
    and series; `export` writes them only where it is asked to as well.

    Raises `NotDicomError` where there is no volume, `SeriesChoiceError` where there are
    several, `GridError` where the slices do not prove a grid, `PixelError` where pixels
    cannot be decoded, `MemoryLimitError` where there is too little memory.
    """
    options = Options(
        geometry, gaps, padding, limits=limits_of(limits), identifiers=identifiers, unit=unit
    )
    if is_volume_file(source):
        return refuse_other_unit(read(source, series, progress=progress), options)
    found = scan(source, limits=options.limits, cache=cache)
    return _saying(found, assemble_from(found, choose(found, series), options, progress))


def load_all(
    source: str | os.PathLike[str],
    *,
    geometry: str = "regular",
    gaps: str = "refuse",
    padding: str = "air",
    unit: str = "own",
    limits: Limits | str = DEFAULT,
    cache: str | os.PathLike[str] | None = None,
    identifiers: bool = False,
    progress: Progress | None = None,
) -> tuple[Volume, ...]:
    """Load every volume in a source; localizers and single slices do not count beside one.

    `source` is what `load` takes. Raises as `load` does, for the first volume that cannot be had.
    """
    options = Options(
        geometry, gaps, padding, limits=limits_of(limits), identifiers=identifiers, unit=unit
    )
    if is_volume_file(source):
        volumes = read_all(source, progress=progress)
        return tuple(refuse_other_unit(volume, options) for volume in volumes)
    found = scan(source, limits=options.limits, cache=cache)
    stacks = choices(found)
    refuse_if_too_large(stacks, options)
    with counting(progress) as bar:
        each = [_saying(found, assemble_from(found, stack, options, bar)) for stack in stacks]
    return tuple(each)


def _saying(found: Scan, volume: Volume) -> Volume:
    """Add to the findings of a volume what is to be said of the scan."""
    if not found.remarks:
        return volume
    return replace(volume, findings=(*volume.findings, *found.remarks))


def assemble_from(
    found: Scan,
    stack: Stack,
    options: Options = DEFAULTS,
    progress: Progress | None = None,
    room: Room | None = None,
) -> Volume:
    """Assemble one stack of a scan, in `room`; the report accounts for every file of the source."""
    stack, suv, noticed = with_suv(stack, options)
    volume = assemble(stack, options, progress, room)
    acquired = without_dose(describe_acquisition(stack, volume, options.limits), suv)
    report = {**volume.report, **suv, "acquisition": acquired, "source": account_for(found)}
    findings = (*volume.findings, *noticed)
    if options.identifiers:
        from volume.dicom.identity import read_identity

        first = stack.slices[0]
        report["identifiers"], repaired = read_identity(first.path, first.name, options.limits)
        said = {finding.message for finding in findings}
        findings += tuple(finding for finding in repaired if finding.message not in said)
    return replace(volume, report=report, findings=findings)


def choose(found: Scan, series: int | str | None = None) -> Stack:
    """Choose the one stack that is meant. Raises `SeriesChoiceError` and `NotDicomError`."""
    fitting = matching(found, series)
    if len(fitting) > 1:
        raise SeriesChoiceError(
            f"{len(fitting)} volumes are here; one is needed",
            files=(found.source,),
            choices=fitting,
            remedy=("series", ""),
        )
    return fitting[0] if series is not None else _with_left_out(fitting[0], found)


def _with_left_out(stack: Stack, found: Scan) -> Stack:
    """Say what is beside the one volume: single slices and localizers are no choice."""
    others = [other for other in found.stacks if other is not stack]
    if not others:
        return stack
    names = tuple(dict.fromkeys(h.name for other in others for h in other.slices))
    ids = ", ".join(other.id for other in others[:REASONS_SHOWN])
    text = f"{count(len(names), 'file')} beside the volume, no part of it: {ids}"
    more = f" and {len(others) - REASONS_SHOWN} more" if len(others) > REASONS_SHOWN else ""
    evidence = {"ids": [other.id for other in others]}
    left_out = info("left-out", text + more, files=names, evidence=evidence)
    return replace(stack, findings=(*stack.findings, left_out))


def choose_largest(found: Scan, series: int | str | None = None) -> Stack:
    """Choose the stack with the most voxels, for looking; those that can be shown first."""
    return max(matching(found, series), key=_extent)


def _extent(stack: Stack) -> tuple[bool, int]:
    columns, rows, _ = stack.size
    can_be_shown = not stack.refusals or remedy_for(stack) is not None
    return can_be_shown, columns * rows * len(stack.slices)


def matching(found: Scan, series: int | str | None) -> tuple[Stack, ...]:
    """List the stacks that `series` may mean, at least one."""
    if series is None:
        return choices(found)
    every = _any_stacks(found)
    wanted = str(series).strip()
    named = tuple(stack for stack in every if stack.id == wanted)
    fitting = named or tuple(stack for stack in every if _is_meant(stack, wanted))
    if not fitting:
        raise SeriesChoiceError(
            f"no volume here is called {wanted!r}",
            files=(found.source,),
            choices=every,
            remedy=("series", ""),
        )
    return _volumes_first(fitting)


def _is_meant(stack: Stack, wanted: str) -> bool:
    if wanted.isascii() and wanted.isdigit():
        return stack.series_number == int(wanted)
    return wanted == stack.series_uid or ("." in wanted and stack.series_uid.endswith(wanted))


def choices(found: Scan) -> tuple[Stack, ...]:
    """List the volumes there are to choose from. Raises `NotDicomError` where there is none."""
    return _volumes_first(_any_stacks(found))


def _volumes_first(stacks: Sequence[Stack]) -> tuple[Stack, ...]:
    volumes = tuple(stack for stack in stacks if stack.is_choice)
    slices = tuple(stack for stack in stacks if not stack.is_localizer)
    return volumes or slices or tuple(stacks)


def _any_stacks(found: Scan) -> tuple[Stack, ...]:
    if found.stacks:
        return found.stacks
    if not found.files:
        raise NotDicomError("there are no files here", files=(found.source,))
    reasons = [
        f"{finding.message} ({count(len(finding.files), 'file')})"
        for finding in sorted(found.findings, key=lambda f: -len(f.files))[:REASONS_SHOWN]
    ]
    failed = found.count(Fate.FAILED)
    raise NotDicomError(
        f"no DICOM volume in {count(found.count(), 'file')}: {'; '.join(reasons)}",
        files=(found.source,),
        remedy="see what became of every file with `volume info`" if failed else None,
    )
