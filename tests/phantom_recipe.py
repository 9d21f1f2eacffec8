"""What can be asked of a phantom, and one slice of it as laid out before it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom import Dataset
from pydicom.uid import generate_uid


@dataclass(frozen=True)
class Recipe:
    """What is odd about a series; every default is what a good scanner writes."""

    # where the slices lie
    size: tuple[int, int, int] = (24, 20, 20)  # (i, j, k): columns, rows, slices
    spacing: tuple[float, float, float] = (0.8, 0.7, 2.5)  # mm along i, j and the normal
    origin: tuple[float, float, float] = (-31.4, 17.2, -12.3)  # centre of voxel (0, 0, 0)
    orientation: str = "axial"
    tilt: float = 0.0  # degrees by which the stack leans along j (gantry tilt)
    tilt_i: float = 0.0  # and along i
    reverse: bool = False  # stacked against the normal: a left-handed order
    matrix: ArrayLike | None = None  # (4, 4) index -> LPS, instead of all the above but size
    offsets_mm: Sequence[float] | None = None  # one a slice along the stacking, as it likes
    drop: Sequence[int | tuple[int, int]] = ()  # k in every phase, or (phase, k)
    shifts: Mapping[int, tuple[float, float]] = field(default_factory=dict)  # k: mm along i, j
    wobble: float = 0.0  # radians by which the orientation varies from slice to slice
    # how it is written down
    decimals: int | None = None  # of ImagePositionPatient
    orientation_decimals: int | None = None
    float32: bool = False  # places rounded to `decimals`, then written out of a float32
    slice_thickness: float | None = None  # the pitch, if not given
    spacing_tag: float | None = None  # SpacingBetweenSlices; none, if not given
    tilt_tag: float | None = None  # GantryDetectorTilt; none, if not given
    slice_locations: str = "true"  # true, false, absent
    instance_numbers: str = "ascending"  # ascending, shuffled, constant, absent, reversed
    acquisition_numbers: str = "constant"  # constant, varying, absent
    frames_of_reference: str = "shared"  # shared, per-slice, absent
    # more than one stack
    duplicates: Sequence[int] = ()
    duplicates_as: str = "copy"  # copy, new-uid, conflict: slice k + 1 bears the UID of slice k
    phases: int = 1
    phase_tag: str = "TemporalPositionIdentifier"  # a key of PHASE_TAGS; "" tells nothing apart
    phase_order: str = "blocks"  # blocks, interleaved
    phase_offset_mm: float = 0.0  # by which each phase lies further along the stacking
    phase_step: float = 500.0  # by which the values of each phase are higher
    localizer: int = 0  # orthogonal slices of the same matrix under the same series UID
    # whose it is
    modality: str = "CT"  # CT, MR, PT
    patient_name: str = "Phantom^Volume"
    study: str = "1"
    series: int = 4  # SeriesNumber; call again with another one for more series in a folder
    series_uid: str | None = None
    description: str = "Phantom"
    image_type: Sequence[str] | None = None
    # values
    gradient: tuple[float, float, float] = (3.7, 5.3, 11.9)  # a mm
    bits_stored: int = 16
    signed: bool | None = None  # CT and PT are, MR is not
    rescale: str | None = None  # constant (CT), varies (PT), absent (MR)
    slope: float = 1.0
    intercept: float | None = None  # -1024 for CT, otherwise 0
    photometric: str = "MONOCHROME2"
    padding: int | None = None  # PixelPaddingValue, a stored value: in the corner i, j < n / 4
    padding_limit: int | None = None  # PixelPaddingRangeLimit: that corner ramps up to it
    high_bits: int = 0  # rubbish or-ed above BitsStored
    # files
    names: str = "plain"  # plain, no-extension, shuffled, hangul, nested
    transfer_syntax: str = "explicit"  # a key of SYNTAXES
    claimed_syntax: str | None = None  # what the file meta says, if it lies
    preamble: bool = True
    meta: bool = True
    truncate: Sequence[int] = ()  # slices whose file ends in the middle of the pixels
    edit: Callable[[Dataset, int, int], None] | None = None  # (dataset, k, phase), at the end
    # multi-frame
    enhanced: bool = False
    frames: str = "ordered"  # ordered, shuffled, reversed
    groups: str = "usual"  # usual; per-frame: SharedFunctionalGroups absent
    phases_in: str = "frames"  # frames of one file, or one of several files


@dataclass(frozen=True)
class Plane:
    """One slice: where it lies, what is written about it and how its values are stored."""

    k: int
    phase: int
    position: NDArray[np.float64]
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    order: int = 0  # in which it was acquired, those that were dropped counted too
    instance_number: int | None = None
    again: bool = False  # a second instance of this slice
    uid_of: int | None = None  # bears the UID of another slice
    localizer: int = 0
    slope: float = 1.0
    intercept: float = 0.0


def shuffled(count: int) -> list[int]:
    """Give 0 to count - 1 in an order that looks random and is always the same."""
    return [int(n) for n in np.random.default_rng(3).permutation(count)]


def uid(*parts: object) -> str:
    """Make a UID that is always the same for the same parts."""
    return str(generate_uid(entropy_srcs=["volume.tests.phantom", *map(repr, parts)]))
