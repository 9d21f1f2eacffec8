"""RT Dose and Nuclear Medicine files whose voxels hold their own place.

Written with pydicom alone; the places come from the clauses of PS3.3, frame by frame, so that
a mistake of the reader cannot be shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from phantom_recipe import uid

ROWS, COLUMNS = 7, 9
SPACING = (1.7, 2.3)
"""Between rows and between columns, in mm."""
ORIGIN = (-20.0, 31.0, 12.5)
GRADIENT = np.array([3.0, 5.0, 11.0])
CONSTANT = 2000.0
STEP = 1 / 16
"""Of the stored values: a decimal string holds it exactly."""
ORIENTATIONS: dict[str, tuple[float, ...]] = {
    "axial": (1, 0, 0, 0, 1, 0),
    "prone": (-1, 0, 0, 0, -1, 0),
    "feet first": (-1, 0, 0, 0, 1, 0),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "coronal": (1, 0, 0, 0, 0, -1),
    "oblique": (6 / 7, -3 / 7, 2 / 7, 2 / 7, 6 / 7, 3 / 7),
}


def places(position: Sequence[float], orientation: Sequence[float]) -> NDArray[np.float64]:
    """Give the (row, column, 3) places of a frame's pixels, mm LPS (PS3.3 C.7.6.2.1.1)."""
    row, column = np.array(orientation, float).reshape(2, 3)
    j, i = np.meshgrid(np.arange(ROWS), np.arange(COLUMNS), indexing="ij")
    along_row = i[..., None] * SPACING[1] * row
    return np.array(position, float) + along_row + j[..., None] * SPACING[0] * column


def field(xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the true value at places: no two directions look the same."""
    return xyz @ GRADIENT + CONSTANT


def normal(orientation: Sequence[float]) -> NDArray[np.float64]:
    return np.cross(orientation[:3], orientation[3:])


def stored(positions: Sequence[Any], orientation: Sequence[float], step: float = STEP) -> Any:
    return np.array([np.rint(field(places(p, orientation)) / step) for p in positions])


def error_mm(array: NDArray[Any], geometry: Any) -> float:
    """Give the worst error of a volume's [k, j, i] voxels, as mm along the gradient."""
    kji = np.moveaxis(np.indices(array.shape), 0, -1)
    expected = field(geometry.to_world(kji[..., ::-1]))
    return float(np.abs(array - expected).max() / np.linalg.norm(GRADIENT))


def common(modality: str, sop_class: str, name: str, frames: Any, bits: int) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, uid("instance", name)
    dataset.StudyInstanceUID = uid("study", "vectors")
    dataset.SeriesInstanceUID = uid("series", modality)
    dataset.FrameOfReferenceUID = uid("frame of reference", "vectors")
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = modality, 3, 1
    dataset.PatientName, dataset.PatientID = "Phantom^Volume", "phantom"
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    dataset.PixelSpacing = list(SPACING)
    dataset.NumberOfFrames = len(frames)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, 0
    dataset.PixelData = np.asarray(frames).astype(f"<u{bits // 8}").tobytes()
    return dataset


def save(dataset: Dataset, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    FileDataset(path, dataset, file_meta=meta, preamble=bytes(128)).save_as(path)
    return path


def dose(
    orientation: Sequence[float] = ORIENTATIONS["axial"],
    offsets: Sequence[float] = (0, 2.5, 5, 7.5, 10, 12.5),
    *,
    written: Sequence[float] | None = None,
    origin: Sequence[float] = ORIGIN,
    name: str = "dose",
    bits: int = 16,
    step: float = STEP,
    more: float = 0.0,
) -> Dataset:
    """Make an RT Dose whose planes lie at `offsets` along row x column.

    `written` is the Grid Frame Offset Vector, if another; `more` is added to every value.
    """
    positions = [np.array(origin) + d * normal(orientation) for d in offsets]
    frames = stored(positions, orientation, step) + round(more / step)
    dataset = common("RTDOSE", "1.2.840.10008.5.1.4.1.1.481.2", name, frames, bits)
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = list(origin), list(orientation)
    dataset.FrameIncrementPointer = 0x3004000C
    dataset.GridFrameOffsetVector = list(offsets if written is None else written)
    dataset.DoseGridScaling = step
    dataset.DoseUnits, dataset.DoseType, dataset.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    return dataset


def nuclear(
    orientation: Sequence[float] = ORIENTATIONS["axial"],
    slices: Sequence[int] = (1, 2, 3, 4, 5, 6),
    spacing: float = 2.5,
    *,
    name: str = "nuclear",
    kind: str = "RECON TOMO",
    vectors: dict[str, Sequence[int]] | None = None,
    raised: Sequence[float] | None = None,
) -> Dataset:
    """Make a reconstruction: a slice number a frame, the place of slice 1 in its detector.

    `vectors` are the other vectors by keyword, the slowest first; `raised` is what every frame
    has on top of its place.
    """
    positions = [np.array(ORIGIN) + (s - 1) * spacing * normal(orientation) for s in slices]
    frames = stored(positions, orientation, 1.0)
    if raised is not None:
        frames += np.array(raised)[:, None, None]
    dataset = common("NM", "1.2.840.10008.5.1.4.1.1.20", name, frames, 16)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", kind, "EMISSION"]
    detector = Dataset()
    detector.ImagePositionPatient = list(ORIGIN)
    detector.ImageOrientationPatient = list(orientation)
    dataset.DetectorInformationSequence = [detector]
    dataset.SpacingBetweenSlices, dataset.SliceThickness = spacing, abs(spacing)
    every = {**(vectors or {}), "SliceVector": slices}
    for keyword, vector in every.items():
        setattr(dataset, keyword, list(vector))
    dataset.FrameIncrementPointer = [dataset[keyword].tag for keyword in every]
    return dataset
