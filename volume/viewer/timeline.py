"""Which point in time is shown of several volumes on one grid: a value and its commands."""

from __future__ import annotations

from dataclasses import dataclass, replace

from volume.viewer.layout import Rect

LABEL, EDGE = 30, 1.0
"""The slider begins after so many letters of text, and ends one before the right edge."""


@dataclass(frozen=True)
class Timeline:
    """The names of the points; which is `shown`, and which is `wanted` but perhaps not read yet.

    `kept` says how many are held in memory, in words, where not all can be.
    """

    names: tuple[str, ...]
    shown: int = 0
    wanted: int = 0
    playing: bool = False
    kept: str = ""

    def go_to(self, number: int) -> Timeline:
        """Ask for a point by its number, counted from 0; the first or last beyond the ends."""
        return replace(self, wanted=min(max(number, 0), len(self.names) - 1))

    def step(self, points: int) -> Timeline:
        """Ask for a point so much later; earlier, if negative."""
        return self.go_to(self.wanted + points)

    def next_frame(self) -> Timeline:
        """Ask for the next point, and after the last for the first."""
        return self.go_to((self.wanted + 1) % len(self.names))

    def show(self, number: int) -> Timeline:
        """Say which one is shown."""
        return replace(self, shown=number)

    def play(self) -> Timeline:
        """Begin to play, or stop."""
        return replace(self, playing=not self.playing)

    def stop(self) -> Timeline:
        """Stop, and want what is shown."""
        return replace(self, playing=False, wanted=self.shown)


def slider(rect: Rect, font: int) -> tuple[float, float]:
    """Give the slider's ends, x of the display, in the strip of time."""
    start = rect.x + min(LABEL * font, rect.width / 2)
    return start, max(start + 1, rect.x + rect.width - EDGE * font)


def point_at(timeline: Timeline, rect: Rect, font: int, x: float) -> int:
    """Say which point lies nearest to a place on the slider."""
    start, end = slider(rect, font)
    part = min(max((x - start) / (end - start), 0.0), 1.0)
    return round(part * (len(timeline.names) - 1))
