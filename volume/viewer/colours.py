"""The viewer's colours, as (red, green, blue) from 0 to 1."""

from __future__ import annotations

from collections.abc import Mapping

Colour = tuple[float, float, float]

IMAGE = (0.0, 0.0, 0.0)
SPACE = (0.055, 0.065, 0.08)
"""Behind the surface, a little lighter than behind the images."""
SEAM = (0.17, 0.18, 0.2)
STRIP = (0.1, 0.11, 0.13)
CARD = (0.12, 0.135, 0.16)
TEXT = (0.86, 0.87, 0.88)
FAINT = (0.55, 0.58, 0.62)
OUTLINE = (0.26, 0.29, 0.33)
CLIP = (0.95, 0.72, 0.28)
"""The clipping box and its handles."""

PLANE: Mapping[str, Colour] = {
    "axial": (0.95, 0.45, 0.38),
    "coronal": (0.5, 0.78, 0.42),
    "sagittal": (0.93, 0.8, 0.36),
    "3d": (0.5, 0.68, 0.9),
}
"""3D Slicer's red, green and yellow, softened; a crosshair's lines have their plane's colour."""

MARK = (0.45, 0.86, 0.93)
CHOSEN = (1.0, 0.66, 0.3)
"""Measurements, and the one that is selected."""

BANNER: Mapping[str, Colour] = {"warning": (0.42, 0.3, 0.05), "error": (0.5, 0.12, 0.1)}

BONE = (0.92, 0.87, 0.76)
FLESH = (0.8, 0.66, 0.58)
MESHES: tuple[Colour, ...] = (
    (0.86, 0.55, 0.36),
    (0.42, 0.66, 0.84),
    (0.58, 0.78, 0.5),
    (0.85, 0.75, 0.4),
    (0.72, 0.56, 0.82),
)
"""Meshes on top take these in turn."""
