"""Where the voxels are: index (i, j, k) to place (x, y, z), LPS, millimetres."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
ORTHOGONAL_WITHIN = 1e-4
"""Cosines that stray further than this from a rotation are a shear."""
LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))
"""Towards minus and plus on the x, y and z axis of LPS."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """The grid of a volume in ITK's terms.

    `size` counts voxels along (i, j, k); `origin` (3,) is the centre of voxel (0, 0, 0)
    in mm LPS; `spacing` (3,) is in mm; the columns of `direction` (3, 3) are the unit
    vectors along i, j and k. A sheared grid (raw gantry tilt) has a `direction` whose
    columns are not at right angles.
    """

    size: tuple[int, int, int]
    origin: NDArray[np.float64]
    spacing: NDArray[np.float64]
    direction: NDArray[np.float64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", tuple(int(n) for n in self.size))
        for name, shape in (("origin", (3,)), ("spacing", (3,)), ("direction", (3, 3))):
            array = np.array(getattr(self, name), dtype=np.float64).reshape(shape)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if len(self.size) != 3 or min(self.size) < 1:
            raise ValueError(f"a grid needs three sizes of at least 1, not {self.size}")
        if not all(np.isfinite(a).all() for a in (self.origin, self.spacing, self.direction)):
            raise ValueError("a grid's numbers must be finite")
        if not (self.spacing > 0).all():
            raise ValueError(f"spacing must be positive, not {self.spacing.tolist()}")
        if abs(np.linalg.det(self.direction)) < 1e-6:
            raise ValueError("a grid's axes must span space")

    @classmethod
    def from_affine(cls, size: tuple[int, int, int], affine: ArrayLike) -> Geometry:
        """Make the grid of a 4 x 4 matrix that maps (i, j, k, 1) to mm LPS."""
        matrix = np.asarray(affine, dtype=np.float64)
        spacing = np.linalg.norm(matrix[:3, :3], axis=0)
        if not (spacing > 0).all():
            raise ValueError("an affine with an axis of length zero is no grid")
        return cls(size, matrix[:3, 3], spacing, matrix[:3, :3] / spacing)

    @property
    def affine(self) -> NDArray[np.float64]:
        """The (4, 4) matrix from (i, j, k, 1) to mm LPS."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.direction * self.spacing
        matrix[:3, 3] = self.origin
        return matrix

    @property
    def ras_affine(self) -> NDArray[np.float64]:
        """The (4, 4) matrix from (i, j, k, 1) to mm RAS, as NIfTI has it."""
        return LPS_TO_RAS @ self.affine

    def to_world(self, ijk: ArrayLike) -> NDArray[np.float64]:
        """Map (..., 3) voxel indices to (..., 3) positions, in mm LPS."""
        return np.asarray(ijk, dtype=np.float64) @ self.affine[:3, :3].T + self.origin

    def to_index(self, xyz: ArrayLike) -> NDArray[np.float64]:
        """Map (..., 3) positions in mm LPS to (..., 3) continuous voxel indices."""
        inverse = np.linalg.inv(self.affine[:3, :3])
        return (np.asarray(xyz, dtype=np.float64) - self.origin) @ inverse.T

    @property
    def corners(self) -> NDArray[np.float64]:
        """The (8, 3) centres of the corner voxels, in mm LPS."""
        return self.to_world(list(product(*((0, n - 1) for n in self.size))))

    @property
    def centre(self) -> NDArray[np.float64]:
        """The (3,) middle of the grid, in mm LPS."""
        return self.to_world((np.array(self.size) - 1) / 2)

    @property
    def is_sheared(self) -> bool:
        """Whether the axes are not at right angles."""
        return not np.allclose(
            self.direction.T @ self.direction, np.eye(3), atol=ORTHOGONAL_WITHIN, rtol=0
        )

    @property
    def orientation(self) -> str:
        """Where i, j and k run to, as letters: "LPS" for an axial CT."""
        letters, free = ["", "", ""], [0, 1, 2]
        cosines = np.abs(self.direction)
        for axis in np.argsort(-cosines.max(axis=0), kind="stable"):
            world = free[int(np.argmax(cosines[free, axis]))]
            free.remove(world)
            letters[axis] = LETTERS[world][int(self.direction[world, axis] > 0)]
        return "".join(letters)

    def matches(self, other: Geometry, within_mm: float = 1e-3) -> bool:
        """Say whether both grids have the same size and corners within `within_mm`."""
        return self.size == other.size and bool(
            np.abs(self.corners - other.corners).max() <= within_mm
        )

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.size))
        spacing = " x ".join(f"{s:.4g}" for s in self.spacing)
        return f"Geometry({size}, {spacing} mm, {self.orientation})"
