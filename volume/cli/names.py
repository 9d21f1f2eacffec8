"""The names of the files that `export --all` writes, from a pattern such as `{modality} {id}`.

What comes from a file is held to letters and digits of any script, spaces and `-_.`; no
name is hidden, reserved, too long for a file system or the same as another's.
"""

from __future__ import annotations

import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from volume.assembly.stack import Stack
from volume.atomic import RESERVED
from volume.escaping import is_hidden
from volume.formats.member import Member
from volume.formats.suffixes import FORMATS, suffix_for, suffix_of

DEFAULT = "{id}"
Listed = Stack | Member

FIELDS: Mapping[str, Callable[[Listed], object]] = {
    "modality": lambda one: one.modality,
    "series_number": lambda one: one.series_number if isinstance(one, Stack) else None,
    "description": lambda one: one.description,
    "axis": lambda one: "" if one.axis is None else f"{one.axis[0]} {_value(one.axis[1])}",
    "size": lambda one: "x".join(map(str, one.size)),
    "series_uid": lambda one: one.series_uid if isinstance(one, Stack) else "",
    "id": lambda one: one.id,
}
"""What a pattern may name. Nothing of the patient; a description is there for those who ask."""

LONGEST_BYTES = 200
"""File systems allow 255 bytes; the longest ending is `.valid.nii.gz`, and drafts add theirs."""


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(f"{number:.3g}" for number in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def check_pattern(pattern: str) -> str:
    """Raise `ValueError` for a pattern that is none, and say what one is made of."""
    if "/" in pattern or "\\" in pattern:
        raise ValueError("a name holds no folders: leave out / and \\")
    try:
        parts = list(string.Formatter().parse(pattern))
    except ValueError as fault:
        raise ValueError(f"{pattern!r} is no pattern: {fault}") from None
    known = " ".join(f"{{{field}}}" for field in FIELDS)
    for _, field, form, conversion in parts:
        if field is not None and (field not in FIELDS or form or conversion):
            typed = (
                f"{field}{'!' if conversion else ''}{conversion or ''}{':' if form else ''}{form}"
            )
            raise ValueError(f"{{{typed}}} is no field of a name; there are {known}")
    if not _body(pattern).strip():
        raise ValueError(f"the pattern is empty; a name is made of words and of {known}")
    suffix_for(Path(f"x{suffix_in(pattern)}" if suffix_in(pattern) else "x.nii.gz"), "volume")
    return pattern


def suffix_in(pattern: str) -> str:
    """Give the suffix of a format that a pattern ends in, which chooses the format."""
    suffix = suffix_of(Path(pattern))
    return suffix if suffix in FORMATS else ""


def _body(pattern: str) -> str:
    return pattern[: len(pattern) - len(suffix_in(pattern))]


def stems(pattern: str, listed: Sequence[Listed]) -> list[str]:
    """Name every volume after a pattern, without a suffix, no two alike.

    Volumes that would share a name have their id added. Names that differ in nothing but case
    are alike where file systems see them so, and so is the mask of one and another's name.
    """
    plain = [_name(_body(pattern), one) for one in listed]
    shared = Counter(map(_key, plain))
    taken: set[str] = set()
    given = {n: name for n, name in enumerate(plain) if shared[_key(name)] == 1}
    taken.update(map(_key, given.values()))
    for n, one in enumerate(listed):
        if n not in given:
            given[n] = free(_with_ending(plain[n], f"_{one.id}"), taken)
    return [given[n] for n in range(len(listed))]


def _key(name: str) -> str:
    """Give what a file system that ignores case and accents' forms compares."""
    key = unicodedata.normalize("NFC", name).casefold()
    while key.endswith(".valid"):
        key = key.removesuffix(".valid")
    return key


def free(name: str, taken: set[str]) -> str:
    """Give a name, or it with a number behind, that is not taken yet, and take it."""
    n, numbered = 1, name
    while _key(numbered) in taken:
        n += 1
        numbered = _with_ending(name, f"_{n}")
    taken.add(_key(numbered))
    return numbered


def _name(pattern: str, one: Listed) -> str:
    values = {field: "" if (v := get(one)) is None else str(v) for field, get in FIELDS.items()}
    return file_stem(pattern.format(**values)) or file_stem(one.id) or "unnamed"


def file_stem(text: str) -> str:
    """Make a file's stem of any text; "" where nothing of it can stand in a name.

    Letters and digits of any script stay, as does their accent; what is hidden goes, any other
    character becomes `_`. It begins with none of `.`, `-` and `_`, and is no device of Windows.
    """
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(_allowed(c) for c in composed if c.isspace() or not is_hidden(c))
    name = _shorten(" ".join(kept.split()).lstrip(" .-_"))
    device = unicodedata.normalize("NFKC", name.split(".")[0]).strip().upper()
    return _shorten(f"x_{name}") if device in RESERVED else name


def _allowed(character: str) -> str:
    if character.isspace():
        return " "
    if unicodedata.category(character)[0] in "LMN" or character in "-_.":
        return character
    return "_"


def _with_ending(name: str, ending: str) -> str:
    return _shorten(name, LONGEST_BYTES - len(ending.encode())) + ending


def _shorten(name: str, longest: int = LONGEST_BYTES) -> str:
    """Cut a name to so many bytes, between characters, and take off what may not end it."""
    return name.encode()[:longest].decode(errors="ignore").rstrip(" .-_")
