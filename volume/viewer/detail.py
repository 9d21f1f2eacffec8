"""How much of the 3D pane is drawn: a hand that turns the patient does not wait."""

from __future__ import annotations

from enum import IntEnum


class Detail(IntEnum):
    """From nothing yet to all there is to see."""

    NONE = 0
    COARSE = 1
    FULL = 2
