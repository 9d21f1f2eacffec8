"""What is in a folder: every series and stack, every file accounted for; no pixels read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import TYPE_CHECKING

from volume.assembly.grouping import group_slices
from volume.assembly.mergeable import with_mergeable
from volume.assembly.quantities import compare_scalings
from volume.assembly.series import Series
from volume.assembly.stack import Stack
from volume.assembly.stacking import stack_group
from volume.dicom.encoding import Unreadable
from volume.dicom.files import Fate, FileRecord, FoundFile
from volume.dicom.header import SliceHeader
from volume.dicom.limits import DEFAULT, Limits, limits_of
from volume.dicom.source import MISSING, Source, size_of_file
from volume.findings import Finding, Severity, error, info, warning
from volume.progress import Progress, shown

if TYPE_CHECKING:
    from volume.dicom.cache import Cache

LOST = frozenset({"pixels-truncated", "transfer-syntax-unsupported"})
IGNORED = frozenset(
    "not-dicom non-image secondary-capture projection-image dicomdir special-file".split()
)
"""Findings about files that are no part of any volume; other faults fail the file."""


DUPLICATE = "a duplicate of a slice that is used"


@dataclass(frozen=True, eq=False)
class Scan:
    """Everything that is in a source.

    `files` tells the fate of every regular file; `findings` concern files that belong to
    no volume.
    """

    source: str
    series: tuple[Series, ...]
    files: tuple[FileRecord, ...]
    findings: tuple[Finding, ...]
    archives: tuple[object, ...] = field(default=(), repr=False)
    """What was inflated in memory to be read from there, for as long as the scan is in use."""
    remarks: tuple[Finding, ...] = ()
    """What is to be said of the scan rather than of its files: of a cache that is of no use."""

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """Every stack of every series."""
        return tuple(stack for series in self.series for stack in series.stacks)

    def count(self, fate: Fate | None = None) -> int:
        """Count the files of one fate, or all of them."""
        return sum(fate is None or record.fate is fate for record in self.files)

    def __repr__(self) -> str:
        stacks = ", ".join(map(repr, self.stacks))
        return f"Scan({self.count()} files, {self.count(Fate.USED)} used: {stacks or 'no volume'})"


@dataclass
class _Account:
    """What became of every file, while a scan is going on."""

    slices: list[SliceHeader] = field(default_factory=list)
    rejected: dict[str, FileRecord] = field(default_factory=dict)
    beside: dict[tuple[str, str], list[tuple[int, FileRecord]]] = field(default_factory=dict)
    """Those that are rejected, numbered, by where they may belong: see `_place_of`."""
    findings: list[Finding] = field(default_factory=list)
    noticed: dict[str, tuple[Finding, ...]] = field(default_factory=dict)


def scan(
    source: str | os.PathLike[str],
    *,
    limits: Limits | str = DEFAULT,
    cache: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Scan:
    """List every series and stack in `source`, from the headers alone.

    `source` is a folder, a zip or tar archive, a DICOMDIR or a file; archives are read in
    place, also those in a folder, and nothing is unpacked onto the disk.
    `limits` are what a file may ask for, such as "inflated=2048,nesting=100".
    `cache` is a file in which is kept what was read: files that did not change since are not read
    again. What is wrong with it is told in `remarks`.
    Raises `VolumeError` where there is no such source, or where `cache` is a file of another
    kind; what is wrong with single files or
    stacks is told in findings.
    """
    source = os.fspath(source)
    limits = limits_of(limits)
    known = None if cache is None else _open_cache(cache, source, limits)
    looked_into = Source(source, limits, known)
    account = _Account()
    with closing(shown(progress)) as bar:
        files = _read_all(looked_into, account, bar)
    if known is not None:
        known.write()
    account.findings[:0] = looked_into.special
    series, dropped = _assemble_series(account.slices)
    series = [_with_strays(_with_file_findings(one, account)) for one in series]
    used, lost = _names(series)
    records = [_record(found.name, account, used, lost, dropped) for found in files]
    return Scan(
        source, tuple(series), tuple(records), tuple(_merge(account.findings)),
        tuple(looked_into.archives), () if known is None else tuple(known.findings),
    )  # fmt: skip


def _open_cache(path: str | os.PathLike[str], source: str, limits: Limits) -> Cache:
    from volume.dicom.cache import Cache

    return Cache(path, source, limits)


def _read_all(source: Source, account: _Account, progress: Progress) -> list[FoundFile]:
    """Read every header; give the files, those in archives too."""
    files: list[FoundFile] = []
    progress.total = source.count
    for outcome in source.read():
        files.append(outcome.found)
        if outcome.fault is not None:
            _reject(account, outcome.found, outcome.fault)
        else:
            account.slices += outcome.slices
            account.noticed[outcome.found.name] = tuple(outcome.noticed)
        progress.total = source.count
        progress.update(1)
    return files


def _reject(account: _Account, found: FoundFile, fault: Unreadable) -> None:
    ignored, reason = fault.code in IGNORED, str(fault)
    fate = Fate.IGNORED if ignored else Fate.FAILED
    record = FileRecord(
        found.name, fate, reason, fault.code, fault.series_uid, size_of_file(found.path)
    )
    account.beside.setdefault(_place_of(record), []).append((len(account.rejected), record))
    account.rejected[found.name] = record
    make = info if ignored else warning if fault.code == MISSING else error
    account.findings.append(make(fault.code, reason, files=(found.name,), remedy=fault.remedy))


def _assemble_series(
    slices: Iterable[SliceHeader],
) -> tuple[list[Series], dict[str, str]]:
    """Stack every group; give the series in order of number, and the dropped files."""
    series: list[Series] = []
    dropped: dict[str, str] = {}
    ordered = sorted(slices, key=lambda h: (h.series_number or 0, h.series_uid, h.name, h.frame))
    for (study_uid, uid), groups in group_slices(ordered).items():
        stacks: list[Stack] = []
        for group in groups:
            stacks += stack_group(group)
        stacks = compare_scalings(stacks)
        dropped |= {h.name: DUPLICATE for stack in stacks for h in stack.dropped}
        first = stacks[0]
        series.append(
            Series(
                uid, study_uid, first.series_number, first.description, first.modality,
                tuple(stacks),
            )
        )  # fmt: skip
    return _finished(series), dropped


def _finished(series: list[Series]) -> list[Series]:
    """Give every stack an id of its own, and say which series fit one grid."""
    seen: Counter[str] = Counter()

    def rename(stack: Stack) -> Stack:
        seen[stack.id] += 1
        return replace(stack, id=f"{stack.id}_n{seen[stack.id]}") if seen[stack.id] > 1 else stack

    renamed = [rename(stack) for one in series for stack in one.stacks]
    complete = iter(with_mergeable(renamed))
    return [replace(one, stacks=tuple(next(complete) for _ in one.stacks)) for one in series]


def _with_file_findings(series: Series, account: _Account) -> Series:
    """Add to every stack what was noticed about its files, and the failed files beside them."""

    def add(stack: Stack) -> Stack:
        names = dict.fromkeys(header.name for header in stack.slices)
        found = [finding for name in names for finding in account.noticed.get(name, ())]
        found += _failed_beside(stack, account)
        return replace(stack, findings=(*stack.findings, *_merge(found))) if found else stack

    return replace(series, stacks=tuple(map(add, series.stacks)))


def _with_strays(series: Series) -> Series:
    """Name, for a stack that misses slices, the few of its series that were set apart."""
    total = sum(len(stack.slices) for stack in series.stacks)

    def add(stack: Stack) -> Stack:
        if not any(f.code == "missing-slices" for f in stack.refusals):
            return stack
        if not 0 < total - len(stack.slices) <= STRAYS_NAMED:
            return stack
        apart = [h.name for other in series.stacks if other is not stack for h in other.slices]
        text = f"{len(apart)} slices of this series were set apart, and may be those"
        stray = warning("left-out", text, files=tuple(dict.fromkeys(apart)))
        return replace(stack, findings=(*stack.findings, stray))

    return replace(series, stacks=tuple(map(add, series.stacks)))


STRAYS_NAMED = 8
DAMAGED = frozenset({"unreadable", "pixels-truncated", MISSING})


def _failed_beside(stack: Stack, account: _Account) -> list[Finding]:
    """Name files that may hold slices of a stack: of its series, or damaged in its folder.

    So may archives that are not read, there or in a folder above. At the ends of a stack
    nothing else would tell that a slice is missing. A file that is no DICOM any more is known
    by its size.
    """
    if not account.beside:
        return []
    folders = {os.path.dirname(header.name) for header in stack.slices}  # noqa: PTH120
    places = {("folder", folder) for folder in folders}
    places |= {("archive", above) for folder in folders for above in _and_above(folder)}
    places |= {("series", stack.series_uid)}
    numbered = sorted(
        (one for place in places for one in account.beside.get(place, ())), key=itemgetter(0)
    )
    usual = size_of_file(stack.slices[0].path) if numbered else 0

    def may_belong(record: FileRecord) -> bool:
        alike = abs(record.size - usual) <= ALIKE * usual
        damaged = record.code in DAMAGED or (record.code == "not-dicom" and alike)
        return damaged or _place_of(record)[0] != "folder"

    return [
        (info if record.code in IGNORED - {"not-dicom"} else warning)(
            record.code, f"a file that may belong here: {record.reason}", files=(record.name,)
        )
        for _, record in numbered
        if account.rejected[record.name] is record and may_belong(record)
    ]


def _place_of(record: FileRecord) -> tuple[str, str]:
    """Say where a rejected file may belong: to its series, its folder, or to what is below it."""
    if record.series_uid:
        return "series", record.series_uid
    kind = "archive" if record.code == "not-supported-yet" else "folder"  # it may hold folders
    return kind, os.path.dirname(record.name)  # noqa: PTH120


def _and_above(folder: str) -> list[str]:
    """Give a folder of the source, and those that hold it."""
    return ["", *(folder[:n] for n, letter in enumerate(folder) if letter == "/"), folder]


ALIKE = 0.1
"""Slices of a series differ little in their size."""


def _record(
    name: str, account: _Account, used: set[str], lost: dict[str, str], dropped: dict[str, str]
) -> FileRecord:
    if name in account.rejected:
        return account.rejected[name]
    if name in lost:
        return FileRecord(name, Fate.FAILED, lost[name])
    if name in used:
        return FileRecord(name, Fate.USED)
    return FileRecord(name, Fate.IGNORED, dropped.get(name, "no slice of it is used"))


def _names(series: list[Series]) -> tuple[set[str], dict[str, str]]:
    used: set[str] = set()
    lost: dict[str, str] = {}
    for stack in (stack for one in series for stack in one.stacks):
        used |= {header.name for header in stack.slices}
        for finding in stack.findings:
            if finding.code in LOST:
                lost |= dict.fromkeys(finding.files, finding.message)
    return used, lost


def _merge(findings: Iterable[Finding]) -> list[Finding]:
    """Make one finding of many that say the same of different files."""
    merged: dict[tuple[str, Severity, str], list[Finding]] = {}
    for finding in findings:
        merged.setdefault((finding.code, finding.severity, finding.message), []).append(finding)
    return [
        replace(
            same[0], files=tuple(dict.fromkeys(name for finding in same for name in finding.files))
        )
        for same in merged.values()
    ]
