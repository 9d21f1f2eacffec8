"""The quick way through headers that say what another said, but for a few values.

The slices of a series have the same elements in the same order, and most of them the same
bytes. Of two headers it is learnt which values differ; a third that is like them everywhere
else, byte for byte, is read by looking at these alone. What is unlike is read with care.
"""

from __future__ import annotations

import io
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from volume.dicom import private
from volume.dicom.data_set import PIXEL_TAGS, VR_OF, DataSet, Element
from volume.dicom.encoding import BUFFER, MEDIA_SOP_CLASS, TRANSFER_SYNTAX, Encoding
from volume.dicom.header import SliceHeader
from volume.dicom.limits import Limits
from volume.dicom.parts import PREAMBLE, Part, split_header

KEPT = 16
"""So many likenesses, and headers that wait for a second one, are in mind at a time."""
LONGEST, SLACK = 2**18, 2**10
"""Headers of so many bytes are compared; one like them may be longer by the slack."""
START = 2**10
"""By so many bytes it is told whether the rest of a longer header is worth reading."""
DECIDES = frozenset({0x00020000 | MEDIA_SOP_CLASS, 0x00020000 | TRANSFER_SYNTAX})
"""Elements of the file meta information that say how to read the others."""
UNWANTED = -1


class Varying(NamedTuple):
    """An element whose value is each file's own."""

    before: bytes
    """What stands between the value before it and its own length, in every file."""
    width: int
    """Bytes of that length."""
    key: int
    """What the element is kept under, or `UNWANTED`."""
    vr: bytes


@dataclass(frozen=True, eq=False, slots=True)
class Likeness:
    """What the headers of some files share: the elements that are `kept`, and all that is not.

    `rest` reaches from the last varying value to the value of the pixel data, whose head has
    `head` bytes; `own` are the wanted elements among the varying ones, `varies` the tags of all
    of those; `uid` is that of the series. `encoding` and `record` (None where its file holds
    anything but one plain slice) are those of one such file, with `tail` bytes of pixels.
    """

    encoding: Encoding
    varying: tuple[Varying, ...]
    rest: bytes
    head: int
    kept: DataSet
    own: frozenset[int]
    varies: frozenset[int]
    uid: str
    record: SliceHeader | None
    tail: int
    start: bytes
    span: int
    """The first bytes, and how many there may be before the pixels."""

    def read(self, chunk: bytes) -> tuple[DataSet, int] | None:
        """Read the first bytes of a file that is alike: its elements, and where its pixels begin.

        None where more differs than the values that may.
        """
        at, found = 0, self.kept.copy()
        for before, width, key, vr in self.varying:
            if not chunk.startswith(before, at):
                return None
            start = at + len(before) + width
            at = start + int.from_bytes(chunk[start - width : start], "little")
            if key != UNWANTED:
                found[key] = Element(vr, chunk[start:at], True)
        return (found, at + len(self.rest)) if chunk.startswith(self.rest, at) else None


class Alike(NamedTuple):
    """A header that was read by what it is like; its pixels begin at `offset`."""

    likeness: Likeness
    data: DataSet
    offset: int


def first_bytes(file: BinaryIO, count: int = BUFFER) -> bytes:
    """Look at the beginning of a file that lies on the disk by itself; others are not looked at.

    So many bytes, if they are more than what is read at once and no more than is compared.
    """
    if not isinstance(file, io.BufferedReader) or count > LONGEST:
        return b""
    file.seek(0)
    if count <= BUFFER:
        return file.peek(BUFFER)
    chunk = file.read(count)
    file.seek(0)
    return chunk


class Header(NamedTuple):
    """A header that was read with care: its bytes and what was found in them.

    `uid` is its series'; `record` is None where the file has not just one slice.
    """

    chunk: bytes
    encoding: Encoding
    data: DataSet
    uid: str
    record: SliceHeader | None


class Memory:
    """What is in mind of the files that were read last."""

    def __init__(self) -> None:
        self._known: tuple[Likeness, ...] = ()
        self._waiting: OrderedDict[str, bytes] = OrderedDict()

    def recognise(self, file: BinaryIO, limits: Limits) -> Alike | None:
        """Read a header if one that was read before is like it."""
        chunk = first_bytes(file)
        for number, one in enumerate(self._known):
            if one.encoding.limits != limits:
                continue
            if len(chunk) < one.span and chunk.startswith(one.start):
                chunk = first_bytes(file, one.span)
            found = one.read(chunk)
            if found is not None:
                if number:
                    self._known = (one, *self._known[:number], *self._known[number + 1 :])
                return Alike(one, *found)
        return None

    def learn(self, header: Header) -> None:
        """Compare a header that was read with care with the one before it of its series."""
        before = self._waiting.pop(header.uid, None)
        self._waiting[header.uid] = header.chunk
        if len(self._waiting) > KEPT:
            self._waiting.popitem(last=False)
        if before is None:
            return
        known = next((one for one in self._known if one.uid == header.uid), None)
        made = _compare(before, header, frozenset() if known is None else known.varies)
        if made is not None:
            self._known = (made, *(one for one in self._known if one is not known))[:KEPT]

    def forget(self) -> None:
        """Have nothing in mind."""
        self._known = ()
        self._waiting.clear()


MEMORY = Memory()


def _compare(before: bytes, last: Header, varies: frozenset[int]) -> Likeness | None:
    """Find what two headers share; `varies` is known to differ. None where they are not alike."""
    parts, others = (split_header(one, last.encoding) for one in (last.chunk, before))
    if parts is None or others is None or not _is_same_shape(parts, others):
        return None
    pairs = zip(parts, others, strict=True)
    differ = {p.tag for p, o in pairs if last.chunk[p.at : p.end] != before[o.at : o.end]} | varies
    keys = _keys(last.chunk, parts)
    wanted = Counter(key for key in keys if key in last.data)
    if last.chunk[:PREAMBLE] != before[:PREAMBLE] or any(n > 1 for n in wanted.values()):
        return None
    if not all(_was_read(last, *one) for one in zip(parts, keys, strict=True)):
        return None
    varying: list[Varying] = []
    at = 0
    for part, key in zip(parts, keys, strict=True):
        if part.tag not in differ:
            continue
        key = key if key in wanted else UNWANTED
        if not _may_vary(part, key):
            return None
        varying.append(Varying(last.chunk[at : part.value - part.width], part.width, key, part.vr))
        at = part.end
    own = frozenset(one.key for one in varying) - {UNWANTED}
    return Likeness(
        last.encoding,
        tuple(varying),
        last.chunk[at : parts[-1].end],
        parts[-1].end - parts[-1].at,
        {key: element for key, element in last.data.items() if key not in own},
        own,
        frozenset(differ),
        last.uid,
        last.record,
        last.encoding.size - parts[-1].end,
        (varying[0].before if varying else last.chunk)[:START],
        parts[-1].end + SLACK,
    )


def _is_same_shape(parts: list[Part], others: list[Part]) -> bool:
    """Say whether the same elements follow one another in both, each of them once."""
    tags = [part.tag for part in parts]
    same = [(p.tag, p.vr, p.width) for p in parts] == [(o.tag, o.vr, o.width) for o in others]
    return same and len(set(tags)) == len(tags)


def _keys(chunk: bytes, parts: list[Part]) -> list[int]:
    """Give the number that every element would be kept under: those of makers have their own."""
    blocks = private.Blocks()
    keys: list[int] = []
    for part in parts:
        if private.is_creator(part.tag) and part.end - part.value <= private.CREATOR_AT_MOST:
            blocks.reserve(part.tag, chunk[part.value : part.end])
        keys.append(blocks.resolve(part.tag) if part.tag >> 16 & 1 else part.tag)
    return keys


def _was_read(header: Header, part: Part, key: int) -> bool:
    """Say whether a value that was read is the one in the bytes: not of a file that has changed."""
    element = header.data.get(key)
    if element is None or part.value == 0 or VR_OF.get(key) == b"SQ":
        return True
    return element.value == header.chunk[part.value : part.end]


def _may_vary(part: Part, key: int) -> bool:
    """Say whether nothing but an element's own value depends on that value."""
    if part.value == 0 or part.tag in PIXEL_TAGS or part.tag in DECIDES:
        return False
    return not private.is_creator(part.tag) and VR_OF.get(key) != b"SQ"
