"""The planes of an RT Dose, as the records of single slices (PS3.3 C.8.8.3)."""

from __future__ import annotations

from dataclasses import replace

from volume.dicom import elements, image_plane
from volume.dicom.data_set import DataSet
from volume.dicom.encoding import Unreadable
from volume.dicom.header import Rescale, SliceHeader
from volume.dicom.image_plane import VALUE
from volume.dicom.plane_offsets import ORDER, Offsets, read_offsets

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


def _offsets(header: SliceHeader, data: DataSet) -> Offsets:
    """Give how far each plane lies from the first along the normal, in mm, and what was assumed."""
    found = read_offsets(header, data)
    if found is None and header.pixels.frames > 1:
        raise Unreadable(f"an RT dose of {header.pixels.frames} planes without {ORDER}")
    return found or ([0.0], ())
