"""Binary glTF 2.0 (.glb): every part a mesh, a node and a material of its own.

The points stay in mm, LPS or RAS, under a node whose matrix takes them to glTF's metres
(Y up, the face towards +Z); `SPACE` stands in its extras. Whatever the space of the file,
every vertex comes to the same place of the scene. Reading is in `glb_reader`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from volume import __version__
from volume.errors import VolumeError
from volume.escaping import LABEL, escape
from volume.formats import mesh_space
from volume.progress import Progress
from volume.surface import Mesh, Part

MAGIC, VERSION = b"glTF", 2
JSON_CHUNK, BIN_CHUNK = b"JSON", b"BIN\0"
TO_METRES = {
    "lps": (0.001, 0, 0, 0, 0, 0, -0.001, 0, 0, 0.001, 0, 0, 0, 0, 0, 1),
    "ras": (-0.001, 0, 0, 0, 0, 0, 0.001, 0, 0, 0.001, 0, 0, 0, 0, 0, 1),
}
"""Column by column, as glTF has it: x to the patient's left, Y to the head, Z to the front."""
FLOAT, UINT = 5126, 5125
VERTICES, CORNERS = 34962, 34963
LARGEST = (1 << 32) - 1
BATCH = 1 << 16


@dataclass(frozen=True, eq=False)
class _Block:
    """A part's faces, and the run of points that they use."""

    part: Part
    faces: NDArray[np.int32]
    first: int
    points: NDArray[np.float32]
    normals: NDArray[np.float32]

    @property
    def nbytes(self) -> int:
        return self.faces.nbytes + self.points.nbytes + self.normals.nbytes


def write(stream: BinaryIO, mesh: Mesh, progress: Progress, space: str = "lps") -> None:
    """Write a mesh. Raises `VolumeError` beyond the 4 GiB that the format has room for."""
    blocks = list(_blocks(mesh, space))
    content = json.dumps(_document(blocks, space), separators=(",", ":")).encode("ascii")
    content = content.ljust(-(-len(content) // 4) * 4)
    bytes_ = sum(block.nbytes for block in blocks)
    length = 12 + 8 + len(content) + (8 + bytes_ if bytes_ else 0)
    if length > LARGEST:
        raise VolumeError(
            f"a .glb has room for 4 GiB, and the mesh takes {length / 2**30:.3g}",
            remedy="write .ply or .vtp, or fewer triangles",
        )
    stream.write(struct.pack("<4sII", MAGIC, VERSION, length))
    stream.write(struct.pack("<I4s", len(content), JSON_CHUNK) + content)
    if bytes_:
        stream.write(struct.pack("<I4s", bytes_, BIN_CHUNK))
    for block in blocks:
        for start in range(0, len(block.faces), BATCH):
            faces = block.faces[start : start + BATCH] - block.first
            stream.write(faces.astype("<u4").data)
            progress.update(len(faces))
        for vectors in (block.points, block.normals):
            stream.write(np.ascontiguousarray(vectors, "<f4").data)


def _blocks(mesh: Mesh, space: str) -> Iterator[_Block]:
    points = mesh_space.turned(mesh.points, space)
    normals = mesh_space.turned(mesh.normals, space)
    for part in mesh.parts or (Part("", 0, len(mesh.faces)),):
        faces = mesh.faces[part.first : part.first + part.count]
        if part.count:
            first, last = int(faces.min()), int(faces.max()) + 1
            yield _Block(part, faces, first, points[first:last], normals[first:last])


def _document(blocks: list[_Block], space: str) -> dict[str, Any]:
    """Describe the scene: a node with the matrix, and below it a node a part."""
    root = {
        "matrix": TO_METRES[space],
        "extras": {"SPACE": space.upper(), "UNIT": "mm"},
        **({"children": list(range(1, len(blocks) + 1))} if blocks else {}),
    }
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": f"volume {__version__}"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [root],
    }
    if blocks:
        document |= {"meshes": [], "materials": [], "accessors": [], "bufferViews": []}
        document["buffers"] = [{"byteLength": sum(block.nbytes for block in blocks)}]
    offset = 0
    for n, block in enumerate(blocks):
        name = {"name": label} if (label := escape(block.part.name, LABEL)) else {}
        primitive = {
            "attributes": {"POSITION": 3 * n + 1, "NORMAL": 3 * n + 2},
            "indices": 3 * n,
            "material": n,
        }
        document["nodes"].append({"mesh": n, **name})
        document["meshes"].append({"primitives": [primitive], **name})
        document["materials"].append({**_material(block.part), **name})
        document["accessors"] += _accessors(block, 3 * n)
        for array, target in (
            (block.faces, CORNERS),
            (block.points, VERTICES),
            (block.normals, VERTICES),
        ):
            view = {"buffer": 0, "byteOffset": offset, "byteLength": array.nbytes}
            document["bufferViews"].append({**view, "target": target})
            offset += array.nbytes
    return document


def _accessors(block: _Block, view: int) -> list[dict[str, Any]]:
    low, high = block.points.min(axis=0), block.points.max(axis=0)
    vectors = {"componentType": FLOAT, "count": len(block.points), "type": "VEC3"}
    corners = {"componentType": UINT, "count": block.faces.size, "type": "SCALAR"}
    return [
        {"bufferView": view, **corners},
        {"bufferView": view + 1, **vectors, "min": low.tolist(), "max": high.tolist()},
        {"bufferView": view + 2, **vectors},
    ]


def _material(part: Part) -> dict[str, Any]:
    """Make a dull surface; a colour is linear in glTF, and seen from both sides."""
    look: dict[str, Any] = {"metallicFactor": 0, "roughnessFactor": 0.7}
    if part.colour:
        linear = [round(to_linear(shade), 6) for shade in np.clip(part.colour, 0, 1).tolist()]
        look["baseColorFactor"] = [*linear, 1]
    return {"pbrMetallicRoughness": look, "doubleSided": True}


def to_linear(shade: float) -> float:
    """Take a shade as screens have it (sRGB, IEC 61966-2-1) to a linear one, 0 to 1."""
    return shade / 12.92 if shade <= 0.04045 else ((shade + 0.055) / 1.055) ** 2.4


def from_linear(shade: float) -> float:
    """Take a linear shade to one as screens have it."""
    return shade * 12.92 if shade <= 0.0031308 else 1.055 * shade ** (1 / 2.4) - 0.055


LONGEST_JSON = 64 << 20


def chunks(stream: BinaryIO) -> tuple[Any, int, int]:
    """Read a file's document; give it, and where its binary chunk begins and how long it is.

    Raises `ValueError` where the lengths that it tells are not those it has.
    """
    size = stream.seek(0, 2)
    stream.seek(0)
    head = stream.read(20)
    if len(head) < 20 or head[:4] != MAGIC:
        raise ValueError("it is no GLB: it does not begin with glTF")
    _, version, length, json_bytes, kind = struct.unpack("<4sIII4s", head)
    if version != VERSION:
        raise ValueError(f"glTF of version {version} is not read, only of version 2")
    if length != size or kind != JSON_CHUNK or json_bytes > min(size - 20, LONGEST_JSON):
        raise ValueError(f"the lengths it tells do not fill its {size:,} bytes")
    document = _parsed(stream.read(json_bytes))
    head = stream.read(8)
    if not head:
        return document, size, 0
    if len(head) < 8:
        raise ValueError(f"the lengths it tells do not fill its {size:,} bytes")
    bytes_, kind = struct.unpack("<I4s", head)
    if kind != BIN_CHUNK or bytes_ > size - stream.tell():
        raise ValueError(f"the lengths it tells do not fill its {size:,} bytes")
    return document, stream.tell(), bytes_


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is no GLB: its JSON is damaged") from error


def triangles(stream: BinaryIO) -> int:
    """Read how many triangles a file of ours says it holds; `ValueError` where its size differs."""
    document, start, bytes_ = chunks(stream)
    told = document.get("buffers", [{"byteLength": 0}])[0]["byteLength"]
    if told != bytes_ or start + bytes_ != stream.seek(0, 2):
        raise ValueError(f"{told:,} bytes of points and faces are not there")
    return sum(one["count"] for one in document.get("accessors", [])[::3]) // 3
