"""Surfaces: spheres and boxes whose radius, centre and volume are known."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import pyvista

from grids import oblique, places
from volume.errors import SurfaceError
from volume.geometry import Geometry
from volume.processing.isosurface import mesh, unmeasured
from volume.surface import Mesh
from volume.volume import Volume

GRIDS = {
    "straight": Geometry((40, 40, 40), np.array([-19.5] * 3), np.ones(3), np.eye(3)),
    "oblique, anisotropic": oblique((60, 50, 24), (0.7, 0.9, 2.0)),
    "left-handed": oblique((60, 50, 24), (0.7, 0.9, 2.0), left_handed=True),
    "sheared": oblique((60, 60, 24), (0.7, 0.9, 2.0), tilt=20),
    "sheared, left-handed": oblique((60, 60, 24), (0.7, 0.9, 2.0), left_handed=True, tilt=20),
}
RADIUS = 12.0


OFFSET = np.array([1.5, -2.0, 3.0])


def ball(grid: Geometry, offset: np.ndarray = OFFSET) -> Volume:
    """Make a ball of 300 HU at its edge, 20 HU more each millimetre inwards."""
    distance = np.linalg.norm(places(grid) - grid.centre - offset, axis=-1)
    values = np.rint(300 + 20 * (RADIUS - distance))
    return Volume(values.astype(np.int16), grid, unit="HU", modality="CT")


def outward_volume(surface: Mesh) -> float:
    """Give the volume in mm³ that faces which are counter-clockwise from outside enclose."""
    a, b, c = (surface.points[surface.faces[:, n]].astype(float) for n in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c))) / 6


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("smooth", [None, 0])
def test_a_ball_has_its_radius_and_its_centre(grid, smooth):
    surface = mesh(ball(grid), 300, smooth=smooth)
    from_centre = surface.points - (grid.centre + OFFSET)
    np.testing.assert_allclose(np.linalg.norm(from_centre, axis=1), RADIUS, atol=0.15)
    np.testing.assert_allclose(from_centre.mean(axis=0), 0, atol=0.1)
    assert outward_volume(surface) == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.02)


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_faces_and_normals_look_outward(grid):
    surface = mesh(ball(grid), 300)
    outward = surface.points - (grid.centre + OFFSET)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    np.testing.assert_allclose(np.linalg.norm(surface.normals, axis=1), 1, atol=1e-5)
    assert (surface.normals * outward).sum(axis=1).min() > 0.97
    assert outward_volume(surface) > 0


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_a_body_cut_by_the_border_is_closed_there(grid):
    everywhere = Volume(np.full(grid.size[::-1], 500, np.int16), grid, modality="CT")
    everywhere.array[0, 0, 0] = -1000
    surface = mesh(everywhere, 300, smooth=0)
    steps = grid.affine[:3, :3]
    whole = abs(np.linalg.det(steps)) * np.prod(grid.size)
    assert surface.report["closed"] and surface.report["boundary_edges"] == 0
    assert outward_volume(surface) == pytest.approx(whole, rel=0.001)
    away = grid.to_index(surface.points) - (np.array(grid.size) - 1) / 2
    assert np.abs(away).max(axis=0) == pytest.approx(np.array(grid.size) / 2, abs=1e-4)


def test_pyvista_agrees_on_what_is_measured():
    surface = mesh(ball(GRIDS["left-handed"]), 300)
    theirs, report = surface.to_pyvista(), surface.report
    assert theirs.is_manifold and report["closed"]
    assert theirs.volume / 1000 == pytest.approx(report["volume_ml"], rel=1e-5)
    assert theirs.area / 100 == pytest.approx(report["area_cm2"], rel=1e-5)
    assert (report["points"], report["triangles"]) == (theirs.n_points, theirs.n_cells)
    np.testing.assert_allclose(np.ravel(report["bounds"], "F"), theirs.bounds, rtol=1e-6)
    assert (report["level"], report["unit"]) == (300, "HU")
    normals = theirs.compute_normals(consistent_normals=False, split_vertices=False)
    np.testing.assert_allclose(normals.point_data["Normals"], surface.normals, atol=0.2)


@pytest.mark.parametrize("dtype", "? u1 i1 u2 i2 u4 i4 u8 i8 f2 f4 f8 >i2".split())
def test_a_mask_of_any_type_has_a_surface_half_way(dtype):
    grid = GRIDS["straight"]
    mask = np.zeros((40, 40, 40), dtype)
    mask[10:20, 10:25, 10:30] = 1
    level = 1 if mask.dtype.kind in "iu" else 0.5
    surface = mesh(Volume(mask, grid), level, smooth=0)
    low, high = surface.report["bounds"]
    np.testing.assert_allclose(low, grid.to_world((9.5, 9.5, 9.5)), atol=1e-5)
    np.testing.assert_allclose(high, grid.to_world((29.5, 24.5, 19.5)), atol=1e-5)
    assert surface.report["closed"]


def test_a_whole_level_makes_no_triangle_collapse():
    surface = mesh(ball(GRIDS["straight"], np.zeros(3)), 300, smooth=0)
    a, b, c = (surface.points[surface.faces[:, n]].astype(float) for n in range(3))
    assert np.linalg.norm(np.cross(b - a, c - a), axis=1).min() > 0


def test_one_slice_alone_has_a_surface():
    grid = oblique((20, 20, 1))
    surface = mesh(Volume(np.pad(np.full((1, 10, 10), 9), ((0, 0), (5, 5), (5, 5))), grid), 5)
    assert surface.report["closed"]


def test_smoothing_takes_the_stairs_out():
    grid = GRIDS["straight"]
    inside = np.linalg.norm(places(grid) - grid.centre, axis=-1) < RADIUS
    volume = Volume(inside.astype(np.uint8), grid)
    stray = [
        np.linalg.norm(mesh(volume, 1, smooth=smooth).points - grid.centre, axis=1).std()
        for smooth in (0, None)
    ]
    assert stray[1] < 0.65 * stray[0]


def test_bone_is_the_level_of_a_ct():
    volume = ball(GRIDS["straight"])
    assert mesh(volume).report["level"] == 226
    np.testing.assert_array_equal(mesh(volume).points, mesh(volume, 226).points)


def test_twice_the_same_is_the_same():
    first, second = (mesh(ball(GRIDS["sheared"]), 300) for _ in range(2))
    assert first.points.tobytes() == second.points.tobytes()
    assert first.faces.tobytes() == second.faces.tobytes()


def test_the_volume_is_left_as_it_was():
    volume = ball(GRIDS["straight"])
    before = volume.array.copy()
    mesh(volume, 300)
    np.testing.assert_array_equal(volume.array, before)


@pytest.mark.parametrize("level", [-3000, 3000, float("nan"), float("inf")])
def test_a_level_outside_the_values_is_told_their_range(level):
    volume = ball(GRIDS["straight"])
    volume.array[0, 0, :2] = -1000, 1234
    with pytest.raises(SurfaceError, match="between -1000 and 1234 HU"):
        mesh(volume, level)


def test_a_level_at_the_least_value_holds_everything_and_is_refused():
    volume = ball(GRIDS["straight"])
    with pytest.raises(SurfaceError, match="no surface"):
        mesh(volume, float(volume.array.min()))


def test_other_modalities_need_a_level():
    volume = Volume(ball(GRIDS["straight"]).array, GRIDS["straight"], modality="MR")
    with pytest.raises(SurfaceError, match="needs a level; the values lie between"):
        mesh(volume)


def test_colour_has_no_level():
    with pytest.raises(SurfaceError, match="colour"):
        mesh(Volume(np.zeros((7, 8, 9, 3), np.uint8), oblique()), 1)


def test_it_needs_no_rendering_library():
    code = """if True:
        import sys
        import numpy as np
        from volume import Geometry, Volume, mesh
        grid = Geometry((3, 3, 3), np.zeros(3), np.ones(3), np.eye(3))
        array = np.zeros((3, 3, 3)); array[1, 1, 1] = 1
        assert mesh(Volume(array, grid), 0.5).report["triangles"] == 8
        print([name for name in sys.modules if "Rendering" in name or "pyvista" in name])
    """
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
    assert pyvista.PolyData().n_points == 0


def test_the_surface_to_look_at_is_the_one_that_is_measured():
    volume = ball(GRIDS["sheared, left-handed"])
    ours, plain = mesh(volume, 300), unmeasured(volume, 300)
    np.testing.assert_array_equal(plain.points, ours.points)
    np.testing.assert_array_equal(plain.faces, ours.faces)
    np.testing.assert_array_equal(plain.normals, ours.normals)
    assert plain.report == {}


CUBE = Geometry((24, 24, 24), np.zeros(3), np.ones(3), np.eye(3))


def solid(i: slice, j: slice, k: slice) -> Volume:
    """Make a box of ones, whose unsmoothed surface cuts its corners off."""
    values = np.zeros(CUBE.size[::-1], np.uint8)
    values[k, j, i] = 1
    return Volume(values, CUBE)


@pytest.mark.parametrize("smooth", [None, 20.0, 200.0, 9e8])
@pytest.mark.parametrize("length", [1, 20])
def test_smoothing_lets_no_small_body_vanish(smooth, length, capfd):
    body = solid(slice(5, 6), slice(5, 6), slice(2, 2 + length))
    plain = mesh(body, labels=True, smooth=0).report
    told = mesh(body, labels=True, smooth=smooth).report
    assert told["volume_ml"] == pytest.approx(plain["volume_ml"], rel=0.2)
    assert told["smoothing"]["unsmoothed"] == 1
    assert capfd.readouterr() == ("", "")


def test_a_large_body_beside_a_small_one_is_smoothed():
    both = solid(slice(3, 15), slice(3, 15), slice(3, 15))
    both.array[20, 20, 20] = 1
    told = mesh(both, labels=True).report
    assert (told["components"], told["smoothing"]["unsmoothed"]) == (2, 1)
    assert told["smoothing"]["moved_mm"] > 0.1


def test_voxels_that_are_no_number_lie_outside():
    grid = GRIDS["straight"]
    whole = ball(grid)
    values = whole.array.astype(np.float32)
    values[:2] = values[:, :, -3:] = np.nan
    holed = mesh(Volume(values, grid), 300)
    np.testing.assert_array_equal(holed.points, mesh(Volume(whole.array + 0.0, grid), 300).points)
    with pytest.raises(SurfaceError, match="the values lie between"):
        mesh(Volume(values, grid), 9000)


def test_infinite_values_have_a_surface_half_way():
    values = solid(slice(5, 15), slice(5, 15), slice(5, 15)).array.astype(np.float32)
    values[values == 1], values[values == 0] = np.inf, -np.inf
    surface = mesh(Volume(values, CUBE), 0, smooth=0)
    np.testing.assert_allclose(surface.points.min(axis=0), 4.5)
    np.testing.assert_allclose(surface.points.max(axis=0), 14.5)
    with pytest.raises(SurfaceError, match="whole numbers"):
        mesh(Volume(values, CUBE), labels=True)


@pytest.mark.parametrize(
    "wish",
    [
        {"smooth": np.nan},
        {"smooth": np.inf},
        {"tolerance": np.nan},
        {"tolerance": np.inf},
        {"min_volume": np.nan},
        {"clip": (-np.inf, np.inf, -np.inf, np.inf, 0, np.inf)},
    ],
    ids=str,
)
def test_what_is_no_number_is_refused(wish):
    with pytest.raises(SurfaceError):
        mesh(ball(GRIDS["straight"]), 300, **wish)


def test_a_range_may_be_open_at_an_end():
    grid = GRIDS["straight"]
    upward = mesh(ball(grid), range=(300, np.inf))
    np.testing.assert_array_equal(upward.points, mesh(ball(grid), 300).points)
    assert upward.report["range"] == [300, ball(grid).array.max()]


def test_no_volume_at_all_is_refused():
    with pytest.raises(SurfaceError, match="no volume"):
        mesh(())
