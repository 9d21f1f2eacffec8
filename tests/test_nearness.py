"""How far a reduced surface lies away: what is told without measuring is never less."""

from __future__ import annotations

import numpy as np
import pytest
import pyvista

from test_decimation import bumpy
from volume.processing import nearness
from volume.processing.decimation import _reduce
from volume.processing.nearness import farthest_from, unreduced
from volume.processing.stars import Stars, _near


def away(places: np.ndarray, points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Give the distance of every place to a surface, by pyvista."""
    other = pyvista.PolyData.from_regular_faces(points.astype(float), faces)
    found = pyvista.PolyData(places.astype(float)).compute_implicit_distance(other)
    return np.abs(np.asarray(found["implicit_distance"]))


def spread(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Give random places within faces: (8, m, 3)."""
    u, v = np.random.default_rng(2).random((2, 8, len(faces), 1))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    a, b, c = (points[faces[:, n]].astype(float) for n in range(3))
    return a + u * (b - a) + v * (c - a)


@pytest.mark.parametrize("fraction", [0.5, 0.9, 0.98])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_place_of_a_face_is_further_than_its_corners_slid(fraction, seed):
    points, faces = bumpy(seed=seed)
    made = _reduce(unreduced(points, faces), fraction)
    pair = nearness._Pair(points, faces, made)
    there = away(spread(points, faces).reshape(-1, 3), made.points, made.faces).reshape(8, -1)
    assert (there.max(axis=0) <= pair.faces_slid + 1e-4).all()
    assert np.isfinite(pair.faces_slid).mean() > 0.9
    back = away(spread(made.points, made.faces).reshape(-1, 3), points, faces).reshape(8, -1)
    assert (back.max(axis=0) <= pair.faces_slid_back + 1e-4).all()


@pytest.mark.parametrize("fraction", [0.5, 0.9, 0.98])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_is_measured_is_what_measuring_every_corner_gives(fraction, seed):
    points, faces = bumpy(seed=seed)
    made = _reduce(unreduced(points, faces), fraction)
    there = away(points, made.points, made.faces).max()
    back = away(made.points, points, faces).max()
    told = farthest_from(points, faces, made)
    assert told.mm >= max(there, back) - 1e-4
    places = away(spread(points, faces).reshape(-1, 3), made.points, made.faces).max()
    places_back = away(spread(made.points, made.faces).reshape(-1, 3), points, faces).max()
    assert told.at_most >= max(told.mm, there, back, places, places_back) - 1e-4


def test_a_part_of_a_surface_is_near_enough_to_measure_to():
    points, faces = bumpy()
    rng = np.random.default_rng(3)
    places = (points[rng.integers(0, len(points), 20)] + rng.normal(size=(20, 3))).astype("f4")
    whole = away(places, points, faces)
    part = _near(points, faces, places, float(whole.max()) + 2)
    assert len(part) < len(faces)
    np.testing.assert_allclose(away(places, points, part), whole, atol=1e-5)
    stars = Stars(points, faces, np.arange(10))
    np.testing.assert_allclose(stars.search(places, whole.max())[0], whole, atol=1e-4)
