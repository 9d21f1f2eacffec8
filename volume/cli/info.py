"""`volume info`: what is here, in plain words and millimetres."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from volume.assembly.forecast import forecast
from volume.assembly.options import DEFAULTS
from volume.assembly.report import describe, describe_member
from volume.assembly.scan import Scan
from volume.assembly.selection import remedy_for
from volume.assembly.series import Series
from volume.assembly.stack import Stack
from volume.cli import options
from volume.cli.console import print_json, word_finding
from volume.cli.headers import refuse_cache_in, scan_source
from volume.dicom.files import Fate
from volume.escaping import LABEL, escape
from volume.findings import Finding, Severity, count
from volume.formats.files import is_volume_file, members
from volume.formats.member import Member

NO_VOLUME = 3
FILES_SHOWN = 5
SCHEMA = "volume.info/1"


@click.command()
@options.flags(
    options.sources, options.limits, options.cache, options.as_json, options.quiet, options.verbose
)  # fmt: skip
def info(
    sources: tuple[str, ...],
    limits: str,
    cache: str | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Say what is here: every series and stack, every file accounted for.

    Reads headers only, and the pixels of slices that may be duplicates. Exits 3 where
    there is no DICOM volume.
    """
    hidden = quiet or as_json
    refuse_cache_in(sources, cache)
    files = [source for source in sources if is_volume_file(source) and os.path.isfile(source)]  # noqa: PTH113
    volumes = [(path, members(path)) for path in files]
    scans = [
        _named(scan_source(one, limits, cache, quiet=hidden), several=len(sources) > 1)
        for one in sources
        if one not in files
    ]
    if as_json:
        print_json(_document(scans, volumes))
    elif not quiet:
        for path, listed in volumes:
            _print_members(path, listed, verbose)
        for found in scans:
            _print(found, verbose)
    return 0 if volumes or any(found.stacks for found in scans) else NO_VOLUME


def _named(found: Scan, *, several: bool) -> Scan:
    """Put the source's own name before its files, where there are several sources."""
    if not several:
        return found
    top = os.path.basename(os.path.normpath(found.source))  # noqa: PTH119

    def name(finding: Finding) -> Finding:
        return replace(finding, files=tuple(f"{top}/{file}" for file in finding.files))

    return replace(found, findings=tuple(map(name, found.findings)))


def _document(
    scans: Sequence[Scan], files: Sequence[tuple[str, Sequence[Member]]]
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "files": {
            "total": len(files) + sum(found.count() for found in scans),
            "used": len(files) + sum(found.count(Fate.USED) for found in scans),
            "ignored": sum(found.count(Fate.IGNORED) for found in scans),
            "failed": sum(found.count(Fate.FAILED) for found in scans),
        },
        "volumes": [
            *(describe_member(member) for _, listed in files for member in listed),
            *(describe(stack) for found in scans for stack in found.stacks),
        ],
        "findings": [
            finding.as_json() for found in scans for finding in (*found.findings, *found.remarks)
        ],
    }


def _print_members(path: str, listed: Sequence[Member], verbose: bool) -> None:
    """Print what a volume file holds: one volume, or several of one grid."""
    first = listed[0]
    geometry = first.geometry
    told = (
        f"{' x '.join(map(str, first.size))} voxels of"
        f" {' x '.join(f'{step:.4g}' for step in geometry.spacing)} mm",
        geometry.orientation,
        str(first.dtype),
        " ".join(filter(None, (escape(first.modality, LABEL), escape(first.unit, LABEL)))),
    )
    several = f"{len(listed)} volumes (4D) of " if len(listed) > 1 else ""
    _line(f"{escape(path)}: {several}{', '.join(filter(None, told))}")
    shown = listed if verbose else listed[:MEMBERS_SHOWN]
    for member in shown if len(listed) > 1 else ():
        _line(f"  {member.id}")
    if left := len(listed) - len(shown):
        _line(f"  and {left} more, to {listed[-1].id} (-v names them)")
    for finding in first.findings:
        _line(f"    {finding.severity:8}{finding.code}: {word_finding(finding)}")


MEMBERS_SHOWN = 5


def _print(found: Scan, verbose: bool) -> None:
    """Print the table of volumes, what was found about each, and the other files."""
    counts = ", ".join(f"{found.count(fate)} {fate}" for fate in Fate)
    _line(f"{escape(found.source)}: {count(found.count(), 'file')}: {counts}")
    for series in found.series:
        _line()
        _print_series(series)
    if found.findings:
        _line()
    for finding in found.findings:
        fate = "ignored" if finding.severity is Severity.INFO else "failed"
        _line(f"{fate}: {word_finding(finding)}: {_files(finding.files, verbose)}")
    _line()
    _line(_next(found))


def _print_series(series: Series) -> None:
    """Print a series: a line a volume, and every finding once."""
    number = "" if series.number is None else f" series {series.number}"
    modality = escape(series.modality, LABEL) or "unknown modality"
    _line(f"{modality}{number}  {escape(series.description, LABEL)}")
    rows = [_cells(stack) for stack in series.stacks]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        _line(f"  {'  '.join(cells)}".rstrip())
    for finding, stacks in _said_once(series.stacks):
        whose = "" if len(stacks) == len(series.stacks) else f"{', '.join(stacks)}: "
        _line(f"    {finding.severity:8}{finding.code}: {whose}{word_finding(finding)}")
    for stack in series.stacks:
        if told := forecast(stack, DEFAULTS):
            _line(f"    memory  {told}")
        fixable = not stack.refusals or remedy_for(stack) is not None
        if fixable and not {"regular", "single"} & set(stack.kind):
            _line(f"    export  {stack.id}: {_repair(stack)}")


def _cells(stack: Stack) -> list[str]:
    """Give the columns of a volume: id, size, spacing, orientation, kind, axis."""
    geometry = stack.geometry
    spacing = "" if geometry is None else " x ".join(f"{s:.4g}" for s in geometry.spacing) + " mm"
    return [
        stack.id,
        " x ".join(map(str, stack.size)),
        spacing,
        "" if geometry is None else geometry.orientation,
        "+".join(stack.kind) or "not placed",
        ", ".join(f"{tag} {_plain(value)}" for tag, value in stack.axes),
    ]


def _plain(value: object) -> str:
    """Word the value of a tag."""
    if isinstance(value, tuple):
        return "(" + ", ".join(f"{number:.3g}" for number in value) + ")"
    return f"{value:g}" if isinstance(value, float) else escape(value)


def _said_once(stacks: Sequence[Stack]) -> list[tuple[Finding, list[str]]]:
    """Gather what is said of several volumes in the same words."""
    said: dict[tuple[str, str], tuple[Finding, list[str]]] = {}
    for stack in stacks:
        for finding in stack.findings:
            entry = said.setdefault((finding.code, finding.message), (finding, []))
            if stack.id not in entry[1]:
                entry[1].append(stack.id)
    return list(said.values())


def _repair(stack: Stack) -> str:
    """Say what a stack that is no regular grid becomes."""
    size = " x ".join(map(str, stack.size))
    step = 0.0 if stack.geometry is None else stack.geometry.spacing[2]
    return (
        f"{count(len(stack.slices), 'slice')} become {size} voxels, one slice every {step:.4g} mm,"
        " resampled once"
    )


def _files(files: Sequence[str], verbose: bool) -> str:
    shown = files if verbose else files[:FILES_SHOWN]
    left = len(files) - len(shown)
    return ", ".join(map(escape, shown)) + (f" and {left} more (-v names them)" if left else "")


def _next(found: Scan) -> str:
    """Say what to type next, with the options that a refused volume needs."""
    source = _quoted(found.source)
    volumes = [stack for stack in found.stacks if stack.is_choice] or list(found.stacks)
    if not volumes:
        return "No DICOM volume is here."
    best = next((stack for stack in volumes if not stack.refusals), volumes[0])
    which = f" --series {best.id}" if len(volumes) > 1 else ""
    way_out = remedy_for(best) if best.refusals else None
    if best.refusals and way_out is None:
        return f"no volume can be made of this as it is: {word_finding(best.refusals[0])}"
    needs = f" --{way_out[0]} {way_out[1]}" if way_out else ""
    lines = [f"next: volume view {source}{which}"]
    lines.append(f"      volume export {source} {best.id}.nii.gz{which}{needs}")
    group = best.series_uid, best.group
    siblings = [one for one in volumes if (one.series_uid, one.group) == group]
    if best.axes and len(siblings) > 1 and not any(stack.refusals for stack in siblings):
        chosen = which if len(siblings) < len(volumes) else ""
        lines.append(f"      volume export {source} {best.group}.nii.gz --4d{chosen}")
    return "\n".join(lines)


def _quoted(path: str) -> str:
    import shlex

    return escape(shlex.quote(path))


def _line(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
