"""The CSA image header that Siemens MR scanners write into (0029,xx10): named lists of texts.

Siemens documents it nowhere; the two forms are as SPM and nibabel read them
(https://nipy.org/nibabel/dicom/siemens_csa.html). "SV10" opens CSA2; CSA1 has no mark.
Every length is held against the bytes that are there.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from functools import lru_cache

from volume.dicom import elements
from volume.dicom.data_set import DataSet
from volume.dicom.encoding import Unreadable

Csa = Mapping[str, tuple[str, ...]]
"""The values of every element, by its name; those without a value are ()."""

CSA2 = b"SV10"
HEAD = struct.Struct("<2I")
"""How many elements there are, and a number that is always 77."""
ELEMENT = struct.Struct("<64si4s3i")
"""Name, how many values there may be (0: any number), VR, its number, items, 77 or 205."""
ITEM = struct.Struct("<4i")
"""Four numbers, of which CSA2 has the length in the second, CSA1 in the first."""
ELEMENTS_AT_MOST, ITEMS_AT_MOST = 1000, 4096
"""Real headers have 83 elements of up to 64 items, and 1 item a slice of a mosaic."""


def image_header(data: DataSet) -> Csa:
    """Read the CSA image header of a data set; empty where there is none, or it is damaged."""
    try:
        return read_csa(data)
    except Unreadable:
        return {}


def read_csa(data: DataSet) -> Csa:
    """Read the CSA image header of a data set, for what depends on it; absent is empty.

    Raises `Unreadable` where it is damaged.
    """
    element = elements.raw(data, "SiemensCsaImageHeader")
    return {} if element is None or not element.value else parse(element.value)


@lru_cache(maxsize=4)
def parse(header: bytes) -> Csa:
    """Read a CSA header, CSA1 or CSA2. Raises `Unreadable` where it contradicts itself."""
    second = header.startswith(CSA2)
    at = 8 if second else 0
    if len(header) < at + HEAD.size:
        raise _damaged()
    count, _ = HEAD.unpack_from(header, at)
    if not 0 < count <= ELEMENTS_AT_MOST:
        raise _damaged()
    return dict(_elements(header, at + HEAD.size, count, second=second))


def numbers(csa: Csa, name: str, count: int | None = None) -> tuple[float, ...] | None:
    """Give the values of an element as finite numbers, exactly `count` where that is given.

    None where the element is absent or holds anything else.
    """
    texts = csa.get(name, ())
    if not texts or (count is not None and len(texts) != count):
        return None
    if not all(elements.DECIMAL.fullmatch(text) for text in texts):
        return None
    found = tuple(map(float, texts))
    return found if all(map(math.isfinite, found)) else None


def number(csa: Csa, name: str) -> float | None:
    """Give the first value of an element as a finite number, None where it is none."""
    first = numbers({name: csa.get(name, ())[:1]}, name)
    return None if first is None else first[0]


def text(csa: Csa, name: str) -> str:
    """Give the first value of an element; absent is ""."""
    return next(iter(csa.get(name, ())), "")


def _elements(
    header: bytes, at: int, count: int, *, second: bool
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Go through the elements of a header; of two of one name the last stands."""
    base = 0
    for index in range(count):
        if len(header) - at < ELEMENT.size:
            raise _damaged()
        name, multiplicity, _, _, items, _ = ELEMENT.unpack_from(header, at)
        at += ELEMENT.size
        if not 0 <= items <= ITEMS_AT_MOST:
            raise _damaged()
        if index == 0:
            base = items
        found, at = _items(header, at, items, None if second else base)
        values = found[:multiplicity] if multiplicity > 0 else found
        while values and not values[-1]:
            values.pop()
        yield _text(name), tuple(values)


def _items(header: bytes, at: int, count: int, base: int | None) -> tuple[list[str], int]:
    """Read the items of an element; give them and where they end.

    `base` is what CSA1 adds to every length (None: CSA2): the items of its first element.
    CSA1 ends its items early at a length that cannot be.
    """
    found: list[str] = []
    for _ in range(count):
        if len(header) - at < ITEM.size:
            raise _damaged()
        first, length, _, _ = ITEM.unpack_from(header, at)
        at += ITEM.size
        if base is not None:
            length = first - base
        if not 0 <= length <= len(header) - at:
            if base is None:
                raise _damaged()
            break
        found.append(_text(header[at : at + length]))
        at += -(-length // 4) * 4
    return found, at


def _text(raw: bytes) -> str:
    """Give a text up to its first NUL; what stands behind is left from before."""
    return raw.partition(b"\0")[0].decode("latin-1").strip()


def _damaged() -> Unreadable:
    return Unreadable("the Siemens CSA header is damaged")
