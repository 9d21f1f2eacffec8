"""Real values, made of each slice as soon as it is read and still in the processor's cache.

It is what `values.real_values` makes of all slices after all are read, for those of most CT and
MR: stored whole numbers of two bytes, to which a whole number is added. That the sums fit two
bytes again is known for sure when the last slice is read: where one does not fit, `DoesNotFitError`
ends the reading, and the way through `real_values` is gone from the beginning.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.assembly.values import (
    INT16,
    Air,
    Values,
    mark_padding,
    padding_mask,
    padding_value,
    rescale,
    values_told,
)
from volume.dicom.header import SliceHeader
from volume.dicom.pixels import common_type


class DoesNotFitError(ValueError):
    """A slice has a real value that takes more than two bytes."""


class InPassing:
    """Makes the real values of `slices`, one slice after the other, in any order.

    `marks` is whether the mask of what is padding is kept for all slices, in `memory` bytes at
    most, 0 being what is free.
    """

    def __init__(
        self, slices: Sequence[SliceHeader], padding: str, *, marks: bool, memory: int = 0
    ) -> None:
        self._slices = slices
        self._marks = marks
        self._memory = memory
        self._air = Air(slices, padding)
        self._ends = np.zeros((len(slices), 2), np.int64)
        self._outside: NDArray[np.bool_] | None = None
        self._own = threading.local()

    def begin(self) -> None:
        """Make room for the mask, if it is kept."""
        self._outside = padding_mask(self._slices, self._memory) if self._marks else None

    def __call__(self, n: int, plane: NDArray[Any], ends: tuple[Any, Any] | None) -> None:
        """Make the real values of a slice out of its stored ones, in their place.

        Raises `DoesNotFitError`.
        """
        header = self._slices[n]
        if ends is None:
            raise DoesNotFitError
        least, greatest = (int(end) + int(header.rescale.intercept) for end in ends)
        if least < INT16.min or greatest > INT16.max:
            raise DoesNotFitError
        outside = self._mark(n, plane, ends)
        values = plane.view(np.int16)
        rescale(plane, values, header)
        if outside is not None and self._make_air(n, plane.dtype, values, outside):
            least, greatest = values.min(), values.max()
        self._ends[n] = least, greatest

    def _mark(self, n: int, plane: NDArray[Any], ends: tuple[Any, Any]) -> NDArray[np.bool_] | None:
        """Mark what is padding in a slice, where there may be any and it is asked for later."""
        header = self._slices[n]
        if header.padding is None or not (self._marks or self._air.is_wanted):
            return None
        if header.padding[1] < ends[0] or ends[1] < header.padding[0]:
            return None
        desk = self._desk(plane.shape).outside
        return mark_padding(plane, header, desk if self._outside is None else self._outside[n])

    def _make_air(
        self,
        n: int,
        stored: np.dtype[Any],
        values: NDArray[np.int16],
        outside: NDArray[np.bool_],
    ) -> int:
        header = self._slices[n]
        value = padding_value(header, stored)
        if value is None:
            return self._air.make(n, values, outside)
        real = value + int(header.rescale.intercept)
        room = self._desk(values.shape).added
        return self._air.make_of(real, n, values, outside, room=room)

    def _desk(self, shape: tuple[int, ...]) -> Any:
        """Give what a slice needs beside it, of this thread's: it need not be mapped anew."""
        if not hasattr(self._own, "outside"):
            self._own.outside = np.empty(shape, bool)
            self._own.added = np.empty(shape, np.int16)
        return self._own

    def values(self, stored: NDArray[Any]) -> Values:
        """Give the real values, of which each slice was made in its place in `stored`."""
        array = stored.view(np.int16)
        ends = self._ends.min(), self._ends.max()
        return values_told(array, self._slices, ends, self._air, self._outside)


def is_possible(slices: Sequence[SliceHeader]) -> bool:
    """Say whether the real values of slices may be made in passing."""
    plain = all(
        header.rescale.slope == 1
        and header.rescale.intercept.is_integer()
        and header.lut is None
        and header.mapped is None
        and header.pixels.tile is None
        for header in slices
    )
    return plain and not slices[0].is_colour and common_type(slices) in (np.int16, np.uint16)
