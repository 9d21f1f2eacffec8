"""A DICOMDIR as an index: the files it names, and no others (PS3.10 8.6, PS3.3 annex F).

It names files by components, relative to its own folder; nothing it says leads out of there.
Discs are read under names in lower case, with a version (`;1`) or a dot behind them.
"""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict

from volume.dicom import elements
from volume.dicom.attributes import ATTRIBUTES
from volume.dicom.containers import IsArchive
from volume.dicom.data_set import DataSet, read_data_set
from volume.dicom.encoding import NotDicom, Unreadable, open_data_set
from volume.dicom.entries import decode_name
from volume.dicom.files import FoundFile
from volume.dicom.limits import DEFAULT, Limits
from volume.dicom.opening import open_file

MISSING = "dicomdir-missing"
NOT_THERE = "the DICOMDIR names a file that is not there"
OUTSIDE = "the DICOMDIR names a file outside of its folder: not read"
NO_FILE = "the DICOMDIR names what is no regular file: not read"
REMEDY = "copy the whole disc or folder again, with its DICOMDIR"
WANTED = frozenset(
    ATTRIBUTES[keyword].tag
    for keyword in ("DirectoryRecordSequence", "RecordInUseFlag", "ReferencedFileID")
)
VERSION = re.compile(r"\.?(;[0-9]+)?\.?$")
"""What ISO 9660 puts behind names: a dot where there is no extension, and a version."""


def read_index(path: str, limits: Limits = DEFAULT) -> tuple[list[FoundFile], dict[str, str]]:
    """List the files that a DICOMDIR names, and those that cannot be read, each with the reason.

    Raises `Unreadable` where the index itself cannot be read, and `OSError`.
    """
    try:
        with open_file(path, limits) as file:
            data = read_data_set(open_data_set(file, path, limits), WANTED)
    except (NotDicom, IsArchive):
        raise Unreadable("the DICOMDIR changed while it was read", "changed-during-read") from None
    folder = _Folder(os.path.dirname(path))  # noqa: PTH120 as the files are found
    found: dict[str, FoundFile] = {}
    missing: dict[str, str] = {}
    for record in elements.items(data, "DirectoryRecordSequence"):
        components = _components(record)
        if not components:
            continue
        try:
            file_path = folder.find(components)
            name = os.path.relpath(file_path, folder.top)
            found[name] = FoundFile(file_path, name)
        except _Missing as fault:
            missing["/".join(components)] = str(fault)
    return list(found.values()), missing


class _Missing(Exception):  # noqa: N818 it is a verdict about a name
    """A file that is named and cannot be read; the reason."""


def _components(record: DataSet) -> list[str]:
    """Read the components of a file's name (0004,1500); a record not in use has none."""
    element = elements.raw(record, "ReferencedFileID")
    if element is None or elements.hint(record, "RecordInUseFlag") == 0:
        return []
    parts = [part.strip(b" \0") for part in element.value.replace(b"/", b"\\").split(b"\\")]
    return [decode_name(part, "latin-1") for part in parts] if any(parts) else []


class _Folder:
    """The folder of a DICOMDIR, and what lies in it and below under whatever spelling."""

    def __init__(self, top: str) -> None:
        self.top = top or os.curdir
        self._real = os.path.realpath(self.top)
        self._listings: dict[str, dict[str, list[str]]] = {}

    def find(self, components: list[str]) -> str:
        """Find the one file that is meant. Raises `_Missing`."""
        here = self.top
        for part in components:
            if part == os.curdir:
                continue
            if part in ("", os.pardir) or os.path.splitdrive(part)[0] or "\0" in part:
                raise _Missing(OUTSIDE)
            here = os.path.join(here, self._spelling(here, part))  # noqa: PTH118
        if not self._holds(os.path.realpath(here)):
            raise _Missing(OUTSIDE)
        try:
            if stat.S_ISREG(os.stat(here).st_mode):  # noqa: PTH116
                return here
        except (OSError, ValueError):
            raise _Missing(NOT_THERE) from None
        raise _Missing(NO_FILE)

    def _holds(self, path: str) -> bool:
        try:
            return os.path.commonpath((path, self._real)) == self._real
        except ValueError:  # on another drive
            return False

    def _spelling(self, folder: str, part: str) -> str:
        """Give a name as it is spelled on the disk: exactly, or the only one that is alike."""
        if os.path.lexists(os.path.join(folder, part)):  # noqa: PTH118
            return part
        alike = self._listing(folder).get(_fold(part), [])
        if len(alike) != 1:
            raise _Missing(NOT_THERE)
        return alike[0]

    def _listing(self, folder: str) -> dict[str, list[str]]:
        if folder not in self._listings:
            names: dict[str, list[str]] = defaultdict(list)
            try:
                for name in os.listdir(folder):  # noqa: PTH208
                    names[_fold(name)].append(name)
            except OSError:
                raise _Missing(NOT_THERE) from None
            self._listings[folder] = names
        return self._listings[folder]


def _fold(name: str) -> str:
    return VERSION.sub("", name).casefold()
