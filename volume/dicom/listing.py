"""Every data element of a file, one after the other, as far as the file can be read.

The same walk as that of the headers (`data_set.Walk`): no length is believed, nesting and the
number of elements have caps. Nothing is left out: what is long is told by its length, what is
damaged ends the list with an error that says where.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import BinaryIO, NamedTuple

from volume.dicom.archives import find_archive, refuse_archive
from volume.dicom.character_sets import UNREADABLE, read_text
from volume.dicom.confidentiality import may_identify
from volume.dicom.containers import READ, IsArchive
from volume.dicom.data_set import (
    ITEM,
    ITEM_END,
    PIXEL_TAGS,
    SEQUENCE_END,
    UNDEFINED,
    Form,
    Walk,
)
from volume.dicom.elements import BINARY
from volume.dicom.encoding import DEFLATED, Encoding, NotDicom, Unreadable, open_data_set
from volume.dicom.limits import DEFAULT, Limits
from volume.dicom.opening import open_file
from volume.dicom.reading import Reading, is_plain
from volume.errors import NotDicomError, VolumeError
from volume.findings import Finding, count

READ_AT_MOST = 2**14
"""So many bytes of a value are looked at; more is told by its length."""
HEX_AT_MOST = 16
"""So many bytes are shown as such: a version, a flag."""
CHARACTER_SET, PIXEL_REPRESENTATION = 0x00080005, 0x00280103
META_GROUP = 0x0002
CODED = frozenset("LO LT PN SH ST UC UT".split())
"""VRs of text in the character set of the data set (PS3.5 6.1.2.3)."""
SINGLE = frozenset("LT ST UT UR".split())
"""VRs of text in which a backslash is a letter."""
TEXT = CODED | frozenset("AE AS CS DA DS DT IS TM UI UR".split())
NUMBER = {vr.decode(): code for vr, code in BINARY.items()}


@dataclass(frozen=True, slots=True)
class Listed:
    """A data element, or the beginning of an item of a sequence.

    `depth` counts the sequences around it. `length` is in bytes as the file has it, None where
    it has none. `values` are texts, as they stand but for their padding, and numbers; None for
    bytes, for a sequence, and for a masked value.
    """

    tag: int
    depth: int
    vr: str = ""
    keyword: str = ""
    name: str = ""
    creator: str = ""
    """Whose private element it is."""
    length: int | None = None
    values: tuple[str | int | float, ...] | None = None
    whole: bool = True
    """Whether `values` are all there is."""
    note: str = ""
    """What else there is to say: the fragments of pixel data, the set a text is written in."""
    masked: bool = False
    item: int = 0
    """The number of an item, from 1; 0 for an element."""


class Listing(NamedTuple):
    """What was noticed about a file, and its elements, read as they are asked for."""

    findings: tuple[Finding, ...]
    elements: Iterator[Listed]


@contextmanager
def open_listing(
    path: str, *, identifiers: bool = False, limits: Limits = DEFAULT
) -> Iterator[Listing]:
    """List the elements of a file in their order, the file meta information first.

    What may identify is masked unless `identifiers`. Raises `NotDicomError` where the file is
    none; the elements raise `VolumeError` behind the last one that could be read.
    """
    with _opened(path, limits) as file:
        try:
            encoding = open_data_set(file, path, limits)
        except NotDicom:
            raise NotDicomError("not a DICOM file", files=(path,)) from None
        except IsArchive as archive:
            raise _refuse_archive(path, archive.kind) from None
        except Unreadable as fault:
            raise VolumeError(str(fault), files=(path,), remedy=fault.remedy) from None
        yield Listing(encoding.findings, _elements(file, encoding, path, identifiers))


def _refuse_archive(path: str, kind: str) -> VolumeError:
    """Say that a file is an archive, and how its members are named where they can be."""
    if kind in READ and find_archive(path) is None:
        remedy = f"name a file in it: {path}/..."
        return NotDicomError("an archive, not a file", files=(path,), remedy=remedy)
    return NotDicomError(str(refuse_archive(kind)), files=(path,))


def _opened(path: str, limits: Limits) -> BinaryIO:
    try:
        return open_file(path, limits)
    except OSError as fault:
        what = f"the file cannot be read: {fault.strerror or fault}"
        raise VolumeError(what, files=(path,)) from None
    except Unreadable as fault:
        raise VolumeError(str(fault), files=(path,), remedy=fault.remedy) from None


def _elements(file: BinaryIO, encoding: Encoding, path: str, identifiers: bool) -> Iterator[Listed]:
    """List the file meta information, then the data set."""
    start = encoding.stream.tell()
    file.seek(0)
    before = 132 if file.read(132)[128:] == b"DICM" else 0
    file.seek(0, 2)
    meta = replace(encoding, stream=file, size=file.tell(), implicit=False, little=True)
    for part, begin, is_meta in ((meta, before, True), (encoding, start, False)):
        lister = _Lister(part, identifiers)
        try:
            yield from lister.list_from(begin, is_meta=is_meta)
        except Unreadable as fault:
            inflated = encoding.transfer_syntax == DEFLATED and not is_meta
            where = f"at byte {lister.at}{' of the inflated data set' if inflated else ''}"
            raise VolumeError(f"{fault}, {where}", files=(path,), remedy=fault.remedy) from None


@dataclass(slots=True)
class _Level:
    """What the elements of a data set, or of an item, say about those behind them."""

    terms: tuple[str, ...]
    signed: bool
    hidden: bool
    """Whether all of it is masked."""
    creators: dict[int, str]

    def inner(self, *, hidden: bool = False) -> _Level:
        """Give what holds in an item until it says otherwise (PS3.5 7.5.3)."""
        return _Level(self.terms, self.signed, self.hidden or hidden, {})


class _Lister(Walk):
    """A walk that gives every element instead of keeping the wanted ones."""

    def __init__(self, encoding: Encoding, identifiers: bool) -> None:
        super().__init__(encoding.stream, encoding.size, encoding.limits)
        self.at = 0
        """Where the last element, or item, begins."""
        self.behind = 0
        """Where what was listed last ends."""
        self._end = encoding.size
        self._form = Form(encoding.implicit, encoding.little)
        self._nesting = encoding.limits.nesting
        self._identifiers = identifiers

    def list_from(self, begin: int, *, is_meta: bool) -> Iterator[Listed]:
        """List what begins there: the file meta information, or all of a data set."""
        level = _Level((), False, False, {})
        yield from self._list(begin, self._end, self._form, level, 0, is_meta=is_meta)

    def _list(
        self,
        pos: int,
        end: int,
        form: Form,
        level: _Level,
        depth: int,
        *,
        closed: bool = True,
        is_meta: bool = False,
    ) -> Iterator[Listed]:
        """List elements up to `end` or to the item's delimiter; `self.behind` is set to there."""
        order = struct.Struct("<HH" if form.little else ">HH")
        while pos < end:
            self.at = pos
            at = self._look(pos, 8, end)
            group, number = order.unpack_from(self._chunk, at)
            tag = group << 16 | number
            if tag == ITEM_END and not closed:
                self.behind = pos + 8
                return
            if is_meta and group != META_GROUP:
                return
            yield from self._element(tag, pos, end, form, level, depth)
            pos = self.behind
        if not closed:
            raise Unreadable("an item of a sequence is not closed")

    def _element(
        self, tag: int, pos: int, end: int, form: Form, level: _Level, depth: int
    ) -> Iterator[Listed]:
        """List an element and what it holds; `self.behind` is set to where it ends."""
        try:
            written, length, start = self._head(pos, pos - self._base, tag, form, end)
        except Unreadable:
            yield from self._cut(tag, pos, end, form, level, depth)
            raise
        vr = _vr(tag, written, level, length)
        known = length != UNDEFINED
        self.behind = behind = start + length if known else end
        if tag == SEQUENCE_END:  # a needless one
            return
        if tag in PIXEL_TAGS or (not known and vr in ("OB", "OW")):
            note = "" if known else self._fragments(start, end, form)
            vr = vr if known or written else "OB"  # encapsulated (PS3.5 A.4)
            yield self._listed(tag, depth, vr, level, length, note=note)
        elif not known or (vr == "SQ" and self._is_sequence(start, behind, form)):
            inner = self._form_of_unknown(start, behind) if written == b"UN" else form
            sequence = self._listed(tag, depth, "SQ", level, length)
            yield sequence
            within = level.inner(hidden=sequence.masked)
            yield from self._items_of(start, behind, inner, within, depth + 1, closed=known)
            self.behind = behind if known else self.behind
        else:
            vr = "UN" if vr == "SQ" else vr
            value = self._some(start, length)
            yield self._listed(tag, depth, vr, level, length, value, form.little)

    def _cut(
        self, tag: int, pos: int, end: int, form: Form, level: _Level, depth: int
    ) -> Iterator[Listed]:
        """List what is there of a sequence that runs past the end, and that pixel data do."""
        at = self._look(pos, 8, end)
        written = b"" if form.implicit else self._chunk[at + 4 : at + 6]
        start = pos + (8 if form.implicit else 12)
        if start > end or written not in (b"", b"SQ", b"OB", b"OW", b"UN"):
            return
        at = self._look(start - 4, 4, end)
        (length,) = struct.unpack_from("<I" if form.little else ">I", self._chunk, at)
        vr = _vr(tag, written, level, length)
        if tag in PIXEL_TAGS:
            note = f"{length} bytes, of which {end - start} are here"
            yield self._listed(tag, depth, vr, level, length, note=note)
        elif vr == "SQ" and self._is_sequence(start, end, form):
            sequence = self._listed(tag, depth, vr, level, length)
            yield sequence
            within = level.inner(hidden=sequence.masked)
            yield from self._items_of(start, end, form, within, depth + 1, closed=False)

    def _is_sequence(self, start: int, end: int, form: Form) -> bool:
        """Say whether what a dictionary calls a sequence begins like one."""
        if end - start < 8:
            return start == end
        at = self._look(start, 8, end)
        return self._chunk[at : at + 4] in (ITEM_BYTES if form.little else ITEM_BYTES_BIG)

    def _items_of(
        self, pos: int, end: int, form: Form, level: _Level, depth: int, *, closed: bool
    ) -> Iterator[Listed]:
        """List the items of a sequence; `self.behind` is set to where it ends."""
        if depth > self._nesting:
            raise Unreadable(
                f"sequences are nested more than {self._nesting} deep",
                remedy=("limits", f"nesting={min(200, 2 * self._nesting)}"),
            )
        head = struct.Struct("<HHI" if form.little else ">HHI")
        number = 0
        while pos < end:
            self.at = pos
            at = self._look(pos, 8, end)
            group, element, length = head.unpack_from(self._chunk, at)
            self._count()
            tag, pos = group << 16 | element, pos + 8
            if tag == SEQUENCE_END and (not closed or (length == 0 and pos == end)):
                self.behind = pos
                return
            if tag == ITEM_END and length == 0:
                continue
            if tag != ITEM:
                raise Unreadable("something else stands where an item of a sequence should")
            has_length = length != UNDEFINED
            number += 1
            yield Listed(ITEM, depth, item=number, length=length if has_length else None)
            if has_length and length > end - pos:
                yield from self._list(pos, end, form, level.inner(), depth)
                raise Unreadable("an item runs past the end of its sequence")
            within = pos + length if has_length else end
            yield from self._list(pos, within, form, level.inner(), depth, closed=has_length)
            pos = within if has_length else self.behind
        if not closed:
            raise Unreadable("a sequence is not closed")
        self.behind = pos

    def _fragments(self, pos: int, end: int, form: Form) -> str:
        """Count the fragments of encapsulated pixel data (PS3.5 A.4), without their offsets."""
        head = struct.Struct("<HHI" if form.little else ">HHI")
        lengths: list[int] = []
        while True:
            self.at = pos
            at = self._look(pos, 8, end)
            group, element, length = head.unpack_from(self._chunk, at)
            self._count()
            tag, pos = group << 16 | element, pos + 8
            if tag == SEQUENCE_END:
                self.behind = pos
                return f"{count(len(lengths[1:]), 'fragment')}, {sum(lengths[1:])} bytes"
            if tag != ITEM or length > end - pos:
                raise Unreadable("the fragments of the pixel data are damaged")
            lengths.append(length)
            pos += length

    def _some(self, start: int, length: int) -> bytes:
        """Read the beginning of a value."""
        wanted = min(length, READ_AT_MOST)
        at = self._look(start, wanted, start + wanted)
        return self._chunk[at : at + wanted]

    def _listed(
        self,
        tag: int,
        depth: int,
        vr: str,
        level: _Level,
        length: int,
        value: bytes | None = None,
        little: bool = True,
        note: str = "",
    ) -> Listed:
        """Make the record of an element; note what it says about those behind it."""
        told = _Told(None, "")
        if value is not None:
            told = _tell(vr, value, length, level.terms, little)
            _learn(level, tag, value, told)
        entry = _entry(tag, level)
        masked = not self._identifiers and length > 0
        masked &= level.hidden or may_identify(tag, vr, known=entry.known)
        is_said = self._identifiers or entry.creator in _creators()
        return Listed(
            tag, depth, vr, entry.keyword, entry.name, entry.creator if is_said else "",
            None if length == UNDEFINED else length,
            None if masked else told.values,
            length == UNDEFINED or length <= READ_AT_MOST,
            "" if masked else note or told.note,
            masked,
        )  # fmt: skip


ITEM_BYTES = (struct.pack("<HH", 0xFFFE, 0xE000), struct.pack("<HH", 0xFFFE, 0xE0DD))
ITEM_BYTES_BIG = (struct.pack(">HH", 0xFFFE, 0xE000), struct.pack(">HH", 0xFFFE, 0xE0DD))


def _learn(level: _Level, tag: int, value: bytes, told: _Told) -> None:
    """Note the character set, the sign of the pixels, and who owns a private block."""
    texts = tuple(str(one) for one in told.values or ())
    if tag == CHARACTER_SET:
        level.terms = texts
    elif tag == PIXEL_REPRESENTATION:
        level.signed = any(value)
    elif _is_creator(tag) and texts:
        level.creators[tag] = texts[0]


def _is_creator(tag: int) -> bool:
    """Say whether an element names whose a block of private elements is (PS3.5 7.8.1)."""
    return bool(tag >> 16 & 1) and 0x10 <= (tag & 0xFFFF) <= 0xFF


# Names and value representations


class _Entry(NamedTuple):
    """What the dictionaries say of an element."""

    vr: str
    keyword: str = ""
    name: str = ""
    creator: str = ""
    known: bool = True


def _entry(tag: int, level: _Level) -> _Entry:
    group, element = tag >> 16, tag & 0xFFFF
    if not element and group != META_GROUP:
        return _Entry("UL", "GroupLength", "Group Length")
    if not group & 1:
        return _standard(tag)
    if _is_creator(tag):
        known = level.creators.get(tag, "") in _creators()
        return _Entry("LO", "PrivateCreator", "Private Creator", known=known)
    creator = level.creators.get(group << 16 | element >> 8, "")
    return _private(tag, creator)


@cache
def _standard(tag: int) -> _Entry:
    from pydicom.datadict import get_entry

    try:
        vr, _, name, _, keyword = get_entry(tag)
    except KeyError:
        return _Entry("UN", known=False)
    return _Entry(vr, keyword, name)


@cache
def _private(tag: int, creator: str) -> _Entry:
    """Look up a private element in pydicom's list of what makers have published."""
    from pydicom.datadict import get_private_entry

    try:
        vr, _, name, *_ = get_private_entry(tag, creator)
    except KeyError:
        return _Entry("UN", creator=creator, known=False)
    return _Entry(vr, name=name, creator=creator)


@cache
def _creators() -> frozenset[str]:
    from pydicom._private_dict import private_dictionaries

    return frozenset(private_dictionaries)


def _vr(tag: int, written: bytes, level: _Level, length: int) -> str:
    """Give the VR: the file's, or the dictionaries' where it says none, or UN (PS3.5 6.2.2)."""
    if written not in (b"", b"UN"):
        return written.decode("ascii")
    vr = _entry(tag, level).vr
    if vr == "US or SS":
        return "SS" if level.signed else "US"
    if vr in ("OB or OW", "US or OW", "US or SS or OW"):
        return "US" if vr[:2] == "US" and length == 2 else "OW"
    return vr


# Values


class _Told(NamedTuple):
    values: tuple[str | int | float, ...] | None
    note: str


def _tell(vr: str, value: bytes, length: int, terms: tuple[str, ...], little: bool) -> _Told:
    """Read a value as its VR says; bytes, but a few of them, are told by their length alone."""
    if vr in NUMBER:
        return _Told(_numbers(value, NUMBER[vr], little), "")
    if vr == "AT":
        pairs = _numbers(value, "H", little)
        return _Told(
            tuple(f"({a:04X},{b:04X})" for a, b in zip(pairs[::2], pairs[1::2], strict=False)), ""
        )
    if vr in TEXT:
        reading = read_text(value, terms if vr in CODED else (), person=vr == "PN")
        between = SEPARATOR if is_plain(value) else SEPARATOR_AMID_BYTES
        parts = [reading.text] if vr in SINGLE else between.split(reading.text)
        stripped = tuple(part.strip(" \0") for part in parts)
        return _Told(() if stripped == ("",) else stripped, _note(reading, vr))
    if length <= HEX_AT_MOST:
        return _Told(None, value.hex(" "))
    return _Told(None, "")


SEPARATOR, SEPARATOR_AMID_BYTES = re.compile(r"\\"), re.compile(r"\\(?!x[0-9a-f]{2})")
"""Between values; where bytes of a text are shown as such, `\\xNN` is one of them."""


def _numbers(value: bytes, code: str, little: bool) -> tuple[int | float, ...]:
    """Read binary numbers; what is left of a value of the wrong length is not one."""
    whole = len(value) // struct.calcsize(code)
    return struct.unpack_from(f"{'<' if little else '>'}{whole}{code}", value)


def _note(reading: Reading, vr: str) -> str:
    if not reading.written or vr not in CODED:
        return ""
    is_read = reading.written != UNREADABLE
    return f"written in {reading.written}" if is_read else "cannot be read as declared"
