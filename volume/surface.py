"""A surface in space: what is printed, measured and laid over the image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyvista


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles in mm LPS.

    `points` (n, 3) float32 and `normals` (n, 3) float32 in LPS, `faces` (m, 3) int32
    counter-clockwise seen from outside; `report` holds plain JSON values.
    """

    points: NDArray[np.float32]
    faces: NDArray[np.int32]
    normals: NDArray[np.float32]
    report: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("points", "faces", "normals"):
            array = getattr(self, name)
            if array.ndim != 2 or array.shape[1] != 3:
                raise ValueError(f"a mesh's {name} are (n, 3), not {array.shape}")
        if len(self.normals) != len(self.points):
            raise ValueError("a mesh has one normal a point")

    def to_pyvista(self) -> pyvista.PolyData:
        """Make a pyvista mesh with the same points, in mm LPS."""
        import pyvista

        surface = pyvista.PolyData.from_regular_faces(self.points, self.faces)
        surface.point_data.active_normals = self.normals
        return surface

    def __repr__(self) -> str:
        return f"Mesh({len(self.points)} points, {len(self.faces)} triangles)"
