"""The frames of an enhanced file, as the records of single slices (PS3.3 C.7.6.16)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from pydicom.dataset import Dataset

from volume.dicom import elements
from volume.dicom.encoding import Unreadable
from volume.dicom.header import Rescale, SliceHeader, Trait, Vector

GROUPS = (
    "FrameContentSequence PlanePositionSequence PlaneOrientationSequence PixelMeasuresSequence"
    " PixelValueTransformationSequence FrameVOILUTSequence MREchoSequence MRDiffusionSequence"
    " MRImageFrameTypeSequence CTImageFrameTypeSequence PETFrameTypeSequence"
    " MRTimingAndRelatedParametersSequence MRModifierSequence CardiacSynchronizationSequence"
    " CTXRayDetailsSequence CTReconstructionSequence TemporalPositionSequence"
    " RealWorldValueMappingSequence"
).split()
"""Functional groups that place a frame, scale it or tell it apart."""
TRAITS = {
    "TemporalPositionIndex": "TemporalPositionIndex",
    "TemporalPositionTimeOffset": "TemporalPositionTimeOffset",
    "DiffusionBValue": "DiffusionBValue",
    "EffectiveEchoTime": "EchoTime",
    "NominalCardiacTriggerDelayTime": "NominalCardiacTriggerDelayTime",
    "InversionTimes": "InversionTime",
    "FlipAngle": "FlipAngle",
    "KVP": "KVP",
    "ConvolutionKernel": "ConvolutionKernel",
    "FrameAcquisitionNumber": "AcquisitionNumber",
    "FrameAcquisitionDateTime": "AcquisitionDateTime",
}
"""Keyword in the functional groups: the name it has in a classic slice."""


def split(header: SliceHeader, data: Dataset) -> list[SliceHeader]:
    """Give one record a frame; a per-frame group stands before a shared one.

    Raises `Unreadable` where frames are declared that have no functional groups.
    """
    shared = _gather(elements.items(data, "SharedFunctionalGroupsSequence")[:1])
    per_frame = elements.items(data, "PerFrameFunctionalGroupsSequence")
    count = header.pixels.frames
    if per_frame and len(per_frame) != count:
        raise Unreadable(f"{count} frames are declared and {len(per_frame)} described")
    if not per_frame and not shared:
        raise Unreadable("the functional groups that place the frames are missing")
    return [
        _frame(header, {**shared, **_gather(per_frame[index : index + 1])}, index)
        for index in range(count)
    ]


def _gather(groups: list[Dataset]) -> dict[str, Dataset]:
    """Take the first item of every functional group of a frame."""
    return {
        keyword: items[0]
        for group in groups
        for keyword in GROUPS
        if (items := elements.items(group, keyword))
    }


def _frame(header: SliceHeader, groups: dict[str, Dataset], index: int) -> SliceHeader:
    empty = Dataset()
    measures = groups.get("PixelMeasuresSequence", empty)
    plane = groups.get("PlaneOrientationSequence", empty)
    place = groups.get("PlanePositionSequence", empty)
    voi = groups.get("FrameVOILUTSequence", empty)
    scaling = groups.get("PixelValueTransformationSequence", empty)
    return replace(
        header,
        frame=index,
        position=vector(elements.floats(place, "ImagePositionPatient", 3)) or header.position,
        orientation=directions(elements.floats(plane, "ImageOrientationPatient", 6))
        or header.orientation,
        pixel_spacing=spacing(elements.floats(measures, "PixelSpacing", 2)) or header.pixel_spacing,
        slice_thickness=_first(elements.hint(measures, "SliceThickness"), header.slice_thickness),
        spacing_between_slices=_first(
            elements.hint(measures, "SpacingBetweenSlices"), header.spacing_between_slices
        ),
        rescale=rescale(scaling, header.rescale.unit) or header.rescale,
        window=window(voi) or header.window,
        image_type=_frame_type(groups) or header.image_type,
        real_world=header.real_world or "RealWorldValueMappingSequence" in groups,
        traits={**header.traits, **dict(_traits(groups))},
    )


def _frame_type(groups: dict[str, Dataset]) -> tuple[str, ...]:
    found = (elements.texts(group, "FrameType") for group in groups.values())
    return next(filter(None, found), ())


def _traits(groups: dict[str, Dataset]) -> Iterator[tuple[str, Trait]]:
    for group in groups.values():
        nested = elements.items(group, "DiffusionGradientDirectionSequence")
        for data in chain([group], nested):
            gradient = trait(data, "DiffusionGradientOrientation")
            if gradient != "":
                yield "DiffusionGradientOrientation", gradient
        for keyword, name in TRAITS.items():
            found = trait(group, keyword)
            if found != "":
                yield name, found


def trait(data: Dataset, keyword: str) -> Trait:
    """Read a value that can be compared: a number, numbers or a text; absent is ""."""
    found = elements.values(data, keyword)
    if not found:
        return ""
    try:
        numbers = tuple(float(value) for value in found)
    except ValueError:
        return "\\".join(map(str, found))
    if not all(math.isfinite(number) for number in numbers):
        return "\\".join(map(str, found))
    return numbers[0] if len(numbers) == 1 else numbers


def vector(numbers: tuple[float, ...] | None) -> Vector | None:
    """Take three numbers for a place."""
    return None if numbers is None else (numbers[0], numbers[1], numbers[2])


def directions(numbers: tuple[float, ...] | None) -> tuple[Vector, Vector] | None:
    """Take six cosines for the directions of a row and of a column."""
    if numbers is None:
        return None
    x, y, z, u, v, w = numbers
    return (x, y, z), (u, v, w)


def spacing(numbers: tuple[float, ...] | None) -> tuple[float, float] | None:
    """Take the spacing between rows and between columns; it must be positive."""
    if numbers is None:
        return None
    if min(numbers) <= 0:
        raise Unreadable(f"PixelSpacing must be positive, not {numbers[0]:g}, {numbers[1]:g}")
    return numbers[0], numbers[1]


def rescale(data: Dataset, unit: str = "") -> Rescale | None:
    """Read slope, intercept and unit, or None where neither number is there.

    Raises `Unreadable` where a number is there that is none, or the slope is zero.
    """
    slope = elements.floats(data, "RescaleSlope", 1)
    intercept = elements.floats(data, "RescaleIntercept", 1)
    if slope is None and intercept is None:
        return Rescale(unit=unit) if unit else None
    declared = (slope is not None) + (intercept is not None)
    slope = slope or (1.0,)
    if slope[0] == 0:
        raise Unreadable("RescaleSlope is zero")
    unit = elements.text(data, "RescaleType") or unit
    return Rescale(slope[0], (intercept or (0.0,))[0], unit, declared)


def window(data: Dataset) -> tuple[float, float] | None:
    """Read the first window as (centre, width), where there is a sound one."""
    centre, width = elements.hint(data, "WindowCenter"), elements.hint(data, "WindowWidth")
    if centre is None or width is None or width < 1:
        return None
    return centre, width


def _first(*found: float | None) -> float | None:
    return next((value for value in found if value is not None), None)
