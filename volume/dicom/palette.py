"""Palette colour: a stored value is an index into three tables (PS3.3 C.7.6.3.1.5, C.7.9)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.dicom import elements
from volume.dicom.data_set import DataSet, Element
from volume.dicom.encoding import Unreadable
from volume.dicom.header import Palette

COLOURS = ("Red", "Green", "Blue")


def read_palette(data: DataSet, photometric: str, *, signed: bool) -> Palette | None:
    """Read the three tables of a palette colour image; None of any other.

    Raises `Unreadable` where they are not all there, whole, and of one length.
    """
    if photometric != "PALETTE COLOR":
        return None
    count, first, bits = _descriptor(data, signed=signed)
    tables = [_table(data, colour, count, bits) for colour in COLOURS]
    if bits == 16 and all(_is_8_bits_in_16(table) for table in tables):
        tables, bits = [(table >> 8).astype(np.uint16) for table in tables], 8
    narrow = all(table.max() < 256 for table in tables) and bits == 8
    dtype = np.uint8 if narrow else np.uint16
    red, green, blue = (table.astype(dtype).tobytes() for table in tables)
    return Palette(first, 8 if narrow else 16, red, green, blue)


def _descriptor(data: DataSet, *, signed: bool) -> tuple[int, int, int]:
    """Read entries, first value mapped and bits: the same for the three (C.7.6.3.1.5)."""
    found = set()
    for colour in COLOURS:
        said = elements.floats(data, f"{colour}PaletteColorLookupTableDescriptor", 3)
        if said is None:
            raise Unreadable(f"the {colour.lower()} palette of a PALETTE COLOR image is missing")
        found.add(said)
    if len(found) > 1:
        raise Unreadable("the palettes of red, green and blue are described differently")
    count, first, bits = (int(number) for number in found.pop())
    first = first - 65536 if signed and first > 32767 else first
    if bits not in (8, 16):
        raise Unreadable(f"palettes of {bits} bits are not handled", "not-supported-yet")
    return count % 65536 or 65536, first, bits


def _table(data: DataSet, colour: str, count: int, bits: int) -> NDArray[np.uint16]:
    """Read one table: as many bytes an entry as are there, one or two.

    Some write entries of 8 bits into words of 16, and some say 16 where 8 are (as pydicom has it).
    """
    element = elements.raw(data, f"{colour}PaletteColorLookupTableData")
    if element is None or not element.value:
        raise Unreadable(
            f"the {colour.lower()} palette of a PALETTE COLOR image is missing or segmented",
            "not-supported-yet",
        )
    if len(element.value) == 2 * count and (bits == 16 or count > 1):
        words = np.frombuffer(element.value, "<u2" if element.little else ">u2")
        if bits == 16 or words.max() < 256:
            return words.astype(np.uint16)
        raise Unreadable(f"the {colour.lower()} palette holds more than its {bits} bits")
    if len(element.value) in (count, count + count % 2):
        return _bytes_of(element)[:count].astype(np.uint16) * (257 if bits == 16 else 1)
    raise Unreadable(
        f"the {colour.lower()} palette has {len(element.value)} bytes for {count} entries"
    )


def _bytes_of(element: Element) -> NDArray[np.uint8]:
    """Give packed bytes in order: two in a word, the first in its low half (PS3.5 8.1)."""
    values = np.frombuffer(element.value, np.uint8)
    if element.little or element.vr == b"OB" or len(values) % 2:
        return values
    return values.reshape(-1, 2)[:, ::-1].ravel()


def _is_8_bits_in_16(table: NDArray[np.uint16]) -> bool:
    """Say whether the low bytes add nothing: zero, or the high ones once more."""
    low, high = table & 0xFF, table >> 8
    return not low.any() or bool((low == high).all())


def look_up_colours(stored: NDArray[Any], palette: Palette) -> NDArray[Any]:
    """Map stored values of any shape to (..., 3); what lies beyond the tables gets their ends."""
    dtype = np.uint8 if palette.bits == 8 else np.uint16
    tables = [np.frombuffer(t, dtype) for t in (palette.red, palette.green, palette.blue)]
    index = np.clip(stored.astype(np.int64) - palette.first, 0, len(tables[0]) - 1)
    return np.stack([table[index] for table in tables], axis=-1)
