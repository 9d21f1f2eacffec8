"""Diffusion series as each maker writes them: a phantom, and b-values and directions in it.

The same weighting (`WEIGHTS`, directions in the patient) is written in every maker's own
elements and axes, as their conformance statements and dcm2niix's pages have it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.sequence import Sequence as Items

from phantom import Phantom, phantom


def unit(*vector: float) -> tuple[float, ...]:
    return tuple(float(x) for x in np.array(vector) / np.linalg.norm(vector))


Weight = tuple[float, tuple[float, ...] | None]
WEIGHTS: tuple[Weight, ...] = (
    (0.0, None),
    (1000.0, unit(0.36, 0.48, 0.8)),
    (1000.0, unit(-0.8, 0.36, 0.48)),
    (2000.0, unit(0.1, -0.9, 0.4)),
    (0.0, None),
    (1000.0, unit(0.6, -0.64, -0.48)),
)
"""Not sorted by b-value, and b = 0 twice."""

Write = Callable[[Dataset, float, "tuple[float, ...] | None"], None]


def axes_of(dataset: Dataset) -> np.ndarray:
    """Give the directions of row, column and normal, one a row."""
    row, column = np.array(dataset.ImageOrientationPatient, dtype=float).reshape(2, 3)
    return np.array([row, column, np.cross(row, column)])


def standard(dataset: Dataset, b: float, g) -> None:
    dataset.Manufacturer = "TOSHIBA"
    if b:  # they leave it out where nothing is applied
        dataset.DiffusionBValue = b
        dataset.DiffusionGradientOrientation = list(g or (0, 0, 0))
    else:
        dataset.DiffusionBValue = 0.0


def siemens(dataset: Dataset, b: float, g) -> None:
    dataset.Manufacturer = "SIEMENS"
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", str(int(b)))
    if g is not None:
        block.add_new(0x0E, "FD", list(g))


def ge(dataset: Dataset, b: float, g, phase: str = "COL", bias: int = 1_000_000_000) -> None:
    dataset.Manufacturer = "GE MEDICAL SYSTEMS"
    dataset.InPlanePhaseEncodingDirection = phase
    dataset.ScanningSequence = ["EP", "RM"]
    dataset.SequenceVariant = "NONE"
    dataset.ScanOptions = ["EPI_GEMS"]
    block = dataset.private_block(0x0043, "GEMS_PARM_01", create=True)
    block.add_new(0x39, "IS", [bias + int(b), 8, 0, 0])
    along = axes_of(dataset) @ np.array(g or (0, 0, 0))
    across = int(np.argmax(np.abs(axes_of(dataset)[2])))
    if phase == "ROW":  # (x, y, z) = (y', -x', z') of what COL has
        along = np.array([-along[1], along[0], along[2]])
    along = along * {0: (1, 1, -1), 1: (-1, 1, 1), 2: (-1, -1, 1)}[across]
    block = dataset.private_block(0x0019, "GEMS_ACQU_01", create=True)
    block.add_new(0x9C, "LO", "epi2")
    for element, part in zip((0xBB, 0xBC, 0xBD), along, strict=True):
        block.add_new(element, "DS", f"{part:.10f}"[:16])
    block.add_new(0xE0, "DS", "4")


def philips(dataset: Dataset, b: float, g) -> None:
    dataset.Manufacturer = "Philips Medical Systems"
    block = dataset.private_block(0x2001, "Philips Imaging DD 001", create=True)
    block.add_new(0x03, "FL", b)
    block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    for element, part in zip((0xB0, 0xB1, 0xB2), g or (0, 0, 0), strict=True):
        block.add_new(element, "FL", part)


def uih(dataset: Dataset, b: float, g) -> None:
    dataset.Manufacturer = "UIH"
    block = dataset.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x09, "FD", b)
    block.add_new(0x37, "FD", (axes_of(dataset) @ np.array(g or (0, 0, 0))).tolist())


def canon_comment(dataset: Dataset, b: float, g) -> None:
    dataset.Manufacturer = "CANON_MEC"
    dataset.InPlanePhaseEncodingDirection = "COL"
    dataset.ScanningSequence = ["EP"]
    dataset.DiffusionBValue = b
    if g is not None:
        across = int(np.argmax(np.abs(axes_of(dataset)[2])))
        signs = {0: (1, 1, -1), 1: (-1, 1, 1), 2: (-1, -1, 1)}[across]
        y, x, z = axes_of(dataset) @ np.array(g) * signs
        dataset.ImageComments = f"b={int(b)}({x:.6f},{y:.6f},{z:.6f})"


MAKERS: dict[str, Write] = {
    "standard": standard,
    "siemens": siemens,
    "ge": ge,
    "ge, rows": lambda dataset, b, g: ge(dataset, b, g, phase="ROW"),
    "ge, no bias": lambda dataset, b, g: ge(dataset, b, g, bias=0),
    "philips": philips,
    "uih": uih,
    "canon, comment": canon_comment,
}


def weighted(
    folder: Path, write: Write, weights: Sequence[Weight] = WEIGHTS, **oddities
) -> Phantom:
    """Write a series in which phase n is weighted by `weights[n]`."""

    def edit(dataset: Dataset, k: int, phase: int) -> None:
        dataset.ScanningSequence = ["EP", "SE"]
        dataset.SequenceVariant = "SK"
        dataset.MRAcquisitionType = "2D"
        dataset.ProtocolName = "dwi"
        dataset.AcquisitionNumber = 1
        dataset.AcquisitionDate = "20200102"
        dataset.AcquisitionTime = f"10{phase:02d}{k:02d}.000000"
        write(dataset, *weights[phase])

    usual = {
        "modality": "MR", "phases": len(weights), "phase_tag": "", "size": (16, 12, 6),
        "gradient": (1.5, 2.25, 3.75), "phase_step": 100.0, "spacing": (2.0, 1.5, 3.0),
        "edit": edit,
    }  # fmt: skip
    return phantom(folder, **{**usual, **oddities})


def enhanced(folder: Path, weights: Sequence[Weight] = WEIGHTS, **oddities) -> Phantom:
    """Write a series of the standard's enhanced files, one a volume or one for all."""

    def edit(dataset: Dataset, _k: int, phase: int) -> None:
        dataset.Manufacturer = "SIEMENS"
        frames = dataset.PerFrameFunctionalGroupsSequence
        each = len(frames) // len(weights) if oddities.get("phases_in") != "files" else len(frames)
        for n, frame in enumerate(frames):
            b, g = weights[phase if each == len(frames) else n // each]
            weight = Dataset()
            weight.DiffusionBValue = b
            weight.DiffusionDirectionality = (
                "DIRECTIONAL" if g else "NONE" if b == 0 else "ISOTROPIC"
            )
            if g is not None:
                direction = Dataset()
                direction.DiffusionGradientOrientation = list(g)
                weight.DiffusionGradientDirectionSequence = Items([direction])
            frame.MRDiffusionSequence = Items([weight])

    usual = {
        "modality": "MR", "phases": len(weights), "phase_tag": "", "size": (16, 12, 6),
        "gradient": (1.5, 2.25, 3.75), "phase_step": 100.0, "spacing": (2.0, 1.5, 3.0),
        "enhanced": True, "edit": edit,
    }  # fmt: skip
    return phantom(folder, **{**usual, **oddities})
