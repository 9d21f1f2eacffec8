"""The dimensions of a multi-frame file: what its frames are numbered by (PS3.3 C.7.6.17)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from volume.dicom import elements, image_plane
from volume.dicom.data_set import DataSet

PLACES = frozenset({0x00200032, 0x00209056, 0x00209057, 0x00209113})
"""Image Position, Stack ID, In-Stack Position Number, Plane Position: where a frame lies."""


def volume_numbers(data: DataSet, contents: Sequence[DataSet]) -> list[float | None]:
    """Number what frames at one place differ by: 1 is the first; None where it is not told.

    `contents` has the Frame Content of every frame. Index values count from 1 along each
    dimension; those along which frames lie side by side are left out.
    """
    pointers = [_pointer(item) for item in elements.items(data, "DimensionIndexSequence")]
    others = [n for n, tag in enumerate(pointers) if tag not in PLACES]
    values = [_values(content) for content in contents]
    if not others or any(len(found) != len(pointers) for found in values):
        return [None] * len(contents)
    told = [tuple(found[n] for n in others) for found in values]
    number = {own: float(n) for n, own in enumerate(sorted(set(told)), start=1)}
    return [number[own] for own in told]


def _values(content: DataSet) -> tuple[float, ...]:
    found = image_plane.trait(content, "DimensionIndexValues")
    return found if isinstance(found, tuple) else (found,) if isinstance(found, float) else ()


def _pointer(item: DataSet) -> int:
    """Read the tag that a dimension counts; 0 where it is none."""
    element = elements.raw(item, "DimensionIndexPointer")
    if element is None or len(element.value) != 4:
        return 0
    group, number = struct.unpack(f"{'<' if element.little else '>'}2H", element.value)
    return int(group) << 16 | int(number)
