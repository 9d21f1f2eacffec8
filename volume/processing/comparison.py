"""Two volumes, how they differ: in place, in the order of their axes, in their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

from volume.errors import VolumeError
from volume.geometry import Geometry
from volume.processing.displacement import (
    Displacement,
    corners_apart,
    displacement,
    overlap,
)
from volume.processing.pairing import Pairing, pair
from volume.processing.remark import Remark, remarks_on
from volume.processing.sequence import reordered
from volume.processing.voxel_difference import VoxelDifference
from volume.volume import Volume

WITHIN_MM = 0.01
"""Places that were written as float32 come back so near, a metre away."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What sets volume B apart from A, or two sets of volumes, each on one grid.

    `pairing` says which voxels were compared, `displacement` how B's grid lies to A's voxel by
    voxel. `corners_mm` is the greatest distance of corresponding corners with the axes matched
    by place, `corners_as_stored_mm` of those of the same indices (None for other sizes).
    `overlap` is the share of A that lies within B. `voxels` is None where none were compared.
    `sequence` says which volume of B is each of A, where all are there in another order.
    """

    a: Geometry
    b: Geometry
    counts: tuple[int, int]
    types: tuple[str, str]
    components: tuple[int, int]
    pairing: Pairing
    displacement: Displacement
    corners_mm: float
    corners_as_stored_mm: float | None
    overlap: float
    voxels: VoxelDifference | None
    sequence: tuple[int, ...] | None
    within_mm: float
    within_value: float | None

    @cached_property
    def remarks(self) -> tuple[Remark, ...]:
        """All of it in words: what differs, and what is only stored otherwise."""
        return remarks_on(self)

    @property
    def same(self) -> bool:
        """Whether both hold the same values in the same places, however they are stored."""
        return not any(remark.differs for remark in self.remarks)

    def as_json(self) -> dict[str, Any]:
        """Give plain JSON values."""
        order, moved = self.pairing.order, self.displacement
        return {
            "same": self.same,
            "order": {"axes": list(order.axes), "flipped": list(order.flipped)},
            "corners_mm": self.corners_mm,
            "corners_as_stored_mm": self.corners_as_stored_mm,
            "shift_mm": list(moved.shift_mm),
            "rotation_degrees": moved.degrees,
            "overlap": self.overlap,
            "voxels": None if self.voxels is None else self._voxels_as_json(self.voxels),
            "tolerances": {"mm": self.within_mm, "value": self.within_value},
            "remarks": [remark.as_json() for remark in self.remarks],
        }

    def _voxels_as_json(self, found: VoxelDifference) -> dict[str, Any]:
        return {
            "paired_by": self.pairing.basis,
            "compared": found.compared,
            "different": found.different,
            "greatest": found.greatest,
            "mean": found.mean,
            "at_ijk": None if found.at is None else list(found.at),
            "at_mm": None if found.at is None else self.a.to_world(found.at).tolist(),
            "in_volume": found.volume + 1,
            "values": None if found.values is None else [finite(one) for one in found.values],
            "not_numbers": list(found.not_numbers),
            "slope": None if found.by is None else found.by.slope,
            "intercept": None if found.by is None else found.by.intercept,
            "explained": found.explained,
        }

    def __repr__(self) -> str:
        verdict = "the same" if self.same else "different"
        said = ", ".join(remark.code for remark in self.remarks)
        return f"Comparison({verdict}{': ' if said else ''}{said})"


def finite(number: float) -> float | None:
    """Give what JSON can hold of a number."""
    return number if abs(number) < float("inf") else None


def compare(
    a: Volume | Sequence[Volume],
    b: Volume | Sequence[Volume],
    *,
    within_mm: float | None = None,
    within_value: float | None = None,
) -> Comparison:
    """Say how volume B differs from A: in place, in the order of its axes, in its values.

    Sets of volumes, each on one grid, are compared in their order. Corners may lie `within_mm`
    of each other, 0.01 or a quarter of the finest spacing where nothing is said; values may
    differ by `within_value`, otherwise whole numbers agree exactly and floats within their
    rounding. Nothing is resampled: voxels are compared where the arrays hold the same in some
    order of their axes, or where both grids share a lattice.
    Raises `VolumeError` for a set that is empty, or of several grids.
    """
    of_a, of_b = _set(a), _set(b)
    first, second = of_a[0], of_b[0]
    ga, gb = first.geometry, second.geometry
    if within_mm is None:
        within_mm = min(WITHIN_MM, float(min(ga.spacing.min(), gb.spacing.min())) / 4)
    pairing = pair(first, second, within_mm, within_value)
    voxels = _differences(of_a, of_b, pairing, within_value)
    differ = voxels is not None and voxels.different > 0 and len(of_a) > 1
    return Comparison(
        ga,
        gb,
        (len(of_a), len(of_b)),
        (str(first.array.dtype), str(second.array.dtype)),
        (_components(first), _components(second)),
        pairing,
        _displacement(ga, gb, pairing, within_mm),
        corners_apart(ga, pairing.by_place.grid(gb)),
        corners_apart(ga, gb) if ga.size == gb.size else None,
        1.0 if pairing.is_in_place else overlap(ga, gb),
        voxels,
        reordered(of_a, of_b, pairing, within_value) if differ else None,
        within_mm,
        within_value,
    )


def _set(what: Volume | Sequence[Volume]) -> tuple[Volume, ...]:
    volumes = (what,) if isinstance(what, Volume) else tuple(what)
    if not volumes:
        raise VolumeError("there is no volume to compare")
    if not all(one.geometry.matches(volumes[0].geometry) for one in volumes):
        raise VolumeError("the volumes of a set that is compared share a grid; these do not")
    return volumes


def _components(one: Volume) -> int:
    return one.array.shape[3] if one.is_colour else 1


def _displacement(a: Geometry, b: Geometry, pairing: Pairing, within_mm: float) -> Displacement:
    """Say how the grids lie to each other, paired by values or, where these say nothing, by place.

    A grid whose places are negated is another way round by place: its own order goes first.
    """
    if pairing.basis != "values" and a.size == b.size:
        as_stored = displacement(a, b, within_mm)
        if as_stored.negated is not None and not pairing.is_in_place:
            return as_stored
    return displacement(a, pairing.order.grid(b), within_mm)


def _differences(
    of_a: Sequence[Volume], of_b: Sequence[Volume], pairing: Pairing, within: float | None
) -> VoxelDifference | None:
    """Compare the voxels of every pair, or of none."""
    if pairing.basis == "nothing" or len(of_a) != len(of_b):
        return None
    if not all(_fits(a, b, of_a[0], of_b[0]) for a, b in zip(of_a, of_b, strict=True)):
        return None
    found = [pairing.difference(a, b, within) for a, b in zip(of_a, of_b, strict=True)]
    return reduce(VoxelDifference.joined, found)


def _fits(a: Volume, b: Volume, first_a: Volume, first_b: Volume) -> bool:
    """Say whether a pair has the shapes of the first."""
    return a.array.shape == first_a.array.shape and b.array.shape == first_b.array.shape
