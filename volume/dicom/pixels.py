"""Stored pixels of many slices, read straight into one array."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.dicom.codestream import DECODABLE
from volume.dicom.decoding import extend_sign, interleave, stored_type
from volume.dicom.encoding import (
    DEFLATED,
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT_BIG,
    NATIVE,
    Unreadable,
)
from volume.dicom.header import SliceHeader
from volume.dicom.reader import inflated
from volume.dicom.shared_array import SharedArray
from volume.dicom.workers import decode_all
from volume.findings import Finding, warning
from volume.progress import Progress


@dataclass(frozen=True)
class Pixels:
    """Stored values (n, rows, columns) or (n, rows, columns, 3), and what went wrong.

    `faults` maps a slice's index to (code, reason); its values are then zero.
    """

    array: NDArray[Any]
    faults: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def can_decode(transfer_syntax: str) -> bool:
    """Say whether pixels in this transfer syntax can be read."""
    return transfer_syntax in NATIVE | DECODABLE | {ENCAPSULATED_UNCOMPRESSED}


def read_pixels(slices: Sequence[SliceHeader], progress: Progress) -> Pixels:
    """Read the stored values of slices of one matrix size, in their order.

    The type is the narrowest that holds every slice's stored values. Compressed frames
    are decoded in child processes. `progress` is updated once a slice.
    """
    first = slices[0]
    shape: tuple[int, ...] = (len(slices), first.rows, first.columns)
    if first.pixels.samples == 3:
        shape = (*shape, 3)
    dtype = common_type(slices)
    compressed = [
        n for n, header in enumerate(slices) if header.pixels.transfer_syntax not in NATIVE
    ]
    if compressed:
        memory = SharedArray(shape, dtype)
        array = memory.array
        try:
            faults = _decode(slices, compressed, memory, progress)
        finally:
            memory.close()
    else:
        array, faults = np.zeros(shape, dtype), {}
    native = [n for n, header in enumerate(slices) if header.pixels.transfer_syntax in NATIVE]
    faults |= _read_native(slices, native, array, progress)
    return Pixels(array, faults, tuple(_tidy(slices, array)))


def common_type(slices: Sequence[SliceHeader]) -> np.dtype[Any]:
    """Choose the narrowest integer type that holds the stored values of every slice."""
    return np.result_type(*{stored_type(header.pixels) for header in slices})


def _decode(
    slices: Sequence[SliceHeader], chosen: list[int], memory: SharedArray, progress: Progress
) -> dict[int, tuple[str, str]]:
    array = memory.array
    requests = [
        {
            "path": slices[n].path,
            "frame": slices[n].frame,
            "rows": slices[n].rows,
            "columns": slices[n].columns,
            "layout": asdict(slices[n].pixels),
            "dtype": array.dtype.str,
            "at": n * array.strides[0],
        }
        for n in chosen
    ]
    lock = threading.Lock()

    def done() -> None:
        with lock:
            progress.update(1)

    failed = decode_all(requests, memory, done)
    return {chosen[i]: (reply["code"], reply["reason"]) for i, reply in failed.items()}


def _read_native(
    slices: Sequence[SliceHeader], chosen: list[int], array: NDArray[Any], progress: Progress
) -> dict[int, tuple[str, str]]:
    faults: dict[int, tuple[str, str]] = {}
    files: dict[str, list[int]] = defaultdict(list)
    for n in chosen:
        files[slices[n].path].append(n)
    for path, frames in files.items():
        try:
            with _open(path, slices[frames[0]]) as stream:
                for n in frames:
                    array[n] = _native_frame(stream, slices[n])
                    progress.update(1)
        except OSError as fault:
            reason = f"the file cannot be read: {fault.strerror or fault}"
            faults.update(dict.fromkeys(frames, ("unreadable", reason)))
        except Unreadable as fault:
            faults.update(dict.fromkeys(frames, (fault.code, str(fault))))
    return faults


def _open(path: str, header: SliceHeader) -> Any:
    if header.pixels.transfer_syntax == DEFLATED:
        return inflated(path)
    return open(path, "rb")  # noqa: PTH123


def _native_frame(stream: Any, header: SliceHeader) -> NDArray[Any]:
    layout = header.pixels
    dtype = stored_type(layout)
    length = header.rows * header.columns * layout.samples * dtype.itemsize
    stream.seek(layout.offset + header.frame * length)
    data = stream.read(length)
    if len(data) < length:
        raise Unreadable("the pixels are no longer all there", "changed-during-read")
    if layout.transfer_syntax == EXPLICIT_BIG:
        order = dtype.newbyteorder(">")
        values = np.frombuffer(data, order)
        if layout.swapped:
            values = np.frombuffer(data, np.uint16).byteswap().view(dtype)[: values.size]
    else:
        values = np.frombuffer(data, dtype)
    return interleave(values, layout, header.rows, header.columns)


def _tidy(slices: Sequence[SliceHeader], array: NDArray[Any]) -> list[Finding]:
    """Clear what stands above the high bit and extend the sign, slice by slice, in place."""
    changed: list[str] = []
    count = 0
    for n, header in enumerate(slices):
        layout = header.pixels
        if layout.bits_stored == layout.bits_allocated or layout.samples != 1:
            continue
        shifted = array[n] >> (layout.high_bit + 1 - layout.bits_stored)
        clean = _stored_bits(shifted, layout.bits_stored, signed=layout.signed)
        wrong = int(np.count_nonzero(clean != shifted))
        array[n] = clean
        if wrong:
            changed.append(header.name)
            count += wrong
    if not changed:
        return []
    code = "sign-repaired" if slices[0].pixels.signed else "high-bits-masked"
    message = f"{count} pixels had bits set above the high bit: cleared"
    evidence = {"pixels": count, "bits_vary": len({h.pixels.bits_stored for h in slices}) > 1}
    return [warning(code, message, files=tuple(changed), evidence=evidence)]


def _stored_bits(values: NDArray[Any], bits: int, *, signed: bool) -> NDArray[Any]:
    return extend_sign(values, bits) if signed else values & ((1 << bits) - 1)
