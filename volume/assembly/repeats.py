"""Slices that share places: told apart by the first tag that can, or refused.

Phases, echoes, b-values, energies and kernels are several volumes in one series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from volume.dicom.frames import DIMENSIONS
from volume.dicom.header import SliceHeader, Trait

TAGS = (
    "ImageType LUTLabel MeasurementUnits DataType DoseType DoseSummationType"
    " EnergyWindowVector DetectorVector PhaseVector RotationVector RRIntervalVector"
    " TimeSlotVector TimeSliceVector"
    " TemporalPositionIdentifier TemporalPositionIndex TemporalPositionTimeOffset"
    " DiffusionBValue DiffusionGradientOrientation EchoNumbers EchoTime TriggerTime"
    " NominalCardiacTriggerDelayTime FrameReferenceTime InversionTime FlipAngle KVP"
    " ConvolutionKernel ContrastBolusAgent AcquisitionNumber AcquisitionDateTime"
    " AcquisitionTime ContentTime StackID"
).split()
"""In the order in which they are tried."""
WEIGHTING = frozenset({"DiffusionBValue", "DiffusionGradientOrientation"})
RANKED = frozenset({"TriggerTime", "NominalCardiacTriggerDelayTime"})
"""Times that differ from place to place: only their rank at each place tells."""
SUFFIX = {
    "EchoNumbers": "e",
    "EchoTime": "e",
    "DiffusionBValue": "b",
    "DiffusionGradientOrientation": "g",
    "ImageType": "i",
    "KVP": "v",
    "ConvolutionKernel": "k",
    "AcquisitionNumber": "a",
    "DoseType": "d",
    "DoseSummationType": "d",
    "EnergyWindowVector": "w",
    "DetectorVector": "h",
    "RotationVector": "u",
    "RRIntervalVector": "r",
    "LUTLabel": "q",
    "MeasurementUnits": "q",
    "DataType": "q",
    "StackID": "s",
}
"""Letter of a part in the volume's id; time points are t."""

Places = Sequence[Sequence[SliceHeader]]


@dataclass(frozen=True)
class Part:
    """Slices that belong together, and the (tag, value, rank) by which they do."""

    slices: tuple[SliceHeader, ...]
    axes: tuple[tuple[str, Trait, int], ...] = ()
    untangled: bool = False
    """Whether it was told from slices between its own, not from slices at its places."""


def tell_apart(places: Places) -> list[Part] | None:
    """Split slices, given by place, so that each part has one slice a place.

    None where no tag, no dimension, no order of time and no block of instance numbers can.
    """
    most = max(len(place) for place in places)
    if most == 1:
        return [Part(tuple(header for place in places for header in place))]
    for tag in TAGS:
        for labels in (_labels(places, tag), _ranks(places, tag, most)):
            if labels is not None and len(set(labels.values())) == most:
                return _parts(places, tag, labels)
    return _split_in_steps(places, most) or _by_dimensions(places, most) or _by_order(places, most)


def value_of(header: SliceHeader, tag: str) -> Trait:
    """Give a slice's value of one of `TAGS`, "" where it has none."""
    if tag == "ImageType":
        return "\\".join(header.image_type)
    return header.traits.get(tag, "")


def _labels(places: Places, tag: str) -> dict[int, Trait] | None:
    """Give every slice its value of the tag, None where two at one place share it."""
    labels: dict[int, Trait] = {}
    for place in places:
        found = [value_of(header, tag) for header in place]
        if "" in found or len(set(found)) < len(found):
            return None
        labels |= {id(header): value for header, value in zip(place, found, strict=True)}
    return labels


def _ranks(places: Places, tag: str, most: int) -> dict[int, Trait] | None:
    """Give every slice the rank of its time at its place, where no place lacks a slice.

    With one missing, the ranks after it would stand for another phase.
    """
    if tag not in RANKED or any(len(place) != most for place in places):
        return None
    labels = _labels(places, tag)
    if labels is None:
        return None
    return {
        id(header): float(sorted((labels[id(h)] for h in place), key=ordering).index(own))
        for place in places
        for header in place
        for own in [labels[id(header)]]
    }


def _parts(places: Places, tag: str, labels: dict[int, Trait]) -> list[Part]:
    parts: dict[Trait, list[SliceHeader]] = {}
    for header in (header for place in places for header in place):
        parts.setdefault(labels[id(header)], []).append(header)
    ranked = sorted(parts, key=ordering)
    if tag == "DiffusionGradientOrientation":
        ranked.sort(key=lambda label: first_acquired(parts[label]))
    return [
        Part(tuple(parts[label]), ((tag, _said(parts[label], tag, label), rank),))
        for rank, label in enumerate(ranked, start=1)
    ]


def first_acquired(slices: Sequence[SliceHeader]) -> tuple[float, ...]:
    """Give what orders volumes by acquisition: the maker's own number, else the least of theirs.

    In one file that is their number along its dimensions, where it has any, and not the frame's.
    """
    return min(_acquired(header) for header in slices)


def _acquired(header: SliceHeader) -> tuple[float, ...]:
    number = header.diffusion.number if header.diffusion is not None else ()
    if number:
        return number
    dimension = header.traits.get(DIMENSIONS)
    in_file = dimension if isinstance(dimension, float) else float(header.frame)
    return float(header.instance_number or 0), in_file


def _said(members: Sequence[SliceHeader], tag: str, label: Trait) -> Trait:
    """Give the value of a part: of times that differ from place to place, their mean."""
    values = [value_of(header, tag) for header in members]
    if tag in RANKED and all(isinstance(value, float) for value in values):
        return round(sum(float(str(value)) for value in values) / len(values), 3)
    return label


def _split_in_steps(places: Places, most: int) -> list[Part] | None:
    """Split by a tag that separates only some of the repeats, then look inside each part."""
    for tag in TAGS:
        values = {value_of(header, tag) for place in places for header in place}
        if not 1 < len(values) < most or "" in values:
            continue
        parts: list[Part] = []
        for rank, value in enumerate(sorted(values, key=ordering), start=1):
            inside = [[h for h in place if value_of(h, tag) == value] for place in places]
            below = tell_apart([place for place in inside if place])
            if below is None or sum(map(bool, inside)) * 2 < len(places):
                break
            parts += [Part(part.slices, ((tag, value, rank), *part.axes)) for part in below]
        else:
            return parts
    return None


def _by_dimensions(places: Places, most: int) -> list[Part] | None:
    """Split by the numbers that the frames of a file have along its own dimensions."""
    labels = _labels(places, DIMENSIONS)
    if labels is None or len(set(labels.values())) != most:
        return None
    return _parts(places, DIMENSIONS, labels)


def _by_order(places: Places, most: int) -> list[Part] | None:
    """Number repeats by time, number or frame, where whole volumes follow one another."""
    for tag in ("AcquisitionDateTime", "AcquisitionTime", "ContentTime", "InstanceNumber", "Frame"):
        for cut in (_volume_by_volume, _place_by_place, _numbered_blocks):
            volumes = cut(places, tag, most)
            if volumes is not None and len(volumes) == most:
                return [
                    Part(tuple(v), ((tag, float(n), n),)) for n, v in enumerate(volumes, start=1)
                ]
    return None


def _volume_by_volume(places: Places, tag: str, most: int) -> list[list[SliceHeader]] | None:
    """Take the ranks within each place, where each volume was over before the next began."""
    ranked = _ranked(places, tag, most)
    if ranked is None:
        return None
    volumes = [list(volume) for volume in zip(*ranked, strict=True)]
    moments = [[ordering(_moment(header, tag)) for header in volume] for volume in volumes]
    return volumes if all(max(a) < min(b) for a, b in pairwise(moments)) else None


def _numbered_blocks(places: Places, tag: str, _most: int) -> list[list[SliceHeader]] | None:
    """Cut numbers from 1 into blocks of one volume each; a file may be missing.

    Every block must go through the places in the same order: only then does a number that
    is not there leave the others where they belong.
    """
    if tag not in ("InstanceNumber", "Frame"):
        return None
    first = 1 if tag == "InstanceNumber" else 0
    blocks: dict[int, list[SliceHeader]] = {}
    place_of: dict[int, int] = {}
    for n, place in enumerate(places):
        for header in place:
            number = _moment(header, tag)
            if not isinstance(number, float) or number < first:
                return None
            block, turn = divmod(int(number) - first, len(places))
            if place_of.setdefault(turn, n) != n:
                return None
            blocks.setdefault(block, []).append(header)
    whole = len(set(place_of.values())) == len(place_of) == len(places)
    return [blocks[block] for block in sorted(blocks)] if whole else None


def _place_by_place(places: Places, tag: str, most: int) -> list[list[SliceHeader]] | None:
    """Take the ranks within each place, where each was imaged out before the next began."""
    ranked = _ranked(places, tag, most)
    if ranked is None:
        return None
    ends = [(ordering(_moment(p[0], tag)), ordering(_moment(p[-1], tag))) for p in ranked]
    if any(a[1] >= b[0] for a, b in pairwise(sorted(ends))):
        return None
    return [list(volume) for volume in zip(*ranked, strict=True)]


def _ranked(places: Places, tag: str, most: int) -> list[list[SliceHeader]] | None:
    """Order the slices of every place; None where one lacks a slice, or moments are shared."""
    if any(len(place) != most for place in places):
        return None
    ranked = [_by_moment(place, tag) for place in places]
    moments = [[_moment(header, tag) for header in place] for place in ranked]
    if any("" in found or len(set(found)) < most for found in moments):
        return None
    return ranked


def _by_moment(slices: Sequence[SliceHeader], tag: str) -> list[SliceHeader]:
    return sorted(slices, key=lambda header: ordering(_moment(header, tag)))


def _moment(header: SliceHeader, tag: str) -> Trait:
    if tag == "Frame":
        return float(header.frame)
    if tag == "InstanceNumber":
        return "" if header.instance_number is None else float(header.instance_number)
    return header.traits.get(tag, "")


def ordering(value: Trait) -> tuple[int, float, str]:
    """Order numbers before texts."""
    if isinstance(value, (int, float)):
        return 0, float(value), ""
    return 1, 0.0, str(value)


def suffix(part: Part) -> str:
    """Give the ending of a part's id: `_e2` for the second echo, `_t3` for a third phase."""
    return "".join(f"_{SUFFIX.get(tag, 't')}{rank}" for tag, _, rank in part.axes)
