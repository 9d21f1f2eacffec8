"""From a file to the headers of its slices, without touching the pixels."""

from __future__ import annotations

import hashlib
import io
import os
import struct
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from typing import Any

from volume.dicom import captures, colour, elements, image_plane, mosaic, sop_classes
from volume.dicom.containers import IsArchive
from volume.dicom.data_set import DataSet, Element, read_data_set
from volume.dicom.encoding import (
    Encoding,
    NotDicom,
    Unreadable,
    meta_repaired,
    open_data_set,
)
from volume.dicom.files import FoundFile
from volume.dicom.header import ModalityLut, PixelLayout, Rescale, SliceHeader, Trait
from volume.dicom.limits import DEFAULT, Limits
from volume.dicom.opening import open_file
from volume.dicom.palette import read_palette
from volume.dicom.philips import read_scaling
from volume.dicom.pixel_layout import read_layout
from volume.findings import Finding, info

TRAITS = (
    "TemporalPositionIdentifier TemporalPositionIndex DiffusionBValue"
    " DiffusionGradientOrientation EchoNumbers EchoTime TriggerTime"
    " NominalCardiacTriggerDelayTime FrameReferenceTime InversionTime FlipAngle KVP"
    " ConvolutionKernel ContrastBolusAgent AcquisitionNumber AcquisitionDateTime"
    " AcquisitionDate AcquisitionTime ContentTime"
).split()
"""What may tell slices at one place apart (PS3.6)."""


def read_headers(
    found: FoundFile, limits: Limits = DEFAULT
) -> tuple[list[SliceHeader], list[Finding]]:
    """Read the header of every slice in a file, and what was noticed about the file.

    Raises `NotDicom`, `IsArchive`, or `Unreadable` with a finding's code and the reason.
    """
    try:
        with open_file(found.path, limits) as file:
            encoding = open_data_set(file, found.name, limits)
            slices, noticed = _read(encoding, found)
            noticed += _of_pixels(encoding, slices, found.name)
            return _cut_short(slices), [*encoding.findings, *noticed]
    except (NotDicom, IsArchive, Unreadable):
        raise
    except OSError as fault:
        raise Unreadable(f"the file cannot be read: {fault.strerror or fault}") from None
    except MemoryError:
        raise Unreadable("the header asks for more memory than there is") from None
    except Exception as fault:  # noqa: BLE001 a net below: no file ends in a traceback
        raise Unreadable(f"the header is damaged ({type(fault).__name__})") from None


def _read(encoding: Encoding, found: FoundFile) -> tuple[list[SliceHeader], list[Finding]]:
    try:
        data = read_data_set(encoding)
    except Unreadable:
        if encoding.sop_class_uid == sop_classes.DICOMDIR:
            _refuse_class(encoding.sop_class_uid, "")
        raise
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
    header = _classic(data, layout, found, sop_class)
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
    return [
        replace(one, pixels=replace(layout, missing=min(each, max(0, end - present))))
        for one in slices
        for end in [each * (one.frame + 1)]
    ]


def _bytes_of_frame(header: SliceHeader) -> int:
    layout = header.pixels
    samples = colour.samples_stored(layout.photometric, layout.samples, layout.transfer_syntax)
    return header.rows * header.columns * samples * layout.bits_allocated // 8


def _classic(data: DataSet, layout: PixelLayout, found: FoundFile, sop_class: str) -> SliceHeader:
    """Make the record of what stands at the top of the data set."""
    shared = tuple(item for item in data.items() if item[0] not in OWN)
    form = (layout.photometric, layout.signed, layout.floating, layout.bits_allocated)
    plain = not any(one.items for _, one in shared)  # by a sequence nothing can be looked up
    short = plain and sum(len(one.value) for _, one in shared) <= RECALLED_AT_MOST
    header = (_of_series if short else _of_series.__wrapped__)(shared, form, sop_class)
    own = {name: value for name in OWN_TRAITS if (value := image_plane.trait(data, name)) != ""}
    return replace(
        header,
        path=found.path,
        name=found.name,
        sop_instance_uid=elements.text(data, "SOPInstanceUID"),
        instance_number=_number(elements.hint(data, "InstanceNumber")),
        position=image_plane.position(data),
        pixels=layout,
        traits={**header.traits, **own},
    )


OWN_TRAITS = (
    "TriggerTime FrameReferenceTime AcquisitionDateTime AcquisitionTime ContentTime".split()
)
OWN = frozenset(
    elements.TAGS[keyword]
    for keyword in ["SOPInstanceUID", "InstanceNumber", "ImagePositionPatient", *OWN_TRAITS]
)
"""What every slice of a series has for itself."""
SERIES_RECALLED, RECALLED_AT_MOST = 64, 2**14
"""The shared part of so many series is kept, where it has no more bytes of values than that."""
NOWHERE = PixelLayout("", 0, None, 0, 1, "", False, 0, 0, 0, False)


@lru_cache(SERIES_RECALLED)
def _of_series(
    shared: tuple[tuple[int, Element], ...], form: tuple[str, bool, bool, int], sop_class: str
) -> SliceHeader:
    """Make of what slices share the part of their records that they share."""
    data, (photometric, signed, floating, bits_allocated) = dict(shared), form
    layout = replace(
        NOWHERE,
        photometric=photometric,
        signed=signed,
        floating=floating,
        bits_allocated=bits_allocated,
    )
    return SliceHeader(
        path="",
        name="",
        frame=0,
        sop_class_uid=sop_class,
        sop_instance_uid="",
        study_uid=elements.text(data, "StudyInstanceUID"),
        series_uid=elements.text(data, "SeriesInstanceUID"),
        frame_of_reference_uid=elements.text(data, "FrameOfReferenceUID"),
        modality=_modality(data, sop_class),
        series_number=_number(elements.hint(data, "SeriesNumber")),
        description=elements.label(data, "SeriesDescription"),
        instance_number=None,
        images_in_acquisition=_number(elements.hint(data, "ImagesInAcquisition")),
        concatenation=_concatenation(data),
        patient=_patient(data),
        image_type=elements.texts(data, "ImageType"),
        rows=elements.count(data, "Rows") or 0,
        columns=elements.count(data, "Columns") or 0,
        position=None,
        orientation=image_plane.orientation(data),
        pixel_spacing=image_plane.pixel_spacing(data),
        slice_thickness=elements.hint(data, "SliceThickness"),
        spacing_between_slices=elements.hint(data, "SpacingBetweenSlices"),
        rescale=image_plane.rescale(data, elements.text(data, "Units")) or Rescale(),
        lut=_lut(data, signed=layout.signed),
        window=image_plane.window(data),
        padding=_padding(data, layout),
        lossy=elements.text(data, "LossyImageCompression") == "01",
        real_world=bool(elements.items(data, "RealWorldValueMappingSequence")),
        pixels=layout,
        traits=read_traits(data),
        philips=read_scaling(data),
        palette=read_palette(data, layout.photometric, signed=layout.signed),
    )


def _modality(data: DataSet, sop_class: str) -> str:
    """Read the Modality where it is a term of the standard, else take what the class implies."""
    said = elements.text(data, "Modality")
    return said if said in sop_classes.MODALITIES else sop_classes.modality(sop_class)


def _number(value: float | None) -> int | None:
    """Take an integer string (PS3.5: 32 bits) for a whole number."""
    return int(value) if value is not None and abs(value) < 2**31 else None


def _concatenation(data: DataSet) -> tuple[str, int, int] | None:
    """Read (UID, number of this part, parts in all) of a concatenation (C.7.6.16.2.2.4)."""
    uid = elements.text(data, "ConcatenationUID")
    part = _number(elements.hint(data, "InConcatenationNumber"))
    total = _number(elements.hint(data, "InConcatenationTotalNumber"))
    return (uid, part, total) if uid and part is not None and total is not None else None


def _patient(data: DataSet) -> bytes:
    """Sum up whose image it is: patients can be told apart, and none can be named.

    By Patient ID, or else by name; empty where neither is there.
    """
    name = elements.text(data, "PatientName").replace("^", " ")
    identity = elements.text(data, "PatientID") or " ".join(name.split()).upper()
    return hashlib.blake2b(identity.encode(), digest_size=8).digest() if identity else b""


def _lut(data: DataSet, *, signed: bool) -> ModalityLut | None:
    """Read the modality lookup table. Raises `Unreadable` where it is not whole."""
    items = elements.items(data, "ModalityLUTSequence")
    if not items:
        return None
    count, first, bits = elements.floats(items[0], "LUTDescriptor", 3) or (0, 0, 0)
    raw = elements.raw(items[0], "LUTData")
    table = b"" if raw is None else raw.value
    length = int(count) or 65536
    if bits not in (8, 16) or len(table) < length * int(bits) // 8:
        raise Unreadable("the modality lookup table is cut short")
    little = raw is None or raw.little
    form = f"{'<' if little else '>'}{length}{'B' if bits == 8 else 'H'}"
    values = struct.unpack_from(form, table)
    unit = elements.text(items[0], "ModalityLUTType")
    return ModalityLut(_signed(int(first), signed), values, unit)


def read_traits(data: DataSet) -> dict[str, Trait]:
    """Read the tags that may tell slices at one place apart."""
    return {
        keyword: found for keyword in TRAITS if (found := image_plane.trait(data, keyword)) != ""
    }


def _padding(data: DataSet, layout: PixelLayout) -> tuple[float, float] | None:
    """Read the padding range, in stored values of the pixels' own kind and sign."""
    if layout.floating:
        return _float_padding(data, "Double" if layout.bits_allocated == 64 else "")
    first, signed = elements.hint(data, "PixelPaddingValue"), layout.signed
    if first is None:
        return None
    last = elements.hint(data, "PixelPaddingRangeLimit")
    pair = sorted(_signed(int(v), signed) for v in (first, first if last is None else last))
    return pair[0], pair[1]


def _float_padding(data: DataSet, precision: str) -> tuple[float, float] | None:
    """Read the padding range of floating point pixels (PS3.3 C.7.5.1.1.2)."""
    first = elements.hint(data, f"{precision}FloatPixelPaddingValue")
    last = elements.hint(data, f"{precision}FloatPixelPaddingRangeLimit")
    if first is None:
        return None
    last = first if last is None else last
    return min(first, last), max(first, last)


def _signed(value: int, signed: bool) -> int:
    return value - 65536 if signed and value > 32767 else value


def inflated(path: str, limits: Limits = DEFAULT) -> io.BytesIO:
    """Inflate the data set of a deflated file once more, to read its pixels."""
    with open_file(path, limits, whole=True) as file:
        stream = open_data_set(file, path, limits).stream
    if not isinstance(stream, io.BytesIO):
        raise Unreadable("the file changed while it was read", "changed-during-read")
    stream.seek(0, os.SEEK_SET)
    return stream
