"""One record for a classic slice and for a frame of a multi-frame file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple, TypeVar

Vector = tuple[float, float, float]
Trait = str | float | tuple[float, ...]


class Tile(NamedTuple):
    """Where a slice lies in the stored image that holds many: a mosaic, cut row by row.

    The whole image has `rows` and `columns`; the slice begins at (`top`, `left`) and is
    `number`, from 0, of the `held`; what stands behind the last is empty.
    """

    rows: int
    columns: int
    top: int
    left: int
    number: int
    held: int


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """How the pixels are encoded and where they lie (PS3.3 C.7.6.3).

    `offset` and `length` are the value of the pixel data element in the file (in the
    inflated data set where `transfer_syntax` is deflated); `length` is None where it is
    undefined; `frames` counts the frames it holds. `missing` counts the bytes of native
    pixels that are not there, `excess` those behind them that no pixel explains.
    """

    transfer_syntax: str
    offset: int
    length: int | None
    frames: int
    samples: int
    photometric: str
    planar: bool
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    swapped: bool = False
    """8-bit pixels written as big endian words."""
    missing: int = 0
    excess: int = 0
    tile: Tile | None = None
    """Which part of the stored image is the slice; None: all of it."""
    floating: bool = False
    """Float Pixel Data or Double Float Pixel Data (C.7.6.24, C.7.6.25)."""


@dataclass(frozen=True, slots=True)
class Rescale:
    """Stored value to real value: `slope * stored + intercept` (PS3.3 C.11.1)."""

    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""
    declared: int = 0
    """How many of the two the file gives; stored values stand for themselves at 0."""


@dataclass(frozen=True, slots=True)
class ModalityLut:
    """Stored value to real value by a table (PS3.3 C.11.1.1.1).

    `values[0]` stands for `first` and everything below, the last for everything above.
    """

    first: int
    values: tuple[int, ...]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Palette:
    """Stored value to colour by three tables (PS3.3 C.7.9): one entry of `bits`, 8 or 16, each.

    Entry 0 stands for `first` and everything below, the last for everything above.
    """

    first: int
    bits: int
    red: bytes
    green: bytes
    blue: bytes


@dataclass(frozen=True, slots=True)
class Diffusion:
    """The diffusion weighting of a slice: `b_value` in s/mm², `direction` a unit vector in LPS.

    There is no direction without weighting, nor in an image that is the mean over several (a
    trace). `number` orders the volumes of a maker who numbers them, and is () elsewhere.
    """

    b_value: float
    direction: Vector | None = None
    number: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SliceHeader:
    """What assembly needs to know of one slice; nothing of the patient.

    `position` (3,) is the centre of the first pixel in mm LPS and `orientation` (2, 3)
    the directions of a row and of a column (PS3.3 C.7.6.2); `pixel_spacing` is (between
    rows, between columns) in mm; `frame` counts from 0. What the file lacks is None.
    `traits` are the tags that may tell slices at one place apart.
    """

    path: str
    name: str
    frame: int
    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    frame_of_reference_uid: str
    modality: str
    series_number: int | None
    description: str
    instance_number: int | None
    images_in_acquisition: int | None
    concatenation: tuple[str, int, int] | None
    """UID, number of this part, parts in all."""
    patient: bytes
    """A digest: tells patients apart and names none."""
    image_type: tuple[str, ...]
    rows: int
    columns: int
    position: Vector | None
    orientation: tuple[Vector, Vector] | None
    pixel_spacing: tuple[float, float] | None
    slice_thickness: float | None
    spacing_between_slices: float | None
    rescale: Rescale
    lut: ModalityLut | None
    window: tuple[float, float] | None
    padding: tuple[float, float] | None
    """Least and greatest padding value (PS3.3 C.7.5.1.1.2)."""
    lossy: bool
    real_world: bool
    """Whether a real world value mapping is there; it is not applied."""
    pixels: PixelLayout
    traits: Mapping[str, Trait]
    slice_time: float | None = None
    """When it was acquired, in seconds after the first slice of its volume."""
    philips: tuple[float, float] | None = None
    """Scale slope and intercept of Philips MR (see `dicom.philips`)."""
    assumed: tuple[str, ...] = ()
    """What of its place the file does not say and was assumed, in words."""
    palette: Palette | None = None
    mapped: tuple[float, float] | None = None
    """Least and greatest stored value that a real world value mapping is for (C.7.6.16.2.11)."""
    diffusion: Diffusion | None = None

    @property
    def is_colour(self) -> bool:
        """Whether every pixel becomes red, green and blue."""
        return self.pixels.samples == 3 or self.palette is not None

    @property
    def instance(self) -> tuple[str, int, int]:
        """What it is called among all slices: its instance UID, frame and tile."""
        tile = self.pixels.tile
        return self.sop_instance_uid, self.frame, 0 if tile is None else tile.number


def changed(record: Record, **fields: object) -> Record:
    """Give a record with other values in some fields.

    As `dataclasses.replace` does in twice the time: there are as many records as slices.
    """
    kind = type(record)
    names, values_of = _FIELDS[kind]
    values = list(values_of(record))
    for name, value in fields.items():
        values[names[name]] = value
    return kind(*values)


Record = TypeVar("Record", SliceHeader, PixelLayout)
_FIELDS = {
    kind: ({name: n for n, name in enumerate(kind.__slots__)}, attrgetter(*kind.__slots__))
    for kind in (SliceHeader, PixelLayout)
}
