"""The frames of an enhanced file, as the records of single slices (PS3.3 C.7.6.16)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from volume.dicom import elements, image_plane
from volume.dicom.data_set import DataSet
from volume.dicom.diffusion import with_diffusion
from volume.dicom.dimensions import volume_numbers
from volume.dicom.encoding import Unreadable
from volume.dicom.header import SliceHeader, Trait
from volume.dicom.philips import read_scaling

GROUPS = (
    "FrameContentSequence PlanePositionSequence PlaneOrientationSequence PixelMeasuresSequence"
    " PixelValueTransformationSequence FrameVOILUTSequence MREchoSequence MRDiffusionSequence"
    " MRImageFrameTypeSequence CTImageFrameTypeSequence PETFrameTypeSequence"
    " XRay3DFrameTypeSequence ImageDataTypeSequence"
    " MRTimingAndRelatedParametersSequence MRModifierSequence CardiacSynchronizationSequence"
    " CTXRayDetailsSequence CTReconstructionSequence TemporalPositionSequence"
    " RealWorldValueMappingSequence PhilipsFrameSequence"
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
    "StackID": "StackID",
    "DataType": "DataType",
}
"""Keyword in the functional groups: the name it has in a classic slice."""


DIMENSIONS = "DimensionIndexValues"
"""The trait that numbers volumes as the file's own dimensions do."""


def split(header: SliceHeader, data: DataSet) -> list[SliceHeader]:
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
    groups = [{**shared, **_gather(per_frame[index : index + 1])} for index in range(count)]
    framed = [_frame(header, own, index) for index, own in enumerate(groups)]
    numbers = volume_numbers(data, [own.get("FrameContentSequence", {}) for own in groups])
    return [
        one if number is None else replace(one, traits={**one.traits, DIMENSIONS: number})
        for one, number in zip(framed, numbers, strict=True)
    ]


def _gather(groups: Sequence[DataSet]) -> dict[str, DataSet]:
    """Take the first item of every functional group of a frame."""
    return {
        keyword: items[0]
        for group in groups
        for keyword in GROUPS
        if (items := elements.items(group, keyword))
    }


def _frame(header: SliceHeader, groups: dict[str, DataSet], index: int) -> SliceHeader:
    empty: DataSet = {}
    measures = groups.get("PixelMeasuresSequence", empty)
    plane = groups.get("PlaneOrientationSequence", empty)
    place = groups.get("PlanePositionSequence", empty)
    voi = groups.get("FrameVOILUTSequence", empty)
    scaling = groups.get("PixelValueTransformationSequence", empty)
    framed = replace(
        header,
        frame=index,
        position=image_plane.position(place) or header.position,
        orientation=image_plane.orientation(plane) or header.orientation,
        pixel_spacing=image_plane.pixel_spacing(measures) or header.pixel_spacing,
        slice_thickness=_first(elements.hint(measures, "SliceThickness"), header.slice_thickness),
        spacing_between_slices=_first(
            elements.hint(measures, "SpacingBetweenSlices"), header.spacing_between_slices
        ),
        rescale=image_plane.rescale(scaling, header.rescale.unit) or header.rescale,
        window=image_plane.window(voi) or header.window,
        image_type=_frame_type(groups) or header.image_type,
        real_world=header.real_world or "RealWorldValueMappingSequence" in groups,
        traits={**header.traits, **dict(_traits(groups))},
        philips=read_scaling(*groups.values()) or header.philips,
    )
    return with_diffusion(framed, *groups.values())


def _frame_type(groups: dict[str, DataSet]) -> tuple[str, ...]:
    found = (elements.texts(group, "FrameType") for group in groups.values())
    return next(filter(None, found), ())


def _traits(groups: dict[str, DataSet]) -> Iterator[tuple[str, Trait]]:
    for group in groups.values():
        nested = elements.items(group, "DiffusionGradientDirectionSequence")
        for data in chain([group], nested):
            gradient = image_plane.trait(data, "DiffusionGradientOrientation")
            if gradient != "":
                yield "DiffusionGradientOrientation", gradient
        for keyword, name in TRAITS.items():
            found = image_plane.trait(group, keyword)
            if found != "":
                yield name, found


def _first(*found: float | None) -> float | None:
    return next((value for value in found if value is not None), None)
