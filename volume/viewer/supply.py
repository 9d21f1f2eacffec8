"""Brings the volumes that a window asks for: read beside it, and kept as memory allows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from volume.memory import free_memory, word_bytes
from volume.progress import Progress
from volume.viewer.first_look import is_sketch
from volume.viewer.job import Job
from volume.viewer.shelf import Item, Shelf
from volume.volume import Volume

MOST_KEPT = 2 << 30
"""Time points are kept up to so many bytes, and up to half of the memory that is free."""

Place = tuple[int, int]
"""The number of an item of the shelf, and of a point of it."""


@dataclass(frozen=True, eq=False)
class Arrival:
    """A volume that was asked for, and where on the shelf it stands."""

    place: Place
    volume: Volume
    is_whole: bool


class Supply:
    """Reads one volume at a time; what is asked for last goes first."""

    def __init__(self, shelf: Shelf, first: Volume) -> None:
        self.shelf = shelf
        self.pictures: dict[int, NDArray[Any]] = {}
        self._drawn: set[int] = set()
        self.budget = min(MOST_KEPT, free_memory() // 2)
        self._kept: OrderedDict[Place, Volume] = OrderedDict()
        self._asked: Place | None = None
        self._job: Job[Volume] | None = None
        self._draws: Job[tuple[int, NDArray[Any] | None]] | None = None
        place = shelf.item, shelf.point
        self._sketched = place if is_sketch(first) else None
        if self._sketched is None:
            self._keep(place, first)

    @property
    def busy(self) -> str:
        """Say what is being read and how far it is; nothing where nothing is."""
        if self._job is None or self._asked is None:
            return ""
        item, point = self._asked
        one = self._item(item).points[point]
        return f"reading {one.id} ({word_bytes(one.size)}): {self._job.steps.words}"

    @property
    def is_working(self) -> bool:
        """Whether something will arrive."""
        return self._job is not None or self._draws is not None

    def holds(self, place: Place) -> bool:
        """Whether a volume is kept, whole."""
        return place in self._kept

    def words(self, item: int) -> str:
        """Say how many of an item's points are held, where memory does not allow all."""
        points = self._item(item).points
        most = self._most(item)
        if most >= len(points):
            return ""
        return f"{most} of {len(points)} kept, {word_bytes(self.budget)} at most"

    def ask(self, place: Place) -> Arrival | None:
        """Ask for a volume: it is given at once if it is kept, else it arrives by `poll`."""
        if place in self._kept:
            self.call_off()
            self._kept.move_to_end(place)
            return Arrival(place, self._kept[place], is_whole=True)
        if place != self._asked:
            self.call_off()
            if place[0] not in {item for item, _ in self._kept}:
                self._kept.clear()  # another series: the old volumes are let go
            point = self._item(place[0]).points[place[1]]
            sketched = place == self._sketched
            self._asked = place
            self._job = Job(lambda steps: point.looks(steps, sketched=sketched))
            self._job.start()
        return None

    def poll(self) -> Arrival | None:
        """Give what has arrived; raise what went wrong with it."""
        if self._job is None or self._asked is None:
            return None
        place, job = self._asked, self._job
        try:
            volume = job.take()
        except BaseException:
            self._job = self._asked = None
            raise
        if job.is_over and volume is None:
            self._job = self._asked = None
        if volume is None:
            return None
        if is_sketch(volume):
            self._sketched = place
            return Arrival(place, volume, is_whole=False)
        self._sketched = None
        self._keep(place, volume)
        self._job = self._asked = None
        return Arrival(place, volume, is_whole=True)

    def draw_thumbnails(self, rows: range) -> bool:
        """Have those of some rows made while nothing else is read; say whether a new one came."""
        if self._job is not None:
            return False
        if self._draws is None:
            missing = [n for n in rows if n not in self._drawn]
            if not missing:
                return False
            self._drawn.update(missing)
            self._draws = Job(lambda steps: self._draw(missing, steps))
            self._draws.start()
        drawn = self._draws.take()
        if drawn is not None and drawn[1] is not None:
            self.pictures[drawn[0]] = drawn[1]
        if drawn is None and self._draws.is_over:
            self._draws = None
        return drawn is not None

    def close(self) -> None:
        """End what is going on."""
        for job in (self._job, self._draws):
            if job is not None:
                job.call_off()
                job.wait()

    def _item(self, number: int) -> Item:
        return self.shelf.items[number]

    def _most(self, item: int) -> int:
        """Say how many of an item's points memory allows, at least the one that is shown."""
        largest = max(point.size for point in self._item(item).points)
        return max(1, self.budget // max(1, largest))

    def _keep(self, place: Place, volume: Volume) -> None:
        self._kept[place] = volume
        while len(self._kept) > self._most(place[0]):
            self._kept.popitem(last=False)

    def call_off(self) -> None:
        """Read no further: what is shown is what is wanted."""
        if self._job is not None:
            self._job.call_off()
        self._job = self._asked = None

    def _draw(
        self, missing: list[int], steps: Progress
    ) -> Iterator[tuple[int, NDArray[Any] | None]]:
        for n in missing:
            steps.update(1)
            yield n, self._item(n).picture()
