"""STL: what VTK's reader finds in ours."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import pyvista

from grids import oblique, places
from volume.formats import stl
from volume.formats.files import export
from volume.processing.isosurface import mesh
from volume.surface import Mesh
from volume.volume import Volume


@pytest.fixture(name="ball", scope="module")
def fixture_ball() -> Mesh:
    grid = oblique((30, 32, 14), left_handed=True)
    distance = np.linalg.norm(places(grid) - grid.centre, axis=-1)
    return mesh(Volume((100 - 10 * distance).astype(np.float32), grid), 30)


def test_vtk_reads_every_triangle_where_it_is(tmp_path, ball):
    path, _ = export(ball, tmp_path / "ball.stl")
    found = pyvista.STLReader(path).read()
    assert found.n_cells == len(ball.faces)
    corners = found.points[found.regular_faces]
    np.testing.assert_array_equal(corners, ball.points[ball.faces])
    assert found.volume / 1000 == pytest.approx(ball.report["volume_ml"], rel=1e-5)


def test_every_triangle_has_its_outward_normal(tmp_path, ball):
    path, _ = export(ball, tmp_path / "ball.stl")
    content = path.read_bytes()
    (count,) = struct.unpack("<I", content[80:84])
    assert len(content) == 84 + 50 * count
    triangles = np.frombuffer(content, stl.TRIANGLE, offset=84)
    outward = triangles["corners"].mean(axis=1) - ball.points.mean(axis=0)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    assert (triangles["normal"] * outward).sum(axis=1).min() > 0.7
    np.testing.assert_allclose(np.linalg.norm(triangles["normal"], axis=1), 1, atol=1e-5)


def test_the_header_names_the_space_and_is_not_text(tmp_path, ball):
    path, _ = export(ball, tmp_path / "ball.stl")
    header = path.read_bytes()[:80]
    assert b"SPACE=LPS" in header and not header.startswith(b"solid")


def test_a_sliver_has_no_normal(tmp_path: Path):
    points = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0]], np.float32)
    sliver = Mesh(points, np.array([[0, 1, 2]], np.int32), np.zeros((3, 3), np.float32))
    path, _ = export(sliver, tmp_path / "sliver.stl")
    assert np.frombuffer(path.read_bytes(), stl.TRIANGLE, offset=84)["normal"].tolist() == [[0] * 3]
