"""Who puts every voxel in its place? Odd synthetic series through us and through the peers.

    python benchmarks/geometry.py [SEED]

The catalogue of the tests and 20 more series drawn from SEED. Every voxel holds a linear
function of its own place, so that any output is judged by one number in millimetres. A tool
is right where every volume it gives is right to 0.12 mm, refused where it gives none and
says so, and wrong in silence otherwise.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

RIGHT_MM, DRAWN = 0.12, 20
Output = tuple[np.ndarray, np.ndarray]
"""Voxels [k, j, i] and their LPS affine; NaN where a tool says that nothing was scanned."""
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def from_nifti(path: Path) -> Iterator[Output]:
    import nibabel

    image = nibabel.load(path)
    voxels = np.asanyarray(image.dataobj).astype(float)
    for volume in np.moveaxis(voxels[..., None] if voxels.ndim == 3 else voxels, 3, 0):
        yield volume.T, LPS @ image.affine


def ours(folder: Path) -> Iterator[Output]:
    import volume

    for made in volume.load_all(folder):
        measured = True if made.valid is None else made.valid > 0
        yield np.where(measured, made.array, np.nan), made.geometry.affine


def by_dcm2niix(folder: Path) -> Iterator[Output]:
    import dcm2niix

    with tempfile.TemporaryDirectory() as out:
        command = [dcm2niix.bin, "-z", "n", "-b", "n", "-f", "%s_%e_%t_%p", "-o", out, str(folder)]
        done = subprocess.run(command, capture_output=True, timeout=60)
        made = sorted(Path(out).glob("*.nii"))
        if done.returncode and not made:
            raise ValueError("dcm2niix refuses")
        tilted = {path.name for path in made if "_Tilt" in path.name or "_Eq" in path.name}
        for path in made:  # beside a corrected volume dcm2niix leaves the one as acquired
            if not tilted or path.name in tilted:
                yield from from_nifti(path)


def by_dicom2nifti(folder: Path) -> Iterator[Output]:
    import dicom2nifti

    with tempfile.TemporaryDirectory() as out:
        dicom2nifti.dicom_series_to_nifti(str(folder), f"{out}/a.nii", reorient_nifti=False)
        yield from from_nifti(Path(out, "a.nii"))


def by_simpleitk(folder: Path) -> Iterator[Output]:
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)  # a hundred lines; what it gives counts
    reader = sitk.ImageSeriesReader()
    for uid in reader.GetGDCMSeriesIDs(str(folder)):
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), uid))
        image = reader.Execute()
        affine = np.eye(4)
        affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
        affine[:3, 3] = image.GetOrigin()
        yield sitk.GetArrayFromImage(image).astype(float), affine


def by_dicom_numpy(folder: Path) -> Iterator[Output]:
    import dicom_numpy
    import pydicom

    datasets = [pydicom.dcmread(path) for path in folder.rglob("*") if path.is_file()]
    array, affine = dicom_numpy.combine_slices(datasets)
    yield array.T.astype(float), affine


def by_highdicom(folder: Path) -> Iterator[Output]:
    import highdicom
    import pydicom

    datasets = [pydicom.dcmread(path) for path in folder.rglob("*") if path.is_file()]
    values = {"apply_modality_transform": True, "apply_presentation_lut": False}
    if "NumberOfFrames" in datasets[0]:
        images = [
            highdicom.Image.from_dataset(dataset).get_volume(**values) for dataset in datasets
        ]
    else:
        images = [highdicom.get_volume_from_series(datasets, **values)]
    for image in images:
        yield image.array.astype(float), image.affine[:, [2, 1, 0, 3]]


TOOLS: dict[str, tuple[str, Callable[[Path], Iterator[Output]]]] = {
    "volume": ("dicom-volume", ours),
    "SimpleITK": ("SimpleITK", by_simpleitk),
    "dcm2niix": ("dcm2niix", by_dcm2niix),
    "dicom2nifti": ("dicom2nifti", by_dicom2nifti),
    "dicom-numpy": ("dicom-numpy", by_dicom_numpy),
    "highdicom": ("highdicom", by_highdicom),
}


def catalogue() -> dict[str, dict[str, Any]]:
    """Take the series of the tests."""
    import test_catalogue as known

    right = {**known.COMES_OUT_RIGHT, **known.ROUNDED}
    cases = {name: case.oddities for name, case in right.items()}
    cases |= {f"refused: {name}": oddities for name, (_, oddities) in known.REFUSED.items()}
    for name, oddities in {**known.PHASED, **known.UNTANGLED}.items():
        cases[name] = {"phases": 3, "gradient": (1, 2, 5), **oddities}
    return cases


def drawn(seed: int) -> dict[str, dict[str, Any]]:
    """Draw series with one to three oddities each."""
    draw = np.random.default_rng(seed)
    cases: dict[str, dict[str, Any]] = {}
    for n in range(DRAWN):
        oddities: dict[str, Any] = {
            "size": tuple(int(v) for v in draw.integers(8, 30, 3)),
            "spacing": tuple(float(v) for v in draw.uniform(0.4, 4, 3).round(3)),
            "origin": tuple(float(v) for v in draw.uniform(-200, 200, 3).round(2)),
            "orientation": str(draw.choice(["axial", "prone", "sagittal", "coronal", "oblique"])),
            "instance_numbers": str(draw.choice(["ascending", "shuffled", "reversed", "absent"])),
            "reverse": bool(draw.integers(2)),
        }
        extra = str(draw.choice(["tilt", "tilt_i", "drop", "decimals", "duplicates", "none"]))
        count = oddities["size"][2]
        oddities |= {
            "tilt": {"tilt": float(draw.uniform(5, 25))},
            "tilt_i": {"tilt_i": float(draw.uniform(-25, -5))},
            "drop": {"drop": (int(draw.integers(2, count - 2)),)},
            "decimals": {"decimals": int(draw.integers(2, 5))},
            "duplicates": {"duplicates": (int(draw.integers(0, count)),)},
            "none": {},
        }[extra]
        cases[f"drawn {n + 1} ({extra})"] = _tilted_enough(oddities)
    return cases


def _tilted_enough(oddities: dict[str, Any]) -> dict[str, Any]:
    """Stretch a tilted stack until it drifts by a pixel.

    A drift below half a pixel is left in the voxels by rule, and said in millimetres.
    """
    (i, j, pitch), count = oddities["spacing"], oddities["size"][2]
    for key, pixel in (("tilt", j), ("tilt_i", i)):
        if key in oddities:
            lean = abs(np.tan(np.radians(oddities[key]))) * (count - 1)
            pitch = max(pitch, round(float(pixel / lean), 3))
    return {**oddities, "spacing": (i, j, pitch)}


def judge(tool: str, oddities: dict[str, Any]) -> str:
    """Run one tool on one series: right, refused, or wrong in silence."""
    from phantom import phantom

    with tempfile.TemporaryDirectory() as folder:
        truth = phantom(folder, **oddities)
        try:
            outputs = list(TOOLS[tool][1](Path(folder)))
        except Exception:  # noqa: BLE001 however a tool refuses, it has said so
            return "refused"
    if not outputs:
        return "refused"
    if any(abs(np.linalg.det(affine[:3, :3])) < 1e-12 for _, affine in outputs):
        return "wrong"  # a place that no voxel can be looked up at
    phases = range(oddities.get("phases", 1))
    margin = 1.0 if min(truth.size) > 3 else 0.0  # the rim of a resampled volume is no fault
    errors = [
        min(truth.error_mm(array, affine, phase=phase, margin=margin) for phase in phases)
        for array, affine in outputs
    ]
    if oddities.get("localizer"):  # it holds nothing that is known to the truth
        errors = [min(errors)]
    lost = oddities.get("drop") or oddities.get("truncate")
    whole = lost or any(truth.coverage(array.shape, affine) > 0.99 for array, affine in outputs)
    allowed = RIGHT_MM + 0.5 / truth.slope_per_mm
    right = whole and len(outputs) >= len(phases) and max(errors) <= allowed
    return "right" if right else "wrong"


def judged(tool: str, cases: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Judge a tool in child processes: one that crashes or hangs loses its case only."""
    verdicts: dict[str, str] = {}
    pool = None
    for name, oddities in cases.items():
        pool = pool or ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        try:
            verdicts[name] = pool.submit(judge, tool, oddities).result(timeout=90)
        except (BrokenProcessPool, TimeoutError):
            verdicts[name] = "crashed"
            pool.shutdown(wait=False, cancel_futures=True)
            pool = None
    if pool is not None:
        pool.shutdown()
    return verdicts


def main() -> None:
    """Print the table, and every case in which we are not right."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    cases = catalogue() | drawn(seed)
    print(f"{len(cases)} series, seed {seed}\n")
    print("| tool | right | refused | wrong in silence | crashed |\n|---|---|---|---|---|")
    for tool, (package, _) in TOOLS.items():
        verdicts = judged(tool, cases)
        count = Counter(verdicts.values())
        numbers = " | ".join(str(count[v]) for v in ("right", "refused", "wrong", "crashed"))
        print(f"| {tool} {version(package)} | {numbers} |", flush=True)
        if tool == "volume":
            ours_not_right = {name: v for name, v in verdicts.items() if v != "right"}
    print("\nvolume is not right in:")
    for name, verdict in ours_not_right.items():
        print(f"- {verdict}: {name}")


if __name__ == "__main__":
    main()
