"""One volume of a volume file as the header tells it; nothing is known of its voxels yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from volume.errors import SeriesChoiceError
from volume.escaping import LABEL, escape
from volume.findings import Finding
from volume.geometry import Geometry
from volume.volume import Volume

AXIS = "Volume"
"""The axis along which a file of four dimensions holds its volumes; what it is, no file says."""


@dataclass(frozen=True, eq=False)
class Member:
    """A volume of a volume file: the `n`th, from 0, of `count` that share a grid.

    `id` names it without the file's name, which may be a patient's: the format, six digits
    of a hash of the file's beginning and, of several, the number: `nii_3fa9c1_t3`.
    """

    id: str
    n: int
    count: int
    geometry: Geometry
    dtype: np.dtype[Any]
    modality: str = ""
    unit: str = ""
    findings: tuple[Finding, ...] = ()
    description: str = ""
    is_label_map: bool = False

    @property
    def size(self) -> tuple[int, int, int]:
        """Voxels along i, j, k."""
        return self.geometry.size

    @property
    def axis(self) -> tuple[str, int] | None:
        """Its number among several, from 1."""
        return (AXIS, self.n + 1) if self.count > 1 else None

    def told_of(self, volume: Volume) -> Volume:
        """Give the volume that was read the name and the number of this member."""
        report = {**volume.report, "id": self.id}
        if self.axis is not None:
            report["axis"] = {"tag": AXIS, "value": self.n + 1}
        return replace(
            volume,
            id=self.id,
            axis=self.axis,
            report=report,
            modality=self.modality,
            unit=self.unit,
        )

    def __repr__(self) -> str:
        what = escape(" ".join(filter(None, (self.modality, self.unit))), LABEL)
        return f"Member({self.id}, {what or 'values'}, {self.dtype}, {self.geometry!r})"


def choose_member(
    members: Sequence[Member], which: int | str | None = None, source: str = ""
) -> Member:
    """Choose the one volume that is meant, by its id. Raises `SeriesChoiceError`."""
    if which is None:
        if len(members) == 1:
            return members[0]
        what = f"{len(members)} volumes are here, on one grid (4D); one is needed"
    else:
        wanted = str(which).strip()
        named = [member for member in members if member.id == wanted]
        if named:
            return named[0]
        what = f"no volume here is called {wanted!r}"
    raise SeriesChoiceError(what, files=(source,), choices=members, remedy=("series", ""))
