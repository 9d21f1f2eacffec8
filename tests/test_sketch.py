"""Pictures of turned planes and of measurements: at the pixels where geometry puts them.

Places come from the blobs and from rotations made of sines and cosines; pixels from the
pane's size and the patient's extent, as in test_picture.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from blobs import ACQUISITIONS, BLOBS, X, Y, Z, blob_volume, turned
from test_gl import needs_gl
from test_picture import (
    ONLY_BONE,
    SCREEN,
    SIZE,
    draw,
    in_pane,
    invented,
    middle_of,
    pixels_per_mm,
    white,
)
from volume.processing.rotation import STRAIGHT
from volume.viewer.colours import CHOSEN, MARK, PLANE
from volume.viewer.first_scene import scene_of
from volume.viewer.layout import arrange
from volume.viewer.measurement import Measurement
from volume.viewer.measurements import NOTHING

pytestmark = needs_gl


def has_colour(pixels: np.ndarray, colour: tuple[float, float, float]) -> np.ndarray:
    return np.abs(pixels - np.rint(np.array(colour) * 255)).max(axis=-1) <= 2


ABOUT_HEAD, TIPPED = 30.0, -25.0
TURNED_SCREEN = {
    "turned about the head": {
        "axial": (X, Y),
        "coronal": tuple(turned(ABOUT_HEAD, 2, np.column_stack([X, -Z])).T),
        "sagittal": tuple(turned(ABOUT_HEAD, 2, np.column_stack([Y, -Z])).T),
    },
    "tipped": {
        "axial": tuple(turned(TIPPED, 0, np.column_stack([X, Y])).T),
        "coronal": tuple(turned(TIPPED, 0, np.column_stack([X, -Z])).T),
        "sagittal": (Y, -Z),
    },
}
"""To the right and down the screen on planes turned about one axis of the patient."""
ROTATIONS = {
    "turned about the head": STRAIGHT.then_about(Z, ABOUT_HEAD),
    "tipped": STRAIGHT.then_about(X, TIPPED),
}


@pytest.mark.parametrize("turn", ROTATIONS)
@pytest.mark.parametrize("acquisition", ACQUISITIONS)
def test_each_blob_is_at_its_pixel_in_turned_planes(acquisition, turn):
    panes = arrange("four", SIZE).panes
    for blob, place in BLOBS.items():
        ct = blob_volume(acquisition, blobs=blob)
        scene = scene_of(ct, window=ONLY_BONE, at=place, surface=False).toggle_labels()
        pixels = draw(ct, replace(scene, axes=ROTATIONS[turn]))
        for plane, (right, down) in TURNED_SCREEN[turn].items():
            scale = pixels_per_mm(ct, plane, panes[plane])
            expected = scale * np.array([place @ right, place @ down])
            found = middle_of(white(in_pane(pixels, panes[plane])))
            np.testing.assert_allclose(found, expected, atol=1.3 * scale, err_msg=f"{plane} {blob}")


@pytest.mark.parametrize("plane", SCREEN)
def test_the_lines_of_a_turned_crosshair_run_where_the_planes_meet(plane):
    """The planes turn by 20 degrees about the line of sight: so does the cross on the screen."""
    ct = blob_volume()
    scene = scene_of(ct, window=(5000.0, 10.0), layout=plane, surface=False).toggle_labels()
    pixels = in_pane(draw(ct, scene.turn_planes(plane, 20)), arrange(plane, SIZE).panes[plane])
    upright = {"axial": "sagittal", "coronal": "sagittal", "sagittal": "coronal"}[plane]
    level = "coronal" if plane == "axial" else "axial"
    for name, expected in ((upright, 110), (level, 20)):
        row, column = np.argwhere(has_colour(pixels, PLANE[name])).T
        spread = np.cov(column, -row)
        _, ways = np.linalg.eigh(spread)
        angle = np.degrees(np.arctan2(ways[1, 1], ways[0, 1])) % 180
        assert angle == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("acquisition", ["axial", "left-handed", "oblique"])
@pytest.mark.parametrize("plane", SCREEN)
def test_a_distance_is_drawn_from_end_to_end(acquisition, plane):
    ct = blob_volume(acquisition)
    scene = scene_of(ct, window=(5000.0, 10.0), layout=plane, surface=False).toggle_labels()
    right, down = SCREEN[plane]
    at = np.array(scene.cursor)
    ends = at + np.outer([-20, 25], right) + np.outer([14, -9], down)
    item = Measurement("distance", tuple(map(tuple, ends.tolist())), plane)
    rect = arrange(plane, SIZE).panes[plane]
    shown = scene.measure(NOTHING.add(item).choose(None))
    pixels = in_pane(draw(ct, shown), rect)
    marked = np.argwhere(has_colour(pixels, MARK)) + 0.5
    scale = pixels_per_mm(ct, plane, rect)
    middle = np.array([rect.width, rect.height]) / 2
    expected = middle + scale * np.stack([ends @ right, ends @ down], axis=-1)
    on_line = marked[:, ::-1]
    along = (expected[1] - expected[0]) / np.linalg.norm(expected[1] - expected[0])
    beside = np.abs((on_line - expected[0]) @ [-along[1], along[0]])
    line = on_line[beside < 1.5]
    reach = (line - expected[0]) @ along
    length = np.linalg.norm(expected[1] - expected[0])
    assert (reach.min(), reach.max()) == pytest.approx((0, length), abs=5)  # and handles
    assert len(line) > 0.7 * length
    away = in_pane(draw(ct, shown.scroll(plane, 2)), rect)
    assert not has_colour(away, MARK).any()


@pytest.mark.parametrize("kind", ["rectangle", "ellipse"])
def test_a_region_is_drawn_round_its_blob(kind):
    ct = blob_volume(blobs="L")
    scene = scene_of(ct, at=BLOBS["L"], layout="axial", surface=False).toggle_labels()
    place = np.array(scene.cursor)
    corners = place + np.array([(-10, -7, 0), (10, 7, 0)])
    item = Measurement(kind, tuple(map(tuple, corners.tolist())), "axial")
    rect = arrange("axial", SIZE).panes["axial"]
    pixels = in_pane(draw(ct, scene.measure(NOTHING.add(item))), rect)
    scale = pixels_per_mm(ct, "axial", rect)
    row, column = np.argwhere(has_colour(pixels, CHOSEN)).T
    left = rect.width / 2 + scale * (place[0] - 10)
    top, bottom = (rect.height / 2 + scale * (place[1] + side) for side in (-7, 7))
    assert column.min() == pytest.approx(left, abs=5)
    in_shape = column < rect.width / 2 + scale * (place[0] + 9)  # words are beside it
    assert row[in_shape].min() == pytest.approx(top, abs=5)
    assert row[in_shape].max() == pytest.approx(bottom, abs=5)


def test_a_slab_shows_what_lies_beside_the_plane():
    ct = blob_volume(blobs="A")
    scene = scene_of(ct, window=ONLY_BONE, at=(0, 0, 30), layout="axial", surface=False)
    scene = scene.toggle_labels()
    rect = arrange("axial", SIZE).panes["axial"]
    assert not white(in_pane(draw(ct, scene), rect)).any()
    thick = replace(scene, slab=replace(scene.slab, mode="max", mm=50.0))
    right, down = middle_of(white(in_pane(draw(ct, thick), rect)))
    scale = pixels_per_mm(ct, "axial", rect)
    assert (right / scale, down / scale) == pytest.approx((BLOBS["A"][0], BLOBS["A"][1]), abs=1.2)


@pytest.mark.parametrize("turn", [None, "tipped"])
def test_invented_slices_are_hatched_on_turned_planes_and_in_slabs(turn):
    ct = blob_volume()
    flat = invented(replace(ct, array=np.full_like(ct.array, 100), unit=""), 20)
    place = flat.geometry.to_world((26, 26, 16))
    scene = scene_of(flat, window=(128.0, 256.0), at=place, layout="axial", surface=False)
    rect = arrange("axial", SIZE).panes["axial"]
    if turn is None:
        scene = replace(scene, slab=replace(scene.slab, mode="mean", mm=30.0))
    else:
        scene = replace(scene, axes=ROTATIONS[turn])
    plain = in_pane(draw(replace(flat, valid=None), scene), rect).astype(int)
    striped = np.abs(in_pane(draw(flat, scene), rect) - plain).max(axis=-1) > 40
    assert striped.any()
