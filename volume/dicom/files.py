"""Finding the files of a source: regular ones, each once, in a fixed order."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from volume.errors import NotDicomError, VolumeError
from volume.findings import Finding, info


class Fate(StrEnum):
    """What became of a file."""

    USED = "used"
    IGNORED = "ignored"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to look into: `path` opens it, `name` is how the person knows it."""

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What became of one file, and why."""

    name: str
    fate: Fate
    reason: str = ""
    code: str = ""
    series_uid: str = ""
    """Of a failed file, where that much could be read."""
    size: int = 0
    """Bytes, of a file that is not used."""


def find_files(source: str) -> tuple[list[FoundFile], list[Finding]]:
    """List every regular file below `source`, and a finding for what is no regular file.

    Links to folders are followed once, so that loops end. Names are relative to `source`.
    Raises `VolumeError` where there is no such file or folder.
    """
    try:
        mode = os.stat(source).st_mode  # noqa: PTH116 an empty path is no folder
    except (OSError, ValueError):
        raise VolumeError("there is no such file or folder", files=(source[:NAME_SHOWN],)) from None
    if stat.S_ISDIR(mode):
        return _walk(source)
    if not stat.S_ISREG(mode):
        raise NotDicomError("this is not a regular file", files=(source,))
    return [FoundFile(source, Path(source).name)], []


NAME_SHOWN = 200
"""So much of an impossible path is shown."""


def _walk(top: str) -> tuple[list[FoundFile], list[Finding]]:
    files: list[FoundFile] = []
    special: list[Finding] = []
    seen: set[tuple[int, int]] = set()
    folders = [(top, "")]
    while folders:
        folder, before = folders.pop()
        below: list[tuple[str, str]] = []
        for entry in _entries(folder, top, seen, special):
            name = before + entry.name
            match _kind(entry):
                case "folder":
                    below.append((entry.path, f"{name}{os.sep}"))
                case "file":
                    files.append(FoundFile(entry.path, name))
                case kind:
                    special.append(info("special-file", f"{kind}: not read", files=(name,)))
        folders.extend(reversed(below))
    return files, special


def _entries(
    folder: str, top: str, seen: set[tuple[int, int]], special: list[Finding]
) -> Iterator[os.DirEntry[str]]:
    """Give a folder's entries by name, or nothing where it was seen or cannot be opened."""
    try:
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            yield from sorted(entries, key=lambda entry: entry.name)
    except OSError as fault:
        name = os.path.relpath(folder, top)
        special.append(
            info("special-file", f"a folder that cannot be opened: {fault.strerror}", files=(name,))
        )


def _kind(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_file():
            return "file"
        if entry.is_dir():
            return "folder"
        entry.stat()
    except OSError:  # a dangling link, or a link to itself
        return "a link that leads nowhere"
    return "a device, pipe or socket"
