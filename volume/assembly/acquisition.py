"""How a volume was acquired, told in the directions of the patient: for grids to come."""

from __future__ import annotations

from typing import Any

import numpy as np

from volume.assembly.stack import Stack
from volume.dicom.acquisition import Acquisition, PhaseEncoding, read_acquisition
from volume.dicom.limits import DEFAULT, Limits
from volume.volume import Volume


def describe_acquisition(stack: Stack, volume: Volume, limits: Limits = DEFAULT) -> dict[str, Any]:
    """Give the BIDS keys of a volume as plain JSON values.

    What depends on the axes of a file, phase encoding and slice timing, is given by its
    direction in LPS: the axes may be others when it is written.
    """
    read = read_acquisition(stack.slices, limits)
    told: dict[str, Any] = dict(read.keys)
    if read.phase is not None:
        told["phase_encoding"] = _phase(read.phase, stack)
    if read.slice_times is not None and _is_untouched(stack, volume):
        told["slice_timing"] = _timing(read, volume)
    return told


def _is_untouched(stack: Stack, volume: Volume) -> bool:
    """Say whether the slices of a volume are those that were acquired, in their order."""
    return stack.kind == ("regular",) and volume.geometry.size[2] == len(stack.slices)


def _phase(phase: PhaseEncoding, stack: Stack) -> dict[str, Any]:
    first = stack.slices[0]
    row, column = first.orientation or ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    between_rows, between_columns = first.pixel_spacing or (1.0, 1.0)
    by_column = phase.along == "column"
    sign = -1 if phase.positive is False else 1
    return {
        "direction": [sign * part + 0.0 for part in (column if by_column else row)],
        "signed": phase.positive is not None,
        "steps": first.rows if by_column else first.columns,
        "spacing": between_rows if by_column else between_columns,
        "echo_spacing": phase.echo_spacing,
    }


def _timing(read: Acquisition, volume: Volume) -> dict[str, Any]:
    axis = volume.geometry.direction[:, 2]
    return {
        "direction": axis.tolist(),
        "start": float(np.dot(volume.geometry.origin, axis)),
        "spacing": float(volume.geometry.spacing[2]),
        "times": list(read.slice_times or ()),
    }
