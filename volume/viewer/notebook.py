"""A volume as a notebook shows it: its three planes and a short table, without a window or GL."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from volume.escaping import LABEL, cut
from volume.findings import Severity
from volume.processing.plane_grid import PLANES
from volume.processing.planes import Plane, Reformatter
from volume.processing.windows import full_window, to_grey, window_for

if TYPE_CHECKING:
    from volume.volume import Volume

SIDE = 240
"""Pixels of the longest side of the three planes."""
SEAM = 6
MOST_FINDINGS = 6


def to_html(volume: Volume) -> str:
    """Give a volume as HTML: a picture of the planes through its middle, and what it is.

    What the files call the series and whom they name is not in it: a notebook is a file.
    """
    picture = base64.b64encode(png(three_planes(volume))).decode("ascii")
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:left'>{escape(words)}</td></tr>"
        for name, words in _rows(volume)
    )
    return (
        f"<div><img alt='axial, coronal and sagittal plane' src='data:image/png;base64,{picture}'>"
        f"<table>{rows}</table></div>"
    )


def three_planes(volume: Volume) -> NDArray[np.uint8]:
    """Draw axial, coronal and sagittal planes side by side, true to scale: (rows, columns, 3)."""
    reformatter = Reformatter(volume)
    planes = [reformatter.cut(name, _middle(volume)) for name in PLANES]
    window = full_window(volume) if volume.is_colour else window_for(volume)
    longest = max(max(_extent(plane)) for plane in planes)
    tiles = [_tile(plane, window, SIDE / longest) for plane in planes]
    height = max(tile.shape[0] for tile in tiles)
    width = sum(tile.shape[1] for tile in tiles) + SEAM * (len(tiles) - 1)
    canvas = np.zeros((height, width, 3), np.uint8)
    left = 0
    for tile in tiles:
        top = (height - tile.shape[0]) // 2
        canvas[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
        left += tile.shape[1] + SEAM
    return canvas


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Write (rows, columns, 3) as a PNG (RFC 2083)."""
    rows, columns = pixels.shape[:2]
    lines = np.zeros((rows, 1 + 3 * columns), np.uint8)  # each line begins with its filter: none
    lines[:, 1:] = pixels.reshape(rows, -1)
    head = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    end = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + end


def _middle(volume: Volume) -> NDArray[np.float64]:
    """Give the place of the voxel in the middle."""
    return volume.geometry.to_world(np.array(volume.geometry.size) // 2)


def _extent(plane: Plane) -> tuple[float, float]:
    rows, columns = plane.array.shape[:2]
    return rows * plane.pixel_spacing[0], columns * plane.pixel_spacing[1]


def _tile(plane: Plane, window: tuple[float, float], scale: float) -> NDArray[np.uint8]:
    """Shade a plane at so many pixels a mm; where it gets smaller, values are averaged."""
    down, right = (max(1, round(mm * scale)) for mm in _extent(plane))
    small = _along(_along(plane.array, down, 0), right, 1)
    grey = to_grey(small, window)
    return grey if grey.ndim == 3 else np.repeat(grey[..., np.newaxis], 3, axis=2)


def _along(array: NDArray[Any], wanted: int, axis: int) -> NDArray[Any]:
    """Resample one axis of an image: by the mean of what falls together, else the nearest."""
    count = array.shape[axis]
    if wanted >= count:
        picks = ((np.arange(wanted) + 0.5) * count / wanted).astype(np.intp)
        return np.take(array, picks, axis=axis)
    edges = np.linspace(0, count, wanted + 1).astype(np.intp)
    sums = np.add.reduceat(array.astype(np.float32), edges[:-1], axis=axis)
    shape = [1] * array.ndim
    shape[axis] = wanted
    means = sums / np.diff(edges).reshape(shape)
    return np.rint(means).astype(array.dtype) if array.dtype.kind in "iu" else means


def _rows(volume: Volume) -> Iterator[tuple[str, str]]:
    """Word what a volume is; of findings the codes alone, as their messages quote the files."""
    yield "modality", " ".join(filter(None, (cut(volume.modality, LABEL), cut(volume.id, LABEL))))
    yield "size", " × ".join(map(str, volume.geometry.size))
    yield "spacing", " × ".join(f"{mm:.4g}" for mm in volume.geometry.spacing) + " mm"
    yield "values", " ".join(filter(None, (str(volume.array.dtype), cut(volume.unit, LABEL))))
    grave = [f"{f.severity}: {f.code}" for f in volume.findings if f.severity != Severity.INFO]
    if grave:
        more = len(grave) - MOST_FINDINGS
        yield "findings", ", ".join(grave[:MOST_FINDINGS]) + (f", {more} more" if more > 0 else "")
