"""Values of data elements, read strictly: a number that is no number is an error.

pydicom converts values leniently, and differently by version; places in space must not
depend on that. These read the raw bytes by the standard's value representation (PS3.5 6.2).
"""

from __future__ import annotations

import math
import re
import struct
import warnings

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from volume.dicom.encoding import Unreadable

PLAUSIBLE = 1e6
"""No number that places a voxel is larger, in mm (a kilometre)."""
BINARY = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "US or SS": "H"}


def values(data: Dataset, keyword: str) -> tuple[str | float, ...]:
    """Give every value of an element, text stripped of its padding; absent or empty is ().

    Raises `Unreadable` where a binary value has the wrong length.
    """
    tag = tag_for_keyword(keyword)
    element = data.get_item(tag) if tag is not None and tag in data else None
    if element is None or element.value is None:
        return ()
    if not isinstance(element.value, bytes):  # pydicom has converted it already
        several = element.value if hasattr(element.value, "append") else [element.value]
        return tuple(str(value).strip() for value in several if str(value) != "")
    form = BINARY.get(dictionary_VR(keyword))
    if form is None:
        joined = element.value.decode("latin-1").strip("\0 \r\n\t")
        return tuple(part.strip() for part in joined.split("\\")) if joined else ()
    little = not isinstance(element, RawDataElement) or element.is_little_endian
    width = struct.calcsize(form)
    count, left = divmod(len(element.value), width)
    if left:
        raise Unreadable(f"{keyword} has {len(element.value)} bytes, no multiple of {width}")
    return struct.unpack(f"{'<' if little else '>'}{count}{form}", element.value)


def text(data: Dataset, keyword: str) -> str:
    """Give the first value as text; absent is ""."""
    return str(next(iter(values(data, keyword)), ""))


def texts(data: Dataset, keyword: str) -> tuple[str, ...]:
    """Give every value as text; absent is ()."""
    return tuple(str(value) for value in values(data, keyword))


def label(data: Dataset, keyword: str) -> str:
    """Give a text in the data set's own character set (PS3.5 6.1)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return str(data.get(keyword, "") or "").strip()
        except Exception:  # noqa: BLE001 a label that cannot be read leaves the image readable
            return text(data, keyword)


def floats(data: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Give exactly `count` finite, plausible numbers, or None where the element is empty.

    Raises `Unreadable` on anything else: too many, too few, a comma, NaN, 1e400.
    """
    found = values(data, keyword)
    if not any(str(value) for value in found):
        return None
    try:
        numbers = tuple(_float(value) for value in found)
    except ValueError:
        raise Unreadable(f"{keyword} holds no number{_show(found)}") from None
    if len(numbers) != count:
        raise Unreadable(f"{keyword} holds {len(numbers)} numbers instead of {count}")
    if not all(math.isfinite(n) and abs(n) < PLAUSIBLE for n in numbers):
        raise Unreadable(f"{keyword} holds a number that cannot be{_show(found)}")
    return numbers


def count(data: Dataset, keyword: str) -> int | None:
    """Give one whole number that must be right, or None where the element is empty."""
    found = floats(data, keyword, 1)
    if found is None:
        return None
    if found[0] != int(found[0]) or found[0] < 0:
        raise Unreadable(f"{keyword} is no count: {found[0]:g}")
    return int(found[0])


def hint(data: Dataset, keyword: str) -> float | None:
    """Give the first value as a number where it is one: for what no place depends on."""
    try:
        found = _float(next(iter(values(data, keyword)), ""))
    except (ValueError, Unreadable):
        return None
    return found if math.isfinite(found) else None


def items(data: Dataset, keyword: str) -> list[Dataset]:
    """Give the items of a sequence; absent is []."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sequence = data.get(keyword)
    return [item for item in sequence or () if isinstance(item, Dataset)]


def _float(value: str | float) -> float:
    if isinstance(value, str) and "_" in value:  # Python reads 1_0 as ten; DICOM does not
        raise ValueError(value)
    return float(value)


def _show(found: tuple[str | float, ...]) -> str:
    """Quote what should have been numbers; other text may be anything, and stays unsaid."""
    joined = "\\".join(map(str, found))
    return f": {joined!r}" if NUMERIC.fullmatch(joined) else ""


NUMERIC = re.compile(r"[-+0-9.,e\\ ]{1,60}|[-+]?(?:nan|inf)", re.IGNORECASE)
