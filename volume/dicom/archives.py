"""Archives that are read in place: nothing of them is ever written to the disk.

The path of a member is that of its archive and its own name behind a slash, which no file can
have otherwise. The name is only a name: it is never given to the file system.

A zip archive has a table of contents, and each member is inflated by itself. A tar archive is
gone through once, and its members are read where they lie; where it was compressed as a whole,
there is no way into its middle, and what it stands for is kept in memory, up to the limit
`inflated`, as long as the scan that listed it is in use.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator

from volume.dicom.containers import BLOCK, READ, TAR, ZIP, archive_kind, compression_of
from volume.dicom.encoding import Unreadable
from volume.dicom.entries import FOLDER, Contents, Entry
from volume.dicom.files import FoundFile
from volume.dicom.limits import MIB, Limits
from volume.dicom.streams import Inflated, Part, Plain, Window, inflate_file
from volume.findings import Finding, info

HEADERS_EACH, HEADERS_PART = MIB // 4, 32
"""So many bytes a member, and so many times the archive's, may be inflated for headers, besides
the limit: a header takes 64 KiB, and what is worth compressing shrinks to no less than a tenth."""
GONE = "changed-during-read"


class Archive:
    """The table of contents of one archive, and the way to its members."""

    def __init__(self, path: str, limits: Limits) -> None:
        self.path = path
        self._whole: Inflated | None = None
        with _open_plain(path) as file:
            self.kind, contents = self._list(file, limits)
            budget = HEADERS_PART * file.size + limits.inflated * MIB
        self.damage = contents.damage
        self._entries = dict(_named(contents.entries))
        self._headers_left = budget + HEADERS_EACH * len(self._entries)

    def _list(self, file: Plain, limits: Limits) -> tuple[str, Contents]:
        start = file.bytes_at(0, BLOCK)
        if compression := compression_of(start):
            return self._list_compressed(file, compression, limits)
        kind = archive_kind(start)
        if kind == ZIP:
            from volume.dicom import zip_archive

            return kind, zip_archive.list_entries(file.bytes_at, file.size)
        if kind == TAR:
            from volume.dicom import tar_archive

            return kind, tar_archive.list_entries(file.bytes_at, file.size)
        raise Unreadable("the archive changed while it was read", GONE)

    def _list_compressed(
        self, file: Plain, compression: str, limits: Limits
    ) -> tuple[str, Contents]:
        """List a tar archive that was compressed as a whole, and keep what it stands for."""
        from volume.dicom import tar_archive

        whole = inflate_file(file, compression, limits)
        if (inside := archive_kind(whole.bytes_at(0, BLOCK))) != TAR:
            raise refuse_archive(inside or "compressed file")
        try:
            whole.check()
        except Unreadable as fault:
            if fault.remedy is None:  # one checksum stands for all that is in it
                text = f"{fault}; which of the files in it are whole cannot be told"
                raise Unreadable(text, remedy="copy it again, or unpack what can be had") from None
            raise archive_swells("the compressed archive swells", limits) from None
        self._whole = whole
        return f"{compression} {TAR}", tar_archive.list_entries(whole.bytes_at, whole.size)

    @property
    def held(self) -> int:
        """Bytes that it holds in memory."""
        return 0 if self._whole is None else self._whole.size

    def members(self, before: str) -> tuple[list[FoundFile], list[Finding]]:
        """List the files in it by name, each with `before` put before it, and what is no file."""
        files: list[FoundFile] = []
        special: list[Finding] = []
        for name, entry in sorted(self._entries.items()):
            if entry.special:
                text = f"{entry.special} in an archive: not read"
                special.append(info("special-file", text, files=(before + name,)))
            else:
                files.append(FoundFile(f"{self.path}/{name}", before + name))
        return files, special

    def entry(self, name: str) -> Entry:
        """Give the entry of a member. Raises `Unreadable` where it is gone."""
        if name not in self._entries:
            raise Unreadable("there is no such file in the archive, or no longer", GONE)
        return self._entries[name]

    def open(self, name: str, limits: Limits, *, whole: bool) -> Part:
        """Open a member; `whole` where more than its header is wanted.

        Raises `Unreadable` where it cannot be read.
        """
        entry = self.entry(name)
        if entry.fault:
            raise Unreadable(entry.fault[1], entry.fault[0])
        if self._whole is not None:
            return Window(self._whole, entry.start, entry.size, shared=True)
        file = _open_plain(self.path)
        try:
            return self._part(file, entry, limits, whole=whole)
        except BaseException:
            file.close()
            raise

    def _part(self, file: Plain, entry: Entry, limits: Limits, *, whole: bool) -> Part:
        if self.kind == TAR:
            return Window(file, entry.start, entry.size)
        from volume.dicom import zip_archive

        start = zip_archive.find_data(file.bytes_at, entry)
        if entry.method == zip_archive.STORED:
            if entry.packed != entry.size:
                raise Unreadable("the archive is damaged: it names two sizes of this member")
            return Window(file, start, entry.size, entry.crc)
        packed = Window(file, start, entry.packed)
        reader = zip_archive.read_packed(packed, entry)
        spend = None if whole else self.spend_on_header
        return Inflated(packed, reader, limits, entry.size, entry.crc, spend)

    def spend_on_header(self, count: int) -> None:
        """Hold all headers together against what headers need: there may be many hostile ones."""
        self._headers_left -= count
        if self._headers_left < 0:
            raise Unreadable(
                "the headers in this archive swell beyond all bounds", remedy="unpack it first"
            )


def _open_plain(path: str) -> Plain:
    return Plain(open(path, "rb"))  # noqa: PTH123 closed with the part


def _named(entries: tuple[Entry, ...]) -> Iterator[tuple[str, Entry]]:
    """Give every file of an archive a name of its own; folders are none."""
    known = {entry.name for entry in entries}
    seen: set[str] = set()
    for entry in entries:
        name, n = entry.name, 1
        if entry.special == FOLDER or name.endswith("/") or (not entry.size and name[-1:] == "\\"):
            continue
        while name in seen or (n > 1 and name in known):
            n += 1
            name = f"{entry.name} ({n})"
        seen.add(name)
        yield name, entry


Key = tuple[str, int, int]
KEPT = 4
_known: dict[Key, weakref.ref[Archive]] = {}
_kept: list[Archive] = []
_lock = threading.RLock()


def open_archive(path: str, limits: Limits, *, anew: bool = False) -> Archive:
    """Give the table of contents of an archive: read once, unless `anew`, while it stays as it is.

    What is held in memory is not read again for another scan.

    Raises `Unreadable` where it has none that can be read, and `OSError`.
    """
    status = os.stat(path)  # noqa: PTH116 a path may be no file's
    key = path, status.st_mtime_ns, status.st_size
    with _lock:
        known = _known.get(key)
        archive = None if known is None else known()
        if archive is None or (anew and not 0 < archive.held <= limits.inflated * MIB):
            archive = Archive(path, limits)
            for old in [key for key, reference in _known.items() if reference() is None]:
                del _known[old]
            _known[key] = weakref.ref(archive)
            if not archive.held:
                _kept[:] = [*_kept[-KEPT + 1 :], archive]
        return archive


def find_archive(path: str) -> tuple[str, str] | None:
    """Divide the path of a member into that of its archive, and its name; None if it is none.

    The archive is the one regular file on the way: only folders can stand before it.
    """
    at = path.find("/", 1)
    while at > 0:
        if os.path.isfile(path[:at]):  # noqa: PTH113 a path may be no file's
            return path[:at], path[at + 1 :]
        at = path.find("/", at + 1)
    return None


def archive_swells(what: str, limits: Limits) -> Unreadable:
    """Say that compressed archives are larger than may be held in memory."""
    return Unreadable(
        f"{what} beyond {limits.inflated} MiB",
        remedy=f"unpack it first, or use {{limits=inflated={4 * limits.inflated}}}",
    )


def refuse_archive(kind: str) -> Unreadable:
    """Say that an archive is not read: of a kind that never is, or within another one."""
    how = f"a {kind} inside an archive" if kind in READ else f"a {kind}"
    return Unreadable(f"{how}: not read, unpack it first", "not-supported-yet")
