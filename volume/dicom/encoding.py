"""How a DICOM file is written: preamble, file meta information, transfer syntax.

PS3.10 section 7.1 (file meta information) and PS3.5 section 10 (transfer syntaxes).
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from volume.dicom.containers import BLOCK, IsArchive, archive_kind, compression_of
from volume.dicom.limits import DEFAULT, MIB, Limits
from volume.findings import Finding, Remedy, info, warning

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
NATIVE = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED, EXPLICIT_BIG})

VRS = frozenset(
    b"AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN"
    b" UR US UT UV".split()
)
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
"""VRs whose length takes four bytes after two reserved ones (PS3.5 table 7.1-1)."""

BUFFER = 2**14
"""So many bytes are read from a file at once: most headers need no more."""
META_AT_MOST, META_ELEMENTS_AT_MOST = 2**20, 1000
"""Bytes and elements of the file meta information: far more than it ever needs."""
FIRST_GROUPS = (0x0002, 0x0008)
MEDIA_SOP_CLASS, TRANSFER_SYNTAX = 0x0002, 0x0010
"""Elements of group 0002."""


class NotDicom(Exception):  # noqa: N818 it is a verdict about a file, not a failure
    """The file is not DICOM."""


class Unreadable(Exception):  # noqa: N818
    """The file is DICOM but cannot be used; `code` is a finding's.

    `series_uid` is its series, where that much could be read; `remedy` is a way out.
    """

    def __init__(self, reason: str, code: str = "unreadable", remedy: Remedy = None) -> None:
        super().__init__(reason)
        self.code = code
        self.remedy = remedy
        self.series_uid = ""


@dataclass(frozen=True)
class Encoding:
    """An open data set: `stream` stands at its first element."""

    stream: BinaryIO
    transfer_syntax: str
    implicit: bool
    little: bool
    size: int
    """Bytes in `stream`: of the file, or of the inflated data set."""
    sop_class_uid: str
    """As the file meta information has it: a DICOMDIR has no other."""
    findings: tuple[Finding, ...]
    limits: Limits


def open_data_set(file: BinaryIO, name: str, limits: Limits = DEFAULT) -> Encoding:
    """Read the file meta information and say how the data set after it is encoded.

    A missing preamble or file meta information, or a transfer syntax that contradicts
    the first element, is repaired and becomes a finding.
    Raises `NotDicom`, `IsArchive` and `Unreadable`.
    """
    start = file.read(132)
    findings: list[Finding] = []
    if start[128:] != b"DICM":
        if not any(start):
            raise Unreadable(_of_zeros(len(start)))
        _refuse_archive(file)
        if _has_meta(file):
            raise Unreadable("the word DICM is damaged before the file meta information")
        if not _starts_like_dicom(start, file):
            raise NotDicom
        file.seek(0)
        findings.append(info("no-preamble", "there is no DICOM preamble", files=(name,)))
    size = size_of(file)
    meta = _read_meta(file)
    declared, sop_class = (
        meta.get(element, b"").decode("ascii", "replace").strip("\0 ")
        for element in (TRANSFER_SYNTAX, MEDIA_SOP_CLASS)
    )
    if declared == DEFLATED:
        stream = _inflate(file, limits)
        size = len(stream.getbuffer())
        return Encoding(stream, DEFLATED, False, True, size, sop_class, tuple(findings), limits)
    seen = _look(file)
    transfer_syntax = _settle(declared, seen)
    if transfer_syntax != declared:
        findings.append(meta_repaired(declared, transfer_syntax, name))
    implicit, little = seen or _flags(transfer_syntax)
    noticed = tuple(findings)
    return Encoding(file, transfer_syntax, implicit, little, size, sop_class, noticed, limits)


def _has_meta(file: BinaryIO) -> bool:
    """Say whether file meta information stands where it should, behind a damaged preamble."""
    file.seek(132)
    head = file.read(6)
    return head[:4] in (b"\2\0\0\0", b"\2\0\1\0") and head[4:] in VRS


def size_of(file: BinaryIO) -> int:
    """Give the bytes of an open file; one that lies in an archive knows them itself."""
    size: int | None = getattr(file, "size", None)
    return os.fstat(file.fileno()).st_size if size is None else size


def _of_zeros(length: int) -> str:
    if length == len(b"DICM") + 128:
        return "it begins with nothing but zeros, also where the word DICM should be"
    return "the file ends in its preamble" if length else "the file is empty"


def _refuse_archive(file: BinaryIO) -> None:
    """Name an archive by its first block, which is left behind."""
    file.seek(0)
    start = file.read(BLOCK)
    if compression_of(start):  # what is compressed once was inflated on opening
        raise IsArchive("compressed file")
    if kind := archive_kind(start):
        raise IsArchive(kind)


def meta_repaired(declared: str, used: str, name: str) -> Finding:
    """Say that a file is read in another transfer syntax than it declares."""
    if not declared:
        return info("meta-repaired", f"no transfer syntax is given: read as {used}", files=(name,))
    return warning(
        "meta-repaired",
        f"the transfer syntax {declared!r} contradicts the data: read as {used}",
        files=(name,),
    )


def _flags(transfer_syntax: str) -> tuple[bool, bool]:
    return transfer_syntax == IMPLICIT_LITTLE, transfer_syntax != EXPLICIT_BIG


def _starts_like_dicom(start: bytes, file: BinaryIO) -> bool:
    """Say whether a file without preamble may start with an element of a data set."""
    if len(start) < 16:
        return False
    for order in "<>":
        group, element = struct.unpack(order + "HH", start[:4])
        if group not in FIRST_GROUPS or element > 0x0100:
            continue
        if start[4:6] in VRS:
            return True
        (length,) = struct.unpack(order + "I", start[4:8])
        if order == "<" and length <= min(size_of(file), 1024) and length % 2 == 0:
            return True
    return False


def _read_meta(file: BinaryIO) -> dict[int, bytes]:
    """Read the elements of group 0002, always explicit little endian; stop before others."""
    meta: dict[int, bytes] = {}
    budget = META_AT_MOST
    for _ in range(META_ELEMENTS_AT_MOST):
        head = file.read(8)
        if len(head) < 8 or head[:2] != b"\x02\x00":
            file.seek(-len(head), os.SEEK_CUR)
            return meta
        element, vr = struct.unpack("<H", head[2:4])[0], head[4:6]
        if vr not in VRS:  # some writers encode the meta group implicitly
            (length,) = struct.unpack("<I", head[4:8])
        elif vr in LONG_VRS:
            (length,) = struct.unpack("<I", file.read(4).ljust(4, b"\0"))
        else:
            (length,) = struct.unpack("<H", head[6:8])
        budget -= length
        if budget < 0:
            break
        meta[element] = file.read(length)
    raise Unreadable("the file meta information is absurdly long")


def _look(file: BinaryIO) -> tuple[bool, bool] | None:
    """Tell from the first element whether the data set is implicit, and little endian."""
    head = file.read(8)
    file.seek(-len(head), os.SEEK_CUR)
    if len(head) < 8:
        return None
    little = head[0] != 0 or head[1] == 0
    implicit = head[4:6] not in VRS
    if implicit and not little:
        return None
    return implicit, little


def _settle(declared: str, seen: tuple[bool, bool] | None) -> str:
    """Choose the transfer syntax from what is declared and what the first element shows."""
    if seen is None:
        if not declared:
            raise Unreadable("there is no transfer syntax and the data set cannot be recognised")
        return declared
    if declared and (declared not in NATIVE or _flags(declared) == seen):
        return declared  # a private syntax may encode its pixels in ways of its own
    return plain_syntax(*seen)


def plain_syntax(implicit: bool, little: bool) -> str:
    """Give the transfer syntax of uncompressed pixels in a data set of this encoding."""
    if implicit:
        return IMPLICIT_LITTLE
    return EXPLICIT_LITTLE if little else EXPLICIT_BIG


def _inflate(file: BinaryIO, limits: Limits) -> io.BytesIO:
    """Inflate the rest of the file (PS3.5 A.5), never past the limit."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    out = io.BytesIO()
    try:
        while not inflater.eof and (block := file.read(2**20)):
            while block and not inflater.eof:
                left = limits.inflated * MIB - out.tell()
                if left <= 0:
                    raise Unreadable(
                        f"the deflated data set swells beyond {limits.inflated} MiB",
                        remedy=("limits", f"inflated={4 * limits.inflated}"),
                    )
                out.write(inflater.decompress(block, min(left, 2**24)))
                block = inflater.unconsumed_tail
    except zlib.error as fault:
        raise Unreadable(f"the deflated data set is damaged ({fault})") from None
    if not inflater.eof:
        raise Unreadable("the deflated data set is cut short", "pixels-truncated")
    out.seek(0)
    return out
