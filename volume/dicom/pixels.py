"""Stored pixels of many slices, read straight into one array."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from volume.dicom.codestream import DECODABLE, HEAD, Codestream, look, refuse_another_size
from volume.dicom.containers import MAGIC, compression_of
from volume.dicom.decoding import interleave, samples_stored, stored_type
from volume.dicom.encapsulated import Fragment, find_frames, read_fragments
from volume.dicom.encoding import (
    DEFLATED,
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    NATIVE,
    Unreadable,
)
from volume.dicom.header import PixelLayout, SliceHeader
from volume.dicom.limits import DEFAULT, MIB, Limits
from volume.dicom.opening import is_plain, open_file
from volume.dicom.planes import Each, Planes, nothing_more
from volume.dicom.reader import inflated
from volume.dicom.tiles import cut, left_over, whole_frames
from volume.dicom.workers import Request, decode_all
from volume.findings import Finding, warning
from volume.progress import Progress
from volume.room import Room


@dataclass(frozen=True)
class Pixels:
    """Stored values (n, rows, columns) or (n, rows, columns, 3), and what went wrong.

    Where slices were changed in passing, `array` holds what they became. `faults` maps a slice's
    index to (code, reason); its values are then zero. `ends` (n, 2) are the least and the greatest
    stored value of every slice, None where that was not looked at.
    """

    array: NDArray[Any]
    faults: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    ends: NDArray[np.int64] | None = None


def can_decode(transfer_syntax: str) -> bool:
    """Say whether pixels in this transfer syntax can be read."""
    return transfer_syntax in NATIVE | DECODABLE | {ENCAPSULATED_UNCOMPRESSED}


def read_pixels(
    slices: Sequence[SliceHeader],
    progress: Progress,
    limits: Limits = DEFAULT,
    *,
    before: Callable[[], object] = lambda: None,
    each: Each = nothing_more,
    room: Room | None = None,
) -> Pixels:
    """Read the stored values of slices of one matrix size, in their order.

    The type is the narrowest that holds every slice's stored values. Compressed frames
    are decoded in child processes, once their own headers were seen to agree. `before` is
    called then, before room is made for any pixel, in `room` if it is given and can be;
    `each` is called, by several threads, with each slice that was read, as soon as it was: it
    may change what is kept of it. `progress` is updated once a slice.
    """
    if all(header.pixels.tile is None for header in slices):
        return _read_frames(slices, progress, limits, before, each, room)
    frames, frame_of = whole_frames(slices)
    whole = _read_frames(frames, progress, limits, before, nothing_more, None)
    progress.update(len(slices) - len(frames))
    faults = {n: whole.faults[at] for n, at in enumerate(frame_of) if at in whole.faults}
    if len(faults) == len(slices):
        return Pixels(whole.array, faults)
    array = cut(whole.array, slices, frame_of)
    for n, plane in enumerate(array):
        each(n, plane, None)
    return Pixels(array, faults, (*whole.findings, *left_over(whole.array, frames, slices)))


def _read_frames(
    slices: Sequence[SliceHeader],
    progress: Progress,
    limits: Limits,
    before: Callable[[], object],
    each: Each,
    room: Room | None,
) -> Pixels:
    """Read whole stored images, of which each is one slice."""
    compressed = [
        n for n, header in enumerate(slices) if header.pixels.transfer_syntax not in NATIVE
    ]
    fragments, precisions, faults = _find_compressed(slices, compressed, limits)
    noticed = _compare_precisions(slices, precisions, faults)
    if len(faults) == len(slices):
        return Pixels(np.zeros((0, 0, 0), np.uint8), faults)
    fragments = {n: found for n, found in fragments.items() if n not in faults}
    before()
    planes = _planes(slices, each, room)
    if fragments:
        faults |= _decode(fragments, planes, progress, limits)
    native = [n for n, header in enumerate(slices) if header.pixels.transfer_syntax in NATIVE]
    faults |= _read_native(planes, native, progress, limits)
    return Pixels(planes.array, faults, (*noticed, *planes.findings()), planes.ends)


def _planes(slices: Sequence[SliceHeader], each: Each, room: Room | None) -> Planes:
    """Make room for slices, in a file if that can be."""
    shape, dtype = _shape(slices), common_type(slices)
    if room is not None and (array := room.zeros(shape, dtype)) is not None:
        room.begin_to_force(array.nbytes)
        return Planes(slices, array, each, room)
    return Planes(slices, np.zeros(shape, dtype), each)


def _shape(slices: Sequence[SliceHeader]) -> tuple[int, ...]:
    first = slices[0]
    shape = (len(slices), first.rows, first.columns)
    return (*shape, 3) if first.pixels.samples == 3 else shape


def common_type(slices: Sequence[SliceHeader]) -> np.dtype[Any]:
    """Choose the narrowest type that holds the stored values of every slice."""
    return np.result_type(*{stored_type(header.pixels) for header in slices})


Faults = dict[int, tuple[str, str]]


def _find_compressed(
    slices: Sequence[SliceHeader], chosen: Sequence[int], limits: Limits
) -> tuple[dict[int, list[Fragment]], dict[int, int], Faults]:
    """Find the fragments of every compressed frame, and hold its own header against ours.

    Gives the fragments, the bits of a sample where a codestream says so, and what failed.
    """
    found: dict[int, list[Fragment]] = {}
    precisions: dict[int, int] = {}
    faults: Faults = {}
    for path, frames in _by_file(slices, chosen).items():
        try:
            with open_file(path, limits, whole=True) as file:
                layout = slices[frames[0]].pixels
                size = file.seek(0, os.SEEK_END)
                every = find_frames(file, layout.offset, size, layout.frames, limits)
                for n in frames:
                    try:
                        seen = _look(file, every[slices[n].frame], slices[n])
                        found[n] = every[slices[n].frame]
                        precisions |= {} if seen is None else {n: seen.precision}
                    except Unreadable as fault:
                        faults[n] = fault.code, str(fault)
        except OSError as fault:
            faults.update(dict.fromkeys(frames, _unread(fault)))
        except Unreadable as fault:
            faults.update(dict.fromkeys(frames, (fault.code, str(fault))))
    return dict(sorted(found.items())), precisions, faults


def _compare_precisions(
    slices: Sequence[SliceHeader], precisions: Mapping[int, int], faults: Faults
) -> list[Finding]:
    """Hold the bits of a compressed sample against Bits Stored.

    Some encoders write fewer for all slices: that is said. A few such slices among others
    are damaged: they are added to `faults`.
    """
    fewer = [n for n, bits in precisions.items() if bits < slices[n].pixels.bits_stored]
    if not fewer:
        return []
    usual, _ = Counter(precisions.values()).most_common(1)[0]
    for n in fewer:
        if precisions[n] != usual:
            stored = slices[n].pixels.bits_stored
            reason = f"the compressed frame has samples of {precisions[n]} bits, not {stored}"
            faults[n] = "unreadable", reason
    names = tuple(dict.fromkeys(slices[n].name for n in fewer))
    text = f"{len(fewer)} compressed frames have samples of {usual} bits; their headers say more"
    return [warning("precision-disagrees", text, files=names, evidence={"bits": usual})]


def _by_file(slices: Sequence[SliceHeader], chosen: Sequence[int]) -> dict[str, list[int]]:
    files: dict[str, list[int]] = defaultdict(list)
    for n in chosen:
        files[slices[n].path].append(n)
    return files


def _unread(fault: OSError) -> tuple[str, str]:
    return "unreadable", f"the file cannot be read: {fault.strerror or fault}"


def _look(file: BinaryIO, fragments: Sequence[Fragment], header: SliceHeader) -> Codestream | None:
    """Refuse a frame whose codestream has another size, before anything is decoded."""
    if not sum(fragment.length for fragment in fragments):
        raise Unreadable("the compressed frame is empty", "pixels-truncated")
    seen = look(read_fragments(file, fragments, HEAD), header.pixels.transfer_syntax)
    if seen is not None:
        refuse_another_size(seen, header.rows, header.columns, header.pixels.samples)
        if seen.precision > header.pixels.bits_allocated:
            raise Unreadable(f"the compressed frame has samples of {seen.precision} bits")
    return seen


def _request(
    header: SliceHeader, fragments: list[Fragment], plane: NDArray[Any], limits: Limits
) -> Request:
    """Say what a child has to decode, for a place like this one."""
    return {
        "path": header.path,
        "fragments": fragments,
        "rows": header.rows,
        "columns": header.columns,
        "layout": asdict(header.pixels),
        "dtype": plane.dtype.str,
        "seconds": limits.seconds + plane.nbytes / SLOWEST,
    }


def _forward_members(requests: list[Request], limits: Limits) -> None:
    """Mark what only this process opens: a child gets the codestreams of archives from it."""
    members = {path for path in {one["path"] for one in requests} if not is_plain(path)}
    for request in requests:
        if request["path"] in members:
            request["forwarded"] = asdict(limits)


SLOWEST = 10 * MIB
"""Bytes of a frame that every decoder manages in a second."""


def _decode(
    fragments: Mapping[int, list[Fragment]], planes: Planes, progress: Progress, limits: Limits
) -> Faults:
    """Have frames decoded, each on a desk of its decoder's, and put to their places."""
    plane, chosen = planes.array[0], list(fragments)
    requests = [_request(planes.slices[n], fragments[n], plane, limits) for n in chosen]
    _forward_members(requests, limits)
    lock = threading.Lock()

    def done(number: int, decoded: NDArray[Any] | None) -> None:
        if decoded is not None:
            planes.put(chosen[number], decoded)
        with lock:
            progress.update(1)

    failed = decode_all(requests, plane.shape, plane.dtype, done)
    return {chosen[i]: (reply["code"], reply["reason"]) for i, reply in failed.items()}


def _read_native(planes: Planes, chosen: list[int], progress: Progress, limits: Limits) -> Faults:
    """Read frames that are not compressed, several files at once, each straight to its place."""
    files = list(_by_file(planes.slices, chosen).items())
    faults: Faults = {}
    in_archives = not all(map(os.path.exists, dict(files)))  # these have one stream for all
    threads = 1 if in_archives else max(1, min(THREADS, len(files)))

    def some(start: int) -> tuple[Faults, int]:
        found: Faults = {}
        part = files[start : start + AT_A_TIME]
        for path, frames in part:
            found |= _read_file(path, frames, planes, limits)
        return found, sum(len(frames) for _, frames in part)

    with ThreadPoolExecutor(threads) as pool:
        try:
            for found, count in pool.map(some, range(0, len(files), AT_A_TIME)):
                faults |= found
                progress.update(count)
        finally:
            pool.shutdown(cancel_futures=True)
    return faults


THREADS, AT_A_TIME = min(4, os.cpu_count() or 1), 4
"""Threads, and files that each reads at a time. Reading waits for the disk or copies within
memory: Python's lock is not held meanwhile."""


def _read_file(path: str, frames: list[int], planes: Planes, limits: Limits) -> Faults:
    faults: Faults = {}
    try:
        if _read_directly(path, frames, planes):
            return faults
        with _open(path, planes.slices[frames[0]], limits) as stream:
            for n in frames:
                plane = planes.desk(n)
                _native_frame(stream, planes.slices[n], plane)
                planes.put(n, plane)
    except OSError as fault:
        faults = dict.fromkeys(frames, _unread(fault))
    except Unreadable as fault:
        faults = dict.fromkeys(frames, (fault.code, str(fault)))
    return faults


def _read_directly(path: str, frames: list[int], planes: Planes) -> bool:
    """Have the system put frames into their places, where a file is plain and they are as kept.

    Says whether it did; a stream takes half as long again for a slice.
    """
    layouts = {n: planes.slices[n].pixels for n in frames}
    as_kept = all(
        _is_kept_as_stored(layout, stored_type(layout), planes.array[n])
        for n, layout in layouts.items()
    )
    if not as_kept or not hasattr(os, "preadv"):
        return False
    try:
        file = os.open(path, os.O_RDONLY)
    except (OSError, ValueError):  # it lies in an archive, or has gone: that is said elsewhere
        return False
    try:
        if compression_of(os.pread(file, MAGIC, 0)):
            return False
        for n, layout in layouts.items():
            plane = planes.desk(n)
            bytes_of = plane.data.cast("B")
            start = layout.offset + planes.slices[n].frame * len(bytes_of)
            _fill(partial(_pread, file, start + len(bytes_of)), bytes_of)
            planes.put(n, plane)
    finally:
        os.close(file)
    return True


def _pread(file: int, end: int, into: memoryview) -> int:
    """Read what ends at a byte of a file."""
    return os.preadv(file, [into], end - len(into))


def _open(path: str, header: SliceHeader, limits: Limits) -> Any:
    if header.pixels.transfer_syntax == DEFLATED:
        return inflated(path, limits)
    return open_file(path, limits, whole=True)


def _native_frame(stream: Any, header: SliceHeader, target: NDArray[Any]) -> None:
    """Read a frame into its place, without a copy where it is stored as it is kept."""
    layout = header.pixels
    dtype = stored_type(layout)
    length = header.rows * header.columns * samples_stored(layout) * dtype.itemsize
    stream.seek(layout.offset + header.frame * length)
    if _is_kept_as_stored(layout, dtype, target):
        _fill(stream.readinto, memoryview(target).cast("B"))  # type: ignore[arg-type]
        return
    data = bytearray(length)
    _fill(stream.readinto, memoryview(data))
    if layout.transfer_syntax == EXPLICIT_BIG:
        values = np.frombuffer(data, dtype.newbyteorder(">"))
        if layout.swapped:
            values = np.frombuffer(data, np.uint16).byteswap().view(dtype)[: values.size]
    else:
        values = np.frombuffer(data, dtype)
    target[...] = interleave(values, layout, header.rows, header.columns)


def _fill(read: Callable[[memoryview], int], room: memoryview) -> None:
    got = 0
    while got < len(room):
        more = read(room[got:])
        if not more:
            room[:got] = bytes(got)
            raise Unreadable("the pixels are no longer all there", "changed-during-read")
        got += more


def _is_kept_as_stored(layout: PixelLayout, dtype: np.dtype[Any], target: NDArray[Any]) -> bool:
    """Say whether the bytes of a frame in its file are those of its place in memory."""
    plain = layout.transfer_syntax in (EXPLICIT_LITTLE, IMPLICIT_LITTLE) and layout.samples == 1
    return plain and dtype == target.dtype and sys.byteorder == "little"
