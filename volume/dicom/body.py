"""A body made of formulas, in Hounsfield units: skin, bones, lungs, heart, liver.

It is lopsided as people are, so that left and right can be told: the heart, the stomach
and the aorta lie on the left, the liver on the right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

SIZE = (288, 208, 72)
SPACING = (1.5, 1.5, 4.0)
"""(i, j, k) in mm; wide enough for arms held at the sides."""

AIR, LUNG, FAT, SKIN = -1000, -850, -100, 40
BLOOD, MUSCLE, LIVER, SPLEEN, KIDNEY, DISC, CORD = 130, 55, 75, 60, 90, 80, 25
MARROW, SPONGY, CORTEX = -40, 260, 900
NOISE = 12.0
"""Standard deviation in HU: that of a good abdominal scan."""

TRUNK = (148.0, 100.0)
"""Half the width and depth of the trunk in mm."""

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Space:
    """The places of the voxels, mm LPS from the middle, shaped to broadcast to [k, j, i]."""

    x: Field
    y: Field
    z: Field

    @cached_property
    def depth(self) -> Field:
        """How deep under the trunk's skin, in mm; negative outside."""
        return self.below(*TRUNK)

    def below(self, half_width: float, half_depth: float) -> Field:
        """How deep under an oval about the trunk's axis, in mm.

        Towards the head it narrows to a neck, around the spine.
        """
        up = np.clip((self.z - 60) / 84, 0, 1) ** 2
        wide, deep = half_width * (1 - 0.6 * up), half_depth * (1 - 0.42 * up)
        middle = half_depth - deep
        radius: Field = np.sqrt((self.x / wide) ** 2 + ((self.y - middle) / deep) ** 2)
        return (1 - radius) * half_depth

    @cached_property
    def lungs(self) -> Mask:
        """The right one is larger."""
        right, left = ball((-66, -2, 30), (50, 68, 88)), ball((68, 0, 32), (46, 66, 86))
        return (right(self) | left(self)) & (self.depth > 24)


Inside = Callable[[Space], Mask]


def body() -> NDArray[np.int16]:
    """Make the body, [k, j, i] from the feet up, in HU."""
    space = Space(*(_axis(n) for n in range(3)))
    hu = np.full(SIZE[::-1], AIR, dtype=np.float32)
    for value, inside in ANATOMY:
        hu[np.broadcast_to(inside(space), hu.shape)] = value
    hu = _blurred(_blurred(hu, axis=1), axis=2)
    hu += NOISE * np.random.default_rng(1895).standard_normal(hu.shape, dtype=np.float32)
    return np.clip(np.rint(hu), -1024, 3071).astype(np.int16)


def _axis(n: int) -> Field:
    places = (np.arange(SIZE[n], dtype=np.float32) - (SIZE[n] - 1) / 2) * SPACING[n]
    return places.astype(np.float32).reshape([-1 if axis == 2 - n else 1 for axis in range(3)])


def _blurred(hu: Field, axis: int) -> Field:
    """Soften the edges in the plane, as the partial volume of a scanner does."""
    return (np.roll(hu, 1, axis) + hu + hu + np.roll(hu, -1, axis)) / np.float32(4)


# Shapes


def ball(centre: tuple[float, float, float], radii: tuple[float, float, float]) -> Inside:
    """Everything within an ellipsoid."""
    (x, y, z), (a, b, c) = centre, radii
    return lambda s: ((s.x - x) / a) ** 2 + ((s.y - y) / b) ** 2 + ((s.z - z) / c) ** 2 < 1


def pipe(x: float, y: float, radius: float, low: float = -200, high: float = 200) -> Inside:
    """A pipe along the body, between two heights."""
    return lambda s: ((s.x - x) ** 2 + (s.y - y) ** 2 < radius**2) & (s.z > low) & (s.z < high)


def plate(half_width: float, half_depth: float, half_height: float) -> Inside:
    """The breastbone, or what is within it."""
    return lambda s: (
        (np.abs(s.x) < half_width)
        & (np.abs(s.y + 76) < half_depth)
        & (np.abs(s.z - 35) < half_height)
    )


def both(make: Callable[[int], Inside]) -> Inside:
    """The same on both sides: `make` takes -1 for the right and 1 for the left."""
    right, left = make(-1), make(1)
    return lambda s: right(s) | left(s)


def trunk(deeper: float) -> Inside:
    """What lies deeper under the skin than so many mm."""
    return lambda s: s.depth > deeper


def within(shape: Inside, other: Inside) -> Inside:
    """What lies in both."""
    return lambda s: shape(s) & other(s)


def arms(thinner: float) -> Inside:
    """Arms and shoulders, peeled by so many mm."""
    arm = both(lambda side: pipe(182.0 * side, 5, 26 - thinner, high=70))
    shoulder = both(lambda side: ball((162.0 * side, 5, 72), (46 - thinner,) * 3))
    return lambda s: arm(s) | shoulder(s)


def collar_bones(radius: float) -> Inside:
    """Two rods from the breastbone out and back to the shoulders."""

    def inside(s: Space) -> Mask:
        out = np.abs(s.x)
        off_axis = (s.y + 62 - 0.35 * (out - 12)) ** 2 + (s.z - 86 + 0.05 * out) ** 2
        return (off_axis < radius**2) & (out > 12) & (out < 165)

    return inside


def vertebrae(radius: float) -> Inside:
    """Blocks of 25 mm with a disc of 6 mm between them."""
    column = pipe(0, 52, radius)
    return lambda s: column(s) & (np.mod(s.z + 300, 31) < 25)


def arches(s: Space) -> Mask:
    """Bone around the spinal cord, with a spine at the back."""
    around = pipe(0, 76, 14)(s)
    return around | ((np.abs(s.x) < 4) & (np.abs(s.y - 85) < 8))


RIB_PITCH, RIB_FALL = 24.0, 62.0
"""From rib to rib, and from a rib's root at the spine to its front end, in mm."""


def ribs(radius: float) -> Inside:
    """Ten hoops within the wall of the chest, each falling from the spine to the front."""

    def inside(s: Space) -> Mask:
        turn = np.arctan2(np.abs(s.x) / TRUNK[0], s.y / TRUNK[1]) / np.pi  # 0 back, 1 front
        height = s.z + RIB_FALL * turn + 90
        away = height - np.clip(np.rint(height / RIB_PITCH), 0, 9) * RIB_PITCH
        off_wall = s.below(TRUNK[0] - 20, TRUNK[1] - 20)
        return (off_wall**2 + away**2 < radius**2) & (turn > 0.06) & (turn < 0.86)

    return inside


def vessels(s: Space) -> Mask:
    """Branches from the roots of the lungs outwards, thinning as they go."""
    x, y, z = (np.broadcast_to(axis, s.lungs.shape)[s.lungs] for axis in (s.x, s.y, s.z - 45))
    hit = np.zeros(x.shape, dtype=bool)
    rng = np.random.default_rng(7)
    for side in (-1, 1):
        for way in rng.normal(size=(14, 3)).astype(np.float32):
            way[0] = side * (abs(way[0]) - 0.3)
            way /= np.linalg.norm(way)
            out = x - 22 * side
            along = out * way[0] + y * way[1] + z * way[2]
            aside = out**2 + y**2 + z**2 - along**2
            hit |= (along > 0) & (along < 75) & (aside < (4.5 - 0.045 * along) ** 2)
    found = np.zeros(s.lungs.shape, dtype=bool)
    found[s.lungs] = hit
    return found


HEART = (24, -28, 8)
STOMACH = (62, -30, -78)

ANATOMY: tuple[tuple[float, Inside], ...] = (
    (SKIN, trunk(0)),
    (SKIN, arms(0)),
    (FAT, trunk(3)),
    (FAT, arms(3)),
    (MUSCLE, trunk(13)),
    (MUSCLE, arms(8)),
    (FAT, within(trunk(26), lambda s: s.z < -70)),
    (LUNG, lambda s: s.lungs),
    (BLOOD, vessels),
    (MUSCLE, ball(HEART, (50, 42, 44))),
    (BLOOD, ball(HEART, (41, 33, 35))),
    (LIVER, within(trunk(24), ball((-48, -8, -78), (84, 72, 52)))),
    (SPLEEN, within(trunk(24), ball((98, 30, -72), (26, 36, 40)))),
    (MUSCLE, ball(STOMACH, (38, 36, 34))),
    (AIR, within(ball(STOMACH, (34, 32, 30)), lambda s: s.y < -38)),
    (KIDNEY, both(lambda side: ball((52.0 * side, 48, -118), (22, 20, 34)))),
    (BLOOD, pipe(20, 30, 11, high=60)),  # the aorta
    (AIR, pipe(0, 12, 8, low=58)),  # the windpipe
    (DISC, pipe(0, 52, 19)),
    (CORTEX, vertebrae(20)),
    (SPONGY, vertebrae(18)),
    (CORTEX, arches),
    (CORD, pipe(0, 76, 9)),
    (CORTEX, ribs(6)),
    (SPONGY, ribs(3.5)),
    (CORTEX, plate(17, 6, 55)),
    (SPONGY, plate(14, 3.5, 52)),
    (CORTEX, collar_bones(6)),
    (CORTEX, both(lambda side: pipe(180.0 * side, 5, 11, high=68))),
    (CORTEX, both(lambda side: ball((168.0 * side, 5, 74), (20, 20, 20)))),
    (SPONGY, both(lambda side: ball((168.0 * side, 5, 74), (16, 16, 16)))),
    (MARROW, both(lambda side: pipe(180.0 * side, 5, 6, high=62))),
)
"""What is painted over what, the skin first."""
