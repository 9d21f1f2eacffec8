"""Hands beside the panes: the list of series and the slider of time, asserted on the scene."""

from dataclasses import replace

import pytest

from blobs import blob_volume
from volume.viewer.beside import NO_OTHER_SERIES, NO_OTHER_TIME
from volume.viewer.controller import Controller
from volume.viewer.first_scene import scene_of
from volume.viewer.hands import HANDS
from volume.viewer.layout import PANES
from volume.viewer.series_list import ROW, Row, SeriesList, rows_in
from volume.viewer.timeline import Timeline, slider

SIZE = (1000, 800)


def a_controller(*, rows: int = 3, points: int = 5) -> Controller:
    """Make a controller whose scene has so many series and time points."""
    scene = scene_of(blob_volume(), surface=False)
    series = SeriesList(tuple(Row(f"ct_s{n:03d}", (f"ct_s{n:03d}",)) for n in range(rows)))
    time = Timeline(tuple(f"time {n}" for n in range(points)))
    return Controller(replace(scene, series=series, time=time), SIZE)


def press_row(controller: Controller, row: int) -> None:
    rect, font = controller.layout.series, controller.layout.font
    y = rect.y + rect.height - (row + 0.5) * ROW * font
    controller.press("left", rect.x + 20, y, time=0)
    controller.release("left", rect.x + 20, y, time=0.1)


def test_page_down_and_up_ask_for_the_next_series_and_the_one_before():
    controller = a_controller()
    controller.key("PageDown")
    controller.key("PageDown")
    assert controller.scene.series.wanted == 2
    controller.key("PageDown")  # there are no more
    assert controller.scene.series.wanted == 2
    controller.key("PageUp")
    assert (controller.scene.series.wanted, controller.scene.series.shown) == (1, 0)


def test_a_click_in_the_list_asks_for_that_series():
    controller = a_controller()
    press_row(controller, 2)
    assert controller.scene.series.wanted == 2
    press_row(controller, 7)  # there is no such row
    assert controller.scene.series.wanted == 2


def test_n_puts_the_list_away_and_gives_its_room_to_the_panes():
    controller = a_controller()
    narrow = controller.layout.panes["axial"]
    controller.key("n")
    assert controller.layout.series is None
    assert controller.layout.panes["axial"].width > narrow.width
    controller.key("N")
    assert controller.layout.panes["axial"] == narrow


def test_a_long_list_keeps_the_wanted_series_in_sight_and_follows_the_wheel():
    controller = a_controller(rows=40)
    rect, font = controller.layout.series, controller.layout.font
    room = rows_in(rect, font)
    for _ in range(room + 3):
        controller.key("PageDown")
    assert controller.scene.series.top == 4
    controller.wheel(rect.x + 5, rect.y + 5, -2)
    assert controller.scene.series.top == 6
    press_row(controller, 0)
    assert controller.scene.series.wanted == 6
    controller.wheel(rect.x + 5, rect.y + 5, -100)
    assert controller.scene.series.top == 40 - room


def test_alt_and_the_wheel_step_in_time_over_any_pane():
    controller = a_controller()
    for pane in PANES:
        x, y = controller.layout.panes[pane].middle
        controller.wheel(x, y, 1, alt=True)
    assert controller.scene.time.wanted == 4
    assert controller.scene.cursor == controller.scene.subject.at
    controller.wheel(x, y, -9, alt=True)
    assert controller.scene.time.wanted == 0


def test_the_slider_is_clicked_dragged_and_turned():
    controller = a_controller()
    rect, font = controller.layout.time, controller.layout.font
    start, end = slider(rect, font)
    y = rect.y + rect.height / 2
    controller.press("left", start + 0.5 * (end - start), y, time=0)
    assert controller.scene.time.wanted == 2
    controller.move(end + 500, y + 300)  # the hand may leave the strip while it slides
    assert controller.scene.time.wanted == 4
    controller.release("left", end, y, time=1)
    controller.move(start, y)
    assert controller.scene.time.wanted == 4
    controller.wheel(start, y, -1)
    assert controller.scene.time.wanted == 3


def test_c_plays_and_stops():
    controller = a_controller()
    controller.key("c")
    assert controller.scene.time.playing
    assert controller.scene.time.go_to(4).next_frame().wanted == 0
    controller.key("C")
    assert not controller.scene.time.playing


@pytest.mark.parametrize(
    ("key", "said"), [("PageDown", NO_OTHER_SERIES), ("n", NO_OTHER_SERIES), ("c", NO_OTHER_TIME)]
)
def test_where_there_is_nothing_else_the_keys_say_so(key, said):
    controller = Controller(scene_of(blob_volume(), surface=False), SIZE)
    controller.key(key)
    assert controller.scene.note == said


def test_the_list_and_the_slider_take_nothing_from_each_other():
    layout = a_controller().layout
    rects = [layout.series, layout.time, layout.status, *layout.panes.values()]
    for x in range(0, SIZE[0], 7):
        for y in range(0, SIZE[1], 7):
            assert sum(rect.holds(x, y) for rect in rects) <= 1


def test_a_picture_has_neither_list_nor_slider_nor_what_is_being_read():
    scene = replace(a_controller().scene, busy="reading")
    assert scene.alone().arrange(SIZE) == scene_of(blob_volume(), surface=False).arrange(SIZE)
    assert "reading" not in scene.to_json()


def test_every_key_of_the_page_is_on_the_card():
    words = " ".join(gesture for gesture, _ in HANDS)
    for key in "1 9 0 R Space I C V D A M [ ] L PgUp PgDn S ? Esc Home End Shift Ctrl Alt".split():
        assert key in words, key


def test_a_drag_goes_on_through_time_and_esc_goes_back_to_what_is_shown_now():
    controller = a_controller()
    before = controller.scene
    x, y = controller.layout.panes["axial"].middle
    controller.press("left", x, y, time=0)
    controller.move(x + 40, y)
    later = controller.scene.look_at(blob_volume(window=(40.0, 400.0)))
    controller.take_scene(replace(later, time=later.time.show(3)))
    controller.move(x + 80, y)
    assert controller.scene.window[1] > later.window[1]
    controller.key("Escape")
    assert controller.scene.window == before.window
    assert controller.scene.subject is later.subject
    assert controller.scene.time.shown == 3


def test_a_drag_ends_where_another_grid_comes_under_it():
    controller = a_controller()
    x, y = controller.layout.panes["axial"].middle
    controller.press("left", x, y, time=0)
    controller.move(x + 40, y)
    other = scene_of(blob_volume(spacing=(0.9, 0.9, 3.0)), surface=False)
    controller.take_scene(other)
    controller.move(x + 80, y)
    assert controller.scene.window == other.window
    controller.key("Escape")
    assert controller.scene.subject is other.subject
