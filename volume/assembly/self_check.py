"""A last look before a volume leaves: do its voxels stand where their slices put them?

Goes from the headers to the volume on a road of its own: positions and pixels of single
slices, not the fitted grid.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.dicom.header import SliceHeader
from volume.errors import SelfCheckError
from volume.volume import Volume

PROBES_A_SLICE = 16
SLACK_MM = 0.01


@dataclass(frozen=True, eq=False)
class Probes:
    """Stored values at random pixels of every slice: `pixels` (n, p, 2) as (row, column)."""

    pixels: NDArray[np.int64]
    stored: NDArray[Any]


def draw_probes(stored: NDArray[Any], seed: int = 0) -> Probes:
    """Remember stored values before anything is done to them: corners and random pixels."""
    count, rows, columns = stored.shape[:3]
    draw = np.random.default_rng(seed)
    pixels = np.stack(
        [draw.integers(0, side, (count, PROBES_A_SLICE)) for side in (rows, columns)], axis=-1
    )
    pixels[:, :4] = [(0, 0), (0, columns - 1), (rows - 1, 0), (rows - 1, columns - 1)]
    values = stored[np.arange(count)[:, None], pixels[..., 0], pixels[..., 1]]
    return Probes(pixels, values.copy())


def check(volume: Volume, slices: Sequence[SliceHeader], probes: Probes, within_mm: float) -> None:
    """Find every probe again in the volume, at the place that its own header gives it.

    `within_mm` is the residual that the grid was accepted with.
    Raises `SelfCheckError` where a place is off by more, or a value differs.
    """
    for n, header in enumerate(slices):
        places = _places(header, probes.pixels[n])
        k = np.rint(volume.geometry.to_index(places)[:, 2]).astype(int)
        ijk = np.column_stack([probes.pixels[n][:, ::-1], k])
        _check_places(volume, header, places, ijk, within_mm + SLACK_MM)
        found = volume.array[ijk[:, 2], ijk[:, 1], ijk[:, 0]]
        _check_values(volume, header, probes.stored[n], found)


def _places(header: SliceHeader, pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Map (row, column) to mm LPS by the header's own numbers (PS3.3 C.7.6.2.1.1)."""
    along_row, along_column = np.array(header.orientation, dtype=np.float64)
    between_rows, between_columns = header.pixel_spacing or (1.0, 1.0)
    return (
        np.array(header.position)
        + pixels[:, 1:] * between_columns * along_row
        + pixels[:, :1] * between_rows * along_column
    )


def _check_places(
    volume: Volume, header: SliceHeader, places: NDArray[np.float64], ijk: Any, within: float
) -> None:
    size = np.array(volume.geometry.size)
    strays = np.linalg.norm(volume.geometry.to_world(ijk) - places, axis=1)
    if (ijk < 0).any() or (ijk >= size).any() or strays.max() > within:
        raise SelfCheckError(
            f"a slice stands {strays.max():.3g} mm from its place in the volume",
            files=(header.name,),
            remedy="please report this: nothing was written",
        )


def _check_values(
    volume: Volume, header: SliceHeader, stored: NDArray[Any], found: NDArray[Any]
) -> None:
    if volume.is_colour:
        same = bool((found == _coloured(header, stored, found)).all())
    else:
        expected = _real(header, stored)
        slack = np.abs(expected) * 2.0**-23 + TINY if found.dtype.kind == "f" else 0.0
        unsaid = _padding(header, stored) | ~(np.abs(expected) < FLOAT32.max)
        same = bool((np.abs(found - expected) <= slack)[~unsaid].all())
    if not same:
        raise SelfCheckError(
            "voxels of the volume differ from the pixels of their slice",
            files=(header.name,),
            remedy="please report this: nothing was written",
        )


FLOAT32 = np.finfo(np.float32)
TINY = float(FLOAT32.tiny)
"""Below it float32 rounds to what it has."""


def _coloured(header: SliceHeader, stored: NDArray[Any], found: NDArray[Any]) -> NDArray[Any]:
    """Give the colours that stored samples stand for, one by one."""
    palette = header.palette
    if palette is None:
        return stored
    tables = palette.red, palette.green, palette.blue
    width = palette.bits // 8
    last = len(palette.red) // width - 1
    rows = [min(max(int(value) - palette.first, 0), last) * width for value in stored]
    colours = [[int.from_bytes(t[at : at + width], sys.byteorder) for t in tables] for at in rows]
    return np.array(colours) * (1 if found.dtype.itemsize == width else 257)


def _real(header: SliceHeader, stored: NDArray[Any]) -> NDArray[np.float64]:
    """Turn stored values into real ones, one by one."""
    if header.lut is None:
        with np.errstate(over="ignore", invalid="ignore"):
            return stored.astype(np.float64) * header.rescale.slope + header.rescale.intercept
    first, values = header.lut.first, header.lut.values
    return np.array([values[min(max(int(v) - first, 0), len(values) - 1)] for v in stored], float)


def _padding(header: SliceHeader, stored: NDArray[Any]) -> NDArray[np.bool_]:
    if header.padding is None:
        return np.zeros(stored.shape, bool)
    return (stored >= header.padding[0]) & (stored <= header.padding[1])


OUTPUT_PROBES = 4096


def check_resampled(
    volume: Volume, values: NDArray[Any], slices: Sequence[SliceHeader], seed: int = 0
) -> None:
    """Hold random voxels of a resampled volume against the source pixels around their place.

    Every sample lies within the least and the greatest of the pixels that made it, give or
    take one unit. Raises `SelfCheckError` otherwise.
    """
    if volume.valid is None:
        raise SelfCheckError("a resampled volume must say which voxels were measured")
    chosen = _draw_inside(volume.valid, np.random.default_rng(seed))
    places = volume.geometry.to_world(chosen[:, ::-1])
    low, high = _bounds(places, values, slices, volume.geometry.direction[:, 2])
    found = volume.array[tuple(chosen.T)]
    slack = 1.0 if volume.array.dtype.kind in "iu" else 1e-5 * max(1.0, float(np.abs(found).max()))
    if ((found < low - slack) | (found > high + slack)).any():
        raise SelfCheckError(
            "resampled voxels lie outside the range of the pixels around them",
            remedy="please report this: nothing was written",
        )


def _draw_inside(valid: NDArray[np.uint8], draw: np.random.Generator) -> NDArray[np.int64]:
    """Draw scanned voxels (p, 3) as (k, j, i), each as likely as any, slice after slice."""
    counts = np.array([np.count_nonzero(plane) for plane in valid])
    if not counts.any():
        raise SelfCheckError("the resampled volume holds none of its slices")
    ranks = np.sort(draw.integers(0, counts.sum(), OUTPUT_PROBES))
    starts = np.concatenate([[0], np.cumsum(counts)])
    chosen = []
    for k in np.flatnonzero(counts):
        mine = ranks[(ranks >= starts[k]) & (ranks < starts[k + 1])] - starts[k]
        flat = np.flatnonzero(valid[k])[mine]
        chosen.append(np.column_stack([np.full(len(flat), k), *np.divmod(flat, valid.shape[2])]))
    return np.concatenate(chosen)


def _bounds(
    places: NDArray[np.float64],
    values: NDArray[Any],
    slices: Sequence[SliceHeader],
    normal: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the least and greatest of the source pixels around each place (p, 3)."""
    positions = np.array([header.position for header in slices], dtype=np.float64)
    offsets = positions @ normal
    depth = places @ normal
    after = np.clip(np.searchsorted(offsets, depth), 1, len(slices) - 1)
    part = np.clip((depth - offsets[after - 1]) / (offsets[after] - offsets[after - 1]), 0, 1)
    on_line = (1 - part)[:, None] * positions[after - 1] + part[:, None] * positions[after]
    along_row, along_column = np.array(slices[0].orientation, dtype=np.float64)
    between_rows, between_columns = slices[0].pixel_spacing or (1.0, 1.0)
    column = (places - on_line) @ along_row / between_columns
    row = (places - on_line) @ along_column / between_rows
    low = np.full((len(places), *values.shape[3:]), np.inf)
    high = -low
    for k in (after - 1, after):
        for dr in (-1, 0, 1, 2):
            for dc in (-1, 0, 1, 2):
                r = np.clip(np.floor(row).astype(int) + dr, 0, values.shape[1] - 1)
                c = np.clip(np.floor(column).astype(int) + dc, 0, values.shape[2] - 1)
                near = values[k, r, c]
                low, high = np.minimum(low, near), np.maximum(high, near)
    return low, high
