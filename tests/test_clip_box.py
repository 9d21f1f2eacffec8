"""The clipping box: its handles lie where the eye sees its faces, and follow the hand."""

from dataclasses import replace

import numpy as np
import pytest

from blobs import blob_volume
from test_gl import needs_gl
from test_picture import eye_axes, in_space
from volume.viewer.clip_box import REACH, drag, faces, handle_at, middle_of, whole
from volume.viewer.colours import CLIP
from volume.viewer.first_scene import scene_of
from volume.viewer.layout import arrange
from volume.viewer.picture import picture
from volume.viewer.scene import Camera, Scene

SIZE = (700, 560)
RECT = arrange("3d", SIZE).panes["3d"]
BOX = (-30.0, 20.0, -25.0, 40.0, -15.0, 45.0)
VIEWS = [(0, 0), (35, 20), (90, 0), (180, -30), (10, 80)]


def boxed(view=(0, 0), box=BOX) -> Scene:
    scene = scene_of(blob_volume("oblique"), layout="3d")
    return replace(scene, camera=Camera(*view)).set_clip(box)


def pixel_of(place, view) -> np.ndarray:
    """Give the pixel (x, y) of the display, by the textbook's pinhole."""
    right, down = in_space(np.array(place), *view, blob_volume("oblique"), RECT)
    x, y = RECT.middle
    return np.array([x + right - 0.5, y - down - 0.5])


def face_middle(face) -> list[float]:
    axis, end = face
    sides = np.reshape(BOX, (3, 2))
    place = sides.mean(axis=1)
    place[axis] = sides[axis, end]
    return place


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("face", list(faces()))
def test_a_handle_is_taken_where_its_face_is_seen(face, view):
    place = face_middle(face)
    np.testing.assert_array_equal(middle_of(BOX, face), place)
    x, y = pixel_of(place, view)
    found = handle_at(boxed(view), RECT, x + 3, y - 3)
    eye, _, _ = eye_axes(*view)
    others = [
        other
        for other in faces()
        if np.linalg.norm(pixel_of(face_middle(other), view) - (x + 3, y - 3)) <= REACH
    ]
    assert found in others
    assert face_middle(found) @ eye == max(face_middle(other) @ eye for other in others)


def test_beside_a_handle_or_without_a_box_nothing_is_taken():
    x, y = pixel_of(face_middle((0, 1)), (35, 20))
    assert handle_at(boxed((35, 20)), RECT, x + 15, y) is None
    assert handle_at(boxed((35, 20)).set_clip(None), RECT, x, y) is None
    assert handle_at(boxed((35, 20)).toggle_labels(), RECT, x, y) is None  # it is not drawn


def pixels_per_mm(face, view) -> np.ndarray:
    place, step = face_middle(face), np.eye(3)[face[0]] * 0.01
    return (pixel_of(place + step, view) - pixel_of(place - step, view)) / 0.02


SEEN_TO_MOVE = [
    (face, view)
    for face in faces()
    for view in VIEWS
    if np.hypot(*pixels_per_mm(face, view)) > 0.6  # not towards the eye
]


@pytest.mark.parametrize(("face", "view"), SEEN_TO_MOVE)
def test_a_dragged_face_follows_the_hand(face, view):
    """Where its way is seen, the handle is under the hand again; the other sides stay."""
    outwards = 5.0 * (1 if face[1] else -1)
    hand = pixels_per_mm(face, view) * outwards
    box = drag(boxed(view), RECT, face, *hand)
    expected = list(BOX)
    expected[2 * face[0] + face[1]] += outwards
    assert box == pytest.approx(expected, abs=0.3)


def test_a_face_that_moves_towards_the_eye_goes_with_the_hand_up_and_down():
    """Seen from the front, the front face sinks in when the hand goes up, the back one too."""
    for face in ((1, 0), (1, 1)):
        box = drag(boxed(), RECT, face, 0, 20)
        assert box[2 + face[1]] > BOX[2 + face[1]]
    box = drag(boxed((180, 0)), RECT, (1, 1), 0, 20)
    assert box[3] < BOX[3]


@pytest.mark.parametrize("face", list(faces()))
def test_a_face_stays_before_its_opposite_and_inside_the_volume(face):
    far = 5000.0 if face[1] else -5000.0
    view = (35, 20)
    place = face_middle(face)
    step = np.eye(3)[face[0]]
    seen = pixel_of(place + step, view) - pixel_of(place - step, view)
    at = 2 * face[0] + face[1]
    out = drag(boxed(view), RECT, face, *(seen * far))
    limits = whole(blob_volume("oblique").geometry)
    assert out[at] == limits[at]
    pressed = drag(boxed(view), RECT, face, *(seen * -far))
    assert abs(pressed[at] - pressed[at - 1 if face[1] else at + 1]) == pytest.approx(1.0)


def test_the_whole_box_holds_every_corner_of_an_oblique_volume():
    geometry = blob_volume("oblique").geometry
    ends = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in geometry.size])).reshape(3, 8).T
    corners = ends @ geometry.affine[:3, :3].T + geometry.affine[:3, 3]
    expected = np.stack([corners.min(axis=0), corners.max(axis=0)], axis=1).ravel()
    assert whole(geometry) == pytest.approx(tuple(expected))


@needs_gl
@pytest.mark.parametrize("rendering", [None, "CT-Bone"])
def test_handles_are_drawn_where_they_are_taken_before_and_behind_the_body(rendering):
    view = (35, 20)
    scene = boxed(view).set_rendering(rendering)
    pixels = picture(scene, blob_volume("oblique"), size=SIZE)
    for face in faces():
        x, y = pixel_of(face_middle(face), view)
        spot = pixels[SIZE[1] - 1 - round(y), round(x)] / 255
        assert spot == pytest.approx(CLIP, abs=0.02), face
