"""How panes look at what they show: zoomed, panned, turned; no VTK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from volume.processing.plane_grid import PLANES
from volume.viewer.saved_number import read_mm, read_number

ZOOM_LIMITS = (0.1, 60.0)


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


IN_FRONT = Camera()
"""In front of the patient, level, all in sight."""
FITTED: Mapping[str, Sight] = dict.fromkeys(PLANES, Sight())


def zoomed(zoom: float, factor: float) -> float:
    """Zoom further, as far as it goes."""
    return min(max(zoom * factor, ZOOM_LIMITS[0]), ZOOM_LIMITS[1])


def read_sight(saved: Mapping[str, Any]) -> Sight:
    """Read zoom and pan of a saved scene."""
    right, down = saved["pan"]
    zoom = zoomed(1.0, read_number(saved["zoom"]))
    return Sight(zoom, (read_mm(right), read_mm(down)))


def read_camera(saved: Mapping[str, Any]) -> Camera:
    """Read the camera of a saved scene."""
    sight = read_sight(saved)
    angles = read_number(saved["azimuth"]), read_number(saved["elevation"])
    return Camera(*angles, sight.zoom, sight.pan)
