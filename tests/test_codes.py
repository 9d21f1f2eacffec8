"""Every code is raised where it must be, and not just inside its limit."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import volume
from maps import map_phantom, mapping
from phantom import phantom
from volume.findings import CATALOGUE
from weighted import philips, weighted

SMALL = {"size": (12, 10, 8)}
PIXEL = 0.8  # mm along i; 0.7 along j

LATER = {
    "largest-shown",  # test_cli.py
    "first-look",  # test_first_look.py
    "self-check-failed",  # raised as an error: test_self_check.py
    "changed-during-read",  # test_pixels.py
    "limits-raised",  # test_limits.py
    "space-assumed",  # of a mesh: test_meshes.py
    "mesh-outside",  # the same: test_overlay.py
    "place-disagrees",  # of volume files: test_nifti.py
    "dicomdir-missing",  # of a source that is a file: test_dicomdir.py
    "cache-unused",  # of a scan with a cache: test_cache.py
    "cache-not-written",  # the same
}


def write(folder: Path, **oddities: Any) -> None:
    phantom(folder, **{**SMALL, **oddities})


def edited(change: Callable[[pydicom.Dataset, int], None], **oddities: Any):
    """Write a series after a change to every data set."""

    def make(folder: Path) -> None:
        write(folder, edit=lambda dataset, k, _phase: change(dataset, k), **oddities)

    return make


def series(**oddities: Any):
    return lambda folder: write(folder, **oddities)


def sop_class(uid: str):
    def change(dataset: pydicom.Dataset, _k: int) -> None:
        dataset.SOPClassUID = uid

    return edited(change)


def beside(name: str, content: bytes):
    def make(folder: Path) -> None:
        write(folder)
        (folder / name).write_bytes(content)

    return make


def with_pipe(folder: Path) -> None:
    write(folder)
    os.mkfifo(folder / "pipe")


def broken(position: str):
    def change(dataset: pydicom.Dataset, k: int) -> None:
        if k == 4:
            del dataset.ImagePositionPatient
            dataset.add_new("ImagePositionPatient", "LO", position)

    return edited(change)


def cosines(off: float):
    def change(dataset: pydicom.Dataset, _k: int) -> None:
        dataset.ImageOrientationPatient = [1 + off, 0, 0, 0, 1, 0]

    return edited(change)


def lossy(flag: str):
    def change(dataset: pydicom.Dataset, _k: int) -> None:
        dataset.LossyImageCompression = flag

    return edited(change)


def thickness(value: float | None):
    def change(dataset: pydicom.Dataset, _k: int) -> None:
        dataset.SliceThickness = value

    return edited(change, size=(12, 10, 1))


def mapped(dataset: pydicom.Dataset, _k: int) -> None:
    dataset.RealWorldValueMappingSequence = [pydicom.Dataset()]


def below_air(dataset: pydicom.Dataset, _k: int) -> None:
    stored = np.frombuffer(dataset.PixelData, "<i2").copy()
    stored[0] = -5
    dataset.PixelData = stored.tobytes()


def wrong_sign(dataset: pydicom.Dataset, _k: int) -> None:
    dataset.BitsStored, dataset.HighBit = 12, 11
    stored = np.full(120, 0x0F00, "<u2")  # negative in 12 bits, not extended to 16
    dataset.PixelData = stored.tobytes()


def unheard_of(folder: Path) -> None:
    write(folder, transfer_syntax="jpeg-ls")
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b".1.2.4.80", b".1.2.4.92"))


def coloured(dataset: pydicom.Dataset, _k: int) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    dataset.PlanarConfiguration = 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelRepresentation = 0
    dataset.PixelData = bytes(range(240)) + bytes(120)


def strayed(uid: str | None):
    def change(dataset: pydicom.Dataset, k: int) -> None:
        if k == 7 and uid:
            dataset.SeriesInstanceUID = uid

    return edited(change)


def mixed_matrix(size: int):
    def make(folder: Path) -> None:
        write(folder, series_uid="1.2.3")
        write(folder / "more", series_uid="1.2.3", size=(size, 10, 8), origin=(500, 0, 900))

    return make


def two_patients(first: int):
    def change(dataset: pydicom.Dataset, k: int) -> None:
        dataset.PatientID = "A" if k < first else "B"

    return edited(change)


def turned(degrees: float):
    def change(dataset: pydicom.Dataset, k: int) -> None:
        if k >= 5:
            a = np.radians(degrees)
            dataset.ImageOrientationPatient = [np.cos(a), np.sin(a), 0, -np.sin(a), np.cos(a), 0]

    return edited(change)


def shifted(mm: float):
    return series(shifts={4: (mm, 0.0)}, size=(12, 10, 40))


def one_step(mm: float):
    return series(offsets_mm=tuple(np.cumsum([0, 2.5, 2.5, 2.5, mm, 2.5, 2.5, 2.5])))


def tilted(drift_mm: float):
    return series(tilt_i=float(np.degrees(np.arctan(drift_mm / (7 * 2.5)))))


def scaled_again(dataset: pydicom.Dataset, _k: int) -> None:
    block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    block.add_new(0x0E, "FL", 0.02)


def unweighed(dataset: pydicom.Dataset, _k: int) -> None:
    dataset.PatientWeight = ""


def longer(dataset: pydicom.Dataset, k: int) -> None:
    if k == 3:
        dataset.PixelData += bytes(40)


def fewer_bits(dataset: pydicom.Dataset, k: int) -> None:
    if k == 3:
        dataset.BitsStored, dataset.HighBit = 15, 14


TWELVE_BITS = {
    "modality": "MR",
    "bits_stored": 12,
    "gradient": (1, 1, 2),
    "transfer_syntax": "jpeg-2000",
}


def all_bits(dataset: pydicom.Dataset, k: int) -> None:
    dataset.BitsStored, dataset.HighBit = 16, 15


def beside_the_series(**oddities: Any):
    """Write a series and one slice of another beside it."""

    def make(folder: Path) -> None:
        write(folder, origin=(0.0, 0.0, 0.0))
        size = oddities.pop("size", (12, 10, 1))
        phantom(folder, size=size, series=9, study="other", origin=(300.0, 0.0, 0.0), **oddities)

    return make


def without_a_number(pixels):
    values = pixels.astype(np.float32)
    values[3, 4, 5] = np.nan
    return values


def whole_map(values: Callable[[Any], Any]):
    return lambda folder: map_phantom(folder, [mapping()], values) and None


def hsv(dataset: pydicom.Dataset, k: int) -> None:
    coloured(dataset, k)
    dataset.PhotometricInterpretation = "HSV"


def described(raw: bytes):
    """Describe the series in bytes that are written as they are, declared as Latin."""

    def declare(dataset: pydicom.Dataset, _k: int, _phase: int) -> None:
        dataset.SpecificCharacterSet = "ISO_IR 100"

    def make(folder: Path) -> None:
        write(folder, description="#" * len(raw), edit=declare)
        for path in folder.iterdir():
            path.write_bytes(path.read_bytes().replace(b"#" * len(raw), raw))

    return make


def diffusion(*weights: tuple[float, tuple[float, ...] | None]):
    return lambda folder: weighted(folder, philips, weights, size=(12, 10, 8))


X, Y = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)

PAIRS: dict[str, tuple[Callable[[Path], None], Callable[[Path], None]]] = {
    "not-dicom": (beside("a.txt", b"hello" * 99), series()),
    "unreadable": (broken("1\\2\\nan"), broken("1e1\\2\\3")),
    "no-preamble": (series(preamble=False), series()),
    "meta-repaired": (series(claimed_syntax="implicit"), series()),
    "pixels-truncated": (series(truncate=(3,)), series()),
    "transfer-syntax-unsupported": (unheard_of, series(transfer_syntax="jpeg-ls")),
    "charset-repaired": (
        described("흉부 조영".encode("cp949")),
        described("Schädel, größer".encode("latin-1")),
    ),
    "non-image": (sop_class("1.2.840.10008.5.1.4.1.1.88.11"), series()),
    "secondary-capture": (sop_class("1.2.840.10008.5.1.4.1.1.7"), series()),
    "projection-image": (sop_class("1.2.840.10008.5.1.4.1.1.1"), series()),
    "dicomdir": (sop_class("1.2.840.10008.1.3.10"), series()),
    "special-file": (with_pipe, series()),
    "not-supported-yet": (edited(hsv), edited(coloured)),
    "localizer": (series(localizer=2), series()),
    "orientation-split": (turned(1.2), turned(0.05)),
    "patient-split": (two_patients(4), two_patients(99)),
    "matrix-split": (mixed_matrix(14), mixed_matrix(12)),
    "frame-of-reference-mixed": (series(frames_of_reference="per-slice"), series()),
    "duplicate-instance": (series(duplicates=(3,)), series()),
    "duplicate-identical": (series(duplicates=(3,), duplicates_as="new-uid"), series()),
    "duplicate-conflict": (series(duplicates=(3,), duplicates_as="conflict"), series()),
    "split-by": (series(phases=2), series()),
    "ambiguous-repeats": (
        series(phases=2, phase_tag="", instance_numbers="constant"),
        series(phases=2, phase_tag=""),
    ),
    "time-series-2d": (
        series(size=(12, 10, 1), phases=5, gradient=(1, 1, 1)),
        series(size=(12, 10, 1), phases=2),
    ),
    "single-slice": (series(size=(12, 10, 1)), series(size=(12, 10, 2))),
    "spacing-assumed": (thickness(None), thickness(3.0)),
    "spacing-tag-disagrees": (series(spacing_tag=2.53), series(spacing_tag=2.52)),
    "positions-rounded": (
        series(decimals=1, spacing=(0.8, 0.7, 0.625), size=(12, 10, 40)),
        series(decimals=3, spacing=(0.8, 0.7, 0.625), size=(12, 10, 40)),
    ),
    "spacing-jitter": (one_step(2.54), one_step(2.505)),
    "orientation-jitter": (turned(0.3), turned(0.05)),
    "missing-slices": (one_step(5.0), one_step(4.3)),
    "variable-spacing": (one_step(3.75), one_step(2.54)),
    "irregular-spacing": (
        series(offsets_mm=(0, 1, 2.7, 3.9, 5.8, 7.1, 8.9, 10.1)),
        series(offsets_mm=(0, 1, 2, 3, 4, 5, 6, 7)),
    ),
    "gantry-tilt": (tilted(PIXEL * 0.55), tilted(0.09)),
    "in-plane-shift": (shifted(0.12), shifted(0.08)),  # said; resampled from half a pixel on
    "resampled": (one_step(3.75), one_step(2.54)),
    "frame-order-contradicts-position": (
        series(enhanced=True, frames="shuffled"),
        series(enhanced=True, frames="reversed"),
    ),
    "not-a-stack": (
        series(offsets_mm=(0, 0.02, 2.5, 2.52, 5, 5.02, 7.5, 7.52)),
        series(offsets_mm=(0, 1, 2.5, 3.5, 5, 6, 7.5, 8.5)),
    ),
    "rescale-varies": (series(rescale="varies"), series()),
    "padding-replaced": (series(padding=-2000), series(padding=0)),
    "pixels-padded": (edited(longer), series()),
    "pixels-vary": (edited(fewer_bits, gradient=(1, 1, 2)), series(gradient=(1, 1, 2))),
    "precision-disagrees": (edited(all_bits, **TWELVE_BITS), series(**TWELVE_BITS)),
    "high-bits-masked": (
        series(modality="MR", bits_stored=12, high_bits=0x7000, gradient=(1, 1, 2)),
        series(modality="MR", bits_stored=12, gradient=(1, 1, 2)),
    ),
    "sign-repaired": (edited(wrong_sign), series()),
    "monochrome1": (series(photometric="MONOCHROME1"), series()),
    "colour-volume": (edited(coloured), series()),
    "lossy-compressed": (lossy("01"), lossy("00")),
    "dtype-promoted": (series(modality="PT"), series()),
    "real-world-values": (edited(mapped), series()),
    "no-number": (whole_map(without_a_number), whole_map(lambda p: p.astype(np.float32))),
    "hu-out-of-range": (edited(below_air), series()),
    "philips-scaling": (edited(scaled_again, modality="MR"), series(modality="MR")),
    "suv-unavailable": (edited(unweighed, modality="PT"), series(modality="PT")),
    "left-out": (beside_the_series(), series()),
    "trace-split": (
        diffusion((0, None), (500, X), (500, Y), (500, None)),
        diffusion((0, None), (500, X), (500, Y)),
    ),
    "diffusion-incomplete": (
        diffusion((0, None), (500, None)),
        diffusion((0, None), (500, X)),
    ),
    "mergeable-series": (strayed("1.2.3"), strayed(None)),
}


def codes(folder: Path) -> set[str]:
    """Give every code that is found in a folder, by scanning and by loading."""
    found = volume.scan(folder)
    known = {f.code for f in found.findings} | {f.code for s in found.stacks for f in s.findings}
    with suppress(volume.VolumeError):
        known |= {finding.code for finding in volume.load(folder).findings}
    for stack in found.stacks:
        try:
            made = volume.load(folder, series=stack.id)
        except volume.VolumeError:
            continue
        known |= {finding.code for finding in made.findings}
    return known


@pytest.mark.parametrize("code", sorted(PAIRS))
def test_a_code_is_raised_where_it_must_be_and_not_just_inside_its_limit(code, tmp_path):
    raise_it, neighbour = PAIRS[code]
    raise_it(tmp_path / "raised")
    assert code in codes(tmp_path / "raised")
    neighbour(tmp_path / "neighbour")
    assert code not in codes(tmp_path / "neighbour")


def test_no_code_is_without_a_test():
    assert set(PAIRS) | LATER == set(CATALOGUE)
