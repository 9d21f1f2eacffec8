"""Turns what hands do, in pixels of the display, into commands on the scene; no toolkit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, hypot

from volume.processing.planes import PLANES
from volume.viewer.eye import look
from volume.viewer.layout import Layout, Rect, arrange
from volume.viewer.projection import Projection, project
from volume.viewer.scene import Scene

HANDS = (
    ("left drag", "window and level (3D: turn)"),
    ("left click", "crosshair there"),
    ("Shift + move", "crosshair follows"),
    ("middle drag, Shift + left drag", "pan"),
    ("right drag, Ctrl + wheel", "zoom (3D: wheel)"),
    ("wheel, Up, Down", "slices; Shift: ten at a time"),
    ("Home, End", "first and last slice"),
    ("double click", "one pane, four panes"),
    ("1 ... 9", "windows: soft tissue, lung, bone, ..."),
    ("0", "every value there is"),
    ("I", "invert"),
    ("V", "next layout"),
    ("L", "labels"),
    ("R, Space", "reset"),
    ("S", "write a picture"),
    ("?", "this card"),
    ("Esc", "cancel"),
    ("Ctrl + Q, Ctrl + W", "close"),
)
"""The card of hands: gesture, what it does."""

SLACK = 3
"""A press that moves by no more pixels than this is a click."""
DOUBLE_CLICK_SECONDS = 0.4
FAST = 10
"""Slices a step with Shift."""
ZOOM_DRAG = 1 / 150
"""Dragging up by 100 pixels almost doubles."""
ZOOM_STEP = 1.1
DEGREES_PER_PIXEL = 0.5


@dataclass
class Hold:
    """A button held down: where it went down, and what the drag has become."""

    button: str
    pane: str
    start: tuple[float, float]
    last: tuple[float, float]
    before: Scene
    shift: bool
    moved: bool = False
    dead: bool = False


class Controller:
    """Holds the scene and moves it on. (x, y) count pixels from the lower left corner.

    `wishes` collects what only a window can do: "screenshot", "close".
    """

    def __init__(self, scene: Scene, size: tuple[int, int]) -> None:
        self.scene = scene
        self.size = size
        self.wishes: list[str] = []
        self._hold: Hold | None = None
        self._click: tuple[float, float, float] | None = None
        self._pointer = (-1.0, -1.0)

    @property
    def layout(self) -> Layout:
        """Where the panes lie now."""
        return arrange(self.scene.layout, self.size, banner=bool(self.scene.subject.banner))

    def resize(self, size: tuple[int, int]) -> None:
        """Take a new size of the display."""
        self.size = size

    # the mouse

    def press(self, button: str, x: float, y: float, *, time: float, shift: bool = False) -> None:
        """Take a "left", "middle" or "right" button going down at a time in seconds."""
        self._pointer = (x, y)
        pane = self.layout.pane_at(x, y)
        if self.scene.help:
            self.scene = self.scene.toggle_help()
            return
        if self._hold is not None or pane is None:
            return
        self._hold = Hold(button, pane, (x, y), (x, y), self.scene, shift)
        if button == "left" and self._is_double(x, y, time):
            self.scene = self.scene.toggle_pane(pane)
            self._hold.dead = True

    def move(self, x: float, y: float, *, shift: bool = False) -> None:
        """Take a move of the mouse, with or without a button held."""
        self._pointer = (x, y)
        hold = self._hold
        if hold is None:
            if shift:
                self._cross(x, y)
            return
        hold.moved = hold.moved or hypot(x - hold.start[0], y - hold.start[1]) > SLACK
        if hold.moved and not hold.dead:
            self._drag(hold, x - hold.last[0], y - hold.last[1])
            hold.last = (x, y)

    def release(self, button: str, x: float, y: float, *, time: float) -> None:
        """Take a button going up: after a click the crosshair is there."""
        self._pointer = (x, y)
        hold = self._hold
        if hold is None or hold.button != button:
            return
        self._hold = None
        self._click = None
        if button == "left" and not (hold.moved or hold.dead):
            self._click = (x, y, time)
            if not hold.shift:
                self._cross(x, y)

    def wheel(
        self, x: float, y: float, steps: int, *, shift: bool = False, ctrl: bool = False
    ) -> None:
        """Take turns of the wheel, forward if positive."""
        self._pointer = (x, y)
        pane = self.layout.pane_at(x, y)
        if pane is None:
            return
        if pane == "3d":
            self.scene = self.scene.zoom(pane, ZOOM_STEP**steps)
        elif ctrl:
            around = self._projection(pane).to_plane(x, y)
            self.scene = self.scene.zoom(pane, ZOOM_STEP**steps, around)
        else:
            self.scene = self.scene.scroll(pane, steps * (FAST if shift else 1))

    def _is_double(self, x: float, y: float, time: float) -> bool:
        if self._click is None:
            return False
        x0, y0, time0 = self._click
        return time - time0 <= DOUBLE_CLICK_SECONDS and hypot(x - x0, y - y0) <= SLACK

    def _cross(self, x: float, y: float) -> None:
        pane = self.layout.pane_at(x, y)
        if pane is not None and pane in PLANES:
            place = self._projection(pane).to_world(x, y, self.scene.layer(pane))
            self.scene = self.scene.set_cursor(place)

    def _drag(self, hold: Hold, right: float, up: float) -> None:
        if hold.button == "right":
            self._drag_zoom(hold, up)
        elif hold.button == "middle" or hold.shift:
            scale = self._mm_per_pixel(hold.pane)
            self.scene = self.scene.pan(hold.pane, right * scale, -up * scale)
        elif hold.pane == "3d":
            self.scene = self.scene.turn(right * DEGREES_PER_PIXEL, up * DEGREES_PER_PIXEL)
        else:
            self.scene = self.scene.drag_window(right, up)

    def _drag_zoom(self, hold: Hold, up: float) -> None:
        around = None if hold.pane == "3d" else self._projection(hold.pane).to_plane(*hold.start)
        self.scene = self.scene.zoom(hold.pane, exp(up * ZOOM_DRAG), around)

    # panes

    def _projection(self, pane: str) -> Projection:
        return project_pane(self.scene, pane, self.layout.panes[pane])

    def _mm_per_pixel(self, pane: str) -> float:
        if pane == "3d":
            rect = self.layout.panes[pane]
            return look(self.scene.camera, self.scene.subject.geometry, rect).mm_per_pixel
        return 1 / self._projection(pane).scale

    # the keyboard

    def key(self, name: str, *, shift: bool = False, ctrl: bool = False) -> None:
        """Take a key by what it writes ("i", "5", "?") or is called ("Up", "Escape")."""
        if name == "Escape":
            self._cancel()
        elif ctrl:
            self.wishes += ["close"] if name.lower() in ("q", "w") else []
        elif name in DIGITS:
            self.scene = self.scene.press_window_key(int(name))
        elif name in STEPS:
            self.scene = self.scene.scroll(self._plane(), STEPS[name] * (FAST if shift else 1))
        elif name in ("Home", "End"):
            self.scene = self.scene.scroll_to_end(self._plane(), top=name == "End")
        elif name.lower() == "s":
            self.wishes.append("screenshot")
        elif name.lower() in COMMANDS:
            self.scene = COMMANDS[name.lower()](self.scene)

    def _cancel(self) -> None:
        """Undo the drag that is going on, and put the card away."""
        if self._hold is not None:
            self.scene = self._hold.before
            self._hold.dead = True
        if self.scene.help:
            self.scene = self.scene.toggle_help()

    def _plane(self) -> str:
        """Name the plane keys are for: the one under the mouse, else the first shown."""
        pane = self.layout.pane_at(*self._pointer)
        return next(name for name in (pane or "", self.scene.layout, "axial") if name in PLANES)


DIGITS = tuple("0123456789")
STEPS = {"Up": 1, "Down": -1}

COMMANDS: dict[str, Callable[[Scene], Scene]] = {
    "r": Scene.reset,
    "space": Scene.reset,
    "i": Scene.invert,
    "v": Scene.next_layout,
    "l": Scene.toggle_labels,
    "?": Scene.toggle_help,
}


def project_pane(scene: Scene, pane: str, rect: Rect) -> Projection:
    """Give the projection of a plane's pane in a scene."""
    sight = scene.sights[pane]
    return project(rect, scene.grid(pane), sight.zoom, sight.pan)
