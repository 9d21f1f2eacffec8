"""`volume info`: what is here, in plain words and millimetres."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from volume.assembly.report import describe
from volume.assembly.scan import Scan, scan
from volume.assembly.stack import Stack
from volume.cli import options
from volume.cli.console import Bar, print_json, safe, word_finding
from volume.dicom.files import Fate
from volume.findings import Finding, Severity

NO_VOLUME = 3
FILES_SHOWN = 5
SCHEMA = "volume.info/1"


@click.command()
@options.flags(options.sources, options.as_json, options.quiet, options.verbose)
def info(sources: tuple[str, ...], as_json: bool, quiet: bool, verbose: bool) -> int:
    """Say what is here: every series and stack, every file accounted for.

    Reads headers only. Exits 3 where there is no DICOM volume.
    """
    scans = [_scan(source, quiet or as_json, len(sources) > 1) for source in sources]
    if as_json:
        print_json(_document(scans))
    elif not quiet:
        for found in scans:
            _print(found, verbose)
    return 0 if any(found.stacks for found in scans) else NO_VOLUME


def _scan(source: str, hidden: bool, named: bool) -> Scan:
    found = scan(source, progress=Bar("reading headers", hidden=hidden))
    return _named(found) if named else found


def _named(found: Scan) -> Scan:
    """Put the source's own name before its files, where there are several sources."""
    top = os.path.basename(os.path.normpath(found.source))  # noqa: PTH119

    def name(finding: Finding) -> Finding:
        return replace(finding, files=tuple(f"{top}/{file}" for file in finding.files))

    return replace(found, findings=tuple(map(name, found.findings)))


def _document(scans: Sequence[Scan]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "files": {
            "total": sum(found.count() for found in scans),
            "used": sum(found.count(Fate.USED) for found in scans),
            "ignored": sum(found.count(Fate.IGNORED) for found in scans),
            "failed": sum(found.count(Fate.FAILED) for found in scans),
        },
        "volumes": [describe(stack) for found in scans for stack in found.stacks],
        "findings": [finding.as_json() for found in scans for finding in found.findings],
    }


def _print(found: Scan, verbose: bool) -> None:
    """Print the table of volumes, what was found about each, and the other files."""
    counts = ", ".join(f"{found.count(fate)} {fate}" for fate in Fate)
    _line(f"{safe(found.source)}: {found.count()} files: {counts}")
    for series in found.series:
        for stack in series.stacks:
            _line()
            _line(_headline(stack))
            for finding in stack.findings:
                _line(f"    {finding.severity:8}{finding.code}: {word_finding(finding)}")
    if found.findings:
        _line()
    for finding in found.findings:
        fate = "ignored" if finding.severity is Severity.INFO else "failed"
        _line(f"{fate}: {safe(finding.message)}: {_files(finding.files, verbose)}")
    _line()
    _line(_next(found))


def _headline(stack: Stack) -> str:
    number = "" if stack.series_number is None else f" series {stack.series_number}"
    size = " x ".join(map(str, stack.size))
    parts = [f"{stack.id}  {safe(stack.modality)}{number}  {size}"]
    if stack.geometry is not None:
        spacing = " x ".join(f"{s:.4g}" for s in stack.geometry.spacing)
        parts.append(f"{spacing} mm  {stack.geometry.orientation}  {'+'.join(stack.kind)}")
    if stack.axis is not None:
        parts.append(f"{stack.axis[0]} {safe(stack.axis[1])}")
    if stack.description:
        parts.append(safe(stack.description))
    return "  ".join(parts)


def _files(files: Sequence[str], verbose: bool) -> str:
    shown = files if verbose else files[:FILES_SHOWN]
    left = len(files) - len(shown)
    return ", ".join(map(safe, shown)) + (f" and {left} more (-v names them)" if left else "")


def _next(found: Scan) -> str:
    """Say what to type next."""
    source = _quoted(found.source)
    volumes = [stack for stack in found.stacks if stack.is_choice] or list(found.stacks)
    if not volumes:
        return "No DICOM volume is here."
    which = f" --series {volumes[0].id}" if len(volumes) > 1 else ""
    fine = next((stack for stack in volumes if not stack.refusals), volumes[0])
    if len(volumes) > 1:
        which = f" --series {fine.id}"
    return (
        f"next: volume view {source}{which}\n      volume export {source} {fine.id}.nii.gz{which}"
    )


def _quoted(path: str) -> str:
    import shlex

    return safe(shlex.quote(path))


def _line(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
