"""The members of a tar archive, found by going once from header to header (POSIX ustar, pax, GNU).

Not by `tarfile`: there a header may ask for as much memory as it likes.
"""

from __future__ import annotations

from dataclasses import replace

from volume.dicom.containers import BLOCK, is_tar_header
from volume.dicom.entries import ENTRIES_AT_MOST, Contents, Entry, Fetch, decode_name, too_many

NAME, SIZE, KIND, MAGIC, PREFIX = (
    slice(0, 100),
    slice(124, 136),
    slice(156, 157),
    slice(257, 263),
    slice(345, 500),
)
POSIX = b"ustar\0"
LINKS = frozenset({b"1", b"2"})
DEVICES = frozenset({b"3", b"4", b"6"})
FOLDER = b"5"
WITHOUT_BYTES = LINKS | DEVICES | {FOLDER}
"""Nothing stands behind these headers, whatever size they name."""
PASSED_OVER = frozenset({FOLDER, b"D", b"K", b"M", b"N", b"V", b"g"})
"""Folders, and what concerns the archive."""
LONG_NAME, PAX, SPARSE = b"L", b"x", b"S"
ABOUT_AT_MOST = 2**20
"""Bytes that may be said about one member before it."""
SIZES_BELOW = 2**62
ZEROS_AT_MOST = 64
"""Two blocks of zeros end an archive, more fill it up; behind them another may follow."""
SPARSE_FAULT = ("not-supported-yet", "a sparse file: unpack it first")


def list_entries(fetch: Fetch, size: int) -> Contents:
    """List the members of a tar archive of `size` bytes; the last one may be cut short.

    Raises `Unreadable` where there are too many.
    """
    entries: list[Entry] = []
    about: dict[bytes, bytes] = {}
    at = headers = zeros = 0
    damage = ""
    while not damage and zeros <= ZEROS_AT_MOST and (block := fetch(at, BLOCK)):
        at += BLOCK
        if not any(block):
            zeros += 1
            continue
        headers, zeros = headers + 1, 0
        if headers > 4 * ENTRIES_AT_MOST or len(entries) >= ENTRIES_AT_MOST:
            raise too_many()
        try:
            length = _length(block, about)
            if block[KIND] in (LONG_NAME, PAX):
                about |= _about(block[KIND], fetch, at, length)
            else:
                if block[KIND] not in PASSED_OVER:
                    entries.append(_entry(block, about, at, length))
                about = {}
            at += -(-length // BLOCK) * BLOCK
        except ValueError:
            damage = "one of its headers is damaged" if len(block) == BLOCK else CUT
    if entries and (last := entries[-1]).start + last.size > size:
        entries[-1] = replace(last, size=max(0, size - last.start))
        damage = damage or CUT
    return Contents(tuple(entries), damage)


CUT = "it is cut short"


def _length(block: bytes, about: dict[bytes, bytes]) -> int:
    """Give the bytes of a member. Raises `ValueError` where the header is none."""
    if not is_tar_header(block):
        raise ValueError
    if block[KIND] in WITHOUT_BYTES:
        return 0
    length = int(about[b"size"]) if b"size" in about else _number(block[SIZE])
    if not 0 <= length < SIZES_BELOW:
        raise ValueError
    return length


def _number(field: bytes) -> int:
    """Read octal digits, or GNU's binary numbers, whose first bit is set."""
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    return int(field.split(b"\0")[0].strip() or b"0", 8)


def _about(kind: bytes, fetch: Fetch, at: int, length: int) -> dict[bytes, bytes]:
    """Read what is said of the next member: its long name, or pax records."""
    if length > ABOUT_AT_MOST:
        raise ValueError
    data = fetch(at, length)
    return {b"path": data.split(b"\0")[0]} if kind == LONG_NAME else _pax_records(data)


def _pax_records(data: bytes) -> dict[bytes, bytes]:
    """Read records of the form `length key=value` and a new line."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(data) and data[at]:
        digits = data[at : at + 20].split(b" ")[0]
        length = int(digits)
        record = data[at + len(digits) + 1 : at + length - 1]
        key, equals, value = record.partition(b"=")
        if length <= len(digits) + 1 or not equals:
            raise ValueError
        found[key] = value
        at += length
    return found


def _entry(block: bytes, about: dict[bytes, bytes], start: int, length: int) -> Entry:
    raw = block[NAME].split(b"\0")[0]
    if block[MAGIC] == POSIX and (prefix := block[PREFIX].split(b"\0")[0]):
        raw = prefix + b"/" + raw
    name = decode_name(about.get(b"path", raw), "utf-8", "surrogateescape")
    kind = block[KIND]
    special = "a link" if kind in LINKS else "a device, pipe or socket" if kind in DEVICES else ""
    is_sparse = kind == SPARSE or any(key.startswith(b"GNU.sparse") for key in about)
    return Entry(name, start, length, special=special, fault=SPARSE_FAULT if is_sparse else None)
