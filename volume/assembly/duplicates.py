"""The same slice, there twice: dropped only when place, tags and pixels agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from volume.dicom.header import SliceHeader
from volume.dicom.pixels import read_pixels
from volume.findings import Finding, info, warning
from volume.progress import Silent

PLACES_WITHIN_MM = 0.01


def drop_duplicates(
    slices: Sequence[SliceHeader],
) -> tuple[list[SliceHeader], list[SliceHeader], list[Finding]]:
    """Separate slices from their duplicates, and say which were found.

    Pixels are compared only where place and every telling tag agree already.
    """
    kept: list[SliceHeader] = []
    dropped: list[SliceHeader] = []
    findings: list[Finding] = []
    by_place: dict[tuple[object, ...], list[SliceHeader]] = defaultdict(list)
    for header in sorted(slices, key=lambda header: header.pixels.missing > 0):
        twins = by_place[_signature(header)]
        twin = next((other for other in twins if _same_pixels(other, header)), None)
        if twin is None:
            twins.append(header)
            kept.append(header)
            continue
        dropped.append(header)
        findings.append(_dropped(twin, header))
    return kept, dropped, findings + _conflicts(kept)


def _signature(header: SliceHeader) -> tuple[object, ...]:
    """Everything two copies of one slice share; the place in hundredths of a millimetre."""
    place = tuple(round(x / PLACES_WITHIN_MM) for x in header.position or ())
    traits = tuple(sorted((name, str(value)) for name, value in header.traits.items()))
    return (place, header.image_type, header.rescale, traits)


def _same_pixels(a: SliceHeader, b: SliceHeader) -> bool:
    if (a.rows, a.columns, a.pixels.samples) != (b.rows, b.columns, b.pixels.samples):
        return False
    if b.pixels.missing:  # a damaged copy of a whole slice, or two damaged ones
        return a.sop_instance_uid == b.sop_instance_uid
    pixels = read_pixels([a, b], Silent())
    return not pixels.faults and bool(np.array_equal(pixels.array[0], pixels.array[1]))


def _dropped(kept: SliceHeader, header: SliceHeader) -> Finding:
    files = (header.name, kept.name)
    if header.pixels.missing:
        text = f"{header.pixels.missing} bytes of its pixels are missing; a whole copy is used"
        return warning("pixels-truncated", text, files=(header.name,))
    if header.sop_instance_uid == kept.sop_instance_uid and header.frame == kept.frame:
        return info(
            "duplicate-instance", "the same instance is there twice: one is used", files=files
        )
    return info(
        "duplicate-identical",
        "the same slice is there under another instance UID: one is used",
        files=files,
    )


def _conflicts(kept: Sequence[SliceHeader]) -> list[Finding]:
    by_uid: dict[tuple[str, int], list[SliceHeader]] = defaultdict(list)
    for header in kept:
        if header.sop_instance_uid:
            by_uid[header.sop_instance_uid, header.frame].append(header)
    return [
        warning(
            "duplicate-conflict",
            f"one instance UID stands for {len(several)} different slices: all are kept",
            files=tuple(header.name for header in several),
            evidence={"sop_instance_uid": uid},
        )
        for (uid, _), several in by_uid.items()
        if len(several) > 1
    ]
