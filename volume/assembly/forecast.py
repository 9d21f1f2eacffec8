"""What memory a volume takes while it is made, said before the first pixel is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from volume.assembly import in_passing
from volume.assembly.options import Options
from volume.assembly.regularise import is_straightened
from volume.assembly.stack import Stack
from volume.assembly.values import is_whole
from volume.dicom.header import SliceHeader
from volume.dicom.limits import MIB
from volume.dicom.pixels import common_type
from volume.dicom.tiles import whole_frames
from volume.memory import GIB, free_memory, refuse_beyond_memory, word_bytes

BESIDE = 64 * MIB
"""What the program takes beside the voxels: libraries, headers, slices under way."""


def bytes_needed(stack: Stack, options: Options) -> int:
    """Say how many bytes are taken at most while a stack becomes a volume.

    The stored pixels, the real values where they need another type, the marks of what is
    padding where they are kept, and the straight grid with its mask where the stack is resampled.
    """
    voxels = _voxels(stack.slices)
    stored = common_type(stack.slices).itemsize
    value = _value_bytes(stack.slices)
    first = stack.slices[0]
    room = 0 if value == stored and first.palette is None else value * _components(first)
    needed = voxels * (stored + room) + _mosaic_pixels(stack.slices) * stored
    if first.pixels.floating:
        needed += voxels  # what is no number
    bent = is_straightened(stack.kind, options.geometry)
    if bent or not in_passing.is_possible(stack.slices):
        needed += voxels * any(header.padding is not None for header in stack.slices)
    if bent and stack.geometry is not None:
        each = value * (3 if first.is_colour else 1) + 1
        needed += int(np.prod(stack.geometry.size, dtype=np.int64)) * each
    return needed + BESIDE


def bytes_kept(stack: Stack) -> int:
    """Say how many bytes the finished volume holds."""
    each = _value_bytes(stack.slices) * (3 if stack.slices[0].is_colour else 1)
    return int(np.prod(stack.size, dtype=np.int64)) * each


def _voxels(slices: Sequence[SliceHeader]) -> int:
    first = slices[0]
    return len(slices) * first.rows * first.columns * first.pixels.samples


def _mosaic_pixels(slices: Sequence[SliceHeader]) -> int:
    """Count the pixels of the mosaics that the slices are cut from, while they are cut."""
    frames, _ = whole_frames(slices)
    return sum(h.rows * h.columns for h in frames) if slices[0].pixels.tile else 0


def _components(first: SliceHeader) -> int:
    """Say how many values of the volume one stored value becomes: three, of a palette."""
    return 3 if first.palette is not None else 1


def _value_bytes(slices: Sequence[SliceHeader]) -> int:
    """Give the bytes of a real value: two where all are whole, else four.

    Whole values that need more room than two bytes are told only by the pixels; that room
    is asked for when they are known.
    """
    if slices[0].pixels.samples == 3:
        return slices[0].pixels.bits_allocated // 8
    if slices[0].palette is not None:
        return max(header.palette.bits for header in slices if header.palette) // 8
    wide = any(header.pixels.bits_stored > 16 for header in slices)
    return 2 if all(map(is_whole, slices)) and not wide else 4


WORTH_SAYING = GIB


def forecast(stack: Stack, options: Options) -> str:
    """Word what a large volume takes against what is free; nothing of a small one."""
    needed = bytes_needed(stack, options)
    if needed < WORTH_SAYING:
        return ""
    return f"{stack.id} needs {word_bytes(needed)} of memory; {word_bytes(free_memory())} are free"


def refuse_if_too_large(stacks: Sequence[Stack], options: Options) -> None:
    """Raise `MemoryLimitError` where stacks do not fit in memory together, one after another."""
    if not stacks:
        return
    kept = sum(map(bytes_kept, stacks))
    needed = max(kept - bytes_kept(stack) + bytes_needed(stack, options) for stack in stacks)
    what = "this volume" if len(stacks) == 1 else f"all {len(stacks)} volumes at once"
    refuse_beyond_memory(
        needed,
        what,
        allowed=options.limits.memory * MIB,
        remedy="close other programs, or use a machine with more memory;"
        f" {{limits=memory={-(-needed // MIB)}}} tries it all the same",
    )
