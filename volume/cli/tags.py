"""`volume tags`: the data elements of a file, searched by name or number."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from volume.cli import options
from volume.cli.console import say_findings
from volume.dicom.archives import find_archive
from volume.dicom.data_set import name_tag
from volume.dicom.files import find_files
from volume.dicom.limits import parse_limits
from volume.dicom.listing import Listed, open_listing
from volume.dicom.tag_pattern import TagPattern
from volume.errors import VolumeError
from volume.escaping import LABEL, escape

SCHEMA = "volume.tags/1"
MASKED = "***"
NUMBERS_SHOWN = 16
NAME_WIDTH = 32


@click.command()
@click.argument("file")
@click.argument("pattern", required=False)
@options.flags(options.identifiers_shown, options.limits, options.as_json, options.quiet)
def tags(
    file: str, pattern: str | None, identifiers: bool, limits: str, as_json: bool, quiet: bool
) -> None:
    """Show the data elements of FILE, all or those that fit PATTERN.

    PATTERN is a part of a name (spacing, "slice thickness"), a number (0028,0030 or 00280030,
    0028 for a group), or either with * and ?. What may identify (PS3.15 annex E; texts of
    private elements) is shown as *** without --identifiers. Exits 1 where nothing fits.
    """
    wanted = _pattern(pattern)
    if Path(file).is_dir():
        raise click.BadParameter(f"{file!r} is a folder; FILE is one file", param_hint="FILE")
    if find_archive(file) is None:
        find_files(file)  # refuses what is no regular file
    with open_listing(file, identifiers=identifiers, limits=parse_limits(limits)) as listing:
        found = _Found(wanted, listing.elements)
        if as_json:
            _print_json(found)
        else:
            _print(found, quiet)
        if not quiet and not as_json:
            say_findings(listing.findings)
    if found.fault:
        raise found.fault
    if pattern is not None and not found.count:
        raise VolumeError(f"no data element fits {pattern!r}", files=(file,))


def _pattern(text: str | None) -> TagPattern:
    if text is None:
        return TagPattern()
    try:
        return TagPattern.of(text)
    except ValueError as fault:
        raise click.BadParameter(str(fault), param_hint="PATTERN") from None


class _Found:
    """The elements that fit a pattern, each with the sequences it stands in."""

    def __init__(self, pattern: TagPattern, elements: Iterator[Listed]) -> None:
        self._pattern = pattern
        self._elements = elements
        self.count = 0
        """How many fit."""
        self.fault: VolumeError | None = None
        """What ended the list before the file's end."""

    def lines(self) -> Iterator[Listed]:
        """Give what fits, what is inside of it, and before each what it stands in."""
        around: list[Listed] = []
        inside = -1
        try:
            for one in self._elements:
                while around and _level(around[-1]) >= _level(one):
                    around.pop()
                if inside >= 0 and _level(one) <= inside:
                    inside = -1
                fits = self._pattern.fits(one)
                self.count += fits
                if fits or inside >= 0:
                    yield from around
                    around.clear()
                    yield one
                    inside = inside if inside >= 0 else _level(one)
                elif one.item or one.vr == "SQ":
                    around.append(one)
        except VolumeError as fault:
            self.fault = fault


def _print(found: _Found, quiet: bool) -> None:
    for one in found.lines():
        if not quiet:
            sys.stdout.write(f"{_line(one)}\n")


def _level(one: Listed) -> int:
    """Say how deep a line stands: items lie between their sequence and what they hold."""
    return 2 * one.depth - bool(one.item)


def _line(one: Listed) -> str:
    indent = "  " * _level(one)
    if one.item:
        return f"{indent}item {one.item}"
    name = one.keyword or one.name or ("private" if one.tag >> 16 & 1 else "unknown")
    if one.creator:
        name = f"{name} of {one.creator}"
    head = f"{indent}{name_tag(one.tag)} {one.vr or '--'} {escape(name, LABEL):{NAME_WIDTH}}"
    return f"{head}  {_value(one)}".rstrip()


def _value(one: Listed) -> str:
    """Word a value, escaped, what is long with its length."""
    if one.masked:
        return MASKED
    size = "" if one.length is None else f"({one.length} bytes)"
    if one.values is None:
        return escape(one.note) or ("" if one.vr == "SQ" else size)
    numbers = not any(isinstance(value, str) for value in one.values)
    shown = one.values[:NUMBERS_SHOWN] if numbers else one.values
    text = "\\".join(_plain(value, one.vr) for value in shown)
    is_cut = not one.whole or len(shown) < len(one.values) or len(text) > LABEL
    note = f"  ({one.note})" if one.note else ""
    more = "…" if is_cut and len(text) <= LABEL else ""
    return escape(text, LABEL) + more + (f" {size}" if is_cut else "") + escape(note)


def _plain(value: str | float, vr: str) -> str:
    """Write a number with the digits that its bytes can tell."""
    return f"{value:.9g}" if vr == "FL" else str(value)


def _print_json(found: _Found) -> None:
    """Write one document, an element a line, nested as the file is, and keep none of it."""
    write = sys.stdout.write
    write(f'{{"schema": "{SCHEMA}", "elements": [')
    unclosed: list[tuple[int, str]] = []
    comma = ""
    for one in found.lines():
        level = _level(one)
        while unclosed and unclosed[-1][0] >= level:
            write(unclosed.pop()[1])
            comma = ","
        entry = "[" if one.item else json.dumps(_as_json(one), allow_nan=False)
        holds = one.item or one.vr == "SQ"
        write(f"{comma}\n{entry if one.item or not holds else entry[:-1] + ITEMS}")
        comma = "" if holds else ","
        if holds:
            unclosed.append((level, "]" if one.item else "]}"))
    write("".join(end for _, end in reversed(unclosed)))
    fault = None if found.fault is None else found.fault.what
    write(f'],\n"error": {json.dumps(fault)}}}\n')


ITEMS = ', "items": ['


def _as_json(one: Listed) -> dict[str, Any]:
    """Give an element as plain JSON values."""
    entry: dict[str, Any] = {
        "tag": f"{one.tag:08X}", "vr": one.vr, "keyword": one.keyword, "name": one.name,
    }  # fmt: skip
    if one.creator:
        entry["creator"] = one.creator
    if one.masked:
        return entry | {"masked": True}
    entry["length"] = one.length
    if one.values is not None:
        entry["value"] = [_finite(value) for value in one.values]
        if not one.whole:
            entry["whole"] = False
    if one.note:
        entry["note"] = one.note
    return entry


def _finite(value: str | float) -> str | float:
    """Write out what JSON has no number for."""
    is_number = not isinstance(value, float) or abs(value) < float("inf")
    return value if is_number else str(value)
