"""Enhanced US volumes: frames that lie in the transducer's space, not the patient's."""

from __future__ import annotations

from dataclasses import replace

from volume.dicom import elements, frames, image_plane
from volume.dicom.data_set import DataSet
from volume.dicom.header import SliceHeader

ASSUMED = (
    "its place in the patient is not known: it lies in a frame of reference of its own,"
    " and left, front and up are that frame's"
)


def split(header: SliceHeader, data: DataSet) -> list[SliceHeader]:
    """Give one record a frame, placed in the patient where every frame is, else in the volume.

    PS3.3 C.7.6.16.2.3 (patient), C.7.6.16.2.21 and C.7.6.16.2.22 (volume).
    """
    slices = frames.split(header, data)
    if all(one.position and one.orientation for one in slices):
        return slices
    shared = elements.items(data, "SharedFunctionalGroupsSequence")[:1]
    per_frame = elements.items(data, "PerFrameFunctionalGroupsSequence")
    uid = elements.text(data, "VolumeFrameOfReferenceUID")
    return [_placed(one, [*per_frame[one.frame : one.frame + 1], *shared], uid) for one in slices]


def _placed(header: SliceHeader, groups: list[DataSet], uid: str) -> SliceHeader:
    """Place a frame by its own functional groups, else by the shared ones."""
    place = _first(groups, "PlanePositionVolumeSequence")
    plane = _first(groups, "PlaneOrientationVolumeSequence")
    return replace(
        header,
        position=image_plane.position(place, "ImagePositionVolume"),
        orientation=image_plane.orientation(plane, "ImageOrientationVolume"),
        frame_of_reference_uid=uid,
        assumed=(ASSUMED,),
    )


def _first(groups: list[DataSet], keyword: str) -> DataSet:
    found = (elements.items(group, keyword) for group in groups)
    return next((items[0] for items in found if items), {})
