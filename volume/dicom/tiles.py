"""The slices of a mosaic, cut out of the stored image that holds them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.dicom.header import SliceHeader, Tile
from volume.findings import Finding, warning


def whole_frame(header: SliceHeader) -> SliceHeader:
    """Give the record of the stored image of which a slice is a tile; or the slice itself."""
    tile = header.pixels.tile
    if tile is None:
        return header
    pixels = replace(header.pixels, tile=None)
    return replace(header, rows=tile.rows, columns=tile.columns, pixels=pixels)


def whole_frames(slices: Sequence[SliceHeader]) -> tuple[list[SliceHeader], list[int]]:
    """Give every stored image once, and of every slice the index of its image."""
    index: dict[tuple[str, int], int] = {}
    frames: list[SliceHeader] = []
    frame_of: list[int] = []
    for header in slices:
        key = header.path, header.frame
        if key not in index:
            index[key] = len(frames)
            frames.append(whole_frame(header))
        frame_of.append(index[key])
    return frames, frame_of


def cut(
    frames: NDArray[Any], slices: Sequence[SliceHeader], frame_of: Sequence[int]
) -> NDArray[Any]:
    """Cut every slice (n, rows, columns) out of its stored image."""
    first = slices[0]
    array = np.empty((len(slices), first.rows, first.columns), frames.dtype)
    for n, header in enumerate(slices):
        tile = _tile(header)
        down, across = slice(tile.top, tile.top + first.rows), slice(tile.left, None)
        array[n] = frames[frame_of[n], down, across][:, : first.columns]
    return array


def left_over(
    frames: NDArray[Any], wholes: Sequence[SliceHeader], slices: Sequence[SliceHeader]
) -> list[Finding]:
    """Say where pixels stand in the tiles that the header counts as empty."""
    first = slices[0]
    tile = _tile(first)
    if first.lossy or first.pixels.transfer_syntax in ALWAYS_LOSSY:  # which leaves traces anywhere
        return []
    across = tile.columns // first.columns
    empty = [
        divmod(number, across) for number in range(tile.held, across * (tile.rows // first.rows))
    ]
    names = tuple(
        header.name
        for frame, header in zip(frames, wholes, strict=True)
        if any(
            _is_image(frame[_part(row, first.rows), _part(at, first.columns)]) for row, at in empty
        )
    )
    if not names:
        return []
    text = f"pixels stand behind the {tile.held} images that the mosaic is said to hold: left out"
    return [warning("left-out", text, files=names, evidence={"images": tile.held})]


ALWAYS_LOSSY = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})


def _is_image(part: NDArray[Any]) -> bool:
    """Say whether an area holds more than one value."""
    return bool((part != part.flat[0]).any())


def _part(number: int, side: int) -> slice:
    return slice(number * side, (number + 1) * side)


def _tile(header: SliceHeader) -> Tile:
    """Give the tile of a slice; one that is a stored image of its own is its only tile."""
    return header.pixels.tile or Tile(header.rows, header.columns, 0, 0, 0, 1)
