"""Mesh files that are damaged or mean harm: refused and named, in little time and memory."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_samples import tetrahedra
from test_mesh_readers import OBJ, glb, ply_house, scene, written_by_vtk
from volume.errors import VolumeError
from volume.formats.files import export
from volume.formats.meshes import read_mesh
from volume.surface import Mesh

MOST_BYTES = 32 << 20
"""No file here has more than some thousand bytes, where nothing else is said."""
LONGEST_S = 10


@cache
def good() -> dict[str, tuple[str, bytes]]:
    """Give good files of every kind by name: the suffix and the content."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        made = {
            f"ours{suffix}": (suffix, export(tetrahedra(), folder / f"a{suffix}")[0].read_bytes())
            for suffix in (".stl", ".ply", ".obj", ".glb", ".vtp")
        }
        surface = tetrahedra().to_pyvista()
        surface.save(folder / "t.stl", binary=False)
        made["text.stl"] = (".stl", (folder / "t.stl").read_bytes())
        for order in ("ascii", "binary_little_endian", "binary_big_endian"):
            made[f"{order}.ply"] = (".ply", ply_house(order))
        made["polygons.obj"] = (".obj", "\n".join(OBJ).encode())
        made["scene.glb"] = (".glb", glb(*scene()))
        for mode in ("Ascii", "Binary", "Appended", "Raw"):
            for compressor in ("None", "ZLib"):
                path = written_by_vtk(folder, mode, compressor)
                made[f"{mode}-{compressor}.vtp"] = (".vtp", path.read_bytes())
    return made


NAMES = sorted(good())


@contextmanager
def bounded(most: int = MOST_BYTES) -> Iterator[None]:
    """See that what is done inside takes little memory and time."""
    tracemalloc.start()
    began = time.monotonic()
    try:
        yield
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < most
    assert time.monotonic() - began < LONGEST_S


def outcome(folder: Path, suffix: str, content: bytes, most: int = MOST_BYTES) -> Mesh | str:
    """Read a file: a sound mesh, or what the error that names the file says."""
    path = folder / f"hostile{suffix}"
    path.write_bytes(content)
    with bounded(most):
        try:
            mesh = read_mesh(path)
        except VolumeError as error:
            assert error.files == (str(path),)
            return error.what
    assert np.isfinite(mesh.points).all() and np.isfinite(mesh.normals).all()
    assert mesh.faces.min() >= 0 and mesh.faces.max() < len(mesh.points)
    return mesh


@pytest.mark.parametrize("name", NAMES)
def test_good_ones_are_read(tmp_path, name):
    assert isinstance(outcome(tmp_path, *good()[name]), Mesh)


@pytest.mark.parametrize("name", NAMES)
def test_cut_anywhere_it_is_refused(tmp_path, name):
    """But for what stands behind the faces; another's OBJ has no end that could be missed."""
    suffix, content = good()[name]
    whole = outcome(tmp_path, suffix, content)
    for end in range(0, len(content) - 1, max(1, len(content) // 150)):
        found = outcome(tmp_path, suffix, content[:end])
        if isinstance(found, Mesh):
            assert name == "polygons.obj" or len(found.faces) == len(whole.faces)


@settings(max_examples=400)
@given(data=st.data())
def test_whatever_is_changed_it_is_a_sound_mesh_or_refused(tmp_path_factory, data):
    suffix, content = good()[data.draw(st.sampled_from(NAMES))]
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(changed) - 1)))
        kind = data.draw(st.sampled_from(["byte", "number", "cut", "repeat"]))
        if kind == "byte":
            changed[at : at + 1] = data.draw(st.binary(min_size=1, max_size=4))
        elif kind == "number":
            changed[at : at + 4] = data.draw(st.sampled_from(NUMBERS))
        elif kind == "cut":
            del changed[at : at + data.draw(st.integers(1, 40))]
        else:
            changed[at:at] = changed[at : at + data.draw(st.integers(1, 200))]
    outcome(tmp_path_factory.mktemp("x"), suffix, bytes(changed))


NUMBERS = [
    b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\x80\x7f", b"\xff\xff\xff\x7f", b" 99999999999999999 ",
    b" -1 ", b" nan ", b" 1e400 ", b" inf ", b" 0 ", b'"', b"\n", b" 1e30 ",
]  # fmt: skip


@settings(max_examples=150)
@given(st.sampled_from([".stl", ".ply", ".obj", ".glb", ".vtp"]), st.binary(max_size=300))
def test_noise_is_refused(tmp_path_factory, suffix, content):
    assert isinstance(outcome(tmp_path_factory.mktemp("x"), suffix, content), str)


def ply(elements: str, body: bytes = b"", order: str = "binary_little_endian") -> bytes:
    return f"ply\nformat {order} 1.0\n{elements}\nend_header\n".encode() + body


XYZ = "property float x\nproperty float y\nproperty float z"
FACES = "property list uchar int vertex_indices"
MANY = 10**15
TRIANGLE = ply(f"element vertex 3\n{XYZ}\nelement face 1\n{FACES}")


def vtp(body: str, root: str = 'compressor="vtkZLibDataCompressor"') -> bytes:
    return (
        f'<VTKFile type="PolyData" byte_order="LittleEndian" header_type="UInt64" {root}>'
        f"<PolyData>{body}</PolyData>"
    ).encode()


def bomb(blocks: int) -> bytes:
    """Make zlib blocks of 16 MiB of zeros each, as VTK stores them."""
    block = zlib.compress(bytes(16 << 20), 9)
    header = struct.pack("<3Q", blocks, 16 << 20, 0) + struct.pack("<Q", len(block)) * blocks
    return header + block * blocks


PIECE = f'<Piece NumberOfPoints="{MANY}" NumberOfPolys="{MANY}">'
ARRAY = '<DataArray type="Float32" NumberOfComponents="3" format="{}" offset="0">{}</DataArray>'
HUGE_GLB = {
    "accessors": [{"bufferView": 0, "componentType": 5126, "count": 2**31, "type": "VEC3"}] * 2
}

BOMBS = {
    "stl of 4 G triangles": (".stl", bytes(80) + b"\xff" * 4),
    "stl of text without an end": (".stl", b"solid\n" + b"facet normal 0 0 0\n" * 40),
    "stl of signalling NaN": (".stl", bytes(80) + b"\1\0\0\0" + b"\1\0\x80\x7f" * 12 + bytes(2)),
    "stl of text too large": (
        ".stl",
        b"solid\nfacet\nouter\n" + b"vertex 1e400 1 1\n" * 3 + b"endloop\nendfacet\nendsolid",
    ),
    "ply of faces that are no numbers": (
        ".ply",
        ply(f"element vertex 3\n{XYZ}\nelement face 1\n{FACES}", order="ascii")
        + b"0 0 0 1 1 1 2 2 2 3 nan inf 1",
    ),
    "ply of many points": (".ply", ply(f"element vertex {MANY}\n{XYZ}")),
    "ply of many points as text": (".ply", ply(f"element vertex {MANY}\n{XYZ}", order="ascii")),
    "ply of many rows of nothing": (".ply", ply(f"element nothing {MANY}")),
    "ply of more than any number": (".ply", ply(f"element vertex {'9' * 5000}\n{XYZ}")),
    "ply of long lists": (
        ".ply",
        ply("element face 1\nproperty list uint int vertex_indices", b"\xff" * 40),
    ),
    "ply of negative lists": (
        ".ply",
        ply("element face 2\nproperty list int int vertex_indices", b"\xff" * 40),
    ),
    "ply whose faces name no point": (
        ".ply",
        TRIANGLE + bytes(36) + struct.pack("<B3i", 3, 0, 1, 9),
    ),
    "ply whose faces name points below 0": (
        ".ply",
        TRIANGLE + bytes(36) + struct.pack("<B3i", 3, 0, 1, -1),
    ),
    "ply of a face of two": (".ply", TRIANGLE + bytes(36) + struct.pack("<B2i", 2, 0, 1)),
    "ply of points that are no numbers": (
        ".ply",
        TRIANGLE + b"\xff" * 36 + struct.pack("<B3i", 3, 0, 1, 2),
    ),
    "obj whose face goes back too far": (".obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf -1 -2 -4\n"),
    "obj whose face names no point": (".obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 4\n"),
    "obj whose face names 0": (".obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 0 1 2\n"),
    "obj of a number too large": (".obj", b"v 0 0 0\nf 1 1 99999999999999999999999\n"),
    "obj of a number without end": (".obj", b"v 0 0 0\nf 1 1 " + b"9" * 9000 + b"\n"),
    "obj of places too far": (".obj", b"v 1e300 0 0\nf 1 1 1\n"),
    "obj of infinity": (".obj", b"v inf 0 0\nf 1 1 1\n"),
    "obj of a face of two": (".obj", b"v 0 0 0\nf 1 1\n"),
    "obj of a point of two": (".obj", b"v 0 0\nf 1 1 1\n"),
    "glb of deep json": (".glb", b""),
    "glb of 2 G points": (".glb", glb(*scene(**HUGE_GLB))),
    "vtp of many points": (
        ".vtp",
        vtp(f"{PIECE}<Points>{ARRAY.format('ascii', '0 0 0')}</Points>"),
    ),
    "vtp of deep tags": (".vtp", vtp("<a>" * 1000)),
    "vtp of many tags": (".vtp", vtp("<a/>" * 200_000)),
    "vtp of a tag without end": (".vtp", vtp("<a " + " " * 200_000)),
    "vtp of many blocks": (
        ".vtp",
        vtp(f"{PIECE}<Points>{ARRAY.format('binary', '/////////38=')}</Points>"),
    ),
    "vtp that says too much": (
        ".vtp",
        vtp(f"{PIECE}<Points>{ARRAY.format('binary', '/////////38=')}</Points>", ""),
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_means_harm_is_refused(tmp_path, name):
    suffix, content = BOMBS[name]
    if name == "glb of deep json":
        deep = b"[" * 100_000
        content = struct.pack("<4sIII4s", b"glTF", 2, 20 + len(deep), len(deep), b"JSON") + deep
    assert isinstance(outcome(tmp_path, suffix, content), str)


def test_numbers_that_inflate_beyond_memory_are_refused_in_figures(tmp_path):
    packed = bomb(1)
    header = struct.pack("<3Q", 1, 1 << 50, 0) + packed[24:]
    array = ARRAY.format("appended", "")
    content = vtp(f"{PIECE}<Points>{array}</Points></Piece>") + b'<AppendedData encoding="raw">_'
    assert "more than it can" in str(outcome(tmp_path, ".vtp", content + header))
    sized = outcome(tmp_path, ".vtp", content + packed, most=64 << 20)
    assert "not as many as it says" in str(sized)


def test_a_long_line_is_refused(tmp_path):
    told = outcome(tmp_path, ".obj", b"v 0 0 0\nf " + b"1 " * (4 << 20), most=64 << 20)
    assert "longer than" in str(told)


@pytest.mark.parametrize(
    ("suffix", "unit"),
    [
        (".obj", b"v 0 0 0\nf 1 1 1\n"),
        (".obj", b"g a\nf 1 1 1\n"),
        (".obj", b"\n"),
        (".obj", b"\\\n"),
        (".stl", b"vertex 1 2 3\n"),
        (".vtp", b"<a "),
        (".vtp", b"<!--"),
        (".vtp", b"<"),
        (".ply", b"comment \n"),
    ],
)
def test_much_of_the_same_takes_no_long_time(tmp_path, suffix, unit):
    start = {".stl": b"solid\n", ".ply": b"ply\n", ".obj": b"v 0 0 0\n", ".vtp": b""}[suffix]
    path = tmp_path / f"long{suffix}"
    path.write_bytes(start + unit * ((4 << 20) // len(unit)))
    began = time.monotonic()
    try:
        read_mesh(path)
    except VolumeError as error:
        assert error.files == (str(path),)
    assert time.monotonic() - began < LONGEST_S


def test_lists_of_nothing_are_counted_before_they_are_read(tmp_path):
    path = tmp_path / "a.ply"
    path.write_bytes(ply(f"element face 6000000\n{FACES}", bytes(5_999_999) + b"\1\0\0\0\0"))
    with pytest.raises(VolumeError, match="different numbers of corners"):
        read_mesh(path)


def test_an_instance_is_counted_each_time(tmp_path):
    nodes = [{"children": list(range(1, 40_001))}, *({"mesh": 0} for _ in range(40_000))]
    points = np.zeros((3000, 3), "<f4")
    document, _ = scene(
        nodes=nodes,
        accessors=[
            {"bufferView": 0, "componentType": 5126, "count": 3000, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5121, "count": 3, "type": "SCALAR"},
        ],
        bufferViews=[
            {"buffer": 0, "byteLength": 36000},
            {"buffer": 0, "byteOffset": 36000, "byteLength": 3},
        ],
    )
    content = glb(document, points.tobytes() + bytes([0, 1, 2]))
    assert "more than a file of this size" in str(
        outcome(tmp_path, ".glb", content, most=512 << 20)
    )
