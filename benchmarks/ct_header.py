"""Headers as a CT scanner writes them: 260 data elements, some new for every slice.

Most are private. What changes from slice to slice changes in value and in length, so that
no reader can count on finding an element where it was in the file before.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.tag import Tag
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGLosslessSV1

ELEMENTS = 260
INTERCEPT = -1024
SOP_INSTANCE_UID, MEDIA_UID = 0x00080018, 0x00020003
ROOT = "1.2.826.0.1.3680043.8.498.7202"
STANDARD = r"""
SpecificCharacterSet ISO_IR 100
ImageType ORIGINAL\PRIMARY\AXIAL
InstanceCreationDate 20240311
InstanceCreationTime 101502
SOPClassUID 1.2.840.10008.5.1.4.1.1.2
SOPInstanceUID
StudyDate 20240311
SeriesDate 20240311
AcquisitionDate 20240311
ContentDate 20240311
StudyTime 101502
SeriesTime 101544.310000
AcquisitionTime
ContentTime
AccessionNumber 7202
Modality CT
Manufacturer BENCHMARK
InstitutionName Nowhere
ReferringPhysicianName
StationName CT1
StudyDescription Chest and abdomen
SeriesDescription Thin 0.625
ManufacturerModelName Benchmark One
PatientName Benchmark^Body
PatientID B400
PatientBirthDate 19700101
PatientSex O
PatientAge 054Y
PatientWeight 70
AdditionalPatientHistory none
ContrastBolusAgent
BodyPartExamined CHEST
ScanOptions HELICAL MODE
SliceThickness 1.25
KVP 120
DataCollectionDiameter 500.000000
SoftwareVersions 7.2
ContrastBolusRoute IV
ReconstructionDiameter 360.000000
DistanceSourceToDetector 949.075000
DistanceSourceToPatient 541.000000
GantryDetectorTilt 0.000000
TableHeight 142.500000
RotationDirection CW
ExposureTime 500
XRayTubeCurrent
Exposure
FilterType BODY FILTER
GeneratorPower 48000
FocalSpots 1.200000
ConvolutionKernel STANDARD
PatientPosition FFS
RevolutionTime 0.5
SingleCollimationWidth 0.625
TotalCollimationWidth 40
TableSpeed 78.75
TableFeedPerRotation 39.375
SpiralPitchFactor 0.984375
StudyInstanceUID
SeriesInstanceUID
StudyID 7202
SeriesNumber
AcquisitionNumber 1
InstanceNumber
ImagePositionPatient
ImageOrientationPatient 1.000000\0.000000\0.000000\0.000000\1.000000\0.000000
FrameOfReferenceUID
PositionReferenceIndicator SN
SliceLocation
SamplesPerPixel 1
PhotometricInterpretation MONOCHROME2
PixelSpacing 0.703125\0.703125
BitsAllocated 16
BitsStored 16
HighBit 15
PixelRepresentation 1
WindowCenter 40
WindowWidth 400
RescaleIntercept -1024
RescaleSlope 1
RescaleType HU
PerformedProcedureStepStartDate 20240311
PerformedProcedureStepStartTime 101502
PerformedProcedureStepID 1
"""
"""Keyword and value; no value where it changes from slice to slice, or is set below."""
NUMBERS = {"US": int, "FD": float}
"""VRs whose values are no texts."""
PRIVATE_GROUPS = (0x09, 0x19, 0x21, 0x23, 0x27, 0x43, 0x45, 0x49)
PRIVATE_VALUES: tuple[tuple[str, object], ...] = (
    ("LO", "none of your business"), ("DS", "1.250000"), ("SS", 0), ("US", 912), ("FL", 0.75),
    ("IS", "128"), ("SL", -1), ("UL", 1710151200), ("SH", "B1"), ("OB", bytes(64)),
)  # fmt: skip
PER_SLICE = {0x00191008: "DS", 0x00271012: "DS", 0x00431005: "IS"}
"""Private elements that scanners write anew for each slice."""


def constant(size: int, series: int) -> Dataset:
    """Give the header of a slice, with nothing yet where slices differ."""
    dataset = Dataset()
    for line in STANDARD.strip().splitlines():
        keyword, _, value = line.partition(" ")
        setattr(dataset, keyword, NUMBERS.get(dictionary_VR(keyword), str)(value))
    dataset.Rows = dataset.Columns = size
    dataset.StudyInstanceUID = f"{ROOT}.1.{1 + series // 10}"
    dataset.FrameOfReferenceUID = dataset.StudyInstanceUID + ".2"
    dataset.SeriesInstanceUID = f"{ROOT}.2.{series}"
    dataset.SeriesNumber = series
    dataset.ReferencedStudySequence = [_reference(dataset.StudyInstanceUID)]
    dataset.RequestAttributesSequence = [Dataset()]
    _fill(dataset, ELEMENTS)
    return dataset


def _reference(uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.1", uid
    return item


def _fill(dataset: Dataset, elements: int) -> None:
    """Add private elements, a block a group, until there are as many as a scanner writes."""
    blocks = [dataset.private_block(group, "BENCHMARK 1", True) for group in PRIVATE_GROUPS]
    offset = 0
    while len(dataset) < elements:
        for block in blocks[: elements - len(dataset)]:
            vr, value = PRIVATE_VALUES[offset % len(PRIVATE_VALUES)]
            tag = block.get_tag(offset)
            block.add_new(offset, PER_SLICE.get(tag, vr), "" if tag in PER_SLICE else value)
        offset += 1


def changing(series: int, slices: int, k: int) -> dict[int, bytes]:
    """Encode what slice k says otherwise than its neighbours."""
    z, current = -300 + k * 0.625, 180 + round(90 * np.sin(k / 17))
    seconds = 44 + k * 0.008
    texts = {
        Tag("SOPInstanceUID"): ("UI", f"{ROOT}.3.{series}.{k + 1}"),
        Tag("AcquisitionTime"): ("TM", f"1015{seconds:09.6f}"),
        Tag("ContentTime"): ("TM", f"1016{seconds:09.6f}"),
        Tag("XRayTubeCurrent"): ("IS", f"{current}"),
        Tag("Exposure"): ("IS", f"{current // 2}"),
        Tag("InstanceNumber"): ("IS", f"{slices - k}"),
        Tag("ImagePositionPatient"): ("DS", rf"-180.000000\-165.500000\{z:.6f}"),
        Tag("SliceLocation"): ("DS", f"{z:.6f}"),
        **{tag: (vr, f"{current + k}") for tag, vr in PER_SLICE.items()},
    }
    return {int(tag): _text(tag, vr, value) for tag, (vr, value) in texts.items()}


class Template:
    """The bytes of a file, but for what changes from slice to slice."""

    def __init__(self, dataset: Dataset, lossless: bool = False) -> None:
        self._elements = {int(element.tag): _encoded(element) for element in dataset}
        self._meta = {int(element.tag): _encoded(element) for element in _meta(lossless)}
        self._lossless = lossless

    def file(self, told: Mapping[int, bytes], pixels: NDArray[np.int16]) -> bytes:
        """Put a whole file together."""
        uid = told[SOP_INSTANCE_UID][8:].rstrip(b"\0").decode("ascii")
        meta = b"".join({**self._meta, MEDIA_UID: _text(MEDIA_UID, "UI", uid)}.values())
        length = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta))
        header = b"".join({**self._elements, **told}.values())
        data = _lossless(pixels) if self._lossless else _native(pixels)
        return bytes(128) + b"DICM" + length + meta + header + data


def _meta(lossless: bool) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = ""
    meta.TransferSyntaxUID = JPEGLosslessSV1 if lossless else ExplicitVRLittleEndian
    meta.ImplementationClassUID = ROOT
    meta.ImplementationVersionName = "BENCHMARK"
    return meta


def _encoded(element: DataElement) -> bytes:
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    write_data_element(stream, element)
    return stream.getvalue()


def _text(tag: int, vr: str, value: str) -> bytes:
    """Encode a short element of text."""
    data = value.encode("ascii")
    data += (b"\0" if vr == "UI" else b" ") * (len(data) % 2)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(data)) + data


def _native(pixels: NDArray[np.int16]) -> bytes:
    return struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, pixels.nbytes) + pixels.tobytes()


def _lossless(pixels: NDArray[np.int16]) -> bytes:
    """Encapsulate one JPEG Lossless frame of 16 bits, first order prediction."""
    import imagecodecs

    frame = imagecodecs.jpeg8_encode(
        pixels.view(np.uint16), lossless=True, predictor=1, bitspersample=16
    )
    head = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 0xFFFFFFFF)
    return head + encapsulate([bytes(frame)]) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
