"""How a pane shows its plane: millimetres of the patient to pixels of the display."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from volume.geometry import Geometry
from volume.processing.plane_grid import plane_grid
from volume.viewer.layout import Rect

if TYPE_CHECKING:
    from volume.viewer.scene import Scene

FILLED = 0.98
"""An image that fits takes this part of its pane."""


@dataclass(frozen=True, eq=False)
class Projection:
    """A plane's grid seen through a pane: one scale both ways, so that circles stay round.

    `grid` has the axes (column, row, layer); `centre` is the point (right, down) of the
    plane in the pane's middle, in mm from the middle of pixel [0, 0]; `scale` is in pixels
    a mm. Display coordinates count pixels from the lower left corner.
    """

    rect: Rect
    grid: Geometry
    centre: tuple[float, float]
    scale: float

    def to_plane(self, x: float, y: float) -> tuple[float, float]:
        """Map a pixel of the display to mm (right, down) on the plane."""
        middle_x, middle_y = self.rect.middle
        return (
            self.centre[0] + (x + 0.5 - middle_x) / self.scale,
            self.centre[1] - (y + 0.5 - middle_y) / self.scale,
        )

    def to_world(self, x: float, y: float, layer: float) -> NDArray[np.float64]:
        """Map a pixel of the display to its (3,) place on a layer, in mm LPS."""
        right, down = self.to_plane(x, y)
        return self.grid.to_world(
            (right / self.grid.spacing[0], down / self.grid.spacing[1], layer)
        )

    def to_display(self, place: ArrayLike) -> tuple[float, float]:
        """Map a (3,) place in mm LPS to (x, y) on the display, as counted by `to_plane`."""
        x, y = self.to_pixels(place)
        return float(x), float(y)

    def to_pixels(self, places: ArrayLike) -> NDArray[np.float64]:
        """Map (..., 3) places in mm LPS to (..., 2) pixels of the display."""
        offset = (self.grid.to_index(places) * self.grid.spacing)[..., :2] - self.centre
        return np.asarray(offset * (self.scale, -self.scale) + self.rect.middle - 0.5)


def project(
    rect: Rect,
    grid: Geometry,
    zoom: float = 1.0,
    pan: tuple[float, float] = (0.0, 0.0),
    fitted: Geometry | None = None,
) -> Projection:
    """Fit a plane into a pane, then zoom about its middle and pan by mm (right, down).

    A plane that turns keeps its scale: that of `fitted`, the plane as it was before.
    """
    whole = grid if fitted is None else fitted
    extent = np.array(whole.size[:2]) * whole.spacing[:2]
    fit = min(rect.width / extent[0], rect.height / extent[1]) * FILLED
    middle = (np.array(grid.size[:2]) - 1) / 2 * grid.spacing[:2]
    centre = float(middle[0] - pan[0]), float(middle[1] - pan[1])
    return Projection(rect, grid, centre, float(fit * zoom))


def project_pane(scene: Scene, pane: str, rect: Rect) -> Projection:
    """Give the projection of a plane's pane in a scene."""
    sight = scene.sights[pane]
    fitted = plane_grid(scene.subject.geometry, pane)
    return project(rect, scene.grid(pane), sight.zoom, sight.pan, fitted)
