"""A file that was damaged on purpose, and what may come out of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Picture:
    """Real values [k, j, i] (colour: [k, j, i, c]) and the LPS affine of their grid, mm.

    A NaN in the affine is a number that the file does not give.
    """

    array: NDArray[Any]
    affine: NDArray[np.float64]

    def without(self, *columns: int) -> Picture:
        """Forget columns of the affine: 2 is the step between slices, 3 the origin."""
        affine = self.affine.copy()
        affine[:3, list(columns)] = np.nan
        return replace(self, affine=affine)

    def differs(self, other: Picture, tolerance: float = 0.0) -> str:
        """Say how another picture differs from this one; the same is ""."""
        if self.array.shape != other.array.shape:
            return f"{other.array.shape} voxels instead of {self.array.shape}"
        given = ~np.isnan(self.affine)
        if not np.allclose(self.affine[given], other.affine[given], rtol=1e-6, atol=1e-3):
            return f"it lies elsewhere: {np.round(other.affine, 3).tolist()}"
        off = np.abs(np.asarray(self.array, float) - np.asarray(other.array, float))
        wrong = ~(off <= tolerance + 1e-6 * np.abs(np.asarray(self.array, float)))
        if wrong.any():
            return f"{int(wrong.sum())} of {wrong.size} values are others"
        return ""


@dataclass(frozen=True)
class Damaged:
    """One file of the corpus."""

    family: str
    name: str
    data: bytes = field(repr=False)
    pictures: tuple[Picture, ...] = ()
    """Every one of them is right."""
    says: str = ""
    """"file": what a second reader sees in the file is right too (another number that is as
    good as the old one); "stream": it is another picture in a stream as valid as the old
    one, which nothing can tell from a good one, and is counted apart."""
    may_refuse: bool = True
    tolerance: float = 0.0
    suffix: str = ".dcm"
