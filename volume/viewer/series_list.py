"""Which series there are to look at, and which one is: a value and its commands; no pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace

from volume.viewer.layout import Rect

ROW = 5.9
"""How high a row is, in letters."""


@dataclass(frozen=True)
class Row:
    """One series of the list: its id, and what is written beside its thumbnail.

    The last lines may hold the description: they are for the window, never for a picture.
    """

    id: str
    lines: tuple[str, ...]
    description: str = ""


@dataclass(frozen=True)
class SeriesList:
    """The rows; which one is `shown` and which is `wanted`; the first row on top of the list."""

    rows: tuple[Row, ...]
    shown: int = 0
    wanted: int = 0
    is_open: bool = True
    top: int = 0

    @property
    def description(self) -> str:
        """The description of the series that is shown."""
        return self.rows[self.shown].description

    def want(self, number: int) -> SeriesList:
        """Ask for a series by its number, counted from 0; the first or last beyond the ends."""
        return replace(self, wanted=min(max(number, 0), len(self.rows) - 1))

    def step(self, rows: int, room: int) -> SeriesList:
        """Ask for a series further down or up; the list of `room` rows keeps it in sight."""
        wanted = self.want(self.wanted + rows)
        low, high = wanted.wanted - room + 1, wanted.wanted
        return replace(wanted, top=min(max(self.top, low), high)).scroll(0, room)

    def show(self) -> SeriesList:
        """Say that the one which was wanted is shown."""
        return replace(self, shown=self.wanted)

    def give_up(self) -> SeriesList:
        """Want what is shown."""
        return replace(self, wanted=self.shown)

    def toggle(self) -> SeriesList:
        """Put the list away, or bring it back."""
        return replace(self, is_open=not self.is_open)

    def scroll(self, rows: int, room: int) -> SeriesList:
        """Move the list of `room` rows by so many."""
        return replace(self, top=min(max(self.top + rows, 0), max(0, len(self.rows) - room)))


def rows_in(rect: Rect, font: int) -> int:
    """Say how many rows a list has room for."""
    return max(1, int(rect.height / (ROW * font)))


def rows_in_sight(series: SeriesList, rect: Rect, font: int) -> range:
    """Give the numbers of the rows that are shown."""
    return range(series.top, min(series.top + rows_in(rect, font), len(series.rows)))


def row_at(series: SeriesList, rect: Rect, font: int, y: float) -> int | None:
    """Say which row lies at a height of the display."""
    number = series.top + int((rect.y + rect.height - y) / (ROW * font))
    return number if number in rows_in_sight(series, rect, font) else None
