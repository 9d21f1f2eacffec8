"""The window: events on the real interactor off screen, and a few hands on a real display."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from blobs import blob_volume
from phantom import phantom
from test_gl import needs_gl
from volume.errors import DisplayError
from volume.viewer.controller import project_pane
from volume.viewer.detail import Detail
from volume.viewer.first_scene import scene_of
from volume.viewer.interrupt import Interrupt
from volume.viewer.picture import picture, pixels_of
from volume.viewer.window import Window, view

SIZE = (640, 512)

on_x11 = pytest.mark.skipif(sys.platform != "linux", reason="X11 is on Linux")


@pytest.fixture
def window(tmp_path, monkeypatch):
    """Open a window without a display, as large as these tests want it."""
    monkeypatch.chdir(tmp_path)
    ct = blob_volume(window=(40.0, 400.0))
    opened = Window(ct, scene_of(ct), size=SIZE, off_screen=True)
    opened.draw()
    yield opened
    opened.close()


def middle(window: Window, pane: str) -> tuple[int, int]:
    x, y = window.controller.layout.panes[pane].middle
    return int(x), int(y)


def do(window: Window, event: str, x: int, y: int, *, ctrl=0, shift=0, code="\0", key="") -> None:
    """Have VTK's own interactor tell of an event, and the window be idle after it."""
    window.interactor.SetEventInformation(x, y, ctrl, shift, code, 0, key)
    window.interactor.InvokeEvent(event)
    if window.failure is not None:
        raise window.failure
    window._idle()


def press_key(window: Window, key: str, code: str = "\0", **more: int) -> None:
    do(window, "KeyPressEvent", *middle(window, "axial"), key=key, code=code, **more)


def drag(window: Window, button: str, start, end, **more: int) -> None:
    do(window, f"{button}ButtonPressEvent", *start, **more)
    do(window, "MouseMoveEvent", (start[0] + end[0]) // 2, (start[1] + end[1]) // 2, **more)
    do(window, "MouseMoveEvent", *end, **more)
    do(window, f"{button}ButtonReleaseEvent", *end, **more)


@needs_gl
def test_a_left_drag_is_window_and_level(window):
    x, y = middle(window, "coronal")
    drag(window, "Left", (x, y), (x + 80, y - 40))
    centre, width = window.controller.scene.window
    assert width > 400
    assert centre > 40


@needs_gl
def test_a_click_puts_the_crosshair_there(window):
    x, y = middle(window, "axial")
    drag(window, "Left", (x + 30, y + 20), (x + 30, y + 20))
    rect = window.controller.layout.panes["axial"]
    seen = project_pane(window.controller.scene, "axial", rect)
    assert seen.to_display(window.controller.scene.cursor) == pytest.approx((x + 30, y + 20))


@needs_gl
def test_the_wheel_and_the_arrows_go_through_slices(window):
    number, _ = window.controller.scene.layer_number("sagittal")
    do(window, "MouseWheelForwardEvent", *middle(window, "sagittal"))
    do(window, "MouseWheelForwardEvent", *middle(window, "sagittal"))
    do(window, "MouseWheelBackwardEvent", *middle(window, "sagittal"), shift=1)
    assert window.controller.scene.layer_number("sagittal")[0] == number + 2 - 10
    do(window, "KeyPressEvent", *middle(window, "sagittal"), key="Up")
    axial, _ = window.controller.scene.layer_number("axial")
    assert window.controller.scene.layer_number("sagittal")[0] == number + 2 - 9
    press_key(window, "Up")
    assert window.controller.scene.layer_number("axial")[0] == axial


@needs_gl
def test_middle_and_shift_pan_and_right_and_ctrl_zoom(window):
    x, y = middle(window, "axial")
    drag(window, "Middle", (x, y), (x + 20, y + 10))
    drag(window, "Left", (x, y), (x + 20, y + 10), shift=1)
    right, down = window.controller.scene.sights["axial"].pan
    assert right > 0 > down
    drag(window, "Right", (x, y), (x, y + 50))
    do(window, "MouseWheelForwardEvent", x, y, ctrl=1)
    assert window.controller.scene.sights["axial"].zoom == pytest.approx(np.exp(1 / 3) * 1.1)
    assert window.controller.scene.window == (40, 400)


@needs_gl
def test_a_double_click_shows_one_pane_however_it_is_told(window):
    place = middle(window, "3d")
    drag(window, "Left", place, place)
    do(window, "LeftButtonDoubleClickEvent", *place)
    do(window, "LeftButtonReleaseEvent", *place)
    assert window.controller.scene.layout == "3d"


@needs_gl
def test_keys_are_what_they_write(window):
    press_key(window, "KP_3", "3")
    assert window.controller.scene.window == (350, 2000)
    press_key(window, "question", "?")
    assert window.controller.scene.help
    press_key(window, "Escape", "\x1b")
    assert not window.controller.scene.help
    press_key(window, "space", " ")
    assert window.controller.scene.window == (40, 400)


@needs_gl
@pytest.mark.parametrize("key", ["w", "e", "p", "f", "3", "u", "q", "j", "plus", "yen"])
def test_the_keys_of_vtk_and_pyvista_are_gone(window, key):
    before = pixels_of(window.window)
    window.interactor.SetEventInformation(*middle(window, "3d"), 0, 0, key[0], 0, key)
    for event in ("KeyPressEvent", "CharEvent", "KeyReleaseEvent"):
        window.interactor.InvokeEvent(event)
    assert window.failure is None
    if key != "3":  # ours: bone
        window._idle()
        np.testing.assert_array_equal(pixels_of(window.window), before)
    assert window.window.GetStereoRender() == 0


@needs_gl
def test_the_window_shows_what_the_picture_shows(window):
    drag(window, "Left", middle(window, "axial"), np.add(middle(window, "axial"), (9, 9)))
    for _ in range(3):
        do(window, "MouseWheelForwardEvent", *middle(window, "coronal"))
    drag(window, "Left", middle(window, "3d"), np.add(middle(window, "3d"), (30, 10)))
    drawn = picture(window.controller.scene, window.volume, size=SIZE)
    np.testing.assert_array_equal(pixels_of(window.window), drawn)


@needs_gl
def test_panes_that_did_not_change_keep_their_pixels(window, monkeypatch):
    drawn: list[str] = []
    for pane in window.drawing.panes:
        name = getattr(pane, "plane", type(pane).__name__)
        pane.renderer.AddObserver("StartEvent", lambda *_, name=name: drawn.append(name))
    do(window, "MouseMoveEvent", *middle(window, "axial"))
    assert drawn == ["StatusStrip"]  # the probe
    drawn.clear()
    before = pixels_of(window.window)
    do(window, "MouseWheelForwardEvent", *middle(window, "axial"), ctrl=1)
    assert drawn == ["axial"]
    after = pixels_of(window.window)
    rect = window.controller.layout.panes["3d"]
    corner = slice(0, rect.height), slice(rect.x, None)
    np.testing.assert_array_equal(before[corner], after[corner])
    drawn.clear()
    do(window, "MouseMoveEvent", *middle(window, "axial"))
    assert drawn == []


@needs_gl
def test_the_card_stays_on_top_of_panes_that_change_beneath_it(window):
    press_key(window, "question", "?")
    for _ in range(3):
        do(window, "MouseWheelForwardEvent", *middle(window, "axial"))
        drawn = picture(window.controller.scene, window.volume, size=SIZE)
        np.testing.assert_array_equal(pixels_of(window.window), drawn)
    press_key(window, "question", "?")
    drawn = picture(window.controller.scene, window.volume, size=SIZE)
    np.testing.assert_array_equal(pixels_of(window.window), drawn)


@needs_gl
def test_many_events_are_one_drawing(window):
    renders: list[int] = []
    window.window.AddObserver("StartEvent", lambda *_: renders.append(1))
    x, y = middle(window, "axial")
    for event in ("LeftButtonPressEvent", *["MouseMoveEvent"] * 20):
        x += 2
        window.interactor.SetEventInformation(x, y, 0, 0, "\0", 0, "")
        window.interactor.InvokeEvent(event)
    assert renders == []
    window._idle()
    assert len(renders) == 1


@pytest.fixture
def large(tmp_path, monkeypatch):
    """Open a window on a volume whose surface has a lighter one beside it."""
    monkeypatch.chdir(tmp_path)
    ct = blob_volume(spacing=(0.7, 0.7, 3.0))
    opened = Window(ct, scene_of(ct, level=500), size=SIZE, off_screen=True)
    opened.draw()
    yield opened
    opened.close()


@needs_gl
@pytest.mark.parametrize("rendering", [None, "CT-Bone"])
def test_while_a_hand_turns_the_patient_less_is_drawn_and_all_of_it_at_rest(large, rendering):
    large.controller.scene = large.controller.scene.set_rendering(rendering)
    large.draw()
    x, y = middle(large, "3d")
    shown = large.drawing.body
    do(large, "LeftButtonPressEvent", x, y)
    assert shown._shown == Detail.FULL  # nothing has moved
    do(large, "MouseMoveEvent", x + 30, y + 10)
    assert shown._shown == Detail.COARSE
    do(large, "LeftButtonReleaseEvent", x + 30, y + 10)
    assert shown._shown == Detail.FULL
    drawn = picture(large.controller.scene, large.volume, size=SIZE)
    np.testing.assert_array_equal(pixels_of(large.window), drawn)


@needs_gl
def test_a_wheel_rests_a_moment_after_its_last_turn(large, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    do(large, "MouseWheelForwardEvent", *middle(large, "3d"))
    assert large.drawing.body._shown == Detail.COARSE
    clock[0] += 1
    large.interactor.InvokeEvent("TimerEvent")  # the heartbeat
    assert large.drawing.body._shown == Detail.FULL


@needs_gl
def test_a_window_drag_leaves_the_body_in_full(large):
    drag(large, "Left", middle(large, "axial"), np.add(middle(large, "axial"), (40, 20)))
    assert large.drawing.body._shown == Detail.FULL


@needs_gl
def test_s_writes_the_next_free_picture(window, tmp_path):
    for _ in range(2):
        press_key(window, "s", "s")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["ct_s001_000000_1.png", "ct_s001_000000_2.png"]
    assert window.controller.scene.note == "written: ct_s001_000000_2.png"


@needs_gl
def test_another_size_is_drawn_anew(window):
    window.window.SetSize(500, 400)
    window.interactor.InvokeEvent("ConfigureEvent")
    window._idle()
    drawn = picture(window.controller.scene, window.volume, size=(500, 400))
    np.testing.assert_array_equal(pixels_of(window.window), drawn)


@needs_gl
def test_what_goes_wrong_in_an_event_is_kept_for_the_caller(window, monkeypatch):
    def fail(*_args, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr(window.controller, "move", fail)
    window.interactor.SetEventInformation(9, 9, 0, 0, "\0", 0, "")
    window.interactor.InvokeEvent("MouseMoveEvent")
    assert isinstance(window.failure, KeyboardInterrupt)


@pytest.mark.skipif(sys.platform != "linux", reason="displays are named on Linux")
def test_without_a_display_nothing_is_opened(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(DisplayError, match="no display"):
        view(blob_volume())


def test_looking_costs_nothing_before_it_is_asked_for():
    code = (
        "import sys, volume.viewer.window, volume.viewer.picture, volume.viewer.controller;"
        "sys.exit(any(name.startswith(('vtk', 'pyvista')) for name in sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0


def test_wrong_words_are_told_before_any_window_is_opened():
    with pytest.raises(ValueError, match="no such window"):
        view(blob_volume(), window="bnoe")


# Ctrl+C


@pytest.fixture
def ctrl_c():
    """Have Ctrl+C answered by Python, as in a terminal; press it by calling."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_is_noted_and_python_answers_it_again_later(ctrl_c):
    with Interrupt() as interrupt:
        assert not interrupt.noted
        ctrl_c()
        assert interrupt.noted
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        ctrl_c()


def test_whoever_ignores_ctrl_c_goes_on_ignoring_it(ctrl_c):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupt() as interrupt:
        ctrl_c()
    assert not interrupt.noted


def test_only_the_main_thread_can_listen_to_signals():
    before, entered = signal.getsignal(signal.SIGINT), []

    def enter():
        with Interrupt() as interrupt:
            entered.append((interrupt.noted, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert entered == [(False, before)]


# a real window

TOLD = """
import sys
from blobs import blob_volume
from volume.viewer import gl
from volume.viewer.first_scene import scene_of
from volume.viewer.window import Window

ct = blob_volume(window=(40.0, 400.0))
gl.require_display()
opened = Window(ct, scene_of(ct), size=(640, 512), title="smoke")
was = opened._idle
def idle():
    was()
    open("state.json", "w").write(opened.controller.scene.to_json())
opened._idle = idle
opened.interactor.RemoveObservers("TimerEvent")
opened._hear("TimerEvent", opened._idle)
opened.run()
print("closed")
"""
"""Opens a window that writes its scene whenever it was idle."""


@pytest.fixture
def display(tmp_path):
    """Start an X server without a screen, and give its number."""
    if not (shutil.which("Xvfb") and shutil.which("xdotool")):
        pytest.skip("no X server: Xvfb or xdotool is not installed")
    number, told = os.pipe()
    options = "-screen 0 1280x1024x24 -nolisten tcp -noreset".split()  # for xdotool comes and goes
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(told), *options],
        pass_fds=(told,),
        stderr=subprocess.DEVNULL,
    )
    os.close(told)
    with os.fdopen(number) as answer:
        name = f":{answer.readline().strip()}"
    yield name
    server.terminate()
    server.wait()


@needs_gl
@on_x11
def test_hands_on_a_real_window(display, tmp_path):
    environment = {**os.environ, "DISPLAY": display}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    program = subprocess.Popen(
        [sys.executable, "-c", TOLD],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    hands = Hands(display, tmp_path / "state.json")
    try:
        hands.wait_for(lambda scene: scene["window"] == [40, 400])
        hands.do("mousemove", 160, 120, "click", 4, "click", 4)
        hands.wait_for(lambda scene: scene["cursor"][2] > 3)
        hands.do("mousemove", 160, 120, "mousedown", 1, "mousemove", 200, 120)
        hands.do("mousemove", 260, 120, "mouseup", 1)
        hands.wait_for(lambda scene: scene["window"][1] > 500)
        hands.do("key", "3")
        hands.wait_for(lambda scene: scene["window"] == [350, 2000])
        hands.do("mousemove", 480, 120, "click", "--repeat", 2, "--delay", 60, 1)
        hands.wait_for(lambda scene: scene["layout"] == "3d")
        hands.do("key", "w", "key", "q", "key", "e", "key", "v")
        hands.wait_for(lambda scene: scene["layout"] == "four")
        hands.do("key", "d", "mousemove", 100, 150, "mousedown", 1, "mousemove", 150, 160)
        hands.do("mousemove", 200, 170, "mouseup", 1)
        hands.wait_for(lambda scene: len(scene["measurements"]["items"]) == 1)
        hands.do("key", "ctrl+z")
        hands.wait_for(lambda scene: scene["measurements"]["items"] == [])
        hands.do("mousemove", 287, 120, "mousedown", 1, "mousemove", 280, 90)
        hands.do("mousemove", 270, 70, "mouseup", 1)
        hands.wait_for(lambda scene: scene["axes"] != [1, 0, 0, 0, 1, 0, 0, 0, 1])
        hands.do("key", "bracketright", "key", "r", "key", "m")
        hands.wait_for(lambda scene: scene["axes"][1] == 0 and scene["slab"]["mode"] == "max")
        hands.do("key", "ctrl+s")
        hands.wait_for(lambda _: (tmp_path / "ct_s001_000000_scene_1.json").exists())
        hands.do("key", "ctrl+q")
        said, complaints = program.communicate(timeout=20)
    finally:
        program.kill()
        program.communicate()
    assert (said, complaints, program.returncode) == ("closed\n", "", 0)


CALLER = """
import signal
from blobs import blob_volume
from volume.viewer.window import view

if __name__ == "__main__":
    before = signal.getsignal(signal.SIGINT)
    try:
        view(blob_volume(), title="smoke")
    except KeyboardInterrupt:
        print("caught", signal.getsignal(signal.SIGINT) is before, flush=True)
    input()
    print("still here")
"""
"""Answers Ctrl+C itself, and goes on."""


@pytest.fixture
def start(display, tmp_path):
    """Start Python on the display as a terminal would, and wait for a window of a name."""
    environment = {**os.environ, "DISPLAY": display}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    started = []

    def start_one(*words: str, name: str) -> subprocess.Popen:
        listen = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL);"
        listen += "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
        program = subprocess.Popen(
            [sys.executable, "-c", listen, *words],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(program)
        end = time.monotonic() + 25
        while not windows_named(name, environment):
            assert program.poll() is None, program.communicate()
            assert time.monotonic() < end, "no window within 25 s"
            time.sleep(0.05)
        return program

    yield start_one
    for program in started:
        program.kill()
        program.communicate()


def windows_named(name: str, environment: dict[str, str]) -> list[str]:
    command = ["xdotool", "search", "--onlyvisible", "--name", name]
    return subprocess.run(command, env=environment, capture_output=True, text=True).stdout.split()


@needs_gl
@on_x11
@pytest.mark.parametrize("patience", [0, 1.5])
def test_ctrl_c_in_the_terminal_ends_the_command_with_130(start, tmp_path, patience):
    phantom(tmp_path / "series")
    program = start("-m", "volume", "view", "series", "-q", name="s0")
    time.sleep(patience)
    program.send_signal(signal.SIGINT)
    said, complaints = program.communicate(timeout=20)
    assert (said, program.returncode) == ("", 130)
    assert complaints.strip() == "volume: interrupted; nothing half-written was left"


@needs_gl
@on_x11
def test_ctrl_c_closes_the_window_and_is_the_callers_to_catch(start, display):
    program = start("-c", CALLER, name="smoke")
    time.sleep(0.5)
    program.send_signal(signal.SIGINT)
    assert program.stdout.readline() == "caught True\n"
    assert not windows_named("smoke", {**os.environ, "DISPLAY": display})
    said, complaints = program.communicate("\n", timeout=20)
    assert (said, complaints, program.returncode) == ("still here\n", "", 0)


class Hands:
    """xdotool, and what came of it."""

    def __init__(self, display: str, state: Path) -> None:
        self.environment = {**os.environ, "DISPLAY": display}
        self.state = state

    def do(self, *words: object) -> None:
        subprocess.run(["xdotool", *map(str, words)], check=True, env=self.environment)

    def wait_for(self, wish, seconds: float = 25) -> None:
        import json

        end, scene = time.monotonic() + seconds, None
        while time.monotonic() < end:
            if self.state.exists() and (text := self.state.read_text()).endswith("}"):
                scene = json.loads(text)
                if wish(scene):
                    return
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {scene}")
