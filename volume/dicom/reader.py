"""From a file to the headers of its slices, without touching the pixels."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from importlib import import_module
from typing import Any, BinaryIO

from volume.dicom import captures, colour, elements, mosaic, sop_classes
from volume.dicom.classic import next_record, slice_record
from volume.dicom.containers import IsArchive
from volume.dicom.data_set import DataSet, read_data_set
from volume.dicom.encoding import (
    Encoding,
    NotDicom,
    Unreadable,
    meta_repaired,
    open_data_set,
    size_of,
)
from volume.dicom.files import FoundFile
from volume.dicom.header import SliceHeader, changed
from volume.dicom.likeness import MEMORY, Alike, Header, first_bytes
from volume.dicom.limits import DEFAULT, Limits
from volume.dicom.opening import open_file
from volume.dicom.pixel_layout import read_layout
from volume.findings import Finding, info


def read_headers(
    found: FoundFile, limits: Limits = DEFAULT
) -> tuple[list[SliceHeader], list[Finding]]:
    """Read the header of every slice in a file, and what was noticed about the file.

    Raises `NotDicom`, `IsArchive`, or `Unreadable` with a finding's code and the reason.
    """
    try:
        with open_file(found.path, limits) as file:
            alike = MEMORY.recognise(file, limits)
            record = None if alike is None else next_record(alike, size_of(file), found)
            if record is not None:
                return [record], []
            return _read(file, found, limits, alike)
    except (NotDicom, IsArchive, Unreadable):
        raise
    except OSError as fault:
        raise Unreadable(f"the file cannot be read: {fault.strerror or fault}") from None
    except MemoryError:
        raise Unreadable("the header asks for more memory than there is") from None
    except Exception as fault:  # noqa: BLE001 a net below: no file ends in a traceback
        raise Unreadable(f"the header is damaged ({type(fault).__name__})") from None


def _read(
    file: BinaryIO, found: FoundFile, limits: Limits, alike: Alike | None
) -> tuple[list[SliceHeader], list[Finding]]:
    """Read a header with care; one that is like others need not be taken apart again."""
    if alike is None:
        encoding = open_data_set(file, found.name, limits)
        data = _read_elements(encoding)
    else:
        encoding = replace(alike.likeness.encoding, stream=file, size=size_of(file))
        data = alike.data
        file.seek(alike.offset - alike.likeness.head)
    slices, noticed = _interpret(data, encoding, found)
    noticed += _of_pixels(encoding, slices, found.name)
    if alike is None:
        _remember(file, encoding, data, slices, noticed)
    return _cut_short(slices), [*encoding.findings, *noticed]


def _remember(
    file: BinaryIO,
    encoding: Encoding,
    data: DataSet,
    slices: list[SliceHeader],
    noticed: list[Finding],
) -> None:
    """Bear a header in mind, as the next may be like it."""
    if not encoding.little or encoding.stream is not file or encoding.findings:
        return
    first = slices[0]
    chunk = first_bytes(file, first.pixels.offset)
    if len(chunk) >= first.pixels.offset:
        record = first if len(slices) == 1 and not noticed and _is_plain(first) else None
        MEMORY.learn(Header(chunk, encoding, data, first.series_uid, record))


def _is_plain(header: SliceHeader) -> bool:
    """Say whether a slice has a file for itself, and nothing but that file's header tells of it."""
    layout, sop_class = header.pixels, header.sop_class_uid
    special = sop_class in sop_classes.FRAMES or sop_class in (*MODULES, sop_classes.CAPTURES)
    return layout.frames == 1 and layout.tile is None and not special


def _read_elements(encoding: Encoding) -> DataSet:
    try:
        return read_data_set(encoding)
    except Unreadable:
        if encoding.sop_class_uid == sop_classes.DICOMDIR:
            _refuse_class(encoding.sop_class_uid, "")
        raise


def _interpret(
    data: DataSet, encoding: Encoding, found: FoundFile
) -> tuple[list[SliceHeader], list[Finding]]:
    sop_class = elements.text(data, "SOPClassUID") or encoding.sop_class_uid
    try:
        if encoding.sop_class_uid not in ("", sop_class) or not captures.is_placed(data, sop_class):
            _refuse_class(sop_class, encoding.sop_class_uid)
        slices, noticed = _slices(data, encoding, found, sop_class)
        return slices, [*noticed, *_of_texts(data, found.name)]
    except Unreadable as fault:
        fault.series_uid = elements.text(data, "SeriesInstanceUID")
        raise


def _refuse_class(sop_class: str, said_before: str) -> None:
    """Refuse what is no slice; one that the file meta information calls a slice is damaged."""
    refused = sop_classes.judge(sop_class)
    if refused and said_before and sop_classes.judge(said_before) is None:
        raise Unreadable("the file names two SOP classes, and only one of them is of slices")
    if refused:
        raise Unreadable(refused[1], refused[0])


def _slices(
    data: DataSet, encoding: Encoding, found: FoundFile, sop_class: str
) -> tuple[list[SliceHeader], list[Finding]]:
    kind = _module_of(sop_class)
    if sop_class == sop_classes.RT_DOSE:
        kind.refuse_without_grid(data)
    layout = read_layout(data, encoding)
    header = slice_record(data, layout, found, sop_class)
    if header.modality == "MR":
        header = import_module("volume.dicom.diffusion").with_diffusion(header, data)
    if mosaic.is_mosaic(data, enhanced=sop_class in sop_classes.FRAMES):
        return mosaic.split(header, data)
    if kind is not None:
        return kind.split(header, data), []
    if layout.frames == 1 and sop_class not in sop_classes.FRAMES:
        return [header], []
    return _frames(header, data, sop_class), []


def _frames(header: SliceHeader, data: DataSet, sop_class: str) -> list[SliceHeader]:
    """Give one record a frame: as its functional groups say, or one behind the other."""
    from volume.dicom import frames, multi_frame

    if sop_class in sop_classes.FRAMES and not multi_frame.lacks_groups(data):
        return frames.split(header, data)
    return multi_frame.follow(header, data)


MODULES = {
    sop_classes.RT_DOSE: "rt_dose",
    sop_classes.NUCLEAR_MEDICINE: "nuclear",
    sop_classes.PARAMETRIC_MAP: "parametric_map",
    sop_classes.US_VOLUME: "us_volume",
}
"""Who makes the records of frames that have rules of their own: imported when one is met."""


def _module_of(sop_class: str) -> Any:
    """Import what splits objects of a class into slices; None where nothing particular does."""
    name = MODULES.get(sop_class)
    return None if name is None else import_module(f"volume.dicom.{name}")


def _of_texts(data: DataSet, name: str) -> list[Finding]:
    """Say which texts are not written as the file declares."""
    readings = [(keyword, elements.reading(data, keyword)) for keyword in TEXTS]
    if not any(one.written for _, one in readings):
        return []
    from volume.dicom.character_sets import charset_repaired

    return [charset_repaired(keyword, one, name) for keyword, one in readings if one.written]


TEXTS = ("SeriesDescription", "PatientName")
"""What `info` shows, and what `--identifiers` lets through."""


def _of_pixels(encoding: Encoding, slices: list[SliceHeader], name: str) -> list[Finding]:
    """Say where pixels contradict what the file declares, and what stands behind them."""
    layout, noticed = slices[0].pixels, []
    if layout.transfer_syntax != encoding.transfer_syntax:
        noticed.append(meta_repaired(encoding.transfer_syntax, layout.transfer_syntax, name))
    if layout.excess:
        text = f"{layout.excess} bytes of zeros stand behind the pixels: left out"
        noticed.append(info("pixels-padded", text, files=(name,)))
    return noticed


def _cut_short(slices: list[SliceHeader]) -> list[SliceHeader]:
    """Say of every frame which of its own bytes are missing: those before the end are whole."""
    layout = slices[0].pixels
    if not layout.missing or layout.frames == 1 or layout.tile is not None:
        return slices
    each = _bytes_of_frame(slices[0])
    present = each * layout.frames - layout.missing
    lacking = [min(each, max(0, each * (one.frame + 1) - present)) for one in slices]
    layouts = {missing: replace(layout, missing=missing) for missing in set(lacking)}
    return [
        changed(one, pixels=layouts[missing]) for one, missing in zip(slices, lacking, strict=True)
    ]


def _bytes_of_frame(header: SliceHeader) -> int:
    layout = header.pixels
    samples = colour.samples_stored(layout.photometric, layout.samples, layout.transfer_syntax)
    return header.rows * header.columns * samples * layout.bits_allocated // 8


def inflated(path: str, limits: Limits = DEFAULT) -> io.BytesIO:
    """Inflate the data set of a deflated file once more, to read its pixels."""
    with open_file(path, limits, whole=True) as file:
        stream = open_data_set(file, path, limits).stream
    if not isinstance(stream, io.BytesIO):
        raise Unreadable("the file changed while it was read", "changed-during-read")
    stream.seek(0, os.SEEK_SET)
    return stream
