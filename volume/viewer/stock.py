"""Fills the shelf of a window from what was found in a source: series, and their time points."""

from __future__ import annotations

import os
from collections.abc import Sequence

from volume.assembly.forecast import bytes_kept
from volume.assembly.load import assemble_from
from volume.assembly.options import Options
from volume.assembly.scan import Scan
from volume.assembly.stack import Stack
from volume.findings import Finding, Severity, count
from volume.formats.files import read
from volume.formats.member import Member
from volume.progress import Progress
from volume.viewer.first_look import is_large, sketch
from volume.viewer.series_list import Row
from volume.viewer.shelf import Item, Point, Shelf
from volume.viewer.thumbnail import thumbnail
from volume.volume import Volume

SAME_GRID_MM = 1e-3


def shelf_of_scan(found: Scan, options: Options) -> Shelf:
    """Put every series of a scan on a shelf; stacks of one that share a grid are one item."""
    sets: dict[tuple[object, ...], list[Stack]] = {}
    for stack in found.stacks:
        sets.setdefault(_place_of(stack, sets), []).append(stack)
    return Shelf(tuple(_item(found, tuple(stacks), options) for stacks in sets.values()))


def shelf_of_file(path: str | os.PathLike[str], members: Sequence[Member]) -> Shelf:
    """Put the volumes of a volume file on a shelf: they share one grid."""
    first = members[0]
    points = tuple(_member_point(path, member) for member in members)
    sizes = _words_of_size(first.size, first.geometry.spacing.tolist())
    lines = (first.id, sizes, _count_points(len(members)))
    row = Row(first.id, tuple(filter(None, lines)), first.description)
    return Shelf((Item(row, points, lambda: None),))


def _place_of(stack: Stack, sets: dict[tuple[object, ...], list[Stack]]) -> tuple[object, ...]:
    """Say which item a stack belongs to: that of its group, if it shares its grid."""
    key = (stack.series_uid, stack.group)
    if stack.axis is not None and stack.geometry is not None:
        first = sets[key][0] if key in sets else stack
        if first.geometry is not None and first.geometry.matches(stack.geometry, SAME_GRID_MM):
            return key
    return (stack.series_uid, stack.id)


def _item(found: Scan, stacks: tuple[Stack, ...], options: Options) -> Item:
    first = stacks[0]
    middle = stacks[len(stacks) // 2]
    return Item(
        row=Row(first.id, _lines(stacks), first.description),
        points=tuple(_point(found, stack, options) for stack in stacks),
        picture=lambda: thumbnail(middle, options),
        space=first.slices[0].frame_of_reference_uid,
    )


def _lines(stacks: tuple[Stack, ...]) -> tuple[str, ...]:
    """Word a series: id, description, size, spacing, how many time points, the gravest finding."""
    first = stacks[0]
    spacing = None if first.geometry is None else first.geometry.spacing.tolist()
    gravest = _gravest([finding for stack in stacks for finding in stack.findings])
    lines = (
        first.id,
        first.description,
        _words_of_size(first.size, spacing),
        " ".join(filter(None, (_count_points(len(stacks)), gravest))),
    )
    return tuple(filter(None, lines))


def _words_of_size(size: Sequence[int], spacing: Sequence[float] | None) -> str:
    words = " × ".join(map(str, size))
    if spacing is None:
        return words
    return f"{words}, {' × '.join(f'{mm:.2g}' for mm in spacing)} mm"


def _count_points(points: int) -> str:
    return count(points, "time point") if points > 1 else ""


def _gravest(findings: Sequence[Finding]) -> str:
    grave = sorted(
        (finding for finding in findings if finding.severity != Severity.INFO),
        key=lambda finding: finding.severity != Severity.ERROR,
    )
    return grave[0].message if grave else ""


def _point(found: Scan, stack: Stack, options: Options) -> Point:
    def read_whole(progress: Progress) -> Volume:
        return assemble_from(found, stack, options, progress)

    return Point(
        id=stack.id,
        name=", ".join(f"{tag} {_short(value)}" for tag, value in stack.axes),
        size=bytes_kept(stack),
        read=read_whole,
        sketch=(lambda: sketch(stack, options)) if is_large(stack) else None,
    )


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _member_point(path: str | os.PathLike[str], member: Member) -> Point:
    size = int(member.dtype.itemsize)
    for side in member.size:
        size *= side

    def read_whole(progress: Progress) -> Volume:
        return read(path, member.id, progress=progress)

    name = f"{member.axis[0]} {member.axis[1]}" if member.axis else ""
    return Point(member.id, name, size, read_whole)
