"""Reading binary glTF 2.0 files, whoever wrote them, into LPS mm.

Every node's matrices are followed; the scene's metres (Y up, the face towards +Z) become
LPS mm. Materials give colours, names of nodes and meshes the parts' names. Compressed or
sparse geometry, strips and fans, and what lies in other files are refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from volume.formats import glb
from volume.formats.mesh_space import SPACES, Told
from volume.formats.raw_mesh import MOST_PARTS, Piece, RawMesh, colour_told

FROM_METRES = np.array([[1000.0, 0, 0], [0, 0, -1000.0], [0, 1000.0, 0]])
"""From the scene's metres to LPS mm."""
NUMBERS = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC3": 3}
HARMLESS = ("KHR_materials_", "KHR_texture_", "KHR_lights_")
"""Extensions that move no vertex."""
TRIANGLES = 4
UNFOLDED, AT_LEAST = 16, 64 << 20
"""A mesh may hang on several nodes; all of them take at most so many times the file's bytes."""

MOST_NODES = MOST_PARTS


@dataclass(frozen=True, eq=False)
class _Placed:
    """A primitive of a mesh at one node: points (n, 3) in LPS mm, corners (m, 3)."""

    points: NDArray[np.float64]
    faces: NDArray[np.int64]
    piece: Piece


def read(stream: BinaryIO) -> RawMesh:
    """Read a file whose lengths were checked against its bytes. Raises `ValueError`."""
    document, start, length = glb.chunks(stream)
    stream.seek(start)
    scene = _Scene(_mapping(document), stream.read(length))
    placed: list[_Placed] = []
    points: list[NDArray[np.float64]] = []
    faces: list[NDArray[np.int64]] = []
    count = 0
    for one in scene.primitives():
        placed.append(one)
        points.append(one.points)
        faces.append(one.faces + count)
        count += len(one.points)
    if not placed:
        raise ValueError("there are no triangles in it")
    pieces = tuple(one.piece for one in placed)
    named = len(pieces) > 1 or any(name or colour for name, _, colour in pieces)
    return RawMesh(
        np.concatenate(points),
        np.concatenate(faces),
        pieces if named else (),
        Told("lps") if scene.space_told else Told(),
        "glTF's metres, Y up and the face towards +Z, are taken at their word",
    )


class _Scene:
    """The document of a file and its bytes; what is asked of it is checked first."""

    def __init__(self, document: dict[str, Any], content: bytes) -> None:
        self.document, self.content = document, content
        self.space_told = False
        self.left = MOST_NODES
        self.room = max(AT_LEAST, UNFOLDED * len(content))
        for name in _list(document.get("extensionsRequired", [])):
            if not str(name).startswith(HARMLESS):
                raise ValueError(f"it needs {str(name)[:60]}, which is not read")

    def primitives(self) -> Iterator[_Placed]:
        """Give what the scene's nodes show; a node has one parent, and is seen once."""
        waiting = [(n, np.eye(4)) for n in reversed(self._roots())]
        seen: set[int] = set()
        while waiting:
            n, above = waiting.pop()
            node = self._one("nodes", n)
            if n in seen:
                raise ValueError("one of its nodes hangs on two others")
            seen.add(n)
            self._count()
            matrix = above @ _matrix_of(node)
            if str(_mapping(node.get("extras", {})).get("SPACE")).lower() in SPACES:
                self.space_told = True
            if "mesh" in node:
                yield from self._of_mesh(node, matrix)
            waiting += [(child, matrix) for child in reversed(_list(node.get("children", [])))]

    def _roots(self) -> list[Any]:
        """Give the nodes of the scene that is shown, all nodes without a parent where none is."""
        if "scenes" in self.document:
            return _list(self._one("scenes", self.document.get("scene", 0)).get("nodes", []))
        nodes = _list(self.document.get("nodes", []))
        children = [c for node in nodes for c in _list(_mapping(node).get("children", []))]
        below = {child for child in children if type(child) is int}
        return [n for n in range(len(nodes)) if n not in below]

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise ValueError(f"a scene of over {MOST_NODES:,} nodes and meshes is not read")

    def _of_mesh(self, node: dict[str, Any], matrix: NDArray[np.float64]) -> Iterator[_Placed]:
        mesh = self._one("meshes", node["mesh"])
        name = next((one["name"] for one in (node, mesh) if isinstance(one.get("name"), str)), "")
        to_lps = FROM_METRES @ matrix[:3]
        for primitive in map(_mapping, _list(mesh.get("primitives", []))):
            self._count()
            mode = primitive.get("mode", TRIANGLES)
            if mode in (5, 6):
                raise ValueError("strips and fans of triangles are not read")
            if mode == TRIANGLES:
                points, faces = self._geometry(primitive)
                places = points @ to_lps[:, :3].T + to_lps[:, 3]
                if np.linalg.det(to_lps[:, :3]) < 0:  # a mirror turns faces inside out
                    faces = faces[:, ::-1]
                yield _Placed(places, faces, (name, len(faces), self._colour(primitive)))

    def _geometry(self, primitive: dict[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        attributes = _mapping(primitive.get("attributes", {}))
        points = self._accessor(attributes.get("POSITION"), "VEC3").astype(np.float64)
        if "indices" in primitive:
            corners = self._accessor(primitive["indices"], "SCALAR")
            if corners.dtype.kind != "u":
                raise ValueError("its faces are not told in whole numbers")
        else:
            corners = np.arange(len(points))
        corners = corners.reshape(-1).astype(np.int64)
        if len(corners) % 3 or (len(corners) and corners.max() >= len(points)):
            raise ValueError("its faces name points that are not there")
        self.room -= points.nbytes + corners.nbytes
        if self.room < 0:
            raise ValueError("its nodes show more than a file of this size can hold")
        return points, corners.reshape(-1, 3)

    def _accessor(self, number: Any, shape: str) -> NDArray[Any]:
        """Read the (count, width) numbers of an accessor, where they lie in the file."""
        accessor = self._one("accessors", number)
        number_type = NUMBERS.get(_whole(accessor.get("componentType")))
        if accessor.get("type") != shape or not number_type or "sparse" in accessor:
            raise ValueError("its points or faces are stored in a way that is not read")
        if shape == "VEC3" and number_type != "<f4":
            raise ValueError("its points are not float32")
        dtype = np.dtype((number_type, (WIDTHS[shape],)))
        view = self._one("bufferViews", accessor.get("bufferView"))
        buffer = self._one("buffers", view.get("buffer"))
        if "uri" in buffer or view.get("buffer") != 0:
            raise ValueError("its points or faces lie in another file, which is not opened")
        start = _whole(view.get("byteOffset", 0))
        end = start + _whole(view.get("byteLength"))
        at = start + _whole(accessor.get("byteOffset", 0))
        count = _whole(accessor.get("count"))
        stride = _whole(view.get("byteStride", 0)) or dtype.itemsize
        last = at + (count - 1) * stride + dtype.itemsize if count else at
        if stride < dtype.itemsize or last > end or end > len(self.content):
            raise ValueError("its points or faces lie beyond its end")
        steps = (stride, dtype.base.itemsize)
        return np.ndarray((count, *dtype.shape), dtype.base, self.content, at, steps)

    def _colour(self, primitive: dict[str, Any]) -> tuple[float, float, float] | None:
        """Give the colour of a material, as screens have it."""
        if "material" not in primitive:
            return None
        material = self._one("materials", primitive["material"])
        factor = _mapping(material.get("pbrMetallicRoughness", {})).get("baseColorFactor")
        linear = colour_told(factor[:3]) if isinstance(factor, list) else None
        if linear is None:
            return None
        red, green, blue = (round(glb.from_linear(shade), 4) for shade in linear)
        return red, green, blue

    def _one(self, kind: str, number: Any) -> dict[str, Any]:
        """Give one of the nodes, meshes, accessors, ... by its number."""
        everything = _list(self.document.get(kind, []))
        if type(number) is not int or not 0 <= number < len(everything):
            raise ValueError(f"it names one of its {kind} that is not there")
        return _mapping(everything[number])


def _matrix_of(node: dict[str, Any]) -> NDArray[np.float64]:
    """Give the (4, 4) matrix of a node, or of its scale, rotation and translation."""
    if "matrix" in node:
        matrix = _numbers(node["matrix"], 16).reshape(4, 4).T
        if not np.array_equal(matrix[3], (0, 0, 0, 1)):
            raise ValueError("one of its nodes has a matrix that places nothing")
        return matrix
    matrix = np.eye(4)
    scale = _numbers(node.get("scale", [1, 1, 1]), 3)
    matrix[:3, :3] = _rotation(_numbers(node.get("rotation", [0, 0, 0, 1]), 4)) * scale
    matrix[:3, 3] = _numbers(node.get("translation", [0, 0, 0]), 3)
    return matrix


def _rotation(quaternion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the (3, 3) matrix of a quaternion (x, y, z, w)."""
    length = np.linalg.norm(quaternion)
    if length == 0:
        raise ValueError("one of its nodes has a rotation that is none")
    *axis, w = quaternion / length
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + 2 * w * cross + 2 * cross @ cross


LARGEST_NUMBER = 1e9


def _numbers(told: Any, count: int) -> NDArray[np.float64]:
    numbers = _list(told)
    if len(numbers) != count or not all(
        type(n) in (int, float) and math.isfinite(n) and abs(n) < LARGEST_NUMBER for n in numbers
    ):
        raise ValueError("one of its nodes has a matrix that places nothing")
    return np.array(numbers, np.float64)


def _mapping(told: Any) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise ValueError("its JSON does not describe a scene")
    return told


def _list(told: Any) -> list[Any]:
    if not isinstance(told, list):
        raise ValueError("its JSON does not describe a scene")
    return told


def _whole(told: Any) -> int:
    if type(told) is not int or not 0 <= told < 1 << 32:
        raise ValueError("its JSON does not describe a scene")
    return told
