"""What the fuzzer of the header reader takes for a finding."""

from __future__ import annotations

import time

import pytest

import fuzz_headers
from fuzz_headers import Finding, Trial
from good_files import good_files
from volume.dicom import reader
from volume.dicom.encoding import NotDicom, Unreadable


def raising(fault: BaseException):
    def read(found):
        raise fault

    return read


def slow(found):
    time.sleep(0.1)


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (raising(KeyError(3)), "KeyError"),
        (raising(RecursionError()), "RecursionError"),
        (raising(MemoryError()), "MemoryError"),
        (slow, "0.1 s"),
        (lambda found: None, "MB"),
    ],
)
def test_a_fault_of_the_reader_is_a_finding(read, told, tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "read_headers", read)
    peaks = [0, 10**9 if told == "MB" else 0]
    monkeypatch.setattr(fuzz_headers, "_peak", lambda: peaks.pop(0))
    monkeypatch.setattr(fuzz_headers, "SECONDS", 0.05 if told.endswith("s") else 60)
    with pytest.raises(Finding, match=told):
        Trial(tmp_path / "input")(b"")


@pytest.mark.parametrize("fault", [NotDicom(), Unreadable("damaged")])
def test_a_refusal_is_none(fault, tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "read_headers", raising(fault))
    Trial(tmp_path / "input")(b"")


def test_good_files_and_noise_are_none(tmp_path):
    trial = Trial(tmp_path / "input")
    for good in good_files(real=False)[::5]:
        trial(good.data)
        trial(good.data[:300])
    trial(b"noise" * 100)
