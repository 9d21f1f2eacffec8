"""Reading Wavefront OBJ files, whoever wrote them.

What is read of them are the places and colours of the points, the faces (polygons cut into
triangles, corners counted from the end too) and their groups. Materials lie in another file,
and nothing else is opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from volume.formats import mesh_space, text_lines
from volume.formats.obj import LAST
from volume.formats.raw_mesh import MOST_PARTS, Piece, RawMesh, colour_of, triangles_of

GROUPS = (b"g", b"o")
FREE_FORM = (b"curv", b"curv2", b"surf", b"cstype")
OURS = "# volume SPACE="
"""Such a file tells in its last line how much it holds; no other shows that it was cut short."""
HEAD_BYTES = 4096
"""The space stands in the comments before the first point."""


def read(stream: BinaryIO) -> RawMesh:
    """Read a file. Raises `ValueError` for what is none."""
    head = _head(stream)
    stream.seek(0)
    found = _Found()
    last = b""
    for lines in _joined(text_lines.batches(stream)):
        found.add(lines)
        last = lines[-1]
    if head.startswith(OURS) and last != found.counted():
        raise ValueError("its last line does not count what is there: it was cut short or changed")
    return found.mesh(mesh_space.told_in(head))


def _head(stream: BinaryIO) -> str:
    head = stream.read(HEAD_BYTES).decode("latin-1")
    return "\n".join(line for line in head.splitlines() if line.startswith("#"))


def _key(line: bytes) -> bytes:
    if line.startswith((b"v ", b"f ")):  # nearly all of them
        return line[:1]
    return line.split(maxsplit=1)[0] if line.strip() else b""


def _joined(batches: Iterable[list[bytes]]) -> Iterator[list[bytes]]:
    """Join lines that a backslash at their end continues."""
    begun: list[bytes] = []
    length = 0
    for lines in batches:
        if not begun and not any(line.endswith(b"\\") for line in lines):
            yield lines
            continue
        whole: list[bytes] = []
        for line in lines:
            begun.append(line.removesuffix(b"\\"))
            length += len(line)
            if length > text_lines.LONGEST_LINE:
                raise ValueError("one of its lines goes on for too long")
            if not line.endswith(b"\\"):
                whole.append(b" ".join(begun))
                begun, length = [], 0
        if whole:
            yield whole
    if begun:
        yield [b" ".join(begun)]


class _Found:
    """The points and faces that were read so far."""

    def __init__(self) -> None:
        self.points: list[NDArray[np.float64]] = []
        self.shades: list[NDArray[np.uint8] | None] = []
        self.faces: list[NDArray[np.int64]] = []
        self.groups: list[tuple[str, int]] = [("", 0)]
        self.point_count = self.face_count = 0

    def add(self, lines: list[bytes]) -> None:
        """Read some lines."""
        points: list[bytes] = []
        faces: list[bytes] = []
        before: list[tuple[int, int]] = []
        groups: list[tuple[bytes, int]] = []
        for key, run in groupby(lines, _key):
            if key == b"v":
                points += run
            elif key == b"f":
                begin = len(faces)
                faces += run
                before.append((self.point_count + len(points), len(faces) - begin))
            elif key in GROUPS:
                groups += [(line, len(faces)) for line in run]
            else:
                _pass_over(key)
        self._add_points(points)
        self._add_faces(faces, before, groups)

    def _add_points(self, lines: list[bytes]) -> None:
        """Read points: x, y, z, and perhaps w, or red, green and blue."""
        if not lines:
            return
        width = len(lines[0].split())
        words = b" ".join(lines).split()
        if len(words) != width * len(lines) or words[::width].count(b"v") != len(lines):
            words = [word for line in lines for word in line.split()[:4]]
            width = 4
        if len(words) != width * len(lines) or width < 4:
            raise ValueError("one of its points has not three numbers")
        del words[::width]
        rows = np.array(words, np.float64).reshape(-1, width - 1)
        self.points.append(rows[:, :3])
        self.shades.append(_bytes(rows[:, 3:6]) if width >= 7 else None)
        self.point_count += len(rows)

    def _add_faces(
        self,
        lines: list[bytes],
        before: list[tuple[int, int]],
        groups: list[tuple[bytes, int]],
    ) -> None:
        """Read faces: of every corner the point, the first number of `7/8/9`.

        `before` tells how many points stand before the lines that follow one another, and
        `groups` the line at which each begins.
        """
        words = ONLY_FIRST.sub(b"", b" ".join(lines)).split()
        counts = _corners_of(words, lines)
        corners = np.array([word for word in words if word != b"f"], np.int64)
        points, runs = np.array(before, np.int64).reshape(-1, 2).T
        points = np.repeat(np.repeat(points, runs), counts)
        corners = np.where(corners < 0, corners + points + 1, corners)
        if (corners < 1).any():
            raise ValueError("its faces name points that are not there")
        made = triangles_of(counts, corners - 1)
        begins = np.concatenate([[0], np.cumsum(counts - 2)])
        for line, first in groups:
            self._begin(line, self.face_count + int(begins[first]))
        self.faces.append(made)
        self.face_count += len(made)

    def _begin(self, line: bytes, first: int) -> None:
        """Begin a group at a face; one without faces leaves nothing."""
        if self.groups[-1][1] == first:
            self.groups.pop()
        self.groups.append((" ".join(line.decode("utf-8", "replace").split()[1:]), first))
        if len(self.groups) > MOST_PARTS:
            raise ValueError(f"a mesh of over {MOST_PARTS:,} groups is not read")

    def counted(self) -> bytes:
        """Give the last line that a file of ours would have."""
        return (LAST % (self.point_count, self.face_count)).encode("ascii").strip()

    def mesh(self, told: mesh_space.Told) -> RawMesh:
        """Put together what was read."""
        points = np.concatenate(self.points) if self.points else np.zeros((0, 3))
        faces = np.concatenate(self.faces) if self.faces else np.zeros((0, 3), np.int64)
        return RawMesh(points, faces, self._pieces(faces), told)

    def _pieces(self, faces: NDArray[np.int64]) -> tuple[Piece, ...]:
        """Give the groups with their faces, and the colour that all points of one have."""
        begins = [*(first for _, first in self.groups), self.face_count]
        pieces: list[Piece] = []
        for n, (name, first) in enumerate(self.groups):
            if begins[n + 1] > first:
                colour = self._colour(faces[first : begins[n + 1]])
                pieces.append((name, begins[n + 1] - first, colour))
        named = len(pieces) > 1 or any(name or colour for name, _, colour in pieces)
        return tuple(pieces) if named else ()

    def _colour(self, faces: NDArray[np.int64]) -> tuple[float, float, float] | None:
        shades = [shade for shade in self.shades if shade is not None]
        if not shades or len(shades) != len(self.shades) or faces.max() >= self.point_count:
            return None
        if len(shades) > 1:
            self.shades = [np.concatenate(shades)]
        return colour_of(self.shades[0][faces.ravel()])  # type: ignore[index]


def _pass_over(key: bytes) -> None:
    """Refuse a word that no OBJ has, or that stands for faces of another kind."""
    if key in FREE_FORM:
        raise ValueError("free-form curves and surfaces are not read")
    if not re.fullmatch(rb"[a-z_]{1,20}|#.*|", key, re.DOTALL):
        raise ValueError(f"it is no OBJ: {key[:20]!r} stands where no such word belongs")


def _corners_of(words: list[bytes], lines: list[bytes]) -> NDArray[np.int64]:
    """Say how many corners each face has."""
    width = len(lines[0].split()) if lines else 1
    if len(words) == width * len(lines) and words[::width].count(b"f") == len(lines):
        return np.full(len(lines), width - 1)
    return np.array([len(line.split()) - 1 for line in lines], np.int64)


ONLY_FIRST = re.compile(rb"/[^ \t]*")


def _bytes(colours: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Take colours from 0 to 1 as bytes; what is no colour is the nearest."""
    return np.rint(np.nan_to_num(np.clip(colours, 0, 1)) * 255).astype(np.uint8)
