"""A mesh in which no flip, swap or turn can hide, and what a mesh file's tests need of it."""

from __future__ import annotations

import numpy as np

from volume.surface import Mesh, Part

CORNERS = np.array(
    [[-31.7, 12.25, 104.5], [41.3, -7.1, 99.9], [3.3, 62.7, 87.1], [-5.9, 8.2, -153.4]], np.float32
)
"""A tetrahedron: no two sides alike, its middle nowhere near 0."""
AWAY = np.array([200.5, -300.25, 17.125], np.float32)
OUTWARD = np.array([[0, 1, 2], [0, 3, 1], [1, 3, 2], [0, 2, 3]], np.int32)
RED, BLUE = (0.9, 0.1, 0.2), (0.1, 0.3, 0.8)


def outward() -> np.ndarray:
    """Give the faces counter-clockwise from outside, whichever way `OUTWARD` runs."""
    a, b, c = (CORNERS[OUTWARD[:, n]].astype(float) for n in range(3))
    volume = np.einsum("ij,ij->", a - CORNERS.mean(axis=0), np.cross(b - a, c - a))
    return OUTWARD if volume > 0 else np.ascontiguousarray(OUTWARD[:, ::-1])


def tetrahedra(*, parts: bool = True) -> Mesh:
    """Make two of them, the second half as large and `AWAY` from the first."""
    points = np.concatenate([CORNERS, CORNERS / 2 + AWAY])
    faces = np.concatenate([outward(), outward() + len(CORNERS)])
    middles = np.repeat([CORNERS.mean(axis=0), CORNERS.mean(axis=0) / 2 + AWAY], 4, axis=0)
    normals = points - middles
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    named = (Part("liver", 0, 4, RED), Part("left kidney", 4, 4, BLUE)) if parts else ()
    return Mesh(points, faces, normals.astype(np.float32), {}, named)


def triangles_at(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Give the (m, 3, 3) corners in one order, whatever points and faces are called.

    Which corner of a face comes first does not matter; the way round does.
    """
    corners = np.asarray(points, np.float32)[np.asarray(faces)]
    first = [min(range(3), key=lambda n, c=corner: tuple(c[n])) for corner in corners]
    turned = np.stack(
        [np.roll(corner, -n, axis=0) for corner, n in zip(corners, first, strict=True)]
    )
    return np.stack(sorted(turned, key=lambda corner: corner.ravel().tolist()))


def same_places(points: np.ndarray, faces: np.ndarray, mesh: Mesh, atol: float = 0) -> None:
    """See that the same triangles lie at the same places, each the same way round."""
    np.testing.assert_allclose(
        triangles_at(points, faces), triangles_at(mesh.points, mesh.faces), rtol=0, atol=atol
    )
