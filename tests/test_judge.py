"""The judge of damaged files sees every kind of fault."""

from __future__ import annotations

import numpy as np
import pytest

import judge as judging
import reader as reading
from damaged import Damaged, Picture
from good_files import GoodFile, good_files
from judge import Judge, is_part
from reader import Reader

PROGRAM = """
import os, sys, time
from dataclasses import replace
import numpy as np
import reader_process
import volume

real = reader_process.TOOLS["volume"]

def read(path):
    reply = real(path)
    if path is None:
        return reply
    array, affine = reply["output"]
    array, affine = array.copy(), affine.copy()
    {fault}
    reply["output"] = array, affine
    return reply

reader_process.TOOLS["volume"] = read
reader_process.main("volume")
"""
FAULTS = {
    "one value": ("array[0, 3, 4] += 1", "wrong in silence"),
    "half a millimetre": ("affine[0, 3] += 0.5", "wrong in silence"),
    "mirrored": ("array = array[:, :, ::-1]", "wrong in silence"),
    "another pixel size": ("affine[:3, 0] *= 1.01", "wrong in silence"),
    "another thickness": ("affine[:3, 2] *= 1.01", "wrong in silence"),
    "a row less": ("array = array[:, 1:]", "wrong in silence"),
    "not a number": ("array = array * np.nan", "wrong in silence"),
    "abort": ("os.abort()", "crashed"),
    "exit": ("os._exit(0)", "crashed"),
    "asleep": ("time.sleep(60)", "hung"),
    "bug": ("array[1000]", "traceback"),
    "no memory": ("raise MemoryError", "traceback"),
    "swollen": ("held = np.ones(50_000_000)", "over 2 GB"),
    "nameless": ("raise volume.GridError('no')", "unclear refusal"),
    "escape": (
        "fault = volume.GridError('no', files=(path,)); fault.what = '\\x1b[31m';"
        " fault.lines = lambda **how: ['\\x1b[31m', path]; raise fault",
        "unclear refusal",
    ),
    "refused": ("raise volume.GridError('no', files=(path,))", "refused"),
    "nothing": ("pass", "right"),
}


@pytest.fixture(scope="module")
def good() -> GoodFile:
    return next(good for good in good_files(real=False) if good.name == "ct-explicit")


def judged(case: Damaged, fault: str, tmp_path, monkeypatch) -> str:
    monkeypatch.setattr(reading, "DEADLINE_S", 1.5)
    monkeypatch.setattr(judging, "SWELL", 200 * 2**20)
    program = tmp_path / "faulty.py"
    program.write_text(PROGRAM.replace("{fault}", fault))
    with (
        Reader("volume", program) as reader,
        Reader("second") as second,
        Judge(reader, second) as judge,
    ):
        return judge.judge(case).kind


@pytest.mark.parametrize("name", FAULTS)
def test_every_kind_of_fault_is_seen(name, good, tmp_path, monkeypatch):
    fault, verdict = FAULTS[name]
    case = Damaged("", name, good.data, (good.picture,), says="file")
    assert judged(case, fault, tmp_path, monkeypatch) == verdict


def test_a_good_file_must_be_read(good, tmp_path, monkeypatch):
    case = Damaged("", "good", good.data, (good.picture,), may_refuse=False)
    refusal = "raise volume.GridError('no', files=(path,))"
    assert judged(case, refusal, tmp_path, monkeypatch) == "unclear refusal"


def test_another_picture_in_a_valid_stream_is_counted_apart(good, tmp_path, monkeypatch):
    other = Picture(good.picture.array + 1, good.picture.affine)
    assert judged(Damaged("", "", good.data, (other,), "stream"), "", tmp_path, monkeypatch) == (
        "altered"
    )
    assert judged(Damaged("", "", good.data, (other,), "file"), "", tmp_path, monkeypatch) == (
        "right"
    )
    assert judged(Damaged("", "", good.data, (other,)), "", tmp_path, monkeypatch) == (
        "wrong in silence"
    )


def test_a_part_is_a_part_only_in_its_place():
    array = np.arange(60.0).reshape(5, 4, 3)
    whole = Picture(array, np.diag([1.0, 1.0, 2.0, 1.0]))
    lower = np.diag([1.0, 1.0, 2.0, 1.0])
    lower[2, 3] = 2.0
    assert is_part(Picture(array[1:4], lower), whole, 0.0)
    assert not is_part(Picture(array[1:4], whole.affine), whole, 0.0)
    assert not is_part(Picture(array[1:4] + 1, lower), whole, 0.0)
