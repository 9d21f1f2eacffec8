"""Voxels that are read straight into their file are those that a copy of them would be."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

import volume
from phantom import phantom
from volume import room, write_behind
from volume.assembly.load import assemble_from, choose
from volume.assembly.options import Options
from volume.assembly.scan import scan
from volume.errors import GridError
from volume.formats.files import export, finish, room_for
from volume.room import Room, place_in

SERIES = {
    "as stored": {"rescale": "absent"},
    "rescaled": {},
    "of another type": {"slope": 0.5},
    "unsigned": {"modality": "MR"},
    "rescaled otherwise on every slice": {"modality": "PT"},
    "of 12 bits": {"bits_stored": 12, "gradient": (1.0, 2.0, 3.0), "high_bits": 0xF000},
    "padded": {"padding": -2000},
    "compressed": {"transfer_syntax": "jpeg-lossless"},
    "beyond two bytes in one slice": {
        "edit": lambda dataset, k, _phase: k == 5 and setattr(dataset, "RescaleIntercept", 32_000)
    },
    "tilted": {"tilt": 12.0},
    "with a gap": {"drop": (4,)},
    "too wide for NIfTI-1": {"size": (40_000, 2, 3), "gradient": (0.0, 1.0, 2.0)},
    "too wide, compressed": {
        "size": (40_000, 2, 3), "gradient": (0.0, 1.0, 2.0), "transfer_syntax": "rle"
    },
}  # fmt: skip


@pytest.mark.parametrize("made", SERIES.values(), ids=SERIES)
def test_the_file_is_the_same_with_room_and_without(made: dict, tmp_path: Path):
    folder = phantom(tmp_path / "in", **made).folder
    options = Options(gaps="fill")
    found = scan(folder)
    alone, inside = tmp_path / "alone.nii", tmp_path / "inside.nii"
    export(assemble_from(found, choose(found), options), alone, sidecar=False)
    with room_for(inside) as begun:
        assert begun is not None
        ct = assemble_from(found, choose(found), options, room=begun.room)
        finish(begun, ct, sidecar=False)
    assert inside.read_bytes() == alone.read_bytes()
    theirs = np.asarray(nibabel.load(inside).dataobj).T
    assert np.array_equal(theirs, volume.load(folder, gaps="fill").array)


def test_stored_pixels_are_read_into_the_file(tmp_path: Path):
    folder = phantom(tmp_path / "in").folder
    found = scan(folder)
    with room_for(tmp_path / "a.nii") as begun:
        assert begun is not None
        ct = assemble_from(found, choose(found), room=begun.room)
        assert place_in(ct.array, begun.draft.open()) == 352
        assert place_in(ct.array.copy(), begun.draft.open()) is None


def test_a_series_that_is_refused_leaves_nothing(tmp_path: Path):
    folder = phantom(tmp_path / "in", drop=(4,)).folder
    found = scan(folder)
    (tmp_path / "out").mkdir()
    with pytest.raises(GridError), room_for(tmp_path / "out" / "a.nii") as begun:
        assert begun is not None
        assemble_from(found, choose(found), room=begun.room)
    assert not list((tmp_path / "out").iterdir())


def test_a_disk_without_room_is_no_reason_to_fail_before_anything_is_written(tmp_path: Path):
    with (tmp_path / "x").open("w+b") as stream:
        assert Room(stream, 352, 2**20).zeros((2**20, 2**20, 2**10), np.int16) is None


LAST_UNFIT = {
    "edit": lambda dataset, k, _phase: k == 29 and setattr(dataset, "RescaleIntercept", 32_000),
}


@pytest.mark.parametrize("made", [{}, LAST_UNFIT], ids=["as read", "read again"])
@pytest.mark.parametrize("calls", [["pwrite"], ["fdatasync", "fsync"]], ids=str)
def test_what_the_disk_refuses_while_slices_are_read_is_said(
    calls, made, run, tmp_path, monkeypatch
):
    """A disk that failed says so once: whoever asks again is told that all is well."""
    folder = phantom(tmp_path / "in", size=(64, 64, 30), **made).folder
    (tmp_path / "out").mkdir()

    refusals = [OSError(errno.EIO, "the disk has failed")]

    def refusing_once(call: Callable[..., object]) -> Callable[..., object]:
        def refuse(*given: object) -> object:
            if refusals:
                raise refusals.pop()
            return call(*given)

        return refuse

    for module in (room, write_behind):
        monkeypatch.setattr(module, "AT_ONCE", 1000)
    for call in calls:
        monkeypatch.setattr(os, call, refusing_once(getattr(os, call)))
    code, out, err = run("export", folder, tmp_path / "out" / "a.nii")
    assert code == 1
    assert "the disk failed while writing" in err
    assert "a.nii" in err
    assert not out
    assert not list((tmp_path / "out").iterdir())


def test_a_file_is_forced_to_the_disk_while_it_is_filled(tmp_path, monkeypatch):
    forced = threading.Event()
    monkeypatch.setattr(os, "fdatasync", lambda _: forced.set())
    with (tmp_path / "x").open("w+b") as stream:
        inside = Room(stream, 352, 2**15)
        array = inside.zeros((4, 1024, 4096), np.int16)
        assert array is not None
        assert array.nbytes == 2 * write_behind.AT_ONCE
        inside.begin_to_force(array.nbytes)
        for n in range(4):
            inside.put(n * array[n].nbytes, np.full(array[n].shape, n + 1, np.int16))
            if n == 1:
                assert forced.wait(20)
        inside.settle()
        assert [set(np.unique(plane)) for plane in array] == [{1}, {2}, {3}, {4}]
        assert (tmp_path / "x").read_bytes()[352:] == array.tobytes()


def test_a_slow_disk_does_not_keep_an_output_that_is_given_up(tmp_path, monkeypatch):
    """Ctrl-C must find the hidden file gone before the program is ended."""
    started, go_on = threading.Event(), threading.Event()

    def slow(_: int) -> None:
        started.set()
        go_on.wait(20)

    monkeypatch.setattr(os, "fdatasync", slow)
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    monkeypatch.setattr(room, "AT_ONCE", 1000)
    monkeypatch.setattr(write_behind, "AT_ONCE", 1000)
    with pytest.raises(KeyboardInterrupt), room_for(tmp_path / "a.nii") as begun:
        assert begun is not None
        assert list(tmp_path.iterdir())
        begun.room.begin_to_force(5000)
        begun.room.put(0, np.zeros(2500, np.int16))
        assert started.wait(20)
        raise KeyboardInterrupt
    assert not go_on.is_set()
    assert not list(tmp_path.iterdir())
    go_on.set()
