"""Reading PLY files, whoever wrote them: as text or binary in either byte order.

What is read of them are the places of the points, their colours and the faces, polygons cut
into triangles; all other elements and properties are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from volume.formats import mesh_space, ply_header, text_lines
from volume.formats.ply import PART
from volume.formats.ply_header import Element, Header, Property
from volume.formats.raw_mesh import Piece, RawMesh, colour_of, pieces_told, triangles_of

CORNERS = ("vertex_indices", "vertex_index")
SHADES = ("red", "green", "blue")


@dataclass(frozen=True)
class Lists:
    """The lists of one property: how long each is, and what they hold, one behind the other."""

    counts: NDArray[np.int64]
    flat: NDArray[Any]


Columns = Mapping[str, NDArray[Any] | Lists]


def read(stream: BinaryIO) -> RawMesh:
    """Read a file whose counts were checked against its bytes. Raises `ValueError`."""
    header = ply_header.read(stream)
    rows = _TextRows(stream) if header.order == "" else _BinaryRows(stream)
    columns: dict[str, Columns] = {}
    for element in header.elements:
        columns.setdefault(element.name, rows.take(element))
        if {"vertex", "face"} <= columns.keys():
            break
    points = _points(columns)
    faces = _faces(columns)
    return RawMesh(
        points,
        faces,
        _pieces(header, columns, faces),
        mesh_space.told_in("\n".join(_of_space(header))),
    )


def _of_space(header: Header) -> list[str]:
    """Give the comments that are no part's, whose name may say anything."""
    return [comment for comment in header.comments if not comment.startswith(PART)]


def _points(columns: Mapping[str, Columns]) -> NDArray[Any]:
    vertex = columns.get("vertex", {})
    places = [vertex.get(name) for name in "xyz"]
    if not all(isinstance(place, np.ndarray) for place in places):
        raise ValueError("its points have no x, y and z")
    return np.stack(places, axis=1)  # type: ignore[arg-type]


def _faces(columns: Mapping[str, Columns]) -> NDArray[Any]:
    face = columns.get("face", {})
    corners = next((face[name] for name in CORNERS if name in face), None)
    if not isinstance(corners, Lists):
        raise ValueError("there are no triangles in it")
    return triangles_of(corners.counts, corners.flat)


def _pieces(
    header: Header, columns: Mapping[str, Columns], faces: NDArray[Any]
) -> tuple[Piece, ...]:
    """Give the parts that comments of ours tell of, else one of the colour of all points."""
    told = [comment[len(PART) :] for comment in header.comments if comment.startswith(PART)]
    pieces = pieces_told([_json(text) for text in told], len(faces))
    if pieces:
        return pieces
    shades = [columns["vertex"].get(name) for name in SHADES]
    if not all(isinstance(shade, np.ndarray) and shade.dtype == np.uint8 for shade in shades):
        return ()
    colour = colour_of(np.stack(shades, axis=1))  # type: ignore[arg-type]
    return (("", len(faces), colour),) if colour else ()


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


class _BinaryRows:
    """The rows of binary elements, one element behind the other."""

    def __init__(self, stream: BinaryIO) -> None:
        start = stream.tell()
        self.size = stream.seek(0, 2)
        self.at = start
        self.stream = stream
        self.content = b""

    def take(self, element: Element) -> Columns:
        """Read an element. Raises `ValueError` where the bytes do not reach."""
        if element.count * max(1, element.least_bytes) > self.size - self.at:
            raise ValueError(_too_few(element))
        if not element.properties:
            return {}
        lists = [one for one in element.properties if one.length is not None]
        counts = self._first_counts(element) if lists and element.count else [0] * len(lists)
        return self._even(element, counts) or self._walked(element)

    def _first_counts(self, element: Element) -> list[int]:
        """Give how long the lists of the first row are: mostly those of all are."""
        row = _Row(self._bytes(self.at, LOOK_AHEAD))
        return [
            count for one in element.properties if (count := row.take(one, element)[1]) is not None
        ]

    def _even(self, element: Element, counts: list[int]) -> Columns | None:
        """Read rows whose lists are all as long as the first row's; None where they are not."""
        dtype: list[Any] = []
        left = list(counts)
        for n, one in enumerate(element.properties):
            if one.length is None:
                dtype.append((f"{n}", one.scalar))
            else:
                dtype += [(f"{n} length", one.length), (f"{n}", one.scalar, (left.pop(0),))]
        row = np.dtype(dtype)
        if row.itemsize * element.count > self.size - self.at:
            return None
        rows = np.frombuffer(self._bytes(self.at, row.itemsize * element.count), row)
        columns: dict[str, NDArray[Any] | Lists] = {}
        for n, one in enumerate(element.properties):
            values = rows[f"{n}"]
            if one.length is None:
                columns[one.name] = values
                continue
            lengths = rows[f"{n} length"].astype(np.int64)
            if (lengths != values.shape[1]).any():
                return None
            columns[one.name] = Lists(lengths, values.reshape(-1))
        self.at += rows.nbytes
        return columns

    def _walked(self, element: Element) -> Columns:
        """Read rows of any length, one by one."""
        _refuse_many(element)
        row = _Row(self._bytes(self.at, self.size - self.at))
        found: list[list[tuple[bytes, int | None]]] = [[] for _ in element.properties]
        for _ in range(element.count):
            for one, values in zip(element.properties, found, strict=True):
                values.append(row.take(one, element))
        self.at += row.at
        return {
            one.name: _column(
                one, np.frombuffer(b"".join(v for v, _ in values), one.scalar), values
            )
            for one, values in zip(element.properties, found, strict=True)
        }

    def _bytes(self, start: int, count: int) -> bytes:
        self.stream.seek(start)
        return self.stream.read(count)


LOOK_AHEAD = 1 << 20
"""A first row of more bytes is no face's."""


class _Row:
    """A place in the bytes that moves on with what is taken."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def take(self, one: Property, element: Element) -> tuple[bytes, int | None]:
        """Give the bytes of one number, or of one list and how long it is."""
        if one.length is None:
            return self._next(one.scalar.itemsize, element), None
        count = int(np.frombuffer(self._next(one.length.itemsize, element), one.length)[0])
        return self._next(count * one.scalar.itemsize, element), count

    def _next(self, count: int, element: Element) -> bytes:
        start, self.at = self.at, self.at + count
        if count < 0 or self.at > len(self.content):
            raise ValueError(_too_few(element))
        return self.content[start : self.at]


MOST_UNEVEN = 5_000_000
"""So many rows of lists of different lengths are read: some seconds."""


def _refuse_many(element: Element) -> None:
    if element.count > MOST_UNEVEN:
        raise ValueError(f"{element.count:,} faces of different numbers of corners are not read")


def _column(
    one: Property, flat: NDArray[Any], values: Sequence[tuple[object, int | None]]
) -> NDArray[Any] | Lists:
    if one.length is None:
        return flat
    return Lists(np.array([count for _, count in values], np.int64), flat)


class _TextRows:
    """The rows of elements that are written as text: all numbers, in their order."""

    def __init__(self, stream: BinaryIO) -> None:
        numbers = [_numbers(lines) for lines in text_lines.batches(stream)]
        self.numbers = np.concatenate(numbers) if numbers else np.zeros(0)
        self.at = 0

    def take(self, element: Element) -> Columns:
        """Read an element. Raises `ValueError` where the numbers do not reach."""
        width = len(element.properties)
        if element.count * max(1, width) > len(self.numbers) - self.at:
            raise ValueError(_too_few(element))
        if all(one.length is None for one in element.properties):
            rows = self._next(element.count * width, element).reshape(element.count, width)
            return {
                one.name: _typed(rows[:, n], one.scalar) for n, one in enumerate(element.properties)
            }
        if width == 1:
            return {element.properties[0].name: self._lists(element)}
        return self._walked(element)

    def _lists(self, element: Element) -> Lists:
        """Read rows of one list each; all as long as the first, if that is so."""
        scalar = element.properties[0].scalar
        length = int(self.numbers[self.at]) + 1 if element.count else 1
        if 0 < length <= (len(self.numbers) - self.at) // max(1, element.count):
            rows = self.numbers[self.at : self.at + length * element.count].reshape(-1, length)
            if (rows[:, 0] == length - 1).all():
                self.at += rows.size
                return Lists(rows[:, 0].astype(np.int64), _typed(rows[:, 1:].reshape(-1), scalar))
        (column,) = self._walked(element).values()
        return column  # type: ignore[return-value]

    def _walked(self, element: Element) -> Columns:
        _refuse_many(element)
        found: list[list[tuple[NDArray[Any], int | None]]] = [[] for _ in element.properties]
        for _ in range(element.count):
            for one, values in zip(element.properties, found, strict=True):
                count = None
                if one.length is not None:
                    count = int(_typed(self._next(1, element), one.length)[0])
                values.append((self._next(1 if count is None else count, element), count))
        return {
            one.name: _column(
                one, _typed(np.concatenate([v for v, _ in values]), one.scalar), values
            )
            for one, values in zip(element.properties, found, strict=True)
        }

    def _next(self, count: int, element: Element) -> NDArray[np.float64]:
        if not 0 <= count <= len(self.numbers) - self.at:
            raise ValueError(_too_few(element))
        self.at += count
        return self.numbers[self.at - count : self.at]


def _numbers(lines: list[bytes]) -> NDArray[np.float64]:
    return np.array(b" ".join(lines).split(), np.float64)


def _typed(numbers: NDArray[np.float64], scalar: np.dtype[Any]) -> NDArray[Any]:
    """Give numbers the type that the header says; whole ones must be whole and in range."""
    if scalar.kind == "f":
        return numbers
    limits = np.iinfo(scalar)
    if not (
        (numbers >= limits.min) & (numbers <= limits.max) & (numbers == np.floor(numbers))
    ).all():
        raise ValueError("one of its numbers is not of the type that its header says")
    return numbers.astype(scalar)


def _too_few(element: Element) -> str:
    return f"it ends before its {element.count:,} rows of {element.name[:40]!r} do"
