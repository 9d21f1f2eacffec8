"""A child process that reads files with one tool: one request a line, one reply a line.

    python reader_process.py volume

A request names a file (or a folder) and where to put what was read; the reply says what
came of it, and how much memory it took. Whatever the file does, it does to this process.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ADDRESS_SPACE = 8 * 2**30
"""No reader may take more: the machine must survive."""
SHOWN_BYTES = 64 * 2**20
"""Every picture of the corpus is smaller."""


def main(tool: str) -> None:
    """Serve requests until stdin ends; the replies go to what stdout was at the start."""
    replies = os.fdopen(os.dup(1), "w")
    said = tempfile.TemporaryFile()  # noqa: SIM115 as long as the process
    os.dup2(said.fileno(), 1)
    os.dup2(said.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    TOOLS[tool](None)  # imports what it needs
    for request in _requests():
        reply = _serve(tool, request)
        reply["said"] = _said(said)
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def _said(output: Any) -> str:
    """Give what was written to stdout and stderr since the last time, or its end."""
    sys.stdout.flush()
    output.seek(0)
    text = output.read()[-20_000:].decode("utf-8", "replace")
    output.seek(0)
    output.truncate()
    return text


def _requests() -> Iterator[dict[str, str]]:
    yield {}
    yield from map(json.loads, iter(sys.stdin.readline, ""))


def _serve(tool: str, request: dict[str, str]) -> dict[str, Any]:
    if not request:
        return {"kind": "ready"}
    base, children = _reset_peak(), _children()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reply = _read(tool, request)
    reply["peak"] = max(_status("VmHWM") - base, 0)
    if _children() > children:  # only a greater peak than every child before shows
        reply["peak"] = max(reply["peak"], _children())
    return reply


def _read(tool: str, request: dict[str, str]) -> dict[str, Any]:
    try:
        reply = TOOLS[tool](request["path"])
    except Exception as fault:  # noqa: BLE001 what it is is the question
        known = tool != "volume" or "VolumeError" in {c.__name__ for c in type(fault).__mro__}
        kind = "refused" if known else "traceback"
        told = _refusal(fault, request["path"]) if tool == "volume" and known else {}
        return {"kind": kind, "why": f"{type(fault).__name__}: {fault}"[:500], **told}
    array, affine = map(np.asarray, reply.pop("output"))
    if array.dtype.kind not in "biuf":
        return {"kind": "refused", "why": f"values of type {array.dtype}"}
    if array.nbytes > SHOWN_BYTES:
        array = np.array(array.shape)  # only the size is needed to see that it is another
    np.savez(request["out"], array=array, affine=affine.astype(float))
    return {"kind": "picture", **reply}


def _refusal(fault: Any, path: str) -> dict[str, Any]:
    """Tell what a refusal says: its exit code, whom it names, and whether a line is clean."""
    import volume

    named = [[type(fault).__name__, [Path(name).name for name in fault.files]]]
    findings = [*getattr(fault, "findings", ())]
    lines = fault.lines()
    try:
        named += _named(volume.scan(path), findings)
    except volume.VolumeError as other:
        named += [["scan", [Path(name).name for name in other.files]]]
    texts = [*lines, *(finding.message for finding in findings)]
    return {"exit_code": fault.exit_code, "named": named, "unclean": _unclean(texts)}


def _named(found: Any, more: Iterable[Any] = ()) -> list[list[Any]]:
    """List (code, files) of every finding about a scan."""
    stacks = [finding for stack in found.stacks for finding in stack.findings]
    every = [*more, *found.findings, *stacks]
    return [[f.code, [Path(name).name for name in f.files]] for f in every if f.files]


def _unclean(texts: Iterable[str]) -> str:
    """Find what must not reach a terminal: control and bidirectional characters, long lines."""
    for text in texts:
        if any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in text) or len(text) > 1000:
            return repr(text[:80])
    return ""


def _by_volume(path: str | None) -> dict[str, Any]:
    import volume

    if path is None:
        return {"output": (volume.load, volume.scan)}
    made = volume.load(path)
    named = []
    if Path(path).is_dir():
        named = _named(volume.scan(path), made.findings)
    codes = [[finding.code, str(finding.severity)] for finding in made.findings]
    unclean = _unclean(finding.message for finding in made.findings)
    measured = made.array if made.valid is None else np.where(made.valid > 0, made.array, np.nan)
    output = measured, made.geometry.affine
    return {"output": output, "codes": codes, "named": named, "unclean": unclean}


def _by_second_reader(path: str | None) -> dict[str, Any]:
    import second_reader

    if path is None:
        return {"output": (second_reader.read_dicom, None)}
    seen = second_reader.read(path)
    return {"output": (seen.array, seen.affine)}


def _by_simpleitk(path: str | None) -> dict[str, Any]:
    import SimpleITK as sitk

    from second_reader import itk_affine

    if path is None:
        return {}
    if Path(path).is_dir():
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(path))
        image = reader.Execute()
    else:
        image = sitk.ReadImage(path)
    return {"output": (sitk.GetArrayFromImage(image), itk_affine(image))}


def _by_pydicom(path: str | None) -> dict[str, Any]:
    """Read as everyone does who reads with pydicom: values converted by it, then rescaled."""
    import pydicom
    from pydicom.pixels import apply_modality_lut

    if path is None:
        return {}
    dataset = pydicom.dcmread(path)
    array = apply_modality_lut(dataset.pixel_array, dataset)
    array = array if "PerFrameFunctionalGroupsSequence" in dataset else array[None]
    source = dataset
    if "PerFrameFunctionalGroupsSequence" in dataset:
        source = _first_frame(dataset)
    cosines = np.array(source.ImageOrientationPatient, float)
    spacing = np.array(source.PixelSpacing, float)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = cosines[:3] * spacing[1], cosines[3:] * spacing[0]
    affine[:3, 2] = np.cross(cosines[:3], cosines[3:]) * float(source.SliceThickness)
    affine[:3, 3] = np.array(source.ImagePositionPatient, float)
    return {"output": (array, affine)}


def _first_frame(dataset: Any) -> Any:
    import pydicom

    flat = pydicom.Dataset()
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for groups in (*shared, dataset.PerFrameFunctionalGroupsSequence[0]):
        for element in groups:
            if element.VR == "SQ" and element.value:
                flat.update(element.value[0])
    return flat


def _by_dcm2niix(path: str | None) -> dict[str, Any]:
    import dcm2niix
    import nibabel

    from second_reader import LPS, nifti_voxels

    if path is None:
        return {}
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryDirectory() as alone:
        if not Path(path).is_dir():  # it wants a folder, and forces what is named to it alone
            shutil.copy(path, alone)
            path = alone
        command = [dcm2niix.bin, "-z", "n", "-b", "n", "-f", "%s_%t", "-o", out, path]
        done = subprocess.run(command)
        made = sorted(Path(out).glob("*.nii"), key=lambda p: -p.stat().st_size)
        if done.returncode < 0:
            os.kill(os.getpid(), -done.returncode)  # it crashed, and so must this
        if not made:
            raise ValueError("dcm2niix refuses")
        image = nibabel.load(made[0])
        return {"output": (nifti_voxels(image), LPS @ image.affine)}


TOOLS: dict[str, Callable[[str | None], dict[str, Any]]] = {
    "volume": _by_volume,
    "second": _by_second_reader,
    "SimpleITK": _by_simpleitk,
    "dcm2niix": _by_dcm2niix,
    "pydicom": _by_pydicom,
}


def _reset_peak() -> int:
    """Forget the peak so far; give what is resident now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    return 0


def _children() -> int:
    """Give the greatest peak of any child so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


if __name__ == "__main__":
    main(sys.argv[1])
