"""Slices in order along their normal: what becomes one volume."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from volume.assembly.drift import Drift
from volume.assembly.placement import Placement
from volume.assembly.spacing import Spacing
from volume.dicom import sop_classes
from volume.dicom.header import Diffusion, SliceHeader
from volume.findings import Finding, Severity
from volume.geometry import Geometry


@dataclass(frozen=True, eq=False)
class Grid:
    """How the slices of a stack lie, as it was fitted; the axes, i, j, k, are right-handed."""

    placement: Placement
    spacing: Spacing
    drift: Drift
    pixel: NDArray[np.float64]
    """(2,) spacing along rows and along columns, in mm."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices in order along +normal, and the grid they lie on.

    `geometry` is the grid of the volume that comes out; None where the slices do not say
    where they lie. `kind` is regular, or one or more of missing, variable, irregular,
    tilted, shifted, single. `axes` are the (tag, value) that tell one stack of several that
    share a grid apart. `lost` are the indices of slices whose pixels are known to be unreadable.
    """

    id: str
    slices: tuple[SliceHeader, ...]
    geometry: Geometry | None
    kind: tuple[str, ...]
    findings: tuple[Finding, ...]
    axes: tuple[tuple[str, object], ...] = ()
    grid: Grid | None = None
    lost: frozenset[int] = frozenset()
    dropped: tuple[SliceHeader, ...] = ()
    """Duplicates of its slices, which are not used."""
    diffusion: Diffusion | None = None
    """How it is weighted, in a series of which some volumes are."""
    group: str = ""
    """What its id begins with, as do those of the stacks from which `axes` tell it."""

    @property
    def axis(self) -> tuple[str, object] | None:
        """The last (tag, value) by which it was told apart from stacks on the same grid."""
        return self.axes[-1] if self.axes else None

    @property
    def series_uid(self) -> str:
        """The SeriesInstanceUID."""
        return self.slices[0].series_uid

    @property
    def series_number(self) -> int | None:
        """The SeriesNumber."""
        return self.slices[0].series_number

    @property
    def modality(self) -> str:
        """The Modality: "CT", "MR", "PT"."""
        return self.slices[0].modality

    @property
    def description(self) -> str:
        """The SeriesDescription, in its own character set."""
        return self.slices[0].description

    @property
    def size(self) -> tuple[int, int, int]:
        """Voxels along i, j, k."""
        if self.geometry is not None:
            return self.geometry.size
        first = self.slices[0]
        return first.columns, first.rows, len(self.slices)

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """The findings for which it is refused with default options."""
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)

    @property
    def is_localizer(self) -> bool:
        """Whether it is a localizer rather than a volume."""
        found = (f for f in self.findings if f.code == "localizer")
        return any(finding.evidence.get("localizer") for finding in found)

    @property
    def is_capture(self) -> bool:
        """Whether it is made of secondary captures."""
        return self.slices[0].sop_class_uid == sop_classes.CAPTURES

    @property
    def is_choice(self) -> bool:
        """Whether it counts as a volume: beside one, these do not: localizers, captures, slices."""
        return not self.is_localizer and not self.is_capture and len(self.slices) > 1

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.size))
        return f"Stack({self.id}, {size}, {'+'.join(self.kind) or 'not placed'})"


def name_stack(header: SliceHeader, suffix: str) -> str:
    """Name a volume without naming the patient: modality, series number, hash of the UID."""
    modality = re.sub(r"[^a-z0-9]", "", header.modality.lower())[:8] or "xx"
    digest = hashlib.sha256(header.series_uid.encode()).hexdigest()[:6]
    number = max(header.series_number or 0, 0)
    return f"{modality}_s{number:03d}_{digest}{suffix}"
