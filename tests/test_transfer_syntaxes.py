"""Every encoding of the same pixels gives the same volume; damage is named, not decoded."""

from __future__ import annotations

import struct

import numpy as np
import pydicom
import pytest

import volume
from phantom import phantom
from phantom_encoding import SYNTAXES
from volume.dicom import rle, workers
from volume.dicom.encoding import Unreadable
from volume.dicom.files import FoundFile
from volume.dicom.reader import read_headers


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_transfer_syntax_gives_the_pixels_that_were_written(syntax: str, tmp_path):
    truth = phantom(tmp_path, transfer_syntax=syntax, size=(24, 20, 6))
    made = volume.load(tmp_path)
    assert truth.error_mm(made.array, made.geometry.affine) <= 0.5 / truth.slope_per_mm + 1e-9


@pytest.mark.parametrize("syntax", ["rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000", "htj2k"])
def test_a_compressed_enhanced_file_gives_every_frame(syntax: str, tmp_path):
    truth = phantom(tmp_path, transfer_syntax=syntax, size=(24, 20, 6), enhanced=True)
    made = volume.load(tmp_path)
    assert truth.error_mm(made.array, made.geometry.affine) <= 0.5 / truth.slope_per_mm + 1e-9


def damage(path, change) -> None:
    """Change the bytes of the first compressed frame in place, keeping their number."""
    raw = bytearray(path.read_bytes())
    pixels = raw.index(b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff")
    start = raw.index(b"\xfe\xff\x00\xe0", pixels + 20)  # behind the basic offset table
    (length,) = struct.unpack("<I", raw[start + 4 : start + 8])
    change(memoryview(raw)[start + 8 : start + 8 + length])
    path.write_bytes(raw)


@pytest.mark.parametrize("syntax", ["rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000"])
def test_a_damaged_frame_is_named_with_its_file(syntax: str, tmp_path):
    truth = phantom(tmp_path, transfer_syntax=syntax, size=(24, 20, 6))

    def wipe(frame: memoryview) -> None:
        frame[: len(frame) // 2] = bytes(len(frame) // 2)

    damage(truth.paths[3], wipe)
    with pytest.raises(volume.PixelError) as refusal:
        volume.load(tmp_path)
    assert refusal.value.path == str(truth.paths[3])
    assert refusal.value.transfer_syntax


def test_a_damaged_frame_counts_as_missing_where_gaps_are_decided(tmp_path):
    truth = phantom(tmp_path, transfer_syntax="jpeg-ls", size=(24, 20, 20))
    damage(truth.paths[7], lambda frame: frame.__setitem__(slice(0, 8), bytes(8)))
    largest = volume.load(tmp_path, gaps="largest")
    assert largest.array.shape == (12, 20, 24)
    assert truth.error_mm(largest.array, largest.geometry.affine) <= 0.1
    filled = volume.load(tmp_path, gaps="fill")
    assert filled.valid is not None
    assert np.unique(filled.valid[7]).tolist() == [2]
    assert truth.error_mm(filled.array, filled.geometry.affine) <= 0.12


def test_a_codestream_of_another_size_is_refused_before_it_is_decoded(tmp_path):
    truth = phantom(tmp_path, transfer_syntax="jpeg-2000", size=(24, 20, 6))
    dataset = pydicom.dcmread(truth.paths[2])
    dataset.Rows = 19
    dataset.save_as(truth.paths[2])
    found = volume.scan(tmp_path)
    stacks = sorted(found.stacks, key=lambda stack: len(stack.slices))
    with pytest.raises(volume.PixelError, match="20"):
        volume.load(tmp_path, series=stacks[0].id)


READY = "import os, sys, time; print('ready', flush=True); sys.stdin.readline(); "
KILLER, SLEEPER = READY + "os.abort()", READY + "time.sleep(60)"


@pytest.mark.parametrize(("program", "word"), [(KILLER, "ended"), (SLEEPER, "finish")])
def test_a_frame_that_kills_or_stalls_its_decoder_is_named_and_the_rest_goes_on(
    program: str, word: str, tmp_path, monkeypatch
):
    truth = phantom(tmp_path, transfer_syntax="rle", size=(24, 20, 6))
    real, first = workers.command, []

    def once(*how) -> list[str]:
        if first:
            return real(*how)
        first.append(how)
        return [*real(*how)[:1], "-c", program]

    monkeypatch.setattr(workers, "command", once)
    monkeypatch.setattr(workers, "FRAMES_A_WORKER", 100)
    with pytest.raises(volume.PixelError, match=word) as refusal:
        volume.load(tmp_path, limits="seconds=1")
    assert "more slice" not in str(refusal.value)
    assert refusal.value.path == str(truth.paths[0])


def test_an_unknown_transfer_syntax_is_refused_by_name(tmp_path):
    truth = phantom(tmp_path, transfer_syntax="jpeg-ls", size=(24, 20, 6))
    for path in truth.paths:
        path.write_bytes(path.read_bytes().replace(b".1.2.4.80", b".1.2.4.92"))
    (stack,) = volume.scan(tmp_path).stacks
    assert {f.code for f in stack.refusals} == {"transfer-syntax-unsupported"}
    with pytest.raises(volume.PixelError, match="JPEG 2000 Part 2") as refusal:
        volume.load(tmp_path)
    assert refusal.value.transfer_syntax.startswith("JPEG 2000 Part 2")


def test_rle_segments_that_lie_are_refused():
    header = struct.pack("<16I", 1, 64, *[0] * 14)
    assert rle.decode(header + b"\x03abcd", 4, 1, 1).tobytes() == b"abcd"
    assert rle.decode(header + b"\xfdx", 4, 1, 1).tobytes() == b"xxxx"
    for broken in (b"", header[:40], header + b"\x03ab", struct.pack("<16I", 9, *[64] * 15)):
        with pytest.raises(Unreadable):
            rle.decode(broken, 4, 1, 1)


def test_a_header_says_nothing_of_the_patient(tmp_path):
    truth = phantom(tmp_path, patient_name="Geheim^Person", size=(24, 20, 2))
    slices, _ = read_headers(FoundFile(str(truth.paths[0]), "a"))
    assert "Geheim" not in repr(slices)


def claiming(folder, uid: str, **oddities) -> None:
    """Write a series whose file meta information claims a transfer syntax of 19 characters."""
    for path in phantom(folder, size=(24, 20, 4), **oddities).paths:
        raw = path.read_bytes()
        old = b"1.2.840.10008.1.2.1\x00"
        assert raw.count(old) == 1
        path.write_bytes(raw.replace(old, uid.encode().ljust(20, b"\x00")))


def test_pixels_that_are_not_compressed_as_claimed_are_read_as_they_are(tmp_path):
    claiming(tmp_path, "1.2.840.10008.1.2.5")  # RLE
    made = volume.load(tmp_path)
    assert "meta-repaired" in {finding.code for finding in made.findings}
    assert made.array.shape == (4, 20, 24)


def test_a_private_transfer_syntax_is_never_taken_for_a_plain_one(tmp_path):
    """GE's 1.2.840.113619.5.2 is implicit little endian with big endian pixels."""
    for path in phantom(tmp_path, size=(24, 20, 4), transfer_syntax="implicit").paths:
        raw = path.read_bytes()
        meta_end = raw.index(b"\x08\x00", raw.index(b"1.2.840.10008.1.2\x00"))
        old = b"UI\x12\x001.2.840.10008.1.2\x00"
        new = b"UI\x12\x001.2.840.113619.5.2"
        assert old in raw[:meta_end]
        path.write_bytes(raw.replace(old, new, 1))
    with pytest.raises(volume.PixelError, match=r"1\.2\.840\.113619\.5\.2"):
        volume.load(tmp_path)
