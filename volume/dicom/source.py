"""Everything in a source, file by file: also what lies in archives, and what a DICOMDIR names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from volume.dicom.containers import READ, IsArchive
from volume.dicom.dicomdir import MISSING, REMEDY, read_index
from volume.dicom.encoding import NotDicom, Unreadable
from volume.dicom.files import FoundFile, find_files
from volume.dicom.header import SliceHeader
from volume.dicom.limits import MIB, Limits
from volume.dicom.opening import file_status
from volume.dicom.reader import read_headers
from volume.findings import Finding, warning

if TYPE_CHECKING:
    from volume.dicom.archives import Archive
    from volume.dicom.cache import Cache

DOCUMENTS = frozenset(
    ".docx .xlsx .pptx .docm .xlsm .pptm .odt .ods .odp .odg .epub .jar .apk .whl .npz".split()
)
"""Zip archives that hold a document or a program: inside of others no one looks for images."""

COPY_AGAIN = "copy it again from where it came"
FOLDER_INSTEAD = "give its folder instead: every file in it is looked into"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a file holds: its slices and what was noticed, or why there are none."""

    found: FoundFile
    slices: list[SliceHeader] = field(default_factory=list)
    noticed: list[Finding] = field(default_factory=list)
    fault: Unreadable | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether the file is no DICOM, or empty."""
        if self.fault is None:
            return False
        return self.fault.code == "not-dicom" or not size_of_file(self.found.path)


class Source:
    """A file or folder to look into; what a `cache` knows of its files is not read again.

    While it is read, `count` grows by the members of archives, `special` gathers what is no
    regular file, and `archives` keeps those in memory that are read from there.
    """

    def __init__(self, path: str, limits: Limits, cache: Cache | None = None) -> None:
        self._limits = limits
        self._cache = cache
        self._files, self.special = find_files(path)
        self._is_file = [found.path for found in self._files] == [path]
        self.count = len(self._files)
        self.archives: list[Archive] = []

    def read(self) -> Iterator[Outcome]:
        """Read the headers of every file, in a fixed order."""
        for found in self._files:
            try:
                yield self._read(found)
            except IsArchive as archive:
                yield from self._read_archive(found, archive.kind)
            except _IsIndex as index:
                yield from self._read_index(found, index.verdict)

    def _read(self, found: FoundFile) -> Outcome:
        cache = self._cache
        outcome = self._read_anew(found) if cache is None else cache.outcome(found, self._read_anew)
        fault, is_source = outcome.fault, self._is_file and found is self._files[0]
        if fault is not None and fault.code == "dicomdir" and is_source:
            raise _IsIndex(fault)
        return outcome

    def _read_anew(self, found: FoundFile) -> Outcome:
        try:
            slices, noticed = read_headers(found, self._limits)
        except NotDicom:
            return Outcome(found, fault=Unreadable("not a DICOM file", "not-dicom"))
        except Unreadable as fault:
            return Outcome(found, fault=fault)
        return Outcome(found, slices, noticed)

    def _read_archive(self, found: FoundFile, kind: str) -> Iterator[Outcome]:
        """Read the members of an archive; one without DICOM inside is a file like any other."""
        from volume.dicom.archives import archive_swells, open_archive, refuse_archive

        try:
            if kind not in READ:
                raise refuse_archive(kind)
            archive = open_archive(found.path, self._limits, anew=True)
            held = archive.held + sum(one.held for one in self.archives)
            if held > self._limits.inflated * MIB:
                raise archive_swells("the compressed archives here swell together", self._limits)
        except Exception as fault:  # noqa: BLE001 a net below: no file ends in a traceback
            yield Outcome(found, fault=_worded(fault))
            return
        if archive.damage:
            self.count += 1
            text = f"the {archive.kind} is damaged: {archive.damage}"
            yield Outcome(found, fault=Unreadable(text, remedy=COPY_AGAIN))
        files, special = archive.members("" if self._is_file else f"{found.name}/")
        self.count += len(files) - 1
        waiting: list[Outcome] = []
        is_of_use = False
        for outcome in map(self._read_member, files):
            waiting.append(outcome)
            is_of_use = is_of_use or not outcome.is_nothing
            if is_of_use:
                yield from (_beside_damage(one, found, archive) for one in waiting)
                waiting = []
        if is_of_use:
            self.archives.append(archive)
            self.special += special
            return
        self.count -= len(files) - 1
        if not archive.damage:
            text = f"a {archive.kind} without DICOM inside"
            yield Outcome(found, fault=Unreadable(text, "not-dicom"))

    def _read_member(self, found: FoundFile) -> Outcome:
        try:
            return self._read(found)
        except IsArchive as archive:
            if PurePath(found.name).suffix.lower() in DOCUMENTS:
                return Outcome(found, fault=Unreadable("not a DICOM file", "not-dicom"))
            from volume.dicom.archives import refuse_archive

            return Outcome(found, fault=refuse_archive(archive.kind))

    def _read_index(self, found: FoundFile, verdict: Unreadable) -> Iterator[Outcome]:
        """Read the files that a DICOMDIR names."""
        try:
            files, missing = read_index(found.path, self._limits)
        except Exception as fault:  # noqa: BLE001 a net below
            worded = _worded(fault)
            worded.remedy = worded.remedy or FOLDER_INSTEAD
            yield Outcome(found, fault=worded)
            return
        self.count += len(files) + len(missing)
        yield Outcome(found, fault=verdict)
        for one in files:
            yield self._read_member(one)
        for name, reason in missing.items():
            yield Outcome(FoundFile("", name), fault=Unreadable(reason, MISSING, REMEDY))


class _IsIndex(Exception):  # noqa: N818
    """The source itself is a DICOMDIR."""

    def __init__(self, verdict: Unreadable) -> None:
        super().__init__(str(verdict))
        self.verdict = verdict


def _worded(fault: Exception) -> Unreadable:
    """Say why an archive or an index cannot be read."""
    if isinstance(fault, Unreadable):
        return fault
    if isinstance(fault, OSError):
        return Unreadable(f"the file cannot be read: {fault.strerror or fault}")
    return Unreadable(f"the file is damaged ({type(fault).__name__})")


def _beside_damage(outcome: Outcome, archive_file: FoundFile, archive: Archive) -> Outcome:
    """Say of every slice that its archive may have held more."""
    if not archive.damage or not outcome.slices:
        return outcome
    text = f"it comes from an archive that is damaged and may have held more: {archive.damage}"
    said = warning("unreadable", text, files=(archive_file.name,))
    return Outcome(outcome.found, outcome.slices, [*outcome.noticed, said])


def size_of_file(path: str) -> int:
    """Give the bytes of a file, 0 where it is none."""
    try:
        return file_status(path)[1]
    except (OSError, ValueError, Unreadable):
        return 0
