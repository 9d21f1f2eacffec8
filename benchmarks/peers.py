"""The programs that the rows run: ours and the peers', where they are to be had."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from timing import Contestant

PACKAGES = {
    "volume": "dicom-volume", "SimpleITK": "SimpleITK", "pydicom": "pydicom",
    "dcm2niix": "dcm2niix", "dicom2nifti": "dicom2nifti", "dicom-numpy": "dicom-numpy",
    "highdicom": "highdicom", "MONAI": "monai", "TorchIO": "torchio", "nibabel": "nibabel",
    "pylibjpeg-libjpeg": "pylibjpeg-libjpeg", "numpy": "numpy", "isal": "isal",
    "imagecodecs": "imagecodecs", "vtk": "vtk", "pyvista": "pyvista",
}  # fmt: skip
PROGRAMS = {"vtk-dicom": "dicomtonifti", "pigz": "pigz"}
"""Of the system: what Debian has as vtk-dicom-tools, and what dcm2niix deflates with."""


def ours(*arguments: object) -> tuple[str, ...]:
    """Give the command line of `volume`, as it is installed beside this interpreter."""
    return (beside("volume"), *map(str, arguments))


def beside(program: str) -> str:
    """Find a program that was installed with a package."""
    path = Path(sys.executable).with_name(program)
    return str(path) if path.exists() else program


def has(module: str) -> bool:
    """Say whether a package is installed."""
    return importlib.util.find_spec(module) is not None


def converters(source: Path, compress: bool) -> Iterator[Contestant]:
    """Enter everyone who turns a folder into a NIfTI file, as one would type it."""
    suffix = ".nii.gz" if compress else ".nii"
    yield Contestant("volume", ours("export", source, f"{{out}}/a{suffix}"))
    if has("dcm2niix"):
        flags = ("-z", "y" if compress else "n", "-f", "a", "-o", "{out}")
        yield Contestant("dcm2niix", (beside("dcm2niix"), *flags, str(source)))
    if shutil.which(PROGRAMS["vtk-dicom"]):
        flags = ("--silent", "--recurse", "-o", f"{{out}}/a{suffix}")
        yield Contestant("vtk-dicom", (PROGRAMS["vtk-dicom"], *flags, str(source)))
    if has("dicom2nifti"):
        flags = () if compress else ("--no-compression",)
        command = (beside("dicom2nifti"), *flags, str(source), "{out}")
        yield Contestant("dicom2nifti", command)


def voxels_in(folder: Path) -> str:
    """Tell the voxels of the NIfTI files in a folder, as `contestant.answer` does."""
    import nibabel
    import numpy as np

    total, count = 0.0, 0
    for path in folder.rglob("*.nii*"):
        values = np.asanyarray(nibabel.load(path).dataobj)
        total, count = total + float(values.sum()), count + values.size
    return f"{count} voxels, sum {round(total)}" if count else ""


def versions() -> list[str]:
    """Name every tool with its version, and those that are not here."""
    return [f"{name} {_version(package)}" for name, package in PACKAGES.items()] + [
        f"{name} {_of_program(program)}" for name, program in PROGRAMS.items()
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed: skipped)"


def _of_program(program: str) -> str:
    import subprocess

    if not shutil.which(program):
        return "(not installed: skipped)"
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    words = (done.stdout or done.stderr).split()
    return next((word for word in words if word[0].isdigit()), "of unknown version")
