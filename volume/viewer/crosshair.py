"""The crosshair of a pane: two lines that stand for the other two planes; no VTK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import atan2, degrees, hypot

import numpy as np

from volume.viewer.projection import Projection
from volume.viewer.scene import Scene

GAP = 9
"""Pixels left free around the crosshair's middle."""
LETTERS_ROOM = 2.4
"""The lines end so many letters before a pane's edge, where the letters are."""
CROSSED_BY: Mapping[str, tuple[str, str]] = {
    "axial": ("sagittal", "coronal"),
    "coronal": ("sagittal", "axial"),
    "sagittal": ("coronal", "axial"),
}
"""The planes that a pane's upright and level line stand for."""
SHORTEST_WITH_HANDLE = 40
"""Pixels that a line has to have beyond the middle for its end to be taken hold of."""
REACH = 7
"""Pixels beside the end of a line within which a press takes hold of it."""
HELD_PART = 0.3
"""Of a line, this part at its end can be taken hold of, but no more than:"""
HELD_PIXELS = 50


@dataclass(frozen=True)
class Arm:
    """Half a line of the crosshair, in pixels of the display, outwards; and its plane."""

    plane: str
    start: tuple[float, float]
    end: tuple[float, float]

    @property
    def length(self) -> float:
        """Its length in pixels."""
        return hypot(self.end[0] - self.start[0], self.end[1] - self.start[1])

    @property
    def has_handle(self) -> bool:
        """Whether its end can be taken hold of."""
        return self.length >= SHORTEST_WITH_HANDLE

    def is_held_at(self, x: float, y: float) -> bool:
        """Say whether a press there takes hold of its end."""
        if not self.has_handle:
            return False
        right, up = (b - a for a, b in zip(self.start, self.end, strict=True))
        off = x - self.start[0], y - self.start[1]
        along = (off[0] * right + off[1] * up) / self.length
        beside = abs(off[0] * up - off[1] * right) / self.length
        held = min(HELD_PART * self.length, HELD_PIXELS)
        return beside <= REACH and self.length - held <= along <= self.length + REACH


def middle_of(scene: Scene, projection: Projection) -> tuple[float, float]:
    """Give the middle of the pixel of the display where the lines cross."""
    x, y = np.floor(projection.to_pixels(scene.cursor) + 0.5) + 0.5
    return float(x), float(y)


def arms(scene: Scene, pane: str, projection: Projection, font: float) -> list[Arm]:
    """Give the arms that can be seen in a plane's pane."""
    rect, edge = projection.rect, LETTERS_ROOM * font
    box = (
        rect.x + edge,
        rect.y + edge,
        rect.x + rect.width - edge,
        rect.y + rect.height - edge,
    )
    middle = middle_of(scene, projection)
    found = []
    for plane, way in zip(CROSSED_BY[pane], ways(scene, pane), strict=True):
        for sign in (-1, 1):
            ends = _within(middle, (sign * way[0], sign * way[1]), box)
            if ends is not None:
                found.append(Arm(plane, *ends))
    return found


def ways(scene: Scene, pane: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Give the directions (right, up) of the two lines: upright and level while untwisted."""
    if scene.axes.is_none:
        return (0.0, 1.0), (1.0, 0.0)
    row, column, sight = scene.grid(pane).direction.T
    found = []
    for plane in CROSSED_BY[pane]:
        line = np.cross(sight, scene.grid(plane).direction[:, 2])
        found.append((float(line @ row), float(-(line @ column))))
    return found[0], found[1]


def held_arm(
    scene: Scene, pane: str, projection: Projection, font: float, at: tuple[float, float]
) -> Arm | None:
    """Find the arm whose end a press takes hold of."""
    return next((arm for arm in arms(scene, pane, projection, font) if arm.is_held_at(*at)), None)


def turned_by(
    middle: tuple[float, float], before: tuple[float, float], now: tuple[float, float]
) -> float:
    """Give the degrees by which a hand went round the middle, against the clock."""
    angles = [atan2(y - middle[1], x - middle[0]) for x, y in (before, now)]
    return (degrees(angles[1] - angles[0]) + 180) % 360 - 180


def _within(
    middle: tuple[float, float], way: tuple[float, float], box: tuple[float, float, float, float]
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Cut a ray from beside the middle to the box's edge; None where it misses the box."""
    near, far = float(GAP), np.inf
    for place, step, low, high in zip(middle, way, box[:2], box[2:], strict=True):
        if abs(step) < 1e-9:
            if not low <= place <= high:
                return None
            continue
        ends = sorted(((low - place) / step, (high - place) / step))
        near, far = max(near, ends[0]), min(far, ends[1])
    if near >= far:
        return None
    start, end = ((middle[0] + t * way[0], middle[1] + t * way[1]) for t in (near, far))
    return start, end
