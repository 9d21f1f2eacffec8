"""The keys that BIDS names, for the sidecar of what is written: SI units, axes i, j and k.

After the Brain Imaging Data Structure 1.10, and dcm2niix where BIDS names none. A key about an
axis is left out where that axis is not in the file any more as it was acquired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from volume.geometry import Geometry
from volume.volume import Volume

PARALLEL = 1 - 1e-4
"""The cosine between an axis and a direction that lie along one line."""
SAME_MM = 1e-3
SAME_TIME = 0.006
"""Slice times of volumes of one series differ by two or three ticks of 2.5 ms."""


def keys(volumes: Sequence[Volume]) -> dict[str, Any]:
    """Give what is the same in all volumes of a file, and frame by frame what is listed so."""
    told = [_of_one(one) for one in volumes]
    if len(told) > 1 and "SliceTiming" not in told[0]:
        told[0] |= {key: told[1][key] for key in TIMING if key in told[1]}
    first = told[0]
    shared = {
        key: value
        for key, value in first.items()
        if all(key in other and _same(value, other[key]) for other in told[1:])
    }
    listed = [key for key in BY_FRAME if all(key in one for one in told)]
    return {**shared, **{key: [value for one in told for value in one[key]] for key in listed}}


BY_FRAME = ("FrameDuration", "DecayCorrectionFactor", "ScatterFraction")
"""Lists of one value a frame of a dynamic PET."""
UNITS = {"BQML": "Bq/mL", "GML": "g/mL", "SUVbw": "g/mL"}
"""BIDS' words for units of PET values (PS3.3 C.8.9.1.1.3)."""


TIMING = ("SliceEncodingDirection", "SliceTiming")
"""The first volume of a multiband series may name the times of its single-band reference
(dcm2niix, issue 870), which are no times of a volume: those of the others stand for it."""


TIMES = frozenset(
    "TemporalPositionIdentifier TemporalPositionIndex TemporalPositionTimeOffset AcquisitionNumber"
    " AcquisitionDateTime AcquisitionTime ContentTime InstanceNumber Frame".split()
)
"""Tags by which volumes are told apart that are the same image at other times."""


def seconds_between(volumes: Sequence[Volume]) -> float | None:
    """Give the repetition time of time points, slice by slice; None for other volumes.

    A repetition of a sequence in 3D is a part of its volume.
    """
    told = keys(volumes)
    axes = [tuple(axis["tag"] for axis in one.report.get("axes", ())) for one in volumes]
    if len(volumes) < 2 or set(axes) - {(tag,) for tag in TIMES}:
        return None
    return told.get("RepetitionTime") if told.get("MRAcquisitionType") == "2D" else None


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and bool(np.allclose(one, other, rtol=0, atol=SAME_TIME))
    return bool(one == other)


def _of_one(one: Volume) -> dict[str, Any]:
    told = one.report.get("acquisition")
    if not isinstance(told, Mapping):
        return {}
    phase, timing = told.get("phase_encoding"), told.get("slice_timing")
    plain = {key: value for key, value in told.items() if key not in PLACED}
    units = {"Units": UNITS[one.unit]} if one.modality == "PT" and one.unit in UNITS else {}
    return {
        **plain,
        **units,
        **(_phase_encoding(phase, one.geometry) if phase else {}),
        **(_slice_timing(timing, one.geometry) if timing else {}),
    }


PLACED = ("phase_encoding", "slice_timing")
"""What is told by directions, and written by axes."""


def _along(direction: Sequence[float], geometry: Geometry) -> tuple[int, int] | None:
    """Find the axis that a direction in LPS runs along, and whether with it (1) or against."""
    cosines = np.array(direction) @ geometry.direction
    axis = int(np.argmax(np.abs(cosines)))
    if abs(cosines[axis]) < PARALLEL:
        return None
    return axis, 1 if cosines[axis] > 0 else -1


def _phase_encoding(phase: Mapping[str, Any], geometry: Geometry) -> dict[str, Any]:
    found = _along(phase["direction"], geometry)
    if found is None:
        return {}
    axis, sign = found
    letter = "ijk"[axis]
    if not phase["signed"]:
        told: dict[str, Any] = {"PhaseEncodingAxis": letter}
    else:
        told = {"PhaseEncodingDirection": letter if sign > 0 else f"{letter}-"}
    steps, spacing = phase["steps"], phase["echo_spacing"]
    as_acquired = (
        geometry.size[axis] == steps and abs(geometry.spacing[axis] - phase["spacing"]) < SAME_MM
    )
    if spacing and as_acquired:
        told["EffectiveEchoSpacing"] = spacing
        told["TotalReadoutTime"] = float(f"{spacing * (steps - 1):.9g}")
    return told


def _slice_timing(timing: Mapping[str, Any], geometry: Geometry) -> dict[str, Any]:
    """Give the times of slices in the order of their axis, which is k if nothing else is said."""
    found = _along(timing["direction"], geometry)
    times = list(timing["times"])
    if found is None:
        return {}
    axis, sign = found
    last = (geometry.size[axis] - 1) * timing["spacing"]
    start = float(np.dot(geometry.origin, timing["direction"])) - (last if sign < 0 else 0)
    if (
        geometry.size[axis] != len(times)
        or abs(geometry.spacing[axis] - timing["spacing"]) > SAME_MM
        or abs(start - timing["start"]) > SAME_MM
    ):
        return {}
    told: dict[str, Any] = {} if axis == 2 else {"SliceEncodingDirection": "ijk"[axis]}
    return {**told, "SliceTiming": times[::sign]}
