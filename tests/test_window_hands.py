"""Turning, slabs, measuring and saving by events on the real interactor, off screen."""

import json
from pathlib import Path

import numpy as np
import pytest

from test_gl import needs_gl
from test_window import SIZE, do, drag, middle, press_key
from test_window import window as window
from volume.viewer.crosshair import arms
from volume.viewer.first_scene import read_scene
from volume.viewer.picture import picture, pixels_of, screenshot
from volume.viewer.projection import project_pane
from volume.viewer.window import Window

pytestmark = needs_gl


def ctrl(window: Window, letter: str) -> None:
    """Press a key with Ctrl as X11 tells of it: a control character, and the key's name."""
    code = chr(ord(letter.upper()) - 64)
    press_key(window, letter, code, ctrl=1)


def turn(window: Window, pane: str = "axial") -> None:
    """Lead the right end of the level line upwards."""
    layout = window.controller.layout
    scene = window.controller.scene
    projection = project_pane(scene, pane, layout.panes[pane])
    end = max(arm.end for arm in arms(scene, pane, projection, layout.font))
    x, y = int(end[0]) - 4, int(end[1])
    drag(window, "Left", (x, y), (x - 10, y + 40))


def measure(window: Window, key: str, pane: str = "axial") -> None:
    x, y = middle(window, pane)
    press_key(window, key, key)
    drag(window, "Left", (x - 40, y + 20), (x + 30, y + 50))


def same_as_picture(window: Window) -> None:
    window._still_at = 0.0
    window._idle()
    drawn = picture(window.controller.scene, window.volume, size=SIZE)
    np.testing.assert_array_equal(pixels_of(window.window), drawn)


def test_the_end_of_a_line_turns_planes_and_the_picture_is_the_same(window):
    before = pixels_of(window.window)
    turn(window)
    assert window.controller.scene.axes.degrees > 10
    assert (pixels_of(window.window) != before).any()
    same_as_picture(window)
    press_key(window, "r", "r")
    assert window.controller.scene.axes.is_none


@pytest.mark.parametrize("turned", [False, True])
def test_slabs_are_drawn_in_full_when_the_hand_rests(window, turned):
    if turned:
        turn(window)
    press_key(window, "m", "m")
    press_key(window, "bracketright", "]")
    press_key(window, "bracketright", "]")
    press_key(window, "bracketleft", "[")
    scene = window.controller.scene
    assert (scene.slab.mode, scene.slab.mm) == ("max", 15)
    do(window, "MouseWheelForwardEvent", *middle(window, "coronal"))
    same_as_picture(window)


@pytest.mark.parametrize("key", ["d", "g", "o"])
def test_a_tool_by_key_measures_by_a_drag(window, key):
    measure(window, key)
    (item,) = window.controller.scene.measurements.items
    assert item.kind == {"d": "distance", "g": "rectangle", "o": "ellipse"}[key]
    same_as_picture(window)
    press_key(window, "Delete", "\x7f")
    assert window.controller.scene.measurements.items == ()
    ctrl(window, "z")
    assert window.controller.scene.measurements.items == (item,)
    same_as_picture(window)


def test_an_angle_by_clicks(window):
    x, y = middle(window, "sagittal")
    press_key(window, "a", "a")
    for spot in ((x + 50, y), (x, y), (x, y + 50)):
        do(window, "MouseMoveEvent", *spot)
        do(window, "LeftButtonPressEvent", *spot)
        do(window, "LeftButtonReleaseEvent", *spot)
    (item,) = window.controller.scene.measurements.items
    assert item.angle == pytest.approx(90)


def test_f_m_t_tab_and_ctrl_with_the_probe(window):
    measure(window, "d")
    press_key(window, "t", "t")
    assert window.controller.scene.measurements.listed
    same_as_picture(window)
    do(window, "MouseWheelForwardEvent", *middle(window, "axial"), ctrl=1)
    press_key(window, "f", "f")
    assert window.controller.scene.sights["axial"].zoom == 1
    press_key(window, "Tab", "\t")
    assert window.controller.scene.measurements.chosen == 0
    do(window, "MouseMoveEvent", *middle(window, "axial"))
    assert window.controller.scene.probe is not None
    window.interactor.InvokeEvent("LeaveEvent")
    assert window.controller.scene.probe is None


def test_ctrl_s_saves_a_scene_that_is_shown_again_to_the_pixel(window, tmp_path):
    turn(window)
    press_key(window, "bracketright", "]")
    measure(window, "g", "coronal")
    measure(window, "d", "axial")
    drag(window, "Middle", middle(window, "sagittal"), np.add(middle(window, "sagittal"), (9, 7)))
    drag(window, "Left", middle(window, "3d"), np.add(middle(window, "3d"), (30, 12)))
    ctrl(window, "s")
    saved = tmp_path / "ct_s001_000000_scene_1.json"
    assert window.controller.scene.note == f"written: {saved.name}"
    window.controller.scene = window.controller.scene.say("")
    window.drawing.forget()
    window._still_at = 0.0
    window._idle()
    scene, size = read_scene(saved, window.volume)
    assert size == SIZE
    assert scene.to_json(SIZE) == saved.read_text()
    path = screenshot(window.volume, tmp_path / "again.png", scene=saved)
    np.testing.assert_array_equal(read_png(path), pixels_of(window.window))


def read_png(path: Path) -> np.ndarray:
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOImage import vtkPNGReader

    reader = vtkPNGReader()
    reader.SetFileName(str(path))
    reader.Update()
    image = reader.GetOutput()
    width, height, _ = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 3)[::-1]


def test_ctrl_e_exports_what_was_measured(window, tmp_path):
    ctrl(window, "e")
    assert "nothing" in window.controller.scene.note
    measure(window, "o")
    ctrl(window, "e")
    ctrl(window, "e")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"ct_s001_000000_measurements_{n}.csv" for n in (1, 2)]
    assert "ellipse" in (tmp_path / names[0]).read_text()


def test_the_surface_is_shifted_rendered_and_cut_by_hand(window):
    place = middle(window, "3d")
    level = window.controller.scene.level
    drag(window, "Left", place, (place[0] + 30, place[1]), ctrl=1)
    assert window.controller.scene.level > level
    press_key(window, "x", "x")
    assert window.controller.scene.body.clip is not None
    press_key(window, "b", "b")
    assert window.controller.scene.body.rendering is not None


def test_a_saved_scene_holds_no_word_of_the_patient(window):
    document = json.loads(window.controller.scene.to_json(SIZE))
    assert document["volume"]["id"] == "ct_s001_000000"
    assert set(document["volume"]) == {"id", "size", "affine"}


def test_a_coarse_slab_stays_coarse_only_while_it_moves(window):
    turn(window)
    press_key(window, "m", "m")
    x, y = middle(window, "axial")
    do(window, "LeftButtonPressEvent", x + 30, y + 25)
    same_as_picture(window)
    do(window, "MouseMoveEvent", x + 60, y + 25)
    do(window, "MouseMoveEvent", x + 30, y + 25)
    moving = pixels_of(window.window)
    do(window, "LeftButtonReleaseEvent", x + 30, y + 25)
    still = pixels_of(window.window)
    assert (moving != still).any()
    same_as_picture(window)
