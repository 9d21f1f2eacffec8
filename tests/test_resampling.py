"""Resampling: values that are linear in space keep their place, whatever the grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from grids import SLOPES, noise, oblique, places, ramp, turned
from volume import resampling
from volume.errors import MemoryLimitError, VolumeError
from volume.findings import info
from volume.geometry import Geometry
from volume.progress import Silent
from volume.resampling import blur_mm, least_value, resample
from volume.volume import Volume

GRIDS = {
    "oblique": oblique((30, 28, 12)),
    "left-handed": oblique((30, 28, 12), left_handed=True),
    "sheared": oblique((30, 28, 12), tilt=15),
}


def misplaced_mm(volume: Volume, margin: int = 0) -> float:
    """Say how far, at most, a ramp's values lie from where they belong, off the edges."""
    wrong = np.abs(volume.array - places(volume.geometry) @ SLOPES) / np.linalg.norm(SLOPES)
    inner = slice(margin, -margin or None)
    return float(wrong[inner, inner, inner].max())


def edges(geometry: Geometry) -> np.ndarray:
    """Give the (2, 3) places of the first and the last voxel's outer corners."""
    return geometry.to_world([[-0.5] * 3, np.array(geometry.size) - 0.5])


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize(("spacing", "margin"), [(0.5, 4), (1.0, 4), ((0.9, 0.6, 1.25), 3)])
def test_a_ramp_stays_in_its_place(grid, spacing, margin):
    made = resample(ramp(grid, "f8"), spacing)
    assert misplaced_mm(made, margin) < 2e-5
    np.testing.assert_allclose(made.geometry.spacing, np.broadcast_to(spacing, 3))
    np.testing.assert_array_equal(made.geometry.direction, grid.direction)


@given(
    size=st.tuples(*[st.integers(1, 40)] * 3),
    steps=st.tuples(*[st.floats(0.2, 5)] * 3),
    spacing=st.tuples(*[st.floats(0.2, 9)] * 3),
)
def test_the_field_of_view_keeps_its_edges(size, steps, spacing):
    source = oblique(size, steps)
    made = resampling._same_field_of_view(source, np.array(spacing))
    along = (edges(made) - edges(source)) @ source.direction
    stray = np.abs(along) / spacing
    small = np.array(size) * steps < spacing
    assert (stray[:, ~small] <= 0.25 + 1e-9).all()
    assert (np.array(made.size)[small] == 1).all()
    np.testing.assert_allclose(made.centre, source.centre, atol=1e-9)


def test_where_the_spacing_divides_the_field_the_edges_are_the_same():
    source = oblique((30, 28, 12), (0.5, 0.75, 2.0))
    made = resample(noise(source), (1.0, 1.5, 0.5)).geometry
    assert made.size == (15, 14, 48)
    np.testing.assert_allclose(edges(made), edges(source), atol=1e-12)


@pytest.mark.parametrize("spacing", [0.4, 1.7, 4.0])
def test_an_even_value_stays_even_to_the_edges(spacing):
    even = Volume(np.full((12, 28, 30), 437, np.int16), oblique((30, 28, 12)), modality="CT")
    assert (resample(even, spacing).array == 437).all()


def test_the_gaussian_is_cardosos():
    source, target = oblique(spacing=(0.7, 0.9, 2.5)), oblique(spacing=(1.4, 0.9, 2.0))
    sigma = 0.7 * np.sqrt((2.0**2 - 1) / (8 * np.log(2)))
    np.testing.assert_allclose(blur_mm(source, target), (sigma, 0, 0))


def test_the_gaussian_follows_the_axes_of_another_grid():
    source = Geometry((9, 9, 9), np.zeros(3), np.array([1, 1, 2]), np.eye(3))
    swapped = Geometry((9, 9, 9), np.zeros(3), np.array([4, 1, 1]), np.eye(3)[:, [2, 0, 1]])
    assert blur_mm(source, swapped)[:2] == (0, 0)
    assert blur_mm(source, swapped)[2] == pytest.approx(2 * np.sqrt(3 / (8 * np.log(2))))
    even = Geometry((9, 9, 9), np.zeros(3), np.full(3, 2.0), turned())
    around = Geometry((9, 9, 9), np.zeros(3), np.full(3, 1.0), np.eye(3))
    np.testing.assert_allclose(blur_mm(around, even), np.sqrt(3 / (8 * np.log(2))))


def test_a_wave_is_damped_as_that_gaussian_damps_it():
    grid = Geometry((60, 3, 3), np.zeros(3), np.ones(3), np.eye(3))
    wave = 1000 * np.cos(2 * np.pi / 12 * places(grid)[..., 0])
    made = resample(Volume(wave.astype(np.float32), grid), (3.0, 1.0, 1.0))
    sigma2 = (3.0**2 - 1) / (8 * np.log(2))
    damped = 1000 * np.exp(-2 * np.pi**2 * sigma2 / 12**2)
    expected = damped * np.cos(2 * np.pi / 12 * places(made.geometry)[..., 0])
    np.testing.assert_allclose(made.array[:, :, 2:-2], expected[:, :, 2:-2], atol=6)


def test_a_pattern_finer_than_the_new_grid_is_gone():
    grid = Geometry((60, 20, 4), np.zeros(3), np.ones(3), np.eye(3))
    stripes = np.zeros((4, 20, 60), np.int16)
    stripes[..., ::2] = 1000
    made = resample(Volume(stripes, grid), (3.0, 1.0, 1.0)).array[:, :, 2:-2]
    assert np.abs(made - 500.0).max() < 30


def test_a_finer_grid_is_what_simpleitk_interpolates():
    volume = noise(oblique((20, 18, 9)), "f4")
    made = resample(volume, (0.35, 0.45, 1.0))
    theirs = sitk.Resample(volume.to_sitk(), made.to_sitk(), sitk.Transform(), sitk.sitkLinear)
    np.testing.assert_allclose(made.array, sitk.GetArrayFromImage(theirs), atol=1e-3)


@pytest.mark.parametrize("dtype", "i1 u1 i2 u2 i4 u4 i8".split())
def test_whole_numbers_are_rounded_and_keep_their_type(dtype):
    grid = Geometry((4, 1, 1), np.zeros(3), np.ones(3), np.eye(3))
    made = resample(Volume(np.array([[[0, 1, 3, 100]]], dtype), grid), (0.5, 1.0, 1.0))
    assert made.array.dtype == np.dtype(dtype)
    assert made.array.ravel().tolist() == [0, 0, 1, 2, 2, 27, 76, 100]


def test_negative_numbers_are_rounded_to_the_nearest_too():
    grid = Geometry((2, 1, 1), np.zeros(3), np.ones(3), np.eye(3))
    made = resample(Volume(np.array([[[-1000, -1003]]], np.int16), grid), (0.5, 1.0, 1.0))
    assert made.array.ravel().tolist() == [-1000, -1001, -1002, -1003]


def test_large_whole_numbers_stay_exact():
    grid = Geometry((3, 1, 1), np.zeros(3), np.ones(3), np.eye(3))
    values = np.array([[[2**30 + 1, 2**30 + 3, 7]]], np.int32)
    made = resample(Volume(values, grid), like=grid)
    np.testing.assert_array_equal(made.array, values)


@pytest.mark.parametrize("dtype", ["?", "u1", "u2"])
def test_labels_stay_labels(dtype):
    labels = (np.random.default_rng(0).integers(0, 2, (12, 28, 30)) * 200).astype(dtype)
    made = resample(Volume(labels, oblique((30, 28, 12))), 1.1, nearest=True)
    assert set(np.unique(made.array).tolist()) <= set(np.unique(labels).tolist())
    assert made.array.dtype == np.dtype(dtype)
    assert made.findings[-1].evidence["interpolation"] == "nearest"


@pytest.mark.parametrize("as_volume", [True, False])
def test_on_the_grid_of_another(as_volume):
    source = ramp(oblique((60, 60, 24)), "f8", modality="MR")
    like = Geometry((9, 10, 11), source.geometry.centre - 4, np.full(3, 0.8), np.eye(3))
    made = resample(source, like=noise(like) if as_volume else like)
    assert made.geometry is like
    assert misplaced_mm(made) < 2e-5
    assert made.valid is None or (made.valid == 1).all()


@pytest.mark.parametrize(
    ("modality", "dtype", "outside"),
    [("CT", "i2", -1024), ("CT", "f4", -1024), ("CT", "u2", 0), ("MR", "i2", 0), ("", "i2", 0)],
)
def test_outside_is_the_modalitys_least_value_and_said(modality, dtype, outside):
    volume = noise(oblique(), dtype, modality=modality)
    far = Geometry((5, 4, 3), np.full(3, 900.0), np.ones(3), np.eye(3))
    made = resample(volume, like=far)
    assert (made.array == outside).all()
    assert made.valid is not None and (made.valid == 0).all()


def test_the_least_value_may_be_negative():
    assert least_value(Volume(np.full((1, 1, 1), -7.5), oblique((1, 1, 1)))) == -7.5


def test_what_lies_outside_is_marked():
    volume = noise(oblique((20, 20, 20), (1, 1, 1)), modality="CT")
    grid = volume.geometry
    wider = Geometry((30, 20, 20), grid.to_world([-5, 0, 0]), grid.spacing, grid.direction)
    made = resample(volume, like=wider)
    assert made.valid is not None
    assert (made.valid[:, :, 5:25] == 1).all()
    assert (made.valid[:, :, :5] == 0).all() and (made.valid[:, :, 25:] == 0).all()
    np.testing.assert_array_equal(made.array[:, :, 5:25], volume.array)


def test_the_mask_is_carried_by_its_nearest_voxel():
    valid = np.ones((12, 28, 30), np.uint8)
    valid[4:6], valid[:, :, :3] = 2, 0
    made = resample(noise(oblique((30, 28, 12)), valid=valid), (0.7, 0.9, 1.25))
    np.testing.assert_array_equal(made.valid, np.repeat(valid, 2, axis=0))


@pytest.mark.parametrize("tilt", [-20, 12.5, 20])
def test_a_sheared_grid_is_straightened_exactly(tilt):
    sheared = oblique((60, 60, 20), (0.7, 0.9, 2.5), tilt=tilt)
    straight = Geometry((20, 20, 10), sheared.centre - 6, np.full(3, 0.6), turned())
    made = resample(ramp(sheared, "f8"), like=straight)
    inside = np.ones(made.array.shape, bool) if made.valid is None else made.valid == 1
    assert inside.mean() > 0.5
    wrong = np.abs(made.array - places(straight) @ SLOPES)[inside]
    assert wrong.max() / np.linalg.norm(SLOPES) < 2e-5


def test_onto_another_grid_every_value_lies_between_its_neighbours():
    sheared = oblique((20, 20, 20), tilt=15)
    volume = noise(sheared)
    straight = Geometry((20, 20, 12), sheared.centre - 5, np.full(3, 0.9), np.eye(3))
    made = resample(volume, like=straight)
    ijk = sheared.to_index(places(straight))
    for k, j, i in np.argwhere(np.ones(made.array.shape) if made.valid is None else made.valid):
        low = np.clip(np.floor(ijk[k, j, i]).astype(int), 0, 18)
        a, b, c = low
        around = volume.array[c : c + 2, b : b + 2, a : a + 2]
        assert around.min() - 0.5 <= made.array[k, j, i] <= around.max() + 0.5


def test_colour_is_resampled_channel_by_channel():
    grid = oblique((30, 28, 12))
    channels = [noise(grid, "u1", seed) for seed in range(3)]
    colour = Volume(np.stack([one.array for one in channels], axis=-1), grid)
    made = resample(colour, 1.3)
    assert made.array.dtype == np.uint8
    for c, one in enumerate(channels):
        np.testing.assert_array_equal(made.array[..., c], resample(one, 1.3).array)


def test_it_is_said_with_numbers_beside_what_was_said_before():
    before = info("split-by", "echo 2")
    volume = noise(oblique(), findings=(before,), modality="CT", unit="HU", id="ct_s001_000000")
    made = resample(volume, 1.4)
    assert made.findings[0] is before
    said = made.findings[1]
    assert (said.code, said.severity) == ("resampled", "info")
    assert said.evidence["from"] == {"size": [9, 8, 7], "spacing": [0.7, 0.9, 2.5]}
    assert said.evidence["to"]["spacing"] == [1.4, 1.4, 1.4]
    assert said.evidence["sigma_mm"][0] == pytest.approx(0.7 * np.sqrt(3 / (8 * np.log(2))))
    assert (made.modality, made.unit, made.id) == ("CT", "HU", "ct_s001_000000")


@pytest.mark.parametrize("spacing", [0, -1, float("nan"), float("inf"), (1, 2), "fine", (1, 1, 0)])
def test_a_spacing_that_cannot_be_is_refused(spacing):
    with pytest.raises(VolumeError, match="one number or three"):
        resample(noise(oblique()), spacing)


def test_either_a_spacing_or_a_grid():
    with pytest.raises(VolumeError, match="either"):
        resample(noise(oblique()))
    with pytest.raises(VolumeError, match="either"):
        resample(noise(oblique()), 1.0, oblique())


@pytest.mark.parametrize("spacing", [1e-4, 1e-200])
def test_a_grid_beyond_memory_is_refused_with_figures(spacing):
    with pytest.raises(MemoryLimitError, match="GiB, this machine has"):
        resample(noise(oblique()), spacing)


def test_progress_counts_slices_and_ends(monkeypatch):
    class Count(Silent):
        done = 0
        closed = False

        def update(self, n: int = 1) -> None:
            self.done += n

        def close(self) -> None:
            self.closed = True

    monkeypatch.setattr(resampling, "SLAB_BYTES", 1)
    bar = Count()
    in_pieces = resample(noise(oblique()), 0.5, progress=bar)
    assert (bar.total, bar.done, bar.closed) == (35, 35, True)
    monkeypatch.undo()
    np.testing.assert_array_equal(in_pieces.array, resample(noise(oblique()), 0.5).array)


def test_the_volume_is_left_as_it_was():
    volume = noise(oblique())
    before = replace(volume, array=volume.array.copy())
    resample(volume, 1.3)
    np.testing.assert_array_equal(volume.array, before.array)
