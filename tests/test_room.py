"""Voxels that are read straight into their file are those that a copy of them would be."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import nibabel
import numpy as np
import pytest

import volume
from phantom import phantom
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
    with room_for(inside) as (begun, room):
        assert begun is not None
        finish(begun, assemble_from(found, choose(found), options, room=room), sidecar=False)
    assert inside.read_bytes() == alone.read_bytes()
    theirs = np.asarray(nibabel.load(inside).dataobj).T
    assert np.array_equal(theirs, volume.load(folder, gaps="fill").array)


def test_stored_pixels_are_read_into_the_file(tmp_path: Path):
    folder = phantom(tmp_path / "in").folder
    found = scan(folder)
    with room_for(tmp_path / "a.nii") as (begun, room):
        ct = assemble_from(found, choose(found), room=room)
        assert begun is not None
        assert place_in(ct.array, begun.open()) == 352
        assert place_in(ct.array.copy(), begun.open()) is None


def test_a_series_that_is_refused_leaves_nothing(tmp_path: Path):
    folder = phantom(tmp_path / "in", drop=(4,)).folder
    found = scan(folder)
    (tmp_path / "out").mkdir()
    with (
        pytest.raises(GridError),
        room_for(tmp_path / "out" / "a.nii") as (_, room),
    ):
        assemble_from(found, choose(found), room=room)
    assert not list((tmp_path / "out").iterdir())


def test_a_disk_without_room_is_no_reason_to_fail_before_anything_is_written(tmp_path: Path):
    with (tmp_path / "x").open("w+b") as stream:
        assert Room(stream, 352, 2**20).zeros((2**20, 2**20, 2**10), np.int16) is None


def refusing(*_: object) -> int:
    raise OSError(errno.EIO, "the disk has failed")


@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
def test_what_the_disk_refuses_while_slices_are_read_is_said(call, run, tmp_path, monkeypatch):
    """A disk that failed says so once: whoever asks again is told that all is well."""
    folder = phantom(tmp_path / "in").folder
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(os, call, refusing)
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
        room = Room(stream, 352, 2**15)
        array = room.zeros((4, 64, 64), np.int16)
        assert array is not None
        room.begin_to_force(array.nbytes)
        for n in range(4):
            assert not forced.is_set()
            room.put(n * array[n].nbytes, np.full((64, 64), n + 1, np.int16))
        assert forced.wait(20)
        room.settle()
        assert [set(np.unique(plane)) for plane in array] == [{1}, {2}, {3}, {4}]
        assert (tmp_path / "x").read_bytes()[352:] == array.tobytes()
