"""What was read of files before, so that those that did not change are not read again.

A file is believed to be the one that was read where its path, its size, the times at which its
bytes and its status changed, and its number in the file system are the same, under the same
limits and with the same reader. One that changed in the last moments is not kept: it could change
again within the same tick of the clock. Archives are read anew.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from volume.atomic import refuse_in_source, refuse_unwritable, whole_file
from volume.dicom.cache_block import Entry, Status, entry_of
from volume.dicom.cache_file import (
    FILE_AT_MOST,
    MAGIC,
    Block,
    NotUsable,
    block_of,
    is_cache,
    read_blocks,
    write_blocks,
)
from volume.dicom.files import FoundFile
from volume.dicom.limits import Limits
from volume.dicom.source import Outcome
from volume.errors import VolumeError
from volume.findings import Finding, warning

SETTLED_NS = 2_000_000_000
"""The coarsest clock of a file system in use ticks every 2 s (FAT)."""
FILES_A_BLOCK = 1000
PRIVATE = 0o600
"""A cache names series and files: no one else reads it."""
ANOTHER_NAME = "choose another name for the cache, or take this file away"


class Cache:
    """The cache in the file `path`, while `source` is looked into.

    Raises `VolumeError` where it would lie inside the source, or in the place of a file that is
    no cache. `findings` say what else is wrong with it; a scan then goes on without it.
    """

    def __init__(self, path: str | os.PathLike[str], source: str, limits: Limits) -> None:
        self.findings: list[Finding] = []
        self._path = Path(path)
        self._limits = " ".join(f"{name}={value}" for name, value in asdict(limits).items())
        self._top = os.path.abspath(source)  # noqa: PTH100 as the files are found
        self._is_whole = os.path.isdir(source)  # noqa: PTH112
        refuse_in_source(path, source)
        refuse_unwritable(path, overwrite=True)
        self._before = self._read()
        self._folders: dict[str, _Folder] = {}
        """By absolute path."""
        self._by_top: dict[str, _Folder] = {}
        """By path as the files have it."""

    def _read(self) -> dict[str, list[Block]]:
        """Read the blocks there are, by folder; none where there is nothing to believe."""
        blocks: dict[str, list[Block]] = defaultdict(list)
        try:
            data = _bytes_of(self._path)
            for block in read_blocks(data) if data else ():
                blocks[block.folder].append(block)
        except NotUsable as why:
            self._say_unused(why)
        return blocks

    def _say_unused(self, why: NotUsable) -> None:
        if not self.findings:
            text = f"the cache is not used: {why}; its files are read anew"
            self.findings.append(warning("cache-unused", text, files=(str(self._path),)))

    def outcome(self, found: FoundFile, read: Callable[[FoundFile], Outcome]) -> Outcome:
        """Say what a file holds: as it is known, or as it is read now and known from then on."""
        began = time.time_ns()
        status = _status(found.path)
        if status is None:
            return read(found)
        top, name = os.path.split(found.path)
        folder = self._folder(top)
        known = folder.take(name, status)
        if known is not None:
            return known.outcome(found)
        outcome = read(found)
        if _is_settled(status, began) and _status(found.path) == status:
            folder.keep(name, status, outcome)
        return outcome

    def _folder(self, top: str) -> _Folder:
        folder = self._by_top.get(top)
        if folder is None:
            absolute = os.path.abspath(top)  # noqa: PTH100
            folder = self._by_top[top] = self._folders.setdefault(
                absolute,
                _Folder(absolute, self._limits, self._before.get(absolute, []), self._say_unused),
            )
        return folder

    def write(self) -> None:
        """Write what is known now, where that is something new."""
        blocks, is_new = self._after()
        if not is_new and not self.findings:
            return
        try:
            _bytes_of(self._path, len(MAGIC))  # raises where another program has put a file there
            with whole_file(self._path, overwrite=True) as stream:
                if hasattr(os, "fchmod"):
                    os.fchmod(stream.fileno(), PRIVATE)
                write_blocks(stream, blocks)
        except VolumeError as refusal:
            text = f"the cache is not written: {refusal.what}"
            self.findings.append(warning("cache-not-written", text, files=(str(self._path),)))

    def _after(self) -> tuple[list[Block], bool]:
        """Give the blocks there will be, and whether they differ from those that were."""
        blocks: list[Block] = []
        is_new = False
        for absolute in sorted({*self._before, *self._folders}):
            folder = self._folders.get(absolute)
            before = self._before.get(absolute, [])
            if folder is not None:
                after = folder.blocks(is_whole=self._is_whole)
            else:
                after = [] if self._is_gone(absolute) else before
            blocks += after
            is_new = is_new or after != before
        return blocks, is_new

    def _is_gone(self, absolute: str) -> bool:
        """Say whether a folder in which no file was found lies within the source."""
        if not self._is_whole:
            return False
        return absolute == self._top or absolute.startswith(os.path.join(self._top, ""))  # noqa: PTH118


class _Folder:
    """What is known of the files of a folder, and which of it still holds."""

    def __init__(
        self, absolute: str, limits: str, blocks: list[Block], complain: Callable[[NotUsable], None]
    ) -> None:
        self.absolute = absolute
        self._limits = limits
        self._blocks = blocks
        self._complain = complain
        self._firsts = [block.first for block in blocks]
        self._left: dict[int, dict[str, Entry]] = {}
        """Of the blocks that were read, the entries that were not asked for."""
        self._outdated: set[str] = set()
        self._new: dict[str, tuple[Status, Outcome]] = {}

    def take(self, name: str, status: Status) -> Entry | None:
        """Give what is known of a file with this name and status."""
        number = bisect_right(self._firsts, name) - 1
        if number < 0:
            return None
        if number not in self._left:
            self._left[number] = self._read(number)
        entry = self._left[number].pop(name, None)
        if entry is None or entry.status == status:
            return entry
        self._outdated.add(name)
        return None

    def _read(self, number: int) -> dict[str, Entry]:
        """Read a block; nothing is in one of other limits, or a damaged one."""
        block = self._blocks[number]
        if block.limits != self._limits:
            return {}
        try:
            return {entry.name: entry for entry in block.entries()}
        except NotUsable as why:
            self._complain(why)
            return {}

    def keep(self, name: str, status: Status, outcome: Outcome) -> None:
        """Know what was read of a file now."""
        self._new[name] = status, outcome

    def blocks(self, *, is_whole: bool) -> list[Block]:
        """Give what is known now, of files that were not asked for only unless all were."""
        if not self._new and not self._outdated and not (is_whole and self._has_lost()):
            return self._blocks
        entries: dict[str, Entry] = {}
        for number in range(len(self._blocks)):
            gone = self._outdated | set(self._left.get(number, ())) if is_whole else self._outdated
            if number in self._left or not is_whole:
                own = self._read(number)
                entries |= {name: own[name] for name in own if name not in gone}
        names = sorted({*entries, *self._new})
        parts = (names[n : n + FILES_A_BLOCK] for n in range(0, len(names), FILES_A_BLOCK))
        made = (self._block([self._entry(name, entries) for name in part]) for part in parts)
        return [block for block in made if block is not None]

    def _entry(self, name: str, before: Mapping[str, Entry]) -> Entry | None:
        return entry_of(name, *self._new[name]) if name in self._new else before[name]

    def _block(self, entries: Iterable[Entry | None]) -> Block | None:
        lasting = [entry for entry in entries if entry is not None]
        return block_of(self.absolute, self._limits, lasting) if lasting else None

    def _has_lost(self) -> bool:
        """Say whether files are known of which none was asked for."""
        return len(self._left) < len(self._blocks) or any(self._left.values())


def _status(path: str) -> Status | None:
    """Give the status of a file; None where it is none of the file system."""
    try:
        status = os.stat(path)  # noqa: PTH116 there are many
    except (OSError, ValueError):
        return None
    return Status(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _is_settled(status: Status, now: int) -> bool:
    """Say whether a later change would show in the times of a file."""
    return all(abs(now - then) > SETTLED_NS for then in (status.changed, status.touched))


def _bytes_of(path: Path, most: int = FILE_AT_MOST) -> bytes:
    """Read a cache; b"" where there is none. Raises `VolumeError` where the file is no cache."""
    try:
        if path.exists() and not path.is_file():
            raise VolumeError("the cache is not a regular file", files=(str(path),))
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
            if not is_cache(start):
                what = "this file is no cache of volume, and is left as it is"
                raise VolumeError(what, files=(str(path),), remedy=ANOTHER_NAME)
            return start + file.read(most - len(start))
    except FileNotFoundError:
        return b""
    except OSError as fault:
        what = f"the cache cannot be read: {fault.strerror or fault}"
        raise VolumeError(what, files=(str(path),), remedy=ANOTHER_NAME) from None
