"""The box that cuts the volume in the 3D pane: its handles, and what dragging one does; no VTK.

A face is (axis, end): axis 0, 1, 2 is x, y, z, end 0 the lesser side, 1 the greater.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import hypot

import numpy as np
from numpy.typing import NDArray

from volume.geometry import Geometry
from volume.viewer.body_look import Box
from volume.viewer.eye import Eye, box_of, look
from volume.viewer.layout import Rect
from volume.viewer.scene import Scene

Face = tuple[int, int]

REACH = 9
"""A press so many pixels beside a handle still takes hold of it."""
THINNEST_MM = 1.0
"""A box cannot be pressed thinner than this."""
SLANT = 0.15
"""Where a face moves towards the eye, less than this part of its way is seen; then it goes by
the hand's way up, as if seen from the side."""


def whole(geometry: Geometry) -> Box:
    """Give the box round the whole volume."""
    corners = box_of(geometry)
    x, y, z = zip(corners.min(axis=0).tolist(), corners.max(axis=0).tolist(), strict=True)
    return (*x, *y, *z)


def faces() -> Iterator[Face]:
    """Name the six faces."""
    return product(range(3), range(2))


def middle_of(box: Box, face: Face) -> NDArray[np.float64]:
    """Give the (3,) middle of a face in mm LPS: there its handle is."""
    axis, end = face
    place = np.reshape(box, (3, 2)).mean(axis=1)
    place[axis] = box[2 * axis + end]
    return place


def handle_at(scene: Scene, rect: Rect, x: float, y: float) -> Face | None:
    """Say which face's handle lies at a pixel of the display; of several the nearest to the eye."""
    box = scene.body.clip
    if box is None or not scene.labels:
        return None
    eye = look(scene.camera, scene.subject.geometry, rect)
    near = []
    for face in faces():
        place = middle_of(box, face)
        across, up = eye.to_display(place)
        if hypot(across - x, up - y) <= REACH:
            near.append((float(np.linalg.norm(place - eye.position)), face))
    return min(near)[1] if near else None


def drag(scene: Scene, rect: Rect, face: Face, right: float, up: float) -> Box:
    """Give the box after its face has followed the hand by so many pixels.

    A face stays before its opposite, and no farther out than the volume reaches.
    """
    box = scene.body.clip or whole(scene.subject.geometry)
    axis, end = face
    eye = look(scene.camera, scene.subject.geometry, rect)
    sides = list(box)
    at, limit = 2 * axis + end, whole(scene.subject.geometry)[2 * axis + end]
    moved = sides[at] + _along(eye, middle_of(box, face), axis, right, up)
    if end:
        sides[at] = min(max(moved, sides[at - 1] + THINNEST_MM), max(limit, sides[at]))
    else:
        sides[at] = max(min(moved, sides[at + 1] - THINNEST_MM), min(limit, sides[at]))
    x0, x1, y0, y1, z0, z1 = sides
    return x0, x1, y0, y1, z0, z1


def _along(eye: Eye, place: NDArray[np.float64], axis: int, right: float, up: float) -> float:
    """Say how many mm along an axis a place at the hand moves."""
    step = np.eye(3)[axis]
    seen = np.subtract(eye.to_display(place + step), eye.to_display(place))
    if hypot(*seen) * eye.mm_per_pixel < SLANT:
        towards_eye = (eye.position - eye.target) @ step > 0
        return up * eye.mm_per_pixel * (-1 if towards_eye else 1)
    return float(np.dot(seen, (right, up)) / np.dot(seen, seen))
