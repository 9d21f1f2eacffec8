"""PLY: what VTK's reader finds in ours."""

from __future__ import annotations

import numpy as np
import pyvista

from volume.formats.files import export
from volume.surface import Mesh


def many_triangles() -> Mesh:
    """Make a strip longer than a batch, no two points or normals alike."""
    n = 70_000
    points = np.stack([np.arange(n), np.arange(n) % 2, np.zeros(n)], axis=1).astype(np.float32)
    faces = np.stack([np.arange(n - 2), np.arange(1, n - 1), np.arange(2, n)], axis=1)
    normals = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)
    return Mesh(points, faces.astype(np.int32), normals)


def test_vtk_reads_every_point_normal_and_face(tmp_path):
    strip = many_triangles()
    path, _ = export(strip, tmp_path / "strip.ply")
    found = pyvista.PLYReader(path).read()
    np.testing.assert_array_equal(found.points, strip.points)
    np.testing.assert_array_equal(found.regular_faces, strip.faces)
    np.testing.assert_array_equal(found.point_data["Normals"], strip.normals)


def test_a_comment_names_the_space(tmp_path):
    path, _ = export(many_triangles(), tmp_path / "strip.ply")
    header = path.read_bytes().partition(b"end_header\n")[0]
    assert b"\ncomment volume SPACE=LPS UNIT=mm\n" in header
