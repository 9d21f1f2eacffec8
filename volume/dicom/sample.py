"""A sample series: the synthetic body as conformant CT Image Storage, one file a slice."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from volume.atomic import whole_files
from volume.dicom import body
from volume.errors import ExistsError, VolumeError
from volume.progress import Progress, shown

INTERCEPT = -1024
BITS = 12
"""Stored unsigned in 12 bits, as CT scanners do: -1024 to 3071 HU."""


def _uid(*parts: object) -> str:
    """Make a UID that is the same every time."""
    return str(generate_uid(entropy_srcs=["volume demo", *map(str, parts)]))


SERIES_UID = _uid("series")
"""By which the sample is known."""


def write_sample(folder: str | os.PathLike[str], progress: Progress | None = None) -> Path:
    """Write a CT of a synthetic body into a new or empty folder, and give that folder.

    72 slices of 208 rows and 288 columns, 1.5 x 1.5 x 4 mm, from the neck down; the same
    values and UIDs every time. All files are there at the end, or none. Raises
    `ExistsError` where the folder holds something already.
    """
    folder = Path(folder)
    made = _make_room(folder)
    try:
        with closing(shown(progress)) as bar:
            _write_slices(folder, body.body()[::-1], bar)
    except BaseException:
        if made:
            folder.rmdir()
        raise
    return folder


def _make_room(folder: Path) -> bool:
    """See to it that the folder is there and empty; say whether it had to be made."""
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            return True
        if any(folder.iterdir()):
            refusal = ExistsError(str(folder))
            refusal.remedy = "choose a new or an empty folder"
            raise refusal
    except OSError as problem:
        if isinstance(problem, VolumeError):
            raise
        what = problem.strerror or str(problem)
        raise VolumeError(f"no sample can be written here: {what}", files=[str(folder)]) from None
    return False


def _write_slices(folder: Path, slices: NDArray[np.int16], progress: Progress) -> None:
    progress.total = len(slices)
    paths = [folder / f"I{number:04d}.dcm" for number in range(1, len(slices) + 1)]
    with whole_files(paths) as streams:
        for number, (stream, hu) in enumerate(zip(streams, slices, strict=True), start=1):
            ct_image(number, hu).save_as(stream, enforce_file_format=True)
            progress.update(1)


def ct_image(number: int, hu: NDArray[np.int16]) -> Dataset:
    """Make the dataset of one slice, counted from the head; [j, i] values in HU."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = _uid("slice", number)
    _describe(dataset)
    dataset.InstanceNumber = number
    _place(dataset, number)
    _set_pixels(dataset, hu)
    return dataset


def _describe(dataset: Dataset) -> None:
    """Say whose it is and how it was made (PS3.3 A.3, CT Image IOD)."""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = "20260101"
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = "120000"
    dataset.AccessionNumber = dataset.ReferringPhysicianName = dataset.StudyID = ""
    dataset.Modality = "CT"
    dataset.Manufacturer = "volume"
    dataset.ManufacturerModelName = "demo"
    dataset.StudyDescription = "volume demo"
    dataset.SeriesDescription = "Synthetic body"
    dataset.PatientName = "Demo^Body"
    dataset.PatientID = "DEMO"
    dataset.PatientBirthDate = dataset.PatientSex = ""
    dataset.BodyPartExamined = "CHEST"
    dataset.KVP = "120"
    dataset.ConvolutionKernel = "FORMULA"
    dataset.PatientPosition = "HFS"
    dataset.StudyInstanceUID = _uid("study")
    dataset.SeriesInstanceUID = SERIES_UID
    dataset.FrameOfReferenceUID = _uid("frame of reference")
    dataset.PositionReferenceIndicator = ""
    dataset.SeriesNumber = 1
    dataset.AcquisitionNumber = 1


def _place(dataset: Dataset, number: int) -> None:
    """Say where the slice lies (PS3.3 C.7.6.2): the body's middle is the origin."""
    x, y, z = (-(n - 1) / 2 * mm for n, mm in zip(body.SIZE, body.SPACING, strict=True))
    height = -z - (number - 1) * body.SPACING[2]
    dataset.ImagePositionPatient = [x, y, height]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = [body.SPACING[1], body.SPACING[0]]
    dataset.SliceThickness = body.SPACING[2]
    dataset.SliceLocation = height


def _set_pixels(dataset: Dataset, hu: NDArray[np.int16]) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = hu.shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = BITS
    dataset.HighBit = BITS - 1
    dataset.PixelRepresentation = 0
    dataset.RescaleIntercept = INTERCEPT
    dataset.RescaleSlope = 1
    dataset.RescaleType = "HU"
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    dataset.PixelData = (hu - INTERCEPT).astype("<u2").tobytes()
