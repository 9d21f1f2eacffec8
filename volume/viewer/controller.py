"""Turns what hands do, in pixels of the display, into commands on the scene; no toolkit."""

from __future__ import annotations

from dataclasses import replace
from math import hypot

from volume.processing.plane_grid import PLANES
from volume.viewer import beside
from volume.viewer.drags import Hold, drag, place_at, point_draft, take
from volume.viewer.key_commands import COMMANDS, DIGITS, SERIES_STEPS, STEPS, WISHES
from volume.viewer.layout import Layout
from volume.viewer.projection import project_pane
from volume.viewer.scene import Scene

SLACK = 3
"""A press that moves by no more pixels than this is a click."""
DOUBLE_CLICK_SECONDS = 0.4
SAME_GRID_MM = 1e-3
FAST = 10
"""Slices a step with Shift."""
ZOOM_STEP = 1.1


class Controller:
    """Holds the scene and moves it on. (x, y) count pixels from the lower left corner.

    `wishes` collects what only a window can do: "screenshot", "save", "export", "close".
    """

    def __init__(self, scene: Scene, size: tuple[int, int]) -> None:
        self.scene = scene
        self.size = size
        self.wishes: list[str] = []
        self._hold: Hold | None = None
        self._click: tuple[float, float, float] | None = None
        self._pointer = (-1.0, -1.0)
        self._slides = False

    @property
    def layout(self) -> Layout:
        """Where the panes lie now."""
        return self.scene.arrange(self.size)

    def resize(self, size: tuple[int, int]) -> None:
        """Take a new size of the display."""
        self.size = size

    def take_scene(self, scene: Scene) -> None:
        """Take a scene that another volume stands under; a drag goes on where the grid is one."""
        if scene.subject is not self.scene.subject and self._hold is not None:
            grid = self.scene.subject.geometry
            is_other = scene.measurements is not self.scene.measurements
            if is_other or not scene.subject.geometry.matches(grid, SAME_GRID_MM):
                self._hold = None
        if self._hold is not None:
            before = self._hold.before
            self._hold.before = replace(
                before, subject=scene.subject, series=scene.series, time=scene.time
            )
        self.scene = scene

    @property
    def is_dragging(self) -> bool:
        """Whether a hand is moving something now, so that coarse planes will do."""
        return self._hold is not None and self._hold.moved

    # the mouse

    def press(
        self,
        button: str,
        x: float,
        y: float,
        *,
        time: float,
        shift: bool = False,
        ctrl: bool = False,
    ) -> None:
        """Take a "left", "middle" or "right" button going down at a time in seconds."""
        self._pointer = (x, y)
        pane = self.layout.pane_at(x, y)
        if self.scene.help:
            self.scene = self.scene.toggle_help()
            return
        if self._hold is not None:
            return
        if pane is None:
            self._press_beside(button, x, y)
            return
        rect, font = self.layout.panes[pane], self.layout.font
        hold = take(self.scene, pane, rect, font, button, (x, y), shift=shift, ctrl=ctrl)
        self._hold = hold
        if hold.deed == "draw":
            self._begin_drawing(hold)
        elif button == "left" and self._is_double(x, y, time):
            self.scene = self.scene.toggle_pane(pane)
            hold.dead = True
        elif hold.grip is not None:
            self.scene = self.scene.measure(self.scene.measurements.choose(hold.grip.number))
            hold.before = self.scene

    def _press_beside(self, button: str, x: float, y: float) -> None:
        """Choose in the list of series, or take hold of the slider of time."""
        if button == "left":
            self.scene = beside.press(self.scene, self.layout, x, y)
            self._slides = beside.is_slider(self.scene, self.layout, x, y)

    def move(self, x: float, y: float, *, shift: bool = False) -> None:
        """Take a move of the mouse, with or without a button held."""
        self._pointer = (x, y)
        hold = self._hold
        if self._slides:
            self.scene = beside.slide_along(self.scene, self.layout, x)
            return
        if hold is None:
            self._hover(x, y, shift=shift)
        else:
            hold.moved = hold.moved or hypot(x - hold.start[0], y - hold.start[1]) > SLACK
            hold.dead = hold.dead or not self._has(hold)
            if hold.moved and not hold.dead:
                self.scene = drag(self.scene, hold, self.layout.panes[hold.pane], (x, y))
                hold.last = (x, y)
        self._probe()

    def release(self, button: str, x: float, y: float, *, time: float) -> None:
        """Take a button going up: after a click the crosshair is there."""
        self._pointer = (x, y)
        hold = self._hold
        self._slides = self._slides and button != "left"
        if hold is None or hold.button != button:
            return
        self._hold = None
        self._click = None
        if hold.deed == "draw":
            self._finish_drawing(hold)
        elif button == "left" and not (hold.moved or hold.dead):
            self._click = (x, y, time)
            if hold.deed in CROSSING:
                self.scene = self.scene.measure(self.scene.measurements.choose(None))
                self._cross(x, y)
        self._probe()

    def leave(self) -> None:
        """Take the pointer's going out of the window."""
        self._pointer = (-1.0, -1.0)
        self._probe()

    def wheel(
        self,
        x: float,
        y: float,
        steps: int,
        *,
        shift: bool = False,
        ctrl: bool = False,
        alt: bool = False,
    ) -> None:
        """Take turns of the wheel, forward if positive."""
        self._pointer = (x, y)
        pane = self.layout.pane_at(x, y)
        if alt:
            self.scene = beside.step_in_time(self.scene, steps)
        elif pane is None:
            self.scene = beside.wheel(self.scene, self.layout, x, y, steps)
        elif pane == "3d":
            self.scene = self.scene.zoom(pane, ZOOM_STEP**steps)
        elif ctrl:
            around = project_pane(self.scene, pane, self.layout.panes[pane]).to_plane(x, y)
            self.scene = self.scene.zoom(pane, ZOOM_STEP**steps, around)
        else:
            self.scene = self.scene.scroll(pane, steps * (FAST if shift else 1))
        self._probe()

    def _is_double(self, x: float, y: float, time: float) -> bool:
        if self._click is None:
            return False
        x0, y0, time0 = self._click
        return time - time0 <= DOUBLE_CLICK_SECONDS and hypot(x - x0, y - y0) <= SLACK

    def _has(self, hold: Hold) -> bool:
        """Say whether what is held is still there: a key may have sent it away meanwhile."""
        items, before = self.scene.measurements.items, hold.before.measurements.items
        is_there = hold.grip is None or len(items) == len(before)
        return is_there and hold.pane in self.layout.panes

    def _cross(self, x: float, y: float) -> None:
        pane = self.layout.pane_at(x, y)
        if pane is not None and pane in PLANES:
            place = place_at(self.scene, pane, self.layout.panes[pane], (x, y))
            self.scene = self.scene.set_cursor(place, pane)

    def _hover(self, x: float, y: float, *, shift: bool) -> None:
        """Follow a pointer without a button: what is being drawn, or the crosshair."""
        pane = self.layout.pane_at(x, y)
        if self.scene.measurements.draft is not None and pane is not None:
            self.scene = point_draft(self.scene, pane, self.layout.panes[pane], (x, y))
        elif shift:
            self._cross(x, y)

    def _probe(self) -> None:
        """Have the probe tell of what lies under the pointer."""
        pane = self.layout.pane_at(*self._pointer)
        if pane is None or pane not in PLANES:
            self.scene = self.scene.point_at(None)
            return
        rect = self.layout.panes[pane]
        self.scene = self.scene.point_at(place_at(self.scene, pane, rect, self._pointer))

    # measuring

    def _begin_drawing(self, hold: Hold) -> None:
        """Put down the first point of a measurement, or take the pointer's for the next."""
        rect, drawn = self.layout.panes[hold.pane], self.scene.measurements
        if drawn.draft is not None and drawn.draft.plane == hold.pane:
            self.scene = point_draft(self.scene, hold.pane, rect, hold.start)
            return
        hold.began = True
        place = place_at(self.scene, hold.pane, rect, hold.start)
        self.scene = self.scene.measure(drawn.begin(hold.pane, self.scene.axes, place))

    def _finish_drawing(self, hold: Hold) -> None:
        """Leave the point there, unless the press put down the first and did not move."""
        if not hold.dead and (hold.moved or not hold.began):
            drawn = self.scene.measurements.put_down(self.scene.subject.geometry)
            self.scene = self.scene.measure(drawn)

    # the keyboard

    def key(self, name: str, *, shift: bool = False, ctrl: bool = False) -> None:
        """Take a key by what it writes ("i", "5", "?") or is called ("Up", "Escape")."""
        letter = name.lower()
        if name == "Escape":
            self._cancel()
        elif ctrl:
            self._take_shortcut(letter)
        elif name in DIGITS:
            self.scene = self.scene.press_window_key(int(name))
        elif name in STEPS:
            self.scene = self.scene.scroll(self._plane(), STEPS[name] * (FAST if shift else 1))
        elif name in ("Home", "End"):
            self.scene = self.scene.scroll_to_end(self._plane(), top=name == "End")
        elif name in SERIES_STEPS:
            self.scene = beside.step_series(self.scene, self.layout, SERIES_STEPS[name])
        elif letter == "s":
            self.wishes.append("screenshot")
        elif letter in COMMANDS:
            self.scene = COMMANDS[letter](self.scene)
        self._probe()

    def _take_shortcut(self, letter: str) -> None:
        if letter in WISHES:
            self.wishes.append(WISHES[letter])
        elif letter == "z" and self._hold is None:
            self.scene = self.scene.measure(self.scene.measurements.undo())

    def _cancel(self) -> None:
        """Undo the drag that is going on, put the tool down, and cards away."""
        if self._hold is not None:
            self.scene = self._hold.before
            self._hold.dead = True
        measurements = self.scene.measurements
        if measurements.tool is not None:
            self.scene = self.scene.measure(measurements.take(None))
        elif self.scene.help:
            self.scene = self.scene.toggle_help()
        elif measurements.listed:
            self.scene = self.scene.measure(measurements.toggle_list())

    def _plane(self) -> str:
        """Name the plane keys are for: the one under the mouse, else the first shown."""
        pane = self.layout.pane_at(*self._pointer)
        return next(name for name in (pane or "", self.scene.layout, "axial") if name in PLANES)


CROSSING = ("window", "twist", "turn")
"""A click that would have been the beginning of these puts the crosshair there."""
