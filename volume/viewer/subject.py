"""The volume a scene looks at, as far as a scene has to know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from volume.geometry import Geometry
from volume.processing.plane_grid import PLANES, layer_at, plane_grid
from volume.processing.windows import (
    Window,
    check_window,
    full_window,
    parse_window,
    window_for,
)
from volume.viewer.words import banner_line

if TYPE_CHECKING:
    from volume.volume import Volume

INVERTED = ("PT", "NM")
"""Emission is read dark on white."""


@dataclass(frozen=True, eq=False)
class Subject:
    """What a scene has to know about the volume it looks at."""

    id: str
    geometry: Geometry
    unit: str
    is_hounsfield: bool
    is_colour: bool
    first_window: Window
    full_window: Window
    inverted: bool
    at: tuple[float, float, float]
    banner: str

    @property
    def kind(self) -> dict[str, bool]:
        """Say what renderings have to know of the values."""
        return {"is_hounsfield": self.is_hounsfield, "is_colour": self.is_colour}


def subject_of(volume: Volume, window: Window | str | None, at: ArrayLike | None) -> Subject:
    """Choose the first window and place; refuse a place that the volume does not reach."""
    geometry = volume.geometry
    first = parse_window(window) if isinstance(window, str) else window
    place = geometry.centre if at is None else np.asarray(at, dtype=np.float64)
    for plane in PLANES:
        layer_at(plane_grid(geometry, plane), place)
    if at is None:  # in the middle of voxels, not between them
        grid = plane_grid(geometry, "axial")
        place = grid.to_world(np.floor(grid.to_index(place) + 1e-6))
    return Subject(
        id=volume.id,
        geometry=geometry,
        unit=volume.unit,
        is_hounsfield=_may_be_hounsfield(volume),
        is_colour=volume.is_colour,
        first_window=window_for(volume) if first is None else check_window(first),
        full_window=full_window(volume),
        inverted=_is_shown_inverted(volume),
        at=(float(place[0]), float(place[1]), float(place[2])),
        banner=banner_line(volume.findings),
    )


def _may_be_hounsfield(volume: Volume) -> bool:
    """Say whether windows in HU mean something; a file without a unit has the benefit."""
    return volume.unit == "HU" or (not volume.unit and volume.modality in ("", "CT"))


def _is_shown_inverted(volume: Volume) -> bool:
    """Say whether low values are meant to be bright."""
    return volume.modality in INVERTED or any(
        finding.code == "monochrome1" for finding in volume.findings
    )
