"""The stored pixels of slices, each tidied as soon as it is read and still at hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from volume.dicom.decoding import extend_sign
from volume.dicom.header import PixelLayout, SliceHeader
from volume.findings import Finding, warning
from volume.room import Room

Each = Callable[[int, NDArray[Any], tuple[Any, Any] | None], object]
"""Takes a slice that was read: its index, its stored values and, of counts, their ends."""


def nothing_more(_n: int, _plane: NDArray[Any], _ends: tuple[Any, Any] | None) -> None:
    """Do nothing with a slice that was read."""


class Planes:
    """Room for the pixels of `slices`: `array` (n, rows, columns) or (n, rows, columns, 3).

    `ends` (n, 2) holds the least and the greatest value of each slice that was put there; it is
    None of colours and of floating point. `each` is called with every slice, once it is tidy.
    `room` is the file that the array lies in, if it does.
    """

    def __init__(
        self,
        slices: Sequence[SliceHeader],
        array: NDArray[Any],
        each: Each = nothing_more,
        room: Room | None = None,
    ) -> None:
        self.slices = slices
        self.array = array
        self._each = each
        self._room = room
        self._own = threading.local()
        counts = array.ndim == 3 and array.dtype.kind in "iu"
        self.ends = np.zeros((len(slices), 2), np.int64) if counts else None
        self._wrong = [0] * len(slices)
        """How many pixels of each slice had bits set above the high bit."""

    def desk(self, n: int) -> NDArray[Any]:
        """Give memory to read a slice into: its place, or a desk of this thread's.

        A desk stays in the processor's cache, and its pages are not mapped anew for every slice.
        What was read there is put to its place by `put`.
        """
        if self._room is None:
            return self.array[n]
        if not hasattr(self._own, "desk"):
            self._own.desk = np.empty_like(self.array[n])
        return cast(NDArray[Any], self._own.desk)

    def put(self, n: int, plane: NDArray[Any]) -> None:
        """Tidy a slice that was read into what `desk` gave, or elsewhere, and put it to its place.

        What stands above the high bit is cleared, the sign extended, and the ends are noted.
        """
        self._tidy(n, plane)
        if self._room is not None:
            self._room.put(n * plane.nbytes, plane)
        elif not np.may_share_memory(plane, self.array):
            self.array[n] = plane

    def _tidy(self, n: int, plane: NDArray[Any]) -> None:
        if self.ends is None:
            self._each(n, plane, None)
            return
        layout = self.slices[n].pixels
        ends = plane.min(), plane.max()
        if not _is_tidy(ends, layout):
            shifted = plane >> (layout.high_bit + 1 - layout.bits_stored)
            clean = _stored_bits(shifted, layout.bits_stored, signed=layout.signed)
            self._wrong[n] = int(np.count_nonzero(clean != shifted))
            plane[...] = clean
            ends = plane.min(), plane.max()
        self.ends[n] = ends
        self._each(n, plane, ends)

    def findings(self) -> list[Finding]:
        """Say in which slices bits were cleared."""
        changed = [n for n, count in enumerate(self._wrong) if count]
        if not changed:
            return []
        count = sum(self._wrong)
        code = "sign-repaired" if self.slices[0].pixels.signed else "high-bits-masked"
        message = f"{count} pixels had bits set above the high bit: cleared"
        vary = len({header.pixels.bits_stored for header in self.slices}) > 1
        names = tuple(self.slices[n].name for n in changed)
        return [warning(code, message, files=names, evidence={"pixels": count, "bits_vary": vary})]


def _is_tidy(ends: tuple[Any, Any], layout: PixelLayout) -> bool:
    """Say whether values between these ends are what their bits say (PS3.5 section 8.1.1)."""
    bits = layout.bits_stored
    if bits == layout.bits_allocated:
        return True
    low, high = (-(1 << bits - 1), 1 << bits - 1) if layout.signed else (0, 1 << bits)
    return layout.high_bit == bits - 1 and low <= ends[0] and ends[1] < high


def _stored_bits(values: NDArray[Any], bits: int, *, signed: bool) -> NDArray[Any]:
    return extend_sign(values, bits) if signed else values & ((1 << bits) - 1)
