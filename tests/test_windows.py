"""Intensity windows: names, first looks, and DICOM's linear function."""

from dataclasses import replace

import numpy as np
import pytest

from blobs import blob_volume
from volume.processing.windows import WINDOWS, full_window, parse_window, to_grey, window_for


def test_the_windows_are_those_of_the_field():
    assert dict(WINDOWS) == {
        "soft-tissue": (40, 400),
        "lung": (-500, 1500),
        "bone": (350, 2000),
        "brain": (40, 80),
        "mediastinum": (50, 350),
        "liver": (90, 150),
        "angio": (300, 600),
        "stroke": (40, 40),
        "pet": (3.5, 7),
    }


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("40,400", (40, 400)),
        ("-500, 1500", (-500, 1500)),
        ("0.5,1e-3", (0.5, 0.001)),
        ("bone", (350, 2000)),
        ("Soft Tissue", (40, 400)),
        ("soft_tissue", (40, 400)),
    ],
)
def test_a_window_is_two_numbers_or_a_name(text, window):
    assert parse_window(text) == window


@pytest.mark.parametrize("text", ["bnoe", "", "40", "40,400,3", "a,b"])
def test_an_unknown_window_is_answered_with_the_names(text):
    with pytest.raises(ValueError, match=r"no such window.*lung, bone"):
        parse_window(text)


@pytest.mark.parametrize("text", ["40,0", "40,-5", "nan,5", "4,inf"])
def test_a_window_needs_a_width(text):
    with pytest.raises(ValueError, match="width must be above 0"):
        parse_window(text)


def test_the_first_look_is_dicoms_own():
    assert window_for(blob_volume(window=(60.0, 350.0))) == (60, 350)


def test_without_one_a_thousandth_is_cut_off_at_each_end():
    values = np.arange(100_000, dtype=np.float32).reshape(10, 100, 100)
    values[0, 0, 0] = np.nan
    values[0, 0, 1] = 1e9
    ct = blob_volume()
    mr = replace(ct, array=values, geometry=replace(ct.geometry, size=(100, 100, 10)))
    centre, width = window_for(mr)
    assert centre - width / 2 == pytest.approx(100, abs=3)
    assert centre + width / 2 == pytest.approx(99_900, abs=3)


def test_the_full_window_shows_the_least_black_and_the_largest_white():
    ct = blob_volume()
    window = full_window(ct)
    assert to_grey(np.array([-1000, 1000], np.int16), window).tolist() == [0, 255]
    mr = replace(ct, array=ct.array / np.float32(1000))
    assert to_grey(np.array([-1.0, 0.0, 1.0]), full_window(mr)).tolist()[::2] == [0, 255]


@pytest.mark.parametrize("value", [0, np.nan])
def test_a_constant_volume_has_a_window_too(value):
    ct = blob_volume()
    flat = replace(ct, array=np.full(ct.array.shape, value, np.float32))
    for window in (window_for(flat), full_window(flat)):
        assert window[1] > 0
        assert to_grey(flat.array[0], window).dtype == np.uint8


def dicom_linear(x: float, c: float, w: float) -> float:
    """PS3.3 C.11.2.1.2.1, word for word, to 0..255."""
    if x <= c - 0.5 - (w - 1) / 2:
        return 0
    if x > c - 0.5 + (w - 1) / 2:
        return 255
    return ((x - (c - 0.5)) / (w - 1) + 0.5) * 255


@pytest.mark.parametrize("window", [(40, 400), (2048, 4096), (0, 100), (0.5, 1), (7, 2)])
def test_whole_values_follow_the_linear_function_of_dicom(window):
    values = np.arange(-600, 4200, dtype=np.int16)
    expected = [dicom_linear(float(x), *window) for x in values]
    np.testing.assert_allclose(to_grey(values, window), expected, atol=0.51)


def test_fractions_follow_linear_exact():
    values = np.array([-1, 0, 1.75, 5.25, 7, 9], np.float32)
    assert to_grey(values, (3.5, 7)).tolist() == [0, 0, 64, 191, 255, 255]


def test_inverted_is_the_negative():
    values = np.arange(-200, 200, dtype=np.int16)
    np.testing.assert_array_equal(
        to_grey(values, (0, 100), invert=True), 255 - to_grey(values, (0, 100))
    )


def test_what_is_no_number_is_black():
    values = np.array([np.nan, -np.inf, np.inf], np.float32)
    assert to_grey(values, (0, 1)).tolist() == [0, 0, 255]


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
@pytest.mark.parametrize("width", ["1e-9", "1e-40", "1e-300", "1e-320"])
def test_a_window_as_narrow_as_a_hair_is_a_threshold(width, dtype):
    values = np.array([-1000, 39, 40, 41, 3000], dtype)
    assert to_grey(values, parse_window(f"40,{width}")).tolist()[:2] == [0, 0]
    assert to_grey(values, parse_window(f"40,{width}")).tolist()[3:] == [255, 255]
    assert to_grey(values, parse_window(f"0,{width}")).tolist() == [0, 255, 255, 255, 255]


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_a_window_wider_than_anything_is_grey(dtype):
    values = np.array([-1000, 0, 3000], dtype)
    assert set(to_grey(values, (0, 1e300)).tolist()) <= {127, 128}
    assert to_grey(values, (1e300, 1)).tolist() == [0, 0, 0]


def test_values_beyond_single_precision_are_black_and_white():
    assert to_grey(np.array([-1e300, 0, 1e300]), (0.5, 1)).tolist() == [0, 0, 255]


def test_the_values_are_left_alone():
    values = np.arange(10, dtype=np.float32)
    to_grey(values, (5, 5))
    np.testing.assert_array_equal(values, np.arange(10))
