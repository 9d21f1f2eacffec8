"""Which slices may belong together: one series, one matrix, one orientation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from volume.assembly.tolerances import TOLERANCES
from volume.dicom import sop_classes
from volume.dicom.header import SliceHeader, Vector
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
        _by_capture,
        _by_localizer,
        _by_instance,
        _by_matrix,
        _by_direction,
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
    return all(len({h.instance for h in part}) == 1 for part in parts)


def _is_one_an_image(parts: Sequence[Sequence[SliceHeader]]) -> bool:
    """Say whether every part is one stored image, a slice or a mosaic of them, or its copies."""
    return all(len({(h.sop_instance_uid, h.frame) for h in part}) == 1 for part in parts)


def _by_capture(group: Group) -> list[Group]:
    """Set secondary captures apart from the images of a scanner."""
    captures = tuple(h for h in group.slices if h.sop_class_uid == sop_classes.CAPTURES)
    if not captures:
        return [group]
    text = f"{count(len(captures), 'secondary capture')}, placed where the header says"
    names = tuple(dict.fromkeys(header.name for header in captures))
    said = warning("secondary-capture", text, evidence={"slices": len(captures)})
    others = tuple(h for h in group.slices if h.sop_class_uid != sop_classes.CAPTURES)
    if not others:
        return [replace(group, findings=(*group.findings, said))]
    beside = info("secondary-capture", f"{text}: kept apart", files=names)
    return [
        replace(group, slices=others, findings=(*group.findings, beside)),
        Group(captures, f"{group.letters}_c1", (*group.findings, said)),
    ]


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
    names = tuple(dict.fromkeys(header.name for header in localizers))
    beside = info("localizer", text, files=names, evidence={"slices": len(localizers)})
    return [
        replace(group, slices=others, findings=(*group.findings, beside)),
        Group(localizers, f"{group.letters}_l1", (*group.findings, itself)),
    ]


def _by_instance(group: Group) -> list[Group]:
    """Keep dose grids apart, and reconstructions of nuclear medicine.

    A file of these holds a whole volume or several, never a part of one; beams and plans, or
    two reconstructions, may share a series and a grid. Single planes go by their place.
    """
    whole = [h for h in group.slices if h.sop_class_uid in sop_classes.VECTORS]
    if not any(header.pixels.frames > 1 for header in whole):
        return [group]
    parts: dict[str, list[SliceHeader]] = defaultdict(list)
    for header in sorted(group.slices, key=_instance):
        is_whole = header.sop_class_uid in sop_classes.VECTORS and header.pixels.frames > 1
        parts[(header.sop_instance_uid or header.name) if is_whole else ""].append(header)
    text = f"{len(parts)} volumes share this series, each in a file of its own"
    several = _parted(group, list(parts.values()), "v", "split-by", text)
    if len(several) == 1:
        return several
    return [replace(one, findings=(*one.findings, *_which_dose(one.slices[0]))) for one in several]


def _which_dose(header: SliceHeader) -> list[Finding]:
    """Say which of several doses of a series a volume is, as far as the file does."""
    terms = ("DoseType", "DoseSummationType", "DoseUnits")
    said = {term: header.traits[term] for term in terms if term in header.traits}
    words = ", ".join(map(str, said.values()))
    return [info("split-by", f"this dose is {words}", evidence=said)] if said else []


def _instance(header: SliceHeader) -> tuple[int, str, int]:
    return header.instance_number or 0, header.sop_instance_uid, header.frame


LOCALIZER = {"localizer": True}
"""Evidence that a stack is a localizer itself."""
PILOT_ORIENTATIONS, PILOT_SLICES = 3, 3
"""Three orientations or more, of no more than three slices each: a pilot scan."""


def _by_matrix(group: Group) -> list[Group]:
    kinds: dict[tuple[object, ...], list[SliceHeader]] = defaultdict(list)
    for header in group.slices:
        key = (_family(header), header.rows, header.columns, header.pixels.samples)
        kinds[key].append(header)
    parts = [part for members in kinds.values() for part in _by_spacing(members)]
    text = f"{len(parts)} matrix sizes or pixel spacings share this series: kept apart"
    if len(parts) > KINDS_AT_MOST:
        return [_scattered(group, f"{len(parts)} matrix sizes or pixel spacings", ORIGINALS)]
    return _parted(group, parts, "m", "matrix-split", text)


KINDS_AT_MOST = 200
"""No series of slices has more matrices, spacings or orientations; they are not looked into."""


ORIGINALS = "ask for the original series: these are images of many kinds"
TURNING = "images that turn around an axis hold no volume"


def _scattered(group: Group, what: str, remedy: str) -> Group:
    text = f"{count(len(group.slices), 'slice')} in {what} do not form a stack"
    refusal = error("not-a-stack", text, remedy=remedy)
    return replace(group, findings=(*group.findings, refusal))


def _by_spacing(slices: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    """Part slices by pixel spacing, those within the tolerance together.

    Spacings are looked up in cells as wide as the tolerance, and in the cells beside.
    """
    width = TOLERANCES.pixel_spacing_relative
    cells: dict[tuple[int, int], tuple[NDArray[np.float64], list[SliceHeader]]] = {}
    parts: dict[tuple[float, float], list[SliceHeader]] = {}
    for header in slices:
        pair = header.pixel_spacing or (1.0, 1.0)
        if pair in parts:
            parts[pair].append(header)
            continue
        spacing = np.array(pair)
        i, j = np.floor(np.log(spacing) / width).astype(int).tolist()
        beside = (cells.get((i + di, j + dj)) for di in (0, -1, 1) for dj in (0, -1, 1))
        near = (one for one in beside if one and np.allclose(one[0], spacing, rtol=width, atol=0))
        known = next(near, None)
        if known is None:
            known = cells[i, j] = spacing, []
        known[1].append(header)
        parts[pair] = known[1]
    return list({id(part): part for part in parts.values()}.values())


def _family(header: SliceHeader) -> tuple[object, ...]:
    """Tell images apart that are never one volume: other modalities, inverted ones."""
    kinds = {**sop_classes.SLICES, **sop_classes.FRAMES, **sop_classes.VECTORS}
    kind, dose_units = kinds.get(header.sop_class_uid, ""), header.traits.get("DoseUnits")
    layout = header.pixels
    return kind, layout.photometric, layout.floating, layout.tile is not None, dose_units


def _by_direction(group: Group) -> list[Group]:
    """Set traces apart from the images they were made of: they have no diffusion direction."""
    weighted = [h for h in group.slices if h.diffusion is not None and h.diffusion.b_value > 0]
    traces = {id(h) for h in weighted if h.diffusion and h.diffusion.direction is None}
    if not traces or len(traces) == len(weighted):
        return [group]
    parts = [
        [header for header in group.slices if (id(header) in traces) == is_trace]
        for is_trace in (False, True)
    ]
    text = f"{count(len(traces), 'image')} without a diffusion direction (a trace) kept apart"
    return _parted(group, parts, "d", "trace-split", text, loud=True)


def _by_placing(group: Group) -> list[Group]:
    """Set slices apart that do not say where they lie."""
    placed = [h for h in group.slices if _lacks(h) is None]
    lost = [h for h in group.slices if _lacks(h) is not None]
    if not lost:
        return [group]
    refusal = error(
        "not-a-stack",
        f"{count(len(lost), 'slice')} without {_lacks(lost[0])}: nothing says where they lie",
        files=tuple(dict.fromkeys(header.name for header in lost)),
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
    usable = _stray(header.orientation) <= TOLERANCES.cosines_refuse
    return None if usable else "a usable Image Orientation (Patient)"


@lru_cache(1024)
def _stray(orientation: tuple[Vector, Vector]) -> float:
    """Say how far two directions are from unit vectors at right angles."""
    rows, columns = np.array(orientation)
    return float(
        max(abs(np.linalg.norm(rows) - 1), abs(np.linalg.norm(columns) - 1), abs(rows @ columns))
    )


def _by_frame_of_reference(group: Group) -> list[Group]:
    """Keep frames of reference apart, unless they isolate single slices.

    Some anonymisers give every file a frame of its own.
    """
    parts = _by_identity(group.slices, lambda header: header.frame_of_reference_uid)
    if len(parts) == 1:
        return [group]
    if not _is_one_an_image(parts):
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
    many = len(clusters) * 2 > len(group.slices) or len(clusters) > KINDS_AT_MOST
    if many and len(clusters) > PILOT_ORIENTATIONS:
        return [_scattered(group, f"{_many(clusters)} orientations", TURNING)]
    if len(clusters) >= PILOT_ORIENTATIONS and largest <= PILOT_SLICES:
        text = f"a localizer of {len(clusters)} orientations: kept apart from the volumes"
        itself = info("localizer", text, evidence=LOCALIZER)
        return [
            replace(part, findings=(*part.findings, itself))
            for part in _parted(group, clusters, "o", "orientation-split", text)
        ]
    text = f"{len(clusters)} orientations share this series: each is a volume of its own"
    return _parted(group, clusters, "o", "orientation-split", text)


def _many(clusters: Sequence[object]) -> str:
    return f"over {KINDS_AT_MOST}" if len(clusters) > KINDS_AT_MOST else str(len(clusters))


def _clusters(slices: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    """Cluster slices around the first of each orientation; stop at more than there can be."""
    least = np.cos(np.radians(TOLERANCES.orientation_cluster_deg))
    cosines = np.array([header.orientation for header in slices], dtype=np.float64)
    cosines /= np.linalg.norm(cosines, axis=2, keepdims=True)
    clusters: list[list[SliceHeader]] = []
    left = np.arange(len(slices))
    while len(left) and len(clusters) <= KINDS_AT_MOST:
        near = (np.sum(cosines[left] * cosines[left[0]], axis=2) >= least).all(axis=1)
        clusters.append([slices[n] for n in left[near]])
        left = left[~near]
    return clusters
