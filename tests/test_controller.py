"""Hands replayed on the controller: every row of the table, asserted on the scene."""

import numpy as np
import pytest

from blobs import OBLIQUE, blob_volume
from volume.findings import warning
from volume.processing.plane_grid import PLANES
from volume.viewer.controller import Controller, project_pane
from volume.viewer.first_scene import scene_of
from volume.viewer.layout import PANES

SIZE = (1000, 800)


def a_controller(acquisition: str = "axial", layout: str = "four", **more: object) -> Controller:
    ct = blob_volume(acquisition, window=(40.0, 400.0), **more)
    return Controller(scene_of(ct, layout=layout), SIZE)


def middle(controller: Controller, pane: str) -> tuple[int, int]:
    x, y = controller.layout.panes[pane].middle
    return int(x), int(y)


def drag(controller: Controller, button: str, start, *steps, shift: bool = False) -> None:
    x, y = start
    controller.press(button, x, y, time=0, shift=shift)
    for right, up in steps:
        x, y = x + right, y + up
        controller.move(x, y, shift=shift)
    controller.release(button, x, y, time=1)


def click(controller: Controller, x: float, y: float, time: float = 0.0) -> None:
    controller.press("left", x, y, time=time)
    controller.release("left", x, y, time=time + 0.05)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("acquisition", ["axial", "sagittal", "left-handed", *OBLIQUE])
def test_a_click_puts_the_crosshair_there_in_all_panes(acquisition, plane):
    controller = a_controller(acquisition)
    before = controller.scene
    x, y = middle(controller, plane)
    click(controller, x + 40, y - 25)
    projection = project_pane(controller.scene, plane, controller.layout.panes[plane])
    assert projection.to_display(controller.scene.cursor) == pytest.approx((x + 40, y - 25))
    assert controller.scene.layer(plane) == pytest.approx(before.layer(plane))
    assert controller.scene.window == before.window


def test_a_click_in_the_axial_pane_is_where_a_reader_expects_it():
    controller = a_controller()
    x, y = middle(controller, "axial")
    click(controller, x + 60, y + 30)
    cursor = np.subtract(controller.scene.cursor, controller.scene.subject.at)
    assert cursor[0] > 0  # to the right of the screen is the patient's left
    assert cursor[1] < 0  # up is the front
    assert cursor[2] == pytest.approx(0)


def test_a_click_is_clamped_to_the_volume():
    controller = a_controller()
    rect = controller.layout.panes["coronal"]
    click(controller, rect.x + 1, rect.y + 1)
    corners = controller.scene.subject.geometry.corners
    assert controller.scene.cursor[0] == pytest.approx(corners[:, 0].min())
    assert controller.scene.cursor[2] == pytest.approx(corners[:, 2].min())


@pytest.mark.parametrize("plane", PLANES)
def test_a_left_drag_is_window_and_level(plane):
    controller = a_controller()
    drag(controller, "left", middle(controller, plane), (50, 0), (50, 0))
    centre, width = controller.scene.window
    assert centre == pytest.approx(40)
    assert width == pytest.approx(400 * np.exp(100 / 200))
    drag(controller, "left", middle(controller, plane), (0, -20), (0, -20))
    assert controller.scene.window[0] > 40
    assert controller.scene.cursor == controller.scene.subject.at


def test_a_trembling_click_is_still_a_click():
    controller = a_controller()
    x, y = middle(controller, "axial")
    drag(controller, "left", (x + 30, y), (1, 1), (1, -1))
    assert controller.scene.window == (40, 400)
    assert controller.scene.cursor != controller.scene.subject.at


@pytest.mark.parametrize(("button", "shift"), [("middle", False), ("left", True)])
@pytest.mark.parametrize("plane", PLANES)
def test_panning_keeps_the_patient_under_the_mouse(button, shift, plane):
    controller = a_controller("oblique")
    x, y = middle(controller, plane)
    rect = controller.layout.panes[plane]
    start = project_pane(controller.scene, plane, rect).to_plane(x, y)
    drag(controller, button, (x, y), (30, 10), (13, -32), shift=shift)
    end = project_pane(controller.scene, plane, rect).to_plane(x + 43, y - 22)
    assert end == pytest.approx(start)
    assert controller.scene.cursor == controller.scene.subject.at


@pytest.mark.parametrize("plane", PLANES)
def test_a_right_drag_zooms_about_where_it_started(plane):
    controller = a_controller()
    x, y = middle(controller, plane)
    x, y = x + 70, y + 33
    rect = controller.layout.panes[plane]
    start = project_pane(controller.scene, plane, rect).to_plane(x, y)
    drag(controller, "right", (x, y), (0, 60), (0, 60))
    assert controller.scene.sights[plane].zoom == pytest.approx(np.exp(120 / 150))
    assert project_pane(controller.scene, plane, rect).to_plane(x, y) == pytest.approx(start)


@pytest.mark.parametrize("plane", PLANES)
def test_ctrl_and_wheel_zooms_about_the_mouse(plane):
    controller = a_controller()
    x, y = middle(controller, plane)
    x += 55
    rect = controller.layout.panes[plane]
    start = project_pane(controller.scene, plane, rect).to_plane(x, y)
    controller.wheel(x, y, 3, ctrl=True)
    assert controller.scene.sights[plane].zoom == pytest.approx(1.1**3)
    assert project_pane(controller.scene, plane, rect).to_plane(x, y) == pytest.approx(start)


@pytest.mark.parametrize("plane", PLANES)
def test_the_wheel_goes_through_the_slices_of_the_pane_under_the_mouse(plane):
    controller = a_controller()
    number, _ = controller.scene.layer_number(plane)
    controller.wheel(*middle(controller, plane), 2)
    assert controller.scene.layer_number(plane)[0] == number + 2
    controller.wheel(*middle(controller, plane), -1, shift=True)
    assert controller.scene.layer_number(plane)[0] == number - 8


@pytest.mark.parametrize("plane", PLANES)
def test_keys_go_through_the_slices_of_the_pane_under_the_mouse(plane):
    controller = a_controller()
    controller.move(*middle(controller, plane))
    number, count = controller.scene.layer_number(plane)
    controller.key("Up")
    assert controller.scene.layer_number(plane)[0] == number + 1
    controller.key("Down", shift=True)
    assert controller.scene.layer_number(plane)[0] == number - 9
    controller.key("Home")
    assert controller.scene.layer_number(plane)[0] == 1
    controller.key("End")
    assert controller.scene.layer_number(plane)[0] == count


def test_keys_without_a_mouse_are_for_the_pane_that_is_shown():
    controller = a_controller(layout="sagittal")
    number, _ = controller.scene.layer_number("sagittal")
    controller.key("Up")
    assert controller.scene.layer_number("sagittal")[0] == number + 1


def test_shift_and_move_carries_the_crosshair_along():
    controller = a_controller()
    x, y = middle(controller, "coronal")
    controller.move(x + 20, y + 20)
    assert controller.scene.cursor == controller.scene.subject.at
    controller.move(x + 20, y + 20, shift=True)
    projection = project_pane(controller.scene, "coronal", controller.layout.panes["coronal"])
    assert projection.to_display(controller.scene.cursor) == pytest.approx((x + 20, y + 20))


@pytest.mark.parametrize("pane", PANES)
def test_a_double_click_shows_one_pane_and_back(pane):
    controller = a_controller()
    x, y = middle(controller, pane)
    click(controller, x, y, time=10.0)
    click(controller, x, y, time=10.2)
    assert controller.scene.layout == pane
    x, y = middle(controller, pane)
    click(controller, x, y, time=20.0)
    click(controller, x, y, time=20.2)
    assert controller.scene.layout == "four"


def test_two_slow_or_distant_clicks_are_no_double_click():
    controller = a_controller()
    x, y = middle(controller, "axial")
    click(controller, x, y, time=1.0)
    click(controller, x, y, time=2.0)
    click(controller, x + 30, y, time=2.1)
    assert controller.scene.layout == "four"


def test_a_press_told_twice_is_one_press():
    controller = a_controller()
    x, y = middle(controller, "axial")
    click(controller, x, y, time=1.0)
    controller.press("left", x, y, time=1.2)
    controller.press("left", x, y, time=1.2)
    controller.release("left", x, y, time=1.3)
    assert controller.scene.layout == "axial"


def test_the_hand_turns_pans_and_zooms_the_3d_pane():
    controller = a_controller()
    place = middle(controller, "3d")
    drag(controller, "left", place, (40, 0), (20, 20))
    assert controller.scene.camera.azimuth == pytest.approx(-30)
    assert controller.scene.camera.elevation == pytest.approx(-10)
    controller.wheel(*place, 2)
    assert controller.scene.camera.zoom == pytest.approx(1.21)
    drag(controller, "right", place, (0, 75))
    assert controller.scene.camera.zoom == pytest.approx(1.21 * np.exp(0.5))
    drag(controller, "middle", place, (30, 0))
    drag(controller, "left", place, (0, 30), shift=True)
    right, down = controller.scene.camera.pan
    assert right > 0
    assert down == pytest.approx(-right)
    assert controller.scene.window == (40, 400)
    assert controller.scene.cursor == controller.scene.subject.at


def test_a_drag_stays_with_the_pane_it_began_in():
    controller = a_controller()
    x, y = middle(controller, "3d")
    drag(controller, "left", (x, y), (-SIZE[0] // 2, -10))
    assert controller.scene.window == (40, 400)
    assert controller.scene.camera.azimuth != 0


def test_the_keys_of_the_card():
    controller = a_controller()
    controller.key("2")
    assert controller.scene.window == (-500, 1500)
    controller.key("i")
    assert controller.scene.inverted
    controller.key("V")
    assert controller.scene.layout == "axial"
    controller.key("l")
    assert not controller.scene.labels
    controller.key("space")
    assert controller.scene.window == (40, 400)
    assert not controller.scene.inverted
    controller.key("0")
    assert controller.scene.window[1] == 2001
    controller.key("r")
    assert controller.scene.window == (40, 400)
    controller.key("?")
    assert controller.scene.help
    controller.key("Escape")
    assert not controller.scene.help


def test_what_only_a_window_can_do_is_wished_for():
    controller = a_controller()
    controller.key("s")
    controller.key("q", ctrl=True)
    controller.key("w", ctrl=True)
    assert controller.wishes == ["screenshot", "close", "close"]


@pytest.mark.parametrize("key", ["q", "w", "e", "p", "y", "3d", "Tab", "", "F1", "ㅂ", "²"])
def test_other_keys_do_nothing(key):
    controller = a_controller()
    before = controller.scene
    controller.key(key)
    assert controller.scene is before
    assert controller.wishes == []


def test_a_key_with_ctrl_is_not_the_key():
    controller = a_controller()
    controller.key("i", ctrl=True)
    assert not controller.scene.inverted


def test_escape_takes_a_drag_back():
    controller = a_controller()
    x, y = middle(controller, "axial")
    controller.press("left", x, y, time=0)
    controller.move(x + 90, y)
    assert controller.scene.window[1] > 400
    controller.key("Escape")
    assert controller.scene.window == (40, 400)
    controller.move(x + 180, y)
    controller.release("left", x + 180, y, time=1)
    assert controller.scene.window == (40, 400)
    assert controller.scene.cursor == controller.scene.subject.at


def test_a_press_puts_the_card_away_and_does_nothing_else():
    controller = a_controller()
    controller.key("?")
    x, y = middle(controller, "axial")
    click(controller, x + 40, y)
    assert not controller.scene.help
    assert controller.scene.cursor == controller.scene.subject.at


def test_hands_outside_the_panes_do_nothing():
    controller = a_controller(findings=(warning("gantry-tilt", "tilted"),))
    before = controller.scene
    for y in (1, SIZE[1] - 1):
        click(controller, 500, y)
        controller.wheel(500, y, 1)
        controller.move(500, y, shift=True)
    assert controller.scene is before


def test_the_banner_moves_the_panes_for_the_hands_too():
    plain = a_controller()
    repaired = a_controller(findings=(warning("gantry-tilt", "tilted"),))
    assert middle(repaired, "axial")[1] < middle(plain, "axial")[1]


def test_another_size_moves_the_panes():
    controller = a_controller()
    controller.resize((2000, 1600))
    click(controller, 500, 1200)
    assert controller.layout.pane_at(500, 1200) == "axial"
    projection = project_pane(controller.scene, "axial", controller.layout.panes["axial"])
    assert projection.to_display(controller.scene.cursor) == pytest.approx((500, 1200))
