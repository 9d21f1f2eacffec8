"""Presets of volume rendering: which values are seen, how dense and in which colour; no VTK.

Names and curves are 3D Slicer's, the field's common language. Those of CT are given in HU.
Those of MR, whose values have no unit, are stretched to the image: the two values `stretch`
come to lie on its percentiles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from volume.errors import VolumeError

Opacity = tuple[float, float]
"""A value, and how much of the light it holds back over a voxel's width, 0 to 1."""
Colour = tuple[float, float, float, float]
"""A value, and its red, green and blue, 0 to 1."""

SURFACE = "surface"
"""What the isosurface is called where a name is asked for."""
STRETCH_PERCENT = (1.0, 99.5)
"""The percentiles of an image on which the values of `stretch` come to lie."""


@dataclass(frozen=True)
class Light:
    """How a material throws light back."""

    ambient: float
    diffuse: float
    specular: float = 0.0
    power: float = 1.0


GLOSSY = Light(0.1, 0.9, 0.2, 10)
DULL = Light(0.2, 1.0)
WHITE = ((0.0, 1.0, 1.0, 1.0),)


@dataclass(frozen=True)
class Rendering:
    """A transfer function. Without a `light` each line of sight shows its largest value;
    one whose opacity is a `thin` band has to be sampled twice as densely."""

    opacity: tuple[Opacity, ...]
    colour: tuple[Colour, ...]
    light: Light | None = GLOSSY
    stretch: tuple[float, float] | None = None
    thin: bool = False

    def moved(self, scale: float, offset: float) -> Rendering:
        """Give the same curve over other values: `scale` times its own, plus `offset`."""
        return replace(
            self,
            opacity=tuple((value * scale + offset, part) for value, part in self.opacity),
            colour=tuple((value * scale + offset, r, g, b) for value, r, g, b in self.colour),
        )

    def on(self, low: float, high: float) -> Rendering:
        """Stretch a curve that has no unit onto an image of these percentiles."""
        if self.stretch is None:
            return self
        start, end = self.stretch
        scale = (high - low) / (end - start) or 1.0
        return self.moved(scale, low - start * scale)


RENDERINGS: Mapping[str, Rendering] = {
    "CT-Bone": Rendering(
        ((-3024, 0), (-16.4, 0), (641.4, 0.716), (3071, 0.706)),
        (
            (-3024, 0, 0, 0),
            (-16.4, 0.729, 0.255, 0.302),
            (641.4, 0.906, 0.816, 0.553),
            (3071, 1, 1, 1),
        ),
    ),
    "CT-AAA": Rendering(
        ((-3024, 0), (143.6, 0), (166.2, 0.686), (214.4, 0.696), (419.7, 0.833), (3071, 0.804)),
        (
            (-3024, 0, 0, 0),
            (143.6, 0.616, 0.357, 0.184),
            (166.2, 0.882, 0.604, 0.290),
            (214.4, 1, 1, 1),
            (419.7, 1, 0.937, 0.955),
            (3071, 0.827, 0.659, 1),
        ),
    ),
    "CT-Chest-Contrast-Enhanced": Rendering(
        ((-3024, 0), (67, 0), (251.1, 0.446), (439.3, 0.625), (3071, 0.616)),
        (
            (-3024, 0, 0, 0),
            (67, 0.549, 0.251, 0.149),
            (251.1, 0.882, 0.604, 0.290),
            (439.3, 1, 0.937, 0.955),
            (3071, 0.827, 0.659, 1),
        ),
    ),
    "CT-Cardiac3": Rendering(
        (
            (-3024, 0),
            (-87, 0),
            (45.4, 0.170),
            (139.9, 0.589),
            (347.9, 0.607),
            (1224, 0.607),
            (3071, 0.616),
        ),
        (
            (-3024, 0, 0, 0),
            (-87, 0, 0.251, 1),
            (45.4, 1, 0, 0),
            (139.9, 1, 0.895, 0.895),
            (347.9, 1, 1, 0.251),
            (1224, 1, 1, 1),
            (3071, 0.827, 0.659, 1),
        ),
    ),
    "CT-Lung": Rendering(
        ((-1000, 0), (-600, 0), (-599, 0.15), (-400, 0.15), (-399, 0), (2952, 0)),
        (
            (-600, 0, 0, 1),
            (-530, 0.135, 0.782, 0.072),
            (-460, 0.929, 1, 0.109),
            (-400, 0.889, 0.255, 0.024),
        ),
        DULL,
        thin=True,
    ),
    "CT-Muscle": Rendering(
        ((-3024, 0), (-155.4, 0), (217.6, 0.676), (419.7, 0.833), (3071, 0.804)),
        (
            (-3024, 0, 0, 0),
            (-155.4, 0.549, 0.251, 0.149),
            (217.6, 0.882, 0.604, 0.290),
            (419.7, 1, 0.937, 0.955),
            (3071, 0.827, 0.659, 1),
        ),
    ),
    "CT-MIP": Rendering(
        ((-3024, 0), (-637.6, 0), (700, 1), (3071, 1)),
        WHITE,
        light=None,
    ),
    "Skin": Rendering(
        (
            (-837, 0),
            (-698, 0.203),
            (-92, 0.303),
            (1, 0),
            (36, 0.187),
            (120, 0.556),
            (177, 0.71),
            (221, 0.796),
            (320, 0.875),
        ),
        (
            (-698, 1, 0.81, 0.72),
            (-92, 1, 0.5, 0.25),
            (36, 0.5, 0, 0),
            (177, 1, 0, 0),
            (221, 1, 1, 0),
            (320, 1, 1, 1),
        ),
    ),
    "MR-Default": Rendering(
        ((0, 0), (20, 0), (40, 0.15), (120, 0.3), (220, 0.375), (1024, 0.5)),
        (
            (0, 0, 0, 0),
            (20, 0.169, 0, 0),
            (40, 0.404, 0.145, 0.078),
            (120, 0.780, 0.608, 0.380),
            (220, 0.847, 0.835, 0.788),
            (1024, 1, 1, 1),
        ),
        DULL,
        stretch=(0, 250),
    ),
    "MR-Angio": Rendering(
        (
            (-2048, 0),
            (151.4, 0),
            (158.3, 0.4375),
            (190.1, 0.580),
            (200.9, 0.732),
            (3661, 0.741),
        ),
        (
            (-2048, 0, 0, 0),
            (158.3, 0.749, 0.376, 0),
            (190.1, 1, 0.867, 0.733),
            (200.9, 0.937, 0.937, 0.937),
            (3661, 1, 1, 1),
        ),
        DULL,
        stretch=(0, 200),
    ),
    "MIP": Rendering(
        ((0, 0), (1, 1)),
        WHITE,
        light=None,
        stretch=(0, 1),
    ),
}
"""By name, in the order of the key."""

NAMES = (SURFACE, *RENDERINGS)


def parse_rendering(text: str) -> str | None:
    """Read a preset's name in any case, None for "surface"; a ValueError lists them all."""
    spelled = {_plain(name): name for name in NAMES}
    name = spelled.get(_plain(text))
    if name is None:
        raise ValueError(f"no such rendering: {text!r}; there are {', '.join(NAMES)}")
    return None if name == SURFACE else name


def fitting(*, is_hounsfield: bool, is_colour: bool) -> tuple[str, ...]:
    """Name the presets that mean something for a volume's values."""
    if is_colour:
        return ()
    in_hu = tuple(name for name, one in RENDERINGS.items() if one.stretch is None)
    return (*in_hu, "MIP") if is_hounsfield else tuple(n for n in RENDERINGS if n not in in_hu)


def refuse_unfit(name: str, *, is_hounsfield: bool, is_colour: bool) -> None:
    """Raise a VolumeError for a preset whose curve means nothing for a volume's values."""
    if is_colour:
        raise VolumeError("a colour volume has no values that a rendering could be chosen by")
    if RENDERINGS[name].stretch is None and not is_hounsfield:
        fit = ", ".join((SURFACE, *fitting(is_hounsfield=False, is_colour=False)))
        raise VolumeError(
            f"{name} is given in HU, and these values are not",
            remedy=f"choose one of {fit} with {{rendering=NAME}}",
        )


def _plain(name: str) -> str:
    return "-".join(name.strip().lower().replace("_", " ").replace("-", " ").split())
