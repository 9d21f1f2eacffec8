"""A text as it was read; what is plain ASCII is the same in every character set."""

from __future__ import annotations

from typing import NamedTuple


class Reading(NamedTuple):
    """A text, and what it is written in where that is not what is declared."""

    text: str
    written: str = ""
    declared: str = ""


def is_plain(raw: bytes) -> bool:
    """Say whether a text is the same in every set: ASCII without an escape sequence."""
    return raw.isascii() and b"\x1b" not in raw


def stripped(text: str) -> str:
    """Take the padding off a text (PS3.5 6.2)."""
    return text.strip("\0 \r\n\t")
