"""Stored pixels of any layout, and files that change under our hands."""

from __future__ import annotations

import os

import numpy as np
import pydicom
import pytest

import volume
from phantom import phantom
from volume.assembly.load import assemble_from

SMALL = {"size": (12, 10, 4)}


def stored_as(dtype: str, bits: int, values: np.ndarray):
    """Rewrite every slice as stored values of a type, with no rescale."""

    def edit(dataset: pydicom.Dataset, k: int, phase: int) -> None:
        kind = np.dtype(dtype)
        dataset.BitsAllocated = 8 * kind.itemsize
        dataset.BitsStored, dataset.HighBit = bits, bits - 1
        dataset.PixelRepresentation = int(kind.kind == "i")
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
        dataset.PixelData = np.resize(values, 120).astype(kind).tobytes()

    return edit


@pytest.mark.parametrize(
    ("dtype", "bits", "values", "expected"),
    [
        ("<u1", 8, [0, 1, 254, 255], np.int16),
        ("<u2", 12, [0, 4095, 7], np.int16),
        ("<u2", 16, [0, 32767], np.int16),
        ("<u2", 16, [0, 65535, 32768], np.float32),
        ("<i2", 16, [-32768, 32767, -1], np.int16),
        ("<i2", 12, [-2048, 2047, -1], np.int16),
        ("<i4", 32, [-100, 100], np.int16),
        ("<u4", 32, [0, 70000, 16_777_216], np.float32),
        ("<u4", 32, [0, 16_777_217], np.int32),
    ],
)
def test_stored_values_come_out_as_they_are_in_the_narrowest_type(
    dtype, bits, values, expected, tmp_path
):
    phantom(tmp_path, **SMALL, modality="MR", edit=stored_as(dtype, bits, np.array(values)))
    made = volume.load(tmp_path)
    assert made.array.dtype == expected
    wanted = np.resize(np.array(values, np.int64), 120).reshape(10, 12)
    assert all(np.array_equal(made.array[k], wanted) for k in range(4))


def test_slices_that_differ_in_bits_stored_each_keep_their_own(tmp_path):
    def edit(dataset: pydicom.Dataset, k: int, phase: int) -> None:
        bits = 13 if k == 2 else 12
        stored_as("<u2", bits, np.array([0, 4095, 5000 if k == 2 else 9]))(dataset, k, phase)

    phantom(tmp_path, **SMALL, modality="MR", edit=edit)
    made = volume.load(tmp_path)
    assert made.array.max(axis=(1, 2)).tolist() == [4095, 4095, 5000, 4095]


@pytest.mark.parametrize("planar", [0, 1])
def test_colour_comes_out_interleaved(planar, tmp_path):
    true = np.arange(360, dtype=np.uint16).astype(np.uint8).reshape(10, 12, 3)

    def edit(dataset: pydicom.Dataset, k: int, phase: int) -> None:
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
        dataset.PlanarConfiguration = planar
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
        dataset.PixelRepresentation = 0
        planes = np.moveaxis(true, -1, 0) if planar else true
        dataset.PixelData = planes.tobytes()

    phantom(tmp_path, **SMALL, edit=edit)
    made = volume.load(tmp_path)
    assert made.array.shape == (4, 10, 12, 3)
    assert np.array_equal(made.array[1], true)


def test_a_file_that_shrinks_after_the_scan_is_named(tmp_path):
    truth = phantom(tmp_path, **SMALL)
    found = volume.scan(tmp_path)
    os.truncate(truth.paths[2], truth.paths[2].stat().st_size - 50)
    with pytest.raises(volume.PixelError, match="no longer") as failure:
        assemble_from(found, found.stacks[0])
    assert failure.value.path == str(truth.paths[2])


def test_a_file_that_goes_away_after_the_scan_is_named(tmp_path):
    truth = phantom(tmp_path, **SMALL)
    found = volume.scan(tmp_path)
    truth.paths[1].unlink()
    with pytest.raises(volume.PixelError, match="cannot be read") as failure:
        assemble_from(found, found.stacks[0])
    assert failure.value.path == str(truth.paths[1])


def test_pixels_stored_high_in_their_word_are_shifted_down(tmp_path):
    true = np.resize(np.arange(4096), 120)

    def edit(dataset: pydicom.Dataset, k: int, phase: int) -> None:
        dataset.BitsStored, dataset.HighBit = 12, 15
        dataset.PixelRepresentation = 0
        dataset.PixelData = (true << 4).astype("<u2").tobytes()

    phantom(tmp_path, **SMALL, modality="MR", edit=edit)
    made = volume.load(tmp_path)
    assert np.array_equal(made.array[2].ravel(), true)
    assert "high-bits-masked" not in {finding.code for finding in made.findings}


def test_big_endian_bytes_in_words_are_put_in_order(tmp_path):
    """PS3.5 A.3: 8-bit pixels as OW in big endian stand byte-swapped in pairs."""
    true = np.arange(120, dtype=np.uint8)

    def edit(dataset: pydicom.Dataset, k: int, phase: int) -> None:
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit, dataset.PixelRepresentation = 7, 0
        del dataset.PixelData
        dataset.add_new("PixelData", "OW", true.view("<u2").byteswap().tobytes())

    phantom(tmp_path, **SMALL, modality="MR", transfer_syntax="big-endian", edit=edit)
    made = volume.load(tmp_path)
    assert np.array_equal(made.array[1].ravel(), true)


@pytest.mark.parametrize("syntax", ["jpeg-lossless-sv1", "jpeg-2000", "rle"])
def test_negative_pixels_survive_compression(syntax, tmp_path):
    truth = phantom(
        tmp_path, size=(24, 20, 4), transfer_syntax=syntax, origin=(0, 0, -2000.0), intercept=0.0,
        gradient=(1, 1, 0.5),
    )  # fmt: skip
    made = volume.load(tmp_path)
    assert made.array.min() < -100
    assert truth.error_mm(made.array, made.geometry.affine) <= 0.5 / truth.slope_per_mm + 1e-9


def test_what_a_frame_says_of_itself_stands_before_what_all_share(tmp_path):
    def edit(dataset: pydicom.Dataset, k: int, phase: int) -> None:
        shared = dataset.SharedFunctionalGroupsSequence[0]
        wrong = pydicom.Dataset()
        wrong.ImagePositionPatient = [0, 0, 999]
        shared.PlanePositionSequence = [wrong]

    truth = phantom(tmp_path, size=(24, 20, 6), enhanced=True, edit=edit)
    made = volume.load(tmp_path)
    assert truth.error_mm(made.array, made.geometry.affine) <= 0.1
