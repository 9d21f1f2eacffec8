"""Slices that share places: told apart by the first tag that can, or refused.

Phases, echoes, b-values, energies and kernels are several volumes in one series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from volume.dicom.header import SliceHeader, Trait

TAGS = (
    "ImageType TemporalPositionIdentifier TemporalPositionIndex DiffusionBValue"
    " DiffusionGradientOrientation EchoNumbers EchoTime TriggerTime"
    " NominalCardiacTriggerDelayTime FrameReferenceTime InversionTime FlipAngle KVP"
    " ConvolutionKernel ContrastBolusAgent AcquisitionNumber AcquisitionDateTime"
    " AcquisitionTime ContentTime"
).split()
"""In the order in which they are tried."""
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
}
"""Letter of a part in the volume's id; time points are t."""

Places = Sequence[Sequence[SliceHeader]]


@dataclass(frozen=True)
class Part:
    """Slices that belong together, and the (tag, value, rank) by which they do."""

    slices: tuple[SliceHeader, ...]
    axes: tuple[tuple[str, Trait, int], ...] = ()


def tell_apart(places: Places) -> list[Part] | None:
    """Split slices, given by place, so that each part has one slice a place.

    None where no tag, no order of time and no block of instance numbers can.
    """
    most = max(len(place) for place in places)
    if most == 1:
        return [Part(tuple(header for place in places for header in place))]
    for tag in TAGS:
        for labels in (_labels(places, tag), _ranks(places, tag, most)):
            if labels is not None and len(set(labels.values())) == most:
                return _parts(places, tag, labels)
    return _split_in_steps(places, most) or _by_order(places, most)


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
    parts = []
    for rank, value in enumerate(sorted(set(labels.values()), key=ordering), start=1):
        members = tuple(h for place in places for h in place if labels[id(h)] == value)
        parts.append(Part(members, ((tag, value, rank),)))
    return parts


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


def _by_order(places: Places, most: int) -> list[Part] | None:
    """Number repeats by time or instance number, where whole volumes follow one another."""
    if any(len(place) != most for place in places):
        return None
    for tag in ("AcquisitionTime", "ContentTime", "InstanceNumber"):
        ranks = [_by_moment(place, tag) for place in places]
        moments = [[ordering(_moment(h, tag)) for h in place] for place in ranks]
        if any(len(set(found)) < most for found in moments):
            continue
        columns = list(zip(*moments, strict=True))
        if all(max(a) < min(b) for a, b in pairwise(columns)):
            volumes = list(zip(*ranks, strict=True))
            return [Part(tuple(v), ((tag, float(n), n),)) for n, v in enumerate(volumes, start=1)]
    return None


def _by_moment(place: Sequence[SliceHeader], tag: str) -> list[SliceHeader]:
    return sorted(place, key=lambda header: ordering(_moment(header, tag)))


def _moment(header: SliceHeader, tag: str) -> Trait:
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
