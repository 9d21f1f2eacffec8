"""The record of a slice that has a file for itself: what stands at the top of the data set."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping, Set
from functools import partial
from typing import Any

from volume.dicom import elements, image_plane, sop_classes
from volume.dicom.data_set import DataSet
from volume.dicom.encoding import Unreadable
from volume.dicom.files import FoundFile
from volume.dicom.header import ModalityLut, PixelLayout, Rescale, SliceHeader, Trait, changed
from volume.dicom.likeness import Alike
from volume.dicom.palette import read_palette
from volume.dicom.philips import read_scaling
from volume.dicom.pixel_layout import ITEM_HEAD

TRAITS = (
    "TemporalPositionIdentifier TemporalPositionIndex DiffusionBValue"
    " DiffusionGradientOrientation EchoNumbers EchoTime TriggerTime"
    " NominalCardiacTriggerDelayTime FrameReferenceTime InversionTime FlipAngle KVP"
    " ConvolutionKernel ContrastBolusAgent AcquisitionNumber AcquisitionDateTime"
    " AcquisitionDate AcquisitionTime ContentTime"
).split()
"""What may tell slices at one place apart (PS3.6)."""


def slice_record(
    data: DataSet, layout: PixelLayout, found: FoundFile, sop_class: str
) -> SliceHeader:
    """Make the record of what stands at the top of the data set."""
    return SliceHeader(
        path=found.path,
        name=found.name,
        frame=0,
        sop_class_uid=sop_class,
        study_uid=elements.text(data, "StudyInstanceUID"),
        series_uid=elements.text(data, "SeriesInstanceUID"),
        frame_of_reference_uid=elements.text(data, "FrameOfReferenceUID"),
        modality=_modality(data, sop_class),
        series_number=_whole(data, "SeriesNumber"),
        description=elements.label(data, "SeriesDescription"),
        images_in_acquisition=_whole(data, "ImagesInAcquisition"),
        concatenation=_concatenation(data),
        patient=_patient(data),
        image_type=elements.texts(data, "ImageType"),
        rows=elements.count(data, "Rows") or 0,
        columns=elements.count(data, "Columns") or 0,
        orientation=image_plane.orientation(data),
        pixel_spacing=image_plane.pixel_spacing(data),
        slice_thickness=elements.hint(data, "SliceThickness"),
        spacing_between_slices=elements.hint(data, "SpacingBetweenSlices"),
        lut=_lut(data, signed=layout.signed),
        padding=_padding(data, layout),
        lossy=elements.text(data, "LossyImageCompression") == "01",
        real_world=bool(elements.items(data, "RealWorldValueMappingSequence")),
        pixels=layout,
        traits=read_traits(data),
        philips=read_scaling(data),
        palette=read_palette(data, layout.photometric, signed=layout.signed),
        **{field: read(data) for field, (_, read) in FIELDS.items()},
    )


def _whole(data: DataSet, keyword: str) -> int | None:
    """Read an integer string (PS3.5: 32 bits) as a whole number."""
    value = elements.hint(data, keyword)
    return int(value) if value is not None and abs(value) < 2**31 else None


def _modality(data: DataSet, sop_class: str) -> str:
    """Read the Modality where it is a term of the standard, else take what the class implies."""
    said = elements.text(data, "Modality")
    return said if said in sop_classes.MODALITIES else sop_classes.modality(sop_class)


def _concatenation(data: DataSet) -> tuple[str, int, int] | None:
    """Read (UID, number of this part, parts in all) of a concatenation (C.7.6.16.2.2.4)."""
    uid = elements.text(data, "ConcatenationUID")
    part = _whole(data, "InConcatenationNumber")
    total = _whole(data, "InConcatenationTotalNumber")
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


def _rescale(data: DataSet) -> Rescale:
    return image_plane.rescale(data, elements.text(data, "Units")) or Rescale()


def _field(read: Callable[[DataSet], Any], *keywords: str) -> Field:
    return frozenset(elements.TAGS[keyword] for keyword in keywords), read


Field = tuple[frozenset[int], Callable[[DataSet], Any]]
"""The elements that a field of a record is made of, and how."""
FIELDS: Mapping[str, Field] = {
    "sop_instance_uid": _field(partial(elements.text, keyword="SOPInstanceUID"), "SOPInstanceUID"),
    "instance_number": _field(partial(_whole, keyword="InstanceNumber"), "InstanceNumber"),
    "position": _field(image_plane.position, "ImagePositionPatient"),
    "window": _field(image_plane.window, "WindowCenter", "WindowWidth"),
    "rescale": _field(_rescale, "RescaleSlope", "RescaleIntercept"),
}
"""What slices of a series have for themselves, most or some of them."""
OWN_TRAITS = frozenset(TRAITS) - {"DiffusionBValue", "DiffusionGradientOrientation"}
"""Those that are read from one element of the data set, and from nothing else."""
TRAIT_TAGS = {elements.TAGS[keyword]: keyword for keyword in OWN_TRAITS}
OWN = frozenset(TRAIT_TAGS).union(*(tags for tags, _ in FIELDS.values()))


def next_record(alike: Alike, size: int, found: FoundFile) -> SliceHeader | None:
    """Make the record of a slice that differs from one before in what a slice may have for itself.

    `size` is that of its file. None where that is not all, or where what it has is damaged.
    """
    like, data, offset = alike
    before = like.record
    if before is None or not like.own <= OWN:
        return None
    if not _ends_alike(before.pixels, like.tail, size - offset):
        return None
    try:
        own = {field: read(data) for field, (tags, read) in FIELDS.items() if tags & like.own}
        traits = _traits(data, before.traits, like.own)
    except Unreadable:
        return None  # said with care
    layout = changed(before.pixels, offset=offset)
    return changed(
        before,
        path=found.path,
        name=found.name,
        pixels=layout,
        traits=traits,
        **own,
    )


def _traits(data: DataSet, before: Mapping[str, Trait], own: Set[int]) -> Mapping[str, Trait]:
    """Give the traits of a slice that differs from another in its own elements."""
    varying = TRAIT_TAGS.keys() & own
    if not varying:
        return before
    names = [TRAIT_TAGS[tag] for tag in varying]
    traits = {**before, **{name: image_plane.trait(data, name) for name in names}}
    if traits.keys() != before.keys():  # in the order of all others
        traits = {name: traits[name] for name in TRAITS if name in traits}
    return {name: value for name, value in traits.items() if value != ""}


def _ends_alike(layout: PixelLayout, tail: int, ours: int) -> bool:
    """Say whether so many bytes of pixels mean the same as `tail` of another file."""
    return ours >= ITEM_HEAD if layout.length is None else ours == tail and not layout.excess
