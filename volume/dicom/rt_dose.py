"""The planes of an RT Dose, as the records of single slices (PS3.3 C.8.8.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from volume.dicom import elements, image_plane
from volume.dicom.data_set import DataSet
from volume.dicom.encoding import Unreadable
from volume.dicom.header import Rescale, SliceHeader
from volume.dicom.image_plane import VALUE

SAME_MM = 0.01
"""An offset this close to zero, or to the first plane's own z, is meant to be it."""
TRANSVERSE = 0.9999
"""Planes whose normal is the patient's z axis, to within a degree."""
ORDER = "the offsets of its planes (Grid Frame Offset Vector)"
UNITS = {"GY": "Gy", "RELATIVE": "RELATIVE"}
"""Dose Units (3004,0002), and how we write them."""
TERMS = {
    "DoseType": frozenset({"PHYSICAL", "EFFECTIVE", "ERROR"}),
    "DoseSummationType": frozenset(
        "PLAN MULTI_PLAN PLAN_OVERVIEW FRACTION BEAM BRACHY FRACTION_SESSION BEAM_SESSION"
        " BRACHY_SESSION CONTROL_POINT RECORD".split()
    ),
    "DoseUnits": frozenset(UNITS),
}
"""What tells doses apart, and its terms (C.8.8.3); other text is kept out."""


def refuse_without_grid(data: DataSet) -> None:
    """Refuse a dose of curves and histograms alone: it holds no pixels."""
    if elements.raw(data, "Rows") is None and elements.raw(data, "Columns") is None:
        raise Unreadable("an RT dose without a dose grid: it has no pixel data", "non-image")


def split(header: SliceHeader, data: DataSet) -> list[SliceHeader]:
    """Give one record a plane of the dose grid.

    A value is the stored one times Dose Grid Scaling; a rescale, which the standard does not
    have here, is ignored. Raises `Unreadable` where the scaling or the place of a plane is not
    said, or contradicts itself.
    """
    if header.pixels.samples != 1:
        raise Unreadable("an RT dose holds one sample a pixel, not colours")
    terms = {keyword: _term(data, keyword) for keyword in TERMS}
    offsets, assumed = _offsets(header, data)
    dose = replace(
        header,
        rescale=Rescale(_scaling(data), 0.0, UNITS.get(terms["DoseUnits"], ""), 1),
        lut=None,
        padding=None,
        assumed=assumed,
        traits={**header.traits, **{keyword: term for keyword, term in terms.items() if term}},
    )
    return [
        replace(
            dose,
            frame=index,
            position=image_plane.moved(header.position, header.orientation, offset),
        )
        for index, offset in enumerate(offsets)
    ]


def _term(data: DataSet, keyword: str) -> str:
    said = elements.text(data, keyword)
    return said if said in TERMS[keyword] else ""


def _scaling(data: DataSet) -> float:
    """Read Dose Grid Scaling: without it the stored values are no dose."""
    found = elements.floats(data, "DoseGridScaling", 1, below=VALUE)
    if found is None:
        raise Unreadable("Dose Grid Scaling is missing: the stored values are no dose")
    if found[0] <= 0:
        raise Unreadable(f"Dose Grid Scaling must be positive, not {found[0]:g}")
    image_plane.refuse_vanishing("Dose Grid Scaling", found[0])
    return found[0]


def _offsets(header: SliceHeader, data: DataSet) -> tuple[list[float], tuple[str, ...]]:
    """Give how far each plane lies from the first along the normal, in mm, and what was assumed.

    C.8.8.3.2: offsets begin with zero and count along row x column; or, where the rows run
    along x and the columns along y, they begin with the z of the first plane and are z
    coordinates. Some planning systems write z coordinates of a prone patient too; along a
    normal that points up these mean one thing. Along one that points down they mean two, and
    are refused.
    """
    count = header.pixels.frames
    offsets = elements.floats(data, "GridFrameOffsetVector", count)
    if offsets is None and count == 1:
        return [0.0], ()
    if offsets is None:
        raise Unreadable(f"an RT dose of {count} planes without {ORDER}")
    _refuse_disorder(offsets)
    if abs(offsets[0]) <= SAME_MM:
        return [float(offset) for offset in offsets], ()
    return _from_coordinates(header, offsets)


def _refuse_disorder(offsets: Sequence[float]) -> None:
    steps = [b - a for a, b in pairwise(offsets)]
    if not (all(step > 0 for step in steps) or all(step < 0 for step in steps)):
        raise Unreadable(f"{ORDER} go neither up nor down from plane to plane")


def _from_coordinates(
    header: SliceHeader, offsets: Sequence[float]
) -> tuple[list[float], tuple[str, ...]]:
    """Take offsets for z coordinates, where they can be."""
    if header.position is None or header.orientation is None:
        return [0.0] * len(offsets), ()  # no plane can be placed
    z, normal = header.position[2], image_plane.normal(header.orientation)
    if abs(offsets[0] - z) > SAME_MM:
        raise Unreadable(
            f"{ORDER} begin with {offsets[0]:g}: neither 0 nor {z:g}, the z of the first plane"
        )
    if normal[2] < TRANSVERSE:
        raise Unreadable(
            f"{ORDER} are z coordinates, and its planes do not face along z: where they lie"
            " is not said"
        )
    rows, columns = header.orientation
    if rows[0] >= TRANSVERSE and columns[1] >= TRANSVERSE:
        assumed: tuple[str, ...] = ()
    else:
        assumed = (f"{ORDER} are taken for z coordinates, though its rows do not run along x",)
    return [offset - offsets[0] for offset in offsets], assumed
