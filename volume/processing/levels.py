"""At which values a surface lies: a level, a range, or a tissue by its name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from volume.errors import SurfaceError
from volume.processing.crossing import Span
from volume.processing.presets import BONE_HU, PRESETS
from volume.volume import Volume


@dataclass(frozen=True)
class Wish:
    """The values that were asked for, one way or another."""

    level: float | None = None
    range: tuple[float, float] | None = None
    preset: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether nothing was asked for."""
        return self.level is None and self.range is None and self.preset is None


@dataclass(frozen=True)
class Chosen:
    """The values of a body, and what a report says of the choice."""

    span: Span
    told: Mapping[str, Any]


def choose(volume: Volume, wish: Wish) -> Chosen:
    """Choose the values, and see that the volume has some of them and not them alone."""
    given = [one for one in (wish.level, wish.range, wish.preset) if one is not None]
    if len(given) > 1:
        raise SurfaceError("a level, a range and a preset exclude each other")
    values = _Values.of(volume)
    if wish.range is not None:
        return _range(wish.range, values, volume.unit)
    if wish.preset is not None:
        return _preset(wish.preset, values, volume)
    if wish.level is not None:
        return _level(wish.level, values, volume.unit)
    if volume.modality != "CT" or volume.unit not in ("", "HU"):
        way = "choose one with {level=VALUE}"
        if not volume.modality:
            way += ", or take the values for labels with {labels}"
        raise SurfaceError(f"a surface needs a level; {values}", remedy=way)
    bone = _level(BONE_HU, values, volume.unit)
    return Chosen(bone.span, {**bone.told, **_assumed("bone", volume)})


def _assumed(tissue: str, volume: Volume) -> dict[str, Any]:
    """Say where nothing tells that the values are HU, as those of a tissue are."""
    if volume.modality and volume.unit:
        return {}
    return {"assumed": [f"the values are HU, as {tissue} needs: nothing says so"]}


@dataclass(frozen=True)
class _Values:
    """The least and the greatest value there are."""

    least: float
    greatest: float
    unit: str

    @classmethod
    def of(cls, volume: Volume) -> _Values:
        ends = (np.fmin.reduce, np.fmax.reduce)  # which pass over voxels that are no number
        least, greatest = (float(end(volume.array, axis=None)) for end in ends)
        return cls(least, greatest, volume.unit)

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"the values lie between {self.least:.6g} and {self.greatest:.6g}{unit}"


def _level(level: float, values: _Values, unit: str) -> Chosen:
    if not values.least < level <= values.greatest:
        raise SurfaceError(
            f"there is no surface at {_word(level, unit)}: {values}",
            remedy="choose one between them with {level=VALUE}",
        )
    return Chosen(Span(float(level)), {"level": float(level)})


def _range(wanted: tuple[float, float], values: _Values, unit: str) -> Chosen:
    low, high = (float(end) for end in wanted)
    if not low <= high:
        raise SurfaceError(
            f"a range runs from a lower to a higher value, not from {low:g} to {high:g}"
        )
    named = f"from {_word(low, unit)} to {_word(high, unit)}"
    low, high = _finite(low, values.least), _finite(high, values.greatest)
    if high < values.least or low > values.greatest:
        raise SurfaceError(
            f"no voxel has values {named}: {values}", remedy="choose others with {range=LO,HI}"
        )
    if low <= values.least and high >= values.greatest:
        raise SurfaceError(
            f"every voxel has values {named}: {values}", remedy="choose others with {range=LO,HI}"
        )
    return Chosen(Span(low, high), {"range": [low, high]})


def _finite(end: float, instead: float) -> float:
    """Let a range that is open at an end reach to the last value there is."""
    return instead if math.isinf(end) else end


def _preset(name: str, values: _Values, volume: Volume) -> Chosen:
    if name not in PRESETS:
        raise SurfaceError(f"there is no preset {name!r}, only {', '.join(PRESETS)}")
    refuse_other_modality(name, values, volume)
    low, high = PRESETS[name]
    told = {"preset": name, **_assumed(f"the preset {name}", volume)}
    found = _level(low, values, "HU") if math.isinf(high) else _range((low, high), values, "HU")
    return Chosen(found.span, {**found.told, **told})


def refuse_other_modality(name: str, values: _Values, volume: Volume) -> None:
    """Refuse a tissue's HU for values that are none."""
    if volume.modality in ("", "CT") and volume.unit in ("", "HU"):
        return
    what = " ".join(filter(None, (volume.modality, f"in {volume.unit}" if volume.unit else "")))
    raise SurfaceError(
        f"the preset {name} is for a CT in HU, and this is {what}; {values}",
        remedy="choose a level with {level=VALUE}",
    )


def _word(value: float, unit: str) -> str:
    return f"{value:.6g} {unit}".rstrip()
