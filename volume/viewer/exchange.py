"""What a window shows of a shelf: hears what the scene wants, and brings it when it was read."""

from __future__ import annotations

from dataclasses import replace

from volume.errors import VolumeError
from volume.viewer.first_scene import scene_of
from volume.viewer.reach import reaches
from volume.viewer.scene import Scene
from volume.viewer.shelf import Shelf
from volume.viewer.supply import Arrival, Place, Supply
from volume.volume import Volume

FRAME_S = 0.1
"""A point in time is shown for so long while they play."""


class Exchange:
    """Puts other volumes under a scene. Scenes of series that were left are kept, not voxels."""

    def __init__(self, shelf: Shelf, first: Volume, *, surface: bool = True) -> None:
        self.shelf = shelf
        self.surface = surface
        self.supply = Supply(shelf, first)
        self.shown: Place = (shelf.item, shelf.point)
        self.is_whole = self.supply.holds(self.shown)
        self._points = {shelf.item: shelf.point}
        self._scenes: dict[int, Scene] = {}
        self._due = 0.0

    def begin(self, scene: Scene) -> Scene:
        """Give a scene its list of series and its time points."""
        item = self.shelf.items[self.shelf.item]
        time = item.timeline(self.shelf.point)
        if time is not None:
            time = replace(time, kept=self.supply.words(self.shelf.item))
        return replace(scene, series=self.shelf.first_list(), time=time)

    @property
    def is_working(self) -> bool:
        """Whether something is being read."""
        return self.supply.is_working

    def tick(self, scene: Scene, now: float) -> tuple[Scene, Volume | None]:
        """Bring the scene up to what has arrived; a volume where another is to be drawn."""
        scene = self._play(scene, now)
        try:
            arrival = self._arrival(self._wanted(scene))
        except VolumeError as problem:
            scene, arrival = self._give_up(scene).say(str(problem)), None
        volume = None
        if arrival is not None:
            scene, volume = self._take(scene, arrival), arrival.volume
        busy = self.supply.busy
        return (scene if busy == scene.busy else replace(scene, busy=busy)), volume

    def close(self) -> None:
        """End what is being read."""
        self.supply.close()

    def _wanted(self, scene: Scene) -> Place:
        item = self.shown[0] if scene.series is None else scene.series.wanted
        if item != self.shown[0]:
            return item, self._points.get(item, 0)
        return item, self.shown[1] if scene.time is None else scene.time.wanted

    def _arrival(self, wanted: Place) -> Arrival | None:
        if wanted == self.shown and self.is_whole:
            self.supply.call_off()
            return None
        arrival = self.supply.poll()
        if arrival is not None and arrival.place == wanted:
            return arrival
        return self.supply.ask(wanted)

    def _take(self, scene: Scene, arrival: Arrival) -> Scene:
        """Show what has arrived: of the same item in the same scene, else in another one."""
        item, point = arrival.place
        if item == self.shown[0]:
            scene = scene.look_at(arrival.volume)
            if scene.time is not None:
                scene = replace(scene, time=scene.time.show(point))
        else:
            self._scenes[self.shown[0]] = scene
            scene = self._scene_of(item, point, arrival.volume, scene)
        self.shown, self.is_whole = arrival.place, arrival.is_whole
        self._points[item] = point
        return scene

    def _scene_of(self, item: int, point: int, volume: Volume, left: Scene) -> Scene:
        """Make the scene of another series, or go back to the one it was left with."""
        known = self._scenes.get(item)
        if known is not None:
            scene = replace(known.look_at(volume), layout=left.layout, labels=left.labels)
        else:
            scene = scene_of(volume, layout=left.layout, surface=self.surface)
            scene = replace(scene, labels=left.labels)
        if self._share_space(item) and reaches(scene.subject.geometry, left.cursor):
            scene = scene.set_cursor(left.cursor)
        time = self.shelf.items[item].timeline(point)
        if time is not None:
            time = replace(time, kept=self.supply.words(item))
        series = None if left.series is None else left.series.show()
        return replace(scene, series=series, time=time, help=left.help, note="")

    def _share_space(self, item: int) -> bool:
        """Whether a place in one series is the same place in the other."""
        spaces = {self.shelf.items[number].space for number in (item, self.shown[0])}
        return len(spaces) == 1 and "" not in spaces

    def _give_up(self, scene: Scene) -> Scene:
        """Want what is shown: the other cannot be had."""
        self.is_whole = True
        series = None if scene.series is None else scene.series.give_up()
        time = None if scene.time is None else scene.time.stop()
        return replace(scene, series=series, time=time)

    def _play(self, scene: Scene, now: float) -> Scene:
        time = scene.time
        if time is None or not time.playing or time.wanted != time.shown or now < self._due:
            return scene
        self._due = now + FRAME_S
        return replace(scene, time=time.next_frame())
