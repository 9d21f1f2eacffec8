"""Grid Frame Offset Vector: how far the planes of a file lie from the first (PS3.3 C.8.8.3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from volume.dicom import elements, image_plane
from volume.dicom.data_set import DataSet
from volume.dicom.encoding import Unreadable
from volume.dicom.header import SliceHeader

SAME_MM = 0.01
"""An offset this close to zero, or to the first plane's own z, is meant to be it."""
TRANSVERSE = 0.9999
"""Planes whose normal is the patient's z axis, to within a degree."""
ORDER = "the offsets of its planes (Grid Frame Offset Vector)"

Offsets = tuple[list[float], tuple[str, ...]]


def read_offsets(header: SliceHeader, data: DataSet) -> Offsets | None:
    """Give how far each plane lies from the first along the normal, in mm, and what was assumed.

    Offsets begin with zero and count along row x column; or, where the rows run along x and
    the columns along y, they begin with the z of the first plane and are z coordinates. Some
    planning systems write z coordinates of a prone patient too; along a normal that points up
    these mean one thing. Along one that points down they mean two, and are refused. None where
    there are no offsets.
    """
    offsets = elements.floats(data, "GridFrameOffsetVector", header.pixels.frames)
    if offsets is None:
        return None
    _refuse_disorder(offsets)
    if abs(offsets[0]) <= SAME_MM:
        return list(offsets), ()
    return _from_coordinates(header, offsets)


def _refuse_disorder(offsets: Sequence[float]) -> None:
    steps = [b - a for a, b in pairwise(offsets)]
    if not (all(step > 0 for step in steps) or all(step < 0 for step in steps)):
        raise Unreadable(f"{ORDER} go neither up nor down from plane to plane")


def _from_coordinates(header: SliceHeader, offsets: Sequence[float]) -> Offsets:
    """Take offsets for z coordinates, where they can be."""
    if header.position is None or header.orientation is None:
        return [0.0] * len(offsets), ()  # no plane can be placed
    z, normal = header.position[2], image_plane.normal(header.orientation)
    if abs(offsets[0] - z) > SAME_MM:
        raise Unreadable(
            f"{ORDER} begin with {offsets[0]:g}: neither 0 nor {z:g}, the z of the first plane"
        )
    if normal[2] < TRANSVERSE:
        raise Unreadable(
            f"{ORDER} are z coordinates, and its planes do not face along z: where they lie"
            " is not said"
        )
    rows, columns = header.orientation
    if rows[0] >= TRANSVERSE and columns[1] >= TRANSVERSE:
        assumed: tuple[str, ...] = ()
    else:
        assumed = (f"{ORDER} are taken for z coordinates, though its rows do not run along x",)
    return [offset - offsets[0] for offset in offsets], assumed
