"""What a file is by its first bytes, whatever it is called."""

from __future__ import annotations

import os
import re
import zlib
from pathlib import Path

NIFTI_MAGIC = {
    b"\x5c\x01\x00\x00": (344, (b"n+1\0", b"ni1\0")),
    b"\x00\x00\x01\x5c": (344, (b"n+1\0", b"ni1\0")),
    b"\x1c\x02\x00\x00": (4, (b"n+2\0", b"ni2\0")),
    b"\x00\x00\x02\x1c": (4, (b"n+2\0", b"ni2\0")),
}
"""By the size of the header in either byte order: where the magic word stands, and which."""
GZIP = b"\x1f\x8b"
HEAD_BYTES = 348
PACKED_BYTES = 64 << 10
"""The first bytes of what is packed come out of so many."""


def suffix_by_content(path: str | os.PathLike[str]) -> str:
    """Give the suffix that a volume file's first bytes ask for; "" of any other file."""
    try:
        if not os.path.isfile(path):  # noqa: PTH113 any text is asked about
            return ""
        with Path(path).open("rb") as file:
            head = file.read(HEAD_BYTES)
            if head.startswith(GZIP):
                packed = head + file.read(PACKED_BYTES)
                return ".nii.gz" if _is_nifti(_inflated(packed)) else ""
    except (OSError, ValueError):
        return ""
    if _is_nifti(head):
        return ".nii"
    if head.startswith(b"NRRD000"):
        return ".nrrd"
    return ".mha" if re.match(rb"(ObjectType|NDims) *= *\w+\r?\n", head) else ""


def _is_nifti(head: bytes) -> bool:
    at, words = NIFTI_MAGIC.get(head[:4], (0, ()))
    return head[at : at + 4] in words


def _inflated(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(packed, HEAD_BYTES)
    except zlib.error:
        return b""
