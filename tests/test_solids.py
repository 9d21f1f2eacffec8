"""Solids written as DICOM come out as surfaces of their own size, in their own place."""

from __future__ import annotations

import numpy as np
import pytest

import volume
from blobs import ACQUISITIONS, BLOBS, blob_volume
from grids import turned
from shapes import LEVEL, ball, both, box, solid_series, without
from shared_data import folder

CENTRE, RADIUS = np.array([1.3, -2.2, 0.7]), 20.0
WITHIN = 0.005
"""Of a sphere's radius, area and volume, and of its radius in mm the centre's place."""


def oblique_matrix(spacing: tuple[float, float, float], size: tuple[int, int, int]) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = turned() * spacing
    matrix[:3, 3] = CENTRE - matrix[:3, :3] @ ((np.array(size) - 1) / 2)
    return matrix


@pytest.fixture(scope="module")
def sphere(tmp_path_factory):
    return volume.load(solid_series(tmp_path_factory.mktemp("ball"), ball(CENTRE, RADIUS)))


def assert_is_the_sphere(surface, within=WITHIN):
    from_centre = surface.points.astype(float) - CENTRE
    radii = np.linalg.norm(from_centre, axis=1)
    a, b, c = (from_centre[surface.faces[:, n]] for n in range(3))
    six = np.einsum("ij,ij->i", a, np.cross(b, c))
    middle = (six[:, None] * (a + b + c) / 4).sum(axis=0) / six.sum()
    report = surface.report
    assert radii.mean() == pytest.approx(RADIUS, rel=within)
    assert np.linalg.norm(middle) < within * RADIUS
    assert report["area_cm2"] == pytest.approx(4 * np.pi * RADIUS**2 / 100, rel=within)
    assert report["volume_ml"] == pytest.approx(4 / 3 * np.pi * RADIUS**3 / 1000, rel=within)
    assert report["closed"] and (report["components"], report["shells"]) == (1, 1)


@pytest.mark.parametrize("smooth", [None, 0, 2, 5, 10, 20])
def test_a_sphere_keeps_its_size_and_place_however_it_is_smoothed(sphere, smooth):
    assert_is_the_sphere(volume.mesh(sphere, LEVEL, smooth=smooth))


@pytest.mark.parametrize("how", [{"reduce": 0.8}, {"tolerance": 0.05}])
def test_a_sphere_keeps_its_size_and_place_with_fewer_triangles(sphere, how):
    surface = volume.mesh(sphere, LEVEL, **how)
    assert surface.report["reduction"]["fraction"] > 0.5
    assert_is_the_sphere(surface)


GRIDS = {
    "oblique, anisotropic": {"spacing": (0.8, 1.0, 1.4), "size": (56, 46, 34)},
    "left-handed": {"spacing": (0.8, 1.0, -1.4), "size": (56, 46, 34)},
}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_a_sphere_has_its_size_and_place_on_any_grid(grid, tmp_path):
    matrix = oblique_matrix(grid["spacing"], grid["size"])
    series = solid_series(tmp_path, ball(CENTRE, RADIUS), grid["size"], matrix)
    assert_is_the_sphere(volume.mesh(volume.load(series), LEVEL))


def test_a_sphere_has_its_size_and_place_on_a_sheared_grid(tmp_path):
    size = (60, 60, 40)
    matrix = oblique_matrix((0.9, 0.9, 1.2), size)
    matrix[:3, 2] += 0.35 * matrix[:3, 1]
    matrix[:3, 3] = CENTRE - matrix[:3, :3] @ ((np.array(size) - 1) / 2)
    ct = volume.load(solid_series(tmp_path, ball(CENTRE, RADIUS), size, matrix), geometry="raw")
    assert ct.geometry.is_sheared
    assert_is_the_sphere(volume.mesh(ct, LEVEL))


def test_a_cube_cut_by_the_border_is_closed_and_ends_there(tmp_path):
    half = 9.5  # the volume reaches to 10 mm: half a voxel beyond the last centre
    cube = box((-30, -6, -6), (30, 6, 6))
    ct = volume.load(solid_series(tmp_path, cube, (20, 40, 40)))
    assert ct.geometry.corners.max(axis=0)[0] == half
    for smooth, sharp in ((0, 0.01), (None, 0.15)):
        surface = volume.mesh(ct, LEVEL, smooth=smooth)
        low, high = surface.report["bounds"]
        assert surface.report["closed"] and surface.report["non_manifold_edges"] == 0
        assert (low[0], high[0]) == pytest.approx((-10, 10), abs=1e-4)
        assert (low[1], high[2]) == pytest.approx((-6, 6), abs=sharp)
        assert surface.report["volume_ml"] == pytest.approx(20 * 12 * 12 / 1000, rel=0.02)


def test_bodies_that_touch_are_one_and_those_apart_are_two(tmp_path):
    large, small = ball((-8, 0, 0), 10), ball((12, 0, 0), 6)  # 4 mm of air between
    ct = volume.load(solid_series(tmp_path / "apart", both(large, small)))
    apart = volume.mesh(ct, LEVEL)
    assert (apart.report["components"], apart.report["shells"]) == (2, 2)
    bridge = volume.load(solid_series(tmp_path / "touch", both(large, ball((8, 0, 0), 6.5))))
    assert volume.mesh(bridge, LEVEL).report["components"] == 1
    only = volume.mesh(ct, LEVEL, largest=1)
    assert only.report["volume_ml"] == pytest.approx(4 / 3 * np.pi, rel=0.01)
    assert only.report["dropped"]["components"] == 1
    assert only.report["dropped"]["volume_ml"] == pytest.approx(0.288 * np.pi, rel=0.02)
    assert volume.mesh(ct, LEVEL, min_volume=1).report == only.report
    with pytest.raises(volume.SurfaceError, match=r"no body has 9 mL: the largest of 2 has 4\.1"):
        volume.mesh(ct, LEVEL, min_volume=9)
    parts = volume.mesh(ct, LEVEL, split=True)
    middles = [parts.part(n).points.mean(axis=0)[0] for n in range(2)]
    assert middles == pytest.approx([-8, 12], abs=0.05)
    assert [part.name for part in parts.parts] == ["component 1", "component 2"]


def test_a_hollow_shell_is_one_body_with_two_surfaces(tmp_path):
    shell = without(ball((0, 0, 0), 18), ball((2, 0, 0), 12))
    surface = volume.mesh(volume.load(solid_series(tmp_path, shell)), LEVEL, largest=1)
    report = surface.report
    assert (report["components"], report["shells"]) == (1, 2)
    assert report["volume_ml"] == pytest.approx(4 / 3 * np.pi * (18**3 - 12**3) / 1000, rel=0.01)
    assert report["area_cm2"] == pytest.approx(4 * np.pi * (18**2 + 12**2) / 100, rel=0.01)


def test_a_range_ends_where_its_values_do(tmp_path):
    """Between the ends of a ramp from the middle lies a shell, whose radii are known."""
    ct = volume.load(solid_series(tmp_path, ball((0, 0, 0), 18), fine=1))
    places = ct.geometry.to_world(np.moveaxis(np.indices(ct.array.shape)[::-1], 0, -1))
    ct.array[:] = np.rint(100 * np.linalg.norm(places, axis=-1))
    surface = volume.mesh(ct, range=(1000, 1600), smooth=0)
    radii = np.linalg.norm(surface.points, axis=1)
    assert np.minimum(np.abs(radii - 9.995), np.abs(radii - 16.005)).max() < 0.03
    assert surface.report["shells"] == 2


def test_a_box_clips_a_sphere_flat_and_closed(sphere):
    keep = (-5.3, 40, -60, 60, -60, 4.1)
    surface = volume.mesh(sphere, LEVEL, clip=keep)
    low, high = surface.report["bounds"]
    assert surface.report["closed"]
    assert (low[0], high[2]) == pytest.approx((-5.3, 4.1), abs=1e-4)
    x, z = surface.points[:, 0] - CENTRE[0], surface.points[:, 2] - CENTRE[2]
    assert (np.isclose(x, -5.3 - CENTRE[0], atol=1e-4)).sum() > 400
    assert (np.isclose(z, 4.1 - CENTRE[2], atol=1e-4)).sum() > 400
    fine = np.random.default_rng(0).uniform(-RADIUS, RADIUS, (400_000, 3))
    inside = np.linalg.norm(fine, axis=1) < RADIUS
    inside &= (fine[:, 0] > -5.3 - CENTRE[0]) & (fine[:, 2] < 4.1 - CENTRE[2])
    assert surface.report["volume_ml"] == pytest.approx(64 * inside.mean(), rel=0.01)


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_a_box_clips_on_an_oblique_grid(grid, tmp_path):
    matrix = oblique_matrix(grid["spacing"], grid["size"])
    series = solid_series(tmp_path, ball(CENTRE, RADIUS), grid["size"], matrix)
    half = (CENTRE[0], 60, -60, 60, -60, 60)
    report = volume.mesh(volume.load(series), LEVEL, clip=half).report
    assert report["closed"]
    assert report["bounds"][0][0] == pytest.approx(CENTRE[0], abs=1e-4)
    assert report["volume_ml"] == pytest.approx(2 / 3 * np.pi * RADIUS**3 / 1000, rel=0.01)


PATHS = {
    "as it is cut": {"smooth": 0},
    "smoothed": {"smooth": 4},
    "reduced": {"reduce": 0.5},
    "clipped": {"clip": (-48, 48, -48, 48, -48, 48)},
}


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
@pytest.mark.parametrize("how", PATHS.values(), ids=PATHS)
def test_every_blob_is_where_it_is(acquisition, how):
    ct = blob_volume(acquisition)
    surface = volume.mesh(ct, 520, split=True, **how)
    middles = np.array(
        [np.mean([one.points.min(0), one.points.max(0)], axis=0) for one in parts_of(surface)]
    )
    assert len(middles) == 6
    for place in BLOBS.values():
        assert np.linalg.norm(middles - place, axis=1).min() < 1.5


def parts_of(surface):
    return [surface.part(n) for n in range(len(surface.parts))]


def test_the_concentric_spheres_of_ibsi_have_their_radii():
    ct = volume.load(folder("ct_geometry_phantom/sphere"))
    radii = (56, 48, 38, 30, 20, 12, 4)  # mm round (62, 62, -62), white and black by turns
    surface = volume.mesh(ct, 128)
    away = np.linalg.norm(surface.points - (62, 62, -62), axis=1)
    nearest = np.argmin(np.abs(away[:, None] - radii), axis=1)
    for n, radius in enumerate(radii):
        assert away[nearest == n].mean() == pytest.approx(radius, abs=0.15)
    assert (surface.report["components"], surface.report["shells"]) == (4, 7)
    white = radii[0] ** 3 - radii[1] ** 3 + radii[2] ** 3 - radii[3] ** 3
    white += radii[4] ** 3 - radii[5] ** 3 + radii[6] ** 3
    assert surface.report["volume_ml"] == pytest.approx(4 / 3 * np.pi * white / 1000, rel=0.01)
