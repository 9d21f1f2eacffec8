"""The slider of time below the panes of a window."""

from __future__ import annotations

from volume.viewer.colours import FAINT, STRIP, TEXT
from volume.viewer.layout import Layout, Rect
from volume.viewer.overlay import MARGIN, Label, Lines
from volume.viewer.pane import Pane
from volume.viewer.scene import Scene
from volume.viewer.timeline import Timeline, slider
from volume.viewer.words import safe, shorten


class TimeStrip(Pane):
    """Which point in time is shown, of how many; a line to slide along."""

    def __init__(self) -> None:
        super().__init__(STRIP)
        self.lines = Lines(self.renderer)
        self.label = Label(self.renderer, "left", "middle")

    def place(self, layout: Layout) -> Rect | None:
        """Lie below the panes, where there are time points."""
        return layout.time

    def key(self, scene: Scene) -> object:
        """It changes with the point that is shown or wanted."""
        return scene.time

    def update(self, scene: Scene) -> None:
        """Write the point's number and name, and draw the slider."""
        time = scene.time
        if time is None:
            return
        font = self.font - 1
        start, end = slider(self.rect, self.font)
        start, end = start - self.rect.x, end - self.rect.x
        edge, middle = self.font * MARGIN, self.rect.height / 2
        words = shorten(_words(time), start - 2 * edge, font)
        self.label.show(words, edge, middle, font, TEXT)
        at = round(start + (end - start) * time.wanted / max(1, len(time.names) - 1))
        half = self.font / 2
        handle = [(at + dx, middle - half, at + dx, middle + half, TEXT) for dx in (-1, 0, 1, 2)]
        self.lines.show([(start, middle, end, middle, FAINT), *handle])


def _words(time: Timeline) -> str:
    mark = "playing" if time.playing else ""
    counted = f"{time.wanted + 1} / {len(time.names)}"
    return "   ".join(filter(None, (counted, safe(time.names[time.wanted]), mark, time.kept)))
