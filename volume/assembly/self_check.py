"""A last look before a volume leaves: do its voxels stand where their slices put them?

Goes from the headers to the volume on a road of its own: positions and pixels of single
slices, not the fitted grid.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.dicom.header import SliceHeader
from volume.errors import SelfCheckError
from volume.volume import Volume

PROBES_A_SLICE = 16
SLACK_MM = 0.01


class Probes:
    """Stored values at some pixels of every slice, remembered before anything is done to them.

    `pixels` (n, p, 2), as (row, column), are the corners and others, scattered evenly.
    """

    def __init__(self, count: int, rows: int, columns: int) -> None:
        number = np.arange(count * PROBES_A_SLICE).reshape(count, PROBES_A_SLICE)
        self.pixels: NDArray[np.int64] = np.stack(
            [
                (number * part % 1 * side).astype(int)
                for part, side in zip(R2, (rows, columns), strict=True)
            ],
            axis=-1,
        )
        corners = [(0, 0), (0, columns - 1), (rows - 1, 0), (rows - 1, columns - 1)]
        self.pixels[:, :4] = corners
        self._values: list[NDArray[Any] | None] = [None] * count

    def draw(self, n: int, plane: NDArray[Any]) -> None:
        """Remember what is stored at the probes of a slice: (rows, columns) or with 3 more."""
        self._values[n] = plane[self.pixels[n, :, 0], self.pixels[n, :, 1]]

    @property
    def stored(self) -> NDArray[Any]:
        """The values (n, p) or (n, p, 3). Raises `SelfCheckError` where a slice was not read."""
        drawn = [values for values in self._values if values is not None]
        if len(drawn) < len(self._values):
            raise SelfCheckError(
                f"{len(self._values) - len(drawn)} slices were not read",
                remedy="please report this: nothing was written",
            )
        return np.array(drawn)


R2 = 0.7548776662466927, 0.5698402909980532
"""Multiples of these, without their whole parts, scatter evenly over a square (M. Roberts, "The
Unreasonable Effectiveness of Quasirandom Sequences", 2018), and need no generator."""


def check(volume: Volume, slices: Sequence[SliceHeader], probes: Probes, within_mm: float) -> None:
    """Find every probe again in the volume, at the place that its own header gives it.

    `within_mm` is the residual that the grid was accepted with.
    Raises `SelfCheckError` where a place is off by more, or a value differs.
    """
    places = _places(slices, probes.pixels)
    k = np.rint(volume.geometry.to_index(places)[..., 2:]).astype(int)
    ijk = np.concatenate([probes.pixels[..., ::-1], k], axis=-1)
    _check_places(volume, slices, places, ijk, within_mm + SLACK_MM)
    found = volume.array[ijk[..., 2], ijk[..., 1], ijk[..., 0]]
    _check_values(slices, probes.stored, found)


def _places(slices: Sequence[SliceHeader], pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Map (n, p, 2) of (row, column) to (n, p, 3) in mm LPS by the headers' own numbers.

    PS3.3 C.7.6.2.1.1.
    """
    positions = np.array([header.position for header in slices], np.float64)
    axes = np.array([header.orientation for header in slices], np.float64)
    spacings = np.array([header.pixel_spacing or (1.0, 1.0) for header in slices])
    mm = pixels * spacings[:, None]  # down the column, along the row
    return positions[:, None] + mm[..., 1:] * axes[:, None, 0] + mm[..., :1] * axes[:, None, 1]


def _check_places(
    volume: Volume,
    slices: Sequence[SliceHeader],
    places: NDArray[np.float64],
    ijk: NDArray[np.int64],
    within: float,
) -> None:
    strays = np.linalg.norm(volume.geometry.to_world(ijk) - places, axis=-1)
    beyond = ((ijk < 0) | (ijk >= np.array(volume.geometry.size))).any(axis=-1)
    bad = (beyond | ~(strays <= within)).any(axis=-1)
    if bad.any():
        n = int(np.argmax(bad))
        raise SelfCheckError(
            f"a slice stands {strays[n].max():.3g} mm from its place in the volume",
            files=(slices[n].name,),
            remedy="please report this: nothing was written",
        )


def _check_values(slices: Sequence[SliceHeader], stored: NDArray[Any], found: NDArray[Any]) -> None:
    """Hold (n, p) values of the volume, or (n, p, 3) colours, against stored ones."""
    if stored.shape != found.shape or slices[0].is_colour:
        each = zip(slices, stored, found, strict=True)
        same = np.array([_is_coloured(*one) for one in each])
    else:
        expected = _real(slices, stored)
        slack = np.abs(expected) * 2.0**-23 + TINY if found.dtype.kind == "f" else 0.0
        unsaid = _padding(slices, stored) | ~(np.abs(expected) < FLOAT32.max)
        same = np.all((np.abs(found - expected) <= slack) | unsaid, axis=-1)
    if not same.all():
        raise SelfCheckError(
            "voxels of the volume differ from the pixels of their slice",
            files=(slices[int(np.argmin(same))].name,),
            remedy="please report this: nothing was written",
        )


FLOAT32 = np.finfo(np.float32)
TINY = float(FLOAT32.tiny)
"""Below it float32 rounds to what it has."""


def _is_coloured(header: SliceHeader, stored: NDArray[Any], found: NDArray[Any]) -> bool:
    """Say whether colours are those that stored samples stand for, looked up one by one."""
    palette = header.palette
    if palette is None:
        return bool((found == stored).all())
    tables = palette.red, palette.green, palette.blue
    width = palette.bits // 8
    last = len(palette.red) // width - 1
    rows = [min(max(int(value) - palette.first, 0), last) * width for value in stored]
    colours = [[int.from_bytes(t[at : at + width], sys.byteorder) for t in tables] for at in rows]
    return bool((found == np.array(colours) * (1 if found.dtype.itemsize == width else 257)).all())


def _real(slices: Sequence[SliceHeader], stored: NDArray[Any]) -> NDArray[np.float64]:
    """Turn (n, p) stored values into real ones, those with a table one by one."""
    slopes, intercepts = (
        np.array([getattr(header.rescale, name) for header in slices])[:, None]
        for name in ("slope", "intercept")
    )
    with np.errstate(over="ignore", invalid="ignore"):
        real = stored.astype(np.float64) * slopes + intercepts
    for n, header in enumerate(slices):
        if header.lut is not None:
            first, values = header.lut.first, header.lut.values
            index = [min(max(int(v) - first, 0), len(values) - 1) for v in stored[n]]
            real[n] = [values[at] for at in index]
    return real


def _padding(slices: Sequence[SliceHeader], stored: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark the (n, p) stored values that the headers call padding."""
    nothing = (1.0, 0.0)
    least, greatest = np.array([header.padding or nothing for header in slices]).T[..., None]
    return (stored >= least) & (stored <= greatest)


OUTPUT_PROBES = 4096


def check_resampled(
    volume: Volume,
    values: NDArray[Any],
    slices: Sequence[SliceHeader],
    probes: Probes,
    seed: int = 0,
) -> None:
    """Hold what was resampled against its probes, and then random voxels against what is around.

    Every sample lies within the least and the greatest of the pixels that made it, give or
    take one unit. Raises `SelfCheckError` otherwise.
    """
    rows, columns = np.moveaxis(probes.pixels, -1, 0)
    found = values[np.arange(len(slices))[:, None], rows, columns]
    _check_values(slices, probes.stored, found)
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
