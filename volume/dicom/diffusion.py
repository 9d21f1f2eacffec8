"""Diffusion weighting of a slice: b-value and direction, wherever the maker wrote them.

The standard has them in MR Diffusion (PS3.3 C.8.13.5.9); before it had, and beside it, each
maker has elements of its own. Where they lie, and in whose axes the directions stand, is as
dcm2niix reads them (its pages on GE, Philips, Siemens, UIH and Canon; issues 163, 225, 245,
602, 777 and 970), which was tested on scanners of all of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from volume.dicom import csa, elements
from volume.dicom.data_set import DataSet
from volume.dicom.encoding import Unreadable
from volume.dicom.header import Diffusion, SliceHeader, Vector

Plane = tuple[Vector, Vector, Vector]
"""The directions of a row, of a column and of the normal, in LPS."""

LARGEST_B = 1e5
"""No scanner reaches a b-value of so many s/mm²."""
LONGEST = 2.0
"""A unit vector has no longer part; Siemens once wrote impossible ones where b is 0."""
SHORTEST = 0.03
"""A shorter vector is no direction: dcm2niix takes it for none as well."""
WHOLE = 0.97
"""GE shortens the vector where the b-value is less than the one it writes."""
DIGITS = 6
"""So many of a direction tell volumes apart."""


def with_diffusion(header: SliceHeader, *data_sets: DataSet) -> SliceHeader:
    """Say in the record of an MR slice, and in its traits, how it is weighted.

    `data_sets` are those that may tell, the surest first: the groups of a frame, or the one of
    a classic file.
    """
    if header.modality != "MR":
        return header
    found = read_diffusion(_flat(data_sets), _plane(header)) or header.diffusion
    if found is None:
        return header
    traits = dict(header.traits)
    traits["DiffusionBValue"] = found.b_value
    traits.pop("DiffusionGradientOrientation", None)
    if found.direction is not None:
        rounded = tuple(round(part, DIGITS) + 0.0 for part in found.direction)
        traits["DiffusionGradientOrientation"] = rounded
    return replace(header, diffusion=found, traits=traits)


def read_diffusion(data: DataSet, plane: Plane | None) -> Diffusion | None:
    """Read how a slice is weighted; None where nothing says that it may be."""
    b_value = next((b for read in B_VALUES if (b := read(data)) is not None), None)
    if b_value is None or not 0 <= b_value <= LARGEST_B:
        return None
    vector = next((v for read in VECTORS if (v := read(data, plane)) is not None), None)
    if _text(data, "DiffusionDirectionality") in ("NONE", "ISOTROPIC"):
        vector = None
    if elements.raw(data, "GeBValue") is not None:
        b_value = _of_ge(b_value, vector, data)
    direction = _unit(vector) if vector is not None and b_value > 0 else None
    return Diffusion(b_value, direction, _number(data))


def _flat(data_sets: Sequence[DataSet]) -> DataSet:
    """Lay data sets and what is nested in them over one another, the first on top."""
    flat: DataSet = {}
    for data in data_sets:
        inner = [item for keyword in NESTED for item in elements.items(data, keyword)[:1]]
        flat = {**(_flat(inner) if inner else {}), **data, **flat}
    return flat


NESTED = (
    "DiffusionGradientDirectionSequence",
    "DiffusionBMatrixSequence",
    "PhilipsFrameSequence",
)


def _plane(header: SliceHeader) -> Plane | None:
    if header.orientation is None:
        return None
    row, column = header.orientation
    normal = (
        row[1] * column[2] - row[2] * column[1],
        row[2] * column[0] - row[0] * column[2],
        row[0] * column[1] - row[1] * column[0],
    )
    return row, column, normal


def _numbers(data: DataSet, *keywords: str) -> tuple[float, ...] | None:
    """Give the values of elements as finite numbers; None where one is absent or no number."""
    found: list[float] = []
    try:
        for keyword in keywords:
            values = elements.values(data, keyword)
            if not values:
                return None
            found += map(float, values)
    except (ValueError, Unreadable):
        return None
    return tuple(found) if all(map(math.isfinite, found)) else None


def _text(data: DataSet, keyword: str) -> str:
    """Give a text, "" where it is absent or none: no image is refused for it."""
    try:
        return elements.text(data, keyword)
    except Unreadable:
        return ""


def _vector(numbers: Sequence[float] | None) -> Vector | None:
    if numbers is None or len(numbers) != 3:
        return None
    return numbers[0], numbers[1], numbers[2]


# b-values


def _first(keyword: str) -> Callable[[DataSet], float | None]:
    def read(data: DataSet) -> float | None:
        found = _numbers(data, keyword)
        return found[0] if found else None

    return read


def _of_element_of_ge(data: DataSet) -> float | None:
    """Read GE's b-value, to which software since DV24 adds a thousand million."""
    found = _first("GeBValue")(data)
    return None if found is None else found % GE_BIAS


GE_BIAS = 1e9


def _of_csa(data: DataSet) -> float | None:
    return csa.number(csa.image_header(data), "B_value")


B_VALUES: tuple[Callable[[DataSet], float | None], ...] = (
    _first("UihBValue"),
    _of_element_of_ge,
    _first("DiffusionBValue"),
    _first("SiemensBValue"),
    _of_csa,
    _first("PhilipsBValue"),
)
"""In the order in which they are believed."""


def _of_ge(b_value: float, vector: Vector | None, data: DataSet) -> float:
    """Correct a b-value of GE by its vector.

    Without a vector it is that of the series, written into an unweighted image, unless the
    series has no directions: then it is a trace. A shorter vector stands for a lesser weighting,
    in fives.
    """
    length = 0.0 if vector is None else math.hypot(*vector)
    if length <= SHORTEST:
        return b_value if elements.hint(data, "GeNumberOfDiffusionDirections") == 0 else 0.0
    if length >= WHOLE:
        return b_value
    return max(GE_STEP, GE_STEP * math.floor(b_value * length**2 / GE_STEP + 0.5))


GE_STEP = 5.0

# Directions


def _in_uih_image(data: DataSet, plane: Plane | None) -> Vector | None:
    """Read UIH's vector: along the rows, the columns and the normal of the image."""
    vector = _vector(_numbers(data, "UihDiffusionGradientDirection"))
    return None if vector is None or plane is None else _along(plane, vector)


def _in_patient(keyword: str) -> Callable[[DataSet, Plane | None], Vector | None]:
    def read(data: DataSet, _plane: Plane | None) -> Vector | None:
        return _vector(_numbers(data, keyword))

    return read


def _in_csa(data: DataSet, _plane: Plane | None) -> Vector | None:
    header = csa.image_header(data)
    return _vector(csa.numbers(header, "DiffusionGradientDirection", 3))


def _of_philips(data: DataSet, _plane: Plane | None) -> Vector | None:
    """Read Philips' three numbers, which are in the patient as the standard's are."""
    return _vector(
        _numbers(
            data,
            "PhilipsDiffusionDirectionRL",
            "PhilipsDiffusionDirectionAP",
            "PhilipsDiffusionDirectionFH",
        )
    )


def _in_ge_image(data: DataSet, plane: Plane | None) -> Vector | None:
    """Read GE's vector, along frequency, phase and slice of its own image."""
    return _of_encoding(
        _vector(
            _numbers(
                data, "GeDiffusionDirectionX", "GeDiffusionDirectionY", "GeDiffusionDirectionZ"
            )
        ),
        data,
        plane,
    )


def _of_encoding(found: Vector | None, data: DataSet, plane: Plane | None) -> Vector | None:
    """Turn a vector along frequency, phase and slice into one in LPS.

    Which way these run depends on the plane and on the direction of phase encoding; where that
    is not said, neither is a direction.
    """
    phase = _text(data, "InPlanePhaseEncodingDirection")
    if found is None or plane is None or phase not in ("COL", "ROW"):
        return found if found == (0.0, 0.0, 0.0) else None
    x, y, z = (part * sign for part, sign in zip(found, GE_SIGNS[_across(plane)], strict=True))
    return _along(plane, (x, y, z) if phase == "COL" else (y, -x, z))


GE_SIGNS = {0: (1.0, 1.0, -1.0), 1: (-1.0, 1.0, 1.0), 2: (-1.0, -1.0, 1.0)}
"""Of GE's numbers along row, column and normal, by the axis of LPS a slice lies across."""


def _of_canon(data: DataSet, plane: Plane | None) -> Vector | None:
    """Read what Canon and Toshiba wrote as a comment, "b=1500(0.445,0.000,0.895)": of the image."""
    match = CANON.fullmatch(_text(data, "ImageComments"))
    if match is None:
        return None
    x, y, z = map(float, match.groups())
    return _of_encoding((y, x, z), data, plane)


PART = r"(-?[0-9]{1,4}(?:\.[0-9]{0,9})?)"
CANON = re.compile(rf"b=[0-9]{{1,6}}\({PART},{PART},{PART}\)", re.IGNORECASE)


def _of_b_matrix(data: DataSet, _plane: Plane | None) -> Vector | None:
    """Find the direction in which a b-matrix weights most; its sign is not known."""
    parts = _numbers(data, *(f"DiffusionBValue{axes}" for axes in "XX XY XZ YY YZ ZZ".split()))
    if parts is None or len(parts) != 6 or max(map(abs, parts)) > LARGEST_B:
        return None
    import numpy as np

    xx, xy, xz, yy, yz, zz = parts
    values, vectors = np.linalg.eigh(np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]))
    if values[-1] <= 0 or values[-2] > ONE_DIRECTION * values[-1]:
        return None
    return _vector(vectors[:, -1].tolist())


ONE_DIRECTION = 0.2
"""A b-matrix with a greater second axis weights in no one direction."""

VECTORS: tuple[Callable[[DataSet, Plane | None], Vector | None], ...] = (
    _in_uih_image,
    _in_patient("DiffusionGradientOrientation"),
    _in_ge_image,
    _in_patient("SiemensDiffusionGradientDirection"),
    _in_csa,
    _of_philips,
    _of_canon,
    _of_b_matrix,
)
"""In the order in which they are believed; each gives a vector in LPS."""


def _across(plane: Plane) -> int:
    """Give the axis of LPS that a slice lies most nearly across: sagittal 0, axial 2."""
    normal = [abs(part) for part in plane[2]]
    return max(range(3), key=lambda axis: (normal[axis], axis))


def _along(plane: Plane, vector: Vector) -> Vector:
    """Turn a vector along row, column and normal into one in LPS."""
    x, y, z = (
        sum(part * axis[n] for part, axis in zip(vector, plane, strict=True)) for n in range(3)
    )
    return x, y, z


def _unit(vector: Vector) -> Vector | None:
    """Make a vector one of length 1; None where it is none that points anywhere."""
    length = math.hypot(*vector)
    if length <= SHORTEST or max(map(abs, vector)) >= LONGEST:
        return None
    x, y, z = (part / length for part in vector)
    return x, y, z


def _number(data: DataSet) -> tuple[int, ...]:
    """Read the numbers that Philips gives a volume: of its b-value, then of its direction."""
    return tuple(_whole_numbers(data, "PhilipsBValueNumber", "PhilipsGradientNumber"))


def _whole_numbers(data: DataSet, *keywords: str) -> Iterator[int]:
    for number in _numbers(data, *keywords) or ():
        yield int(min(max(number, -(2**31)), 2**31))
