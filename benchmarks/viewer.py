"""The viewer under a hand: a recorded session replayed in its window, a frame at a time.

python benchmarks/viewer.py [--quick] [--source FOLDER] [--size W,H]

The window is the real one, off screen; each event goes through VTK's own interactor, and a
frame's time runs from its event to the finished pixels. The first picture is timed from the
start of the command, in a process of its own. Where no folder is named it is the chest of 248
slices beside the project (VOLUME_TEST_DATA).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from report import machine

if TYPE_CHECKING:
    from volume.viewer.window import Window
    from volume.volume import Volume

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
CHEST = Path(os.environ.get("VOLUME_TEST_DATA", BESIDE)) / "ct_chest_jpegll"
FIRST_PICTURES = 5
QUIET = 0.5
"""With more processes than these at work before, times are not ours alone; it is said."""
OBLIQUE_DEGREES = 20


@dataclass(frozen=True)
class Event:
    """What a hand does at (right, up) of a pane, in parts of its width and height."""

    name: str
    pane: str
    right: float
    up: float
    ctrl: int = 0
    shift: int = 0


@dataclass(frozen=True)
class Action:
    """A kind of action: its events, and how long a frame may take, in ms."""

    kind: str
    events: tuple[Event, ...]
    target_ms: float | None = None
    rendering: str | None = None
    oblique: bool = False


def wheel(pane: str, forward: int, back: int, **more: Any) -> tuple[Event, ...]:
    """Turn the wheel forward, then back."""
    names = ["MouseWheelForwardEvent"] * forward + ["MouseWheelBackwardEvent"] * back
    return tuple(Event(name, pane, 0.5, 0.5, **more) for name in names)


def drag(
    pane: str, frames: int, to: tuple[float, float], button: str = "Left", **more: Any
) -> tuple[Event, ...]:
    """Press in the pane's middle, move along a bent way, let go."""
    steps = np.linspace(0, 1, frames + 1)
    way = [(0.5 + to[0] * t, 0.5 + to[1] * np.sin(t * np.pi)) for t in steps]
    moves = [Event("MouseMoveEvent", pane, right, up, **more) for right, up in way]
    down = Event(f"{button}ButtonPressEvent", pane, 0.5, 0.5, **more)
    return (down, *moves, replace(moves[-1], name=f"{button}ButtonReleaseEvent"))


def turn_planes(pane: str, frames: int) -> tuple[Event, ...]:
    """Take the right end of the level line of the crosshair, and lead it round the middle."""
    angles = np.radians(np.linspace(0, 30, frames + 1))
    way = [(0.5 + 0.44 * np.cos(a), 0.5 + 0.6 * np.sin(a)) for a in angles]
    moves = [Event("MouseMoveEvent", pane, right, up) for right, up in way]
    down = replace(moves[0], name="LeftButtonPressEvent")
    return (down, *moves[1:], replace(moves[-1], name="LeftButtonReleaseEvent"))


def twist(pane: str, frames: int) -> tuple[Event, ...]:
    """Take the right end of the crosshair's level line and lead it round to the top."""
    angles = np.linspace(0, np.pi / 3, frames + 1)
    way = [(0.5 + 0.44 * np.cos(angle), 0.5 + 0.44 * np.sin(angle)) for angle in angles]
    moves = [Event("MouseMoveEvent", pane, right, up) for right, up in way[1:]]
    down = Event("LeftButtonPressEvent", pane, *way[0])
    return (down, *moves, replace(moves[-1], name="LeftButtonReleaseEvent"))


def session(frames: int) -> Iterator[Action]:
    """Give what the hand did, as it was recorded."""
    half = frames // 2
    for pane in ("axial", "coronal", "sagittal"):
        yield Action("scroll", wheel(pane, half, half), 30)
    yield Action("window drag", drag("axial", frames, (0.3, 0.2)), 30)
    yield Action("crosshair", drag("coronal", frames, (0.3, 0.2), shift=1)[1:-1], 60)
    yield Action("zoom and pan", drag("axial", half, (0.0, 0.3), "Right"), 30)
    yield Action("zoom and pan", drag("sagittal", half, (0.2, 0.2), "Middle"), 30)
    for pane in ("axial", "coronal", "sagittal"):
        yield Action("turn the planes", turn_planes(pane, half), 60)
        yield Action("scroll turned planes", wheel(pane, half, half), 60, oblique=True)
    yield Action("turn the planes", twist("axial", frames), 60)
    yield Action("turn the planes", twist("sagittal", frames), 60)
    yield Action("turn the surface", drag("3d", frames, (0.45, 0.3)), 100)
    yield Action("zoom the surface", wheel("3d", half, half), 100)
    for name in ("CT-Bone", "CT-Lung", "CT-MIP"):
        yield Action("turn the rendering", drag("3d", half, (0.45, 0.3)), 100, rendering=name)


class Stage:
    """A window, and what its frames took by kind of action, in seconds.

    Where a hand comes to rest, the picture that is drawn in full then is kept apart.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        self.frames: dict[str, list[float]] = {}
        self.rests: dict[str, list[float]] = {}
        self._drawn = 0
        window.window.AddObserver("EndEvent", self._count)

    def play(self, action: Action) -> None:
        """Replay an action from the first look."""
        scene = self.window.controller.scene
        scene = scene.reset().set_rendering(action.rendering)
        if action.oblique:
            scene = scene.turn_planes("axial", OBLIQUE_DEGREES)
            scene = scene.turn_planes("coronal", OBLIQUE_DEGREES)
        self.window.controller.scene = scene
        self.window.draw()
        self._finish()
        for event in action.events:
            where = self.rests if "Release" in event.name else self.frames
            self._keep(where, action, partial(self._tell, event))
        self._keep(self.rests, action, self.window.draw)

    def _keep(self, where: dict[str, list[float]], action: Action, deed: Callable[[], Any]) -> None:
        """Time what is done, if anything was drawn for it."""
        before, start = self._drawn, time.perf_counter()
        deed()
        self._finish()
        if self._drawn > before:
            where.setdefault(action.kind, []).append(time.perf_counter() - start)

    def _tell(self, event: Event) -> None:
        """Let an event happen, and the idle moment after it."""
        rect = self.window.controller.layout.panes[event.pane]
        x, y = rect.x + event.right * rect.width, rect.y + event.up * rect.height
        hand = self.window.interactor
        hand.SetEventInformation(round(x), round(y), event.ctrl, event.shift, "\0", 0, "")
        hand.InvokeEvent(event.name)
        hand.InvokeEvent("TimerEvent")
        if self.window.failure is not None:
            raise self.window.failure

    def _finish(self) -> None:
        self.window.window.WaitForCompletion()

    def _count(self, *_: object) -> None:
        self._drawn += 1


def replay(volume: Volume, size: tuple[int, int], frames: int) -> tuple[Stage, str]:
    """Replay the session in one window; say who drew it."""
    from volume.viewer import gl
    from volume.viewer.first_scene import scene_of
    from volume.viewer.window import Window

    gl.require()
    window = Window(volume, scene_of(volume), size=size, off_screen=True)
    stage = Stage(window)
    for action in session(frames):
        stage.play(action)
    who = "a graphics card" if gl.is_hardware(window.window) else "the processor"
    window.close()
    return stage, who


TIMED = """
import sys, time
from volume.viewer.window import Window
drew, pictures = Window.draw, []
def draw(window, **more):
    drew(window, **more)
    window.window.WaitForCompletion()
    pictures.append(time.time())
    print(time.time(), flush=True)
    if len(pictures) == 3:  # the planes, a light surface, the fine one
        window._stop()
Window.draw = draw
from volume.cli import main
sys.argv = ["volume", "view", "-q", *sys.argv[1:]]
main()
"""


def first_pictures(source: Path, times: int) -> Iterator[tuple[float, float, float]]:
    """Time the command under an X server: to the planes, the first surface, the fine one."""
    number, told = os.pipe()
    command = [
        "Xvfb",
        "-displayfd",
        str(told),
        *"-screen 0 1600x1200x24 -nolisten tcp -noreset".split(),
    ]
    with subprocess.Popen(command, pass_fds=(told,), stderr=subprocess.DEVNULL) as server:
        os.close(told)
        with os.fdopen(number) as answer:
            display = f":{answer.readline().strip()}"
        environment = {**os.environ, "DISPLAY": display}
        try:
            for _ in range(times):
                start = time.time()
                said = subprocess.run(
                    [sys.executable, "-W", "ignore", "-c", TIMED, str(source)],
                    env=environment, capture_output=True, text=True, check=True,
                )  # fmt: skip
                planes, surface, fine, *_ = (float(line) - start for line in said.stdout.split())
                yield planes, surface, fine
        finally:
            server.terminate()


def table(stage: Stage) -> Iterator[str]:
    """Lay the frames out by kind of action."""
    targets = {action.kind: action.target_ms for action in session(2)}
    yield "| action | frames | median | 95th percentile | at most | | at rest |"
    yield "|---|---|---|---|---|---|---|"
    for kind, seconds in stage.frames.items():
        half, most = np.percentile(seconds, (50, 95)) * 1000
        rest = f"{np.median(stage.rests[kind]):.2f} s" if kind in stage.rests else ""
        target = targets[kind]
        verdict = "" if target is None else ("met" if half <= target else "**missed**")
        least = "" if target is None else f"{target:g} ms"
        yield (
            f"| {kind} | {len(seconds)} | {half:.0f} ms | {most:.0f} ms"
            f" | {least} | {verdict} | {rest} |"
        )


def first_rows(source: Path, times: int) -> Iterator[str]:
    """Tell when the command's first pictures are there."""
    if shutil.which("Xvfb") is None:
        yield "first picture: not timed, Xvfb is not installed"
        return
    runs = np.array(list(first_pictures(source, times)))
    names = ("first picture: the planes", "the surface follows", "the surface in full")
    for name, seconds, target in zip(names, runs.T, (3.0, None, None), strict=True):
        half, most = np.percentile(seconds, (50, 95))
        met = "" if target is None else ("met" if half <= target else "**missed**")
        least = "" if target is None else f"{target:g} s"
        yield f"| {name} | {len(seconds)} | {half:.2f} s | {most:.2f} s | {least} | {met} | |"


def main() -> None:
    """Run it and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer frames")
    parser.add_argument("--source", type=Path, default=CHEST)
    parser.add_argument("--size", default="1600,1000")
    chosen = parser.parse_args()
    if not chosen.source.exists():
        parser.exit(0, f"skipped: {chosen.source} is absent; name a series with --source\n")
    import volume

    busy_before = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    width, height = map(int, chosen.size.split(","))
    ct = volume.load(chosen.source)
    stage, who = replay(ct, (width, height), 12 if chosen.quick else 40)
    busy = f"; {busy_before:.1f} others at work" if busy_before > QUIET else ""
    print(f"{machine()}{busy}; drawn by {who}; {ct.geometry} in {width} x {height} pixels\n")
    for line in table(stage):
        print(line)
    for line in first_rows(chosen.source, 2 if chosen.quick else FIRST_PICTURES):
        print(line)


if __name__ == "__main__":
    main()
