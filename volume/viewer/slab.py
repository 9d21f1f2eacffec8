"""How thick a slab a plane shows, and how its layers become one image; no VTK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from volume.processing.planes import check_slab
from volume.viewer.saved_number import read_mm

MODES: Mapping[str, str] = {"max": "MIP", "min": "MinIP", "mean": "mean"}
"""Ways to combine, by the names that readers know."""
STEPS_MM = (1, 2, 3, 4, 5, 7, 10, 15, 20, 25, 30, 40, 50, 70, 100, 150, 200)
"""Thicknesses that the keys [ and ] go through."""


@dataclass(frozen=True)
class Slab:
    """A slab of so many mm; thin, of one layer, where `mode` is None."""

    mode: str | None = None
    mm: float = 10.0

    def next_mode(self) -> Slab:
        """Go on from thin to MIP, MinIP, mean and back."""
        modes = (None, *MODES)
        return replace(self, mode=modes[(modes.index(self.mode) + 1) % len(modes)])

    def thicker(self, steps: int) -> Slab:
        """Take the next thickness up, or down if negative; a thin plane becomes a MIP."""
        if self.mode is None:
            return replace(self, mode="max")
        if steps > 0:
            others = [mm for mm in STEPS_MM if mm > self.mm] or [STEPS_MM[-1]]
            return replace(self, mm=float(others[0]))
        others = [mm for mm in STEPS_MM if mm < self.mm] or [STEPS_MM[0]]
        return replace(self, mm=float(others[-1]))

    @property
    def thickness(self) -> float:
        """How thick the slab is asked to be, in mm; 0 for one layer."""
        return 0.0 if self.mode is None else self.mm

    @property
    def combine(self) -> str:
        """How the layers become one image."""
        return self.mode or "max"

    def as_json(self) -> dict[str, Any]:
        """Give plain values for a saved scene."""
        return {"mode": self.mode, "mm": self.mm}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Slab:
        """Read what `as_json` gave; a ValueError where it is something else."""
        mode, mm = saved["mode"], read_mm(saved["mm"])
        if mode is not None:
            check_slab(mm, mode)
        if not mm > 0:
            raise ValueError(f"a slab's thickness is a number above 0, not {mm}")
        return cls(mode, mm)


THIN = Slab()
"""One layer."""
