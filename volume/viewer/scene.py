"""What is looked at, from where and how: a value, and the commands that make the next one.

A scene knows no window and no graphics library; it is saved and replayed as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import exp, isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from volume.errors import GridError, VolumeError
from volume.geometry import Geometry
from volume.processing.planes import PLANES, aligned_axes, plane_grid
from volume.processing.windows import (
    WINDOWS,
    Window,
    check_window,
)
from volume.viewer.body_look import BodyLook, shift_per_pixel
from volume.viewer.layout import LAYOUTS, check_layout
from volume.viewer.renderings import fitting, parse_rendering, refuse_unfit
from volume.viewer.subject import Subject, subject_of
from volume.viewer.surfaces import level_for_looking
from volume.viewer.words import UNNAMED

if TYPE_CHECKING:
    from volume.volume import Volume

SCHEMA = "volume.scene/1"
SAME_PLACE_MM = 1e-3
"""A saved scene belongs to a grid whose corners lie within this of its own."""

UP: Mapping[str, int] = {"axial": 1, "coronal": -1, "sagittal": 1}
"""Up the stack is to the head, to the front and to the patient's right, as in 3D Slicer;
layers run along the direction of view, which is to the back in the coronal plane."""

DRAG_WIDTH = 1 / 200
"""The width doubles in 140 pixels of drag, wherever one starts."""
DRAG_CENTRE = 1 / 400
"""The centre moves by the width in 400 pixels."""
ZOOM_LIMITS = (0.1, 60.0)
WINDOW_KEYS = tuple(WINDOWS)
"""The windows of the keys 1 to 9."""


@dataclass(frozen=True)
class Sight:
    """How far a pane is zoomed and panned; `pan` is mm to the right and down."""

    zoom: float = 1.0
    pan: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Camera:
    """Where the eye of the 3D pane stands: degrees round the patient and above."""

    azimuth: float = 0.0
    elevation: float = 0.0
    zoom: float = 1.0
    pan: tuple[float, float] = (0.0, 0.0)


FITTED: Mapping[str, Sight] = dict.fromkeys(PLANES, Sight())


@dataclass(frozen=True, eq=False)
class Scene:
    """One moment of looking. `cursor` is in mm LPS, `window` (centre, width), `level` the
    surface's value, None without a surface. Each command gives a new scene."""

    subject: Subject
    cursor: tuple[float, float, float]
    window: Window
    inverted: bool = False
    layout: str = "four"
    sights: Mapping[str, Sight] = field(default_factory=lambda: FITTED)
    camera: Camera = Camera()
    level: float | None = None
    body: BodyLook = field(default_factory=BodyLook)
    labels: bool = True
    help: bool = False
    note: str = ""

    def grid(self, plane: str) -> Geometry:
        """Give the grid of a plane, with the axes (column, row, layer)."""
        return plane_grid(self.subject.geometry, plane)

    def layer(self, plane: str) -> float:
        """Say in which layer of a plane the cursor lies; whole in the middle of one."""
        return float(self.grid(plane).to_index(self.cursor)[2])

    def layer_number(self, plane: str) -> tuple[int, int]:
        """Give the layer's number counted up from 1, and how many there are."""
        layer, count = round(self.layer(plane)), self.grid(plane).size[2]
        return (layer + 1 if UP[plane] > 0 else count - layer), count

    # places

    def set_cursor(self, place: ArrayLike) -> Scene:
        """Put the crosshair at a place in mm LPS, or at the volume's edge nearest to it."""
        grid = self.grid("axial")
        index = np.clip(grid.to_index(place), 0, np.array(grid.size) - 1)
        return self._at(grid.to_world(index))

    def scroll(self, plane: str, layers: int) -> Scene:
        """Move up the stack of a plane by so many layers; down, if negative."""
        layer = self.layer(plane)
        if aligned_axes(self.subject.geometry) is not None:
            layer = round(layer)  # to the middle of voxels; an oblique plane has none
        return self._to_layer(plane, layer + UP[plane] * layers)

    def scroll_to_end(self, plane: str, *, top: bool) -> Scene:
        """Go to the first layer of a plane's stack, or to the last at its top."""
        return self._to_layer(plane, self.grid(plane).size[2] if top == (UP[plane] > 0) else 0)

    def _to_layer(self, plane: str, layer: float) -> Scene:
        grid = self.grid(plane)
        index = grid.to_index(self.cursor)
        index[2] = min(max(layer, 0), grid.size[2] - 1)
        return self._at(grid.to_world(index))

    def _at(self, place: NDArray[np.float64]) -> Scene:
        return self._with(cursor=tuple(float(mm) for mm in place))

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
            return self._with(camera=replace(self.camera, zoom=_zoomed(self.camera.zoom, factor)))
        before = self.sights[pane]
        zoom = _zoomed(before.zoom, factor)
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
        """Go back to the first look: place, window, zoom and camera; the layout stays."""
        return self._with(
            cursor=self.subject.at,
            window=self.subject.first_window,
            inverted=self.subject.inverted,
            sights=FITTED,
            camera=Camera(),
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

    def to_json(self) -> str:
        """Write the scene as JSON; it names the grid it belongs to, and no patient."""
        geometry = self.subject.geometry
        document = {
            "schema": SCHEMA,
            "volume": {
                "id": self.subject.id,
                "size": list(geometry.size),
                "affine": geometry.affine.ravel().tolist(),
            },
            "cursor": list(self.cursor),
            "window": list(self.window),
            "inverted": self.inverted,
            "layout": self.layout,
            "sights": {pane: asdict(sight) for pane, sight in self.sights.items()},
            "camera": asdict(self.camera),
            "level": self.level,
            "body": self.body.as_json(),
            "labels": self.labels,
        }
        return json.dumps(document, indent=1)

    @classmethod
    def from_json(cls, text: str, volume: Volume) -> Scene:
        """Read a scene for the volume it was made of; a GridError for another grid's."""
        try:
            document = json.loads(text, parse_constant=_refuse_constant)
            if document["schema"] != SCHEMA:
                raise ValueError(f"its schema is {document['schema']!r}, not {SCHEMA!r}")
            saved = document["volume"]
            grid = Geometry.from_affine(saved["size"], np.reshape(saved["affine"], (4, 4)))
            state = _read_state(document)
        except (KeyError, TypeError, AttributeError, ValueError) as problem:
            raise ValueError(f"this is not a scene: {problem}") from problem
        if not volume.geometry.matches(grid, SAME_PLACE_MM):
            raise GridError(
                f"the scene belongs to another volume: {saved['id'] or UNNAMED}, {grid};"
                f" not {volume.geometry}"
            )
        return cls(subject=subject_of(volume, None, None), **state)


def scene_of(
    volume: Volume,
    *,
    window: Window | str | None = None,
    layout: str = "four",
    at: ArrayLike | None = None,
    level: float | None = None,
    surface: bool = True,
    rendering: str | None = None,
) -> Scene:
    """Make the first scene of a volume: its own window, the crosshair in its middle.

    Without a level the 3D pane shows bone in CT, in others what Otsu's threshold parts;
    without `surface`, nothing; `rendering` is a preset's name. Raises a ValueError for a
    window, layout or rendering that does not exist, a VolumeError for a rendering that means
    nothing for these values, a GridError for a place outside the volume.
    """
    subject = subject_of(volume, window, at)
    if level is not None and not isfinite(level):
        raise ValueError(f"a level is a number, not {level}")
    if level is None and surface:
        level = level_for_looking(volume)
    return Scene(
        subject=subject,
        cursor=subject.at,
        window=subject.first_window,
        inverted=subject.inverted,
        layout=check_layout(layout),
        level=level,
        body=BodyLook().render(_check_rendering(rendering, subject)),
    )


def _check_rendering(name: str | None, subject: Subject) -> str | None:
    chosen = None if name is None else parse_rendering(name)
    if chosen is not None:
        refuse_unfit(chosen, **subject.kind)
    return chosen


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _read_state(document: Mapping[str, Any]) -> dict[str, Any]:
    x, y, z = (float(mm) for mm in document["cursor"])
    centre, width = document["window"]
    level = document["level"]
    sights = {pane: _read_sight(document["sights"][pane]) for pane in PLANES}
    camera = document["camera"]
    return {
        "cursor": (x, y, z),
        "window": check_window((centre, width)),
        "inverted": bool(document["inverted"]),
        "layout": check_layout(document["layout"]),
        "sights": sights,
        "camera": Camera(
            float(camera["azimuth"]),
            float(camera["elevation"]),
            **asdict(_read_sight(camera)),
        ),
        "level": None if level is None else float(level),
        "body": BodyLook.from_json(document["body"]) if "body" in document else BodyLook(),
        "labels": bool(document["labels"]),
    }


def _read_sight(saved: Mapping[str, Any]) -> Sight:
    right, down = saved["pan"]
    return Sight(_zoomed(1.0, float(saved["zoom"])), (float(right), float(down)))


def _zoomed(zoom: float, factor: float) -> float:
    return min(max(zoom * factor, ZOOM_LIMITS[0]), ZOOM_LIMITS[1])
