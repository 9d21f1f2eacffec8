"""Fewer triangles: closed as before, and as near as is said, by another library's measure."""

from __future__ import annotations

import numpy as np
import pytest
import pyvista

from volume.geometry import Geometry
from volume.processing.crossing import Span, cross
from volume.processing.decimation import reduce, reduce_within
from volume.processing.isosurface import mesh
from volume.processing.topology import Edges, edges_of, repair
from volume.volume import Volume

GRID = Geometry((40, 36, 32), np.zeros(3), np.array([0.7, 0.8, 1.1]), np.eye(3))


def bumpy(grid: Geometry = GRID, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Make a surface of smooth noise, in several pieces and with handles."""
    waves = np.random.default_rng(seed).normal(size=(12, 3)) * 0.25
    k, j, i = np.indices(grid.size[::-1])
    phases = [i * a + j * b + k * c for a, b, c in waves]
    values = np.sum([np.cos(one + n) for n, one in enumerate(phases)], axis=0)
    found = cross(values, Span(1.5), grid)
    return found.points, found.faces


def distances(points: np.ndarray, faces: np.ndarray, other_points, other_faces) -> float:
    """Give the largest distance of random places on one surface to another, by pyvista."""
    rng = np.random.default_rng(1)
    a, b, c = (points[faces[:, n]].astype(float) for n in range(3))
    u, v = rng.random((2, len(faces), 1))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    places = pyvista.PolyData(a + u * (b - a) + v * (c - a))
    other = pyvista.PolyData.from_regular_faces(other_points, other_faces)
    return float(np.abs(places.compute_implicit_distance(other)["implicit_distance"]).max())


@pytest.mark.parametrize("fraction", [0.3, 0.7, 0.95])
def test_no_place_lies_further_than_is_said(fraction):
    points, faces = bumpy()
    made, far = reduce(points, faces, fraction)
    there = distances(points, faces, made.points, made.faces)
    assert there <= far.at_most + 1e-4
    assert far.mm <= far.at_most
    assert far.mm <= 1.5 * max(there, distances(made.points, made.faces, points, faces))


@pytest.mark.parametrize("mm", [0.02, 0.1, 0.5])
def test_a_tolerance_is_kept_and_used(mm):
    points, faces = bumpy()
    made, far = reduce_within(points, faces, mm)
    assert far.mm <= mm
    assert distances(points, faces, made.points, made.faces) <= mm * 1.05
    assert len(made.faces) < 0.8 * len(faces)
    assert edges_of(made.faces, len(made.points)) == Edges(0, 0)


@pytest.mark.parametrize("seed", range(4))
def test_what_was_closed_stays_closed_and_manifold(seed):
    points, faces = bumpy(seed=seed)
    made, _ = reduce(points, faces, 0.95)
    assert edges_of(made.faces, len(made.points)) == Edges(0, 0)
    assert pyvista.PolyData.from_regular_faces(made.points, made.faces).is_manifold


def test_stretch_by_stretch_gives_nearly_as_good_a_surface(monkeypatch):
    points, faces = bumpy()
    whole, far = reduce(points, faces, 0.9)
    monkeypatch.setattr("volume.processing.decimation.AT_A_TIME", 8000)
    made, far_too = reduce(points, faces, 0.9)
    assert edges_of(made.faces, len(made.points)) == Edges(0, 0)
    assert len(made.faces) < 1.05 * len(whole.faces)
    assert far_too.mm < 3 * far.mm


def test_a_small_surface_does_not_vanish():
    mask = np.zeros((40, 40, 40), np.uint8)
    mask[5:35, 5:35, 5:30] = 1
    mask[20, 20, 35] = 1  # a voxel alone: eight triangles
    grid = Geometry((40, 40, 40), np.zeros(3), np.ones(3), np.eye(3))
    found = cross(mask, Span(1, 1, between=False), grid)
    made, far = reduce(found.points, found.faces, 0.98)
    assert made.points[:, 0].max() == 35.5
    assert far.mm < 1


def cube(low: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    box = pyvista.Box((*(float(x) for n in low for x in (n, n + 1)),)).triangulate().clean()
    return np.asarray(box.points, np.float32), box.regular_faces.astype(np.int32)


def welded(*boxes: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Join surfaces, their points at the same place being one."""
    first = np.cumsum([0, *(len(points) for points, _ in boxes)])
    faces = np.concatenate([faces + at for (_, faces), at in zip(boxes, first, strict=False)])
    points, number = np.unique(
        np.concatenate([points for points, _ in boxes]), axis=0, return_inverse=True
    )
    return points, number.reshape(-1)[faces].astype(np.int32)


def test_bodies_that_touch_along_an_edge_are_parted():
    points, faces = welded(cube((0, 0, 0)), cube((1, 1, 0)))
    assert edges_of(faces, len(points)) == Edges(0, 1)
    parted, corners, _ = repair(points, faces)
    assert edges_of(corners, len(parted)) == Edges(0, 0)
    np.testing.assert_array_equal(parted[: len(points)], points)
    assert len(parted) == len(points) + 2


def test_a_body_that_touches_itself_has_two_edges_there():
    ring = [(0, 0, 0), (1, 1, 0), (0, 1, 1), (1, 0, 1), (0, 0, 2), (1, 1, 2)]
    points, faces = welded(*map(cube, ring))
    before = edges_of(faces, len(points))
    assert before.non_manifold > 0
    parted, corners, _ = repair(points, faces)
    assert edges_of(corners, len(parted)) == Edges(0, 0)


def test_faces_back_to_back_and_collapsed_ones_are_dropped():
    points, faces = cube((0, 0, 0))
    flap = np.array([[0, 1, 2], [2, 1, 0], [0, 0, 5]], np.int32)
    _, corners, _ = repair(points, np.concatenate((faces, flap)))
    assert sorted(map(tuple, corners)) == sorted(map(tuple, faces))


def test_edges_of_one_face_are_counted():
    faces = np.array([[0, 1, 2], [2, 1, 3]], np.int32)
    assert edges_of(faces, 4) == Edges(4, 0)
    tetrahedron = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]], np.int32)
    assert edges_of(tetrahedron, 4) == Edges(0, 0)
    assert edges_of(tetrahedron[:3], 4) == Edges(3, 0)


def test_every_way_in_which_voxels_lie_together_gives_a_closed_surface():
    """Two triangles' shared edge lies in two cubes at most: all 4096 pairs of cubes are here."""
    mask = (np.random.default_rng(0).random((90, 90, 90)) < 0.5).astype(np.uint8)
    pair = np.zeros((89, 89, 88), int)
    for n, (a, b, c) in enumerate(np.ndindex(2, 2, 3)):
        pair |= mask[a : a + 89, b : b + 89, c : c + 88].astype(int) << n
    assert len(np.unique(pair)) == 4096
    grid = Geometry((90, 90, 90), np.zeros(3), np.ones(3), np.eye(3))
    for turned in (mask, mask.transpose(2, 0, 1), mask.transpose(1, 2, 0)):
        found = cross(turned, Span(1, 1, between=False), grid)
        assert edges_of(found.faces, len(found.points)) == Edges(0, 0)


@pytest.mark.parametrize("how", [{"reduce": 0.9}, {"tolerance": 0.5}], ids=str)
def test_no_two_points_of_a_reduced_surface_lie_at_one_place(how):
    """A reader of STL knows points by their places alone: it would make them one again."""
    noise = np.random.default_rng(0).normal(size=(30, 30, 30)).astype(np.float32)
    grid = Geometry((30, 30, 30), np.zeros(3), np.ones(3), np.eye(3))
    made = mesh(Volume(noise, grid), 0.5, **how)
    _, place = np.unique(made.points, axis=0, return_inverse=True)
    edges = place.reshape(-1)[made.faces][:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    _, shared = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
    assert set(shared.tolist()) == {2}
