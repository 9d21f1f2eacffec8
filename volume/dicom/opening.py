"""Opening what a path leads to: a file, a file in an archive, or what a compressed one stands for.

Every header's path is opened here and nowhere else. A file of the file system is tried first
and costs nothing more.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, cast

from volume.dicom.containers import MAGIC, compression_of
from volume.dicom.encoding import BUFFER, Unreadable
from volume.dicom.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from volume.dicom.streams import Part


def open_file(path: str, limits: Limits = DEFAULT, *, whole: bool = False) -> BinaryIO:
    """Open a file for reading, wherever it is.

    With `whole`, what an archive or a compressed file says of it is compared first: its size
    and its checksum. Raises `OSError`, and `Unreadable` where it cannot be had from its archive.
    """
    try:
        file = io.BufferedReader(io.FileIO(path), BUFFER)
    except (OSError, ValueError) as fault:  # ValueError: a member's name may hold anything
        from volume.dicom.archives import find_archive, open_archive

        within = find_archive(path)
        if within is None:
            if isinstance(fault, OSError):
                raise
            raise Unreadable("a path that no file can have") from None
        archive = open_archive(within[0], limits)
        part = archive.open(within[1], limits, whole=whole)
        return _ready(part, limits, None if whole else archive.spend_on_header, whole=whole)
    magic = file.read(MAGIC)  # of what a buffer holds, peek would copy everything
    file.seek(0)
    if not compression_of(magic):
        return file
    from volume.dicom.streams import Plain

    return _ready(Plain(file), limits, None, whole=whole)


def _ready(
    part: Part, limits: Limits, spend: Callable[[int], None] | None, *, whole: bool
) -> BinaryIO:
    """Give what a compressed file stands for, or the file itself, checked if it is wanted whole."""
    from volume.dicom.streams import inflate_file

    try:
        compression = compression_of(part.bytes_at(0, MAGIC))
        ready = inflate_file(part, compression, limits, spend) if compression else part
        if whole:
            ready.check()
    except BaseException:
        part.close()
        raise
    return cast(BinaryIO, ready)


def is_plain(path: str) -> bool:
    """Say whether a path leads to a file that anyone can open and read as it is."""
    try:
        with open_file(path) as file:
            return isinstance(file, io.BufferedReader)
    except (OSError, Unreadable):
        return False


def file_status(path: str) -> tuple[int, int]:
    """Give when a file changed, in ns, and how many bytes it has; of a member, its archive's time.

    Raises `OSError` and `Unreadable`.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 there may be many
    except (OSError, ValueError) as fault:
        from volume.dicom.archives import find_archive, open_archive

        within = find_archive(path)
        if within is None:
            raise Unreadable("there is no such file") from fault
        entry = open_archive(within[0], DEFAULT).entry(within[1])
        return os.stat(within[0]).st_mtime_ns, entry.size  # noqa: PTH116
    return status.st_mtime_ns, status.st_size
