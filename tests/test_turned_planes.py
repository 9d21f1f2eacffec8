"""Oblique planes: on any grid each pixel holds the value of its own place.

The volume is a known function of x, y and z. Rotations are made here from sines and
cosines, and places by the Plane's own corner and directions.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from blobs import ACQUISITIONS, BLOBS, X, Y, Z, blob_volume, turned
from grids import SLOPES, oblique, ramp
from volume.processing.plane_grid import PLANES, plane_grid
from volume.processing.planes import Plane, Reformatter
from volume.processing.rotation import STRAIGHT, Rotation
from volume.viewer.first_scene import scene_of
from volume.viewer.scene import Scene
from volume.volume import Volume

TURNS = {
    "about the head": ((Z, 30.0),),
    "tipped": ((X, -25.0),),
    "twice": ((Z, 35.0), (X, 20.0)),
    "far": ((Y, 100.0), (Z, -60.0), (X, 15.0)),
}


def rotation_of(name: str) -> Rotation:
    rotation = STRAIGHT
    for axis, degrees in TURNS[name]:
        rotation = rotation.then_about(axis, degrees)
    return rotation


def matrix_of(name: str) -> np.ndarray:
    """Make the same rotation from sines and cosines."""
    matrix = np.eye(3)
    for axis, degrees in TURNS[name]:
        sign = -1 if axis is Y else 1  # blobs.turned goes from z to x by the left hand
        matrix = turned(sign * degrees, int(np.argmax(axis)), matrix)
    return matrix


def turns_about_its_sight(turn: str, plane: str) -> bool:
    """Say whether a plane stays what it was: of voxels as they are, where they lie along it."""
    sight = np.cross(*PLANES[plane])
    return bool(np.allclose(matrix_of(turn) @ sight, sight))


def places_of(plane: Plane) -> np.ndarray:
    rows, columns = np.indices(plane.array.shape)
    return (
        plane.origin
        + rows[..., None] * plane.pixel_spacing[0] * plane.column_direction
        + columns[..., None] * plane.pixel_spacing[1] * plane.row_direction
    )


def inside(volume: Volume, places: np.ndarray, margin: float = 0.0) -> np.ndarray:
    inverse = np.linalg.inv(volume.geometry.affine)
    index = places @ inverse[:3, :3].T + inverse[:3, 3]
    return ((index >= margin) & (index <= np.array(volume.geometry.size) - 1 - margin)).all(-1)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("acquisition", ACQUISITIONS)
def test_each_pixel_of_a_turned_plane_has_the_value_of_its_place(acquisition, turn):
    ct = blob_volume(acquisition, spacing=(2.0, 2.5, 3.0))
    ct = ramp(ct.geometry)
    at = np.array([3.3, -7.7, 12.1])
    for plane in PLANES:
        cut = Reformatter(ct).cut(plane, at, rotation=rotation_of(turn))
        places = places_of(cut)
        seen = inside(ct, places)
        assert seen.sum() > 300
        expected = places @ SLOPES
        np.testing.assert_allclose(cut.array[seen], expected[seen], atol=2e-3)
        off = cut.thickness / 2 if turns_about_its_sight(turn, plane) else 1e-9
        assert (cut.origin - at) @ cut.normal == pytest.approx(0, abs=off)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("left_handed", [False, True])
@pytest.mark.parametrize("tilt", [0.0, 15.0])
def test_sheared_and_left_handed_grids_are_cut_in_the_right_place_too(turn, left_handed, tilt):
    geometry = oblique((30, 28, 20), left_handed=left_handed, tilt=tilt)
    ct = ramp(geometry)
    for plane in PLANES:
        cut = Reformatter(ct).cut(plane, geometry.centre, rotation=rotation_of(turn))
        places = places_of(cut)
        seen = inside(ct, places)
        assert seen.sum() > 100
        np.testing.assert_allclose(cut.array[seen], (places @ SLOPES)[seen], atol=2e-3)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("acquisition", ["axial", "oblique left-handed"])
def test_a_curved_function_is_followed_within_what_linear_sampling_can(acquisition, turn):
    geometry = blob_volume(acquisition, spacing=(1.0, 1.0, 1.5), half_mm=30).geometry
    k, j, i = np.indices(geometry.size[::-1])
    world = np.stack([i, j, k], axis=-1) @ geometry.affine[:3, :3].T + geometry.origin
    curved = np.sin(world @ [0.10, -0.06, 0.05]) * 100
    ct = Volume(curved.astype(np.float32), geometry)
    cut = Reformatter(ct).cut("coronal", (1.0, 2.0, 3.0), rotation=rotation_of(turn))
    places = places_of(cut)
    seen = inside(ct, places)
    expected = np.sin(places @ [0.10, -0.06, 0.05]) * 100
    np.testing.assert_allclose(cut.array[seen], expected[seen], atol=1.5)


@pytest.mark.parametrize("turn", TURNS)
def test_the_three_planes_stay_at_right_angles_and_no_plane_is_mirrored(turn):
    geometry = blob_volume().geometry
    sights = []
    for plane, (row, column) in PLANES.items():
        grid = plane_grid(geometry, plane, rotation_of(turn))
        right, down, sight = grid.direction.T
        np.testing.assert_allclose(np.cross(right, down), sight, atol=1e-12)
        expected = matrix_of(turn) @ np.cross(row, column)
        np.testing.assert_allclose(sight, expected, atol=1e-12)
        sights.append(sight)
    np.testing.assert_allclose(np.array(sights) @ np.array(sights).T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize("plane", PLANES)
def test_a_plane_that_the_others_turn_about_is_still_made_of_untouched_voxels(plane):
    ct = blob_volume()
    noise = np.random.default_rng(5).integers(-1000, 1000, ct.array.shape).astype(np.int16)
    reformatter = Reformatter(replace(ct, array=noise))
    rotation = STRAIGHT.then_about(np.cross(*PLANES[plane]), 33)
    turned_cut = reformatter.cut(plane, (3.3, -7.7, 12.1), rotation=rotation)
    straight = reformatter.cut(plane, (3.3, -7.7, 12.1))
    np.testing.assert_array_equal(turned_cut.array, straight.array)
    np.testing.assert_array_equal(turned_cut.origin, straight.origin)


def test_letters_are_compound_on_turned_planes():
    """Turned by 30 degrees about the head, the coronal pane looks from right front."""
    ct = blob_volume()
    rotation = STRAIGHT.then_about(Z, 30)
    letters = {
        plane: "/".join(Reformatter(ct).cut(plane, rotation=rotation).letters) for plane in PLANES
    }
    assert letters == {
        "axial": "R/L/A/P",
        "coronal": "RA/LP/H/F",
        "sagittal": "AL/PR/H/F",
    }


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
@pytest.mark.parametrize("blob", ["R", "A", "H"])
def test_a_blob_is_on_every_turned_plane_through_it(acquisition, blob):
    ct = blob_volume(acquisition, blobs=blob)
    reformatter = Reformatter(ct)
    for plane in PLANES:
        cut = reformatter.cut(plane, BLOBS[blob], rotation=rotation_of("twice"))
        row, column = np.argwhere(cut.array > 500).mean(axis=0)
        np.testing.assert_allclose(cut.to_world((row, column)), BLOBS[blob], atol=1.5)


# slabs


@pytest.mark.parametrize("turn", [None, "twice"])
@pytest.mark.parametrize("acquisition", ["axial", "oblique"])
def test_slabs_of_a_ramp_are_what_the_ramp_makes_of_them(acquisition, turn):
    """Along the line of sight a ramp rises evenly: mean in the middle, MIP, MinIP at the ends."""
    ct = ramp(blob_volume(acquisition).geometry)
    rotation = STRAIGHT if turn is None else rotation_of(turn)
    at = ct.geometry.to_world((25, 25, 17))
    reformatter = Reformatter(ct)
    thin = reformatter.cut("coronal", at, rotation=rotation)
    slabs = {
        how: reformatter.cut("coronal", at, 10, how, rotation=rotation)
        for how in ("max", "min", "mean")
    }
    layer = thin.thickness
    count = round(slabs["max"].thickness / layer)
    assert slabs["max"].thickness == pytest.approx(10, abs=layer / 2)
    assert count > 2
    rise = abs(SLOPES @ thin.normal) * layer * (count - 1) / 2
    of_voxels = turn is None and acquisition == "axial"
    off = 0.5 if of_voxels and count % 2 == 0 else 0  # an even number of voxels has no middle
    shift = off * layer * (SLOPES @ thin.normal)
    rows, columns = (side // 2 for side in thin.array.shape)
    place = thin.to_world((rows, columns)) @ SLOPES
    values = {how: float(cut.array[rows, columns]) for how, cut in slabs.items()}
    assert values["mean"] == pytest.approx(place + shift, abs=0.01)
    assert values["max"] == pytest.approx(place + shift + rise, abs=0.01)
    assert values["min"] == pytest.approx(place + shift - rise, abs=0.01)


def test_an_oblique_slab_passes_no_voxel_over():
    """A bright voxel in 5 mm slices is in every MIP that holds it, however the slab is turned."""
    geometry = replace(blob_volume(spacing=(1.0, 1.0, 5.0)).geometry)
    array = np.zeros(geometry.size[::-1], np.int16)
    array[10, 50, 52] = 1000
    place = geometry.to_world((52, 50, 10))
    reformatter = Reformatter(Volume(array, geometry))
    for degrees in range(5, 90, 10):
        rotation = STRAIGHT.then_about(X, degrees)
        grid = plane_grid(geometry, "axial", rotation)
        for off in np.linspace(-5, 5, 11):
            at = place + off * grid.direction[:, 2]
            assert reformatter.cut("axial", at, 30, "max", rotation=rotation).array.max() > 400


def test_a_coarse_slab_has_the_fine_ones_size_and_look():
    ct = ramp(blob_volume().geometry)
    rotation = rotation_of("twice")
    at = ct.geometry.centre
    fine = Reformatter(ct).cut("sagittal", at, 30, "mean", rotation=rotation)
    coarse = Reformatter(ct).cut("sagittal", at, 30, "mean", rotation=rotation, coarse=True)
    assert coarse.array.shape == fine.array.shape
    middle = np.s_[20:-20, 20:-20]
    off = np.abs(coarse.array[middle] - fine.array[middle])
    assert np.median(off) < np.abs(SLOPES).sum() * 2


# on the scene


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
@pytest.mark.parametrize("pane", PLANES)
def test_the_pane_in_which_the_crosshair_turns_keeps_its_image(acquisition, pane):
    scene = scene_of(blob_volume(acquisition), surface=False)
    scene = scene.turn_planes("axial", 20).turn_planes("sagittal", -15)
    before, after = scene.grid(pane), scene.turn_planes(pane, 40).grid(pane)
    np.testing.assert_allclose(after.direction, before.direction, atol=1e-9)


@pytest.mark.parametrize("pane", PLANES)
def test_against_the_clock_is_against_the_clock_on_the_screen(pane):
    """Turned by 90 degrees, what the level line stood for is now what the upright one did."""
    scene = scene_of(blob_volume(), surface=False)
    right, down = (np.array(way) for way in PLANES[pane])
    quarter = scene.turn_planes(pane, 90).axes.matrix
    np.testing.assert_allclose(quarter @ right, -down, atol=1e-12)  # from the right to the top


def test_the_crosshair_lies_on_every_plane_wherever_one_scrolls():
    scene = scene_of(blob_volume("oblique"), surface=False)
    scene = scene.turn_planes("axial", 33).turn_planes("coronal", 21)
    for plane in PLANES:
        ends = {scene.scroll_to_end(plane, top=top).layer_number(plane)[0] for top in (0, 1)}
        count = scene.grid(plane).size[2]
        assert ends == {1, count}
        layer = scene.layer(plane)
        assert abs(scene.scroll(plane, 3).layer(plane) - layer) == pytest.approx(3, abs=1e-6)


def test_a_click_beside_the_volume_stays_on_the_turned_layer():
    scene = scene_of(blob_volume(), surface=False).turn_planes("axial", 30)
    grid, layer = scene.grid("coronal"), scene.layer("coronal")
    far = grid.to_world((-200, 10, layer))
    moved = scene.set_cursor(far, "coronal")
    assert moved.layer("coronal") == pytest.approx(layer, abs=1e-6)
    corners = scene.subject.geometry.corners
    assert (moved.cursor >= corners.min(axis=0) - 1e-6).all()
    assert (moved.cursor <= corners.max(axis=0) + 1e-6).all()


def test_reset_goes_back_to_the_patients_planes():
    scene = scene_of(blob_volume("oblique"), surface=False)
    turned_scene = scene.turn_planes("axial", 30).next_slab().thicken(2)
    assert not turned_scene.axes.is_none
    back = turned_scene.reset()
    assert back.axes.is_none
    assert back.slab.mode is None
    for plane in PLANES:
        np.testing.assert_allclose(back.grid(plane).direction, scene.grid(plane).direction)


def test_a_turned_scene_comes_back_from_json():
    ct = blob_volume("oblique")
    scene = scene_of(ct, surface=False).turn_planes("sagittal", 12.5).next_slab().thicken(1)
    back = Scene.from_json(scene.to_json(), ct)
    assert back.axes == scene.axes
    assert back.slab == scene.slab
