"""The same input and options give the same bytes, whatever else is different."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kills import contents
from phantom import phantom

WRITE = """
import os, sys
count = int(os.environ["CORES"])
os.cpu_count = lambda: count
if hasattr(os, "sched_getaffinity"):
    os.sched_getaffinity = lambda _: set(range(count))
import volume
from volume.formats.suffixes import FORMATS
source, out = sys.argv[1:]
head = volume.load(source, gaps="fill")
skull = volume.mesh(head, level=float(head.array.mean()))
for suffix, format_ in FORMATS.items():
    what = skull if format_.holds == ("mesh",) else head
    folder = os.path.join(out, suffix)
    os.mkdir(folder)
    volume.export(what, os.path.join(folder, f"head{suffix}"))
"""


@dataclass(frozen=True)
class Circumstances:
    """All that must not matter."""

    cores: int = 2
    environment: Mapping[str, str] = field(default_factory=dict)
    order: int | None = None
    """Seed of the names of the files, of the order in which they are made, and of their times."""
    relative: bool = False


@pytest.fixture(scope="module")
def series(tmp_path_factory) -> Path:
    """Write a compressed, tilted series that misses a slice and has two under two UIDs."""
    folder = tmp_path_factory.mktemp("series")
    phantom(
        folder,
        size=(70, 60, 40),
        gradient=(2, 3, 5),
        tilt=12.0,
        drop=(7,),
        duplicates=(3, 4),
        duplicates_as="new-uid",
        transfer_syntax="rle",
    )
    (folder / "notes.txt").write_text("not DICOM\n" * 30)
    return folder


@pytest.fixture(scope="module")
def usual(series, tmp_path_factory) -> dict[str, bytes]:
    return written(series, tmp_path_factory.mktemp("usual"), Circumstances())


def written(series: Path, top: Path, told: Circumstances) -> dict[str, bytes]:
    """Write every format in a process of its own; give each file's bytes by its name."""
    source = series if told.order is None else shuffled(series, top / "source", told.order)
    (top / "out").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", WRITE, source.name if told.relative else source, top / "out"],
        cwd=source.parent,
        env={**os.environ, "CORES": str(told.cores), **told.environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return {
        f"{folder.name} {name}": content
        for folder in sorted((top / "out").iterdir())
        for name, content in contents(folder).items()
    }


def shuffled(series: Path, folder: Path, seed: int) -> Path:
    """Copy a series in another order, under other names and dates, some of it deeper."""
    draw = random.Random(seed)
    files = sorted(series.iterdir())
    draw.shuffle(files)
    for n, path in enumerate(files):
        place = folder / draw.choice(["", "a", "b/c"])
        place.mkdir(parents=True, exist_ok=True)
        copy = place / f"{draw.choice('xyzㄱ')}{n:03}"
        shutil.copyfile(path, copy)
        os.utime(copy, (draw.randrange(10**9), draw.randrange(10**9)))
    return folder


@pytest.mark.parametrize(
    "told",
    [
        Circumstances(environment={"PYTHONHASHSEED": "1"}),
        Circumstances(environment={"PYTHONHASHSEED": "77", "LC_ALL": "ko_KR.UTF-8"}, order=1),
        Circumstances(environment={"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Seoul"}, order=2),
        Circumstances(environment={"LC_ALL": "C", "PYTHONUTF8": "0"}, relative=True),
        Circumstances(cores=1, environment={"VTK_SMP_MAX_THREADS": "1"}),
        Circumstances(cores=7, environment={"VTK_SMP_MAX_THREADS": "5"}, order=3),
    ],
    ids=["hashes", "order, Korean", "order, Turkish", "C, relative", "one core", "seven cores"],
)
def test_the_same_series_gives_the_same_bytes(series, usual, tmp_path, told):
    found = written(series, tmp_path, told)
    assert found.keys() == usual.keys()
    assert [name for name, content in found.items() if content != usual[name]] == []


def test_every_format_was_compared(usual):
    from volume.formats.suffixes import FORMATS

    assert {name.split()[0] for name in usual} == set(FORMATS)
    assert sum("valid" in name for name in usual) == 5
    assert sum(name.endswith(".json") for name in usual) == 10
