"""No verb imports what it does not need: it is read from what Python says of its imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from phantom import phantom

GRAPHICS = {"vtk", "vtkmodules", "pyvista", "matplotlib"}
HEAVY = GRAPHICS | {"SimpleITK", "pydicom", "imagecodecs", "fast_simplification", "nibabel"}
LEAST = HEAVY | {"numpy", "rich", "psutil"}
VERBS = "info view export mesh tags compare demo".split()


def imported(*words: str) -> set[str]:
    """Run the command line, and give the packages that it imported."""
    return {name.partition(".")[0] for name in modules(*words)}


def modules(*words: str) -> set[str]:
    """Run the command line, and give the modules that it imported."""
    code = "import sys; from volume.cli import main; sys.argv = ['volume', *sys.argv[1:]]; main()"
    command = [sys.executable, "-X", "importtime", "-c", code, *words]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "NO_COLOR": "1"}
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert len(lines) > 50
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.fixture(scope="module")
def ct(tmp_path_factory) -> Path:
    return phantom(tmp_path_factory.mktemp("ct")).folder


def test_help_imports_next_to_nothing():
    assert not imported("--help") & LEAST


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_imports_nothing_heavy(verb: str):
    assert not imported(verb, "--help") & HEAVY


def test_info_imports_nothing_heavy(ct: Path):
    assert not imported("info", str(ct)) & HEAVY


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha", ".npz"])
def test_export_imports_nothing_heavy(suffix: str, ct: Path, tmp_path: Path):
    assert not imported("export", str(ct), str(tmp_path / f"ct{suffix}")) & HEAVY


def test_a_plain_export_imports_nothing_of_what_others_need(ct: Path, tmp_path: Path):
    others = {"numpy.ma", "isal", "zipfile", "subprocess", "tempfile", "shutil", "secrets"}
    assert not modules("export", str(ct), str(tmp_path / "ct.nii")) & others


def test_a_surface_imports_no_window(ct: Path, tmp_path: Path):
    made = imported("mesh", str(ct), str(tmp_path / "ct.stl"), "--level", "0")
    assert not made & (HEAVY - {"vtkmodules", "fast_simplification"})


@pytest.mark.parametrize(("words", "code"), [(["info", "."], 0), (["info", "none"], 1), (["x"], 2)])
def test_the_program_ends_as_python_does(words: list[str], code: int, ct: Path):
    program = """
import atexit, sys
atexit.register(print, "the last word", file=sys.stderr)
from volume.cli import command
command()
"""
    command = [sys.executable, "-c", program, *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ct)
    assert done.returncode == code
    assert done.stderr.endswith("the last word\n")
    assert bool(done.stdout) == (code == 0)
