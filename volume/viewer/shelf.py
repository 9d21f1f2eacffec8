"""What else there is to look at beside the volume that is shown: series, and their time points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from volume.errors import VolumeError
from volume.progress import Progress
from volume.viewer.series_list import Row, SeriesList
from volume.viewer.timeline import Timeline
from volume.volume import Volume


@dataclass(frozen=True, eq=False)
class Point:
    """One volume that can be had: its id, the bytes it takes, how to read it.

    `sketch` gives a first, coarse look where reading the whole takes long.
    """

    id: str
    name: str
    size: int
    read: Callable[[Progress], Volume]
    sketch: Callable[[], Volume] | None = None

    def looks(self, progress: Progress, *, sketched: bool = False) -> Iterator[Volume]:
        """Give the coarse look, unless it was `sketched` already, and then the whole."""
        if self.sketch is not None and not sketched:
            with suppress(VolumeError):  # the whole may be had all the same, or tells why not
                yield self.sketch()
        yield self.read(progress)


@dataclass(frozen=True, eq=False)
class Item:
    """A row of the list: a series, the volumes of it that share a grid, and its thumbnail.

    Two items with the same `space` have one frame of reference.
    """

    row: Row
    points: tuple[Point, ...]
    picture: Callable[[], NDArray[Any] | None]
    space: str = ""

    def timeline(self, shown: int) -> Timeline | None:
        """Give the time points, None where there is one volume alone."""
        if len(self.points) < 2:
            return None
        return Timeline(tuple(point.name for point in self.points), shown, shown)


@dataclass(frozen=True, eq=False)
class Shelf:
    """Every series there is, in the order of the list, and which volume is looked at first."""

    items: tuple[Item, ...]
    item: int = 0
    point: int = 0

    def at(self, volume_id: str) -> Shelf:
        """Begin with the volume of an id."""
        for n, item in enumerate(self.items):
            for p, point in enumerate(item.points):
                if point.id == volume_id:
                    return Shelf(self.items, n, p)
        return self

    def first_list(self) -> SeriesList:
        """Give the list as a window opens it: put away where there is one series alone."""
        rows = tuple(item.row for item in self.items)
        return SeriesList(rows, self.item, self.item, is_open=len(rows) > 1)
