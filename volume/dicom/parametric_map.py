"""Parametric maps: frames whose stored values mean something through a mapping alone.

PS3.3 A.75 (the object), C.7.6.16.2.11 (the mapping: real = slope x stored + intercept, in a unit).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from volume.dicom import elements, frames, image_plane
from volume.dicom.data_set import DataSet
from volume.dicom.encoding import Unreadable
from volume.dicom.header import Rescale, SliceHeader, Trait
from volume.dicom.ucum import read_unit

BELOW = 1e30
"""A slope of a map may be of any size that float32 has room for."""


@dataclass(frozen=True)
class Mapping:
    """Stored value to real value, for stored values from `first` to `last`."""

    slope: float
    intercept: float
    unit: str
    first: float | None
    last: float | None
    label: Trait

    @property
    def meaning(self) -> tuple[float, float, str]:
        """What has to be the same for two mappings to say the same."""
        return self.slope, self.intercept, self.unit


def split(header: SliceHeader, data: DataSet) -> list[SliceHeader]:
    """Give one record a frame, its mapping in the place of a rescale.

    Raises `Unreadable` where a frame has several mappings that differ, or one by a table.
    """
    shared = elements.items(data, "SharedFunctionalGroupsSequence")[:1]
    per_frame = elements.items(data, "PerFrameFunctionalGroupsSequence")
    return [
        _mapped(one, _mapping([*per_frame[one.frame : one.frame + 1], *shared], header))
        for one in frames.split(header, data)
    ]


def _mapped(header: SliceHeader, mapping: Mapping | None) -> SliceHeader:
    if mapping is None:
        unit = "HU" if header.rescale.unit == "HU" else ""  # of free text nothing is kept
        rescale = replace(header.rescale, unit=unit)
        modality = _modality(header, unit)
        return replace(header, modality=modality, rescale=rescale, real_world=False)
    limits = (mapping.first, mapping.last)
    known = {"LUTLabel": mapping.label, "MeasurementUnits": mapping.unit}
    return replace(
        header,
        modality=_modality(header, mapping.unit),
        rescale=Rescale(mapping.slope, mapping.intercept, mapping.unit, declared=2),
        lut=None,
        window=_window(header, mapping),
        real_world=True,
        mapped=None if limits[0] is None or limits[1] is None else (limits[0], limits[1]),
        traits={**header.traits, **{name: value for name, value in known.items() if value}},
    )


def _window(header: SliceHeader, mapping: Mapping) -> tuple[float, float] | None:
    """Put the window, which is of stored values, among the real ones."""
    if header.window is None:
        return None
    centre, width = header.window
    return mapping.slope * centre + mapping.intercept, abs(mapping.slope) * width


def _modality(header: SliceHeader, unit: str) -> str:
    """Keep values without a unit from being taken for a CT's."""
    return "OT" if header.modality == "CT" and not unit else header.modality


def _mapping(groups: Sequence[DataSet], header: SliceHeader) -> Mapping | None:
    """Read the mapping of a frame: its own, else the one that all share."""
    found = (elements.items(group, "RealWorldValueMappingSequence") for group in groups)
    items = next(filter(None, found), ())
    mappings = [_read(item, header) for item in items]
    if len({mapping.meaning for mapping in mappings}) > 1:
        raise Unreadable(
            f"{len(mappings)} real world value mappings of one frame say different things:"
            " which of them is meant is not said",
            "not-supported-yet",
        )
    return mappings[0] if mappings else None


def _read(item: DataSet, header: SliceHeader) -> Mapping:
    slope = elements.floats(item, "RealWorldValueSlope", 1, below=BELOW)
    intercept = elements.floats(item, "RealWorldValueIntercept", 1, below=BELOW)
    if slope is None or intercept is None:
        raise Unreadable(
            "a real world value mapping without slope and intercept: tables are not handled",
            "not-supported-yet",
        )
    image_plane.refuse_vanishing("RealWorldValueSlope", slope[0])
    signed = header.pixels.signed and not header.pixels.floating
    units = elements.items(item, "MeasurementUnitsCodeSequence")[:1]
    unit = [
        read_unit(elements.text(one, "CodeValue"), elements.text(one, "CodingSchemeDesignator"))
        for one in units
    ]
    return Mapping(
        slope[0],
        intercept[0],
        "".join(unit),
        _limit(item, "First", signed=signed),
        _limit(item, "Last", signed=signed),
        elements.text(item, "LUTLabel"),
    )


def _limit(item: DataSet, which: str, *, signed: bool) -> float | None:
    """Read the first or last stored value that is mapped, as a double or as a whole number."""
    double = elements.hint(item, f"DoubleFloatRealWorldValue{which}ValueMapped")
    if double is not None:
        return double
    whole = elements.hint(item, f"RealWorldValue{which}ValueMapped")
    if whole is None:
        return None
    return whole - 65536 if signed and whole > 32767 else whole
