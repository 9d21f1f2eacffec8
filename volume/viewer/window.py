"""A window on the screen: pyvista's own, with the viewer's hands and keys instead of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

from numpy.typing import ArrayLike, NDArray

from volume.escaping import LABEL, escape
from volume.processing.windows import Window as IntensityWindow
from volume.surface import Mesh
from volume.viewer import fonts, gl
from volume.viewer.controller import Controller
from volume.viewer.detail import Detail
from volume.viewer.exchange import Exchange
from volume.viewer.first_scene import (
    Wishes,
    begin,
    refuse_unwritable_looks,
    write_looks,
)
from volume.viewer.interrupt import Interrupt
from volume.viewer.keyboard import key_name
from volume.viewer.layout import check_size
from volume.viewer.scene import Scene
from volume.viewer.series_list import rows_in_sight
from volume.viewer.shelf import Shelf
from volume.viewer.window_files import FILES
from volume.volume import Volume

SIZE = (1600, 1000)
SCREEN_PART = 0.9
"""A window is at most this part of the screen."""
SOON_MS = 1
BEAT_MS = 30
"""So often it looks what has arrived, while something is being read or played."""
HEARTBEAT_MS = 250
"""So often the window looks whether it was resized or Ctrl+C was pressed in the terminal,
and whether the hand rests: then the 3D pane is drawn in full."""
STILL_SECONDS = 0.2
"""A wheel that has not turned for so long is at rest."""

BUTTONS = ("Left", "Middle", "Right")


def view(
    volume: Volume,
    *meshes: Mesh,
    window: IntensityWindow | str | None = None,
    layout: str | None = None,
    at: ArrayLike | None = None,
    level: float | None = None,
    rendering: str | None = None,
    scene: str | os.PathLike[str] | None = None,
    save_scene: str | os.PathLike[str] | None = None,
    measurements: str | os.PathLike[str] | None = None,
    size: tuple[int, int] | None = None,
    overwrite: bool = False,
    title: str | None = None,
    shelf: Shelf | None = None,
) -> None:
    """Show a volume in a window, and return when it is closed.

    `window` is (centre, width) or a name, `at` the crosshair's place (x, y, z) in mm LPS,
    `level` the surface's value, `rendering` the name of a preset that renders the volume
    instead, `size` (width, height) in pixels; meshes are laid over the volume, as surfaces in
    the 3D pane and as outlines on the slices. `scene` is a file that was saved before;
    `save_scene` and `measurements` are written when the window is closed. `shelf` holds what
    else there is to choose from, and begins with this volume. The key ? shows the
    hands. Raises a DisplayError where no window can be opened, a KeyboardInterrupt where
    Ctrl+C in the terminal closed it, and the errors of `screenshot`.
    """
    refuse_unwritable_looks(save_scene, measurements, overwrite=overwrite)
    wishes = Wishes(window, layout, at, level, rendering)
    first, saved_size = begin(volume, scene, wishes, surface=not meshes)
    size = saved_size if size is None else check_size(size)
    gl.require_display()
    with Interrupt() as interrupt:  # also while the window comes up
        opened = Window(
            volume, first, meshes, size=size, title=title, shelf=shelf, interrupt=interrupt
        )
        opened.run()
    last = opened.controller
    write_looks(last.scene, opened.volume, last.size, save_scene, measurements, overwrite=overwrite)


class Window:
    """Forwards events to the controller, and draws once an idle moment."""

    def __init__(
        self,
        volume: Volume,
        scene: Scene,
        meshes: Sequence[Mesh] = (),
        *,
        size: tuple[int, int] | None = None,
        title: str | None = None,
        off_screen: bool = False,
        shelf: Shelf | None = None,
        interrupt: Interrupt | None = None,
    ) -> None:
        import pyvista

        from volume.viewer.drawing import Drawing

        self.volume = volume
        self.plotter = pyvista.Plotter(
            off_screen=off_screen,
            notebook=False,
            lighting="none",
            title=_title(volume, title),
        )
        self.window = self.plotter.render_window
        self.interactor = self.plotter.iren.interactor
        self._take_over()
        self.window.SetSize(*(size or SIZE) if off_screen else self._on_screen(size or SIZE))
        self.exchange = None if shelf is None else Exchange(shelf, volume, surface=not meshes)
        if self.exchange is not None:
            scene = self.exchange.begin(scene)
        self.drawing = Drawing(self.window, volume, scene, meshes, pictures=self._pictures)
        self.controller = Controller(scene, self.window.GetSize())
        self.failure: BaseException | None = None
        self.interrupt = interrupt or Interrupt()
        self._timer_is_set = False
        self._still_at = 0.0
        self._beats_at = 0.0
        self._listen()

    def run(self) -> None:
        """Show the window until it is closed; raise what went wrong meanwhile, or Ctrl+C."""
        with nullcontext() if self.interrupt.is_listening else self.interrupt:
            self.interactor.Initialize()
            self.draw(detail=Detail.NONE)
            self._touch()
            self.interactor.CreateRepeatingTimer(HEARTBEAT_MS)
            self._soon()
            try:
                self.plotter.show()
            finally:
                if self.exchange is not None:
                    self.exchange.close()
        if self.failure is not None:
            raise self.failure
        if self.interrupt.noted:
            raise KeyboardInterrupt

    def draw(self, *, detail: Detail = Detail.FULL) -> None:
        """Draw what has changed since the last time, in the window's present size."""
        size = self.window.GetSize()
        if size != self.controller.size:
            self.controller.resize(size)
            self.drawing.forget()
        self.drawing.draw(self.controller.scene, size, detail=detail)

    def close(self) -> None:
        """Close the window."""
        self.plotter.close()

    # what pyvista brings along

    def _take_over(self) -> None:
        """Leave nothing of pyvista's renderers, mouse and keys: q, w, s, e, p, f, 3, v, Up."""
        for renderer in list(self.window.GetRenderers()):
            self.window.RemoveRenderer(renderer)
        self.window.SetNumberOfLayers(1)
        self.window.SetMultiSamples(0)
        self.plotter.iren.remove_observers()
        self.plotter.iren.style = None

    def _on_screen(self, wish: tuple[int, int]) -> tuple[int, int]:
        """Make a size that the screen has room for."""
        screen = self.window.GetScreenSize()
        width, height = (
            min(wished, int(side * SCREEN_PART)) if side > 0 else wished
            for wished, side in zip(wish, screen, strict=True)
        )
        return width, height

    # events

    def _listen(self) -> None:
        hear = self._hear
        for button in BUTTONS:
            name = button.lower()
            hear(f"{button}ButtonPressEvent", partial(self._press, name))
            hear(f"{button}ButtonDoubleClickEvent", partial(self._press, name))
            hear(f"{button}ButtonReleaseEvent", partial(self._release, name))
        hear("MouseMoveEvent", self._move)
        hear("MouseWheelForwardEvent", partial(self._wheel, 1))
        hear("MouseWheelBackwardEvent", partial(self._wheel, -1))
        hear("KeyPressEvent", self._key)
        hear("LeaveEvent", self._leave)
        hear("ConfigureEvent", self._soon)
        hear("TimerEvent", self._idle)

    def _hear(self, event: str, react: Callable[[], None]) -> None:
        """React to an event; what goes wrong closes the window and is raised by `run`.

        VTK would print an exception and go on, and end the process on a KeyboardInterrupt.
        """

        def guarded(_source: Any, _event: str) -> None:
            try:
                react()
            except BaseException as problem:  # noqa: BLE001 `run` raises it again
                self.failure = self.failure or problem
                self._stop()

        self.interactor.AddObserver(event, guarded)

    def _press(self, button: str) -> None:
        x, y = self.interactor.GetEventPosition()
        self.controller.press(
            button, x, y, time=time.monotonic(), shift=self._shift, ctrl=self._ctrl
        )
        self._soon()

    def _release(self, button: str) -> None:
        x, y = self.interactor.GetEventPosition()
        self.controller.release(button, x, y, time=time.monotonic())
        self._soon()

    def _move(self) -> None:
        self.controller.move(*self.interactor.GetEventPosition(), shift=self._shift)
        self._soon()

    def _wheel(self, steps: int) -> None:
        x, y = self.interactor.GetEventPosition()
        self._touch()
        alt = bool(self.interactor.GetAltKey())
        self.controller.wheel(x, y, steps, shift=self._shift, ctrl=self._ctrl, alt=alt)
        self._soon()

    def _leave(self) -> None:
        self.controller.leave()
        self._soon()

    def _key(self) -> None:
        self._touch()
        self.controller.key(self._key_name(), shift=self._shift, ctrl=self._ctrl)
        for wish in self.controller.wishes:
            self._grant(wish)
        self.controller.wishes.clear()
        self._soon()

    @property
    def _shift(self) -> bool:
        return bool(self.interactor.GetShiftKey())

    @property
    def _ctrl(self) -> bool:
        return bool(self.interactor.GetControlKey())

    def _key_name(self) -> str:
        return key_name(str(self.interactor.GetKeyCode()), str(self.interactor.GetKeySym() or ""))

    # drawing when there is time

    def _touch(self) -> None:
        """Count the hand as moving for a moment: a wheel has no button to let go of."""
        self._still_at = time.monotonic() + STILL_SECONDS

    def _soon(self) -> None:
        """Have `_idle` called once the events that wait have been heard."""
        if not self._timer_is_set:
            self._timer_is_set = True
            self.interactor.CreateOneShotTimer(SOON_MS)

    def _idle(self) -> None:
        self._timer_is_set = False
        if self.interrupt.noted:
            self._stop()
            return
        self._bring()
        time_now, scene = time.monotonic(), self.controller.scene
        plays = scene.time is not None and scene.time.playing
        moving = plays or self.controller.is_dragging or time_now < self._still_at
        self.draw(detail=Detail.COARSE if moving else Detail.FULL)
        self._beat(plays=plays)
        if words := fonts.remark():
            self.controller.scene = self.controller.scene.say(words)
            self._soon()

    # other volumes

    @property
    def _pictures(self) -> Mapping[int, NDArray[Any]]:
        return {} if self.exchange is None else self.exchange.supply.pictures

    def _bring(self) -> None:
        """Show what was asked for, as far as it has arrived."""
        if self.exchange is None:
            return
        scene, volume = self.exchange.tick(self.controller.scene, time.monotonic())
        self.controller.take_scene(scene)
        if volume is not None:
            self.volume = volume
            self.drawing.show(volume, scene)
            self.window.SetWindowName(_title(volume, None))
            if scene.time is None or not scene.time.playing:  # the images first, as at the start
                self.draw(detail=Detail.NONE)
                self._touch()
        layout = self.controller.layout
        if scene.series is not None and layout.series is not None:
            rows = rows_in_sight(scene.series, layout.series, layout.font)
            self.exchange.supply.draw_thumbnails(rows)

    def _beat(self, *, plays: bool) -> None:
        """Come back soon while something is being read or played."""
        now = time.monotonic()
        is_working = self.exchange is not None and self.exchange.is_working
        if (plays or is_working) and now >= self._beats_at:
            self._beats_at = now + BEAT_MS / 1000
            self.interactor.CreateOneShotTimer(BEAT_MS)

    # wishes

    def _grant(self, wish: str) -> None:
        """Close, or write a file and say which."""
        if wish == "close":
            self._stop()
        else:
            self.controller.scene = self.controller.scene.say(FILES[wish](self))

    def _stop(self) -> None:
        self.interactor.TerminateApp()


def _title(volume: Volume, title: str | None) -> str:
    """Name the window: as its caller does, or by the volume's id, which names no patient."""
    return escape(title or " ".join(filter(None, (volume.id, "volume"))), LABEL)
