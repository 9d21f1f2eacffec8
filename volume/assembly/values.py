"""From stored pixels to real values: padding, rescale, and the type that holds them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.assembly import voids
from volume.assembly.mappings import beyond_mapping, is_map
from volume.dicom.header import ModalityLut, SliceHeader
from volume.dicom.palette import look_up_colours
from volume.dicom.pixels import Pixels
from volume.dicom.sop_classes import is_ct
from volume.findings import Finding, info, warning
from volume.memory import refuse_beyond_memory
from volume.volume import AIR_HU

INT16 = np.iinfo(np.int16)
FLOAT32_WHOLE = 2**24
"""Every whole number up to here has a float32 of its own."""


@dataclass(frozen=True, eq=False)
class Values:
    """Real values of the stored array's shape.

    `padding` marks what was outside the view, where the slices are to be straightened or are not
    made in passing.
    """

    array: NDArray[Any]
    unit: str
    padding: NDArray[np.bool_] | None
    findings: tuple[Finding, ...]
    summary: Mapping[str, Any]
    voids: NDArray[np.bool_] | None = None
    """Marks what held no number."""


def real_values(
    pixels: Pixels, slices: Sequence[SliceHeader], padding: str, *, memory: int = 0
) -> Values:
    """Rescale every slice by its own slope and intercept (PS3.3 C.11.1.1.2).

    CT padding that would lie below air becomes air, unless `padding` is "keep". The type
    is int16 where all values are whole and fit, else float32; the stored array may be reused.
    Raises `MemoryLimitError` where a wider type takes more bytes than are free, or `memory`.
    """
    stored = pixels.array
    if slices[0].is_colour:
        colours = _colours(stored, slices, memory)
        return Values(colours, "", None, (), {"dtype": str(colours.dtype)})
    outside = padding_mask(slices, memory)
    if (mask := outside) is not None:
        by_slice(lambda n: mark_padding(stored[n], slices[n], mask[n]), len(slices))
    ends = _ends_of(pixels, slices)
    dtype, inexact = _choose_type(ends, slices)
    findings = _promoted(stored.dtype, dtype, inexact=inexact) + beyond_mapping(stored, slices)
    findings += _finer_than_float32(stored, dtype) if not inexact else []
    array = _room(stored, dtype, memory)
    by_slice(lambda n: rescale(stored[n], array[n], slices[n]), len(slices))
    if stored.dtype == np.float64:
        findings += _rounded(stored, slices, array)
    empty = voids.replace_voids(array) if slices[0].pixels.floating else None
    if empty is not None:
        findings.append(voids.said(empty))
        outside = empty if outside is None else outside | empty
    air = Air(slices, padding)
    if outside is not None:
        by_slice(lambda n: air.make(n, array[n], outside[n]), len(slices))
    changed = air.count or ends is None or any(header.lut for header in slices)
    extent = _extent(array) if changed else dtype.type(ends)
    return values_told(array, slices, extent, air, outside, findings=findings, empty=empty)


def values_told(
    array: NDArray[Any],
    slices: Sequence[SliceHeader],
    extent: tuple[Any, Any],
    air: Air,
    outside: NDArray[np.bool_] | None,
    *,
    findings: Sequence[Finding] = (),
    empty: NDArray[np.bool_] | None = None,
) -> Values:
    """Put together real values between the two of `extent`, and what is to be said of them."""
    least, greatest = map(float, extent)
    summary = {
        "dtype": str(array.dtype),
        "least": least,
        "greatest": greatest,
        "padding_replaced": air.count,
    }
    told = (*findings, *air.findings())
    if is_hounsfield(slices):
        told = (*told, *_below_air(array, least))
    return Values(array, _unit(slices[0]), outside, told, summary, empty)


def is_hounsfield(slices: Sequence[SliceHeader]) -> bool:
    """Say whether air has a value of its own in these slices."""
    return is_ct(slices[0].sop_class_uid, slices[0].modality)


class Air:
    """Makes air of what is padding and lies below it, slice by slice, where `padding` says so."""

    def __init__(self, slices: Sequence[SliceHeader], padding: str) -> None:
        self.is_wanted = padding == "air" and is_hounsfield(slices)
        self._counts = [0] * len(slices)
        self._least = [0.0] * len(slices)

    def make(self, n: int, values: NDArray[Any], outside: NDArray[np.bool_]) -> int:
        """Make air of the padding of a slice; say of how much."""
        if self.is_wanted:
            self._counts[n], self._least[n] = _make_air(values, outside)
        return self._counts[n]

    def make_of(
        self, value: int, n: int, values: NDArray[np.int16], outside: NDArray[np.bool_], *,
        room: NDArray[np.int16],
    ) -> int:  # fmt: skip
        """Make air of the padding of a slice, which is this value everywhere; say of how much.

        `room` is of the slice's shape, for what is added: air is what is left of the value then.
        """
        if self.is_wanted and value < AIR_HU:
            self._counts[n] = int(np.count_nonzero(outside))
            self._least[n] = float(value) if self._counts[n] else 0.0
            by = np.int16(AIR_HU - value)
            np.multiply(outside.view(np.int8), by, out=room, dtype=np.int16)
            np.add(values, room, out=values)
        return self._counts[n]

    @property
    def count(self) -> int:
        """How many voxels became air."""
        return sum(self._counts)

    def findings(self) -> list[Finding]:
        """Say what became air, if anything did."""
        return [_padding_finding(min(self._least), self.count)] if self.count else []


def _colours(stored: NDArray[Any], slices: Sequence[SliceHeader], memory: int) -> NDArray[Any]:
    """Give red, green and blue: as they are stored, or looked up in each slice's palette."""
    palettes = [header.palette for header in slices]
    wide = any(palette is not None and palette.bits == 16 for palette in palettes)
    if all(palette is None for palette in palettes):
        return stored
    dtype = np.dtype(np.uint16 if wide else np.uint8)
    shape = (*stored.shape, 3)
    needed = 3 * stored.size * dtype.itemsize
    refuse_beyond_memory(needed, "the colours of the palette", allowed=memory)
    array = np.empty(shape, dtype)
    for n, palette in enumerate(palettes):
        if palette is not None:
            scale = 257 if wide and palette.bits == 8 else 1
            array[n] = look_up_colours(stored[n], palette).astype(dtype) * dtype.type(scale)
    return array


def padding_mask(slices: Sequence[SliceHeader], memory: int = 0) -> NDArray[np.bool_] | None:
    """Make room for the marks of what is padding; None where no slice declares any.

    Raises `MemoryLimitError` where they take more bytes than are free, or `memory`.
    """
    if all(header.padding is None for header in slices):
        return None
    shape = len(slices), slices[0].rows, slices[0].columns
    refuse_beyond_memory(math.prod(shape), "a mask of what is padding", allowed=memory)
    return np.zeros(shape, bool)


def mark_padding(
    stored: NDArray[Any], header: SliceHeader, mask: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Mark the stored values of a slice that its header calls padding, before any rescale."""
    if header.padding is None:
        return mask
    least, greatest = header.padding
    if (one := padding_value(header, stored.dtype)) is not None:
        return np.equal(stored, stored.dtype.type(one), out=mask)
    return np.logical_and(stored >= least, stored <= greatest, out=mask)


def padding_value(header: SliceHeader, stored: np.dtype[Any]) -> int | None:
    """Give the one stored value that stands for padding, if it is one and the type can hold it."""
    if header.padding is None or stored.kind == "f":
        return None
    least, greatest = header.padding
    return int(least) if least == greatest and least in _range(stored) else None


def _range(dtype: np.dtype[Any]) -> range:
    """Give the whole numbers that a type holds: compared in the type itself, they cost a fifth."""
    limits = np.iinfo(dtype)
    return range(int(limits.min), int(limits.max) + 1)


def by_slice(work: Callable[[int], Any], count: int) -> list[Any]:
    """Do the same work on every slice, several at once, and give what it gives."""

    def some(start: int) -> list[Any]:
        return [work(n) for n in range(start, min(start + AT_A_TIME, count))]

    with ThreadPoolExecutor(THREADS) as pool:
        return list(chain.from_iterable(pool.map(some, range(0, count, AT_A_TIME))))


THREADS, AT_A_TIME = min(4, os.cpu_count() or 1), 8
"""Handing a slice to a thread costs a tenth of the work on it: they are handed over by eights."""


def _ends_of(pixels: Pixels, slices: Sequence[SliceHeader]) -> tuple[float, float] | None:
    """Give the least and the greatest real value; None of floating point, which may be none."""
    if slices[0].pixels.floating:
        return None
    array, ends = pixels.array, pixels.ends
    if ends is None:
        ends = np.array(by_slice(lambda n: (array[n].min(), array[n].max()), len(slices)))
    real: list[float] = []
    for (least, greatest), header in zip(ends, slices, strict=True):
        real += _ends(int(least), int(greatest), header)
    return min(real), max(real)


def _choose_type(
    ends: tuple[float, float] | None, slices: Sequence[SliceHeader]
) -> tuple[np.dtype[Any], bool]:
    """Choose int16 where every value is whole and fits, else float32; say if that rounds.

    Whole numbers beyond float32's own stay 32-bit integers where these hold them.
    """
    if ends is None:
        return np.dtype(np.float32), False
    low, high = min(0.0, ends[0]), max(0.0, ends[1])
    whole = all(is_whole(header) for header in slices)
    if whole and low >= INT16.min and high <= INT16.max:
        return np.dtype(np.int16), False
    beyond = max(-low, high) > FLOAT32_WHOLE
    if whole and beyond and low >= -(2**31) and high < 2**31:
        return np.dtype(np.int32), False
    return np.dtype(np.float32), whole and beyond


def _ends(least: int, greatest: int, header: SliceHeader) -> tuple[float, float]:
    """Give the real values of the least and the greatest stored value of a slice."""
    if header.lut is not None:
        return float(min(header.lut.values)), float(max(header.lut.values))
    slope, intercept = header.rescale.slope, header.rescale.intercept
    return slope * least + intercept, slope * greatest + intercept


def is_whole(header: SliceHeader) -> bool:
    """Say whether every real value of a slice is a whole number."""
    if header.pixels.floating:
        return False
    if header.lut is not None:
        return True
    return header.rescale.slope.is_integer() and header.rescale.intercept.is_integer()


def _room(stored: NDArray[Any], dtype: np.dtype[Any], memory: int) -> NDArray[Any]:
    """Give an array for the real values: the stored one's own memory where it fits."""
    if stored.dtype.itemsize == dtype.itemsize:
        return stored.view(dtype)
    needed = stored.size * dtype.itemsize
    refuse_beyond_memory(needed, "the wider type of the values", allowed=memory)
    return np.empty(stored.shape, dtype)


def rescale(stored: NDArray[Any], array: NDArray[Any], header: SliceHeader) -> None:
    """Write the real values of one slice into `array`, which may be the stored one's own memory."""
    slope, intercept = header.rescale.slope, header.rescale.intercept
    if header.lut is not None:
        array[...] = look_up(stored, header.lut)
    elif (slope, intercept) == (1.0, 0.0):
        if not _is_same(stored, array):
            with np.errstate(over="ignore"):
                array[...] = stored
    elif array.dtype.kind == "i":
        if slope == 1 and _is_same(stored, array):
            array += _wrapped(int(intercept), array.dtype)
        else:
            array[...] = stored.astype(np.int64) * int(slope) + int(intercept)
    else:
        with np.errstate(over="ignore", invalid="ignore"):  # what is no number is replaced
            array[...] = stored * np.float64(slope) + intercept


def _is_same(stored: NDArray[Any], array: NDArray[Any]) -> bool:
    """Say whether both are the same bytes, read as whole numbers of the same width."""
    kinds = {stored.dtype.kind, array.dtype.kind}
    return kinds <= {"i", "u"} and np.shares_memory(stored, array)


def _wrapped(value: int, dtype: np.dtype[Any]) -> Any:
    """Give a whole number as the type wraps it: sums that fit the type come out right."""
    bits = 8 * dtype.itemsize
    return dtype.type((value + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1))


def _promoted(stored: np.dtype[Any], dtype: np.dtype[Any], *, inexact: bool) -> list[Finding]:
    if inexact:
        text = f"whole values beyond {FLOAT32_WHOLE} are rounded to float32"
        return [warning("dtype-promoted", text, evidence={"to": str(dtype)})]
    if dtype.itemsize <= stored.itemsize:
        return []
    text = f"{stored} pixels became {dtype} values: after the rescale they need the room"
    return [info("dtype-promoted", text, evidence={"from": str(stored), "to": str(dtype)})]


def _finer_than_float32(stored: NDArray[Any], dtype: np.dtype[Any]) -> list[Finding]:
    """Say that scaled values of 32-bit pixels keep 24 bits: those of doses have more."""
    if dtype.kind != "f" or stored.dtype.kind == "f" or stored.dtype.itemsize < 4:
        return []
    if max(-int(stored.min()), int(stored.max())) <= FLOAT32_WHOLE:
        return []
    text = f"{stored.dtype} pixels are rounded to float32 values: by 1 part in {FLOAT32_WHOLE}"
    return [info("dtype-promoted", text, evidence={"from": str(stored.dtype), "to": str(dtype)})]


def _rounded(
    stored: NDArray[Any], slices: Sequence[SliceHeader], array: NDArray[Any]
) -> list[Finding]:
    """Say how many values of double precision float32 has to round, and how many vanish."""
    count = vanished = 0
    for n, header in enumerate(slices):
        with np.errstate(over="ignore", invalid="ignore"):
            exact = stored[n] * header.rescale.slope + header.rescale.intercept
        other = np.isfinite(array[n]) & (array[n] != exact)
        count += int(np.count_nonzero(other))
        vanished += int(np.count_nonzero(other & (array[n] == 0)))
    if not count:
        return []
    text = f"{count} values of double precision are rounded to float32, to 7 digits"
    evidence = {"to": "float32", "voxels": count, "vanished": vanished}
    if vanished:
        text = f"{text}; {vanished} of them are too small for it and become 0"
        return [warning("dtype-promoted", text, evidence=evidence)]
    return [info("dtype-promoted", text, evidence=evidence)]


def look_up(stored: NDArray[Any], lut: ModalityLut) -> NDArray[np.int64]:
    """Map stored values by a table; what lies beyond its ends gets the last entry there."""
    index = np.clip(stored.astype(np.int64) - lut.first, 0, len(lut.values) - 1)
    return np.array(lut.values, np.int64)[index]


def _make_air(values: NDArray[Any], outside: NDArray[np.bool_]) -> tuple[int, float]:
    """Make the padding of a slice that lies below air into air; say how much, and its least."""
    below = np.less(values, AIR_HU)
    everywhere = int(np.count_nonzero(below))
    np.logical_and(below, outside, out=below)
    count = int(np.count_nonzero(below))
    if not count:
        return 0, 0.0
    least = values.min() if count == everywhere else values[below].min()
    _put(AIR_HU, values, below)
    return count, float(least)


def _put(value: float, values: NDArray[Any], where: NDArray[np.bool_]) -> None:
    """Set some values; of whole numbers all bits at once, in a sixth of the time."""
    if values.dtype.kind == "i":
        every_bit = np.negative(where.view(np.int8), dtype=values.dtype)
        np.bitwise_and(every_bit, values ^ values.dtype.type(value), out=every_bit)
        np.bitwise_xor(values, every_bit, out=values)
    else:
        np.copyto(values, value, where=where)


def _extent(array: NDArray[Any]) -> tuple[Any, Any]:
    """Give the least and the greatest value."""
    ends = by_slice(lambda n: (array[n].min(), array[n].max()), len(array))
    return min(least for least, _ in ends), max(greatest for _, greatest in ends)


def _padding_finding(value: float, count: int) -> Finding:
    return info(
        "padding-replaced",
        f"{count} voxels of padding ({value:g} HU), outside the field of view, became air",
        evidence={"voxels": count, "value": value, "became": AIR_HU},
    )


def _below_air(array: NDArray[Any], least: float) -> list[Finding]:
    """Say where a CT holds less than air: padding that no tag declares, or lossy pixels."""
    if least >= AIR_HU:
        return []
    count = int(np.count_nonzero(array < AIR_HU))
    text = f"{count} voxels lie below air, down to {least:g} HU: left as they are"
    return [info("hu-out-of-range", text, evidence={"voxels": count, "least": least})]


def _unit(header: SliceHeader) -> str:
    unit = header.lut.unit if header.lut is not None else header.rescale.unit
    if is_map(header):
        return unit  # of UCUM, or none
    if is_ct(header.sop_class_uid, header.modality) and (
        unit in ("", "HU") or unit.lower().startswith("hou")
    ):
        return "HU"  # "Houndsfield Unit" was seen on real scanners
    return unit if unit in UNITS else ""


UNITS = frozenset(
    "HU OD Z_EFF ED EDW HU_MOD PCT MGML CNTS NONE CM2 PCNT CPS BQML MGMINML UMOLMINML MLMING"
    " MLG 1CM UMOLML PROPCNTS PROPCPS MLMINML GML STDDEV Gy RELATIVE SUVbw".split()
)
"""Defined terms of Rescale Type, Units and Dose Units (PS3.3 C.11.1.1.2, C.8.9.1.1.3, C.8.8.3)."""
