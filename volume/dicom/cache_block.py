"""What was read of the files of one folder, as a table that JSON can hold.

A column holds one attribute of all slices: each value once, and for every slice which one it is.
Slices of a series share most of theirs, so that a table is small and quickly read.
Only plain values and the records named here are written and read again; nothing else is made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, NamedTuple

from volume.dicom.encoding import Unreadable
from volume.dicom.files import FoundFile
from volume.dicom.header import (
    Diffusion,
    ModalityLut,
    Palette,
    PixelLayout,
    Rescale,
    SliceHeader,
    Tile,
)
from volume.dicom.source import Outcome
from volume.findings import Finding, Severity


class Status(NamedTuple):
    """By what a file is known to be the one that was read."""

    size: int
    changed: int
    """When its bytes changed, in ns."""
    touched: int
    """When its bytes, its name or its permissions changed, in ns: no program can set it."""
    number: int
    """Its number in the file system (inode)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file and what was read of it, whatever it is called in a scan."""

    name: str
    """Within its folder."""
    status: Status
    slices: tuple[tuple[Any, ...], ...]
    """The attributes of every slice, `COLUMNS`."""
    noticed: tuple[tuple[Any, ...], ...]
    fault: tuple[Any, ...] | None

    def outcome(self, found: FoundFile) -> Outcome:
        """Say what the file holds, under the name it has in this scan."""
        fault = None
        if self.fault is not None:
            reason, code, remedy, series_uid = self.fault
            fault = Unreadable(reason, code, remedy)
            fault.series_uid = series_uid
        slices = [SliceHeader(found.path, found.name, *own) for own in self.slices]
        noticed = [
            Finding(code, Severity(severity), message, (found.name,) if named else (), *more)
            for code, severity, message, named, *more in self.noticed
        ]
        return Outcome(found, slices, noticed, fault)


COLUMNS = tuple(one.name for one in fields(SliceHeader) if one.name not in ("path", "name"))
"""What is kept of a slice; what its file is called is known anew."""
_attributes_of: Callable[[SliceHeader], tuple[Any, ...]] = attrgetter(*COLUMNS)


def entry_of(name: str, status: Status, outcome: Outcome) -> Entry | None:
    """Take down what a file holds; None where it cannot stand for the file another time."""
    found, fault = outcome.found, outcome.fault
    if fault is not None and (fault.code in PASSING or _is_of_this_machine(fault)):
        return None
    for header in outcome.slices:
        if (header.path, header.name) != (found.path, found.name):
            return None
        if header.lut is not None or header.palette is not None:  # large, and seldom
            return None
    if any(finding.files not in ((), (found.name,)) for finding in outcome.noticed):
        return None
    return Entry(
        name,
        status,
        tuple(map(_attributes_of, outcome.slices)),
        tuple(
            (one.code, str(one.severity), one.message, bool(one.files), one.evidence, one.remedy)
            for one in outcome.noticed
        ),
        None if fault is None else (str(fault), fault.code, fault.remedy, fault.series_uid),
    )


PASSING = frozenset({"changed-during-read"})
"""Verdicts that may be others a moment later."""


def _is_of_this_machine(fault: BaseException | None) -> bool:
    """Say whether a disk or too little memory is behind a verdict, rather than the file."""
    while fault is not None:
        if isinstance(fault, OSError | MemoryError):
            return True
        fault = fault.__context__
    return False


def pack(entries: Sequence[Entry]) -> bytes:
    """Write entries as a table. Raises `TypeError` where one holds what is no plain value."""
    slices = [own for entry in entries for own in entry.slices]
    table = {
        "names": [entry.name for entry in entries],
        "status": [entry.status for entry in entries],
        "slices": [len(entry.slices) for entry in entries],
        "columns": [_pack_column(column) for column in zip(*slices, strict=True)],
        "noticed": {str(n): _plain(one.noticed) for n, one in enumerate(entries) if one.noticed},
        "faults": {str(n): _plain(one.fault) for n, one in enumerate(entries) if one.fault},
    }
    return json.dumps(table, separators=(",", ":")).encode("ascii")


def unpack(raw: bytes) -> list[Entry]:
    """Read a table of entries."""
    table = json.loads(raw)
    rows: Iterable[tuple[Any, ...]] = ()
    if table["columns"]:
        total = sum(table["slices"])
        columns = [_unpack_column(column, total) for column in table["columns"]]
        if len(columns) != len(COLUMNS):
            raise ValueError("another number of columns")
        rows = zip(*columns, strict=True)
    row = iter(rows)
    entries = []
    for n, (name, status, count) in enumerate(
        zip(table["names"], table["status"], table["slices"], strict=True)
    ):
        own = tuple([next(row) for _ in range(count)])
        noticed, fault = table["noticed"].get(str(n)), table["faults"].get(str(n))
        entries.append(
            Entry(
                name,
                Status(*status),
                own,
                () if noticed is None else _value(noticed),
                None if fault is None else _value(fault),
            )
        )
    return entries


def _pack_column(column: tuple[Any, ...]) -> list[Any]:
    """Give the values of a column, each once, and for every row which it is.

    Instead of that nothing, where one value is for all, or every row has its own.
    """
    objects = {id(value): value for value in column}
    numbers: dict[str, int] = {}
    values: list[Any] = []
    number_of: dict[int, int] = {}
    for known, value in objects.items():
        text = repr(value)  # which tells 1 from 1.0 and 0.0 from -0.0
        number_of[known] = numbers.setdefault(text, len(values))
        if len(numbers) > len(values):
            values.append(_plain(value))
    is_plain = len(values) in (1, len(column))
    return [values, None if is_plain else [number_of[id(value)] for value in column]]


def _unpack_column(column: list[Any], rows: int) -> list[Any]:
    packed, which = column
    values = [_value(one) for one in packed]
    if which is not None:
        return [values[n] for n in which]
    return values if len(values) == rows else values * rows


SCALARS = frozenset({str, int, float, bool, type(None)})
RECORDS: dict[str, type[Any]] = {
    one.__name__: one for one in (Diffusion, ModalityLut, Palette, PixelLayout, Rescale, Tile)
}
"""What a header holds beside plain values."""
FIELDS = {
    name: tuple(getattr(record, "_fields", None) or [one.name for one in fields(record)])
    for name, record in RECORDS.items()
}


def _plain(value: Any) -> Any:
    """Put a value into what JSON has: arrays stand for tuples, objects name what they are."""
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind is tuple:
        return [_plain(one) for one in value]
    if kind is list:
        return {"list": [_plain(one) for one in value]}
    if kind is dict and all(type(key) is str for key in value):
        return {"dict": {key: _plain(one) for key, one in value.items()}}
    if kind is bytes:
        return {"bytes": value.hex()}
    name = kind.__name__
    if RECORDS.get(name) is not kind:
        raise TypeError(f"a {name} is not written")
    return {name: [_plain(getattr(value, own)) for own in FIELDS[name]]}


def _value(plain: Any) -> Any:
    """Make of what JSON has the value that it stands for."""
    kind = type(plain)
    if kind is list:
        return tuple([_value(one) for one in plain])
    if kind is not dict:
        return plain
    ((name, inner),) = plain.items()
    if name == "list":
        return [_value(one) for one in inner]
    if name == "dict":
        return {key: _value(one) for key, one in inner.items()}
    if name == "bytes":
        return bytes.fromhex(inner)
    return RECORDS[name](*[_value(one) for one in inner])
