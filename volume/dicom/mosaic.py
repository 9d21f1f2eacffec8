"""Mosaics: files whose one image holds the slices of a volume as tiles, row by row.

Siemens MR scanners write them with MOSAIC in Image Type, UIH's as "GRID" with VFRAME. No
standard knows either; how Siemens places them is as nibabel and dcm2niix found out
(https://nipy.org/nibabel/dicom/dicom_mosaic.html), UIH's own tells of GRID in
https://github.com/rordenlab/dcm2niix/blob/master/UIH/README.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from volume.dicom import csa, elements, image_plane
from volume.dicom.data_set import DataSet
from volume.dicom.encoding import Unreadable
from volume.dicom.header import SliceHeader, Tile, Vector
from volume.dicom.moment import moment, moment_of
from volume.findings import Finding, warning

TILES_AT_MOST = 1024
"""A volume of so many slices is no acquisition."""
OFF_NORMAL = 0.001
"""The slices' normal is row x column to within two degrees, or is opposed to it."""
DAY_MS = 86_400_000.0
UNANONYMISED = (
    "ask for the files as the scanner made them, or for an enhanced export: this one went"
    " through software that took private elements away, or was exported for viewing only"
)


def is_mosaic(data: DataSet, *, enhanced: bool) -> bool:
    """Say whether the image is cut into slices. Raises `Unreadable` where that is not clear.

    Siemens XA30 leaves MOSAIC in the Image Type of enhanced files and of single slices that
    it took out of their mosaics (https://github.com/rordenlab/dcm2niix/issues/553).
    """
    said = "MOSAIC" in elements.texts(data, "ImageType")
    siemens = _is_siemens(data, said=said)
    if enhanced:
        if siemens or elements.items(data, "UihGridSequence"):
            raise Unreadable("frames that are mosaics are not read yet", "not-supported-yet")
        return False
    tiled = siemens or _is_grid(data)
    if said and not tiled and not _is_one_acquisition(data):
        text = "a Siemens mosaic that does not say how many images it holds"
        raise Unreadable(text, remedy=UNANONYMISED)
    return tiled


def split(header: SliceHeader, data: DataSet) -> tuple[list[SliceHeader], list[Finding]]:
    """Give one record a slice, each in its own place, and what was assumed.

    Raises `Unreadable` where the tiles do not fit the image, or nothing says where they lie.
    """
    if header.pixels.frames != 1 or header.pixels.samples != 1:
        what = "of several frames" if header.pixels.frames != 1 else "in colour"
        raise Unreadable(f"a mosaic {what}: not read yet", "not-supported-yet")
    return (_grid if _is_grid(data) else _siemens)(header, data)


def _is_grid(data: DataSet) -> bool:
    """Say whether UIH's own elements, or what is left of them, tell of a grid."""
    said = "VFRAME" in elements.texts(data, "ImageType")
    return said or bool(elements.items(data, "UihGridSequence"))


def _is_siemens(data: DataSet, *, said: bool) -> bool:
    """Say whether a count of images is there: some rewrite the Image Type, others the rest."""
    outside = elements.hint(data, "SiemensNumberOfImagesInMosaic") or 0
    if outside or not said:
        return outside > (0 if said else 1)
    return bool(csa.number(csa.image_header(data), "NumberOfImagesInMosaic"))


def _siemens_count(data: DataSet, private: csa.Csa) -> int:
    """Read how many images a Siemens mosaic holds: of (0019,xx0A) and of the CSA header."""
    outside = elements.hint(data, "SiemensNumberOfImagesInMosaic") or None
    found = csa.number(private, "NumberOfImagesInMosaic") or outside or 0
    if found != int(found) or not 0 < found <= TILES_AT_MOST or outside not in (None, found):
        raise Unreadable("a Siemens mosaic that contradicts itself on how many images it holds")
    return int(found)


def _is_one_acquisition(data: DataSet) -> bool:
    """Say whether the image is as large as what was acquired, so that it is one slice."""
    acquired = image_plane.trait(data, "AcquisitionMatrix")
    largest = max(elements.count(data, side) or 0 for side in ("Rows", "Columns"))
    return isinstance(acquired, tuple) and max(acquired) == largest


def _siemens(header: SliceHeader, data: DataSet) -> tuple[list[SliceHeader], list[Finding]]:
    """Place the tiles: the image's own position is that of a single slice of its size."""
    private = csa.read_csa(data)
    count = _siemens_count(data, private)
    side = math.isqrt(count - 1) + 1
    tiles = _tiles(header, count, side, side)
    header = replace(header, rows=tiles[0].rows // side, columns=tiles[0].columns // side)
    places, noticed = _places(header, data, tiles[0], private)
    times = csa.numbers(private, "MosaicRefAcqTimes", count) or ()
    return _slices(header, tiles, places, _seconds(times)), noticed


def _places(
    header: SliceHeader, data: DataSet, tile: Tile, private: csa.Csa
) -> tuple[list[Vector | None], list[Finding]]:
    """Give the position of every tile, along the normal that the CSA header names."""
    if header.position is None or header.orientation is None or header.pixel_spacing is None:
        return [None] * tile.held, []
    row, column = np.array(header.orientation)
    between_rows, between_columns = header.pixel_spacing
    corner = (
        np.array(header.position)
        + row * between_columns * (tile.columns - header.columns) / 2
        + column * between_rows * (tile.rows - header.rows) / 2
    )
    if tile.held == 1:
        return [_vector(corner)], []
    spacing, noticed = _spacing(header, data)
    step = spacing * _normal(np.cross(row, column), private)
    return [_vector(corner + k * step) for k in range(tile.held)], noticed


def _normal(across: NDArray[np.float64], private: csa.Csa) -> NDArray[np.float64]:
    """Give the direction from tile to tile: row x column, or its opposite.

    Only SliceNormalVector tells which: scanners number slices either way.
    """
    if not private:
        text = "a Siemens mosaic without its CSA header: nothing says which way its slices lie"
        raise Unreadable(text, remedy=UNANONYMISED)
    said = csa.numbers(private, "SliceNormalVector", 3)
    if said is None:
        text = "a Siemens mosaic without SliceNormalVector: nothing says which way its slices lie"
        raise Unreadable(text, remedy=UNANONYMISED)
    length, own = float(np.linalg.norm(across)), float(np.linalg.norm(said))
    cosine = float(across @ np.array(said)) / (length * own) if length and own else 0.0
    if abs(cosine) < 1 - OFF_NORMAL or not math.isclose(own, 1, abs_tol=0.01):
        raise Unreadable("SliceNormalVector of the mosaic contradicts its Image Orientation")
    return across / length * math.copysign(1, cosine)


def _spacing(header: SliceHeader, data: DataSet) -> tuple[float, list[Finding]]:
    """Read how far the slices lie apart; without a gap where only their thickness is said."""
    spacing = elements.floats(data, "SpacingBetweenSlices", 1)
    found = spacing or elements.floats(data, "SliceThickness", 1)
    if found is None or found[0] <= 0:
        raise Unreadable("a mosaic that does not say how far apart its slices lie")
    if spacing:
        return found[0], []
    text = f"Spacing Between Slices is missing: the thickness, {found[0]:.4g} mm, is taken for it"
    evidence = {"assumed_mm": round(found[0], 4)}
    return found[0], [warning("spacing-assumed", text, files=(header.name,), evidence=evidence)]


def _grid(header: SliceHeader, data: DataSet) -> tuple[list[SliceHeader], list[Finding]]:
    """Take the position of every tile from its own item of the sequence."""
    count = elements.count(data, "UihSlicesInGrid")
    items = elements.items(data, "UihGridSequence")
    if not items:
        text = "a GRID image without its MR VFrame Sequence: nothing says where its slices lie"
        raise Unreadable(text, remedy=UNANONYMISED)
    if count not in (None, len(items)):
        raise Unreadable(f"a GRID image of {count} slices that describes {len(items)}")
    across = math.isqrt(len(items) - 1) + 1
    down = -(-len(items) // across)
    tiles = _tiles(header, len(items), down, across)
    header = replace(header, rows=tiles[0].rows // down, columns=tiles[0].columns // across)
    places = [image_plane.position(item) for item in items]
    if None in places:
        raise Unreadable("a GRID image that does not say where each of its slices lies")
    return _slices(header, tiles, places, _clock(items)), []


def _tiles(header: SliceHeader, count: int, down: int, across: int) -> list[Tile]:
    """Cut the image into `down` x `across` tiles, of which `count` are slices."""
    rows, columns = header.rows, header.columns
    if not 0 < count <= TILES_AT_MOST or rows % down or columns % across:
        raise Unreadable(f"{count} images cannot make a mosaic of {rows} x {columns} pixels")
    high, wide = rows // down, columns // across
    return [
        Tile(rows, columns, n // across * high, n % across * wide, n, count) for n in range(count)
    ]


def _slices(
    header: SliceHeader,
    tiles: Sequence[Tile],
    places: Sequence[Vector | None],
    times: Sequence[float],
) -> list[SliceHeader]:
    """Make one record a tile; Images In Acquisition counts mosaics, not slices."""
    return [
        replace(
            header,
            position=place,
            images_in_acquisition=None,
            pixels=replace(header.pixels, tile=tile),
            slice_time=times[tile.number] if times else None,
        )
        for tile, place in zip(tiles, places, strict=True)
    ]


def _seconds(times_ms: Sequence[float]) -> list[float]:
    """Count times of the day from the first slice on; some run on over midnight."""
    if not times_ms:
        return []
    wrapped = [t - DAY_MS if t - min(times_ms) > DAY_MS / 2 else t for t in times_ms]
    first = min(wrapped)
    return [round((t - first) / 1000, 6) for t in wrapped]


def _clock(items: Sequence[DataSet]) -> list[float]:
    """Count the acquisition times of tiles from the first on; none where one lacks its own."""
    known = [found for item in items if (found := _moment(item)) is not None]
    if len(known) < len(items):
        return []
    return [round((one - min(known)) / timedelta(seconds=1), 6) for one in known]


def _moment(item: DataSet) -> datetime | None:
    """Read Acquisition DateTime, or else date and time."""
    return moment_of(elements.text(item, "AcquisitionDateTime")) or moment(
        elements.text(item, "AcquisitionDate"), elements.text(item, "AcquisitionTime")
    )


def _vector(place: NDArray[np.float64]) -> Vector:
    x, y, z = place.tolist()
    return x, y, z
