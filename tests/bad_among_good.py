"""One bad file among twelve good slices, in hundreds of ways."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from corpus import FAMILIES
from damaged import Picture
from good_files import GoodFile
from judge import SWELL, Verdict
from phantom import Phantom, phantom
from reader import Answer, Reader

SLICES = 13
SIZE = (12, 10, SLICES)
RIGHT_MM = 0.12
BAD = "bad.dcm"
SYNTAXES = (
    "explicit", "implicit", "big-endian", "deflated", "jpeg-lossless", "jpeg-ls", "jpeg-2000",
    "rle",
)  # fmt: skip
HARMLESS = frozenset({"untouched", "native pixel bits", "other valid counts", "deflated stream"})
"""Families that leave a file as good as it was, or that nothing can tell from good ones."""

Change = Callable[[Dataset], None]


def _set(**values: Any) -> Change:
    def change(dataset: Dataset) -> None:
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    return change


def _without(*keywords: str) -> Change:
    def change(dataset: Dataset) -> None:
        for keyword in keywords:
            delattr(dataset, keyword)

    return change


def _moved(x: float, y: float, z: float) -> Change:
    def change(dataset: Dataset) -> None:
        place = (*np.array(dataset.ImagePositionPatient, float), x, y, z)
        dataset.ImagePositionPatient = [f"{value:.10g}" for value in place]

    return change


def _turned(degrees: float) -> Change:
    a = np.radians(degrees)
    cosines = [np.cos(a), np.sin(a), 0, -np.sin(a), np.cos(a), 0]
    return _set(ImageOrientationPatient=[f"{value:.10g}" for value in cosines])


def _raw(keyword: str, vr: str, value: str) -> Change:
    """Write a text that pydicom would not take as a number."""

    def change(dataset: Dataset) -> None:
        del dataset[keyword]
        dataset.add_new(keyword, vr, value)

    return change


def _smaller(dataset: Dataset) -> None:
    dataset.Rows = 8
    dataset.PixelData = dataset.PixelData[: 12 * 8 * 2]


def _transposed(dataset: Dataset) -> None:
    dataset.Rows, dataset.Columns = dataset.Columns, dataset.Rows


def _eight_bits(dataset: Dataset) -> None:
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = bytes(range(120))


def _in_colour(dataset: Dataset) -> None:
    _eight_bits(dataset)
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
    dataset.PhotometricInterpretation = "RGB"
    dataset.PixelData = bytes(360)


def _other_pixels(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData[::-1]


CONFLICTS: Mapping[str, Change] = {
    "other series number": _set(SeriesNumber=9),
    "other series UID": _set(SeriesInstanceUID="1.2.3.4"),
    "no series UID": _set(SeriesInstanceUID=""),
    "other study UID": _set(StudyInstanceUID="1.2.3.4"),
    "other frame of reference": _set(FrameOfReferenceUID="1.2.3.4"),
    "no frame of reference": _without("FrameOfReferenceUID"),
    "other patient": _set(PatientID="B", PatientName="B"),
    "no patient": _set(PatientID="", PatientName=""),
    "other modality": _set(Modality="MR"),
    "MR storage": _set(SOPClassUID="1.2.840.10008.5.1.4.1.1.4"),
    "secondary capture": _set(SOPClassUID="1.2.840.10008.5.1.4.1.1.7"),
    "report": _set(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11"),
    "localizer": _set(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
    "derived": _set(ImageType=["DERIVED", "SECONDARY", "AXIAL"]),
    "fewer rows": _smaller,
    "rows and columns swapped": _transposed,
    "rows that lie": _set(Rows=5),
    "8 bits": _eight_bits,
    "colour": _in_colour,
    "other bits stored": _set(BitsStored=12, HighBit=11),
    "8 bits stored": _set(BitsStored=8, HighBit=7),
    "high bit beyond": _set(HighBit=20),
    "unsigned": _set(PixelRepresentation=0),
    "inverted": _set(PhotometricInterpretation="MONOCHROME1"),
    "palette": _set(PhotometricInterpretation="PALETTE COLOR"),
    "slope 2": _set(RescaleSlope=2),
    "slope -1": _set(RescaleSlope=-1),
    "slope 1.001": _set(RescaleSlope="1.001"),
    "slope 0": _set(RescaleSlope=0),
    "no slope": _without("RescaleSlope"),
    "empty slope": _set(RescaleSlope=None),
    "intercept 0": _set(RescaleIntercept=0),
    "no intercept": _without("RescaleIntercept"),
    "no rescale": _without("RescaleSlope", "RescaleIntercept"),
    "intercept 1e5": _set(RescaleIntercept=100000),
    "other spacing": _set(PixelSpacing=[0.9, 0.9]),
    "spacing swapped": _set(PixelSpacing=[0.8, 0.7]),
    "spacing off by 1e-3": _set(PixelSpacing=["0.7007", "0.8008"]),
    "spacing off by 1e-6": _set(PixelSpacing=["0.7000007", "0.8000008"]),
    "no spacing": _without("PixelSpacing"),
    "other thickness": _set(SliceThickness=5),
    "turned 0.05 degrees": _turned(0.05),
    "turned 0.5 degrees": _turned(0.5),
    "turned 3 degrees": _turned(3),
    "turned 90 degrees": _turned(90),
    "turned 180 degrees": _turned(180),
    "sagittal": _set(ImageOrientationPatient=[0, 1, 0, 0, 0, -1]),
    "skewed": _set(ImageOrientationPatient=[1, 0, 0, 0.1, 1, 0]),
    "no orientation": _without("ImageOrientationPatient"),
    "no place": _without("ImagePositionPatient"),
    "off by 0.01 mm": _moved(0, 0, 0.01),
    "off by 0.05 mm": _moved(0, 0, 0.05),
    "off by 0.3 mm": _moved(0, 0, 0.3),
    "off by 1 mm": _moved(0, 0, 1.0),
    "off by half a step": _moved(0, 0, 1.25),
    "off by a step": _moved(0, 0, 2.5),
    "off by three steps": _moved(0, 0, 7.5),
    "off by 500 mm": _moved(0, 0, 500),
    "off by 999 m": _moved(0, 0, 999_000),
    "off by -500 mm": _moved(0, 0, -500),
    "aside by 0.05 mm": _moved(0.05, 0, 0),
    "aside by 0.3 mm": _moved(0.3, 0, 0),
    "aside by 5 mm": _moved(0, 5, 0),
    "aside by 300 mm": _moved(300, 0, 0),
    "place NaN": _raw("ImagePositionPatient", "LO", "0\\0\\nan"),
    "place 1e400": _raw("ImagePositionPatient", "LO", "0\\0\\1e400"),
    "place with a comma": _raw("ImagePositionPatient", "LO", "0\\0\\1,5"),
    "other pixels": _other_pixels,
    "padding value": _set(PixelPaddingValue=-2000),
    "lookup table": _set(ModalityLUTSequence=[Dataset()]),
    "two frames": _set(NumberOfFrames=2),
    "no frames": _set(NumberOfFrames=0),
    "lossy": _set(LossyImageCompression="01"),
    "other time": _set(ContentTime="235959", AcquisitionNumber=7),
    "temporal position": _set(TemporalPositionIdentifier=2),
    "other kernel": _set(ConvolutionKernel="B99f"),
    "same number": _set(InstanceNumber=1),
    "part of a whole": _set(
        ConcatenationUID="1.2.3", InConcatenationNumber=1, InConcatenationTotalNumber=2
    ),
}
"""What a well-formed slice may say that the others do not."""


@dataclass(frozen=True)
class Way:
    """One bad file: in the place of slice `k`, or (`beside`) in addition to all the others."""

    name: str
    family: str
    k: int
    beside: bool
    syntax: str
    change: Change | None = None
    seed: str = ""

    def write(self, folder: Path) -> Phantom:
        """Write the series into an empty folder; the bad file is called BAD."""
        drop = (SLICES - 1,) if self.beside else ()
        options: dict[str, Any] = {"size": SIZE, "transfer_syntax": self.syntax}
        truth = phantom(folder, **options, drop=drop)
        source = truth.paths[self.k]
        bad = self._bad(source, options)
        if not self.beside:
            source.unlink()
        (folder / BAD).write_bytes(bad)
        return truth

    def _bad(self, source: Path, options: dict[str, Any]) -> bytes:
        if self.change is None:
            good = GoodFile("slice", source.read_bytes())
            draw = random.Random(self.seed)
            return next(FAMILIES[self.family][1](draw, [good])).data
        with tempfile.TemporaryDirectory() as apart:
            changed = phantom(apart, **options, edit=self._edit)
            return changed.paths[self.k].read_bytes()

    def _edit(self, dataset: Dataset, k: int, phase: int) -> None:
        if k == self.k and self.change is not None:
            self.change(dataset)
            if self.beside and dataset.PixelData != b"":
                dataset.SOPInstanceUID = (
                    dataset.SOPInstanceUID[:60] + ".9"
                )  # an instance of its own


def ways(seed: int, count: int = 300) -> Iterator[Way]:
    """Draw ways: every conflict twice, then damage of every family."""
    draw = random.Random(f"{seed} bad among good")
    every = [*_conflicts(draw), *islice(_damages(draw, seed), max(0, count - 2 * len(CONFLICTS)))]
    if count < len(every):
        every = draw.sample(every, count)
    yield from every


def _conflicts(draw: Random) -> Iterator[Way]:
    for name, change in CONFLICTS.items():
        for beside in (False, True):
            k = draw.choice([0, 6, SLICES - 1 - beside, draw.randrange(1, SLICES - 2)])
            where = "beside" if beside else f"slice {k + 1}"
            yield Way(f"{name}, {where}", "conflict", k, beside, "explicit", change)


def _damages(draw: Random, seed: int) -> Iterator[Way]:
    families = [family for family in FAMILIES if family not in HARMLESS]
    draw.shuffle(families)
    for n, family in enumerate(cycle(families)):
        k = draw.choice([0, 6, SLICES - 2, draw.randrange(1, SLICES - 2)])
        beside, way_seed = draw.random() < 0.5, f"{seed} {n}"
        fitting = [s for s in draw.sample(SYNTAXES, len(SYNTAXES)) if has_damage(family, s)]
        if fitting:
            where = "beside" if beside else f"slice {k + 1}"
            name = f"{family} {n}, {fitting[0]}, {where}"
            yield Way(name, family, k, beside, fitting[0], seed=way_seed)


FOR_OTHERS = frozenset({"poisoned groups", "functional groups", "stream spliced", "another stream"})
"""Families that want multi-frame files, or several."""


def has_damage(family: str, syntax: str) -> bool:
    """Say whether a family has damage for a single slice in a transfer syntax."""
    if family in FOR_OTHERS:
        return False
    kinds = {
        "jpeg-lossless": {"JPEG floods", "JPEG scans", "stream size lies", "size lies twice"},
        "jpeg-ls": {"JPEG floods", "JPEG scans", "stream size lies", "size lies twice"},
        "jpeg-2000": {"JPEG 2000 absurd", "stream size lies", "size lies twice"},
        "rle": {"RLE lies"},
        "deflated": {"deflate bombs"},
    }
    special = set().union(*kinds.values())
    streams = "stream" in family or family in ("fragment lies", "offset tables")
    compressed = syntax in ("jpeg-lossless", "jpeg-ls", "jpeg-2000", "rle")
    if family in special:
        return family in kinds.get(syntax, ())
    if family in ("nested deep", "millions of items", "lookup tables"):
        return syntax == "explicit"
    if family == "huge private elements":
        return syntax != "deflated"
    if family in ("lying VRs", "known as UN"):
        return syntax != "implicit"
    return compressed or not streams


def judge_way(way: Way, reader: Reader, second: Reader) -> Verdict:
    """Have a series with a bad file read, and say what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        truth = way.write(Path(folder))
        answer = reader.ask(folder)
        kind, why = _kind(way, truth, answer, second, Path(folder))
    return Verdict(way.name, way.family, kind, why, answer.seconds, answer.peak)


def _kind(
    way: Way, truth: Phantom, answer: Answer, second: Reader, folder: Path
) -> tuple[str, str]:
    if answer.kind in ("crashed", "hung", "traceback"):
        return answer.kind, answer.why
    if answer.peak > SWELL:
        return "over 2 GB", f"{answer.peak / 2**30:.1f} GB"
    if answer.unclean:
        return "unclear refusal", f"says {answer.unclean}"
    named = answer.names(BAD)
    if answer.kind == "refused":
        return ("refused", answer.why) if named else ("not named", f"refused: {answer.why}")
    if answer.picture is None:
        raise ValueError("an answer without its picture")
    wrong = _wrong(way, truth, answer.picture, named)
    if wrong:
        return "wrong in silence", wrong + (", though the bad file is named" if named else "")
    if not way.beside and _error(truth, answer.picture, [way.k]) <= RIGHT_MM:
        return "right", "the bad file holds its slice"
    if named:
        return "right", "the bad file is named"
    return _unnamed(truth, answer.picture, way, second, folder)


def _unnamed(
    truth: Phantom, got: Picture, way: Way, second: Reader, folder: Path
) -> tuple[str, str]:
    """Judge a volume that is right but for a slice that nobody speaks of."""
    error = _error(truth, got, [way.k])
    if way.beside or not np.isfinite(error):
        return "not named", "the volume is right, and the bad file is left out without a word"
    alone = second.ask(folder / BAD).picture
    if alone is None or not _holds(got, alone):
        return "wrong in silence", f"slice {way.k + 1} is {error:.3g} mm off"
    if way.family == "conflict" and not way.name.startswith("other pixels"):
        return "not named", f"slice {way.k + 1} is as the bad file says, without a word"
    return "altered", f"slice {way.k + 1} is another picture in a valid stream"


def _holds(got: Picture, alone: Picture) -> bool:
    """Say whether a volume holds a picture as one of its slices."""
    return any(
        one.shape == alone.array[0].shape and np.allclose(one, alone.array[0]) for one in got.array
    )


def _slice_places(truth: Phantom, slices: list[int]) -> NDArray[np.float64]:
    """Give the places (n, 3) of every voxel of some slices."""
    ijk = np.stack(
        np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]), slices, indexing="ij"), axis=-1
    )
    return ijk.reshape(-1, 3) @ truth.matrix[:3, :3].T + truth.matrix[:3, 3]


def _error(truth: Phantom, got: Picture, slices: list[int]) -> float:
    """Give the worst error of some slices in mm; infinite where a voxel is not there."""
    places = _slice_places(truth, slices)
    if abs(np.linalg.det(got.affine[:3, :3])) < 1e-12:
        return float("inf")
    ijk = (places - got.affine[:3, 3]) @ np.linalg.inv(got.affine[:3, :3]).T
    values = _interpolated(got.array, ijk)
    off = np.abs(values - truth.value_at(places)) / truth.slope_per_mm
    return float(np.nan_to_num(off, nan=np.inf).max())


RIM = 0.15
"""So much of a voxel beyond the outermost centres is still taken for them."""


def _interpolated(array: NDArray[Any], ijk: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate linearly; NaN outside, and where nothing was scanned."""
    if array.ndim != 3:
        return np.full(len(ijk), np.nan)
    kji, shape = ijk[:, ::-1], np.array(array.shape)
    nearly = np.where(np.abs(kji - np.round(kji)) < 1e-3, np.round(kji), kji)
    inside = ((nearly >= -RIM) & (nearly <= shape - 1 + RIM)).all(axis=1)
    nearly = np.clip(nearly, 0, shape - 1)
    low = np.floor(nearly).astype(int)
    part, total = nearly - low, np.zeros(len(ijk))
    for corner in np.ndindex(2, 2, 2):
        weight = np.where(corner, part, 1 - part).prod(axis=1)
        at = np.minimum(low + corner, shape - 1)
        value = np.asarray(array, float)[tuple(at.T)]
        total += np.where(weight > 0, weight * value, 0)
    return np.where(inside, total, np.nan)


TOUCHED = 4
"""A slice that claims a place of its own bends what is interpolated beside it, and beside
the place that it claims: so many good slices, where it is named."""


def _wrong(way: Way, truth: Phantom, got: Picture, named: bool) -> str:
    """Say what is wrong with the good slices, or with what lies beyond them."""
    good = [n for n in range(SLICES - way.beside) if way.beside or n != way.k]
    errors = [_error(truth, got, [n]) for n in good]
    off = [error for error in errors if error > RIGHT_MM]
    if not np.isfinite(errors).all():
        return "a good slice is missing"
    if len(off) > (TOUCHED if named else 0):
        return f"{len(off)} good slices are up to {max(off):.3g} mm off"
    normal = truth.matrix[:3, 2] / np.linalg.norm(truth.matrix[:3, 2])
    pitch = float(truth.matrix[:3, 2] @ normal)
    ks = np.arange(len(got.array))
    along = (got.affine[:3, 3] + ks[:, None] * got.affine[:3, 2] - truth.matrix[:3, 3]) @ normal
    beyond = (along / pitch < -0.6) | (along / pitch > SLICES - 0.4)
    filled = np.isfinite(np.asarray(got.array, float)).any(axis=tuple(range(1, got.array.ndim)))
    if (beyond & filled).any():
        return f"{int((beyond & filled).sum())} slices lie where nothing was scanned"
    return ""
