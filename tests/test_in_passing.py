"""Values that do not fit are noticed while slices are read: all is read again, and nothing kept."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import volume
from phantom import phantom
from volume.dicom import pixels, planes

SIZE = 48, 40, 60


def beyond(slice_: int) -> dict[str, Any]:
    """Have one slice of a phantom hold values beyond two bytes."""
    return {
        "size": SIZE,
        "gradient": (0.5, 0.5, 0.5),
        "edit": lambda dataset, k, _phase: (
            k == slice_ and setattr(dataset, "RescaleIntercept", 32_000)
        ),
    }


class Bar:
    """Counts as a progress bar does."""

    def __init__(self) -> None:
        self.total: float | None = None
        self.done = 0

    def update(self, n: int = 1) -> None:
        self.done += n
        assert self.total is not None
        assert self.done <= self.total

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "made",
    [
        {"size": SIZE},
        {"size": SIZE, "tilt": 12.0},
        beyond(30),
        {**beyond(30), "tilt": 12.0},
        {**beyond(30), "transfer_syntax": "rle"},
        {"size": SIZE, "phases": 2},
    ],
    ids=["at once", "tilted", "again", "tilted, again", "compressed, again", "two volumes"],
)
def test_a_progress_bar_comes_to_its_end(made: dict, tmp_path: Path):
    phantom(tmp_path, **made)
    bar = Bar()
    volume.load_all(tmp_path, progress=bar)
    assert bar.done == bar.total


def test_a_progress_bar_comes_to_its_end_without_a_slice(tmp_path: Path):
    folder = phantom(tmp_path, size=SIZE, transfer_syntax="rle").folder
    path = sorted(p for p in folder.rglob("*") if p.is_file())[7]
    data = bytearray(path.read_bytes())
    data[-900:-20] = bytes(880)
    path.write_bytes(data)
    bar = Bar()
    one = volume.load(tmp_path, gaps="fill", progress=bar)
    assert any(finding.code == "missing-slices" for finding in one.findings)
    assert bar.done == bar.total


def test_of_compressed_slices_no_more_are_decoded_than_were_begun(tmp_path: Path, monkeypatch):
    phantom(tmp_path, **beyond(0), transfer_syntax="rle")
    finished: list[int] = []
    right = planes.Planes.finish

    def finish(self: planes.Planes, n: int) -> None:
        finished.append(n)
        right(self, n)

    monkeypatch.setattr(planes.Planes, "finish", finish)
    array = volume.load(tmp_path).array
    assert array.dtype == np.float32
    assert len(finished) < SIZE[2] + 10


def test_what_was_read_in_vain_is_kept_nowhere(tmp_path: Path, monkeypatch):
    phantom(tmp_path, **beyond(30), transfer_syntax="rle")
    made: list[weakref.ref[Any]] = []
    alive: list[int] = []

    class Watched(pixels.SharedArray):
        def __init__(self, *given: Any) -> None:
            alive.append(sum(ref() is not None for ref in made))
            super().__init__(*given)
            made.append(weakref.ref(self.array))

    monkeypatch.setattr(pixels, "SharedArray", Watched)
    gc.disable()
    try:
        volume.load(tmp_path)
    finally:
        gc.enable()
    assert alive == [0, 0]
