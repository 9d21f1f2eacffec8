"""The sample series is what a good scanner would have written of a synthetic body."""

from __future__ import annotations

import time

import numpy as np
import pydicom
import pytest

import volume
from conformance import complaints
from volume.dicom import body, sample
from volume.dicom.sample import write_sample


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    return write_sample(tmp_path_factory.mktemp("sample") / "demo")


@pytest.fixture(scope="module")
def slices(series):
    return [pydicom.dcmread(path) for path in sorted(series.iterdir())]


@pytest.fixture(scope="module")
def hu():
    return body.body()


def at(hu, x, y, z):
    """Give the mean of a small neighbourhood of a place in mm LPS."""
    places = zip((x, y, z), body.SIZE, body.SPACING, strict=True)
    i, j, k = (round(place / mm + (count - 1) / 2) for place, count, mm in places)
    return hu[k, j - 1 : j + 2, i - 1 : i + 2].mean()


def test_every_file_conforms_to_the_standard(series):
    assert [complaints(path) for path in sorted(series.iterdir())] == [[]] * 72


def test_the_slices_are_placed_from_the_head_down(slices):
    positions = np.array([dataset.ImagePositionPatient for dataset in slices], dtype=float)
    np.testing.assert_allclose(np.diff(positions, axis=0), [[0, 0, -4]] * 71)
    np.testing.assert_allclose(positions[0], (-215.25, -155.25, 142))
    assert [dataset.InstanceNumber for dataset in slices] == list(range(1, 73))


def test_the_series_is_known_by_its_uid(slices):
    assert {dataset.SeriesInstanceUID for dataset in slices} == {sample.SERIES_UID}
    assert len({dataset.SOPInstanceUID for dataset in slices}) == 72


def test_the_values_survive_the_way_through_the_files(slices, hu):
    read = np.stack([dataset.pixel_array for dataset in slices[::-1]]).astype(int) - 1024
    np.testing.assert_array_equal(read, hu)


@pytest.mark.parametrize(
    ("what", "place", "value"),
    [
        ("the air outside", (0, -150, 0), -1000),
        ("the right lung", (-66, 30, 10), -850),
        ("the heart, on the left", (30, -28, 8), 130),
        ("no heart on the right", (-60, -20, 20), -850),
        ("the liver, on the right", (-80, -8, -78), 75),
        ("the stomach's air, on the left", (62, -46, -78), -1000),
        ("a vertebra", (0, 52, -110), 260),
        ("the breastbone", (0, -76, 35), 260),
        ("the marrow of the left arm", (180, 5, -50), -40),
    ],
)
def test_the_body_has_its_organs_where_people_have_them(hu, what, place, value):
    assert at(hu, *place) == pytest.approx(value, abs=25), what


def test_the_arm_and_its_bone_begin_where_their_circles_do(hu):
    row = hu[36, 104].astype(int)  # y = 0.75, 4.25 before the arm's axis at x = -182, y = 5
    edges = [int(np.argmax(row > level)) for level in (-500, 600)]
    places = [(edge - (body.SIZE[0] - 1) / 2) * 1.5 for edge in edges]
    assert places == pytest.approx([-182 - np.sqrt(26**2 - 4.25**2), -180 - 10.2], abs=1.5)


def test_the_same_demo_has_the_same_files(series, tmp_path):
    again = write_sample(tmp_path / "again")
    first, second = sorted(series.iterdir())[3], sorted(again.iterdir())[3]
    assert first.read_bytes() == second.read_bytes()


def test_the_sample_is_quick_and_counts_its_slices(tmp_path):
    class Bar:
        total, seen, closed = None, 0, False

        def update(self, n=1):
            self.seen += n

        def close(self):
            self.closed = True

    bar, started = Bar(), time.perf_counter()
    write_sample(tmp_path / "demo", progress=bar)
    assert time.perf_counter() - started < 10  # 0.9 s on an idle core
    assert (bar.total, bar.seen, bar.closed) == (72, 72, True)


def test_an_empty_folder_is_filled(tmp_path):
    assert write_sample(tmp_path) == tmp_path
    assert len(list(tmp_path.iterdir())) == 72


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(volume.ExistsError) as caught:
        write_sample(tmp_path)
    assert caught.value.path == str(tmp_path)
    assert "empty folder" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "demo").write_text("mine")
    with pytest.raises(volume.VolumeError, match="no sample can be written here"):
        write_sample(tmp_path / "demo")


def test_an_interrupted_sample_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(number, hu):
        raise KeyboardInterrupt

    monkeypatch.setattr(sample, "ct_image", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_sample(tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []
