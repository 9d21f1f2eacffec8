"""One rectangle of the display, drawn only when what it shows has changed."""

from __future__ import annotations

from abc import ABC, abstractmethod

from vtkmodules.vtkRenderingCore import vtkRenderer

from volume.viewer.colours import Colour
from volume.viewer.detail import Detail
from volume.viewer.layout import Layout, Rect
from volume.viewer.scene import Scene

CROWDED = 19
"""A pane narrower than so many letters shows no corner text."""


class Pane(ABC):
    """A renderer with its rectangle. `rect` and `font` are those of the latest `prepare`;
    while `detail` is not full a hand moves something, and what is quick to draw will do."""

    def __init__(self, background: Colour) -> None:
        self.renderer = vtkRenderer()
        self.renderer.SetBackground(*background)
        self.rect = Rect(0, 0, 1, 1)
        self.font = 12
        self.detail = Detail.FULL
        self._drawn: object = None

    def prepare(self, scene: Scene, layout: Layout) -> bool:
        """Bring the pane up to the scene; say whether it has to be drawn."""
        rect = self.place(layout)
        key = (layout, scene.help, self.key(scene)) if rect is not None else None
        if rect is None or key == self._drawn:
            self._drawn = key
            return False
        self.rect, self.font, self._drawn = rect, layout.font, key
        self._put(rect, layout.size)
        self.update(scene)
        return True

    @property
    def roomy(self) -> bool:
        """Whether there is room for text in the corners."""
        return self.rect.width >= CROWDED * self.font

    def forget(self) -> None:
        """Have the pane drawn next time, changed or not."""
        self._drawn = None

    @abstractmethod
    def place(self, layout: Layout) -> Rect | None:
        """Give the pane's rectangle, None while it is not shown."""

    @abstractmethod
    def key(self, scene: Scene) -> object:
        """Give what of the scene the pane's look depends on; while it is equal nothing is drawn."""

    @abstractmethod
    def update(self, scene: Scene) -> None:
        """Make the renderer show the scene."""

    def _put(self, rect: Rect, size: tuple[int, int]) -> None:
        width, height = size
        self.renderer.SetViewport(
            rect.x / width,
            rect.y / height,
            (rect.x + rect.width) / width,
            (rect.y + rect.height) / height,
        )
