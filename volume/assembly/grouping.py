"""Which slices may belong together: one series, one matrix, one orientation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from volume.assembly.tolerances import TOLERANCES
from volume.dicom import sop_classes
from volume.dicom.header import SliceHeader
from volume.findings import Finding, count, error, info, warning


@dataclass(frozen=True)
class Group:
    """Slices of one matrix and orientation; `letters` tell it from its siblings in the id."""

    slices: tuple[SliceHeader, ...]
    letters: str = ""
    findings: tuple[Finding, ...] = ()


def group_slices(slices: Iterable[SliceHeader]) -> dict[tuple[str, str], list[Group]]:
    """Group slices by series, then by matrix, frame of reference and orientation.

    Not by AcquisitionNumber, SliceThickness, InstanceNumber or times: these vary inside
    one good volume.
    """
    series: dict[tuple[str, str], list[SliceHeader]] = defaultdict(list)
    for header in slices:
        uid = header.series_uid or f"no UID, number {header.series_number}"
        series[header.study_uid, uid].append(header)
    return {key: _split(members) for key, members in series.items()}


def _split(members: Sequence[SliceHeader]) -> list[Group]:
    groups = [Group(tuple(members))]
    for cut in (
        _by_patient,
        _by_localizer,
        _by_matrix,
        _by_placing,
        _by_frame_of_reference,
        _by_orientation,
    ):
        groups = [part for group in groups for part in cut(group)]
    return groups


def _parted(
    group: Group,
    parts: Sequence[Sequence[SliceHeader]],
    letter: str,
    code: str,
    text: str,
    *,
    loud: bool = False,
) -> list[Group]:
    """Make a group of every part, the largest first; one part leaves the group as it is.

    A few slices set apart from many are worth a warning: they may belong to the many.
    """
    if len(parts) == 1:
        return [group]
    ordered = sorted(parts, key=len, reverse=True)
    sizes = [len(part) for part in ordered]
    strays = [h.name for part in ordered if len(part) <= STRAYS * sizes[0] for h in part]
    make = warning if strays or loud else info
    finding = make(code, text, files=tuple(strays), evidence={"slices": sizes})
    return [
        Group(tuple(part), f"{group.letters}_{letter}{n}", (*group.findings, finding))
        for n, part in enumerate(ordered, start=1)
    ]


STRAYS = 0.1
"""Up to a tenth as many slices as the largest part are strays rather than a volume."""


def _by_patient(group: Group) -> list[Group]:
    """Keep patients apart, whatever their UIDs; a patient a slice is an anonymiser's doing."""
    parts = _by_identity(group.slices, lambda header: header.patient)
    if _is_one_a_slice(parts):
        return [group]
    text = f"{len(parts)} patients share this series UID: each is a volume of its own"
    return _parted(group, parts, "p", "patient-split", text, loud=True)


def _by_identity(
    slices: Sequence[SliceHeader], key: Callable[[SliceHeader], str | bytes]
) -> list[list[SliceHeader]]:
    """Part slices by whose they are; those that do not say go with the most."""
    parts: dict[str | bytes, list[SliceHeader]] = defaultdict(list)
    for header in slices:
        parts[key(header)].append(header)
    unsaid = [header for own in list(parts) if not own for header in parts.pop(own)]
    if not parts:
        return [unsaid]
    max(parts.values(), key=len).extend(unsaid)
    return list(parts.values())


def _is_one_a_slice(parts: Sequence[Sequence[SliceHeader]]) -> bool:
    """Say whether every part is one slice, or copies of one."""
    return all(len({(h.sop_instance_uid, h.frame) for h in part}) == 1 for part in parts)


def _by_localizer(group: Group) -> list[Group]:
    """Set localizers apart from the volume they were planned for (PS3.3 C.8.2.1.1.1)."""
    localizers = tuple(h for h in group.slices if "LOCALIZER" in h.image_type)
    others = tuple(h for h in group.slices if "LOCALIZER" not in h.image_type)
    if not localizers:
        return [group]
    itself = info("localizer", "a localizer: kept apart from the volumes", evidence=LOCALIZER)
    if not others:
        return [replace(group, findings=(*group.findings, itself))]
    text = f"{count(len(localizers), 'localizer slice')} kept apart"
    beside = info("localizer", text, evidence={"slices": len(localizers)})
    return [
        replace(group, slices=others, findings=(*group.findings, beside)),
        Group(localizers, f"{group.letters}_l1", (*group.findings, itself)),
    ]


LOCALIZER = {"localizer": True}
"""Evidence that a stack is a localizer itself."""
PILOT_ORIENTATIONS, PILOT_SLICES = 3, 3
"""Three orientations or more, of no more than three slices each: a pilot scan."""


def _by_matrix(group: Group) -> list[Group]:
    kinds: dict[tuple[object, ...], list[tuple[NDArray[np.float64], list[SliceHeader]]]]
    kinds = defaultdict(list)
    for header in group.slices:
        key = (_family(header), header.rows, header.columns, header.pixels.samples)
        spacing = np.array(header.pixel_spacing or (0.0, 0.0))
        for known, members in kinds[key]:
            if np.allclose(known, spacing, rtol=TOLERANCES.pixel_spacing_relative, atol=0):
                members.append(header)
                break
        else:
            kinds[key].append((spacing, [header]))
    parts = [members for several in kinds.values() for _, members in several]
    text = f"{len(parts)} matrix sizes or pixel spacings share this series: kept apart"
    return _parted(group, parts, "m", "matrix-split", text)


def _family(header: SliceHeader) -> tuple[object, ...]:
    """Tell images apart that are never one volume: other modalities, inverted ones."""
    kinds = {**sop_classes.SLICES, **sop_classes.FRAMES}
    return kinds.get(header.sop_class_uid, ""), header.pixels.photometric


def _by_placing(group: Group) -> list[Group]:
    """Set slices apart that do not say where they lie."""
    placed = [h for h in group.slices if _lacks(h) is None]
    lost = [h for h in group.slices if _lacks(h) is not None]
    if not lost:
        return [group]
    refusal = error(
        "not-a-stack",
        f"{count(len(lost), 'slice')} without {_lacks(lost[0])}: nothing says where they lie",
        files=tuple(header.name for header in lost),
        remedy="ask for the original images: these cannot be placed in space",
    )
    unplaced = Group(tuple(lost), f"{group.letters}_x1", (*group.findings, refusal))
    if not placed:
        return [unplaced]
    said = warning("not-a-stack", f"left out: {refusal.message}", files=refusal.files)
    return [Group(tuple(placed), group.letters, (*group.findings, said)), unplaced]


def _lacks(header: SliceHeader) -> str | None:
    """Name the first attribute of the Image Plane module that is missing or unusable."""
    if header.position is None:
        return "Image Position (Patient)"
    if header.orientation is None:
        return "Image Orientation (Patient)"
    if header.pixel_spacing is None:
        return "Pixel Spacing"
    rows, columns = np.array(header.orientation)
    stray = max(
        abs(np.linalg.norm(rows) - 1), abs(np.linalg.norm(columns) - 1), abs(rows @ columns)
    )
    return "a usable Image Orientation (Patient)" if stray > TOLERANCES.cosines_refuse else None


def _by_frame_of_reference(group: Group) -> list[Group]:
    """Keep frames of reference apart, unless they isolate single slices.

    Some anonymisers give every file a frame of its own.
    """
    parts = _by_identity(group.slices, lambda header: header.frame_of_reference_uid)
    if len(parts) == 1:
        return [group]
    if not _is_one_a_slice(parts):
        text = f"{len(parts)} frames of reference share this series: they may not be compared"
        return _parted(group, parts, "f", "frame-of-reference-mixed", text, loud=True)
    joined = warning(
        "frame-of-reference-mixed",
        f"every one of {len(parts)} slices names a frame of reference of its own: joined",
        evidence={"frames_of_reference": len(parts)},
    )
    return [replace(group, findings=(*group.findings, joined))]


def _by_orientation(group: Group) -> list[Group]:
    """Cluster orientations that lie within a degree of one another."""
    if _lacks(group.slices[0]) is not None:
        return [group]
    clusters = _clusters(group.slices)
    if len(clusters) == 1:
        return [group]
    largest = max(map(len, clusters))
    if len(clusters) * 2 > len(group.slices) and len(clusters) > PILOT_ORIENTATIONS:
        text = f"{len(group.slices)} slices in {len(clusters)} orientations do not form a stack"
        refusal = error(
            "not-a-stack", text, remedy="images that turn around an axis hold no volume"
        )
        return [replace(group, findings=(*group.findings, refusal))]
    if len(clusters) >= PILOT_ORIENTATIONS and largest <= PILOT_SLICES:
        text = f"a localizer of {len(clusters)} orientations: kept apart from the volumes"
        itself = info("localizer", text, evidence=LOCALIZER)
        return [
            replace(part, findings=(*part.findings, itself))
            for part in _parted(group, clusters, "o", "orientation-split", text)
        ]
    text = f"{len(clusters)} orientations share this series: each is a volume of its own"
    return _parted(group, clusters, "o", "orientation-split", text)


def _clusters(slices: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    least = np.cos(np.radians(TOLERANCES.orientation_cluster_deg))
    clusters: list[tuple[NDArray[np.float64], list[SliceHeader]]] = []
    for header in slices:
        cosines = np.array(header.orientation)
        cosines /= np.linalg.norm(cosines, axis=1, keepdims=True)
        for known, members in clusters:
            if (np.sum(known * cosines, axis=1) >= least).all():
                members.append(header)
                break
        else:
            clusters.append((cosines, [header]))
    return [members for _, members in clusters]
