"""What the whole numbers of a label map stand for."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

Colour = tuple[float, float, float]
GOLDEN = 0.618034
"""Hues this share of a turn apart never come near each other (the golden section)."""


@dataclass(frozen=True)
class Label:
    """A structure of a label map: its value, its name, and its colour, 0 to 1, if it has one."""

    value: int
    name: str
    colour: Colour | None = None


def unnamed(value: int) -> Label:
    """Name a value of which nothing is known; the same value has the same colour everywhere."""
    return Label(value, f"label {value}", colorsys.hsv_to_rgb(value * GOLDEN % 1, 0.55, 0.95))
