"""One interpolation onto a straight grid, into which padding is never mixed."""

from __future__ import annotations

import numpy as np
import pytest

import volume
from phantom import phantom

PADDING = -2000


def with_padded_columns(dataset, k, phase):
    """Write a uniform body of 50 HU whose left third is padding."""
    stored = np.full((20, 24), 50 + 1024, "<i2")
    stored[:, :8] = PADDING
    dataset.PixelPaddingValue = PADDING
    dataset.PixelData = stored.tobytes()


STEPS = tuple(np.cumsum([0, *[2.0] * 6, *[3.3] * 6]))
UNEVEN = {
    "tilted along rows": {"tilt_i": 13.0},
    "tilted along columns": {"tilt": 13.0},
    "uneven": {"offsets_mm": STEPS},
    "tilted and uneven": {"tilt_i": 9.0, "offsets_mm": STEPS},
}


@pytest.mark.parametrize("oddities", UNEVEN.values(), ids=UNEVEN)
def test_padding_is_never_mixed_into_a_value(oddities, tmp_path):
    phantom(tmp_path, size=(24, 20, 13), edit=with_padded_columns, **oddities)
    made = volume.load(tmp_path)
    assert "resampled" in {finding.code for finding in made.findings}
    assert set(np.unique(made.array[made.valid > 0])) <= {50, -1024}
    assert (made.array == 50).any()


@pytest.mark.parametrize("oddities", UNEVEN.values(), ids=UNEVEN)
def test_padding_stays_itself_where_it_is_kept(oddities, tmp_path):
    phantom(tmp_path, size=(24, 20, 13), edit=with_padded_columns, **oddities)
    made = volume.load(tmp_path, padding="keep")
    inside = set(np.unique(made.array[made.valid > 0]).tolist())
    assert inside == {50, PADDING - 1024}


def test_a_padding_range_is_padding_up_to_its_limit(tmp_path):
    truth = phantom(tmp_path, padding=-2000, padding_limit=-1500)
    made = volume.load(tmp_path)
    corner = made.array[:, : truth.size[1] // 4, : truth.size[0] // 4]
    assert set(np.unique(corner)) == {-1024}
    assert truth.error_mm(made.array, made.geometry.affine) <= 0.12


def test_what_was_not_scanned_is_air_and_marked(tmp_path):
    phantom(tmp_path, tilt=20.0)
    made = volume.load(tmp_path)
    assert set(np.unique(made.array[made.valid == 0])) == {-1024}
    assert 0.05 < (made.valid == 0).mean() < 0.9


def test_slices_that_were_measured_are_marked_so_and_others_not(tmp_path):
    offsets = np.cumsum([0, *[2.0] * 6, *[4.0] * 6])
    phantom(tmp_path, size=(24, 20, 13), offsets_mm=tuple(offsets))
    made = volume.load(tmp_path)
    grid = made.geometry.spacing[2] * np.arange(made.array.shape[0])
    on_a_slice = np.abs(grid[:, None] - offsets[None, :]).min(axis=1) < 0.01
    for k, measured in enumerate(on_a_slice):
        assert set(np.unique(made.valid[k])) == {1 if measured else 2}


@pytest.mark.parametrize(
    ("gone", "fills"),
    [((5,), True), ((5, 6, 7), True), ((5, 6, 7, 8), False), ((5, 10, 15, 20), True),
     ((5, 10, 15, 20, 25), False)],
)  # fmt: skip
def test_at_most_a_tenth_and_three_in_a_row_are_filled(gone, fills, tmp_path):
    truth = phantom(tmp_path, size=(12, 10, 40), drop=gone)
    if fills:
        made = volume.load(tmp_path, gaps="fill")
        assert truth.error_mm(made.array, made.geometry.affine) <= 0.12
    else:
        with pytest.raises(volume.GridError, match="too much is missing"):
            volume.load(tmp_path, gaps="fill")
