"""What a hand that holds a button does while it moves, each deed on the scene; no toolkit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import exp

import numpy as np
from numpy.typing import NDArray

from volume.processing.plane_grid import PLANES
from volume.viewer.clip_box import Face, handle_at
from volume.viewer.clip_box import drag as drag_face
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
    measurement it took hold of, `face` which of the clipping box.
    """

    button: str
    pane: str
    deed: str
    start: Spot
    last: Spot
    before: Scene
    began: bool = False
    grip: Grip | None = None
    face: Face | None = None
    moved: bool = False
    dead: bool = False


def take(
    scene: Scene,
    pane: str,
    rect: Rect,
    font: float,
    button: str,
    at: Spot,
    *,
    shift: bool = False,
    ctrl: bool = False,
) -> Hold:
    """Say what a drag that begins with this press does."""
    hold = Hold(button, pane, "zoom", at, at, scene)
    if button == "right":
        return hold
    if button == "middle" or shift:
        return replace(hold, deed="pan")
    if pane not in PLANES:
        return _take_body(hold, rect, ctrl=ctrl)
    return _take_plane(hold, rect, font)


def _take_body(hold: Hold, rect: Rect, *, ctrl: bool) -> Hold:
    """Take hold of the clipping box, of the curve, or of the patient."""
    face = handle_at(hold.before, rect, *hold.start)
    if face is not None:
        return replace(hold, deed="clip", face=face)
    return replace(hold, deed="shift" if ctrl else "turn")


def _take_plane(hold: Hold, rect: Rect, font: float) -> Hold:
    """Take hold of a tool, a measurement, a line's end, or the window."""
    scene = hold.before
    if scene.measurements.tool is not None:
        return replace(hold, deed="draw")
    projection = project_pane(scene, hold.pane, rect)
    grip = grip_at(scene, hold.pane, projection, hold.start)
    if grip is not None:
        return replace(hold, deed="carry", grip=grip)
    arm = held_arm(scene, hold.pane, projection, font, hold.start)
    return replace(hold, deed="window" if arm is None else "twist")


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


def _shift(scene: Scene, hold: Hold, _rect: Rect, to: Spot) -> Scene:
    return scene.shift_rendering(to[0] - hold.last[0])


def _clip(scene: Scene, hold: Hold, rect: Rect, to: Spot) -> Scene:
    if hold.face is None:
        return scene
    right, up = to[0] - hold.last[0], to[1] - hold.last[1]
    return scene.set_clip(drag_face(scene, rect, hold.face, right, up))


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
    "shift": _shift,
    "clip": _clip,
    "twist": _twist,
    "draw": _draw,
    "carry": _carry,
}
