"""Mesh files: every vertex in the same place in every format, by libraries that are not ours."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import pyvista
import trimesh

from grids import noise, oblique
from mesh_samples import BLUE, RED, same_places, tetrahedra
from volume.errors import ExistsError, VolumeError
from volume.formats.files import export
from volume.formats.mesh_space import told_in
from volume.formats.meshes import is_mesh_file, read_mesh
from volume.surface import Mesh, Part

SUFFIXES = (".stl", ".ply", ".obj", ".glb", ".vtp")
VTK = (".stl", ".ply", ".obj", ".vtp")
HALF_TURN = np.array([-1, -1, 1], np.float32)
"""From LPS to RAS."""
FROM_GLTF = np.array([[1000, 0, 0], [0, 0, -1000], [0, 1000, 0]])
"""From glTF's metres, Y up and the face towards +Z, to LPS mm."""


def written(folder: Path, suffix: str, space: str = "lps", **more) -> Path:
    return export(tetrahedra(**more), folder / f"two{suffix}", space=space)[0]


def in_lps(points: np.ndarray, space: str) -> np.ndarray:
    return points * HALF_TURN if space == "ras" else points


@pytest.mark.parametrize("space", ["lps", "ras"])
@pytest.mark.parametrize("suffix", VTK)
def test_vtk_finds_every_vertex_in_its_place(tmp_path, suffix, space):
    found = pyvista.read(written(tmp_path, suffix, space))
    same_places(in_lps(found.points, space), found.regular_faces, tetrahedra())


@pytest.mark.parametrize("space", ["lps", "ras"])
@pytest.mark.parametrize("suffix", [".stl", ".ply", ".obj"])
def test_trimesh_finds_every_vertex_in_its_place(tmp_path, suffix, space):
    found = trimesh.load(written(tmp_path, suffix, space), process=False, force="mesh")
    same_places(in_lps(found.vertices, space), found.faces, tetrahedra())
    assert found.is_watertight or suffix == ".stl"  # whose corners are not shared
    assert found.volume == pytest.approx(pyvista_volume(), rel=1e-5)


def pyvista_volume() -> float:
    return tetrahedra().to_pyvista().volume


@pytest.mark.parametrize("space", ["lps", "ras"])
def test_the_scene_of_a_glb_is_in_metres_y_up_whatever_its_space(tmp_path, space):
    scene = trimesh.load_scene(written(tmp_path, ".glb", space))
    found = scene.to_mesh()
    same_places(found.vertices @ FROM_GLTF.T, found.faces, tetrahedra(), atol=1e-4)
    assert found.volume * 1e9 == pytest.approx(pyvista_volume(), rel=1e-5)


def chunks(path: Path) -> tuple[dict, bytes]:
    """Take a GLB apart by its specification."""
    content = path.read_bytes()
    magic, version, length, size, kind = struct.unpack("<4sII I4s", content[:20])
    assert (magic, version, length, kind) == (b"glTF", 2, len(content), b"JSON")
    binary, kind = struct.unpack("<I4s", content[20 + size : 28 + size])
    assert (kind, size % 4, binary % 4) == (b"BIN\0", 0, 0)
    assert len(content) == 28 + size + binary
    return json.loads(content[20 : 20 + size]), content[28 + size :]


def accessor(document: dict, binary: bytes, number: int) -> np.ndarray:
    one = document["accessors"][number]
    view = document["bufferViews"][one["bufferView"]]
    dtype = {5125: "<u4", 5126: "<f4"}[one["componentType"]]
    width = {"SCALAR": 1, "VEC3": 3}[one["type"]]
    values = np.frombuffer(binary, dtype, one["count"] * width, view["byteOffset"])
    assert values.nbytes == view["byteLength"]
    return values.reshape(-1, width)


@pytest.mark.parametrize(("space", "sign"), [("lps", 1), ("ras", -1)])
def test_vertices_of_a_glb_stay_in_mm_under_a_matrix_that_its_extras_explain(tmp_path, space, sign):
    document, binary = chunks(written(tmp_path, ".glb", space))
    root = document["nodes"][document["scenes"][document["scene"]]["nodes"][0]]
    x, y = 0.001 * sign, -0.001 * sign
    assert root["matrix"] == [x, 0, 0, 0, 0, 0, y, 0, 0, 0.001, 0, 0, 0, 0, 0, 1]
    assert root["extras"]["SPACE"] == space.upper()
    nodes = [document["nodes"][n] for n in root["children"]]
    assert [node["name"] for node in nodes] == ["liver", "left kidney"]
    for node, points in zip(nodes, np.split(tetrahedra().points, 2), strict=True):
        (primitive,) = document["meshes"][node["mesh"]]["primitives"]
        number = primitive["attributes"]["POSITION"]
        stored = accessor(document, binary, number)
        np.testing.assert_array_equal(in_lps(stored, space), points)
        told = document["accessors"][number]
        np.testing.assert_array_equal([told["min"], told["max"]], [stored.min(0), stored.max(0)])


@pytest.mark.parametrize("space", ["lps", "ras"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_was_written_is_read_in_lps_and_says_what_it_was(tmp_path, suffix, space):
    found = read_mesh(written(tmp_path, suffix, space))
    same_places(found.points, found.faces, tetrahedra())
    assert len(found.points) == 8
    told = found.report["space"], found.report["space_told"], found.report["findings"]
    assert told == ("LPS" if suffix == ".glb" else space.upper(), True, [])
    for points, normals in zip(np.split(found.points, 2), np.split(found.normals, 2), strict=True):
        assert (((points - points.mean(axis=0)) * normals).sum(axis=1) > 0).all()
    np.testing.assert_allclose(np.linalg.norm(found.normals, axis=1), 1, atol=1e-6)


def text_of(path: Path) -> str:
    return path.read_bytes()[:400].decode("latin-1")


@pytest.mark.parametrize(("space", "word"), [("lps", "SPACE=LPS"), ("ras", "SPACE=RAS")])
def test_slicer_finds_the_space_where_it_looks_for_it(tmp_path, space, word):
    header = written(tmp_path, ".stl", space).read_bytes()[:80]
    assert word.encode() in header and not header.startswith(b"solid")
    from vtkmodules.vtkIOGeometry import vtkOBJReader
    from vtkmodules.vtkIOPLY import vtkPLYReader

    for suffix, reader in ((".ply", vtkPLYReader()), (".obj", vtkOBJReader())):
        reader.SetFileName(str(written(tmp_path, suffix, space)))
        reader.Update()
        if suffix == ".ply":
            comments = reader.GetComments()
            told = [comments.GetValue(n) for n in range(comments.GetNumberOfValues())]
        else:
            told = [reader.GetComment()]
        assert word in told[0]
    field = pyvista.read(written(tmp_path, ".vtp", space)).field_data
    assert list(field["SPACE"]) == [space.upper()]


# parts


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".glb", ".vtp"])
def test_parts_keep_their_names_faces_and_colours(tmp_path, suffix):
    first, second = read_mesh(written(tmp_path, suffix)).parts
    space = "_" if suffix == ".obj" else " "  # which ends a name there
    assert (first.name, second.name) == ("liver", f"left{space}kidney")
    assert (first.first, first.count, second.first, second.count) == (0, 4, 4, 4)
    np.testing.assert_allclose([first.colour, second.colour], [RED, BLUE], atol=0.002)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_without_parts_none_are_found(tmp_path, suffix):
    assert read_mesh(written(tmp_path, suffix, parts=False)).parts == ()


def shades(colour: tuple[float, float, float]) -> list[int]:
    return [round(255 * shade) for shade in colour]


@pytest.mark.parametrize("suffix", [".ply", ".obj"])
def test_other_programs_see_the_colours_on_the_points(tmp_path, suffix):
    path = written(tmp_path, suffix)
    by_trimesh, by_vtk = trimesh.load(path, process=False, force="mesh"), pyvista.read(path)
    seen = (
        (by_trimesh.vertices, by_trimesh.visual.vertex_colors[:, :3]),
        (by_vtk.points, by_vtk.point_data["RGB"]),
    )
    for points, colours in seen:
        is_first = points[:, 0] < 100
        assert is_first.any() and not is_first.all()
        np.testing.assert_allclose(colours[is_first] - np.array(shades(RED)), 0, atol=1)
        np.testing.assert_allclose(colours[~is_first] - np.array(shades(BLUE)), 0, atol=1)


def test_paraview_finds_parts_on_the_cells(tmp_path):
    found = pyvista.read(written(tmp_path, ".vtp"))
    assert found.cell_data["Part"].tolist() == [0] * 4 + [1] * 4
    assert found.cell_data["RGB"].tolist() == [shades(RED)] * 4 + [shades(BLUE)] * 4
    np.testing.assert_array_equal(found.point_data["Normals"], tetrahedra().normals)


def test_a_glb_has_a_material_a_part_its_colour_linear(tmp_path):
    document, _ = chunks(written(tmp_path, ".glb"))
    assert [material["name"] for material in document["materials"]] == ["liver", "left kidney"]
    for material, colour in zip(document["materials"], (RED, BLUE), strict=True):
        factor = material["pbrMetallicRoughness"]["baseColorFactor"]
        expected = [((shade + 0.055) / 1.055) ** 2.4 for shade in colour]  # IEC 61966-2-1
        np.testing.assert_allclose(factor, [*expected, 1], atol=1e-5)


HOSTILE = 'a\nv 9 9 9\r\nf 1 1 1\x1b[31m\0end_header\u202e"</Array>&<!DOCTYPE x>\\ 뼈'


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".glb", ".vtp"])
def test_a_name_that_means_harm_is_only_a_name(tmp_path, suffix):
    sound = tetrahedra()
    hostile = (Part(HOSTILE, 0, 4, RED), Part("SPACE=RAS UNIT=m", 4, 4))
    mesh = Mesh(sound.points, sound.faces, sound.normals, {}, hostile)
    path, beside = export(mesh, tmp_path / f"x{suffix}")
    found = read_mesh(path)
    same_places(found.points, found.faces, sound)
    content = path.read_bytes()
    assert b"\x1b[" not in content and b"\nv 9 9 9" not in content
    assert suffix != ".vtp" or b"<!DOCTYPE" not in content
    assert found.report["space"] == "LPS"
    assert "뼈" in found.parts[0].name
    assert "\n" not in found.parts[0].name
    if suffix != ".glb":
        again = pyvista.read(path)
        same_places(again.points, again.regular_faces, sound)
    else:
        assert len(trimesh.load_scene(path).geometry) == 2
    assert "\x1b" not in beside.read_text("utf-8")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_mesh_gives_the_same_bytes(tmp_path, suffix):
    first = written(tmp_path, suffix).read_bytes()
    again = export(tetrahedra(), tmp_path / f"again{suffix}")[0].read_bytes()
    assert first == again


# the sidecar, and what is refused


def test_the_sidecar_says_the_space_and_the_parts(tmp_path):
    _, beside = export(tetrahedra(), tmp_path / "two.glb", space="ras")
    document = json.loads(beside.read_text("utf-8"))
    assert (document["space"], document["length"]) == ("RAS", "mm")
    assert [part["name"] for part in document["parts"]] == ["liver", "left kidney"]
    assert [part["triangles"] for part in document["parts"]] == [4, 4]


def test_an_existing_mesh_is_left_alone(tmp_path):
    written(tmp_path, ".obj")
    with pytest.raises(ExistsError):
        written(tmp_path, ".obj")


def test_a_space_that_is_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match="lps or ras"):
        export(tetrahedra(), tmp_path / "two.stl", space="lsa")
    with pytest.raises(ValueError, match="for a mesh"):
        export(noise(oblique()), tmp_path / "head.nii", space="ras")
    assert list(tmp_path.iterdir()) == []


def test_a_mesh_without_triangles_is_written_and_refused_when_read(tmp_path):
    empty = Mesh(
        np.eye(3, dtype=np.float32), np.zeros((0, 3), np.int32), np.eye(3, dtype=np.float32)
    )
    for suffix in SUFFIXES:
        path, _ = export(empty, tmp_path / f"empty{suffix}")
        with pytest.raises(VolumeError, match="no triangles"):
            read_mesh(path)


@pytest.mark.parametrize("name", ["a.nii", "a.dcm", "a", "a.json", "a.fbx"])
def test_what_is_no_mesh_file_is_told_which_are(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    assert not is_mesh_file(tmp_path / name)
    with pytest.raises(
        VolumeError, match=r"not a mesh file \(.stl .ply .obj .glb .vtp\)"
    ) as caught:
        read_mesh(tmp_path / name)
    assert caught.value.files == (str(tmp_path / name),)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_not_there_and_one_that_is_empty_are_named(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    with pytest.raises(VolumeError, match="no such file") as caught:
        read_mesh(path)
    assert caught.value.files == (str(path),)
    path.touch()
    with pytest.raises(VolumeError) as caught:
        read_mesh(path)
    assert caught.value.files == (str(path),)


# the space of files that others wrote


def test_units_and_spaces_are_found_in_words():
    assert told_in("3D Slicer output. SPACE=RAS").space == "ras"
    assert told_in("SPACE=LPS UNIT=mm").space == "lps"
    assert (told_in("made by hand").space, told_in("made by hand").unit_mm) == ("", 1)
    assert told_in("SPACE=LPS UNIT=cm").unit_mm == 10
    with pytest.raises(ValueError, match="furlong"):
        told_in("UNIT=furlong")


@pytest.mark.parametrize("suffix", VTK)
def test_where_a_file_says_nothing_lps_is_assumed_and_said(tmp_path, suffix):
    path = tmp_path / f"theirs{suffix}"
    tetrahedra(parts=False).to_pyvista().save(path)
    found = read_mesh(path)
    same_places(found.points, found.faces, tetrahedra())
    (finding,) = found.report["findings"]
    assert (finding["code"], finding["severity"]) == ("space-assumed", "warning")
    turned = read_mesh(path, space="ras")
    same_places(turned.points * HALF_TURN, turned.faces, tetrahedra())
    assert (turned.report["space"], turned.report["space_told"]) == ("RAS", False)


def test_the_metres_of_another_glb_are_taken_at_their_word_and_said(tmp_path):
    sound = tetrahedra()
    in_metres = sound.points @ np.linalg.inv(FROM_GLTF).T
    trimesh.Trimesh(in_metres, sound.faces, process=False).export(tmp_path / "theirs.glb")
    found = read_mesh(tmp_path / "theirs.glb")
    same_places(found.points, found.faces, sound, atol=1e-4)
    (finding,) = found.report["findings"]
    assert "glTF's metres" in finding["message"]
