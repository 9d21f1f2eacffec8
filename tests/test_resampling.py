"""Resampling: values that are linear in space keep their place, whatever the grid."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

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
    valid[:, :, :3] = 0
    made = resample(noise(oblique((30, 28, 12)), valid=valid), (0.7, 0.9, 1.25))
    np.testing.assert_array_equal(made.valid, np.repeat(valid, 2, axis=0))


HOLLOW = oblique((25, 23, 21), (0.83, 0.97, 1.49))
"""Of odd steps: no voxel of another grid is halfway between two, where rounding decides."""
ONTO = {
    "the same": {"like": HOLLOW},
    "finer": {"spacing": (0.5, 0.65, 1.1)},
    "coarser": {"spacing": 2.4},
    "turned": {"like": Geometry((20, 20, 20), HOLLOW.centre - 8, np.full(3, 0.8), np.eye(3))},
    "turned, coarser": {"like": Geometry((9, 9, 9), HOLLOW.centre - 9, np.full(3, 2.2), np.eye(3))},
}
onto_every_grid = pytest.mark.parametrize("onto", ONTO.values(), ids=ONTO)


def leaning() -> np.ndarray:
    """Mark a block that leans by 20 degrees, as a tilted CT does once it is straightened."""
    k, j, i = np.indices(HOLLOW.size[::-1])
    y = 0.97 * j - np.tan(np.deg2rad(20)) * 1.49 * k
    return ((y > -1) & (y < 10) & (i > 2) & (k < 18)).astype(np.uint8)


def hollow(values: Any, valid: np.ndarray, dtype: str = "i2", outside: float = -1024) -> Volume:
    """Make a volume that holds `outside` wherever `valid` is 0."""
    array = np.where(valid > 0, values, outside).astype(dtype)
    return Volume(array, HOLLOW, modality="CT", valid=valid)


def by_hand(volume: Volume, target: Geometry) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give, of the eight voxels around each place, the mean of the scanned ones by weight.

    Beside it the weight of the scanned ones and that of the invented ones.
    """
    ijk = volume.geometry.to_index(places(target))
    low = np.floor(ijk)
    total, scanned, invented = (np.zeros(target.size[::-1]) for _ in range(3))
    for corner in itertools.product((0, 1), repeat=3):
        weight = np.abs(1 - np.array(corner) - (ijk - low)).prod(axis=-1)
        at = np.clip(low + corner, 0, np.array(volume.geometry.size) - 1).astype(int)
        i, j, k = np.moveaxis(at, -1, 0)
        valid = volume.valid[k, j, i]
        total += np.where(valid > 0, weight * volume.array[k, j, i], 0)
        scanned += weight * (valid > 0)
        invented += weight * (valid == 2)
    return total / np.maximum(scanned, 1e-9), scanned, invented


def nearest_valid(volume: Volume, target: Geometry) -> np.ndarray:
    """Give the mask's voxel next to each place, 0 off the grid."""
    at = np.rint(volume.geometry.to_index(places(target))).astype(int)
    inside = ((at >= 0) & (at < volume.geometry.size)).all(axis=-1)
    i, j, k = np.moveaxis(np.where(inside[..., None], at, 0), -1, 0)
    return np.where(inside, volume.valid[k, j, i], 0)


@onto_every_grid
@pytest.mark.parametrize("dtype", ["i2", "f4", "f8", "i4"])
def test_a_leaning_block_stays_even_to_its_edges(onto, dtype):
    made = resample(hollow(50, leaning(), dtype), **onto)
    assert (made.valid == 1).mean() > 0.05 and (made.valid == 0).any()
    np.testing.assert_allclose(made.array[made.valid > 0], 50, atol=1e-3)
    assert (made.array[made.valid == 0] == -1024).all()


def test_large_whole_numbers_stay_exact_at_the_edge_of_the_scan():
    made = resample(hollow(2**30 + 1, leaning(), "i4"), 2.4)
    assert (made.array[made.valid > 0] == 2**30 + 1).all()


@onto_every_grid
def test_what_stands_where_nothing_was_scanned_is_never_mixed_in(onto):
    values, valid = noise(HOLLOW).array, leaning()
    made = [resample(hollow(values, valid, "f4", junk), **onto) for junk in (-1024, np.nan)]
    scanned = made[0].valid > 0
    np.testing.assert_array_equal(made[0].array[scanned], made[1].array[scanned])


@pytest.mark.parametrize("onto", ["finer", "turned"])
def test_beside_a_hole_a_voxel_is_the_weighted_mean_of_its_scanned_neighbours(onto):
    valid = np.random.default_rng(3).integers(0, 3, HOLLOW.size[::-1]).astype(np.uint8)
    volume = hollow(noise(HOLLOW).array, valid)
    made = resample(volume, **ONTO[onto])
    mean, _, invented = by_hand(volume, made.geometry)
    scanned = nearest_valid(volume, made.geometry) > 0
    np.testing.assert_array_equal(made.valid > 0, scanned)
    np.testing.assert_allclose(made.array[scanned], mean[scanned], atol=0.51)
    np.testing.assert_array_equal(made.valid[scanned], 1 + (invented[scanned] > 1e-6))


def test_a_ramp_is_off_only_beside_the_edge_of_the_scan_and_by_less_than_a_voxel():
    valid = leaning()
    volume = hollow(places(HOLLOW) @ SLOPES, valid, "f8")
    made = resample(volume, **ONTO["turned"])
    wrong = np.abs(made.array - places(made.geometry) @ SLOPES) / np.linalg.norm(SLOPES)
    _, weight, _ = by_hand(volume, made.geometry)
    ijk = HOLLOW.to_index(places(made.geometry))
    among = ((ijk >= 0) & (ijk <= np.array(HOLLOW.size) - 1)).all(axis=-1)
    whole = among & (weight > 1 - 1e-9)
    assert (made.valid[whole] == 1).all()
    assert whole.sum() > 100 and wrong[whole].max() < 2e-5
    assert wrong[made.valid > 0].max() < np.linalg.norm(HOLLOW.spacing)


@pytest.mark.parametrize("holes", [False, True])
def test_what_an_invented_slice_went_into_is_marked(holes):
    valid = np.ones(HOLLOW.size[::-1], np.uint8)
    valid[8] = 2
    valid[:, :, :6] *= not holes
    made = resample(hollow(noise(HOLLOW).array, valid), HOLLOW.spacing / (1, 1, 2))
    marks = np.ones(42, int)
    marks[15:19] = 2  # at 7.25, 7.75, 8.25 and 8.75 slices
    np.testing.assert_array_equal(made.valid[:, 0, 10], marks)
    assert (made.valid[:, :, :6] == (0 if holes else marks[:, None, None])).all()


def test_an_invented_slice_is_not_lost_in_a_wider_voxel():
    valid = np.ones(HOLLOW.size[::-1], np.uint8)
    valid[8] = 2
    made = resample(
        hollow(noise(HOLLOW).array, valid), HOLLOW.spacing * (1, 1, 4)
    )  # at 2, 6, 10 ...
    assert made.valid[:, 0, 0].tolist() == [1, 2, 2, 1, 1]


def test_on_its_own_grid_a_mask_stays_what_it_was():
    valid = leaning() * np.where(np.arange(21) % 5 == 4, 2, 1).astype(np.uint8)[:, None, None]
    volume = hollow(noise(HOLLOW).array, valid)
    made = resample(volume, like=volume)
    np.testing.assert_array_equal(made.valid, valid)
    np.testing.assert_array_equal(made.array, volume.array)


def test_a_splinter_of_the_scan_is_too_little_for_a_wide_voxel():
    valid = np.zeros(HOLLOW.size[::-1], np.uint8)
    valid[10, 11, 12] = 1
    made = resample(hollow(50, valid), HOLLOW.spacing * 5)
    assert (made.valid == 0).all() and (made.array == -1024).all()


def test_labels_with_a_mask_take_their_nearest_voxel_and_its_mark():
    valid = np.random.default_rng(3).integers(0, 3, HOLLOW.size[::-1]).astype(np.uint8)
    volume = noise(HOLLOW, "u1", valid=valid)
    made = resample(volume, 1.3, nearest=True)
    alone = resample(replace(volume, valid=None), 1.3, nearest=True)
    np.testing.assert_array_equal(made.array, alone.array)
    np.testing.assert_array_equal(made.valid, nearest_valid(volume, made.geometry))


def test_colour_stays_even_to_the_edge_of_the_scan():
    valid = leaning()
    array = (valid[..., None] * [200, 100, 50]).astype(np.uint8)
    made = resample(Volume(array, HOLLOW, valid=valid), 1.3)
    assert (made.array[made.valid > 0] == [200, 100, 50]).all()
    assert (made.array[made.valid == 0] == 0).all()


def test_a_hollow_volume_is_the_same_in_pieces(monkeypatch):
    volume = hollow(noise(HOLLOW).array, leaning())
    whole = resample(volume, 0.7)
    monkeypatch.setattr(resampling, "SLAB_BYTES", 1)
    pieces = resample(volume, 0.7)
    np.testing.assert_array_equal(pieces.array, whole.array)
    np.testing.assert_array_equal(pieces.valid, whole.valid)


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
    with pytest.raises(MemoryLimitError, match=r"GiB of memory; .* are free"):
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
