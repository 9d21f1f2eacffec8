"""Mesh files that others write: text and binary, either byte order, polygons, matrices, zlib."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import pyvista
import trimesh
from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

from mesh_samples import same_places, tetrahedra
from volume.errors import VolumeError
from volume.formats.files import export
from volume.formats.meshes import read_mesh
from volume.surface import Mesh

HOUSE = np.array(
    [
        [0, 0, 0],
        [4, 0, 0],
        [4, 3, 0],
        [2, 5, 0],
        [0, 3, 0],
        [1, 1, 7],
        [9, 1, 7],
        [9, 9, 7],
        [1, 9, 7],
    ],
    np.float32,
)
"""A house of five corners, and a square above it."""
POLYGONS = ((0, 1, 2, 3, 4), (5, 6, 7, 8), (0, 1, 5))
AREA = 4 * 3 + 4 * 2 / 2 + 64 + 4 * np.hypot(1, 7) / 2
"""Of the house, the square and the triangle between the first two corners and the fifth."""


def area_of(mesh: Mesh) -> float:
    a, b, c = (mesh.points[mesh.faces[:, n]].astype(float) for n in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def lines(*texts: str) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def read_text(folder: Path, name: str, content: bytes) -> Mesh:
    (folder / name).write_bytes(content)
    return read_mesh(folder / name)


def coordinates(row: np.ndarray) -> str:
    return " ".join(repr(float(n)) for n in row)


# STL


@pytest.mark.parametrize("binary", [True, False])
def test_stl_of_vtk_is_read(tmp_path, binary):
    tetrahedra().to_pyvista().save(tmp_path / "a.stl", binary=binary)
    found = read_mesh(tmp_path / "a.stl")
    same_places(found.points, found.faces, tetrahedra(), atol=1e-4)  # text has six digits
    assert len(found.points) == 8


def test_stl_of_trimesh_as_text_is_read(tmp_path):
    sound = tetrahedra()
    trimesh.Trimesh(sound.points, sound.faces, process=False).export(
        tmp_path / "a.stl", file_type="stl_ascii"
    )
    found = read_mesh(tmp_path / "a.stl")
    same_places(found.points, found.faces, sound, atol=1e-4)


def test_a_binary_stl_that_begins_with_solid_is_binary(tmp_path):
    content = export(tetrahedra(), tmp_path / "a.stl")[0].read_bytes()
    found = read_text(tmp_path, "b.stl", b"solid by a careless program".ljust(80) + content[80:])
    same_places(found.points, found.faces, tetrahedra())


def test_a_text_stl_says_its_space_behind_solid(tmp_path):
    from vtkmodules.vtkIOGeometry import vtkSTLWriter

    writer = vtkSTLWriter()
    writer.SetHeader("3D Slicer output. SPACE=RAS")
    writer.SetInputData(tetrahedra().to_pyvista())
    writer.SetFileName(str(tmp_path / "a.stl"))
    writer.Write()
    found = read_mesh(tmp_path / "a.stl")
    same_places(found.points * (-1, -1, 1), found.faces, tetrahedra(), atol=1e-3)


def test_corners_at_one_place_are_one_point(tmp_path):
    rng = np.random.default_rng(0)
    points = rng.integers(-3, 3, (40, 3)).astype(np.float32)
    faces = rng.integers(0, 40, (500, 3)).astype(np.int32)
    mesh = Mesh(points, faces, points)
    found = read_mesh(export(mesh, tmp_path / "a.stl")[0])
    np.testing.assert_array_equal(found.points[found.faces], points[faces] + 0)
    assert len(found.points) == len(np.unique(points[faces].reshape(-1, 3) + 0, axis=0))


# PLY


def ply_house(order: str, count: str = "uchar", index: str = "int") -> bytes:
    """Write the house with other properties and elements around, and doubles for places."""
    header = lines(
        "ply", f"format {order} 1.0", "comment made by hand SPACE=LPS", "element camera 2",
        "property short zoom", "property list uchar float lens", f"element vertex {len(HOUSE)}",
        "property uchar quality", "property double x", "property double y", "property double z",
        f"element face {len(POLYGONS)}", "property uchar red",
        f"property list {count} {index} vertex_index", "property float weight",
        "element edge 1", "property int vertex1", "property int vertex2", "end_header",
    )  # fmt: skip
    if order == "ascii":
        return header + lines(
            "7 2 0.5 0.25", "8 0",
            *(f"9 {coordinates(row)}" for row in HOUSE),
            *(f"3 {len(p)} {' '.join(map(str, p))} 0.125" for p in POLYGONS),
            "0 1",
        )  # fmt: skip
    e = "<" if "little" in order else ">"
    body = struct.pack(f"{e}hBffhB", 7, 2, 0.5, 0.25, 8, 0)
    body += b"".join(struct.pack(f"{e}Bddd", 9, *map(float, row)) for row in HOUSE)
    kinds = {"uchar": "B", "ushort": "H", "int": "i", "uint": "I"}
    for p in POLYGONS:
        body += struct.pack(f"{e}B{kinds[count]}{len(p)}{kinds[index]}f", 3, len(p), *p, 0.125)
    return header + body + struct.pack(f"{e}ii", 0, 1)


@pytest.mark.parametrize("order", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize(
    ("count", "index"), [("uchar", "int"), ("int", "uint"), ("ushort", "ushort")]
)
def test_a_ply_with_polygons_and_other_things_is_read(tmp_path, order, count, index):
    found = read_text(tmp_path, "a.ply", ply_house(order, count, index))
    np.testing.assert_array_equal(found.points, HOUSE)
    assert len(found.faces) == 3 + 2 + 1
    assert area_of(found) == pytest.approx(AREA)
    assert found.report["space_told"]


@pytest.mark.parametrize("binary", [True, False])
def test_ply_of_vtk_and_of_trimesh_is_read(tmp_path, binary):
    sound = tetrahedra()
    sound.to_pyvista().save(tmp_path / "vtk.ply", binary=binary)
    theirs = trimesh.Trimesh(sound.points, sound.faces, process=False)
    theirs.export(tmp_path / "trimesh.ply", encoding="binary" if binary else "ascii")
    for name in ("vtk.ply", "trimesh.ply"):
        found = read_mesh(tmp_path / name)
        same_places(found.points, found.faces, sound, atol=1e-4)


def test_quads_alone_are_read_at_once(tmp_path):
    header = lines(
        "ply", "format ascii 1.0", "element vertex 4", "property float x", "property float y",
        "property float z", "element face 2", "property list uchar int vertex_indices",
        "end_header",
    )  # fmt: skip
    found = read_text(
        tmp_path, "a.ply",
        header + lines("0 0 0", "2 0 0", "2 2 0", "0 2 0", "4 0 1 2 3", "4 3 2 1 0"),
    )  # fmt: skip
    assert (len(found.faces), area_of(found)) == (4, 8)


def test_one_colour_of_all_points_is_the_meshs(tmp_path):
    surface = tetrahedra(parts=False).to_pyvista()
    surface.point_data["RGB"] = np.tile(np.array([10, 200, 30], np.uint8), (8, 1))
    surface.save(tmp_path / "a.ply", texture="RGB")
    (part,) = read_mesh(tmp_path / "a.ply").parts
    assert part.colour == pytest.approx((10 / 255, 200 / 255, 30 / 255))
    assert part.count == 8


# OBJ


OBJ = [
    "# by hand, SPACE=RAS", "mtllib ../../etc/passwd", "o thing",
    *(f"v {coordinates(row * (-1, -1, 1))}" for row in HOUSE[:5]),
    "vt 0 0", "vn 0 0 1", "usemtl red", "s off",
    "g roof", "f 1/1/1 2/1/1 3//1 \\", "  4/1 5",
    "g square",
    *(f"v {coordinates(row * (-1, -1, 1))} 1.0" for row in HOUSE[5:]),
    "f -4 -3 -2 -1", "l 1 2", "", "f\t1 2 6",
]  # fmt: skip


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_an_obj_with_polygons_negative_indices_and_groups_is_read(tmp_path, end):
    content = end.join(OBJ).encode() + (b"" if end == "\n" else end.encode())
    found = read_text(tmp_path, "a.obj", content)
    assert area_of(found) == pytest.approx(AREA)
    names = [(part.name, part.count) for part in found.parts]
    assert names == [("roof", 3), ("square", 3)]
    roof, square = (found.part(n) for n in range(2))
    np.testing.assert_array_equal(np.unique(roof.points, axis=0), np.unique(HOUSE[:5], axis=0))
    assert len(found.points) == 5 + 4 + 2  # parts share none
    assert len(square.points) == 4 + 2


def test_obj_of_trimesh_is_read(tmp_path):
    sound = tetrahedra()
    trimesh.Trimesh(sound.points, sound.faces, process=False).export(tmp_path / "a.obj")
    found = read_mesh(tmp_path / "a.obj")
    same_places(found.points, found.faces, sound, atol=1e-4)


def test_an_obj_longer_than_a_batch_is_read_whole(tmp_path):
    n = 60_000
    points = np.stack([np.arange(n), np.arange(n) % 7, np.arange(n) % 5], axis=1)
    body = [
        f"v {x} {y} {z}\nf -1 -1 -1" if k > 1 else f"v {x} {y} {z}"
        for k, (x, y, z) in enumerate(points)
    ]
    found = read_text(tmp_path, "a.obj", lines(*body))
    np.testing.assert_array_equal(found.points, points)
    np.testing.assert_array_equal(found.faces[:, 0], np.arange(2, n))


# GLB


def glb(document: dict, binary: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    binary += bytes(-len(binary) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def scene(**changes) -> tuple[dict, bytes]:
    """Make a triangle with corners in a stride of 16 bytes and indices of 16 bits."""
    corners = np.zeros(3, [("place", "<f4", 3), ("other", "<u4")])
    corners["place"] = np.eye(3) * (1, 2, 3)
    indices = np.array([2, 0, 1], "<u2")
    document = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"children": [1], "translation": [0, 0, 5]}, {"mesh": 0, "scale": [2, 2, 2]}],
        "meshes": [{"name": "one", "primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": 3, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteLength": 48, "byteStride": 16},
            {"buffer": 0, "byteOffset": 48, "byteLength": 6},
        ],
        "buffers": [{"byteLength": 56}],
        **changes,
    }
    return document, corners.tobytes() + indices.tobytes()


def test_matrices_of_nodes_are_followed(tmp_path):
    found = read_text(tmp_path, "a.glb", glb(*scene()))
    places = 2 * np.eye(3) * (1, 2, 3) + (0, 0, 5)  # in metres, Y up
    lps = 1000 * np.stack([places[:, 0], -places[:, 2], places[:, 1]], axis=1)
    np.testing.assert_allclose(found.points[found.faces[0]], lps[[2, 0, 1]], rtol=1e-6)
    assert found.parts[0].name == "one"


@pytest.mark.parametrize("axis", range(3))
def test_rotations_are_followed_as_trimesh_does(tmp_path, axis):
    document, binary = scene()
    quaternion = np.array([0.1, -0.7, 0.3, 0.5])
    document["nodes"][0]["rotation"] = (quaternion / np.linalg.norm(quaternion)).tolist()
    document["nodes"][1]["scale"][axis] = -3  # and a mirror
    found = read_text(tmp_path, "a.glb", glb(document, binary))
    theirs = trimesh.load_scene(tmp_path / "a.glb", process=False).to_mesh()
    lps = 1000 * np.stack([theirs.vertices[:, 0], -theirs.vertices[:, 2], theirs.vertices[:, 1]], 1)
    same_places(lps, theirs.faces, found, atol=0.01)


def test_a_mesh_on_two_nodes_is_there_twice(tmp_path):
    nodes = [{"children": [1, 2]}, {"mesh": 0}, {"mesh": 0, "translation": [1, 0, 0]}]
    found = read_text(tmp_path, "a.glb", glb(*scene(nodes=nodes)))
    assert len(found.faces) == 2
    np.testing.assert_allclose(found.points[3:] - found.points[:3], [[1000, 0, 0]] * 3, atol=1e-3)


LOOP = [{"children": [1]}, {"children": [0], "mesh": 0}]
MANY = {"attributes": {"POSITION": 0}, "indices": 1}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"extensionsRequired": ["KHR_draco_mesh_compression"]}, "KHR_draco_mesh_compression"),
        ({"buffers": [{"byteLength": 56, "uri": "other.bin"}]}, "another file"),
        ({"nodes": LOOP}, "two others"),
        ({"nodes": [{"mesh": 7}]}, "not there"),
        ({"nodes": [{"mesh": 0, "matrix": [1] * 16}]}, "places nothing"),
        ({"nodes": [{"mesh": 0, "scale": [1e999, 1, 1]}]}, "places nothing"),
        ({"nodes": [{"mesh": 0, "translation": [1e8, 1, 1]}]}, "cannot be"),
        ({"nodes": {}}, "does not describe"),
        ({"meshes": [{"primitives": [{**MANY, "mode": 5}]}]}, "strips"),
        ({"meshes": [{"primitives": [{**MANY, "mode": 1}]}]}, "no triangles"),
        ({"meshes": [{"primitives": [MANY] * 70_000}]}, "nodes and meshes"),
        ({"bufferViews": [{"buffer": 0, "byteLength": 99}] * 2}, "beyond its end"),
    ],
)
def test_what_a_glb_may_not_be_is_told(tmp_path, changes, told):
    with pytest.raises(VolumeError, match=told) as caught:
        read_text(tmp_path, "a.glb", glb(*scene(**changes)))
    assert caught.value.files == (str(tmp_path / "a.glb"),)


# VTP


@pytest.mark.parametrize("mode", ["Ascii", "Binary", "Appended", "Raw"])
@pytest.mark.parametrize("compressor", ["None", "ZLib"])
@pytest.mark.parametrize("wide", [True, False])
def test_vtp_of_vtk_is_read_however_it_is_written(tmp_path, mode, compressor, wide):
    found = read_mesh(written_by_vtk(tmp_path, mode, compressor, wide))
    assert area_of(found) == pytest.approx(AREA)
    np.testing.assert_array_equal(found.points, HOUSE * (-1, -1, 1))
    assert found.report["space_told"]


def written_by_vtk(folder: Path, mode: str, compressor: str, wide: bool = True) -> Path:
    surface = pyvista.PolyData(HOUSE, faces=np.concatenate([[len(p), *p] for p in POLYGONS]))
    surface.field_data["SPACE"] = ["RAS"]
    surface.cell_data["weight"] = np.arange(3.0)
    writer = vtkXMLPolyDataWriter()
    writer.SetInputData(surface)
    writer.SetFileName(str(folder / "a.vtp"))
    writer.SetDataMode({"Ascii": 0, "Binary": 1}.get(mode, 2))
    writer.SetEncodeAppendedData(mode == "Appended")
    getattr(writer, f"SetCompressorTypeTo{compressor}")()
    (writer.SetHeaderTypeToUInt64 if wide else writer.SetHeaderTypeToUInt32)()
    (writer.SetByteOrderToLittleEndian if wide else writer.SetByteOrderToBigEndian)()
    writer.Write()
    return folder / "a.vtp"


def test_a_large_vtp_of_many_compressed_blocks_is_read(tmp_path):
    ball = pyvista.Sphere(radius=40, center=(1, 2, 3), theta_resolution=200, phi_resolution=200)
    ball.save(tmp_path / "a.vtp")
    found = read_mesh(tmp_path / "a.vtp")
    np.testing.assert_array_equal(found.points, ball.points)
    np.testing.assert_array_equal(found.faces, ball.regular_faces)


@pytest.mark.parametrize("compressor", ["LZ4", "LZMA"])
def test_another_compressor_is_refused_by_its_name(tmp_path, compressor):
    with pytest.raises(VolumeError, match=f"vtk{compressor}DataCompressor"):
        read_mesh(written_by_vtk(tmp_path, "Appended", compressor))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"<VTKFile", b'<!DOCTYPE a [<!ENTITY b "c">]><VTKFile', "entities"),
        (b'type="PolyData"', b'type="UnstructuredGrid"', "PolyData"),
        (b'NumberOfStrips="0"', b'NumberOfStrips="1"', "strips"),
        (b"</Points>", b"</Point>", "not open"),
        (b'byte_order="LittleEndian"', b'byte_order="Middle"', "order of bytes"),
    ],
)
def test_what_a_vtp_may_not_be_is_told(tmp_path, old, new, told):
    content = written_by_vtk(tmp_path, "Ascii", "None").read_bytes()
    assert old in content
    with pytest.raises(VolumeError, match=told):
        read_text(tmp_path, "b.vtp", content.replace(old, new, 1))
