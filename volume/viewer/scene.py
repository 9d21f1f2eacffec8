"""What is looked at, from where and how: a value, and the commands that make the next one.

A scene knows no window and no graphics library; it is saved and replayed as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from volume.errors import VolumeError
from volume.geometry import Geometry
from volume.processing.plane_grid import aligned_axes, is_turned, plane_grid
from volume.processing.rotation import STRAIGHT, Rotation
from volume.processing.windows import (
    WINDOWS,
    Window,
    check_window,
)
from volume.viewer import scene_json
from volume.viewer.body_look import BodyLook, shift_per_pixel
from volume.viewer.layout import LAYOUTS, Layout, arrange, check_layout
from volume.viewer.measurement import as_place
from volume.viewer.measurements import NOTHING, Measurements
from volume.viewer.reach import nearest_in, nearest_on
from volume.viewer.renderings import fitting, parse_rendering, refuse_unfit
from volume.viewer.series_list import SeriesList
from volume.viewer.sight import FITTED, IN_FRONT, Camera, Sight, zoomed
from volume.viewer.slab import THIN, Slab
from volume.viewer.subject import Subject, subject_of
from volume.viewer.timeline import Timeline

if TYPE_CHECKING:
    from volume.volume import Volume

UP: Mapping[str, int] = {"axial": 1, "coronal": -1, "sagittal": 1}
"""Up the stack is to the head, to the front and to the patient's right, as in 3D Slicer;
layers run along the direction of view, which is to the back in the coronal plane."""

DRAG_WIDTH = 1 / 200
"""The width doubles in 140 pixels of drag, wherever one starts."""
DRAG_CENTRE = 1 / 400
"""The centre moves by the width in 400 pixels."""
WINDOW_KEYS = tuple(WINDOWS)
"""The windows of the keys 1 to 9."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One moment of looking. Each command gives a new scene.

    `cursor` is in mm LPS and `axes` says how far the planes through it are turned; `window`
    is (centre, width); `level` the surface's value, None without a surface; `probe` the
    place under the pointer, None where it is on no plane. `series` and `time` are a window's:
    what else there is to look at; `busy` says what is being read.
    """

    subject: Subject
    cursor: tuple[float, float, float]
    window: Window
    inverted: bool = False
    layout: str = "four"
    sights: Mapping[str, Sight] = field(default_factory=lambda: FITTED)
    camera: Camera = IN_FRONT
    level: float | None = None
    body: BodyLook = field(default_factory=BodyLook)
    labels: bool = True
    help: bool = False
    note: str = ""
    axes: Rotation = STRAIGHT
    slab: Slab = THIN
    measurements: Measurements = NOTHING
    probe: tuple[float, float, float] | None = None
    series: SeriesList | None = None
    time: Timeline | None = None
    busy: str = ""

    def arrange(self, size: tuple[int, int], *, title: bool = False) -> Layout:
        """Divide a display of (width, height) pixels into what the scene shows."""
        return arrange(
            self.layout,
            size,
            banner=bool(self.subject.banner),
            title=title,
            series=self.series is not None and self.series.is_open,
            time=self.time is not None,
        )

    def grid(self, plane: str) -> Geometry:
        """Give the grid of a plane as it is turned, with the axes (column, row, layer)."""
        return plane_grid(self.subject.geometry, plane, self.axes)

    def is_on_voxels(self, plane: str) -> bool:
        """Whether a plane is a layer of voxels as they are."""
        is_aligned = aligned_axes(self.subject.geometry) is not None
        return is_aligned and not is_turned(plane, self.axes)

    def layer(self, plane: str) -> float:
        """Say in which layer of a plane the cursor lies; whole in the middle of one."""
        return float(self.grid(plane).to_index(self.cursor)[2])

    def layer_number(self, plane: str) -> tuple[int, int]:
        """Give the layer's number counted up from 1, and how many there are."""
        layer, count = round(self.layer(plane)), self.grid(plane).size[2]
        return (layer + 1 if UP[plane] > 0 else count - layer), count

    # places

    def set_cursor(self, place: ArrayLike, plane: str | None = None) -> Scene:
        """Put the crosshair at a place in mm LPS, or at the volume's edge nearest to it.

        With a plane, a turned one, it stays on the layer that this shows.
        """
        if plane is None or self.axes.is_none:
            return self._at(nearest_in(self._box, place))
        return self._at(nearest_on(self.grid(plane), self.layer(plane), self._box, place))

    def scroll(self, plane: str, layers: int) -> Scene:
        """Move up the stack of a plane by so many layers; down, if negative."""
        layer = self.layer(plane)
        if self.is_on_voxels(plane):
            layer = round(layer)  # to the middle of voxels; an oblique plane has none
        return self._to_layer(plane, layer + UP[plane] * layers)

    def scroll_to_end(self, plane: str, *, top: bool) -> Scene:
        """Go to the first layer of a plane's stack, or to the last at its top."""
        return self._to_layer(plane, self.grid(plane).size[2] if top == (UP[plane] > 0) else 0)

    def turn_planes(self, plane: str, degrees: float) -> Scene:
        """Turn the crosshair in a plane's pane, against the clock: the other planes turn."""
        sight = self.grid(plane).direction[:, 2]
        return self._with(axes=self.axes.then_about(sight, -degrees))

    def _to_layer(self, plane: str, layer: float) -> Scene:
        grid = self.grid(plane)
        layer = min(max(layer, 0), grid.size[2] - 1)
        if not self.axes.is_none:
            return self._at(nearest_on(grid, layer, self._box, self.cursor))
        index = grid.to_index(self.cursor)
        index[2] = layer
        return self._at(grid.to_world(index))

    @property
    def _box(self) -> Geometry:
        """The grid along the patient's axes, in which the crosshair stays."""
        return plane_grid(self.subject.geometry, "axial")

    def _at(self, place: NDArray[np.float64]) -> Scene:
        return self._with(cursor=tuple(float(mm) for mm in place))

    def point_at(self, place: ArrayLike | None) -> Scene:
        """Have the probe tell of a place under the pointer; of the crosshair's, if None."""
        probe = None if place is None else as_place(np.asarray(place, dtype=np.float64).round(6))
        return self if probe == self.probe else replace(self, probe=probe)

    # slabs

    def next_slab(self) -> Scene:
        """Go on from thin planes to MIP, MinIP, mean and back."""
        return self._with(slab=self.slab.next_mode())

    def thicken(self, steps: int) -> Scene:
        """Make the slab thicker; thinner, if negative."""
        return self._with(slab=self.slab.thicker(steps))

    # measuring

    def measure(self, measurements: Measurements) -> Scene:
        """Take what has become of the measurements."""
        return self if measurements is self.measurements else self._with(measurements=measurements)

    def go_to_chosen(self) -> Scene:
        """Put the crosshair into the chosen measurement, and its plane through it, in sight."""
        item = self.measurements.chosen_one
        if item is None:
            return self
        middle = item.corners(self.subject.geometry).mean(axis=0)
        layout = self.layout if self.layout in ("four", item.plane) else item.plane
        return self._with(axes=item.rotation, layout=layout).set_cursor(middle)

    # other volumes

    def list_series(self, series: SeriesList) -> Scene:
        """Take what has become of the list of series."""
        return self if series is self.series else self._with(series=series)

    def keep_time(self, time: Timeline) -> Scene:
        """Take what has become of the time points."""
        return self if time is self.time else self._with(time=time)

    def look_at(self, volume: Volume) -> Scene:
        """Show another volume of the same: a later point in time, or more of its slices.

        The crosshair stays where it is, unless it still stands in the middle.
        """
        before = self.subject
        subject = replace(subject_of(volume, before.first_window, None), inverted=before.inverted)
        scene = replace(self, subject=subject)
        place = subject.at if self.cursor == before.at else nearest_in(scene._box, self.cursor)
        return scene._at(np.asarray(place, dtype=np.float64)).say(self.note)

    def alone(self) -> Scene:
        """Give the scene as a picture shows it: nothing of what is only a window's."""
        return replace(self, series=None, time=None, busy="")

    # grey values

    def set_window(self, window: Window) -> Scene:
        """Show the values of a window (centre, width)."""
        return self._with(window=check_window(window))

    def drag_window(self, right: float, up: float) -> Scene:
        """Widen the window by pixels to the right; brighten by pixels up."""
        centre, width = self.window
        return self._with(
            window=(centre - up * width * DRAG_CENTRE, width * exp(right * DRAG_WIDTH))
        )

    def press_window_key(self, number: int) -> Scene:
        """Take the window of a number key: 1 to 9 by name, 0 for every value there is."""
        if number == 0:
            return self.set_window(self.subject.full_window)
        name = WINDOW_KEYS[number - 1]
        if name != "pet" and not self.subject.is_hounsfield:
            return self.say(f"{name} is a window in HU, and these values are not")
        return self.set_window(WINDOWS[name]).say(name)

    def invert(self) -> Scene:
        """Swap black and white."""
        return self._with(inverted=not self.inverted)

    def set_level(self, level: float | None) -> Scene:
        """Show the surface at another level, or none."""
        return self._with(level=level)

    # panes

    def set_layout(self, layout: str) -> Scene:
        """Show the four panes, or one of them alone."""
        return self._with(layout=check_layout(layout))

    def next_layout(self) -> Scene:
        """Go on to the next layout."""
        return self.set_layout(LAYOUTS[(LAYOUTS.index(self.layout) + 1) % len(LAYOUTS)])

    def toggle_pane(self, pane: str) -> Scene:
        """Show one pane alone, or the four again."""
        return self.set_layout(pane if self.layout == "four" else "four")

    def zoom(self, pane: str, factor: float, around: tuple[float, float] | None = None) -> Scene:
        """Zoom a pane about its middle, or about a point (right, down) of its plane in mm."""
        if pane == "3d":
            return self._with(camera=replace(self.camera, zoom=zoomed(self.camera.zoom, factor)))
        before = self.sights[pane]
        zoom = zoomed(before.zoom, factor)
        pan = before.pan
        if around is not None:
            grid = self.grid(pane)
            middle = (np.array(grid.size[:2]) - 1) / 2 * grid.spacing[:2]
            off = np.array(around) - middle
            moved = (off + before.pan) * before.zoom / zoom - off
            pan = float(moved[0]), float(moved[1])
        return self._look(pane, Sight(zoom, pan))

    def pan(self, pane: str, right: float, down: float) -> Scene:
        """Move what a pane shows by mm."""
        before = self.camera if pane == "3d" else self.sights[pane]
        pan = before.pan[0] + right, before.pan[1] + down
        if pane == "3d":
            return self._with(camera=replace(self.camera, pan=pan))
        return self._look(pane, replace(self.sights[pane], pan=pan))

    def turn(self, right: float, up: float) -> Scene:
        """Turn the patient in the 3D pane by degrees, as if the hand took hold of the front."""
        azimuth = (self.camera.azimuth - right + 180) % 360 - 180
        elevation = min(max(self.camera.elevation - up, -90.0), 90.0)
        return self._with(camera=replace(self.camera, azimuth=azimuth, elevation=elevation))

    def fit(self) -> Scene:
        """Have each pane show all there is: no zoom, no pan."""
        whole = replace(self.camera, zoom=1.0, pan=(0.0, 0.0))
        return self._with(sights=FITTED, camera=whole)

    def set_rendering(self, name: str | None) -> Scene:
        """Render the volume by a preset, or show its surface; say so where it has no meaning."""
        if name is not None and (name := parse_rendering(name)) is not None:
            try:
                refuse_unfit(name, **self.subject.kind)
            except VolumeError as problem:
                return self.say(problem.args[0])
        return self._with(body=self.body.render(name))

    def next_rendering(self) -> Scene:
        """Go on to the next preset, and from the last one back to the surface."""
        return self._with(body=self.body.render_next(fitting(**self.subject.kind)))

    def shift_rendering(self, right: float) -> Scene:
        """Shift the preset's curve, or the surface's level, by pixels to the right."""
        subject = self.subject
        amount = right * shift_per_pixel(
            is_hounsfield=subject.is_hounsfield, window_width=subject.first_window[1]
        )
        if self.body.rendering is not None:
            return self._with(body=self.body.shift_by(amount))
        return self._with(level=None if self.level is None else self.level + amount)

    def set_clip(self, box: Sequence[float] | None) -> Scene:
        """Cut what the 3D pane shows by a box (x0, x1, y0, y1, z0, z1 in mm LPS), or not."""
        return self._with(body=self.body.cut(box))

    def reset(self) -> Scene:
        """Go back to the first look: the patient's planes, place, window, zoom and camera.

        The layout, the rendering and what was measured stay.
        """
        return self._with(
            cursor=self.subject.at,
            axes=STRAIGHT,
            slab=THIN,
            measurements=self.measurements.take(None),
            window=self.subject.first_window,
            inverted=self.subject.inverted,
            sights=FITTED,
            camera=IN_FRONT,
            body=BodyLook(self.body.rendering),
        )

    def _look(self, pane: str, sight: Sight) -> Scene:
        return self._with(sights={**self.sights, pane: sight})

    # words

    def toggle_labels(self) -> Scene:
        """Show or hide letters, scale bars and corner text."""
        return self._with(labels=not self.labels)

    def toggle_help(self) -> Scene:
        """Show or hide the card of keys."""
        return self._with(help=not self.help)

    def say(self, note: str) -> Scene:
        """Show a short note until the next command."""
        return replace(self, note=note)

    def _with(self, **changes: Any) -> Scene:
        return replace(self, note="", **changes)

    # as JSON

    def to_json(self, size: tuple[int, int] | None = None) -> str:
        """Write the scene as JSON; it names the grid it belongs to, and no patient.

        `size` (width, height) of the display goes with it, if it is given.
        """
        return scene_json.write(self, size)

    @classmethod
    def from_json(cls, text: str, volume: Volume) -> Scene:
        """Read a scene for the volume it was made of; a GridError for another volume's."""
        saved = scene_json.read(text)
        saved.refuse_another(volume)
        return cls(subject=subject_of(volume, None, None), **saved.state)
