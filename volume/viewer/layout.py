"""Where the panes and the strips lie on the display."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from volume.processing.plane_grid import PLANES

PANES = (*PLANES, "3d")
LAYOUTS = ("four", *PANES)

FOUR: Mapping[str, tuple[int, int]] = {
    "axial": (0, 1),
    "3d": (1, 1),
    "coronal": (0, 0),
    "sagittal": (1, 0),
}
"""(column, row from the bottom) of each pane of the four, as in 3D Slicer's four-up."""

SEAM = 2
"""Pixels between panes."""
SMALLEST_FONT, LARGEST_FONT = 11, 40
FONT_PART = 88
"""A display of 1600 x 1200 gets letters of 16 pixels, one of 800 x 600 the smallest."""
SERIES_LETTERS = 25
"""The list of series is so many letters wide."""
SMALLEST_SIZE, LARGEST_SIZE = 160, 16384
"""Sides of a display in pixels: below nothing can be read, above graphics libraries give up."""


@dataclass(frozen=True)
class Rect:
    """A rectangle of the display, in pixels from its lower left corner."""

    x: int
    y: int
    width: int
    height: int

    def holds(self, x: float, y: float) -> bool:
        """Say whether a pixel lies inside."""
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height

    @property
    def middle(self) -> tuple[float, float]:
        """The (x, y) of the middle."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True)
class Layout:
    """The rectangles of one display: panes by name, a strip below, perhaps two above.

    In a window there may be a list of series on the left, and a slider of time below.
    """

    size: tuple[int, int]
    font: int
    panes: Mapping[str, Rect]
    status: Rect
    banner: Rect | None
    title: Rect | None
    series: Rect | None = None
    time: Rect | None = None

    def pane_at(self, x: float, y: float) -> str | None:
        """Name the pane that holds a pixel."""
        return next((name for name, rect in self.panes.items() if rect.holds(x, y)), None)


def arrange(
    layout: str,
    size: tuple[int, int],
    *,
    banner: bool = False,
    title: bool = False,
    series: bool = False,
    time: bool = False,
) -> Layout:
    """Divide a display of `size` (width, height) pixels into the panes of a layout."""
    width, height = size
    font = int(min(max((width * height) ** 0.5 / FONT_PART, SMALLEST_FONT), LARGEST_FONT))
    strip = round(1.9 * font)
    above = [Rect(0, height - (n + 1) * strip, width, strip) for n in range(banner + title)]
    left = min(round(SERIES_LETTERS * font), width // 3) if series else 0
    low = strip * (1 + time)
    room = Rect(left, low, width - left, max(1, height - low - len(above) * strip))
    return Layout(
        size=(width, height),
        font=font,
        panes=_quarter(room) if layout == "four" else {layout: room},
        status=Rect(0, 0, width, strip),
        banner=above[-1] if banner else None,
        title=above[0] if title else None,
        series=Rect(0, low, left - SEAM, room.height) if series else None,
        time=Rect(0, strip, width, strip) if time else None,
    )


def check_layout(layout: str) -> str:
    """Give the layout back, or refuse a name that is none."""
    if layout not in LAYOUTS:
        raise ValueError(f"no such layout: {layout!r}; there are {', '.join(LAYOUTS)}")
    return layout


def check_size(size: tuple[int, int]) -> tuple[int, int]:
    """Give (width, height) as whole pixels, or refuse what is no display."""
    width, height = (int(side) for side in size)
    if not all(SMALLEST_SIZE <= side <= LARGEST_SIZE for side in (width, height)):
        raise ValueError(
            f"a picture is {SMALLEST_SIZE} to {LARGEST_SIZE} pixels a side, not {width} x {height}"
        )
    return width, height


def _quarter(room: Rect) -> dict[str, Rect]:
    widths = (room.width - SEAM) // 2, room.width - SEAM - (room.width - SEAM) // 2
    heights = (room.height - SEAM) // 2, room.height - SEAM - (room.height - SEAM) // 2
    return {
        pane: Rect(
            room.x + column * (widths[0] + SEAM),
            room.y + row * (heights[0] + SEAM),
            widths[column],
            heights[row],
        )
        for pane, (column, row) in FOUR.items()
    }
