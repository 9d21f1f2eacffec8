"""Series whose voxels know their own place.

Every voxel holds a linear function of where it lies, `gradient . (x, y, z) + constant` in
mm LPS, so that any output, flipped, shifted, reoriented or linearly resampled, is judged by
one number in millimetres: `phantom(folder, tilt=12.5).error_mm(array, affine)`.

Nothing here imports `volume`: the places come from a 4 x 4 matrix written in the test or
below, so that a mistake of the assembler cannot be shared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom import Dataset

from phantom_encoding import truncate_pixels, write
from phantom_headers import classic_dataset, enhanced_dataset
from phantom_recipe import Plane, Recipe, shuffled, uid

ORIENTATIONS: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "prone": ((-1, 0, 0), (0, -1, 0)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "oblique": ((6 / 7, -3 / 7, 2 / 7), (2 / 7, 6 / 7, 3 / 7)),
}
"""Direction of a row and of a column, LPS; both right-handed with the normal."""


@dataclass(frozen=True)
class Phantom:
    """A written series and the truth about it."""

    folder: Path
    recipe: Recipe
    paths: tuple[Path, ...]
    """Every file, in the order in which the slices were acquired."""
    matrix: NDArray[np.float64]
    """The (4, 4) matrix from (i, j, k, 1) to mm LPS, slices in order along the normal.

    Of the nominal grid: nothing dropped, shifted, uneven or rounded.
    """
    size: tuple[int, int, int]
    """(i, j, k) with nothing dropped."""
    offsets_mm: NDArray[np.float64]
    """Where the slices lie along the normal, from the matrix's origin, increasing."""
    constant: float
    series_uid: str

    @cached_property
    def slope_per_mm(self) -> float:
        """How fast the values change along their gradient."""
        return float(np.linalg.norm(self.recipe.gradient))

    def value_at(self, xyz: ArrayLike, phase: int = 0) -> NDArray[np.float64]:
        """Give the true values at (..., 3) places in mm LPS."""
        field_there = np.asarray(xyz, dtype=np.float64) @ np.asarray(self.recipe.gradient)
        return field_there + self.constant + phase * self.recipe.phase_step

    def error_mm(
        self, array: NDArray[Any], affine: ArrayLike, *, phase: int = 0, margin: float = 0.0
    ) -> float:
        """Give the worst error of [k, j, i] voxels on an LPS affine, as mm along the gradient.

        Only voxels inside the scanned box count, `margin` voxels away from its faces and
        outside the padded corner; none there is an infinite error.
        """
        places = _voxel_places(array.shape, np.asarray(affine, dtype=np.float64))
        inside = self._holds(places, margin, phase)
        if not inside.any():
            return float("inf")
        values = np.asarray(array, dtype=np.float64)[inside]
        worst = np.abs(values - self.value_at(places[inside], phase)).max()
        return float(np.nan_to_num(worst, nan=np.inf)) / self.slope_per_mm

    def coverage(self, shape: Sequence[int], affine: ArrayLike) -> float:
        """Give the fraction of the phantom's voxel centres that a [k, j, i] grid holds."""
        places = self._places()
        ijk = _to_index(places, np.asarray(affine, dtype=np.float64))
        high = np.array(shape[:3])[::-1] - 1
        near = 1e-3
        return float(((ijk >= -near) & (ijk <= high + near)).all(axis=-1).mean())

    def _places(self) -> NDArray[np.float64]:
        """Give the (k, j, i, 3) places of every voxel, those that were dropped too."""
        pitch = _pitch(self.matrix)
        i, j = np.arange(self.size[0]), np.arange(self.size[1])
        k, j, i = np.meshgrid(self.offsets_mm / pitch, j, i, indexing="ij")
        return np.stack([i, j, k], axis=-1) @ self.matrix[:3, :3].T + self.matrix[:3, 3]

    def _holds(self, places: NDArray[np.float64], margin: float, phase: int) -> NDArray[np.bool_]:
        ijk = _to_index(places, self.matrix)
        low, high = np.zeros(3), np.array(self.size) - 1.0
        ends = self.offsets_mm[[0, -1]] + phase * self.recipe.phase_offset_mm
        low[2], high[2] = ends / _pitch(self.matrix)
        inside = ((ijk >= low + margin - 1e-6) & (ijk <= high - margin + 1e-6)).all(axis=-1)
        if self.recipe.padding is not None:
            inside &= ~((ijk[..., 0] < self.size[0] // 4) & (ijk[..., 1] < self.size[1] // 4))
        return inside


def phantom(folder: str | Path, **oddities: Any) -> Phantom:
    """Write a series into `folder`; each oddity is a field of `Recipe`."""
    recipe = _with_modality(Recipe(**oddities))
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    matrix = _matrix(recipe)
    planes = _with_rescale(recipe, _planes(recipe, matrix))
    constant = _constant_that_fits(recipe, matrix, planes)
    series_uid = recipe.series_uid or _series_uid(recipe)
    datasets = _datasets(recipe, matrix, planes, constant, series_uid)
    paths = _paths(folder, recipe, len(datasets))
    for path, (dataset, planes_of) in zip(paths, datasets, strict=True):
        path.parent.mkdir(exist_ok=True)
        write(path, dataset, recipe)
        if any(plane.k in recipe.truncate for plane in planes_of):
            truncate_pixels(path)
    sorted_matrix, offsets_mm = _sorted_along_normal(matrix, _offsets_mm(recipe, matrix))
    return Phantom(
        folder,
        recipe,
        tuple(paths),
        sorted_matrix,
        (recipe.size[0], recipe.size[1], len(offsets_mm)),
        offsets_mm,
        constant,
        series_uid,
    )


def _with_modality(recipe: Recipe) -> Recipe:
    """Fill in what depends on the modality."""
    signed, rescale, intercept = {
        "CT": (True, "constant", -1024.0),
        "MR": (False, "absent", 0.0),
        "PT": (True, "varies", 0.0),
    }[recipe.modality]
    return replace(
        recipe,
        signed=signed if recipe.signed is None else recipe.signed,
        rescale=rescale if recipe.rescale is None else recipe.rescale,
        intercept=intercept if recipe.intercept is None else recipe.intercept,
    )


# Places


def _matrix(recipe: Recipe) -> NDArray[np.float64]:
    if recipe.matrix is not None:
        return np.array(recipe.matrix, dtype=np.float64).reshape(4, 4)
    row, column = (np.array(v, dtype=np.float64) for v in ORIENTATIONS[recipe.orientation])
    along_j, along_i = np.tan(np.radians([recipe.tilt, recipe.tilt_i]))
    step = np.cross(row, column) + along_j * column + along_i * row
    matrix = np.eye(4)
    matrix[:3, 0] = row * recipe.spacing[0]
    matrix[:3, 1] = column * recipe.spacing[1]
    matrix[:3, 2] = step * recipe.spacing[2] * (-1 if recipe.reverse else 1)
    matrix[:3, 3] = recipe.origin
    return matrix


def _offsets_mm(recipe: Recipe, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give where the slices lie, in mm along the matrix's third axis, measured on the normal."""
    if recipe.offsets_mm is not None:
        return np.array(recipe.offsets_mm, dtype=np.float64)
    return np.arange(recipe.size[2]) * _pitch(matrix)


def _pitch(matrix: NDArray[np.float64]) -> float:
    return abs(float(matrix[:3, 2] @ _normal(matrix)))


def _normal(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    normal = np.cross(matrix[:3, 0], matrix[:3, 1])
    return normal / np.linalg.norm(normal)


def _planes(recipe: Recipe, matrix: NDArray[np.float64]) -> list[Plane]:
    """Lay out every slice to be written, in the order of its acquisition."""
    rng = np.random.default_rng(7)
    visits = _visits(recipe, len(_offsets_mm(recipe, matrix)))
    planes = [_plane(recipe, matrix, k, phase, rng) for phase, k in visits]
    planes += [_localizer(recipe, matrix, n) for n in range(recipe.localizer)]
    planes = _numbered(recipe, planes)
    planes = [p for p in planes if p.k not in recipe.drop and (p.phase, p.k) not in recipe.drop]
    if recipe.duplicates_as == "conflict":
        bears = {k + 1: k for k in recipe.duplicates}
        return [replace(plane, uid_of=bears.get(plane.k)) for plane in planes]
    return planes + [replace(plane, again=True) for plane in planes if plane.k in recipe.duplicates]


def _visits(recipe: Recipe, slices: int) -> list[tuple[int, int]]:
    visits = [(phase, k) for phase in range(recipe.phases) for k in range(slices)]
    if recipe.phase_order == "interleaved":
        visits.sort(key=lambda visit: visit[1])
    return visits


def _numbered(recipe: Recipe, planes: list[Plane]) -> list[Plane]:
    """Give every slice its InstanceNumber."""
    count = len(planes)
    numbers: Sequence[int | None] = {
        "ascending": range(1, count + 1),
        "reversed": range(count, 0, -1),
        "shuffled": [n + 1 for n in shuffled(count)],
        "constant": [1] * count,
        "absent": [None] * count,
    }[recipe.instance_numbers]
    return [
        replace(plane, order=order, instance_number=number)
        for order, (plane, number) in enumerate(zip(planes, numbers, strict=True))
    ]


def _plane(
    recipe: Recipe, matrix: NDArray[np.float64], k: int, phase: int, rng: np.random.Generator
) -> Plane:
    row, column = (matrix[:3, n] / np.linalg.norm(matrix[:3, n]) for n in (0, 1))
    offset = _offsets_mm(recipe, matrix)[k] + phase * recipe.phase_offset_mm
    shift_i, shift_j = recipe.shifts.get(k, (0.0, 0.0))
    position = matrix[:3, 3] + matrix[:3, 2] * offset / _pitch(matrix)
    position = position + shift_i * row + shift_j * column
    if recipe.wobble:
        turn = _rotation(rng.normal(size=3), recipe.wobble)
        row, column = turn @ row, turn @ column
    return Plane(k, phase, position, row, column)


def _rotation(axis: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """Rodrigues' formula."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _localizer(recipe: Recipe, matrix: NDArray[np.float64], n: int) -> Plane:
    """Lay a slice across the middle of the stack, its rows along j, its columns down."""
    plane = _plane(recipe, matrix, 0, 0, np.random.default_rng(0))
    row, column = plane.column, -_normal(matrix)
    middle = matrix[:3] @ [*((np.array(recipe.size) - 1) / 2), 1]
    half_i, half_j = (recipe.size[0] - 1) / 2, (recipe.size[1] - 1) / 2
    corner = middle - row * half_i * _in_plane(matrix)[0] - column * half_j * _in_plane(matrix)[1]
    return Plane(-1, 0, corner + n * 4.0 * plane.row, row, column, localizer=n + 1)


def _in_plane(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the spacing along i and j."""
    return np.linalg.norm(matrix[:3, :2], axis=0)


def _sorted_along_normal(
    matrix: NDArray[np.float64], offsets_mm: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Put the slices in order along the normal, as a right-handed volume has them."""
    if np.linalg.det(matrix[:3, :3]) > 0:
        return matrix, np.sort(offsets_mm)
    last = offsets_mm.max()
    flipped = matrix.copy()
    flipped[:3, 3] += matrix[:3, 2] * last / _pitch(matrix)
    flipped[:3, 2] *= -1
    return flipped, np.sort(last - offsets_mm)


def _voxel_places(shape: Sequence[int], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    kji = np.indices(shape[:3]).astype(np.float64)
    return np.moveaxis(kji[::-1], 0, -1) @ affine[:3, :3].T + affine[:3, 3]


def _to_index(places: NDArray[np.float64], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    return (places - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T


# Values


def _with_rescale(recipe: Recipe, planes: list[Plane]) -> list[Plane]:
    intercept = recipe.intercept or 0.0
    if recipe.rescale == "absent":
        return planes
    if recipe.rescale == "constant":
        return [replace(p, slope=recipe.slope, intercept=intercept) for p in planes]
    # Sixteenths, so that a decimal string holds the slope exactly.
    return [
        replace(p, slope=recipe.slope * (4 + (p.order * 5) % 7) / 16, intercept=intercept)
        for p in planes
    ]


def _field(
    recipe: Recipe, matrix: NDArray[np.float64], plane: Plane, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Give the true values [j, i] of one slice, where it really lies."""
    gradient = np.asarray(recipe.gradient)
    along_i, along_j = _in_plane(matrix)
    start = gradient @ plane.position + plane.phase * recipe.phase_step
    i = (gradient @ plane.row) * along_i * np.arange(shape[1])
    j = (gradient @ plane.column) * along_j * np.arange(shape[0])
    return start + j[:, None] + i[None, :]


def _constant_that_fits(recipe: Recipe, matrix: NDArray[np.float64], planes: list[Plane]) -> float:
    """Find what to add to the field so that every stored value fits: nothing, if that does."""
    shape = (recipe.size[1], recipe.size[0])
    least, most = _stored_range(recipe)
    lows, highs = [], []
    for plane in planes:
        values = _field(recipe, matrix, plane, shape)[[0, 0, -1, -1], [0, -1, 0, -1]]
        lows.append(least * plane.slope + plane.intercept - values.min())
        highs.append(most * plane.slope + plane.intercept - values.max())
    low, high = max(lows), min(highs)
    if low > high:
        raise ValueError("the values do not fit BitsStored: give a smaller gradient or size")
    if low <= 0 <= high:
        return 0.0
    return float(np.ceil(low) if low > 0 else np.floor(high))


def _stored_range(recipe: Recipe) -> tuple[int, int]:
    if recipe.signed:
        return -(1 << recipe.bits_stored - 1) + 1, (1 << recipe.bits_stored - 1) - 2
    return 1, (1 << recipe.bits_stored) - 2


def _stored(
    recipe: Recipe, matrix: NDArray[np.float64], plane: Plane, constant: float
) -> NDArray[np.integer[Any]]:
    """Give the [j, i] integers that are written for one slice."""
    shape = (recipe.size[1], recipe.size[0])
    values = _field(recipe, matrix, plane, shape) + constant
    stored = np.round((values - plane.intercept) / plane.slope).astype(np.int64)
    if recipe.padding is not None:
        corner = stored[: shape[0] // 4, : shape[1] // 4]
        last = recipe.padding if recipe.padding_limit is None else recipe.padding_limit
        corner[:] = np.linspace(recipe.padding, last, corner.size).round().reshape(corner.shape)
    return stored.astype(np.int16 if recipe.signed else np.uint16)


# Files


def _series_uid(recipe: Recipe) -> str:
    return uid("series", recipe.study, recipe.series, recipe.modality)


def _datasets(
    recipe: Recipe,
    matrix: NDArray[np.float64],
    planes: list[Plane],
    constant: float,
    series_uid: str,
) -> list[tuple[Dataset, list[Plane]]]:
    """Make one dataset a file, with the slices it holds."""
    make = enhanced_dataset if recipe.enhanced else classic_dataset
    spacing = tuple(_in_plane(matrix)), _pitch(matrix)
    datasets = []
    for group in _file_groups(recipe, planes):
        pixels = np.stack([_stored(recipe, matrix, plane, constant) for plane in group])
        dataset = make(recipe, group, pixels, spacing, series_uid)
        if recipe.edit is not None:
            recipe.edit(dataset, group[0].k, group[0].phase)
        datasets.append((dataset, group))
    return datasets


def _file_groups(recipe: Recipe, planes: list[Plane]) -> list[list[Plane]]:
    if not recipe.enhanced:
        return [[plane] for plane in planes]
    if recipe.modality == "PT":
        raise ValueError("the phantom writes no enhanced PET")
    if recipe.phases_in == "files":
        phases = sorted({plane.phase for plane in planes})
        groups = [[plane for plane in planes if plane.phase == phase] for phase in phases]
    else:
        groups = [planes]
    order: dict[str, Callable[[list[Plane]], list[Plane]]] = {
        "ordered": list,
        "reversed": lambda group: group[::-1],
        "shuffled": lambda group: [group[n] for n in shuffled(len(group))],
    }
    return [order[recipe.frames](group) for group in groups]


def _paths(folder: Path, recipe: Recipe, count: int) -> list[Path]:
    """Name the files; a folder that holds some already goes on counting."""
    first = 1 + sum(path.is_file() for path in folder.rglob("*"))
    numbers = [first + n for n in (shuffled(count) if recipe.names == "shuffled" else range(count))]
    pattern = {
        "plain": "I{:04d}.dcm",
        "no-extension": "I{:04d}",
        "shuffled": "I{:04d}.dcm",
        "hangul": "영상 {:04d}.dcm",
        "nested": "{part:02d}/I{:04d}.dcm",
    }[recipe.names]
    return [folder / pattern.format(number, part=number // 5) for number in numbers]
