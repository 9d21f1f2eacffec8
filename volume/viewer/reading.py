"""What measurements come to on a volume: mm, degrees, mm² and the values inside; no VTK window."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from volume.processing.planes import Plane, Reformatter
from volume.processing.region import Statistics, statistics
from volume.viewer.measurement import Measurement
from volume.viewer.words import number, safe
from volume.volume import Volume

INTERPOLATED = 2
"""What `Volume.valid` says of a voxel between slices."""
KEPT = 512
"""So many readings are remembered."""


@dataclass(frozen=True)
class Reading:
    """What one measurement comes to; None where its kind has no such number."""

    length: float | None = None
    angle: float | None = None
    area: float | None = None
    statistics: Statistics | None = None

    def lines(self, unit: str) -> list[str]:
        """Word it in a few short lines."""
        if self.length is not None:
            return [f"{self.length:.1f} mm"]
        if self.angle is not None:
            return [f"{self.angle:.1f}°"]
        if self.area is None:
            return []
        return [*_value_lines(self.statistics, unit), f"{number(self.area)} mm²"]


class Readings:
    """Reads measurements on one volume; keeps what it read."""

    def __init__(self, reformatter: Reformatter) -> None:
        self.reformatter = reformatter
        self.volume = reformatter.volume
        self.valid = _valid_of(self.volume)
        self._read: dict[Measurement, Reading] = {}
        self._cut: tuple[object, Plane] | None = None

    def of(self, item: Measurement) -> Reading:
        """Give what a measurement comes to."""
        if item not in self._read:
            if len(self._read) >= KEPT:
                self._read.clear()
            self._read[item] = self._measure(item)
        return self._read[item]

    def _measure(self, item: Measurement) -> Reading:
        region = item.region(self.volume.geometry)
        if region is None:
            return Reading(item.length, item.angle)
        values = statistics(
            self._plane_of(item), region, self.volume.geometry, self._invented(item)
        )
        return Reading(area=region.area, statistics=values)

    def _plane_of(self, item: Measurement) -> Plane:
        """Cut the volume's own values where a measurement lies, thin whatever the slab is."""
        place = item.points[0]
        layer = item.grid(self.volume.geometry).to_index(place)[2]
        key = item.plane, item.rotation, round(float(layer), 6)
        if self._cut is None or self._cut[0] != key:
            cut = self.reformatter.cut(item.plane, place, rotation=item.rotation)
            self._cut = key, cut
        return self._cut[1]

    def _invented(self, item: Measurement) -> NDArray[np.bool_] | None:
        if self.valid is None:
            return None
        cut = self.valid.cut(item.plane, item.points[0], rotation=item.rotation)
        return np.asarray(cut.array == INTERPOLATED)


def _value_lines(found: Statistics | None, unit: str) -> list[str]:
    if found is None:
        return []
    named = f" {safe(unit)}" if unit else ""
    lines = [
        f"mean {number(found.mean)}  sd {number(found.sd)}{named}",
        f"min {_own(found.least)}  max {_own(found.largest)}",
    ]
    if found.invented:
        lines.append(f"{found.invented} of {found.pixels} pixels interpolated")
    return lines


def _own(value: float) -> str:
    """Word a voxel's own value: a whole one as the probe line does."""
    return f"{value:.0f}" if value.is_integer() else number(value)


def _valid_of(volume: Volume) -> Reformatter | None:
    if volume.valid is None or not (volume.valid == INTERPOLATED).any():
        return None
    return Reformatter(replace(volume, array=volume.valid, valid=None), nearest=True)
