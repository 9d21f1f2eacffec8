"""The XML of a VTP file: its tags, and where the numbers behind them lie.

A small part of XML, all that VTK writes: no document type, no entities, nothing that grows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

APPENDED = b"<AppendedData"
BATCH_BYTES = 1 << 20
MOST_TAGS, DEEPEST, LONGEST_TAG = 100_000, 16, 64 << 10
ATTRIBUTE = re.compile(rb'([A-Za-z_]\w*)\s*=\s*(?:"([^"]*)"|\'([^\']*)\')')
NAME = re.compile(rb"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Tag:
    """An element that was opened: in what it stands, and the text up to the next tag."""

    name: str
    within: str
    attributes: Mapping[str, str]
    text: tuple[int, int]


@dataclass(frozen=True)
class Document:
    """The tags of a file, its text, and where the appended data begin, if there are any."""

    text: bytes
    tags: tuple[Tag, ...]
    appended: int | None = None
    encoding: str = ""
    root: Mapping[str, str] = field(default_factory=dict)

    def count(self, name: str) -> int:
        """Give a number that the one piece tells, 0 where it does not."""
        pieces = [tag for tag in self.tags if tag.name == "Piece"]
        if len(pieces) != 1:
            raise ValueError(f"a surface of {len(pieces)} pieces is not read")
        told = pieces[0].attributes.get(name, "0").strip()
        if not re.fullmatch(r"[0-9]{1,18}", told):
            raise ValueError(f"its {name} is no number")
        return int(told)

    def array(self, within: str, name: str = "") -> Tag | None:
        """Find an array by where it stands and its name, or whatever it is called."""
        arrays = [tag for tag in self.tags if tag.name in ARRAYS and tag.within == within]
        named = (tag for tag in arrays if name in ("", tag.attributes.get("Name")))
        return next(named, None)


ARRAYS = ("DataArray", "Array")


def read(stream: BinaryIO) -> Document:
    """Read the XML of a file, to its appended data. Raises `ValueError` for what is none."""
    stream.seek(0)
    text = bytearray()
    while content := stream.read(BATCH_BYTES):
        begin = max(0, len(text) - len(APPENDED))
        text += content
        found = text.find(APPENDED, begin)
        if found >= 0:
            if len(text) - found < LONGEST_TAG:
                text += stream.read(LONGEST_TAG)
            return _with_appended(bytes(text), found)
    return _document(bytes(text))


def _with_appended(text: bytes, found: int) -> Document:
    begin = text.find(b"_", text.find(b">", found))
    if begin < 0 or text.find(b">", found) < 0:
        raise ValueError("its appended data do not begin")
    tag = dict(_attributes(text[found:begin]))
    document = _document(text[:found])
    return Document(document.text, document.tags, begin + 1, tag.get("encoding", ""), document.root)


def _document(text: bytes) -> Document:
    tags = _tags(text)
    root = tags[0] if tags else None
    if root is None or (root.name, root.attributes.get("type")) != ("VTKFile", "PolyData"):
        raise ValueError("it is no VTP: it does not hold VTK's PolyData")
    return Document(text, tuple(tags), root=root.attributes)


def _tags(text: bytes) -> list[Tag]:
    tags: list[Tag] = []
    open_: list[str] = []
    at = 0
    while (begin := text.find(b"<", at)) >= 0:
        end = _end_of(text, begin)
        inner, at = text[begin + 1 : end], end + 1
        if inner[:1] in (b"?", b"!"):
            continue
        name = _name(inner)
        if inner[:1] == b"/":
            if not open_ or open_.pop() != name:
                raise ValueError("its XML is damaged: a tag is closed that is not open")
            continue
        within = open_[-1] if open_ else ""
        text_end = text.find(b"<", at)
        place = (at, text_end if text_end >= 0 else len(text))
        tags.append(Tag(name, within, dict(_attributes(inner)), place))
        if not inner.endswith(b"/"):
            open_.append(name)
        if len(tags) > MOST_TAGS or len(open_) > DEEPEST:
            raise ValueError("its XML has more tags than any surface needs")
    return tags


def _end_of(text: bytes, begin: int) -> int:
    """Find where a tag, a comment or the like ends."""
    if text.startswith(b"<!--", begin):
        end = text.find(b"-->", begin)
        return _found(end) + 2
    if text.startswith(b"<!", begin):
        raise ValueError("its XML has a document type or entities, which are not read")
    end = _found(text.find(b">", begin))
    if end - begin > LONGEST_TAG:
        raise ValueError("its XML is damaged: a tag has no end")
    return end


def _found(end: int) -> int:
    if end < 0:
        raise ValueError("its XML ends in the middle")
    return end


def _name(inner: bytes) -> str:
    name = NAME.match(inner.lstrip(b"/"))
    if name is None:
        raise ValueError("its XML is damaged: a tag has no name")
    return name[0].decode("ascii")


def _attributes(inner: bytes) -> list[tuple[str, str]]:
    return [
        (key.decode("ascii"), (double or single).decode("latin-1"))
        for key, double, single in ATTRIBUTE.findall(inner)
    ]
