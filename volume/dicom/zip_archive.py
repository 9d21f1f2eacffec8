"""The table of contents of a zip archive, read without trusting a length (APPNOTE 6.3.10).

Not by `zipfile`: there one odd name or field loses every member, the table has no cap, and
bzip2 and LZMA members inflate without bound.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from volume.dicom.encoding import Unreadable
from volume.dicom.entries import (
    ENTRIES_AT_MOST,
    FOLDER,
    Contents,
    Entry,
    Fetch,
    decode_name,
    too_many,
)
from volume.dicom.streams import Decompressed, Deflate, Inflater, Part, Reader, damaged

END, LOCATOR, END_64 = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06"
HEADER, LOCAL = b"PK\x01\x02", b"PK\x03\x04"
HEADER_FORM, LOCAL_FORM = struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s5H3I2H")
END_BYTES, LOCATOR_BYTES, END_64_BYTES = 22, 20, 56
COMMENT_AT_MOST = 2**16
TABLE_AT_MOST = 2**26
"""Bytes of a table of contents: 670 for each of as many entries as are read."""
EVERY_32 = 0xFFFFFFFF
"""What stands where the number is in an extra field (4.5.3)."""
EXTRA_64, EXTRA_NAME = 0x0001, 0x7075
ENCRYPTED, SIZES_BEHIND, IS_UTF_8 = 0x0001, 0x0008, 0x0800
STORED, DEFLATE, BZIP2, LZMA, ZSTD = 0, 8, 12, 14, 93
OTHER_METHODS = {1: "shrink", 6: "implode", 9: "Deflate64", 95: "XZ", 98: "PPMd"}
UNIX = 3
OLDEST_NAMES = "cp437"


class _Table(NamedTuple):
    """The table of contents: its bytes, where it lies, and how far all offsets are off."""

    data: bytes
    start: int
    shift: int


def list_entries(fetch: Fetch, size: int) -> Contents:
    """List the members of a zip archive of `size` bytes.

    Where the table at the end is missing, the archive was cut short: the members before the
    cut are listed from their own headers. Raises `Unreadable` where there are too many.
    """
    table = _find_table(fetch, size)
    if table is None:
        return Contents(_walk(fetch, size), "it is cut short: the table at its end is missing")
    entries, end = _read_table(table)
    damage = "" if end == len(table.data) else "its table of contents is damaged"
    return Contents(_without_overlaps(entries, table.start), damage)


def _find_table(fetch: Fetch, size: int) -> _Table | None:
    """Find the table by the record at the end of the archive (4.3.16, 4.3.14)."""
    tail_at = max(0, size - END_BYTES - COMMENT_AT_MOST)
    tail = fetch(tail_at, size - tail_at)
    at = tail.rfind(END, 0, max(0, len(tail) - END_BYTES + len(END)))
    if at < 0:
        return None
    length, offset = struct.unpack_from("<II", tail, at + 12)
    end = tail_at + at
    before = end - LOCATOR_BYTES - END_64_BYTES
    record = fetch(before, END_64_BYTES) if before >= 0 else b""
    if fetch(max(0, end - LOCATOR_BYTES), 4) == LOCATOR and record.startswith(END_64):
        length, offset = struct.unpack_from("<QQ", record, 40)
        end = before
    if length > TABLE_AT_MOST:
        raise too_many()
    start = end - length
    return _Table(fetch(start, length), start, start - offset) if 0 <= offset <= start else None


def _read_table(table: _Table) -> tuple[list[Entry], int]:
    """Read the headers of the table (4.3.12) as far as they are whole, and say how far."""
    entries: list[Entry] = []
    data, at = table.data, 0
    while data.startswith(HEADER, at) and at + HEADER_FORM.size <= len(data):
        _, made_by, _, flags, method, _, _, crc, packed, size, *lengths, _, _, mode, offset = (
            HEADER_FORM.unpack_from(data, at)
        )
        name_at = at + HEADER_FORM.size
        extra_at, comment_at = name_at + lengths[0], name_at + lengths[0] + lengths[1]
        at = comment_at + lengths[2]
        if at > len(data):
            break
        extra = _extra_fields(data[extra_at:comment_at])
        size, packed, offset = _long_numbers(extra.get(EXTRA_64, b""), size, packed, offset)
        if len(entries) >= ENTRIES_AT_MOST:
            raise too_many()
        entry = Entry(
            name=_name(data[name_at:extra_at], flags, extra.get(EXTRA_NAME, b"")),
            start=offset + table.shift,
            size=size,
            packed=packed,
            method=method,
            crc=crc,
            special=_special(mode >> 16) if made_by >> 8 == UNIX else "",
            fault=_fault(flags, method),
        )
        entries.append(entry)
    return entries, at


def _walk(fetch: Fetch, size: int) -> tuple[Entry, ...]:
    """List the members from their own headers (4.3.7), up to one that is not whole.

    One whose size stands behind it ends the walk too.
    """
    entries: list[Entry] = []
    at = 0
    while (head := fetch(at, LOCAL_FORM.size)).startswith(LOCAL) and len(head) == LOCAL_FORM.size:
        _, _, flags, method, _, _, crc, packed, unpacked, *lengths = LOCAL_FORM.unpack(head)
        names = fetch(at + LOCAL_FORM.size, sum(lengths))
        extra = _extra_fields(names[lengths[0] :])
        unpacked, packed, _ = _long_numbers(extra.get(EXTRA_64, b""), unpacked, packed, 0)
        end = at + LOCAL_FORM.size + sum(lengths) + packed
        if flags & SIZES_BEHIND or end > size:
            break
        if len(entries) >= ENTRIES_AT_MOST:
            raise too_many()
        name = _name(names[: lengths[0]], flags, extra.get(EXTRA_NAME, b""))
        fault = _fault(flags, method)
        entries.append(Entry(name, at, unpacked, packed, method, crc, fault=fault))
        at = end
    return tuple(entries)


def _extra_fields(data: bytes) -> dict[int, bytes]:
    """Read the extra fields (4.5.1) as far as they are whole; the first of a kind counts."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, at)
        found.setdefault(kind, data[at + 4 : at + 4 + length])
        at += 4 + length
    return found


def _long_numbers(field: bytes, *numbers: int) -> tuple[int, ...]:
    """Take those of the numbers that do not fit 32 bits from the field for them (4.5.3)."""
    longs = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
    return tuple(next(longs, n) if n == EVERY_32 else n for n in numbers)


def _name(raw: bytes, flags: int, unicode_field: bytes) -> str:
    """Decode a name: by its flag, by the field that repeats it in UTF-8 (4.6.9), or by its look."""
    if len(unicode_field) > 5 and unicode_field[1:5] == struct.pack("<I", zlib.crc32(raw)):
        raw = unicode_field[5:]
    elif flags & IS_UTF_8:
        return raw.decode("utf-8", "surrogateescape")
    return decode_name(raw, OLDEST_NAMES)


def _special(mode: int) -> str:
    if stat.S_IFMT(mode) in (0, stat.S_IFREG):
        return ""
    if stat.S_ISDIR(mode):
        return FOLDER
    return "a link" if stat.S_ISLNK(mode) else "a device, pipe or socket"


def _fault(flags: int, method: int) -> tuple[str, str] | None:
    """Say why a member cannot be read, whatever its bytes are."""
    if flags & ENCRYPTED or method == 99:
        return "unreadable", "encrypted: unpack it with its password first"
    if method in (STORED, DEFLATE, BZIP2, LZMA) or (method == ZSTD and _zstd() is not None):
        return None
    name = OTHER_METHODS.get(method, "Zstandard" if method == ZSTD else f"method {method}")
    return "not-supported-yet", f"compressed by {name}, which is not read: unpack it first"


def _zstd() -> Any:
    """Give the module for Zstandard, which Python has from 3.14 on."""
    try:
        from compression import zstd  # type: ignore[import-not-found]
    except ImportError:
        return None
    return zstd


def _without_overlaps(entries: Sequence[Entry], table: int) -> tuple[Entry, ...]:
    """Refuse members that share bytes of the archive: few bytes would inflate many times."""
    order = sorted(range(len(entries)), key=lambda n: entries[n].start)
    checked = list(entries)
    ends = [*(entries[n].start for n in order[1:]), table]
    for n, end in zip(order, ends, strict=False):  # an empty archive has an end, too
        entry = entries[n]
        if entry.start < 0 or entry.start + LOCAL_FORM.size + entry.packed > end:
            reason = "it overlaps another member, or the end of the archive"
            checked[n] = replace(entry, fault=entry.fault or ("unreadable", reason))
    return tuple(checked)


def find_data(fetch: Fetch, entry: Entry) -> int:
    """Find where the bytes of a member begin, behind its own header (4.3.7)."""
    head = fetch(entry.start, LOCAL_FORM.size)
    if len(head) < LOCAL_FORM.size or not head.startswith(LOCAL):
        raise Unreadable("the archive is damaged: the member's own header is missing")
    return entry.start + LOCAL_FORM.size + sum(LOCAL_FORM.unpack(head)[-2:])


def read_packed(packed: Part, entry: Entry) -> Reader:
    """Read what the packed bytes of a member stand for, in order."""
    return Decompressed(packed, _inflater(packed, entry))


def _inflater(packed: Part, entry: Entry) -> Inflater:
    if entry.method == DEFLATE:
        return Deflate()
    if entry.method == BZIP2:
        from bz2 import BZ2Decompressor

        return BZ2Decompressor()
    if entry.method == LZMA:
        return _lzma(packed, entry)
    inflater: Inflater = _zstd().ZstdDecompressor()
    return inflater


def _lzma(packed: Part, entry: Entry) -> Inflater:
    """Make an inflater by the properties that stand first (5.8.8, and the LZMA SDK's five bytes).

    The window is no larger than the member: a few bytes could ask for 4 GiB.
    """
    import lzma

    head = packed.read(9)
    if len(head) < 9 or head[2:4] != b"\5\0" or head[4] >= 9 * 5 * 5:
        raise damaged("its LZMA properties are none")
    pb, rest = divmod(head[4], 45)
    lp, lc = divmod(rest, 9)
    window = min(struct.unpack_from("<I", head, 5)[0], max(entry.size, 4096))
    try:
        filters = [{"id": lzma.FILTER_LZMA1, "dict_size": window, "lc": lc, "lp": lp, "pb": pb}]
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
    except (lzma.LZMAError, ValueError):
        raise damaged("its LZMA properties are none") from None
