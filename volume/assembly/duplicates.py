"""The same slice, there twice: dropped only when place, tags and pixels agree."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from volume.assembly.tolerances import TOLERANCES
from volume.dicom.encoding import DEFLATED, Unreadable, size_of
from volume.dicom.header import SliceHeader
from volume.dicom.opening import file_status, open_file
from volume.dicom.pixels import read_pixels
from volume.dicom.reader import inflated
from volume.dicom.tiles import whole_frame
from volume.findings import Finding, info, warning
from volume.progress import Silent


def drop_duplicates(
    slices: Sequence[SliceHeader], *, numbered: bool = True
) -> tuple[list[SliceHeader], list[SliceHeader], list[Finding]]:
    """Separate slices from their duplicates, and say which were found.

    Pixels are compared only where place, every telling tag and (unless `numbered` is
    False) the InstanceNumber agree already. Which copy is used does not depend on the
    names of the files.
    """
    groups: dict[tuple[object, ...], list[SliceHeader]] = defaultdict(list)
    ordered = sorted(slices, key=lambda header: (header.sop_instance_uid, header.frame))
    places = [_place(header) for header in ordered]
    shared = Counter(places)
    for header, place in zip(ordered, places, strict=True):
        alone = shared[place] == 1
        groups[(place, *(() if alone else _signature(header, numbered=numbered)))].append(header)
    kept: list[SliceHeader] = []
    pairs: list[tuple[SliceHeader, SliceHeader]] = []
    for alike in groups.values():
        for header, twin in _twins(alike):
            if twin is None:
                kept.append(header)
            else:
                pairs.append((twin, header))
    return kept, [header for _, header in pairs], _dropped(pairs) + _conflicts(kept)


def _place(header: SliceHeader) -> tuple[int, ...]:
    """Where two copies of one slice lie."""
    return tuple([round(x / TOLERANCES.duplicate_mm) for x in header.position or ()])


def _signature(header: SliceHeader, *, numbered: bool) -> tuple[object, ...]:
    """Everything else that two copies of one slice share."""
    traits = tuple(sorted((name, str(value)) for name, value in header.traits.items()))
    number = header.instance_number if numbered else None
    return (number, header.image_type, header.rescale, header.palette, traits)


def _twins(alike: Sequence[SliceHeader]) -> Iterator[tuple[SliceHeader, SliceHeader | None]]:
    """Give every slice with the one of which it is a copy, or None; whole files first."""
    if len({header.path for header in alike}) == 1:  # frames of one file are no copies
        yield from ((header, None) for header in alike)
        return
    decode = len({header.pixels.transfer_syntax for header in alike}) > 1
    known: dict[object, SliceHeader] = {}
    for header in sorted(alike, key=lambda header: header.pixels.missing > 0):
        uid = header.sop_instance_uid, header.frame
        # a damaged file is known by its UID alone: it is a copy of the whole one
        content = [uid] if header.pixels.missing else _content(header, decode=decode)
        twin = next((known[name] for name in content if name in known), None)
        for name in (uid, *content):
            known.setdefault(name, header)
        yield header, twin


def _content(header: SliceHeader, *, decode: bool) -> list[object]:
    """Give what two copies share: the bytes of their pixels or, encoded anew, the values."""
    stored = [_stored_bytes(header), header.frame, header.pixels.photometric]
    return [tuple(stored), _values(header)] if decode else [tuple(stored)]


def _stored_bytes(header: SliceHeader) -> object:
    """Sum up the pixel data of a file as they stand in it."""
    layout = header.pixels
    try:
        whole = header.path, *file_status(header.path), layout.offset, layout.length
        return _sum_of(*whole, deflated=layout.transfer_syntax == DEFLATED)
    except (OSError, Unreadable):  # what cannot be read is like nothing else
        return object()


@lru_cache(maxsize=64)
def _sum_of(
    path: str, _changed: int, _size: int, offset: int, length: int | None, *, deflated: bool
) -> bytes:
    """Sum up the pixel data of a file: once, however many frames it has."""
    if deflated:
        return hashlib.sha256(inflated(path).getvalue()[offset:]).digest()
    with open_file(path) as file:
        file.seek(offset)
        left = size_of(file) if length is None else length
        total = hashlib.sha256()
        while left > 0 and (block := file.read(min(left, BLOCK))):
            total.update(block)
            left -= len(block)
        return total.digest()


BLOCK = 2**20


def _values(header: SliceHeader) -> object:
    """Sum up the values of a slice, or of its whole mosaic; unreadable is like no other."""
    pixels = read_pixels([whole_frame(header)], Silent())
    if pixels.faults:
        return object()
    wide = np.float64 if pixels.array.dtype.kind == "f" else np.int64
    return pixels.array.shape, hashlib.sha256(pixels.array.astype(wide).tobytes()).digest()


WORDS = {
    "duplicate-instance": "the same instance is there more than once: one of each is used",
    "duplicate-identical": "the same slice is there under another instance UID: one is used",
}


def _dropped(pairs: Sequence[tuple[SliceHeader, SliceHeader]]) -> list[Finding]:
    """Say which slices were dropped, given as (kept, dropped): one finding a kind.

    It names both: which of them is the copy, nobody can tell.
    """
    found: list[Finding] = []
    by_code: dict[str, list[str]] = defaultdict(list)
    for kept, header in pairs:
        if header.pixels.missing:
            other = (
                "another damaged copy is kept" if kept.pixels.missing else "a whole copy is used"
            )
            text = f"{header.pixels.missing} bytes of its pixels are missing; {other}"
            found.append(warning("pixels-truncated", text, files=(header.name,)))
        elif (header.sop_instance_uid, header.frame) == (kept.sop_instance_uid, kept.frame):
            by_code["duplicate-instance"] += (header.name, kept.name)
        else:
            by_code["duplicate-identical"] += (header.name, kept.name)
    for code, names in by_code.items():
        files, evidence = tuple(dict.fromkeys(names)), {"slices": len(names) // 2}
        text = f"{len(names) // 2} x {WORDS[code]}"
        found.append(info(code, text, files=files, evidence=evidence))
    return found


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
