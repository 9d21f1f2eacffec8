"""Frames that no functional group places: one position for all of them (PS3.3 C.7.6.6).

Only the first frame says where it lies. Where the file says how far one is from the next, and
nothing says that the frames are a film, the others are assumed to follow along the normal.
"""

from __future__ import annotations

from collections.abc import Sequence

from volume.dicom import elements, image_plane
from volume.dicom.data_set import DataSet
from volume.dicom.encoding import Unreadable
from volume.dicom.header import SliceHeader, changed
from volume.dicom.plane_offsets import Offsets, read_offsets

FILM = {
    0x00181063: "Frame Time",
    0x00181065: "Frame Time Vector",
    0x00540010: "Energy Window Vector",
    0x00540020: "Detector Vector",
    0x00540030: "Phase Vector",
    0x00540050: "Rotation Vector",
    0x00540060: "RR Interval Vector",
    0x00540070: "Time Slot Vector",
    0x00540090: "Angular View Vector",
    0x00540100: "Time Slice Vector",
}
"""What Frame Increment Pointer may name that is no place (PS3.3 C.7.6.6, C.8.4.8)."""
OFFSETS = 0x3004000C
"""Grid Frame Offset Vector: where the planes lie along the normal (PS3.3 C.8.8.3.2)."""


def lacks_groups(data: DataSet) -> bool:
    """Say whether a file has no functional group at all."""
    return not (
        elements.items(data, "SharedFunctionalGroupsSequence")
        or elements.items(data, "PerFrameFunctionalGroupsSequence")
    )


def follow(header: SliceHeader, data: DataSet) -> list[SliceHeader]:
    """Give one record a frame, each as far behind the one before as the file says.

    Raises `Unreadable` where the frames are a film, or an attribute that would place them is
    missing.
    """
    count = header.pixels.frames
    _refuse_unplaced(header, count)
    if count == 1:
        return [header]
    pointers = elements.tags(data, "FrameIncrementPointer")
    _refuse_film(data, pointers, count)
    offsets, assumed = read_offsets(header, data) or _evenly(header, count)
    return [
        changed(
            header,
            frame=index,
            position=image_plane.moved(header.position, header.orientation, offset),
            assumed=assumed,
        )
        for index, offset in enumerate(offsets)
    ]


def _refuse_unplaced(header: SliceHeader, count: int) -> None:
    lacking = {
        "Image Position (Patient)": header.position,
        "Image Orientation (Patient)": header.orientation,
        "Pixel Spacing": header.pixel_spacing,
    }
    for name, value in lacking.items():
        if value is None:
            raise Unreadable(f"{_many(count)} and no {name}: nothing says where they lie", NO_STACK)


NO_STACK = "not-a-stack"


def _many(count: int) -> str:
    return f"{count} frame{'s' * (count > 1)} without functional groups"


def _refuse_film(data: DataSet, pointers: Sequence[int], count: int) -> None:
    """Refuse frames that follow one another in time, or in what nobody can tell."""
    named = [tag for tag in pointers if tag in FILM]
    if not pointers:
        named = [tag for tag in FILM if tag >> 16 == 0x18 and elements.values(data, KEYWORDS[tag])]
    if named:
        what = FILM[named[0]]
        text = f"{count} frames that follow one another in time ({what}): a film, not a volume"
        raise Unreadable(text, "time-series-2d")
    unknown = [tag for tag in pointers if tag != OFFSETS]
    if unknown:
        tag = f"({unknown[0] >> 16:04X},{unknown[0] & 0xFFFF:04X})"
        raise Unreadable(f"{_many(count)}, told apart by {tag}: not known as a place", NO_STACK)


KEYWORDS = {0x00181063: "FrameTime", 0x00181065: "FrameTimeVector"}


def _evenly(header: SliceHeader, count: int) -> Offsets:
    """Put the frames one behind the other, as far apart as the file says, and say so."""
    spacing, name = _spacing(header, count)
    assumed = (
        f"of {count} frames only the first is placed: the others are assumed to follow along the"
        f" normal, {spacing:.4g} mm from one to the next ({name})"
    )
    return [index * spacing for index in range(count)], (assumed,)


def _spacing(header: SliceHeader, count: int) -> tuple[float, str]:
    """Read how far the frames are apart: Spacing Between Slices, else their thickness."""
    for value, name in (
        (header.spacing_between_slices, "Spacing Between Slices"),
        (header.slice_thickness, "Slice Thickness"),
    ):
        if value is not None and not 0 < value < elements.PLAUSIBLE:
            raise Unreadable(f"{name} of {count} frames is {value:g}: no spacing", NO_STACK)
        if value is not None:
            return value, name
    raise Unreadable(
        f"{_many(count)}, and neither Spacing Between Slices nor Slice Thickness:"
        " how far they are apart is not said",
        NO_STACK,
    )
