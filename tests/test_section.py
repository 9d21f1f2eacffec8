"""Where a plane cuts a mesh: by the geometry of a ball and of a tetrahedron, and by VTK."""

from __future__ import annotations

import numpy as np
import pytest
import pyvista

from mesh_samples import tetrahedra
from volume.formats.raw_mesh import normals_of
from volume.processing.section import Cutter, section
from volume.surface import Mesh

CENTRE, RADIUS = np.array([12.5, -40.25, 88.0]), 30.0


def ball() -> Mesh:
    surface = pyvista.Icosphere(radius=RADIUS, center=CENTRE, nsub=5)
    points = surface.points.astype(np.float32)
    faces = surface.regular_faces.astype(np.int32)
    return Mesh(points, faces, normals_of(points, faces))


@pytest.mark.parametrize("normal", [(0, 0, 1), (1, 0, 0), (0.36, -0.48, 0.8)])
@pytest.mark.parametrize("height", [-21.3, 0.1, 12.0])
def test_a_ball_is_cut_in_a_circle(normal, height):
    origin = CENTRE + height * np.array(normal)
    ends = section(ball(), origin, normal)
    np.testing.assert_allclose((ends - origin) @ normal, 0, atol=1e-4)
    radius = np.linalg.norm(ends - origin, axis=-1)
    np.testing.assert_allclose(radius, np.sqrt(RADIUS**2 - height**2), atol=0.05)
    length = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=-1).sum()
    assert length == pytest.approx(2 * np.pi * np.sqrt(RADIUS**2 - height**2), rel=0.002)


def test_parallel_cuts_in_a_row_are_each_their_own():
    cutter, normal = Cutter(ball()), (0.36, -0.48, 0.8)
    for height in (-11.0, 0.0, 7.5, 40.0):
        origin = CENTRE + height * np.array(normal)
        np.testing.assert_array_equal(cutter.cut(origin, normal), section(ball(), origin, normal))
    np.testing.assert_array_equal(cutter.cut(CENTRE, (1, 0, 0)), section(ball(), CENTRE, (1, 0, 0)))


def test_the_outline_of_a_closed_mesh_is_closed():
    ends = np.round(section(ball(), CENTRE + np.array([0, 0, 3.3]), (0, 0, 1)), 4).reshape(-1, 3)
    _, counts = np.unique(ends, axis=0, return_counts=True)
    assert (counts == 2).all()


def test_a_plane_through_corners_and_one_beside_everything():
    mesh = tetrahedra()
    through = section(mesh, mesh.points[0], (0, 0, 1))
    assert np.isfinite(through).all()
    assert section(mesh, (0, 0, 1000), (0, 0, 1)).shape == (0, 2, 3)


def test_vtk_cuts_the_same():
    mesh, origin, normal = tetrahedra(), (10.0, 5.0, 60.0), np.array([0.6, 0, 0.8])
    theirs = mesh.to_pyvista().slice(normal=normal, origin=origin)
    ours = np.unique(np.round(section(mesh, origin, normal).reshape(-1, 3), 3), axis=0)
    np.testing.assert_allclose(ours, np.unique(np.round(theirs.points, 3), axis=0), atol=2e-3)
