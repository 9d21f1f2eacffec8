"""A JPEG whose bits are not those of its picture is refused; every whole one is read."""

from __future__ import annotations

from collections.abc import Callable

import imagecodecs
import numpy as np
import pytest

from lossless_jpeg import encode
from volume.dicom import jpeg
from volume.dicom.encoding import Unreadable

RNG = np.random.default_rng(4)
SMOOTH = (np.add.outer(5 * np.arange(48), 3 * np.arange(40)) + RNG.integers(0, 30, (48, 40))) % 4096
NOISE = RNG.integers(0, 65536, (24, 20))
BLACK = np.zeros((48, 40), np.int64)
COLOUR = RNG.integers(0, 256, (48, 40, 3)).astype(np.uint8)
decode = imagecodecs.jpeg8_decode


def accepted(data: bytes) -> np.ndarray:
    """Decode a stream as the decoder process does, and check it."""
    pixels = decode(data)
    jpeg.refuse_damaged(data, pixels)
    return pixels


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("restart_rows", [0, 1, 5])
@pytest.mark.parametrize("picture", [SMOOTH, NOISE, BLACK], ids=["smooth", "noise", "black"])
def test_a_whole_lossless_stream_is_read(predictor, restart_rows, picture):
    data = encode(picture, predictor=predictor, restart_rows=restart_rows)
    assert np.array_equal(accepted(data), picture)


@pytest.mark.parametrize("precision", [8, 12, 16])
@pytest.mark.parametrize("point_transform", [0, 2])
def test_precision_and_point_transform_are_minded(precision, point_transform):
    picture = SMOOTH >> (12 - min(precision, 12))
    data = encode(picture, precision=precision, point_transform=point_transform)
    assert np.array_equal(accepted(data) >> point_transform, picture >> point_transform)


def test_a_lossless_stream_in_colour_is_read():
    picture = COLOUR[:24, :20]
    data = encode(picture, precision=8, predictor=4)
    pixels = decode(data, colorspace="RGB", outcolorspace="RGB")
    assert np.array_equal(pixels, picture)
    jpeg.refuse_damaged(data, pixels)


@pytest.mark.parametrize("end", [b"", b"\xff\xd9\x00", b"\xff\xff\xd9"])
def test_what_stands_behind_the_last_bit_is_no_damage(end):
    assert np.array_equal(accepted(encode(SMOOTH)[:-2] + end), SMOOTH)


ENCODERS: dict[str, Callable[[], bytes]] = {
    "lossless": lambda: encode(SMOOTH),
    "lossless, restarts": lambda: encode(SMOOTH, restart_rows=4),
    "lossless, optimal codes": lambda: imagecodecs.jpeg8_encode(
        SMOOTH.astype(np.uint16), lossless=True, predictor=6, bitspersample=12
    ),
    "lossless, colour": lambda: encode(COLOUR[:24, :20], precision=8),
    "baseline": lambda: imagecodecs.jpeg8_encode((SMOOTH >> 4).astype(np.uint8)),
    "baseline, strong": lambda: imagecodecs.jpeg8_encode((SMOOTH >> 4).astype(np.uint8), level=60),
    "baseline, colour": lambda: imagecodecs.jpeg8_encode(COLOUR),
    "baseline, fewer colours": lambda: imagecodecs.jpeg8_encode(COLOUR, subsampling="422"),
    "baseline, odd size": lambda: imagecodecs.jpeg8_encode(
        (SMOOTH[:-3, :-1] >> 4).astype(np.uint8)
    ),
    "extended, 12 bits": lambda: imagecodecs.jpeg8_encode(
        SMOOTH.astype(np.uint16), bitspersample=12
    ),
}
DAMAGE: dict[str, Callable[[bytes, int], bytes]] = {
    "cut": lambda data, at: data[:at],
    "cut and closed": lambda data, at: data[:at] + b"\xff\xd9",
    "a hole": lambda data, at: data[:at] + data[at + 40 :],
    "spliced": lambda data, at: data[:at] + bytes(range(60, 120)) + data[at:],
}


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_kind_is_read_when_it_is_whole(encoder):
    accepted(bytes(ENCODERS[encoder]()))


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_stream_that_libjpeg_reads_without_a_word_is_refused(encoder, damage):
    data = bytes(ENCODERS[encoder]())
    places = np.linspace(0.6, 0.9, 7) * len(data)
    read, whole = 0, decode(data)
    for at in places.astype(int):
        bad = DAMAGE[damage](data, int(at))
        try:
            pixels = accepted(bad)
        except (Unreadable, imagecodecs.Jpeg8Error):
            continue
        assert pixels.shape == whole.shape
        read += not np.array_equal(pixels, whole)
    # where codes are rounded pixels a hole may leave a stream that is as good as any
    assert read <= (1 if damage == "a hole" and "lossless" not in encoder else 0)


def test_without_the_count_half_a_picture_would_pass():
    """What libjpeg does by itself, so that the check is known to be needed."""
    data = encode(SMOOTH)
    assert not np.array_equal(decode(data[: len(data) // 2] + b"\xff\xd9"), SMOOTH)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xd8", b"\xff\xd8\xff\xd9", encode(SMOOTH)[:60], b"\xff\xd8" + b"\xff" * 999],
)
def test_a_stream_without_a_scan_is_refused(data):
    with pytest.raises(Unreadable):
        jpeg.refuse_damaged(data, SMOOTH)


def test_a_picture_with_loss_is_no_lossless_one():
    data = bytes(ENCODERS["baseline"]())
    with pytest.raises(Unreadable, match="with loss"):
        jpeg.refuse_damaged(data, decode(data), without_loss=True)


@pytest.mark.parametrize("encoder", ["baseline", "baseline, colour", "extended, 12 bits"])
def test_a_scan_that_says_it_lacks_coefficients_is_refused(encoder):
    """T.81 table B.3; encoders that write zeros there are known, and libjpeg reads them."""
    data = bytes(ENCODERS[encoder]())
    scan = data.index(b"\xff\xda")
    at = scan + 2 + int.from_bytes(data[scan + 2 : scan + 4], "big") - 3
    assert data[at : at + 3] == b"\0\x3f\0"
    accepted(data[:at] + b"\0\0\0" + data[at + 3 :])
    for bit in range(24):
        changed = int.from_bytes(data[at : at + 3], "big") ^ 1 << bit
        with pytest.raises((Unreadable, imagecodecs.Jpeg8Error)):
            accepted(data[:at] + changed.to_bytes(3, "big") + data[at + 3 :])
