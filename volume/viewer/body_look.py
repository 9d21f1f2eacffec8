"""How the 3D pane shows the volume: as a surface or rendered, whole or cut by a box; no VTK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from volume.viewer.renderings import parse_rendering
from volume.viewer.saved_number import read_mm, read_number

Box = tuple[float, float, float, float, float, float]
"""x0, x1, y0, y1, z0, z1 in mm LPS."""

HU_PER_PIXEL = 2.0
"""So far a pixel of drag shifts a curve, or moves the surface's level."""
PIXELS_PER_WINDOW = 400
"""Where there are no HU, so many pixels of drag shift by the width of the first window."""


@dataclass(frozen=True)
class BodyLook:
    """How the volume looks in the 3D pane.

    `rendering` is a preset's name, None for the isosurface; `shift` moves the preset's curve
    by so much, in the volume's unit; outside the box `clip` (x0, x1, y0, y1, z0, z1 in mm
    LPS) nothing is shown, None is the whole volume.
    """

    rendering: str | None = None
    shift: float = 0.0
    clip: Box | None = None

    def render(self, name: str | None) -> BodyLook:
        """Take another preset, unshifted, or the surface."""
        return replace(self, rendering=None if name is None else parse_rendering(name), shift=0.0)

    def render_next(self, names: Sequence[str]) -> BodyLook:
        """Go on to the next of these presets; after the last one comes the surface."""
        order = [None, *names]
        at = order.index(self.rendering) if self.rendering in order else -1
        return self.render(order[(at + 1) % len(order)])

    def shift_by(self, amount: float) -> BodyLook:
        """Shift the curve to higher values."""
        return replace(self, shift=self.shift + amount)

    def cut(self, box: Sequence[float] | None) -> BodyLook:
        """Show what lies inside a box only, or everything again."""
        return replace(self, clip=None if box is None else check_box(box))

    def as_json(self) -> dict[str, Any]:
        """Give plain values for a saved scene."""
        clip = None if self.clip is None else list(self.clip)
        return {"rendering": self.rendering, "shift": self.shift, "clip": clip}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> BodyLook:
        """Read what `as_json` gave; a ValueError where it cannot be."""
        shift, box = read_number(saved["shift"]), saved["clip"]
        sides = None if box is None else [read_mm(side) for side in box]
        return replace(cls().render(saved["rendering"]).cut(sides), shift=shift)


def shift_per_pixel(*, is_hounsfield: bool, window_width: float) -> float:
    """Say by how much a pixel of drag shifts, in the volume's unit."""
    return HU_PER_PIXEL if is_hounsfield else window_width / PIXELS_PER_WINDOW


def check_box(sides: Sequence[float]) -> Box:
    """Give x0, x1, y0, y1, z0, z1 as numbers, or refuse what is no box."""
    if len(sides) != 6:
        raise ValueError(f"a box has the sides x0, x1, y0, y1, z0, z1: six, not {len(sides)}")
    x0, x1, y0, y1, z0, z1 = (float(side) for side in sides)
    if not (x0 < x1 and y0 < y1 and z0 < z1 and all(map(isfinite, (x0, x1, y0, y1, z0, z1)))):
        raise ValueError(f"a box's sides go from the lesser to the greater: {list(sides)}")
    return x0, x1, y0, y1, z0, z1
