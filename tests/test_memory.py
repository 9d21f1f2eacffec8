"""What a volume needs is said before the first pixel is read, and is what it takes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import volume
from phantom import phantom
from volume import memory
from volume.assembly.forecast import BESIDE, bytes_needed
from volume.assembly.options import Options
from volume.geometry import Geometry

MIB = 2**20
SMALL = {"size": (12, 10, 6)}


def test_a_volume_that_will_not_fit_is_refused_in_figures_before_a_pixel_is_read(
    tmp_path, monkeypatch
):
    phantom(tmp_path, **SMALL)
    monkeypatch.setattr(memory, "free_memory", lambda: 3 * MIB)
    monkeypatch.setattr("volume.dicom.pixels._read_native", None)
    with pytest.raises(volume.MemoryLimitError) as refusal:
        volume.load(tmp_path)
    assert "this volume needs 64 MiB of memory; 3 MiB are free" in str(refusal.value)
    assert "limits" in str(refusal.value)
    monkeypatch.undo()
    monkeypatch.setattr(memory, "free_memory", lambda: 3 * MIB)
    assert volume.load(tmp_path, limits="memory=65").array.shape == (6, 10, 12)


def test_several_volumes_at_once_are_counted_together(tmp_path, monkeypatch):
    phantom(tmp_path, size=(128, 128, 20), phases=3, gradient=(0.1, 0.1, 1))
    stacks = volume.scan(tmp_path).stacks
    alone = bytes_needed(stacks[0], Options())
    monkeypatch.setattr(memory, "free_memory", lambda: alone + 1)
    with pytest.raises(volume.MemoryLimitError, match="all 3 volumes at once"):
        volume.load_all(tmp_path)
    volume.load(tmp_path, series=stacks[0].id)


CHILD = """
import resource, sys
import numpy, pydicom, volume, volume.assembly.load, volume.assembly.forecast
from volume.assembly.options import Options
def peak():
    return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1]) << 10
stack = volume.scan(sys.argv[1]).stacks[0]
before = peak()
volume.load(sys.argv[1])
print(volume.assembly.forecast.bytes_needed(stack, Options()), peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    "oddities",
    [
        {},
        {"padding": -2000},
        {"modality": "PT"},
        {"tilt": 12.0},
        {"transfer_syntax": "jpeg-ls"},
    ],
    ids=str,
)
def test_what_is_said_is_what_is_taken(oddities, tmp_path):
    phantom(tmp_path, size=(512, 512, 120), gradient=(0.05, 0.05, 0.5), **oddities)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)], capture_output=True, text=True, check=True
    )
    said, taken = map(int, done.stdout.split())
    assert taken <= said
    assert said - BESIDE <= 1.35 * taken


def test_a_file_of_voxels_is_refused_in_figures_too(tmp_path, monkeypatch):
    ct = volume.Volume(
        np.zeros((64, 64, 64), np.int16), Geometry((64, 64, 64), np.zeros(3), np.ones(3), np.eye(3))
    )
    volume.export(ct, tmp_path / "a.nii")
    monkeypatch.setattr(memory, "free_memory", lambda: 1000)
    with pytest.raises(volume.MemoryLimitError, match=r"needs 0\.5 MiB of memory; 0\.0"):
        volume.load(tmp_path / "a.nii")


def test_the_limit_of_a_container_counts(tmp_path, monkeypatch):
    (tmp_path / "box").mkdir()
    for name, text in {
        "memory.max": "1000\n",
        "memory.current": "700\n",
        "memory.stat": "anon 500\ninactive_file 150\n",
    }.items():
        (tmp_path / "box" / name).write_text(text)
    own = tmp_path / "cgroup"
    own.write_text("0::/box\n")
    monkeypatch.setattr(memory, "CONTROL_GROUPS", tmp_path)
    monkeypatch.setattr(memory, "OWN_GROUP", own)
    assert memory.free_memory() == 450
    (tmp_path / "box" / "memory.max").write_text("max\n")
    assert memory.free_memory() > 2**20


@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_AS there")
def test_the_limit_of_the_process_counts():
    code = (
        "import resource; from volume.memory import free_memory; import numpy;"
        "resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31)); print(free_memory())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2**31


def test_a_large_volume_says_what_it_takes_before_it_is_read(tmp_path, monkeypatch, capsys):
    from volume.cli.program import program

    phantom(tmp_path / "series", **SMALL)
    command = ["export", str(tmp_path / "series"), str(tmp_path / "a.nii")]
    program.main(command, standalone_mode=False)
    assert "free" not in capsys.readouterr().err
    monkeypatch.setattr("volume.assembly.forecast.WORTH_SAYING", MIB)
    program.main([*command, "--overwrite"], standalone_mode=False)
    said = capsys.readouterr().err
    assert "ct_s004" in said.splitlines()[0] and "needs 64 MiB of memory; " in said


def test_what_the_limit_allows_is_tried_whatever_is_free(tmp_path, monkeypatch):
    """As the refusal promises; tilted slices with padding need a mask as well."""
    phantom(tmp_path, tilt=12.0, padding=-2000)
    monkeypatch.setattr(memory, "free_memory", lambda: 5000)
    with pytest.raises(volume.MemoryLimitError, match="this volume needs"):
        volume.load(tmp_path)
    assert volume.load(tmp_path, limits="memory=1000").array.size
