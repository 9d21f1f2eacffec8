"""A surface in space: what is printed, measured and laid over the image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyvista


@dataclass(frozen=True)
class Part:
    """A named piece of a mesh: `count` faces from face `first` on.

    `colour` is (red, green, blue), 0 to 1; None for no colour of its own.
    """

    name: str
    first: int
    count: int
    colour: tuple[float, float, float] | None = None


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles in mm LPS.

    `points` (n, 3) float32 and `normals` (n, 3) float32 in LPS, `faces` (m, 3) int32
    counter-clockwise seen from outside; `report` holds plain JSON values. `parts` are none
    (one unnamed piece) or cover the faces in order, without gaps; they share no points.
    """

    points: NDArray[np.float32]
    faces: NDArray[np.int32]
    normals: NDArray[np.float32]
    report: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        for name in ("points", "faces", "normals"):
            array = getattr(self, name)
            if array.ndim != 2 or array.shape[1] != 3:
                raise ValueError(f"a mesh's {name} are (n, 3), not {array.shape}")
        if len(self.normals) != len(self.points):
            raise ValueError("a mesh has one normal a point")
        ends = list(accumulate(part.count for part in self.parts))
        if self.parts and [part.first for part in self.parts] != [0, *ends[:-1]]:
            raise ValueError("a mesh's parts cover its faces in order, without gaps")
        if self.parts and ends[-1] != len(self.faces):
            raise ValueError(f"a mesh's parts have {ends[-1]} faces of its {len(self.faces)}")

    def part(self, number: int) -> Mesh:
        """Make the mesh of one part alone, with the points it uses and the whole's report."""
        chosen = self.parts[number]
        used, faces = np.unique(
            self.faces[chosen.first : chosen.first + chosen.count], return_inverse=True
        )
        return Mesh(
            self.points[used],
            faces.reshape(-1, 3).astype(np.int32),
            self.normals[used],
            self.report,
            (replace(chosen, first=0),),
        )

    def to_pyvista(self) -> pyvista.PolyData:
        """Make a pyvista mesh with the same points, in mm LPS."""
        import pyvista

        surface = pyvista.PolyData.from_regular_faces(self.points, self.faces)
        surface.point_data.active_normals = self.normals
        return surface

    def __repr__(self) -> str:
        return f"Mesh({len(self.points)} points, {len(self.faces)} triangles)"
