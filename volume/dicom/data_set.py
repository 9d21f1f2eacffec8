"""The data elements of a header, read without trusting a single length (PS3.5 section 7).

Only what is wanted is kept. Every length is held against the bytes that are there before
anything is read, nesting and the number of elements have caps, and every element is passed
once: the time is that of the bytes, whatever they say.
"""

from __future__ import annotations

import struct
from collections.abc import Set
from typing import BinaryIO, NamedTuple

from volume.dicom import attributes, private
from volume.dicom.element_run import (
    VALUE_AT_MOST,
    VR_OF,
    DataSet,
    Element,
    run_explicit,
    run_implicit,
)
from volume.dicom.encoding import BUFFER, LONG_VRS, VRS, Encoding, Unreadable
from volume.dicom.limits import Limits

SCANNED = attributes.SCANNED | private.SCANNED
"""What is read of every header."""
PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""The pixels, as doubles, floats or whole numbers: the header ends there."""
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF
CHUNK = BUFFER - 2**10
"""So many bytes are read at once: from a buffer that was filled when the file was opened."""


class Form(NamedTuple):
    """How elements are written: without VR, and in which order of bytes."""

    implicit: bool
    little: bool


IMPLICIT_LITTLE = Form(implicit=True, little=True)
EXPLICIT_LITTLE = Form(implicit=False, little=True)
NOTHING: Set[int] = frozenset()


def read_data_set(encoding: Encoding, wanted: Set[int] | None = None) -> DataSet:
    """Read the wanted elements up to the pixel data; leave the stream there.

    `wanted` are tags, those of every header where none are given; they are kept at
    every level of the sequences that are wanted themselves, private ones under the numbers
    that `private` gives them. Raises `Unreadable` for a header that
    contradicts itself or the bytes there are.
    """
    walk = Walk(encoding.stream, encoding.size, encoding.limits)
    form = Form(encoding.implicit, encoding.little)
    start = encoding.stream.tell()
    found, end = walk.elements(start, encoding.size, form, SCANNED if wanted is None else wanted, 0)
    encoding.stream.seek(end)
    return found


def name_tag(tag: int) -> str:
    """Word a tag as the standard does: (0028,0010)."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


class Walk:
    """One way through the bytes of a file, a chunk of them in memory."""

    def __init__(self, stream: BinaryIO, size: int, limits: Limits) -> None:
        self._stream = stream
        self._size = size
        self._limits = limits
        self._left = limits.elements
        self._chunk = b""
        self._base = 0

    def elements(
        self, pos: int, end: int, form: Form, wanted: Set[int], depth: int, *, closed: bool = True
    ) -> tuple[DataSet, int]:
        """Read elements from `pos`; give them and where they end.

        That is at `end`, at the pixel data of the top level, or, where the item has no
        length (`closed` is False), behind its delimiter.
        """
        found: DataSet = {}
        order = struct.Struct("<HH" if form.little else ">HH")
        last = -1
        blocks = private.Blocks()
        while pos < end:
            pos, last = self._run(pos, end, form, wanted, found, blocks, last)
            if pos == end:
                break
            at = self._look(pos, 8, end)
            group, number = order.unpack_from(self._chunk, at)
            tag = group << 16 | number
            if tag == ITEM_END and not closed:
                return found, pos + 8
            if tag in PIXEL_TAGS and depth == 0:
                return found, pos
            vr, length, start = self._head(pos, at, tag, form, end)
            if tag <= last and form.implicit and not _is_known(tag):
                raise Unreadable(f"element {name_tag(tag)} stands out of order")
            last = tag
            if tag >> 16 & 1:
                tag = self._resolved(tag, blocks, start, length)
            kept = tag in wanted and (tag < private.BEYOND_TAGS or _is_sound(tag, vr, length))
            closes = length != UNDEFINED
            value = b""
            items: list[DataSet] = []
            if not closes or (kept and VR_OF.get(tag) == b"SQ"):
                items, pos = self._items(
                    start,
                    start + length if closes else end,
                    self._form_of_unknown(start, end) if vr == b"UN" else form,
                    wanted if kept else NOTHING,
                    depth + 1,
                    closed=closes,
                )
            else:
                value = self._value(tag, vr, start, length) if kept else b""
                pos = start + length
            if kept:
                _add(found, tag, Element(vr, value, form.little, tuple(items)))
        if not closed:
            raise Unreadable("an item of a sequence is not closed")
        return found, pos

    def _run(
        self,
        pos: int,
        end: int,
        form: Form,
        wanted: Set[int],
        found: DataSet,
        blocks: private.Blocks,
        last: int,
    ) -> tuple[int, int]:
        """Pass what is plain in the chunk; give where it ends, and the last tag."""
        at, stop = pos - self._base, min(len(self._chunk), end - self._base)
        if not form.little or not 0 <= at < stop:
            return pos, last
        if form.implicit:
            run = run_implicit(self._chunk, at, stop, wanted, found, blocks.read, last)
        else:
            run = run_explicit(self._chunk, at, stop, wanted, found, blocks)
        self._count(run.passed)
        return self._base + run.at, max(last, run.last)

    def _head(self, pos: int, at: int, tag: int, form: Form, end: int) -> tuple[bytes, int, int]:
        """Read VR and length of an element; give them and where its value begins."""
        self._count()
        byte_order = "<" if form.little else ">"
        vr = b"" if form.implicit or tag >> 16 == 0xFFFE else self._chunk[at + 4 : at + 6]
        start = pos + 8
        if vr in LONG_VRS:
            at = self._look(pos, 12, end)
            (length,) = struct.unpack_from(byte_order + "I", self._chunk, at + 8)
            start = pos + 12
        elif vr in VRS:
            (length,) = struct.unpack_from(byte_order + "H", self._chunk, at + 6)
        elif vr.isalpha() and vr.isupper():
            length, start = self._length_of_unknown(pos, tag, form, end)
        else:  # written without one, as some do inside explicit data sets
            vr = b""
            (length,) = struct.unpack_from(byte_order + "I", self._chunk, at + 4)
        if tag >> 16 == 0xFFFE and not (tag == SEQUENCE_END and length == 0):
            raise Unreadable("an item stands outside of any sequence")
        if length == UNDEFINED:
            if vr not in UNDEFINED_ALLOWED:
                raise Unreadable(f"element {name_tag(tag)} has no length")
        elif length > end - start:
            where = "the file ends" if end == self._size else "its sequence ends"
            raise Unreadable(f"{where} inside element {name_tag(tag)}")
        return vr, length, start

    def _resolved(self, tag: int, blocks: private.Blocks, start: int, length: int) -> int:
        """Give the number that a private element is kept under; note who reserves a block."""
        if private.is_creator(tag) and length <= private.CREATOR_AT_MOST:
            at = self._look(start, length, start + length)
            blocks.reserve(tag, self._chunk[at : at + length])
        return blocks.resolve(tag)

    def _form_of_unknown(self, start: int, end: int) -> Form:
        """Tell how the items of a UN sequence are written: implicit (PS3.5 6.2.2) or not."""
        if end - start < 16:
            return IMPLICIT_LITTLE
        at = self._look(start, 16, end)
        is_explicit = self._chunk[at + 12 : at + 14] in VRS
        return EXPLICIT_LITTLE if is_explicit else IMPLICIT_LITTLE

    def _length_of_unknown(self, pos: int, tag: int, form: Form, end: int) -> tuple[int, int]:
        """Find the length of an element of a VR to come: whichever form leads to a next one."""
        order = "<" if form.little else ">"
        for start, code in ((pos + 8, "H"), (pos + 12, "I")):
            if start > end:
                break
            size = struct.calcsize(code)
            at = self._look(start - size, size, end)
            (length,) = struct.unpack_from(order + code, self._chunk, at)
            behind = start + length
            if behind == end:
                return length, start
            if behind + 8 <= end:
                at = self._look(behind, 8, end)
                group, number = struct.unpack_from(order + "HH", self._chunk, at)
                if group << 16 | number > tag and self._chunk[at + 4 : at + 6] in VRS:
                    return length, start
        raise Unreadable(f"element {name_tag(tag)} has no known value representation")

    def _value(self, tag: int, vr: bytes, start: int, length: int) -> bytes:
        """Read the bytes of an element that is no sequence."""
        if vr == b"SQ":
            raise Unreadable(f"element {name_tag(tag)} has the wrong value representation")
        if length > VALUE_AT_MOST:
            raise Unreadable(f"element {name_tag(tag)} holds {length} bytes: more than it can")
        at = self._look(start, length, start + length)
        return self._chunk[at : at + length]

    def pass_items(self, pos: int, vr: bytes, form: Form) -> int:
        """Give what is behind the items of a sequence without a length, whose value begins here."""
        inner = self._form_of_unknown(pos, self._size) if vr == b"UN" else form
        _, end = self._items(pos, self._size, inner, NOTHING, 1, closed=False)
        return end

    def _items(
        self, pos: int, end: int, form: Form, wanted: Set[int], depth: int, *, closed: bool
    ) -> tuple[list[DataSet], int]:
        """Read the items of a sequence (PS3.5 7.5); keep none where nothing is wanted."""
        if depth > self._limits.nesting:
            raise Unreadable(
                f"sequences are nested more than {self._limits.nesting} deep",
                remedy=("limits", f"nesting={min(200, 2 * self._limits.nesting)}"),
            )
        items: list[DataSet] = []
        head = struct.Struct("<HHI" if form.little else ">HHI")
        while pos < end:
            at = self._look(pos, 8, end)
            group, number, length = head.unpack_from(self._chunk, at)
            self._count()
            tag, pos = group << 16 | number, pos + 8
            if tag == SEQUENCE_END and (not closed or (length == 0 and pos == end)):
                return items, pos
            if tag == ITEM_END and length == 0:  # behind an item that has a length: needless
                continue
            if tag != ITEM:
                raise Unreadable(f"{name_tag(tag)} stands where an item of a sequence should")
            if length == UNDEFINED:
                item, pos = self.elements(pos, end, form, wanted, depth, closed=False)
            elif length > end - pos:
                raise Unreadable("an item runs past the end of its sequence")
            else:
                item, pos = self._item(pos, length, form, wanted, depth)
            if wanted:
                items.append(item)
        if not closed:
            raise Unreadable("a sequence is not closed")
        return items, pos

    def _item(
        self, pos: int, length: int, form: Form, wanted: Set[int], depth: int
    ) -> tuple[DataSet, int]:
        if not wanted:
            return {}, pos + length
        return self.elements(pos, pos + length, form, wanted, depth)

    def _count(self, number: int = 1) -> None:
        self._left -= number
        if self._left < 0:
            raise Unreadable(
                f"the header has more than {self._limits.elements} elements",
                remedy=("limits", f"elements={10 * self._limits.elements}"),
            )

    def _look(self, pos: int, count: int, end: int) -> int:
        """See to it that `count` bytes at `pos` are in the chunk; give where they are in it."""
        if count > end - pos:
            raise Unreadable("the file ends inside its header")
        at = pos - self._base
        if at < 0 or at + count > len(self._chunk):
            self._stream.seek(pos)
            self._chunk = self._stream.read(max(count, CHUNK))
            self._base, at = pos, 0
            if len(self._chunk) < count:
                raise Unreadable("the file became shorter while it was read", "changed-during-read")
        return at


def _is_sound(tag: int, vr: bytes, length: int) -> bool:
    """Say whether a private element is what its maker writes; another is passed over."""
    if VR_OF[tag] == b"SQ":
        return vr in (b"", b"SQ", b"UN")
    return length <= VALUE_AT_MOST and vr != b"SQ"


UNDEFINED_ALLOWED = frozenset({b"", b"SQ", b"UN", b"OB", b"OW"})
"""What may be as long as it takes (PS3.5 7.1.1)."""


def _is_known(tag: int) -> bool:
    """Say whether the standard has such an element: what lies between two others has none."""
    if tag in VR_OF:
        return True
    from pydicom.datadict import dictionary_has_tag

    return dictionary_has_tag(tag)


LABELS = frozenset({b"LO", b"LT", b"SH", b"PN", b"DA", b"TM", b"DT"})
"""VRs of what neither places nor scales a pixel: of two the first is kept."""


def _add(found: DataSet, tag: int, element: Element) -> None:
    """Keep an element; the same tag twice is a contradiction unless both say the same."""
    first = found.setdefault(tag, element)
    if first != element and VR_OF.get(tag) not in LABELS and tag < private.BEYOND_TAGS:
        raise Unreadable(f"element {name_tag(tag)} is there twice and says two things")
