"""Series and time points in the window: by events off screen, and by hand on a real display."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import volume
from phantom import phantom
from test_gl import needs_gl
from test_window import SIZE, Hands, do, middle, on_x11, press_key
from test_window import display as display
from test_window_hands import read_png
from volume.assembly.options import Options
from volume.progress import Silent
from volume.viewer.first_scene import read_scene, scene_of
from volume.viewer.picture import picture, pixels_of
from volume.viewer.series_list import ROW
from volume.viewer.stock import shelf_of_scan
from volume.viewer.window import Window

LENIENT = Options(gaps="fill", lenient=True)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    phantom(folder / "a", series=1, description="Kim Head", size=(24, 20, 12))
    phantom(folder / "b", series=2, modality="MR", phases=3, size=(16, 18, 9))
    return folder


@pytest.fixture
def window(study, tmp_path, monkeypatch):
    """Open a window on the first series, off screen."""
    monkeypatch.chdir(tmp_path)
    shelf = shelf_of_scan(volume.scan(study), LENIENT)
    (first,) = shelf.items[0].points[0].looks(Silent())
    opened = Window(first, scene_of(first), size=SIZE, off_screen=True, shelf=shelf)
    opened.draw()
    yield opened
    opened.exchange.close()
    opened.close()


def until(window: Window, done, seconds: float = 20) -> None:
    """Be idle until the scene is as wished, and what it shows is drawn in full."""
    end = time.monotonic() + seconds
    while not done(window.controller.scene):
        assert time.monotonic() < end, window.controller.scene.note
        window._idle()
        time.sleep(0.005)
    window._still_at = 0.0
    window._idle()


@needs_gl
def test_a_key_shows_the_next_series_and_a_click_the_first_again(window):
    press_key(window, "Next")
    until(window, lambda scene: scene.series.shown == 1)
    assert window.volume.modality == "MR"
    assert window.window.GetWindowName().startswith("mr_s002")
    shown = pixels_of(window.window)
    rect, font = window.controller.layout.series, window.controller.layout.font
    spot = rect.x + 30, int(rect.y + rect.height - 0.5 * ROW * font)
    do(window, "LeftButtonPressEvent", *spot)
    do(window, "LeftButtonReleaseEvent", *spot)
    until(window, lambda scene: scene.series.shown == 0)
    assert window.volume.modality == "CT"
    assert (pixels_of(window.window) != shown).any()


@needs_gl
def test_the_panes_show_what_the_picture_shows_beside_the_list(window):
    until(window, lambda _: len(window.exchange.supply.pictures) == 2)
    window._idle()
    press_key(window, "n", "n")
    until(window, lambda scene: not scene.series.is_open)
    scene = window.controller.scene
    window.controller.scene = scene.list_series(scene.series)
    drawn = picture(scene.alone(), window.volume, size=SIZE)
    shown = pixels_of(window.window)
    rect = window.controller.layout.panes["coronal"]
    part = slice(SIZE[1] - rect.y - rect.height, SIZE[1] - rect.y), slice(rect.x, rect.width)
    np.testing.assert_array_equal(shown[part], drawn[part])


@needs_gl
def test_thumbnails_are_drawn_in_the_list(window):
    before = pixels_of(window.window)
    until(window, lambda _: len(window.exchange.supply.pictures) == 2)
    window._idle()
    width = window.controller.layout.series.width
    after = pixels_of(window.window)
    assert (before[:, :width] != after[:, :width]).any()
    np.testing.assert_array_equal(before[:, width + 2 :], after[:, width + 2 :])


@needs_gl
@pytest.mark.parametrize("is_open", [True, False])
def test_a_written_picture_has_no_list_and_no_description(window, tmp_path, is_open):
    if not is_open:
        before = pixels_of(window.window)
        press_key(window, "n", "n")
        assert (pixels_of(window.window) != before).any()
    press_key(window, "s", "s")
    (path,) = tmp_path.glob("*.png")
    scene = window.controller.scene
    drawn = picture(scene.alone().say(""), window.volume, size=SIZE)
    np.testing.assert_array_equal(read_png(path), drawn)
    assert b"Kim" not in path.read_bytes()


@needs_gl
def test_time_is_stepped_played_and_saved_by_name(window, tmp_path):
    press_key(window, "Next")
    until(window, lambda scene: scene.series.shown == 1)
    window.interactor.SetAltKey(1)
    do(window, "MouseWheelForwardEvent", *middle(window, "axial"))
    window.interactor.SetAltKey(0)
    until(window, lambda scene: scene.time.shown == 1)
    assert window.volume.axis == ("TemporalPositionIdentifier", 2)
    press_key(window, "s", chr(19), ctrl=1)
    (path,) = tmp_path.glob("*.json")
    assert json.loads(path.read_text())["volume"]["id"] == window.volume.id
    assert read_scene(path, window.volume)[0].cursor == window.controller.scene.cursor
    press_key(window, "Hangul_Cieuc")  # C with the Hangul input on
    assert window.controller.scene.time.playing
    until(window, lambda scene: scene.time.shown == 2)
    until(window, lambda scene: scene.time.shown == 0)
    press_key(window, "c", "c")
    assert not window.controller.scene.time.playing


@needs_gl
def test_a_scene_opens_the_series_it_was_saved_of(study, tmp_path, run):
    names = [stack.id for stack in volume.scan(study).stacks]
    second = volume.load(study, series=names[2])
    saved = tmp_path / "look.json"
    volume.screenshot(second, tmp_path / "a.png", save_scene=saved, size=(400, 300))
    code, _, err = run("view", study, "--scene", saved, "--screenshot", tmp_path / "b.png")
    assert code == 0, err
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_scene_of_another_series_is_refused_by_name(study, tmp_path, run):
    phantom(tmp_path / "other", series=9, size=(24, 20, 12))
    other = volume.load(tmp_path / "other")
    saved = tmp_path / "look.json"
    saved.write_text(scene_of(other, surface=False).to_json())
    code, _, err = run("view", study, "--scene", saved, "--screenshot", tmp_path / "b.png")
    assert code == 4
    assert "the scene belongs to another volume: ct_s009" in err
    assert "show the volume that it was saved of" in err


TOLD = """
import json, sys
import volume
from volume.assembly.options import Options
from volume.viewer import gl
from volume.viewer.first_scene import scene_of
from volume.viewer.stock import shelf_of_scan
from volume.viewer.window import Window

gl.require_display()
options = Options(gaps="fill", lenient=True)
shelf = shelf_of_scan(volume.scan(sys.argv[1]), options)
first = volume.load(sys.argv[1], series=shelf.items[0].row.id)
opened = Window(first, scene_of(first), size=(640, 512), title="smoke", shelf=shelf)
was = opened._idle
def idle():
    was()
    scene = opened.controller.scene
    state = {"series": scene.series.shown, "time": scene.time and scene.time.shown}
    state |= {"open": scene.series.is_open, "window": scene.window, "help": scene.help}
    state |= {"playing": bool(scene.time and scene.time.playing)}
    open("state.json", "w").write(json.dumps(state))
opened._idle = idle
opened.interactor.RemoveObservers("TimerEvent")
opened._hear("TimerEvent", opened._idle)
opened.run()
print("closed")
"""


@needs_gl
@on_x11
def test_hands_on_the_list_and_on_time_in_a_real_window(display, study, tmp_path):
    environment = {**os.environ, "DISPLAY": display}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    program = subprocess.Popen(
        [sys.executable, "-c", TOLD, study],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    hands = Hands(display, Path(tmp_path) / "state.json")
    try:
        hands.wait_for(lambda state: state["open"])
        hands.do("mousemove", 400, 120, "key", "Next")
        hands.wait_for(lambda state: state["series"] == 1)
        hands.do("keydown", "alt", "click", 4, "keyup", "alt")
        hands.wait_for(lambda state: state["time"] == 1)
        hands.do("key", "c")
        hands.wait_for(lambda state: state["playing"] and state["time"] == 0)
        hands.do("key", "Hangul_Cieuc")
        hands.wait_for(lambda state: not state["playing"])
        hands.do("mousemove", 20, 30, "click", 1)
        hands.wait_for(lambda state: state["series"] == 0)
        hands.do("mousemove", 400, 120, "key", "Hangul_EU")  # M, for slabs: nothing breaks
        hands.do("key", "n")
        hands.wait_for(lambda state: not state["open"])
        hands.do("key", "question")
        hands.wait_for(lambda state: state["help"])
        hands.do("key", "ctrl+q")
        said, complaints = program.communicate(timeout=20)
    finally:
        program.kill()
        program.communicate()
    assert (said, complaints, program.returncode) == ("closed\n", "", 0)
