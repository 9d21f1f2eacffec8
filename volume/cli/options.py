"""Every flag, defined once; a verb takes those it needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import click

from volume.assembly.options import GAPS, GEOMETRIES, PADDINGS, UNITS
from volume.errors import VolumeError
from volume.formats.mesh_space import SPACES
from volume.processing.presets import PRESETS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Numbers(click.ParamType):
    """Numbers joined by commas: `1` or `1,1,2`."""

    name = "numbers"

    def __init__(self, counts: Sequence[int], *, positive: bool = False) -> None:
        self.counts = tuple(counts)
        self.positive = positive

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """Read the numbers, or fail as a usage error."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not made of numbers joined by commas", param, ctx)
        if len(numbers) not in self.counts:
            wanted = " or ".join(map(str, self.counts))
            self.fail(f"{value!r} holds {len(numbers)} numbers; {wanted} are needed", param, ctx)
        if not all(abs(n) < 1e9 for n in numbers) or (self.positive and min(numbers) <= 0):
            self.fail(f"{value!r} holds a number that cannot be", param, ctx)
        return numbers


class PictureSize(Numbers):
    """Width and height in pixels that a picture can have."""

    def __init__(self) -> None:
        super().__init__((2,), positive=True)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """Read two whole numbers, or fail as a usage error."""
        from volume.viewer.layout import check_size

        width, height = super().convert(value, param, ctx)
        try:
            return check_size((round(width), round(height)))
        except ValueError as fault:
            self.fail(str(fault), param, ctx)


class Checked(click.ParamType):
    """A text that a function of the library accepts, or a usage error in its words."""

    def __init__(self, name: str, home: str, function: str) -> None:
        self.name = name
        self._home = home
        self._function = function

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Ask the function; its module is imported only now."""
        try:
            getattr(import_module(self._home), self._function)(value)
        except (ValueError, VolumeError) as fault:
            self.fail(str(fault), param, ctx)
        return str(value)


def _one(_ctx: click.Context, _param: click.Parameter, value: Any) -> float | None:
    """Take the one number of a list of one."""
    return None if value is None else value[0]


def _number(flag: str, metavar: str, says: str, *, positive: bool = False) -> Callable[[Any], Any]:
    """Declare an option of one number."""
    kind = Numbers((1,), positive=positive)
    return click.option(flag, type=kind, metavar=metavar, callback=_one, help=says)


source = click.argument("source")
sources = click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
meshes = click.argument("meshes", nargs=-1, metavar="[MESH]...")
output = click.argument("output")
source_a = click.argument("a")
source_b = click.argument("b")
series = click.option(
    "--series",
    metavar="WHICH",
    help="A SeriesNumber, a SeriesInstanceUID or an ending of one, or the id that info prints.",
)
series_b = click.option(
    "--series-b", metavar="WHICH", help="The same of B, where --series does not mean both."
)
within_mm = _number("--within-mm", "MM", "Places may lie so far apart; 0.01.", positive=True)
within_value = _number(
    "--within-value", "N", "Values may lie so far apart; not at all, floats within their rounding."
)
everything = click.option("--all", "everything", is_flag=True, help="Every volume, into a folder.")
name = click.option(
    "--name",
    type=Checked("pattern", "volume.cli.names", "check_pattern"),
    metavar="PATTERN",
    help="Names of the files of --all: {id}, or of {modality} {series_number} {description}"
    " {axis} {size} {series_uid} {id}, as in '{series_number} {description}.nrrd'.",
)
four_d = click.option("--4d", "four_d", is_flag=True, help="Stacks that share a grid as one file.")
geometry = click.option(
    "--geometry",
    type=click.Choice(GEOMETRIES),
    default=GEOMETRIES[0],
    show_default=True,
    help="Tilt and uneven spacing: resample once, refuse, or keep as acquired.",
)
gaps = click.option(
    "--gaps",
    type=click.Choice(GAPS),
    default=GAPS[0],
    show_default=True,
    help="Missing slices: refuse, interpolate and mark, or keep the largest unbroken run.",
)
padding = click.option(
    "--padding",
    type=click.Choice(PADDINGS),
    default=PADDINGS[0],
    show_default=True,
    help="What lies outside the field of view of a CT.",
)
unit = click.option(
    "--unit",
    type=click.Choice(UNITS),
    default=UNITS[0],
    show_default=True,
    help="Of PET values: the scanner's own, or SUV by body weight (g/mL).",
)
limits = click.option(
    "--limits",
    type=Checked("limits", "volume.dicom.limits", "parse_limits"),
    metavar="NAME=N[,...]",
    default="",
    help="What a file may ask for: inflated, frame, memory (MiB), nesting, elements, seconds.",
)
cache = click.option(
    "--cache",
    metavar="FILE",
    help="Keep in FILE what is read of headers; files that did not change are not read again.",
)
spacing = click.option(
    "--spacing",
    type=Numbers((1, 3), positive=True),
    metavar="MM[,MM,MM]",
    help="Resample to this spacing.",
)
like = click.option("--like", metavar="FILE", help="Put the volume on the grid of this one.")
orientation = click.option(
    "--orientation",
    type=Checked("letters", "volume.processing.orientation", "check_letters"),
    metavar="RAS",
    help="Reorder the axes; letters say where i, j, k run to.",
)
level = _number("--level", "HU", "Level of the surface.")
value_range = click.option(
    "--range", type=Numbers((2,)), metavar="LO,HI", help="Values of the body, both ends in it."
)
preset = click.option(
    "--preset",
    type=click.Choice(tuple(PRESETS)),
    help="Values of a tissue, for a CT in HU.",
)
labels = click.option(
    "--labels", is_flag=True, help="Take the values for labels: a surface for each of them."
)
smooth = _number(
    "--smooth",
    "MM",
    "Waves on the surface shorter than this fade; 0: none. Some 10 edges unless given.",
)
reduce = _number("--reduce", "FRACTION", "Take away this share of the triangles, as 0.9.")
tolerance = _number(
    "--tolerance",
    "MM",
    "Take away triangles while no place of the surface gets further than this, as measured.",
    positive=True,
)
largest = click.option(
    "--largest",
    type=click.IntRange(min=1),
    is_flag=False,
    flag_value=1,
    metavar="[N]",
    help="Keep the largest body, or the N largest. Write N where OUTPUT follows.",
)
min_volume = _number("--min-volume", "ML", "Keep bodies of so many mL.", positive=True)
clip = click.option(
    "--clip",
    type=Numbers((6,)),
    metavar="X0,X1,Y0,Y1,Z0,Z1",
    help="Keep what lies in this box, mm LPS; closed at its faces.",
)
split = click.option("--split", is_flag=True, help="One file a body, or a label.")
space = click.option(
    "--space",
    type=click.Choice(SPACES, case_sensitive=False),
    default=SPACES[0],
    show_default=True,
    help="In which the points are written.",
)
mesh_space = click.option(
    "--mesh-space",
    type=click.Choice(SPACES, case_sensitive=False),
    default=SPACES[0],
    show_default=True,
    help="Where the points of MESH files lie that do not say.",
)
window = click.option(
    "--window",
    type=Checked("window", "volume.processing.windows", "parse_window"),
    metavar="C,W|NAME",
    help="Centre and width, or a name.",
)
rendering = click.option(
    "--rendering",
    type=Checked("rendering", "volume.viewer.renderings", "parse_rendering"),
    metavar="NAME",
    help="What the 3D pane shows: surface, CT-Bone, CT-Lung, CT-MIP, MR-Default, ...",
)
layout = click.option(
    "--layout",
    type=click.Choice(("four", "axial", "coronal", "sagittal", "3d")),
    help="Which panes are shown; four, or those of --scene.",
)
at = click.option(
    "--at", type=Numbers((3,)), metavar="X,Y,Z", help="Where the crosshair stands, mm LPS."
)
screenshot = click.option(
    "--screenshot", metavar="FILE", help="Write a PNG instead; needs no window, no display."
)
scene = click.option(
    "--scene", metavar="FILE", help="Show a scene as it was saved (Ctrl + S in the window)."
)
save_scene = click.option(
    "--save-scene",
    metavar="FILE",
    help="Write the scene as JSON: when the window closes, or beside the picture.",
)
measurements = click.option(
    "--measurements",
    metavar="FILE",
    help="Write what was measured as .csv or .json, places in mm LPS; like --save-scene.",
)
size = click.option(
    "--size",
    type=PictureSize(),
    metavar="W,H",
    help="Size in pixels; 1600,1200 for a picture, what the screen allows for a window.",
)
overwrite = click.option("--overwrite", is_flag=True, help="Replace an existing output.")
no_sidecar = click.option("--no-sidecar", is_flag=True, help="No JSON beside the output.")
identifiers = click.option(
    "--identifiers",
    is_flag=True,
    help="Let who the patient is, and the source's file names, into the sidecar.",
)
identifiers_shown = click.option(
    "--identifiers", is_flag=True, help="Show what may say whose images these are."
)
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
quiet = click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
verbose = click.option("-v", "--verbose", is_flag=True, help="Say everything.")


def flags(*decorators: Decorator) -> Decorator:
    """Give a verb several flags, in the order in which its help lists them."""

    def decorate(verb: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            verb = decorator(verb)
        return verb

    return decorate
