"""Reading VTK's XML PolyData, ours and VTK's own: text, base64 or raw, plain or zlib.

What is read of it are the points and the polygons, cut into triangles; vertices, lines and
other arrays are passed over. Strips, several pieces and other compressors are refused by
name. VTK's own reader is not asked: it believes what a file says of its sizes.
"""

from __future__ import annotations

import binascii
import io
import json
import re
import zlib
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from volume.formats import mesh_space, vtp_xml
from volume.formats.deflate import EXPANSION
from volume.formats.raw_mesh import Piece, RawMesh, pieces_told, triangles_of
from volume.formats.vtp import PARTS, TYPES
from volume.formats.vtp_xml import Document, Tag
from volume.memory import refuse_beyond_memory

ZLIB = "vtkZLibDataCompressor"
ORDERS = {"LittleEndian": "<", "BigEndian": ">"}
LENGTHS = {"UInt32": "u4", "UInt64": "u8"}
BATCH_BYTES = 1 << 20


def read(stream: BinaryIO) -> RawMesh:
    """Read a file whose sizes were checked against its bytes. Raises `ValueError`."""
    document = vtp_xml.read(stream)
    numbers = _Numbers(document, stream)
    if document.count("NumberOfStrips"):
        raise ValueError("strips of triangles are not read")
    points = numbers.of(document.array("Points"))
    if len(points) != 3 * document.count("NumberOfPoints"):
        raise ValueError("its points are not as many as it says")
    faces, are_triangles = _faces(document, numbers)
    alone = document.count("NumberOfVerts") == document.count("NumberOfLines") == 0
    pieces = _pieces(document, numbers, len(faces)) if are_triangles and alone else ()
    return RawMesh(points.reshape(-1, 3), faces, pieces, _told(document, numbers))


def _faces(document: Document, numbers: _Numbers) -> tuple[NDArray[Any], bool]:
    """Give the triangles, and whether they are so in the file."""
    count = document.count("NumberOfPolys")
    if count == 0:
        raise ValueError("there are no triangles in it")
    ends = numbers.whole(document.array("Polys", "offsets"))
    corners = numbers.whole(document.array("Polys", "connectivity"))
    counts = np.diff(ends, prepend=0)
    if len(ends) != count or (counts < 0).any() or ends[-1] != len(corners):
        raise ValueError("its polygons are not as many as it says")
    return triangles_of(counts, corners), bool(counts.max() == 3)


def _pieces(document: Document, numbers: _Numbers, faces: int) -> tuple[Piece, ...]:
    told = numbers.strings(document.array("FieldData", PARTS))
    try:
        return pieces_told([json.loads(one) for one in told], faces)
    except (ValueError, RecursionError):
        return ()


def _told(document: Document, numbers: _Numbers) -> mesh_space.Told:
    space, unit = (
        " ".join(numbers.strings(document.array("FieldData", name))[:1]) for name in WORDS
    )
    words = [re.sub(r"\W", "", word)[:20] for word in (space, unit)]
    return mesh_space.told_in(
        " ".join(f"{name}={word}" for name, word in zip(WORDS, words, strict=True) if word)
    )


WORDS = ("SPACE", "UNIT")


class _Numbers:
    """Reads arrays as the file stores them, never more than its bytes can stand for."""

    def __init__(self, document: Document, stream: BinaryIO) -> None:
        self.document, self.stream = document, stream
        self.compressor = document.root.get("compressor", "")
        if self.compressor not in ("", ZLIB):
            raise ValueError(f"numbers compressed by {self.compressor[:60]!r} are not read")
        order = ORDERS.get(document.root.get("byte_order", ""))
        length = LENGTHS.get(document.root.get("header_type", "UInt32"))
        if order is None or length is None:
            raise ValueError("its order of bytes is not known")
        self.order = order
        self.length = np.dtype(f"{order}{length}")

    def of(self, tag: Tag | None) -> NDArray[Any]:
        """Read the numbers of an array, one behind the other."""
        if tag is None:
            raise ValueError("its points or polygons are not there")
        kind = tag.attributes.get("type", "")
        if kind not in TYPES:
            raise ValueError(f"numbers of the type {kind[:20]!r} are not read")
        dtype = np.dtype(f"{self.order}{TYPES[kind]}")
        if tag.attributes.get("format") == "ascii":
            return _of_text(self._text(tag), dtype)
        content = self._bytes(tag)
        if len(content) % dtype.itemsize:
            raise ValueError("one of its arrays ends in the middle of a number")
        return np.frombuffer(content, dtype)

    def whole(self, tag: Tag | None) -> NDArray[np.int64]:
        """Read numbers of points and the like."""
        numbers = self.of(tag)
        if numbers.dtype.kind not in "iu" or (len(numbers) and numbers.max() > MOST):
            raise ValueError("its polygons name points that are not there")
        return numbers.astype(np.int64)

    def strings(self, tag: Tag | None) -> list[str]:
        """Read texts, each ended by a 0; none where there is no such array."""
        if tag is None or tag.attributes.get("type") != "String":
            return []
        if tag.attributes.get("format") == "ascii":
            content = _of_text(self._text(tag), np.dtype("u1")).tobytes()
        else:
            content = self._bytes(tag)
        return content.decode("utf-8", "replace").split("\0")[:-1]

    def _text(self, tag: Tag) -> bytes:
        return self.document.text[slice(*tag.text)]

    def _bytes(self, tag: Tag) -> bytes:
        cursor = self._cursor(tag)
        size = self.length.itemsize
        (first,) = np.frombuffer(cursor.peek(size), self.length)
        if not self.compressor:
            return cursor.take(size + int(first))[size:]
        return self._inflated(cursor, int(first)) if first else b""

    def _cursor(self, tag: Tag) -> _Cursor:
        if tag.attributes.get("format") == "binary":
            return _Base64(self._text(tag))
        offset = tag.attributes.get("offset", "").strip()
        if tag.attributes.get("format") != "appended" or not re.fullmatch(r"[0-9]{1,18}", offset):
            raise ValueError("one of its arrays is stored in a way that is not known")
        if self.document.appended is None or self.document.encoding not in ("raw", "base64"):
            raise ValueError("its appended data are not there")
        at = self.document.appended + int(offset)
        if self.document.encoding == "raw":
            return _Raw(self.stream, at)
        return _Base64Stream(self.stream, at)

    def _inflated(self, cursor: _Cursor, blocks: int) -> bytes:
        """Inflate blocks whose sizes stand before them."""
        header = np.frombuffer(cursor.take(self.length.itemsize * (3 + blocks)), self.length)
        _, usual, last, *packed = (int(size) for size in header)
        sizes = [usual] * (blocks - 1) + [last or usual]
        if sum(sizes) > EXPANSION * sum(packed):
            raise ValueError("one of its arrays says it inflates to more than it can")
        refuse_beyond_memory(2 * sum(sizes), "an array of the mesh")
        content = cursor.take(sum(packed))
        inflated = bytearray()
        at = 0
        for size, length in zip(sizes, packed, strict=True):
            inflated += _block(content[at : at + length], size)
            at += length
        return bytes(inflated)


MOST = np.iinfo(np.int64).max // 2


def _block(packed: bytes, size: int) -> bytes:
    try:
        inflated = zlib.decompressobj().decompress(packed, max(1, size))
    except zlib.error as error:
        raise ValueError("one of its compressed arrays is damaged") from error
    if len(inflated) != size:
        raise ValueError("one of its compressed arrays is damaged")
    return inflated


def _of_text(text: bytes, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Read numbers that stand as text, some at a time. Raises `ValueError` for what is none."""
    wide = np.float64 if dtype.kind == "f" else np.int64
    found: list[NDArray[Any]] = [np.zeros(0, wide)]
    at = 0
    while at < len(text):
        gap = GAP.search(text, at + BATCH_BYTES)
        end = gap.start() if gap else len(text)
        found.append(np.array(text[at:end].split(), wide))
        at = end
    numbers = np.concatenate(found)
    if dtype.kind in "iu" and len(numbers):
        limits = np.iinfo(dtype)
        if numbers.min() < limits.min or numbers.max() > limits.max:
            raise ValueError("one of its numbers is not of the type that it says")
    return numbers if wide is np.float64 else numbers.astype(dtype)


GAP = re.compile(rb"\s")


@dataclass
class _Raw:
    """Bytes behind the XML as they are."""

    stream: BinaryIO
    at: int

    def peek(self, count: int) -> bytes:
        """Give the next bytes, and stay."""
        if count > self.stream.seek(0, 2) - self.at:
            raise ValueError("one of its arrays ends early")
        self.stream.seek(self.at)
        return self.stream.read(count)

    def take(self, count: int) -> bytes:
        """Give the next bytes, and go on."""
        content = self.peek(count)
        self.at += count
        return content


class _Base64Stream(_Raw):
    """Bytes behind the XML in base64; what is taken at a time is padded by itself."""

    def peek(self, count: int) -> bytes:
        """Give the next bytes, and stay."""
        return binascii.a2b_base64(super().peek(-(-count // 3) * 4))[:count]

    def take(self, count: int) -> bytes:
        """Give the next bytes, and go on."""
        content = self.peek(count)
        if len(content) != count:
            raise ValueError("one of its arrays ends early")
        self.at += -(-count // 3) * 4
        return content


class _Base64(_Base64Stream):
    """The same within the XML."""

    def __init__(self, text: bytes) -> None:
        super().__init__(io.BytesIO(text.translate(None, b" \t\r\n")), 0)


_Cursor = _Raw
