"""Where every element of a good file lies, so that damage can be aimed.

Only for files that were written well: nothing here is careful.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.datadict import dictionary_VR, tag_for_keyword

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010
DEFLATED = "1.2.840.10008.1.2.1.99"
LONG = frozenset("OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())


@dataclass(frozen=True)
class Element:
    """One element: its tag begins at `start`, its value at `value`, the next one at `end`."""

    tag: int
    vr: str
    start: int
    value: int
    length: int
    end: int
    depth: int

    @property
    def length_at(self) -> int:
        """Where the length stands."""
        return self.value - self.length_bytes

    @property
    def length_bytes(self) -> int:
        return 2 if self.value - self.start == 8 and self.vr not in ("", *LONG) else 4


@dataclass(frozen=True)
class Map:
    """A file with its body inflated, and its elements in order, nested ones too."""

    data: bytes
    syntax: str
    implicit: bool
    little: bool
    body: int
    elements: tuple[Element, ...]

    def find(self, keyword: str, nth: int = 0) -> Element | None:
        """Find an element by keyword, at any depth."""
        tag = tag_for_keyword(keyword)
        found = [element for element in self.elements if element.tag == tag]
        return found[nth] if nth < len(found) else None

    def top(self) -> list[Element]:
        """List the elements of the data set itself, those of the file meta left out."""
        return [e for e in self.elements if e.depth == 0 and e.start >= self.body]

    def packed(self, plain: bytes) -> bytes:
        """Give the bytes of a file whose inflated form was changed behind the file meta."""
        if self.syntax != DEFLATED:
            return plain
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body = deflater.compress(plain[self.body :]) + deflater.flush()
        return plain[: self.body] + body + bytes(len(body) % 2)

    def element(self, tag: int, vr: str, value: bytes, length: int | None = None) -> bytes:
        """Write one element in the file's own encoding; `length` may lie."""
        order = "<" if self.little else ">"
        count = len(value) if length is None else length
        head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
        if self.implicit:
            return head + struct.pack(order + "I", count) + value
        if vr in LONG:
            return head + vr.encode() + bytes(2) + struct.pack(order + "I", count) + value
        return head + vr.encode() + struct.pack(order + "H", count & 0xFFFF) + value

    def replaced(self, element: Element, value: bytes, vr: str = "") -> bytes:
        """Put another value in an element at the top, of whatever length."""
        new = self.element(element.tag, vr or element.vr, value)
        return self.packed(self.data[: element.start] + new + self.data[element.end :])

    def inserted(self, new: bytes, tag: int) -> bytes:
        """Put bytes before the first element at the top that comes after `tag`."""
        at = next((e.start for e in self.top() if e.tag > tag), len(self.data))
        return self.packed(self.data[:at] + new + self.data[at:])


def map_of(data: bytes) -> Map:
    """Map a good file."""
    meta = list(_walk(data, 132, len(data), False, True, 0, stop_behind_meta=True))
    body = meta[-1].end
    syntax = next(data[e.value : e.end] for e in meta if e.tag == 0x00020010)
    name = syntax.decode().strip("\0 ")
    if name == DEFLATED:
        data = data[:body] + zlib.decompress(data[body:], -zlib.MAX_WBITS)
    implicit, little = name == "1.2.840.10008.1.2", name != "1.2.840.10008.1.2.2"
    rest = _walk(data, body, len(data), implicit, little, 0)
    return Map(data, name, implicit, little, body, (*meta, *rest))


def _walk(
    data: bytes,
    at: int,
    end: int,
    implicit: bool,
    little: bool,
    depth: int,
    stop_behind_meta: bool = False,
) -> Iterator[Element]:
    order = "<" if little else ">"
    while at + 8 <= end:
        group, number = struct.unpack_from(order + "HH", data, at)
        if stop_behind_meta and group != 2:
            return
        tag = group << 16 | number
        vr, value, length = _head(data, at, tag, implicit, order)
        if tag in (ITEM_END, SEQUENCE_END):
            return
        nested: list[Element] = []
        if vr == "SQ" or (length == UNDEFINED and vr in ("", "UN")):
            nested, last = _items(data, value, length, implicit, little, depth)
        elif length == UNDEFINED:  # fragments
            last = _behind_fragments(data, value)
        else:
            last = value + length
        yield Element(tag, vr, at, value, length, last, depth)
        yield from nested
        at = last


def _head(data: bytes, at: int, tag: int, implicit: bool, order: str) -> tuple[str, int, int]:
    if tag >> 16 == 0xFFFE or implicit:
        (length,) = struct.unpack_from(order + "I", data, at + 4)
        return _known_vr(tag) if implicit else "", at + 8, length
    vr = data[at + 4 : at + 6].decode("latin-1")
    if vr in LONG:
        return vr, at + 12, struct.unpack_from(order + "I", data, at + 8)[0]
    return vr, at + 8, struct.unpack_from(order + "H", data, at + 6)[0]


def _known_vr(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


def _items(
    data: bytes, at: int, length: int, implicit: bool, little: bool, depth: int
) -> tuple[list[Element], int]:
    order = "<" if little else ">"
    end = len(data) if length == UNDEFINED else at + length
    found: list[Element] = []
    while at + 8 <= end:
        group, number, size = struct.unpack_from(order + "HHI", data, at)
        tag = group << 16 | number
        if tag == SEQUENCE_END:
            return found, at + 8
        inside_end = end if size == UNDEFINED else at + 8 + size
        inside = list(_walk(data, at + 8, inside_end, implicit, little, depth + 1))
        last = inside_end
        if size == UNDEFINED:
            last = (max(e.end for e in inside) if inside else at + 8) + 8
        found += [Element(tag, "", at, at + 8, size, last, depth + 1), *inside]
        at = last
    return found, at


def _behind_fragments(data: bytes, at: int) -> int:
    while True:
        group, number, length = struct.unpack_from("<HHI", data, at)
        at += 8
        if group << 16 | number == SEQUENCE_END:
            return at
        at += length


def fragments_of(data: bytes, element: Element) -> list[tuple[int, int]]:
    """List (where its bytes begin, how many) of every item of encapsulated pixel data."""
    at, found = element.value, []
    while at + 8 <= element.end:
        group, number, length = struct.unpack_from("<HHI", data, at)
        if group << 16 | number == SEQUENCE_END:
            break
        found.append((at + 8, length))
        at += 8 + length
    return found


def encapsulated(frames: list[bytes], table: bytes = b"", end: bool = True) -> bytes:
    """Write fragments behind an offset table, as they are."""
    items = [table, *frames]
    out = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(item)) + item for item in items)
    return out + (b"\xfe\xff\xdd\xe0\0\0\0\0" if end else b"")
