"""Whole lines of a text file in batches, however long the file is, and however its lines end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

BATCH_BYTES = 1 << 20
LONGEST_LINE = 1 << 20
"""A polygon of 100,000 corners fits; what is longer is no text."""


def batches(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Give the lines of a file from where it stands, without their ends, some thousands at a time.

    Raises `ValueError` for a line that is too long.
    """
    rest = b""
    while content := stream.read(BATCH_BYTES):
        content = (rest + content).replace(b"\r\n", b"\n")
        ended = content.endswith(b"\r")  # half of a line's end, perhaps
        whole, _, rest = content[: len(content) - ended].replace(b"\r", b"\n").rpartition(b"\n")
        rest += b"\r" * ended
        if len(rest) > LONGEST_LINE:
            raise ValueError(f"one of its lines is longer than {LONGEST_LINE:,} bytes")
        if whole:
            yield whole.split(b"\n")
    if rest:
        yield rest.rstrip(b"\r").split(b"\n")
