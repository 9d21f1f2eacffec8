"""Values that do not fit are noticed while slices are read: all is read again, and nothing kept."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import volume
from phantom import phantom
from volume.dicom import pixels, planes
from volume.dicom.sample import write_sample

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


def cut(folder: Path) -> None:
    """Overwrite the end of a slice."""
    path = sorted(p for p in folder.rglob("*") if p.is_file())[7]
    data = bytearray(path.read_bytes())
    data[-900:-20] = bytes(880)
    path.write_bytes(data)


class Bar:
    """Counts as tqdm does: once closed it shows nothing more, and it is neither true nor false."""

    def __init__(self) -> None:
        self.total: float | None = None
        self.done = self.closed = 0

    def __bool__(self) -> bool:
        raise TypeError("bool() undefined when iterable == total == None")

    def update(self, n: int = 1) -> None:
        assert not self.closed
        assert self.total is not None
        self.done += n
        assert self.done <= self.total

    def close(self) -> None:
        self.closed += 1


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
    assert bar.closed == 1


def test_a_progress_bar_is_closed_where_a_series_is_refused(tmp_path: Path):
    folder = phantom(tmp_path, size=SIZE, transfer_syntax="rle").folder
    cut(folder)
    bar = Bar()
    with pytest.raises(volume.PixelError):
        volume.load(tmp_path, progress=bar)
    assert bar.closed == 1


def test_every_work_takes_a_bar_that_is_neither_true_nor_false(tmp_path: Path):
    folder = write_sample(tmp_path / "in", progress=(written := Bar()))
    volume.scan(folder, progress=(scanned := Bar()))
    ct = volume.load(folder)
    volume.resample(ct, spacing=3.0, progress=(resampled := Bar()))
    volume.mesh(ct, 200.0, progress=(meshed := Bar()))
    volume.export(ct, tmp_path / "a.nii", progress=(exported := Bar()))
    volume.load(tmp_path / "a.nii", progress=(read := Bar()))
    for bar in (written, scanned, resampled, meshed, exported, read):
        assert bar.closed == 1
        assert 0 < bar.done == bar.total


def test_a_progress_bar_comes_to_its_end_without_a_slice(tmp_path: Path):
    folder = phantom(tmp_path, size=SIZE, transfer_syntax="rle").folder
    cut(folder)
    bar = Bar()
    one = volume.load(tmp_path, gaps="fill", progress=bar)
    assert any(finding.code == "missing-slices" for finding in one.findings)
    assert bar.done == bar.total


def test_of_compressed_slices_no_more_are_decoded_than_were_begun(tmp_path: Path, monkeypatch):
    phantom(tmp_path, **beyond(0), transfer_syntax="rle")
    (stack,) = volume.scan(tmp_path).stacks
    assert stack.slices[0].rescale.intercept == 32_000
    finished: list[int] = []
    failed = threading.Event()
    right = planes.Planes.put

    def put(self: planes.Planes, n: int, plane: Any) -> None:
        """Let the first slice fail before others are finished."""
        finished.append(n)
        if n:
            failed.wait(20)
        try:
            right(self, n, plane)
        finally:
            failed.set()

    monkeypatch.setattr(planes.Planes, "put", put)
    array = volume.load(tmp_path).array
    assert array.dtype == np.float32
    assert len(finished) < 1.5 * SIZE[2]


def test_what_was_read_in_vain_is_kept_nowhere(tmp_path: Path, monkeypatch):
    phantom(tmp_path, **beyond(30), transfer_syntax="rle")
    made: list[weakref.ref[Any]] = []
    alive: list[int] = []

    class Watched(planes.Planes):
        def __init__(self, *given: Any) -> None:
            alive.append(sum(ref() is not None for ref in made))
            super().__init__(*given)
            made.append(weakref.ref(self.array))

    monkeypatch.setattr(pixels, "Planes", Watched)
    gc.disable()
    try:
        volume.load(tmp_path)
    finally:
        gc.enable()
    assert alive == [0, 0]
