"""Pictures: every blob at the pixel where the patient's geometry puts it.

Expected pixels are computed here, from places in mm, the screen's directions and the
size of the pane; not from the viewer's own projection.
"""

import os
import sys
from dataclasses import replace
from itertools import product
from subprocess import run

import numpy as np
import pytest

from blobs import (
    ACQUISITIONS,
    AIR,
    ALIGNED,
    BLOBS,
    BONE,
    X,
    Y,
    Z,
    blob_volume,
)
from test_gl import needs_gl
from volume.errors import ExistsError, GridError, VolumeError
from volume.findings import error, info, warning
from volume.processing.plane_grid import towards
from volume.surface import Mesh
from volume.viewer.colours import BANNER, PLANE
from volume.viewer.eye import ROOM, look
from volume.viewer.first_scene import scene_of
from volume.viewer.gl import off_screen_window
from volume.viewer.layout import Rect, arrange
from volume.viewer.picture import picture, screenshot
from volume.viewer.projection import FILLED
from volume.viewer.scene import Camera, Scene
from volume.volume import Volume

pytestmark = needs_gl

SIZE = (700, 560)
SCREEN = {"axial": (X, Y), "coronal": (X, -Z), "sagittal": (Y, -Z)}
ONLY_BONE = (500.0, 10.0)
"""A window that shows bone white and all else black."""


def draw(ct: Volume, scene: Scene, *meshes: Mesh, **more) -> np.ndarray:
    """Draw at the size of these tests; rows from the top."""
    return picture(scene, ct, meshes, size=SIZE, **more)


def in_pane(pixels: np.ndarray, rect: Rect) -> np.ndarray:
    """Cut a pane out of a picture; rows from the top."""
    height = pixels.shape[0]
    top = height - rect.y - rect.height
    return pixels[top : top + rect.height, rect.x : rect.x + rect.width]


def middle_of(mask: np.ndarray) -> np.ndarray:
    """Give the middle (right, down) of marked pixels, from the middle of the pane."""
    assert mask.any(), "nothing is seen"
    row, column = np.argwhere(mask).mean(axis=0) + 0.5
    return np.array([column - mask.shape[1] / 2, row - mask.shape[0] / 2])


def white(pixels: np.ndarray) -> np.ndarray:
    return (pixels == 255).all(axis=-1)


def pixels_per_mm(ct: Volume, plane: str, rect: Rect) -> float:
    """Fit the patient's extent, voxels and all, into a pane."""
    geometry = ct.geometry
    extent = []
    for direction in SCREEN[plane]:
        along = geometry.corners @ direction
        nearest = np.argmax(np.abs(geometry.direction.T @ direction))
        aligned = np.abs(geometry.direction.T @ direction).max() > 0.999
        voxel = geometry.spacing[nearest] if aligned else geometry.spacing.min()
        steps = np.floor((along.max() - along.min()) / voxel + 1e-6) + 1
        extent.append(steps * voxel)
    return FILLED * min(rect.width / extent[0], rect.height / extent[1])


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
def test_each_blob_is_at_its_pixel_in_all_three_planes(acquisition):
    panes = arrange("four", SIZE).panes
    for blob, place in BLOBS.items():
        ct = blob_volume(acquisition, blobs=blob)
        scene = scene_of(ct, window=ONLY_BONE, at=place, surface=False).toggle_labels()
        pixels = draw(ct, scene)
        for plane, (right, down) in SCREEN.items():
            scale = pixels_per_mm(ct, plane, panes[plane])
            expected = scale * np.array([place @ right, place @ down])
            found = middle_of(white(in_pane(pixels, panes[plane])))
            np.testing.assert_allclose(found, expected, atol=1.2 * scale, err_msg=f"{plane} {blob}")


@pytest.mark.parametrize("acquisition", ALIGNED)
@pytest.mark.parametrize("plane", SCREEN)
def test_a_single_voxel_is_drawn_in_its_place_to_the_pixel(acquisition, plane):
    ct = blob_volume(acquisition, spacing=(3.0, 4.0, 6.0))
    array = np.full(ct.array.shape, AIR, np.int16)
    array[3, 7, 22] = BONE
    ct = replace(ct, array=array)
    place = ct.geometry.affine @ [22, 7, 3, 1]
    scene = scene_of(ct, window=(0.0, 2000.0), at=place[:3], layout=plane, surface=False)
    rect = arrange(plane, SIZE).panes[plane]
    pixels = in_pane(draw(ct, scene.toggle_labels()), rect)
    grey = pixels.min(axis=-1) * (pixels.min(axis=-1) == pixels.max(axis=-1))
    lit = grey > 30
    right, down = SCREEN[plane]
    scale = pixels_per_mm(ct, plane, rect)
    expected = scale * np.array([place[:3] @ right, place[:3] @ down])
    np.testing.assert_allclose(middle_of(lit), expected, atol=1.0)


@pytest.mark.parametrize("plane", SCREEN)
@pytest.mark.parametrize("acquisition", ["axial", "sagittal", "oblique"])
def test_a_ball_stays_round_on_anisotropic_voxels(acquisition, plane):
    ct = blob_volume(acquisition, spacing=(1.0, 1.5, 4.0), blobs="L", radius=14)
    scene = scene_of(ct, window=(520.0, 960.0), at=BLOBS["L"], layout=plane, surface=False)
    rect = arrange(plane, SIZE).panes[plane]
    seen = np.argwhere(in_pane(draw(ct, scene.toggle_labels()), rect).min(axis=-1) > 127)
    height, width = np.ptp(seen, axis=0) + 1
    scale = pixels_per_mm(ct, plane, rect)
    assert (width / scale, height / scale) == pytest.approx((28, 28), abs=4.1)


@pytest.mark.parametrize("plane", SCREEN)
def test_the_outermost_voxels_are_drawn_whole(plane):
    ct = blob_volume(spacing=(5.0, 7.0, 9.0))
    full = replace(ct, array=np.full(ct.array.shape, BONE, np.int16))
    scene = scene_of(full, window=(0.0, 10.0), layout=plane, surface=False).toggle_labels()
    rect = arrange(plane, SIZE).panes[plane]
    seen = np.argwhere(white(in_pane(draw(full, scene), rect)))
    right, down = (np.abs(direction) for direction in SCREEN[plane])
    extent = np.array(ct.geometry.size) * ct.geometry.spacing
    expected = pixels_per_mm(ct, plane, rect) * np.array([extent @ down, extent @ right])
    np.testing.assert_allclose(np.ptp(seen, axis=0) + 1, expected, atol=1.5)


@pytest.mark.parametrize("plane", SCREEN)
def test_the_crosshair_crosses_at_the_place_in_its_planes_colours(plane):
    ct = blob_volume()
    place = np.array([21.0, -13.0, 16.5])
    scene = scene_of(ct, window=(5000.0, 10.0), at=place, layout=plane).toggle_labels()
    rect = arrange(plane, SIZE).panes[plane]
    pixels = in_pane(draw(ct, scene), rect)
    right, down = SCREEN[plane]
    scale = pixels_per_mm(ct, plane, rect)
    column = rect.width / 2 + scale * (place @ right)
    row = rect.height / 2 + scale * (place @ down)
    upright = {"axial": "sagittal", "coronal": "sagittal", "sagittal": "coronal"}[plane]
    level = "coronal" if plane == "axial" else "axial"
    for name, axis, expected in ((upright, 1, column), (level, 0, row)):
        shade = np.rint(np.array(PLANE[name]) * 255)
        lines = np.abs(pixels - shade).max(axis=-1) <= 2
        assert np.unique(np.argwhere(lines)[:, axis]) == pytest.approx([expected - 0.5], abs=1)


# the 3D pane


def in_space(place: np.ndarray, around: float, above: float, ct: Volume, rect: Rect) -> np.ndarray:
    """Compute the pixel (right, down) from the pane's middle, by the textbook's pinhole."""
    eye, right, upward = eye_axes(around, above)
    slope = np.tan(np.radians(15))
    a = np.radians(np.arange(0, 360, 0.02))  # the box goes round the head's axis and stays in sight
    x, y, z = (box_corners(ct) - ct.geometry.centre).T[..., None]
    swept = np.stack([x * np.cos(a) - y * np.sin(a), x * np.sin(a) + y * np.cos(a), z + 0 * a], -1)
    near, across, up = swept @ eye, np.abs(swept @ right), np.abs(swept @ upward)
    distance = (near + np.maximum(up, across * rect.height / rect.width) / slope).max()
    depth = ROOM * distance - place @ eye
    return rect.height / 2 / slope / depth * np.array([place @ right, -(place @ upward)])


def eye_axes(around: float, above: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the directions to the eye, to the right and upwards."""
    a, e = np.radians(around), np.radians(above)
    eye = np.array([np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)])
    right = np.array([np.cos(a), np.sin(a), 0])
    return eye, right, np.cross(eye, right)


def box_corners(volume: Volume) -> np.ndarray:
    """Give the eight corners of the outermost voxels."""
    size = np.array(volume.geometry.size)
    matrix = volume.geometry.affine
    ends = np.array(list(product(*((-0.5, n - 0.5) for n in size))))
    return ends @ matrix[:3, :3].T + matrix[:3, 3]


VIEWS = ((0, 0), (90, 0), (180, 0), (40, 25), (0, 90))


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
def test_each_blob_of_the_surface_is_at_its_pixel_in_space(acquisition):
    rect = arrange("3d", SIZE).panes["3d"]
    for blob, (around, above) in zip(BLOBS, (*VIEWS, (-60, -20)), strict=True):
        ct = blob_volume(acquisition, blobs=blob)
        scene = scene_of(ct, layout="3d", level=500).toggle_labels()
        scene = replace(scene, camera=Camera(around, above))
        empty = in_pane(draw(ct, replace(scene, level=None)), rect).astype(int)
        seen = np.abs(in_pane(draw(ct, scene), rect) - empty).max(axis=-1) > 8
        expected = in_space(np.array(BLOBS[blob]), around, above, ct, rect)
        np.testing.assert_allclose(middle_of(seen), expected, atol=6, err_msg=blob)


@pytest.mark.parametrize("view", VIEWS)
def test_the_eye_knows_where_it_sees_a_place(view):
    rect = arrange("3d", SIZE).panes["3d"]
    ct = blob_volume("oblique")
    eye = look(Camera(*view), ct.geometry, rect)
    for place in map(np.array, BLOBS.values()):
        right, down = in_space(place, *view, ct, rect)
        x, y = rect.middle
        assert eye.to_display(place) == pytest.approx((x + right - 0.5, y - down - 0.5))


@pytest.mark.parametrize("view", VIEWS)
def test_panning_in_space_moves_the_surface_with_the_hand(view):
    rect = arrange("3d", SIZE).panes["3d"]
    ct = blob_volume(blobs="L")
    scene = scene_of(ct, layout="3d", level=500).toggle_labels()
    scene = replace(scene, camera=Camera(*view))
    moved = replace(scene, camera=replace(scene.camera, pan=(20.0, 10.0)))
    middles = []
    for each in (scene, moved):
        empty = in_pane(draw(ct, replace(each, level=None)), rect).astype(int)
        middles.append(middle_of(np.abs(in_pane(draw(ct, each), rect) - empty).max(-1) > 8))
    right, down = middles[1] - middles[0]
    assert right > 20
    assert down == pytest.approx(right / 2, rel=0.15)


LONG = {"a pillar": (20, 24, 90), "a plate": (90, 80, 12), "a beam": (100, 20, 25)}


@pytest.mark.parametrize("size", LONG.values(), ids=LONG)
@pytest.mark.parametrize("acquisition", ["axial", "sagittal", "oblique"])
def test_the_box_is_seen_whole_however_it_is_turned(acquisition, size):
    geometry = replace(blob_volume(acquisition).geometry, size=size)
    volume = Volume(np.zeros(size[::-1], np.int16), geometry)
    for shape in ((700, 560), (560, 700)):
        rect = arrange("3d", shape).panes["3d"]
        reach = 0.0
        for view in product((0, 20, 45, 90, 200), (0, 25, 50, 90, -35)):
            eye = look(Camera(*view), geometry, rect)
            seen = np.array([eye.to_display(corner) for corner in box_corners(volume)])
            part = np.abs((seen + 0.5 - rect.middle) / (rect.width / 2, rect.height / 2))
            assert part.max() < 1, view
            reach = max(reach, part.max())
        assert reach > 0.9  # and the pane is made use of


@pytest.mark.parametrize("view", [(0, 0), (30, 0), (45, 30), (20, -20)])
def test_no_line_of_the_box_runs_out_of_the_picture(view):
    geometry = replace(blob_volume().geometry, size=(84, 130, 86))
    volume = Volume(np.zeros((86, 130, 84), np.int16), geometry)
    rect = arrange("3d", SIZE).panes["3d"]
    scene = replace(plain_scene(volume, "3d"), camera=Camera(*view))
    pixels = in_pane(draw(volume, scene), rect)
    lines = (pixels != pixels[0, 0]).any(axis=-1)
    assert lines.any()
    for border in (lines[0], lines[-1], lines[:, 0], lines[:, -1]):
        assert not border.any()


@pytest.mark.parametrize("view", [(0, 0), (180, 0), (90, 0), (0, 90), (30, 20)])
def test_each_letter_stands_on_the_side_where_that_end_of_the_patient_is_seen(view):
    """The side comes from VTK's own camera, the letter from the text that is drawn."""
    ct = blob_volume()
    from volume.viewer.drawing import Drawing

    canvas = off_screen_window(SIZE)
    drawing = Drawing(canvas, ct, replace(scene_of(ct, layout="3d"), camera=Camera(*view)))
    drawing.draw(replace(scene_of(ct, layout="3d"), camera=Camera(*view)), SIZE)
    labels = [label.actor for label in drawing.body.letters.labels]
    texts = {actor.GetInput(): np.array(actor.GetPosition()) for actor in labels}
    body, rect = drawing.body.renderer, drawing.body.rect
    corner, middle = np.array([rect.x, rect.y]), np.array(rect.middle)
    for end, place in {"L": X, "R": -X, "P": Y, "A": -Y, "H": Z, "F": -Z}.items():
        step = displayed(body, ct.geometry.centre + place) - displayed(body, ct.geometry.centre)
        for text, position in texts.items():
            if text[0] == end:
                side = corner + position - middle
                assert side @ step > 0.7 * np.linalg.norm(side) * np.linalg.norm(step), (text, end)
    firsts = {text[0] for text in texts}
    assert len(firsts) == 4
    canvas.Finalize()


def displayed(renderer, place: np.ndarray) -> np.ndarray:
    """Have VTK say at which pixel of the display it draws a place."""
    renderer.SetWorldPoint(*place, 1)
    renderer.WorldToDisplay()
    return np.array(renderer.GetDisplayPoint()[:2])


def test_letters_in_space_are_those_of_the_view():
    """Seen from the left the front is on the left, from behind the right is on the right."""
    rect = arrange("3d", SIZE).panes["3d"]
    geometry = blob_volume().geometry
    seen = {
        around: towards(look(Camera(around), geometry, rect).right) for around in (0, 90, 180, -90)
    }
    assert seen == {0: "L", 90: "P", 180: "R", -90: "A"}


def octahedron(place: np.ndarray, radius: float) -> Mesh:
    points = np.concatenate([np.eye(3), -np.eye(3)])
    faces = [
        (0 if a > 0 else 3, 1 if b > 0 else 4, 2 if c > 0 else 5)[:: int(a * b * c)]
        for a, b, c in product((1, -1), repeat=3)
    ]
    normals = points.astype(np.float32)
    return Mesh((points * radius + place).astype(np.float32), np.array(faces, np.int32), normals)


@pytest.mark.parametrize("view", VIEWS)
def test_meshes_lie_where_their_points_are(view):
    rect = arrange("3d", SIZE).panes["3d"]
    ct = blob_volume("oblique left-handed")
    scene = scene_of(ct, layout="3d", surface=False).toggle_labels()
    scene = replace(scene, camera=Camera(*view))
    empty = in_pane(draw(ct, scene), rect).astype(int)
    for place in map(np.array, BLOBS.values()):
        seen = np.abs(in_pane(draw(ct, scene, octahedron(place, 5)), rect) - empty).max(-1) > 8
        np.testing.assert_allclose(middle_of(seen), in_space(place, *view, ct, rect), atol=4)


def test_a_large_volume_is_averaged_without_being_moved():
    rect = arrange("3d", SIZE).panes["3d"]
    ct = blob_volume(spacing=(0.38, 0.4, 3.0), blobs="L")
    assert max(ct.geometry.size) > 256
    scene = scene_of(ct, layout="3d", level=500).toggle_labels()
    empty = in_pane(draw(ct, replace(scene, level=None)), rect).astype(int)
    seen = np.abs(in_pane(draw(ct, scene), rect) - empty).max(axis=-1) > 8
    expected = in_space(np.array(BLOBS["L"]), 0, 0, ct, rect)
    np.testing.assert_allclose(middle_of(seen), expected, atol=4)


def test_a_level_that_is_nowhere_leaves_the_pane_empty():
    ct = blob_volume()
    scene = scene_of(ct, layout="3d", level=99_999).toggle_labels()
    np.testing.assert_array_equal(draw(ct, scene), draw(ct, replace(scene, level=None)))


# what is written on it


def test_letters_change_sides_with_nothing_but_the_plane():
    """The pictures of one patient are the same, however the slices were acquired."""
    pictures = []
    for acquisition in ("axial", "sagittal", "coronal", "left-handed"):
        ct = blob_volume(acquisition, spacing=(2.0, 2.0, 2.0), id="")
        scene = scene_of(ct, window=(40.0, 400.0), at=(1, 1, 1), surface=False)
        panes = arrange("four", SIZE).panes
        pictures.append([in_pane(draw(ct, scene), panes[plane]) for plane in SCREEN])
    for other in pictures[1:]:
        for mine, theirs in zip(pictures[0], other, strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    ("findings", "severity"),
    [
        ((warning("gantry-tilt", "tilted by 18.5 degrees"),), "warning"),
        ((error("missing-slices", "2 missing"), warning("gantry-tilt", "tilted")), "error"),
        ((info("localizer", "kept apart"),), None),
    ],
)
def test_a_repaired_volume_says_so_on_its_picture(findings, severity):
    ct = blob_volume(findings=findings)
    pixels = draw(ct, scene_of(ct, surface=False))
    banner = arrange("four", SIZE, banner=True).banner
    strip = in_pane(pixels, banner).reshape(-1, 3)
    if severity is None:
        assert not any((strip == np.rint(np.array(c) * 255)).all(-1).any() for c in BANNER.values())
        return
    shade = np.rint(np.array(BANNER[severity]) * 255)
    assert (np.abs(strip - shade).max(axis=-1) <= 1).mean() > 0.5
    assert (strip > 180).all(axis=-1).sum() > 50  # and words


def flat_volume(grey: int, spacing=(2.0, 2.0, 3.0)) -> Volume:
    """Make a volume that a window of 0 to 255 shows in one grey."""
    ct = blob_volume(spacing=spacing)
    return replace(ct, array=np.full(ct.array.shape, grey, np.uint8), window=(128.0, 256.0))


def invented(volume: Volume, *layers: int) -> Volume:
    """Mark slices as filled in; all of them if none is named."""
    valid = np.ones(volume.array.shape[:3], np.uint8)
    valid[list(layers) or slice(None)] = 2
    return replace(volume, valid=valid)


def plain_scene(volume: Volume, layout: str, at=None) -> Scene:
    return scene_of(volume, layout=layout, at=at, surface=False).toggle_labels()


@pytest.mark.parametrize("grey", [0, 60, 130, 160, 255])
def test_invented_voxels_are_striped_so_that_any_grey_shows_it(grey):
    volume = invented(flat_volume(grey))
    rect = arrange("axial", SIZE).panes["axial"]
    pixels = in_pane(draw(volume, plain_scene(volume, "axial")), rect)
    spot = pixels[60 : rect.height // 2 - 20, rect.width // 2 - 150 : rect.width // 2 - 20, 0]
    striped = grey - 60 if grey >= 128 else grey + 60
    found = spot.astype(int)
    assert (np.minimum(abs(found - grey), abs(found - striped)) <= 1).all()
    assert 0.25 < (abs(found - striped) <= 1).mean() < 0.5


def stripes_in(volume: Volume, scene: Scene, rect: Rect) -> np.ndarray:
    """Mark what the invention of voxels changes in a pane."""
    plain = draw(replace(volume, valid=None), scene).astype(int)
    return in_pane(np.abs(draw(volume, scene) - plain).max(axis=-1) > 40, rect)


@pytest.mark.parametrize("zoom", [0.7, 1.0, 7.0])
@pytest.mark.parametrize("plane", SCREEN)
def test_stripes_are_diagonal_and_of_one_width_at_any_zoom(plane, zoom):
    volume = invented(flat_volume(160))
    rect = arrange(plane, SIZE).panes[plane]
    seen = stripes_in(volume, plain_scene(volume, plane).zoom(plane, zoom), rect)
    rows, columns = (slice(side // 2 - 170, side // 2 - 60) for side in (rect.height, rect.width))
    spot = seen[rows, columns]  # beside the crosshair
    np.testing.assert_array_equal(spot[1:, :-1], spot[:-1, 1:])
    edges = np.flatnonzero(np.diff(spot[0].astype(int)))
    assert len(set(np.diff(edges)[::2])) == 1  # stripes
    assert len(set(np.diff(edges)[1::2])) == 1  # and between them
    assert 6 <= edges[2] - edges[0] <= 12


@pytest.mark.parametrize("thickness", [3.0, 0.8, 0.15])
@pytest.mark.parametrize("plane", ["coronal", "sagittal"])
def test_a_filled_slice_is_striped_from_end_to_end_when_seen_edge_on(plane, thickness):
    volume = flat_volume(160, spacing=(2.0, 2.0, thickness))
    layer = volume.geometry.size[2] // 3
    volume = invented(volume, layer)
    rect = arrange(plane, SIZE).panes[plane]
    seen = stripes_in(volume, plain_scene(volume, plane), rect)
    scale = pixels_per_mm(volume, plane, rect)
    z = volume.geometry.to_world((0, 0, layer))[2]
    top, bottom = (rect.height / 2 - scale * (z + side * thickness / 2) for side in (1, -1))
    rows = np.flatnonzero(seen.any(axis=1))
    assert (rows[0], rows[-1] + 1) == pytest.approx((top, bottom), abs=1.6)
    columns = np.flatnonzero(seen.any(axis=0))
    width = scale * 104
    assert np.diff(columns).max() <= 8
    assert columns[0] == pytest.approx(rect.width / 2 - width / 2, abs=8)
    assert columns[-1] == pytest.approx(rect.width / 2 + width / 2, abs=8)


def test_only_the_planes_that_hold_invented_voxels_are_striped():
    volume = invented(flat_volume(160), 10)
    rect = arrange("axial", SIZE).panes["axial"]
    scene = plain_scene(volume, "axial", volume.geometry.to_world((20, 20, 10)))
    assert stripes_in(volume, scene, rect).mean() > 0.1
    assert not stripes_in(volume, scene.scroll("axial", 1), rect).any()
    assert not stripes_in(volume, scene.scroll("axial", -1), rect).any()


def test_invented_voxels_of_an_oblique_or_a_coloured_volume_are_striped():
    ct = blob_volume("oblique", window=(40.0, 400.0))
    slanted = invented(ct, 10)
    rect = arrange("sagittal", SIZE).panes["sagittal"]
    assert stripes_in(slanted, plain_scene(slanted, "sagittal"), rect).any()
    coloured = invented(Volume(np.full((*ct.array.shape, 3), 160, np.uint8), ct.geometry))
    assert stripes_in(coloured, plain_scene(coloured, "axial"), rect).mean() > 0.1


@pytest.mark.parametrize("corner", ["top left", "top right", "bottom left", "bottom right"])
def test_corner_text_can_be_read_over_white(corner):
    """4.5 to 1 is what the W3C's guidelines ask of small text (WCAG 2.2, 1.4.3)."""
    volume = replace(flat_volume(255), id="ct", modality="CT")
    scene = scene_of(volume, layout="axial", surface=False).zoom("axial", 4)
    pane = in_pane(draw(volume, scene), arrange("axial", SIZE).panes["axial"])
    rows = slice(0, 60) if "top" in corner else slice(-30, -9)  # the scale is lower
    columns = slice(0, 130) if "left" in corner else slice(-130, None)
    grey = pane[rows, columns].min(axis=-1)
    dark = np.argwhere(grey < 100)
    (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0)
    inside = pane[rows, columns][top + 2 : bottom - 1, left + 2 : right - 1] / 255
    light = np.where(inside <= 0.04045, inside / 12.92, ((inside + 0.055) / 1.055) ** 2.4)
    light = light @ (0.2126, 0.7152, 0.0722)
    if corner == "top left":  # two lines, of two lengths: white is not text
        light = light[:, : light.shape[1] // 4]
    plate = np.median(light)
    text = np.max(light)
    assert (text + 0.05) / (plate + 0.05) >= 4.5
    assert plate < 0.03


def test_a_crowded_pane_has_no_corner_text():
    ct = blob_volume()
    scene = scene_of(ct)
    from volume.viewer.drawing import Drawing

    canvas = off_screen_window(SIZE)
    drawing = Drawing(canvas, ct, scene)
    for size, shown in (((200, 160), False), ((1000, 800), True)):
        drawing.draw(scene, size)
        body, axial = drawing.body, drawing.panes[1]
        for label in (body.name, body.what, axial.name, axial.where):
            assert bool(label.actor.GetVisibility()) == shown
        assert all(label.actor.GetVisibility() for label in body.letters.labels)
    canvas.Finalize()


def test_labels_can_be_left_away():
    ct = blob_volume()
    scene = scene_of(ct, window=(5000.0, 10.0), surface=False)
    panes = arrange("four", SIZE).panes
    for plane in SCREEN:
        letters = white(in_pane(draw(ct, scene), panes[plane]) // 210 * 255)
        none = white(in_pane(draw(ct, scene.toggle_labels()), panes[plane]) // 210 * 255)
        assert letters.sum() > none.sum() + 50


def test_a_title_has_its_own_line():
    ct = blob_volume()
    scene = scene_of(ct, surface=False)
    untitled, titled = draw(ct, scene), draw(ct, scene, title="Case 12")
    title = arrange("four", SIZE, title=True).title
    assert (in_pane(untitled, title) != in_pane(titled, title)).any()


def test_colour_is_shown_as_colour():
    ct = blob_volume()
    rgb = np.zeros((*ct.array.shape, 3), np.uint8)
    rgb[...] = (10, 200, 90)
    for acquisition in ("axial", "oblique"):
        volume = Volume(rgb, blob_volume(acquisition).geometry)
        pixels = draw(volume, scene_of(volume, layout="coronal"))
        assert tuple(pixels[SIZE[1] // 2 - 40, SIZE[0] // 2 - 40]) == (10, 200, 90)


def test_inverted_is_the_negative():
    ct = blob_volume()
    scene = scene_of(ct, window=(40.0, 400.0), layout="axial").toggle_labels()
    rect = arrange("axial", SIZE).panes["axial"]
    spot = slice(60, 90), slice(rect.width // 2 + 20, rect.width // 2 + 60)
    plain = in_pane(draw(ct, scene), rect)[spot]
    np.testing.assert_array_equal(255 - plain, in_pane(draw(ct, scene.invert()), rect)[spot])


@pytest.mark.parametrize("size", [(160, 160), (333, 250), (1600, 200), (200, 900)])
def test_every_size_can_be_drawn(size):
    ct = blob_volume(findings=(warning("gantry-tilt", "tilted"),))
    scene = scene_of(ct, surface=False).toggle_help()
    assert picture(scene, ct, size=size, title="t").shape == (size[1], size[0], 3)


@pytest.mark.parametrize("size", [(1, 1), (0, 100), (-5, 5), (100_000, 100)])
def test_sizes_that_are_no_picture_are_refused(size):
    ct = blob_volume()
    with pytest.raises(ValueError, match="pixels a side"):
        picture(scene_of(ct), ct, size=size)


def test_one_slice_is_a_picture_too():
    ct = blob_volume()
    thin = replace(ct, array=ct.array[5:6], geometry=replace(ct.geometry, size=(52, 52, 1)))
    assert draw(thin, scene_of(thin)).max() > 100


def test_a_sheared_grid_is_drawn():
    ct = blob_volume()
    sheared = ct.geometry.direction.copy()
    sheared[:, 2] = [0, np.sin(0.3), np.cos(0.3)]
    ct = replace(ct, geometry=replace(ct.geometry, direction=sheared))
    assert draw(ct, scene_of(ct, level=500)).max() > 100


# files


def test_a_screenshot_is_a_png_of_its_size(tmp_path):
    path = screenshot(blob_volume(), tmp_path / "head.png", size=(320, 240), window="bone")
    assert path == tmp_path / "head.png"
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(content[16:20]) == 320
    assert int.from_bytes(content[20:24]) == 240
    assert [p.name for p in tmp_path.iterdir()] == ["head.png"]


def test_a_picture_that_is_there_is_left_alone(tmp_path):
    path = tmp_path / "head.png"
    path.write_text("mine")
    with pytest.raises(ExistsError):
        screenshot(blob_volume(), path, size=(320, 240))
    assert path.read_text() == "mine"
    screenshot(blob_volume(), path, size=(320, 240), overwrite=True)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("wrong", "refusal", "words"),
    [
        ({"window": "bnoe"}, ValueError, "no such window"),
        ({"layout": "six"}, ValueError, "no such layout"),
        ({"at": (0, 0, 4000)}, GridError, "outside the volume"),
        ({"size": (3, 3)}, ValueError, "pixels a side"),
        ({"path": "head.jpg"}, VolumeError, "PNG"),
        ({"path": "nowhere/head.png"}, VolumeError, "folder"),
    ],
)
def test_what_cannot_be_drawn_leaves_no_file(wrong, refusal, words, tmp_path):
    path = tmp_path / wrong.pop("path", "head.png")
    with pytest.raises(refusal, match=words):
        screenshot(blob_volume(), path, **wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_needs_no_display(tmp_path):
    code = (
        "from blobs import blob_volume; from volume.viewer.picture import screenshot;"
        "screenshot(blob_volume('oblique'), 'a.png', size=(320, 240)); import sys;"
        "assert 'pyvista' not in sys.modules"
    )
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY")
    }
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    child = run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (child.returncode, child.stderr) == (0, "")
    assert (tmp_path / "a.png").stat().st_size > 1000
