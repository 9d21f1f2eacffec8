"""Every example runs by itself, says something, leaves nothing behind and is short."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import pytest

from conformance import complaints

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


def test_there_are_examples():
    assert len(EXAMPLES) >= 10


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_short_and_says_what_it_shows(path):
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) < 30
    assert lines[0].startswith('"""')
    assert lines[0].endswith('."""')


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_without_arguments(path, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", path],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert list(tmp_path.iterdir()) == []


def test_the_beginners_script_done_right_writes_valid_dicom(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "TemporaryDirectory", lambda: nullcontext(str(tmp_path)))
    (script,) = (path for path in EXAMPLES if path.name == "write_dicom.py")
    ran = runpy.run_path(str(script))
    assert complaints(tmp_path / "circle.dcm") == []
    assert ran["ds"].pixel_array.max() == 1064
    assert "CT HU" in capsys.readouterr().out
