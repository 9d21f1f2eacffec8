"""The header of a PLY file: which elements follow, of which properties."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

LONGEST = 16 << 20
"""Some 65,000 parts, each in a comment."""
SCALARS = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4",
    "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}


@dataclass(frozen=True)
class Property:
    """A number of every row or, with a type for its `length`, a list of them."""

    name: str
    scalar: np.dtype[Any]
    length: np.dtype[Any] | None = None


@dataclass(frozen=True)
class Element:
    """So many rows of the same properties: points, faces, or what else there is."""

    name: str
    count: int
    properties: tuple[Property, ...]

    @property
    def least_bytes(self) -> int:
        """What a row takes in a binary file at least, its lists empty."""
        return sum((one.length or one.scalar).itemsize for one in self.properties)

    def has(self, *names: str) -> bool:
        """Say whether there are single numbers of these names."""
        return set(names) <= {one.name for one in self.properties if one.length is None}


@dataclass(frozen=True)
class Header:
    """What a file says of itself; `order` is "" for text, "<" or ">"."""

    order: str
    comments: tuple[str, ...]
    elements: tuple[Element, ...]


def read(stream: BinaryIO) -> Header:
    """Read a header and stop behind it. Raises `ValueError` for what is none."""
    lines = _lines(stream)
    format_ = next((words[1:] for words in map(str.split, lines) if words[0] == "format"), [])
    if len(format_) != 2 or format_[0] not in ORDERS:
        raise ValueError("it is no PLY: no format is named that is known")
    order = ORDERS[format_[0]]
    comments = [line.partition(" ")[2] for line in lines if _key(line) in COMMENTS]
    elements: list[Element] = []
    for line in lines:
        if _key(line) == "element":
            elements.append(_element(line.split()))
        elif _key(line) == "property":
            if not elements:
                raise ValueError("it is no PLY: a property belongs to no element")
            last = elements.pop()
            properties = (*last.properties, _property(line.split(), order))
            elements.append(Element(last.name, last.count, properties))
    return Header(order, tuple(comments), tuple(elements))


COMMENTS = ("comment", "obj_info")
KEYS = ("format", "element", "property", *COMMENTS)


def _key(line: str) -> str:
    return line.split(maxsplit=1)[0]


def _lines(stream: BinaryIO) -> list[str]:
    """Read the lines between "ply" and "end_header"."""
    if stream.readline(8).strip() != b"ply":
        raise ValueError("it is no PLY: it does not begin with that word")
    lines: list[str] = []
    left = LONGEST
    while line := stream.readline(left):
        left -= len(line)
        text = line.decode("latin-1").strip()
        if text == "end_header":
            return lines
        if text and _key(text) not in KEYS:
            raise ValueError(f"it is no PLY: {text[:20]!r} stands in its header")
        lines += [text] if text else []
    raise ValueError("it is no PLY: its header has no end")


def _element(words: list[str]) -> Element:
    if len(words) != 3 or not re.fullmatch(r"[0-9]{1,18}", words[2]):
        raise ValueError(f"it is no PLY: {' '.join(words)[:60]!r} stands in its header")
    return Element(words[1], int(words[2]), ())


def _property(words: list[str], order: str) -> Property:
    is_list = words[1:2] == ["list"]
    types = words[2:4] if is_list else words[1:2]
    if len(words) != len(types) + 2 + is_list or any(word not in SCALARS for word in types):
        raise ValueError(f"it is no PLY: {' '.join(words)[:60]!r} stands in its header")
    *length, scalar = (np.dtype(f"{order}{SCALARS[word]}") for word in types)
    if length and length[0].kind == "f":
        raise ValueError("it is no PLY: a list's length is no whole number there")
    return Property(words[-1], scalar, length[0] if length else None)
