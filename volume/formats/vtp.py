"""VTK's XML PolyData (.vtp): points, normals and triangles behind the XML, as raw bytes.

Field data name the space, as 3D Slicer has it; the parts are a number of every cell, their
names and colours field data, and colours stand on the cells as well. Reading is in
`vtp_reader`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from volume.escaping import LABEL, escape
from volume.formats import mesh_space, vtp_xml
from volume.formats.raw_mesh import shade_of
from volume.progress import Progress
from volume.surface import Mesh

LENGTH = np.dtype("<u8")
BATCH = 1 << 16
END = b"\n  </AppendedData>\n</VTKFile>\n"
PART, PARTS = "Part", "Parts"
"""The number of every cell's part; what is told of the parts, in JSON."""


@dataclass(frozen=True)
class _Array:
    """An array behind the XML: where its tag stands, and what gives rows of it."""

    place: str
    name: str
    type: str
    components: int
    shape: tuple[int, int]
    of: Callable[[slice], NDArray[np.generic]]

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return np.dtype(TYPES[self.type]).newbyteorder("<")

    @property
    def nbytes(self) -> int:
        return self.shape[0] * self.shape[1] * self.dtype.itemsize

    def tag(self, offset: int) -> str:
        return (
            f'        <DataArray type="{self.type}" Name="{self.name}"'
            f' NumberOfComponents="{self.components}" format="appended" offset="{offset}"/>'
        )


TYPES = {
    **{f"Int{bits}": f"i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"UInt{bits}": f"u{bits // 8}" for bits in (8, 16, 32, 64)},
    "Float32": "f4",
    "Float64": "f8",
}


def write(stream: BinaryIO, mesh: Mesh, progress: Progress, space: str = "lps") -> None:
    """Write a mesh, its points shared by its triangles."""
    arrays = list(_arrays(mesh, space))
    stream.write("".join(f"{line}\n" for line in _head(mesh, space, arrays)).encode("ascii"))
    stream.write(b"   _")
    for array in arrays:
        stream.write(np.array(array.nbytes, LENGTH).tobytes())
        for start in range(0, array.shape[0], BATCH):
            batch = slice(start, min(start + BATCH, array.shape[0]))
            stream.write(np.ascontiguousarray(array.of(batch), array.dtype).data)
            if array.name == "connectivity":
                progress.update(batch.stop - batch.start)
    stream.write(END)


def _arrays(mesh: Mesh, space: str) -> Iterator[_Array]:
    points = mesh_space.turned(mesh.points, space)
    normals = mesh_space.turned(mesh.normals, space)
    faces, n, m = mesh.faces, len(mesh.points), len(mesh.faces)
    whole = "Int32" if 3 * m <= np.iinfo(np.int32).max else "Int64"
    yield _Array("PointData", "Normals", "Float32", 3, (n, 3), lambda rows: normals[rows])
    if mesh.parts:
        ends = np.cumsum([part.count for part in mesh.parts])

        def numbers(rows: slice) -> NDArray[np.int64]:
            return np.searchsorted(ends, np.arange(rows.start, rows.stop), side="right")

        yield _Array("CellData", PART, "Int32", 1, (m, 1), numbers)
        if any(part.colour for part in mesh.parts):
            shades = np.array([shade_of(part) for part in mesh.parts], np.uint8)
            yield _Array("CellData", "RGB", "UInt8", 3, (m, 3), lambda rows: shades[numbers(rows)])
    yield _Array("Points", "Points", "Float32", 3, (n, 3), lambda rows: points[rows])
    yield _Array("Polys", "connectivity", whole, 1, (m, 3), lambda rows: faces[rows])
    yield _Array(
        "Polys",
        "offsets",
        whole,
        1,
        (m, 1),
        lambda rows: 3 * np.arange(rows.start + 1, rows.stop + 1),
    )


def _head(mesh: Mesh, space: str, arrays: list[_Array]) -> Iterator[str]:
    """Give the lines of the XML, to the data behind it."""
    yield '<?xml version="1.0"?>'
    yield ('<VTKFile type="PolyData" version="1.0" byte_order="LittleEndian" header_type="UInt64">')
    yield "  <PolyData>"
    yield "    <FieldData>"
    yield from _text("SPACE", [space.upper()])
    yield from _text("UNIT", ["mm"])
    if mesh.parts:
        told = (
            {"name": escape(part.name, LABEL), "faces": part.count, "colour": part.colour}
            for part in mesh.parts
        )
        yield from _text(PARTS, [json.dumps(one) for one in told])
    yield "    </FieldData>"
    yield (
        f'    <Piece NumberOfPoints="{len(mesh.points)}" NumberOfVerts="0" NumberOfLines="0"'
        f' NumberOfStrips="0" NumberOfPolys="{len(mesh.faces)}">'
    )
    offset = 0
    for place, opens in PLACES.items():
        yield f"      <{opens}>"
        for array in arrays:
            if array.place == place:
                yield array.tag(offset)
                offset += LENGTH.itemsize + array.nbytes
        yield f"      </{place}>"
    yield "    </Piece>"
    yield "  </PolyData>"
    yield '  <AppendedData encoding="raw">'


PLACES = {
    "PointData": 'PointData Normals="Normals"',
    "CellData": "CellData",
    "Points": "Points",
    "Polys": "Polys",
}
"""What stands in a piece, in order, and how each begins."""


def _text(name: str, values: list[str]) -> Iterator[str]:
    """Give strings as VTK writes them: the codes of their letters, each ended by a 0."""
    yield f'      <Array type="String" Name="{name}" NumberOfTuples="{len(values)}" format="ascii">'
    for value in values:
        yield "        " + " ".join(str(code) for code in (*value.encode("ascii"), 0))
    yield "      </Array>"


def triangles(stream: BinaryIO) -> int:
    """Read how many triangles a file of ours says it holds; `ValueError` where its size differs."""
    size = stream.seek(0, 2)
    document = vtp_xml.read(stream)
    count = document.count("NumberOfPolys")
    last = document.array("Polys", "offsets")
    if last is None or document.appended is None:
        raise ValueError("its XML is not whole")
    array = LENGTH.itemsize + count * np.dtype(TYPES[last.attributes["type"]]).itemsize
    if size != document.appended + int(last.attributes["offset"]) + array + len(END):
        raise ValueError(f"{count:,} triangles do not fill {size:,} bytes")
    return count
