"""Where the eye of the 3D pane stands, and what it sees where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from volume.geometry import Geometry
from volume.viewer.layout import Rect

if TYPE_CHECKING:
    from volume.viewer.sight import Camera

VIEW_ANGLE = 30.0
"""Degrees from the bottom to the top of the pane."""
ROOM = 1.03
"""The eye keeps this much more distance than the volume's box needs."""


@dataclass(frozen=True, eq=False)
class Eye:
    """A perspective view; places and directions are (3,) in LPS, mm."""

    rect: Rect
    position: NDArray[np.float64]
    target: NDArray[np.float64]
    up: NDArray[np.float64]
    right: NDArray[np.float64]

    @property
    def distance(self) -> float:
        """From the eye to its target, in mm."""
        return float(np.linalg.norm(self.position - self.target))

    @property
    def pixels_per_slope(self) -> float:
        """How far from the pane's middle a ray of slope 1 meets it, in pixels."""
        return float(self.rect.height / 2 / np.tan(np.radians(VIEW_ANGLE / 2)))

    @property
    def mm_per_pixel(self) -> float:
        """The size of a pixel at the target."""
        return self.distance / self.pixels_per_slope

    def to_display(self, place: ArrayLike) -> tuple[float, float]:
        """Map a (3,) place in mm LPS to (x, y) pixels of the display."""
        ray = np.asarray(place, dtype=np.float64) - self.position
        depth = ray @ (self.target - self.position) / self.distance
        x, y = self.rect.middle
        scale = self.pixels_per_slope / depth
        return float(x - 0.5 + ray @ self.right * scale), float(y - 0.5 + ray @ self.up * scale)


def look(camera: Camera, geometry: Geometry, rect: Rect) -> Eye:
    """Place the eye: in front of the patient and level, unless turned; the head is up."""
    middle = geometry.centre
    around, above = np.radians(camera.azimuth), np.radians(camera.elevation)
    outward = np.array([np.sin(around), -np.cos(around), 0.0])
    head = np.array([0.0, 0.0, 1.0])
    towards_eye = np.cos(above) * outward + np.sin(above) * head
    up = np.cos(above) * head - np.sin(above) * outward
    right = np.cross(up, towards_eye)
    target = middle - camera.pan[0] * right + camera.pan[1] * up
    position = target + towards_eye * (_fitting_distance(geometry, rect, above) / camera.zoom)
    return Eye(rect, position, target, up, right)


def box_of(geometry: Geometry) -> NDArray[np.float64]:
    """Give the (8, 3) corners of the volume's outermost voxels; bits 2, 1, 0 are i, j, k."""
    ends = np.array(np.meshgrid(*[(0, 1)] * 3, indexing="ij")).reshape(3, 8).T
    return geometry.to_world(ends * np.array(geometry.size) - 0.5)


def _fitting_distance(geometry: Geometry, rect: Rect, above: float) -> float:
    """Stand where the volume's box fits the pane, however it is turned about the head's axis.

    So it keeps its size while it turns. `above` is the elevation in radians. Each corner
    goes round in a circle: its nearest and its farthest point reach furthest up or down,
    one between them furthest across.
    """
    x, y, z = (box_of(geometry) - geometry.centre).T
    radius = np.hypot(x, y)
    slope = np.tan(np.radians(VIEW_ANGLE / 2))
    sine, cosine = np.sin(above), np.cos(above)
    across = z * sine + radius * np.hypot(cosine, rect.height / rect.width / slope)
    upright = [
        z * sine + side * cosine + np.abs(z * cosine - side * sine) / slope
        for side in (radius, -radius)
    ]
    return float(ROOM * np.max([across, *upright]))
