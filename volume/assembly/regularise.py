"""Uneven or sheared slices onto a straight, even grid: one linear interpolation, no more.

A point between two slices is looked up along the line that joins them, so that a tilted
stack is resampled as the sheared grid it is: exact for values that are linear in space.
Padding is never mixed into a value: where a neighbour is padding, the nearest one stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.assembly.stack import Grid
from volume.assembly.tolerances import TOLERANCES
from volume.geometry import Geometry
from volume.progress import Progress, Silent

ON_A_SLICE = 1e-3
"""An output slice this close to a source slice, in steps, is that slice."""
ON_A_PIXEL = 1e-4
OUTSIDE, MEASURED, BETWEEN = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Straightening:
    """What goes where: source slices at `offsets` (n,) mm along the normal and at `in_plane`
    (n, 2) mm along i and j; `geometry` is the grid to fill, along `axes` (3, 3).
    """

    offsets: NDArray[np.float64]
    in_plane: NDArray[np.float64]
    geometry: Geometry
    axes: NDArray[np.float64]

    @property
    def targets(self) -> NDArray[np.float64]:
        """The offsets (m,) of the output slices, in mm along the normal."""
        start = float(self.geometry.origin @ self.axes[2])
        return start + self.geometry.spacing[2] * np.arange(self.geometry.size[2])

    def between(self, target: float) -> tuple[int, float]:
        """Find the source slices (k, k + 1) around an offset, and how far it is to k + 1."""
        last = len(self.offsets) - 1
        k = int(np.clip(np.searchsorted(self.offsets, target, "right") - 1, 0, max(0, last - 1)))
        if last == 0:
            return 0, 0.0
        step = self.offsets[k + 1] - self.offsets[k]
        part = float(np.clip((target - self.offsets[k]) / step, 0, 1))
        if part < ON_A_SLICE:
            return k, 0.0
        return (k + 1, 0.0) if part > 1 - ON_A_SLICE else (k, part)

    def shift(self, k: int, part: float) -> NDArray[np.float64]:
        """Say by how many pixels (2,) along i and j the source lies from the output."""
        here = self.in_plane[k]
        if part:
            here = (1 - part) * here + part * self.in_plane[k + 1]
        start = self.axes[:2] @ self.geometry.origin
        return (here - start) / self.geometry.spacing[:2]


def plan(grid: Grid, columns: int, rows: int, kinds: tuple[str, ...]) -> Straightening:
    """Lay out the straight grid that holds every slice whole."""
    placement, spacing = grid.placement, grid.spacing
    offsets = placement.offsets
    if spacing.kind in ("regular", "missing"):  # positions written rounded lie on the fitted line
        offsets = spacing.start + spacing.pitch * spacing.indices
    in_plane = _in_plane(grid, kinds)
    low, high = in_plane.min(axis=0), in_plane.max(axis=0)
    extra = np.ceil((high - low) / grid.pixel - ON_A_PIXEL).astype(int)
    geometry = Geometry(
        (columns + int(extra[0]), rows + int(extra[1]), round(float(spacing.indices[-1])) + 1),
        low @ placement.axes[:2] + offsets[0] * placement.axes[2],
        np.array([*grid.pixel, spacing.pitch]),
        placement.axes.T,
    )
    return Straightening(offsets, in_plane, geometry, placement.axes)


def _in_plane(grid: Grid, kinds: tuple[str, ...]) -> NDArray[np.float64]:
    """Place slices in their plane: as they say, on the tilted line, or straight."""
    own = grid.placement.positions @ grid.placement.axes[:2].T
    if "shifted" in kinds:
        return own
    said = np.abs(grid.drift.over_stack).max() > TOLERANCES.drift_said_mm
    if "tilted" in kinds or (said and kinds not in UNTOUCHED):
        return own - grid.drift.shifts
    middle = (own.min(axis=0) + own.max(axis=0)) / 2
    return np.broadcast_to(middle, own.shape)


UNTOUCHED = (("regular",), ("single",))
"""Kinds whose voxels stay as they are."""


def is_straightened(kinds: tuple[str, ...], geometry: str) -> bool:
    """Say whether slices are resampled onto a straight grid, where `geometry` is what is asked."""
    return kinds not in UNTOUCHED and geometry != "raw"


def stray_mm(grid: Grid, kinds: tuple[str, ...], corner: float) -> float:
    """Say how far the fit leaves a slice from its own position, along the normal and across.

    `corner` is what the common axes add at the far corner.
    """
    own = grid.placement.positions @ grid.placement.axes[:2].T
    across = np.linalg.norm(own - _in_plane(grid, kinds), axis=1).max()
    return float(np.hypot(grid.spacing.residual, across)) + corner


def straighten(
    array: NDArray[Any],
    padding: NDArray[np.bool_] | None,
    how: Straightening,
    outside: float,
    progress: Progress,
) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Fill the straight grid from slices (n, rows, columns[, 3]); give it and its mask.

    The mask is 0 outside what was scanned, 1 on measured slices, 2 between them.
    """
    if array.ndim == 4:
        planes = [straighten(array[..., c], None, how, outside, Silent()) for c in range(3)]
        return np.stack([plane for plane, _ in planes], axis=-1), planes[0][1]
    columns, rows, count = how.geometry.size
    out = np.full((count, rows, columns), outside, array.dtype)
    valid = np.zeros(out.shape, np.uint8)
    for m, target in enumerate(how.targets):
        k, part = how.between(float(target))
        blend, padded = _blend(array, padding, k, part)
        _lay(blend, padded, how.shift(k, part), out[m], valid[m], BETWEEN if part else MEASURED)
        progress.update(1)
    return out, valid


def _blend(
    array: NDArray[Any], padding: NDArray[np.bool_] | None, k: int, part: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_] | None]:
    """Interpolate between slices k and k + 1; next to padding the nearer one stands."""
    if not part:
        return array[k].astype(np.float64), None if padding is None else padding[k]
    blend = (1 - part) * array[k] + part * array[k + 1]
    if padding is None:
        return blend, None
    near = k if part < 0.5 else k + 1
    either = padding[k] | padding[k + 1]
    blend[either] = array[near][either]
    return blend, padding[near]


def _lay(
    image: NDArray[np.float64],
    padded: NDArray[np.bool_] | None,
    shift: NDArray[np.float64],
    out: NDArray[Any],
    valid: NDArray[np.uint8],
    kind: int,
) -> None:
    """Lay an image (rows, columns) into `out`, moved by a fraction of a pixel, bilinearly."""
    whole = np.floor(shift + ON_A_PIXEL).astype(int)
    part = np.clip(shift - whole, 0, 1)
    part[part < ON_A_PIXEL] = 0
    total = np.zeros(out.shape)
    weight = np.zeros(out.shape)
    mixed = np.zeros(out.shape, bool)
    nearest = np.zeros(out.shape)
    for di, dj, share in _corners(part):
        rows, columns = (
            _window(whole[1] + dj, image.shape[0]),
            _window(whole[0] + di, image.shape[1]),
        )
        total[rows, columns] += share * image
        weight[rows, columns] += share
        if padded is not None:
            mixed[rows, columns] |= padded
        if (di, dj) == (int(part[0] >= 0.5), int(part[1] >= 0.5)):
            nearest[rows, columns] = image
    inside = weight > 1 - 1e-9
    total[mixed & inside] = nearest[mixed & inside]
    if out.dtype.kind in "iu":
        np.rint(total, out=total)
    out[inside] = total[inside].astype(out.dtype)
    valid[inside] = kind


def _corners(part: NDArray[np.float64]) -> Iterator[tuple[int, int, float]]:
    """Give the up to four pixels that a moved pixel touches, with their shares."""
    for dj, share_j in ((0, 1 - part[1]), (1, part[1])):
        for di, share_i in ((0, 1 - part[0]), (1, part[0])):
            if share_i * share_j > 0:
                yield di, dj, float(share_i * share_j)


def _window(start: int, length: int) -> slice:
    return slice(int(start), int(start) + length)
