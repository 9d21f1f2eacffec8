"""Writes Siemens CSA headers by hand, in both forms, from names and texts."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

SYNGO = {"IS": 6, "DS": 3, "FD": 4, "US": 9, "CS": 16, "LO": 19, "UI": 25, "SH": 22}
SPARE = 6
"""An element without a value has so many empty items, and one with values more than it needs."""


def csa_header(
    values: Mapping[str, tuple[str, int, Sequence[str]]], *, second: bool = True
) -> bytes:
    """Write elements, given as name: (VR, multiplicity, texts), as CSA2, or else CSA1."""
    first = max(len(next(iter(values.values()))[2]), SPARE)
    out = [b"SV10\4\3\2\1"] if second else []
    out.append(struct.pack("<2I", len(values), 77))
    for name, (vr, multiplicity, texts) in values.items():
        items = [*texts, *[""] * max(0, SPARE - len(texts))]
        head = (name.encode(), multiplicity, vr.encode(), SYNGO[vr], len(items), 77)
        out.append(struct.pack("<64si4s3i", *head))
        for text in items:
            raw = text.encode() + b"\0" if text else b""
            size = len(raw) if second else len(raw) + first
            out.append(struct.pack("<4i", size, len(raw), 77, size))
            out.append(raw + b"\0" * (-len(raw) % 4))
    return b"".join(out)
