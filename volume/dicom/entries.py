"""One entry of an archive's table of contents, and what its name is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from volume.dicom.encoding import Unreadable

ENTRIES_AT_MOST = 100_000
"""More than any study has; a table of a hundred times as many would fill the memory."""
FOLDER = "a folder"


@dataclass(frozen=True, slots=True)
class Entry:
    """A member as its archive lists it.

    `start` is where it begins in the archive (in a zip: its local header), `packed` its bytes
    there and `size` its bytes as a file; `method` is how a zip packed it. `special` says what
    it is if it is no regular file; `fault` why it cannot be read, as (code, reason).
    """

    name: str
    start: int
    size: int
    packed: int = 0
    method: int = 0
    crc: int | None = None
    special: str = ""
    fault: tuple[str, str] | None = None


@dataclass(frozen=True)
class Contents:
    """What an archive holds; `damage` says why that may not be all."""

    entries: tuple[Entry, ...]
    damage: str = ""


Fetch = Callable[[int, int], bytes]
"""Gives up to so many bytes at a place of an archive."""

KOREAN = "cp949"
"""What Windows in Korea writes into archives: KS X 1001 and all other syllables."""


def decode_name(raw: bytes, otherwise: str, errors: str = "strict") -> str:
    """Decode a name in UTF-8, in the Korean code page, or in what its archive would have."""
    for encoding in ("utf-8", KOREAN):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode(otherwise, errors)


def too_many() -> Unreadable:
    """Say that an archive has more members than are read."""
    return Unreadable(
        f"the archive has more than {ENTRIES_AT_MOST} members", remedy="unpack it first"
    )
