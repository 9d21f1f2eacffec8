"""What a hand that holds a button does while it moves, each deed on the scene; no toolkit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.typing import NDArray

from volume.processing.planes import PLANES
from volume.viewer.crosshair import held_arm, middle_of, turned_by
from volume.viewer.eye import look
from volume.viewer.layout import Rect
from volume.viewer.marks import Grip, grip_at
from volume.viewer.projection import project_pane
from volume.viewer.scene import Scene

ZOOM_DRAG = 1 / 150
"""Dragging up by 100 pixels almost doubles."""
DEGREES_PER_PIXEL = 0.5

Spot = tuple[float, float]


@dataclass
class Hold:
    """A button held down: where it went down, and what the drag does.

    `began` says that the press put down the first point of a measurement; `grip` what of a
    measurement it took hold of.
    """

    button: str
    pane: str
    deed: str
    start: Spot
    last: Spot
    before: Scene
    began: bool = False
    grip: Grip | None = None
    moved: bool = False
    dead: bool = False


def choose_deed(
    scene: Scene, pane: str, rect: Rect, font: float, button: str, at: Spot, *, shift: bool
) -> str:
    """Say what a drag that begins with this press does."""
    if button == "right":
        return "zoom"
    if button == "middle" or shift:
        return "pan"
    if pane not in PLANES:
        return "turn"
    if scene.measurements.tool is not None:
        return "draw"
    projection = project_pane(scene, pane, rect)
    if grip_at(scene, pane, projection, at) is not None:
        return "carry"
    return "twist" if held_arm(scene, pane, projection, font, at) is not None else "window"


def drag(scene: Scene, hold: Hold, rect: Rect, to: Spot) -> Scene:
    """Do what the held button does, from where the hand was last to where it is."""
    return DRAGS[hold.deed](scene, hold, rect, to)


def mm_per_pixel(scene: Scene, pane: str, rect: Rect) -> float:
    """Say how large a pixel of a pane is in the patient."""
    if pane == "3d":
        return look(scene.camera, scene.subject.geometry, rect).mm_per_pixel
    return 1 / project_pane(scene, pane, rect).scale


def place_at(scene: Scene, pane: str, rect: Rect, at: Spot) -> NDArray[np.float64]:
    """Give the place under the pointer in mm LPS: on the layer that the pane shows."""
    return project_pane(scene, pane, rect).to_world(*at, scene.layer(pane))


def point_draft(scene: Scene, pane: str, rect: Rect, at: Spot) -> Scene:
    """Have what is being drawn follow the pointer, on its own layer."""
    draft = scene.measurements.draft
    if draft is None or draft.plane != pane:
        return scene
    projection = project_pane(scene, pane, rect)
    layer = float(projection.grid.to_index(draft.points[0])[2])
    return scene.measure(scene.measurements.point(projection.to_world(*at, layer)))


def _window(scene: Scene, hold: Hold, _rect: Rect, to: Spot) -> Scene:
    return scene.drag_window(to[0] - hold.last[0], to[1] - hold.last[1])


def _pan(scene: Scene, hold: Hold, rect: Rect, to: Spot) -> Scene:
    scale = mm_per_pixel(scene, hold.pane, rect)
    right, up = to[0] - hold.last[0], to[1] - hold.last[1]
    return scene.pan(hold.pane, right * scale, -up * scale)


def _zoom(scene: Scene, hold: Hold, rect: Rect, to: Spot) -> Scene:
    is_plane = hold.pane in PLANES
    around = project_pane(scene, hold.pane, rect).to_plane(*hold.start) if is_plane else None
    return scene.zoom(hold.pane, exp((to[1] - hold.last[1]) * ZOOM_DRAG), around)


def _turn(scene: Scene, hold: Hold, _rect: Rect, to: Spot) -> Scene:
    right, up = to[0] - hold.last[0], to[1] - hold.last[1]
    return scene.turn(right * DEGREES_PER_PIXEL, up * DEGREES_PER_PIXEL)


def _twist(scene: Scene, hold: Hold, rect: Rect, to: Spot) -> Scene:
    """Turn the crosshair after the hand."""
    middle = middle_of(scene, project_pane(scene, hold.pane, rect))
    return scene.turn_planes(hold.pane, turned_by(middle, hold.last, to))


def _draw(scene: Scene, hold: Hold, rect: Rect, to: Spot) -> Scene:
    return point_draft(scene, hold.pane, rect, to)


def _carry(scene: Scene, hold: Hold, rect: Rect, to: Spot) -> Scene:
    """Move a point of a measurement, or the whole."""
    grip, grid = hold.grip, scene.grid(hold.pane)
    if grip is None:
        return scene
    projection = project_pane(scene, hold.pane, rect)
    item = scene.measurements.items[grip.number]
    before, now = (np.array([*projection.to_plane(*spot), 0.0]) for spot in (hold.last, to))
    by = grid.direction @ (now - before)
    moved = (
        item.moved(by)
        if grip.point is None
        else item.with_point(grip.point, np.add(item.points[grip.point], by))
    )
    first = scene.measurements.items == hold.before.measurements.items
    return scene.measure(scene.measurements.replace_item(grip.number, moved, undoable=first))


DRAGS: Mapping[str, Callable[[Scene, Hold, Rect, Spot], Scene]] = {
    "window": _window,
    "pan": _pan,
    "zoom": _zoom,
    "turn": _turn,
    "twist": _twist,
    "draw": _draw,
    "carry": _carry,
}
