"""A first, coarse look at very many slices: in its right place, and told as what it is."""

import numpy as np
import pytest

import volume
from phantom import phantom
from volume.assembly.options import Options
from volume.assembly.scan import scan
from volume.errors import MemoryLimitError
from volume.viewer import first_look
from volume.viewer.first_look import is_large, is_sketch, sketch
from volume.viewer.stock import shelf_of_scan

LENIENT = Options(gaps="fill", lenient=True)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Write 2,000 slices, small ones."""
    folder = tmp_path_factory.mktemp("many")
    return folder, phantom(folder, size=(12, 10, 2000), spacing=(0.8, 0.7, 0.5))


def test_every_nth_slice_lies_where_it_was_acquired(many):
    folder, truth = many
    (stack,) = scan(folder).stacks
    ct = sketch(stack, LENIENT)
    assert ct.geometry.size == (12, 10, 96)
    assert ct.geometry.spacing == pytest.approx((0.8, 0.7, 21 * 0.5))
    assert truth.error_mm(ct.array, ct.geometry.affine) < 0.12
    assert is_sketch(ct)
    said = [finding for finding in ct.findings if finding.code == "first-look"]
    assert said[0].message.startswith("a first look: one in 21 of 2000 slices")


def test_whole_volumes_are_no_sketches(many):
    whole = volume.load(many[0])
    assert not is_sketch(whole)
    assert many[1].error_mm(whole.array, whole.geometry.affine) < 0.12


@pytest.mark.parametrize("oddity", [{"tilt": 12.5}, {"orientation": "oblique"}])
def test_a_sketch_of_an_odd_series_is_right_too(tmp_path, oddity):
    truth = phantom(tmp_path, size=(12, 10, 240), spacing=(0.8, 0.7, 0.5), **oddity)
    (stack,) = scan(tmp_path).stacks
    ct = sketch(stack, LENIENT)
    assert truth.error_mm(ct.array, ct.geometry.affine, margin=0.5) < 0.3


def test_only_what_takes_long_is_sketched(many, monkeypatch):
    (stack,) = scan(many[0]).stacks
    assert not is_large(stack)  # half a MiB
    monkeypatch.setattr(first_look, "LARGE", 100_000)
    assert is_large(stack)
    (item,) = shelf_of_scan(scan(many[0]), LENIENT).items
    coarse, whole = item.points[0].looks(volume.progress.Silent())
    assert is_sketch(coarse)
    assert not is_sketch(whole)
    np.testing.assert_array_equal(coarse.array[1], whole.array[21])


def test_what_will_not_fit_is_refused_before_the_first_slice_is_read(many, monkeypatch):
    (stack,) = scan(many[0]).stacks
    monkeypatch.setattr("volume.assembly.forecast.free_memory", lambda: 1000)
    monkeypatch.setattr("volume.memory.free_memory", lambda: 1000)
    with pytest.raises(MemoryLimitError, match=r"needs .* of memory; .* are free"):
        sketch(stack, LENIENT)
