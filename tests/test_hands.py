"""Hands that turn planes, thicken slabs, measure, and hold the 3D pane: on the Scene's state."""

from dataclasses import replace

import numpy as np
import pytest

from blobs import ACQUISITIONS, OBLIQUE, blob_volume
from test_controller import a_controller, click, drag, middle
from volume.processing.plane_grid import PLANES
from volume.viewer.clip_box import middle_of, whole
from volume.viewer.controller import Controller
from volume.viewer.eye import look
from volume.viewer.first_scene import scene_of
from volume.viewer.hands import HANDS
from volume.viewer.key_commands import COMMANDS
from volume.viewer.projection import project_pane

CROSSED = {
    "axial": ("sagittal", "coronal"),
    "coronal": ("sagittal", "axial"),
    "sagittal": ("coronal", "axial"),
}
"""The planes that the upright and the level line of each pane stand for."""


def end_of_line(controller: Controller, pane: str, degrees: float) -> tuple[float, float]:
    """Give a pixel near the end of the line that runs at an angle from the crossing."""
    rect = controller.layout.panes[pane]
    x, y = project_pane(controller.scene, pane, rect).to_display(controller.scene.cursor)
    way = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    edge = 2.4 * controller.layout.font
    room = [
        (side - edge - at) / step if step > 0 else (edge - at) / step
        for at, side, step in zip(
            (x - rect.x, y - rect.y), (rect.width, rect.height), way, strict=True
        )
        if abs(step) > 1e-9
    ]
    return tuple(np.array([x, y]) + way * (min(room) - 10))


def turn_by_hand(controller: Controller, pane: str, start: float, degrees: float) -> None:
    """Take a line's end and lead it round the crossing, as a hand does, in small steps."""
    rect = controller.layout.panes[pane]
    middle = project_pane(controller.scene, pane, rect).to_display(controller.scene.cursor)
    x, y = end_of_line(controller, pane, start)
    radius = np.hypot(x - middle[0], y - middle[1])
    controller.press("left", x, y, time=0)
    for angle in np.radians(start + np.linspace(0, degrees, 9)[1:]):
        x, y = middle + radius * np.array([np.cos(angle), np.sin(angle)])
        controller.move(x, y)
    controller.release("left", x, y, time=1)


# turning planes


@pytest.mark.parametrize("start", [0, 90, 180, 270])
@pytest.mark.parametrize("pane", PLANES)
def test_the_end_of_a_line_turns_the_other_two_planes(pane, start):
    controller = a_controller()
    before = {plane: controller.scene.grid(plane).direction for plane in PLANES}
    turn_by_hand(controller, pane, start, 30)
    scene = controller.scene
    assert scene.axes.degrees == pytest.approx(30, abs=1)
    np.testing.assert_allclose(scene.grid(pane).direction, before[pane], atol=1e-9)
    for other in CROSSED[pane]:
        cosine = before[other][:, 2] @ scene.grid(other).direction[:, 2]
        assert np.degrees(np.arccos(cosine)) == pytest.approx(30, abs=1)
    assert scene.window == (40, 400)
    assert scene.cursor == scene.subject.at


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
@pytest.mark.parametrize("pane", PLANES)
def test_the_lines_go_with_the_hand(acquisition, pane):
    """The level line is led to 25 degrees above the right: there the plane that it stands for
    runs, seen as the places where both planes meet."""
    controller = a_controller(acquisition)
    turn_by_hand(controller, pane, 0, 25)
    scene = controller.scene
    level = CROSSED[pane][1]
    row, column, sight = scene.grid(pane).direction.T
    line = np.cross(sight, scene.grid(level).direction[:, 2])
    angle = np.degrees(np.arctan2(-(line @ column), line @ row)) % 180
    assert angle == pytest.approx(25, abs=1)


def test_turned_lines_can_be_taken_hold_of_again():
    controller = a_controller()
    turn_by_hand(controller, "axial", 0, 30)
    turn_by_hand(controller, "axial", 30, 20)
    assert controller.scene.axes.degrees == pytest.approx(50, abs=1.5)
    turn_by_hand(controller, "axial", 50, -50)
    assert controller.scene.axes.degrees == pytest.approx(0, abs=1.5)


def test_escape_takes_a_turn_back_and_reset_goes_to_the_patients_planes():
    controller = a_controller()
    x, y = end_of_line(controller, "axial", 90)
    controller.press("left", x, y, time=0)
    controller.move(x - 60, y)
    assert not controller.scene.axes.is_none
    controller.key("Escape")
    assert controller.scene.axes.is_none
    controller.release("left", x, y, time=1)
    turn_by_hand(controller, "coronal", 0, -20)
    controller.key("r")
    assert controller.scene.axes.is_none


def test_near_the_crossing_a_drag_is_window_and_level():
    controller = a_controller()
    x, y = middle(controller, "axial")
    drag(controller, "left", (x + 40, y), (30, 0), (30, 0))
    assert controller.scene.axes.is_none
    assert controller.scene.window != (40, 400)


def test_a_click_at_a_lines_end_puts_the_crosshair_there():
    controller = a_controller()
    x, y = end_of_line(controller, "axial", 0)
    click(controller, x, y)
    assert controller.scene.axes.is_none
    assert controller.scene.cursor[0] > controller.scene.subject.at[0]


@pytest.mark.parametrize("pane", PLANES)
def test_clicks_and_pans_and_zooms_work_on_turned_planes(pane):
    controller = a_controller("oblique")
    turn_by_hand(controller, "axial", 0, 20)
    turn_by_hand(controller, "sagittal", 90, -15)
    x, y = middle(controller, pane)
    layer = controller.scene.layer(pane)
    click(controller, x + 35, y - 20)
    rect = controller.layout.panes[pane]
    projection = project_pane(controller.scene, pane, rect)
    assert projection.to_display(controller.scene.cursor) == pytest.approx((x + 35, y - 20))
    assert controller.scene.layer(pane) == pytest.approx(layer, abs=1e-6)
    under = projection.to_plane(x + 50, y)
    controller.wheel(x + 50, y, 2, ctrl=True)
    drag(controller, "middle", (x + 50, y), (10, 20))
    moved = project_pane(controller.scene, pane, rect)
    assert moved.to_plane(x + 60, y + 20) == pytest.approx(under)


def test_f_fits_what_was_zoomed_and_panned():
    controller = a_controller()
    first = controller.scene
    drag(controller, "middle", middle(controller, "axial"), (30, 10))
    controller.wheel(*middle(controller, "coronal"), 3, ctrl=True)
    controller.wheel(*middle(controller, "3d"), 3)
    drag(controller, "left", middle(controller, "3d"), (30, 10))
    camera = controller.scene.camera
    controller.key("f")
    assert controller.scene.sights == first.sights
    assert (controller.scene.camera.zoom, controller.scene.camera.pan) == (1, (0, 0))
    assert controller.scene.camera.azimuth == camera.azimuth != 0


# slabs


def test_m_goes_through_the_slabs_and_brackets_change_their_thickness():
    controller = a_controller()
    assert controller.scene.slab.thickness == 0
    modes = []
    for _ in range(4):
        controller.key("m")
        modes.append(controller.scene.slab.mode)
    assert modes == ["max", "min", "mean", None]
    controller.key("]")  # a thin plane becomes a slab
    assert controller.scene.slab.mode == "max"
    before = controller.scene.slab.thickness
    controller.key("]")
    thicker = controller.scene.slab.thickness
    assert thicker > before
    controller.key("[")
    assert controller.scene.slab.thickness == before
    for _ in range(50):
        controller.key("[")
    assert controller.scene.slab.thickness == 1
    for _ in range(50):
        controller.key("]")
    assert controller.scene.slab.thickness == 200


# the probe


def test_the_probe_is_under_the_pointer_and_else_at_the_crosshair():
    controller = a_controller()
    assert controller.scene.probe is None
    x, y = middle(controller, "coronal")
    controller.move(x + 40, y + 25)
    probe = np.array(controller.scene.probe)
    rect = controller.layout.panes["coronal"]
    projection = project_pane(controller.scene, "coronal", rect)
    assert projection.to_display(probe) == pytest.approx((x + 40, y + 25), abs=1e-3)
    assert probe[1] == pytest.approx(controller.scene.cursor[1])
    controller.wheel(x + 40, y + 25, 4)
    assert controller.scene.probe[1] == pytest.approx(controller.scene.cursor[1])
    controller.move(*middle(controller, "3d"))
    assert controller.scene.probe is None
    controller.move(x, y)
    controller.leave()
    assert controller.scene.probe is None


def test_a_note_outlasts_a_move_of_the_pointer():
    controller = a_controller()
    controller.scene = controller.scene.say("written: a.png")
    controller.move(*middle(controller, "axial"))
    assert controller.scene.note == "written: a.png"


# measuring


def pixels_per_mm(controller: Controller, pane: str) -> float:
    rect = controller.layout.panes[pane]
    return project_pane(controller.scene, pane, rect).scale


def places_under(controller: Controller, pane: str, *spots: tuple[float, float]) -> np.ndarray:
    rect = controller.layout.panes[pane]
    projection = project_pane(controller.scene, pane, rect)
    return np.array([projection.to_world(*spot, controller.scene.layer(pane)) for spot in spots])


@pytest.mark.parametrize("pane", PLANES)
@pytest.mark.parametrize("acquisition", ["axial", "left-handed", *OBLIQUE])
def test_d_and_a_drag_measure_a_distance(acquisition, pane):
    controller = a_controller(acquisition)
    x, y = middle(controller, pane)
    controller.key("d")
    assert controller.scene.measurements.tool == "distance"
    drag(controller, "left", (x - 50, y + 20), (30, 10), (60, 30))
    (item,) = controller.scene.measurements.items
    assert item.length == pytest.approx(np.hypot(90, 40) / pixels_per_mm(controller, pane))
    expected = places_under(controller, pane, (x - 50, y + 20), (x + 40, y + 60))
    np.testing.assert_allclose(item.points, expected)
    assert controller.scene.measurements.chosen == 0
    assert controller.scene.measurements.tool is None
    assert controller.scene.window == (40, 400)
    assert controller.scene.cursor == controller.scene.subject.at


def test_two_clicks_measure_a_distance_too():
    controller = a_controller()
    x, y = middle(controller, "axial")
    controller.key("d")
    click(controller, x - 40, y)
    assert controller.scene.measurements.draft is not None
    controller.move(x + 10, y + 10)
    np.testing.assert_allclose(
        controller.scene.measurements.draft.points,
        places_under(controller, "axial", (x - 40, y), (x + 10, y + 10)),
    )
    click(controller, x + 35, y, time=0.1)
    (item,) = controller.scene.measurements.items
    assert item.length == pytest.approx(75 / pixels_per_mm(controller, "axial"))
    assert controller.scene.layout == "four"


@pytest.mark.parametrize("by", ["clicks", "a drag and a click"])
def test_a_measures_an_angle_with_the_vertex_in_the_middle(by):
    controller = a_controller()
    x, y = middle(controller, "sagittal")
    controller.key("a")
    if by == "clicks":
        click(controller, x + 60, y)
        click(controller, x, y, time=1)
    else:
        drag(controller, "left", (x + 60, y), (-30, 0), (-30, 0))
    controller.move(x + 20, y + 20)
    click(controller, x + 40, y + 40, time=2)
    (item,) = controller.scene.measurements.items
    assert item.angle == pytest.approx(45)
    np.testing.assert_allclose(item.points[1], places_under(controller, "sagittal", (x, y))[0])


@pytest.mark.parametrize(("key", "kind"), [("g", "rectangle"), ("o", "ellipse")])
@pytest.mark.parametrize("pane", PLANES)
def test_g_and_o_measure_regions(key, kind, pane):
    controller = a_controller("left-handed")
    turn_by_hand(controller, "axial", 0, 20)
    x, y = middle(controller, pane)
    controller.key(key)
    drag(controller, "left", (x - 50, y + 20), (30, 10), (60, 30))
    (item,) = controller.scene.measurements.items
    assert (item.kind, item.plane, item.rotation) == (kind, pane, controller.scene.axes)
    region = item.region(controller.scene.subject.geometry)
    part = np.pi / 4 if kind == "ellipse" else 1
    assert region.area == pytest.approx(90 * 40 / pixels_per_mm(controller, pane) ** 2 * part)


def test_a_tool_is_put_down_by_its_key_and_by_escape():
    controller = a_controller()
    controller.key("d")
    controller.key("d")
    assert controller.scene.measurements.tool is None
    controller.key("g")
    controller.key("o")
    assert controller.scene.measurements.tool == "ellipse"
    click(controller, *middle(controller, "axial"))
    controller.key("Escape")
    assert controller.scene.measurements.tool is None
    assert controller.scene.measurements.draft is None
    assert controller.scene.measurements.items == ()


def test_escape_while_drawing_leaves_nothing():
    controller = a_controller()
    x, y = middle(controller, "axial")
    controller.key("d")
    controller.press("left", x, y, time=0)
    controller.move(x + 50, y)
    controller.key("Escape")
    controller.release("left", x + 50, y, time=1)
    assert controller.scene.measurements.items == ()
    assert controller.scene.measurements.draft is None


def test_two_clicks_on_one_spot_measure_nothing():
    controller = a_controller()
    x, y = middle(controller, "axial")
    controller.key("d")
    click(controller, x, y)
    click(controller, x, y, time=1)
    assert controller.scene.measurements.items == ()


def a_measured_controller() -> tuple[Controller, tuple[float, float]]:
    """Give a controller with two distances, and a pixel on the line of the first."""
    controller = a_controller()
    x, y = middle(controller, "axial")
    for up in (40, -40):
        controller.key("d")
        drag(controller, "left", (x - 60, y + up), (60, 0), (60, 0))
    return controller, (x + 20, y + 40)


def test_a_click_on_a_measurement_selects_it_and_elsewhere_none():
    controller, on_line = a_measured_controller()
    assert controller.scene.measurements.chosen == 1
    click(controller, *on_line)
    assert controller.scene.measurements.chosen == 0
    assert controller.scene.cursor == controller.scene.subject.at
    click(controller, on_line[0], on_line[1] + 30, time=5)
    assert controller.scene.measurements.chosen is None


@pytest.mark.parametrize("key", ["Delete", "BackSpace"])
def test_delete_takes_the_selected_one_and_ctrl_z_brings_it_back(key):
    controller, on_line = a_measured_controller()
    both = controller.scene.measurements.items
    click(controller, *on_line)
    controller.key(key)
    assert controller.scene.measurements.items == both[1:]
    controller.key(key)
    assert controller.scene.measurements.items == both[1:]
    assert "selected" in controller.scene.note
    controller.key("z", ctrl=True)
    assert controller.scene.measurements.items == both
    controller.key("z", ctrl=True)
    assert controller.scene.measurements.items == both[:1]
    controller.key("z", ctrl=True)
    controller.key("z", ctrl=True)
    assert controller.scene.measurements.items == ()


def test_a_point_is_moved_by_dragging_it_and_the_whole_by_its_line():
    controller, on_line = a_measured_controller()
    first = controller.scene.measurements.items[0]
    x, y = on_line[0] + 40, on_line[1]  # its right end
    drag(controller, "left", (x, y), (0, 20), (0, 25))
    moved = controller.scene.measurements.items[0]
    np.testing.assert_allclose(moved.points[0], first.points[0])
    scale = pixels_per_mm(controller, "axial")
    assert moved.length == pytest.approx(np.hypot(120, 45) / scale)
    drag(controller, "left", (on_line[0] - 20, on_line[1] + 22), (7, 9), (3, 1))
    carried = controller.scene.measurements.items[0]
    step = np.array([10, -10, 0]) / scale
    np.testing.assert_allclose(carried.points, np.add(moved.points, step), atol=1e-9)
    controller.key("z", ctrl=True)
    assert controller.scene.measurements.items[0] == moved
    controller.key("z", ctrl=True)
    assert controller.scene.measurements.items[0] == first


def test_escape_puts_a_carried_measurement_back():
    controller, on_line = a_measured_controller()
    before = controller.scene.measurements.items
    controller.press("left", *on_line, time=0)
    controller.move(on_line[0] + 30, on_line[1] + 30)
    assert controller.scene.measurements.items != before
    controller.key("Escape")
    assert controller.scene.measurements.items == before


@pytest.mark.parametrize("button", ["left", "middle", "right"])
@pytest.mark.parametrize("pane", [*PLANES, "3d"])
def test_a_drag_ends_with_the_pane_it_began_in(pane, button):
    controller = a_controller()
    x, y = middle(controller, pane)
    controller.press(button, x + 30, y + 30, time=0)
    controller.move(x + 40, y + 40)
    controller.key("v")
    controller.key("v")  # coronal alone
    scene = controller.scene
    controller.move(x + 70, y + 60)
    if pane != "coronal":
        assert (controller.scene.window, controller.scene.sights) == (scene.window, scene.sights)
    controller.release(button, x + 70, y + 60, time=1)
    assert not controller.is_dragging


def test_what_is_deleted_in_a_hand_leaves_the_others_where_they_are():
    controller, on_line = a_measured_controller()
    _, other = controller.scene.measurements.items
    controller.press("left", *on_line, time=0)
    controller.key("Delete")
    controller.move(on_line[0] + 30, on_line[1] + 30)
    controller.release("left", on_line[0] + 30, on_line[1] + 30, time=1)
    assert controller.scene.measurements.items == (other,)


def test_a_hand_lets_go_of_a_measurement_when_another_series_comes():
    """On the same grid, too: its measurements are others."""
    controller, on_line = a_measured_controller()
    controller.press("left", *on_line, time=0)
    controller.take_scene(scene_of(replace(blob_volume(), id="ct_s002_111111"), surface=False))
    controller.move(on_line[0] + 30, on_line[1] + 30)
    assert controller.scene.measurements.items == ()


def test_a_measurement_on_another_layer_is_not_in_the_way():
    controller, on_line = a_measured_controller()
    controller.wheel(*on_line, 1)
    click(controller, *on_line)
    assert controller.scene.measurements.chosen is None
    assert controller.scene.cursor != controller.scene.subject.at


def test_t_lists_and_tab_goes_to_the_next():
    controller, _ = a_measured_controller()
    controller.key("t")
    assert controller.scene.measurements.listed
    controller.key("Escape")
    assert not controller.scene.measurements.listed
    controller.wheel(*middle(controller, "axial"), 5)
    controller.key("Tab")
    assert controller.scene.measurements.chosen == 0
    item = controller.scene.measurements.items[0]
    assert controller.scene.cursor[2] == pytest.approx(item.points[0][2])
    np.testing.assert_allclose(controller.scene.cursor, np.mean(item.points, axis=0), atol=1e-9)


def test_reset_leaves_what_was_measured():
    controller, _ = a_measured_controller()
    controller.key("r")
    assert len(controller.scene.measurements.items) == 2


def test_a_drawing_goes_on_in_the_pane_it_began_in():
    controller = a_controller()
    x, y = middle(controller, "axial")
    controller.key("d")
    click(controller, x, y)
    controller.move(*middle(controller, "coronal"))
    assert controller.scene.measurements.draft.plane == "axial"
    assert controller.scene.measurements.draft.length == pytest.approx(0)


# the 3D pane


def test_b_goes_through_the_renderings_and_back_to_the_surface():
    controller = a_controller()
    seen = [controller.scene.body.rendering]
    for _ in range(40):
        controller.key("b")
        seen.append(controller.scene.body.rendering)
        if seen[-1] is None:
            break
    assert seen[0] is seen[-1] is None
    assert {"CT-Bone", "CT-Lung", "CT-MIP"} <= set(seen)


def test_ctrl_and_left_drag_shifts_the_surfaces_level_or_the_curve():
    controller = a_controller()
    place = middle(controller, "3d")
    level, camera = controller.scene.level, controller.scene.camera

    def ctrl_drag(right: int) -> None:
        controller.press("left", *place, time=0, ctrl=True)
        controller.move(place[0] + right, place[1])
        controller.release("left", place[0] + right, place[1], time=1)

    ctrl_drag(30)
    assert controller.scene.level > level
    controller.key("b")
    level = controller.scene.level
    ctrl_drag(-40)
    assert controller.scene.body.shift < 0
    assert controller.scene.level == level
    assert controller.scene.camera == camera


def test_x_switches_the_box_and_its_handles_are_dragged():
    controller = a_controller()
    controller.key("x")
    box = controller.scene.body.clip
    assert box == whole(controller.scene.subject.geometry)
    rect = controller.layout.panes["3d"]
    eye = look(controller.scene.camera, controller.scene.subject.geometry, rect)
    x, y = eye.to_display(middle_of(box, (0, 1)))  # the patient's left: to the right
    drag(controller, "left", (x, y), (-20, 0), (-20, 0))
    cut = controller.scene.body.clip
    assert cut[1] < box[1] - 5
    assert (cut[0], *cut[2:]) == (box[0], *box[2:])
    assert controller.scene.camera.azimuth == 0
    controller.key("x")
    assert controller.scene.body.clip is None


# the card


def test_the_card_names_every_key():
    words = " ".join(gesture for gesture, _ in HANDS).replace(",", " ").split()
    on_card = {word.lower() for word in words}
    spelt = {"space": "space", "backspace": "delete"}
    missing = {key for key in COMMANDS if spelt.get(key, key) not in on_card}
    assert missing == set()
    assert {"ctrl", "shift", "wheel", "s", "e", "z", "q", "w", "home", "end", "esc"} <= on_card


def test_what_only_a_window_can_do_is_wished_for_with_ctrl():
    controller = a_controller()
    controller.key("s", ctrl=True)
    controller.key("e", ctrl=True)
    assert controller.wishes == ["save", "export"]
