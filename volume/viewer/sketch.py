"""Measurements drawn over a pane, with what they come to."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from vtkmodules.vtkRenderingCore import vtkRenderer

from volume.viewer.colours import CHOSEN, MARK, Colour
from volume.viewer.layout import Rect
from volume.viewer.marks import marks_in
from volume.viewer.measurement import Measurement
from volume.viewer.overlay import Label, Lines, Segment
from volume.viewer.projection import Projection
from volume.viewer.reading import Readings
from volume.viewer.scene import Scene
from volume.viewer.words import width_of

HANDLE = 3
"""Half the side of the squares at the points that can be moved, in pixels."""
BESIDE = 8
"""Pixels from a measurement to its words."""
LINE = 1.3
"""From line to line, in letters."""


class Sketch:
    """The lines and words of what was measured on one plane."""

    def __init__(self, renderer: vtkRenderer, plane: str, readings: Readings) -> None:
        self.renderer = renderer
        self.plane = plane
        self.readings = readings
        self.lines = Lines(renderer)
        self.labels: list[Label] = []

    def key(self, scene: Scene) -> object:
        """Give what of the scene the sketch depends on."""
        drawn = scene.measurements
        return drawn.items, drawn.chosen, drawn.draft

    def show(self, scene: Scene, projection: Projection, rect: Rect, font: int) -> None:
        """Draw the measurements that lie on the plane that is shown."""
        segments: list[Segment] = []
        words = []
        for number, item in marks_in(scene, self.plane):
            is_chosen = number is None or number == scene.measurements.chosen
            colour = CHOSEN if is_chosen else MARK
            outline = item.outline(scene.subject.geometry)
            path = projection.to_pixels(outline) - (rect.x, rect.y) + 0.5
            segments += [(*start, *end, colour) for start, end in pairwise(path.tolist())]
            points = projection.to_pixels(item.points) - (rect.x, rect.y) + 0.5
            segments += [side for x, y in points.tolist() for side in _square(x, y, colour)]
            words.append((self._text(item), path, colour))
        self.lines.show(segments)
        self._write(words, rect, font)

    def _text(self, item: Measurement) -> str:
        return "\n".join(self.readings.of(item).lines(self.readings.volume.unit))

    def _write(self, words: list[tuple[str, np.ndarray, Colour]], rect: Rect, font: int) -> None:
        """Write each measurement's words to the right of it, or where there is room."""
        while len(self.labels) < len(words):
            self.labels.append(Label(self.renderer, "left", "top", plate=True))
        for label in self.labels[len(words) :]:
            label.show("", 0, 0, font, MARK)
        for label, (text, path, colour) in zip(self.labels, words, strict=False):
            lines = text.split("\n")
            width = max(width_of(line, font) for line in lines)
            corner = path[path[:, 0].argmax()] + (BESIDE, font / 2)
            x = max(BESIDE, min(corner[0], rect.width - width - BESIDE))
            y = min(max(corner[1], LINE * font * len(lines) + BESIDE), rect.height - BESIDE)
            label.show(text, x, y, font, colour)


def _square(x: float, y: float, colour: Colour) -> list[Segment]:
    left, right, low, high = x - HANDLE, x + HANDLE, y - HANDLE, y + HANDLE
    return [
        (left, low, right, low, colour),
        (right, low, right, high, colour),
        (right, high, left, high, colour),
        (left, high, left, low, colour),
    ]
