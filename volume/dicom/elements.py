"""Values of data elements, read strictly: a number that is no number is an error.

Places in space must not depend on a lenient conversion; these read the raw bytes by the
standard's value representations (PS3.5 6.2).
"""

from __future__ import annotations

import math
import re
import struct
from functools import lru_cache
from typing import Any

from volume.dicom.attributes import ATTRIBUTES, Attribute
from volume.dicom.data_set import DataSet, Element
from volume.dicom.encoding import Unreadable
from volume.dicom.private import PRIVATE, Private
from volume.dicom.reading import Reading, is_plain, stripped

KNOWN: dict[str, Attribute | Private] = {**ATTRIBUTES, **PRIVATE}
"""What is read, by keyword: of the standard, and of makers."""
PLAUSIBLE = 1e6
"""No number that places a voxel is larger, in mm (a kilometre)."""
BINARY = {
    b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"UV": "Q", b"SV": "q", b"FL": "f", b"FD": "d",
}  # fmt: skip
UNTOLD = frozenset({b"", b"UN", b"OB", b"OW"})
"""VRs that do not say what the bytes are; the standard's dictionary does."""


TAGS = {keyword: known.tag for keyword, known in KNOWN.items()}
SHORT, KEPT = 128, 4096
"""Values of up to so many bytes are interpreted once for all slices that share them; the last
so many are kept. Longer ones would fill the memory."""


def values(data: DataSet, keyword: str) -> tuple[str | float, ...]:
    """Give every value of an element, text stripped of its padding; absent or empty is ().

    Raises `Unreadable` where a binary value has the wrong length.
    """
    element = data.get(TAGS[keyword])
    return () if element is None else _interpreted(_values, keyword, element)


Recalled = Any
"""A function of keyword and element that `lru_cache` wraps."""


def _interpreted(recalled: Recalled, keyword: str, element: Element, *how: float) -> Any:
    """Interpret an element, or recall what it means; long values and sequences are not kept."""
    if len(element.value) > SHORT or element.items:
        return recalled.__wrapped__(keyword, element, *how)
    return recalled(keyword, element, *how)


@lru_cache(KEPT)
def _values(keyword: str, element: Element) -> tuple[str | float, ...]:
    vr, value, little, _ = element
    if not value:
        return ()
    form = BINARY.get(KNOWN[keyword].vr if vr in UNTOLD else vr)
    if form is None:
        joined = value.decode("latin-1").strip("\0 \r\n\t")
        parts = tuple(part.strip("\0 \r\n\t") for part in joined.split("\\"))
        return parts[:-1] if parts[-1] == "" else parts  # nothing behind a last backslash
    width = struct.calcsize(form)
    count, left = divmod(len(value), width)
    if left:
        raise Unreadable(f"{keyword} has {len(value)} bytes, no multiple of {width}")
    return struct.unpack(f"{'<' if little else '>'}{count}{form}", value)


def tags(data: DataSet, keyword: str) -> tuple[int, ...]:
    """Give every tag that an element names (VR AT); absent or empty is ()."""
    element = data.get(TAGS[keyword])
    if element is None:
        return ()
    if len(element.value) % 4:
        raise Unreadable(f"{keyword} holds no tags")
    pairs = struct.iter_unpack("<HH" if element.little else ">HH", element.value)
    return tuple(group << 16 | number for group, number in pairs)


def raw(data: DataSet, keyword: str) -> Element | None:
    """Give an element as it stands."""
    return data.get(TAGS[keyword])


def text(data: DataSet, keyword: str) -> str:
    """Give the first value as text; absent is ""."""
    element = data.get(TAGS[keyword])
    return "" if element is None else _interpreted(_text, keyword, element)


@lru_cache(KEPT)
def _text(keyword: str, element: Element) -> str:
    return str(next(iter(_values.__wrapped__(keyword, element)), ""))


def texts(data: DataSet, keyword: str) -> tuple[str, ...]:
    """Give every value as text; absent is ()."""
    return tuple(str(value) for value in values(data, keyword))


def label(data: DataSet, keyword: str) -> str:
    """Give a text in the character set that it is written in."""
    return reading(data, keyword).text


def reading(data: DataSet, keyword: str) -> Reading:
    """Read a text or a name, and say what it is written in where that is not what is declared."""
    element = raw(data, keyword)
    person = ATTRIBUTES[keyword].vr == b"PN"
    return Reading("") if element is None else decode(data, element, person=person)


def decode(data: DataSet, element: Element, *, person: bool = False) -> Reading:
    """Read an element of a data set in the character set that it is written in (PS3.5 6.1)."""
    if is_plain(element.value):
        return Reading(stripped(element.value.decode("ascii")))
    from volume.dicom.character_sets import read_text

    return read_text(element.value, texts(data, "SpecificCharacterSet"), person=person)


def floats(
    data: DataSet, keyword: str, count: int, *, below: float = PLAUSIBLE
) -> tuple[float, ...] | None:
    """Give exactly `count` finite numbers, plausible ones, or None where the element is empty.

    Raises `Unreadable` on anything else: too many, too few, a comma, NaN, 1e400.
    """
    element = data.get(TAGS[keyword])
    return None if element is None else _interpreted(_floats, keyword, element, count, below)


@lru_cache(KEPT)
def _floats(keyword: str, element: Element, count: int, below: float) -> tuple[float, ...] | None:
    found = _values.__wrapped__(keyword, element)  # of 0.0 and -0.0, which are equal, each its own
    if not any(str(value) for value in found):
        return None
    try:
        numbers = tuple(_float(value) for value in found)
    except ValueError:
        raise Unreadable(f"{keyword} holds no number{_show(found)}") from None
    if len(numbers) != count:
        raise Unreadable(f"{keyword} holds {len(numbers)} numbers instead of {count}")
    if not all(math.isfinite(n) and abs(n) < below for n in numbers):
        raise Unreadable(f"{keyword} holds a number that cannot be{_show(found)}")
    return numbers


def count(data: DataSet, keyword: str) -> int | None:
    """Give one whole number that must be right, or None where the element is empty."""
    element = data.get(TAGS[keyword])
    return None if element is None else _interpreted(_count, keyword, element)


@lru_cache(KEPT)
def _count(keyword: str, element: Element) -> int | None:
    found = floats({TAGS[keyword]: element}, keyword, 1)
    if found is None:
        return None
    if found[0] != int(found[0]) or found[0] < 0:
        raise Unreadable(f"{keyword} is no count: {found[0]:g}")
    return int(found[0])


def hint(data: DataSet, keyword: str) -> float | None:
    """Give the first value as a number where it is one: for what no place depends on."""
    element = data.get(TAGS[keyword])
    return None if element is None else _interpreted(_hint, keyword, element)


@lru_cache(KEPT)
def _hint(keyword: str, element: Element) -> float | None:
    try:
        found = _float(next(iter(_values.__wrapped__(keyword, element)), ""))
    except (ValueError, Unreadable):
        return None
    return found if math.isfinite(found) else None


def items(data: DataSet, keyword: str) -> tuple[DataSet, ...]:
    """Give the items of a sequence; absent is ()."""
    element = raw(data, keyword)
    return () if element is None else element.items


def _float(value: str | float) -> float:
    """Read a decimal string (PS3.5 6.2): what Python reads beyond that (1_0, nan, ١) is none."""
    if isinstance(value, str) and not DECIMAL.fullmatch(value):
        raise ValueError(value)
    return float(value)


DECIMAL = re.compile(r"[-+]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][-+]?[0-9]{1,6})?")


def _show(found: tuple[str | float, ...]) -> str:
    """Quote what should have been numbers; other text may be anything, and stays unsaid."""
    joined = "\\".join(map(str, found))
    return f": '{joined}'" if NUMERIC.fullmatch(joined) else ""


NUMERIC = re.compile(r"[-+0-9.,e\\ ]{1,60}|[-+]?(?:nan|inf)", re.IGNORECASE | re.ASCII)
