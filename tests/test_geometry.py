"""Index and place: checked against ITK, nibabel and the formula."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grids import noise, oblique, places
from volume.geometry import Geometry

GRIDS = {
    "oblique": oblique(),
    "left-handed": oblique(left_handed=True),
    "sheared": oblique(tilt=15),
}
NUMBERS = st.floats(-500, 500)


@pytest.fixture(params=GRIDS, name="grid")
def fixture_grid(request) -> Geometry:
    return GRIDS[request.param]


def test_places_are_those_of_simpleitk(grid):
    image = noise(grid).to_sitk()
    for ijk in ((0, 0, 0), (8, 7, 6), (3, 1, 4)):
        np.testing.assert_allclose(
            grid.to_world(ijk), image.TransformIndexToPhysicalPoint(ijk), atol=1e-9
        )
    there = image.TransformPhysicalPointToContinuousIndex((1.0, 2.0, 3.0))
    np.testing.assert_allclose(grid.to_index((1.0, 2.0, 3.0)), there, atol=1e-9)


def test_whole_arrays_of_indices_are_mapped(grid):
    ijk = np.moveaxis(np.indices(grid.size[::-1])[::-1], 0, -1)
    np.testing.assert_allclose(grid.to_world(ijk), places(grid), atol=1e-9)


@given(ijk=st.tuples(NUMBERS, NUMBERS, NUMBERS), name=st.sampled_from(sorted(GRIDS)))
def test_index_and_place_undo_each_other(ijk, name):
    grid = GRIDS[name]
    np.testing.assert_allclose(grid.to_index(grid.to_world(ijk)), ijk, atol=1e-8)


def test_the_affines_place_voxels_in_lps_and_ras(grid):
    lps = grid.affine @ (8, 7, 6, 1)
    ras = grid.ras_affine @ (8, 7, 6, 1)
    np.testing.assert_allclose(lps[:3], places(grid)[6, 7, 8], atol=1e-9)
    np.testing.assert_allclose(ras, lps * (-1, -1, 1, 1), atol=1e-9)


def test_an_affine_gives_the_grid_back(grid):
    again = Geometry.from_affine(grid.size, grid.affine)
    assert again.matches(grid, 1e-9)
    np.testing.assert_allclose(again.spacing, grid.spacing)
    np.testing.assert_allclose(again.direction, grid.direction, atol=1e-12)


def test_the_letters_are_those_of_nibabel(grid):
    assert grid.orientation == "".join(nibabel.aff2axcodes(grid.ras_affine))


def test_an_axial_ct_is_lps():
    grid = Geometry((512, 512, 300), np.zeros(3), np.array([0.7, 0.7, 1]), np.eye(3))
    assert grid.orientation == "LPS"
    assert repr(grid) == "Geometry(512 x 512 x 300, 0.7 x 0.7 x 1 mm, LPS)"


def test_the_middle_and_the_corners(grid):
    np.testing.assert_allclose(grid.centre, places(grid).reshape(-1, 3).mean(axis=0), atol=1e-9)
    everywhere = places(grid)
    ends = [everywhere[k, j, i] for i in (0, 8) for j in (0, 7) for k in (0, 6)]
    np.testing.assert_allclose(grid.corners, ends, atol=1e-9)


@pytest.mark.parametrize(
    ("tilt", "sheared"), [(0, False), (0.005, False), (0.01, True), (15, True)]
)
def test_a_shear_is_seen_from_a_hundredth_of_a_degree(tilt, sheared):
    assert oblique(tilt=tilt).is_sheared is sheared


def test_grids_match_within_a_micrometre():
    grid = oblique()
    near = Geometry(grid.size, grid.origin + 5e-4, grid.spacing, grid.direction)
    assert near.matches(grid) and not near.matches(grid, within_mm=1e-4)
    assert not Geometry((9, 8, 6), grid.origin, grid.spacing, grid.direction).matches(grid)


def test_a_grid_cannot_be_changed():
    source = np.zeros(3)
    grid = Geometry((1, 1, 1), source, np.ones(3), np.eye(3))
    source[0] = 7
    assert grid.origin[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        grid.origin[0] = 7


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"size": (0, 1, 1)}, "at least 1"),
        ({"size": (1, 1)}, "three sizes"),
        ({"origin": np.array([np.nan, 0, 0])}, "finite"),
        ({"spacing": np.array([1, 1, np.inf])}, "finite"),
        ({"spacing": np.array([1, 1, 0])}, "positive"),
        ({"spacing": np.array([1, 1, -1])}, "positive"),
        ({"direction": np.ones((3, 3))}, "span space"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(change, told):
    good = {"size": (1, 1, 1), "origin": np.zeros(3), "spacing": np.ones(3), "direction": np.eye(3)}
    with pytest.raises(ValueError, match=told):
        Geometry(**{**good, **change})


def test_an_affine_with_an_axis_of_no_length_is_refused():
    with pytest.raises(ValueError, match="no grid"):
        Geometry.from_affine((1, 1, 1), np.diag([1, 0, 1, 1]))
