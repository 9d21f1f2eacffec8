"""What must hold for any series, not for those we thought of."""

from __future__ import annotations

import tempfile
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import volume
from phantom import phantom

RIGHT_MM = 0.12
SMALL = (9, 8, 14)
ANGLES = st.tuples(*[st.floats(-180, 180)] * 3)
PLACES = st.tuples(*[st.floats(-400, 400)] * 3)
SPACINGS = st.tuples(st.floats(0.3, 3), st.floats(0.3, 3), st.floats(0.4, 8))
some = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def rotation(angles) -> np.ndarray:
    """Turn about x, then y, then z."""
    a, b, c = np.radians(angles)
    about_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    about_y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    about_z = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    return np.array(about_z) @ about_y @ about_x


def matrix(angles, place, spacing, shear=(0.0, 0.0)) -> np.ndarray:
    """Make an index -> LPS matrix: turned, placed, and sheared along i and j."""
    made = np.eye(4)
    step = np.array([shear[0], shear[1], 1.0])
    made[:3, :3] = rotation(angles) @ np.column_stack([[1, 0, 0], [0, 1, 0], step]) * spacing
    made[:3, 3] = place
    return made


def judged(truth, made) -> float:
    """Give the worst error of the voxels that claim to have been scanned, in mm."""
    valid = np.ones(made.array.shape, bool) if made.valid is None else made.valid > 0
    k, j, i = np.nonzero(valid)
    places = np.stack([i, j, k, np.ones_like(i)], axis=-1) @ made.geometry.affine.T
    wrong = np.abs(made.array[k, j, i] - truth.value_at(places[:, :3]))
    return float(wrong.max()) / truth.slope_per_mm


@some
@given(angles=ANGLES, place=PLACES, spacing=SPACINGS, reverse=st.booleans())
def test_a_rigid_motion_moves_the_affine_and_nothing_else(angles, place, spacing, reverse):
    moved = matrix(angles, place, spacing)
    if reverse:
        moved[:3, 2] *= -1
    with tempfile.TemporaryDirectory() as folder:
        truth = phantom(folder, size=SMALL, matrix=moved)
        made = volume.load(folder)
    np.testing.assert_allclose(made.geometry.affine, truth.matrix, atol=1e-6)
    assert made.array.shape == SMALL[::-1]
    assert judged(truth, made) <= 0.5 / truth.slope_per_mm + 1e-6


@some
@given(
    names=st.sampled_from(["plain", "shuffled", "hangul", "nested"]),
    numbers=st.sampled_from(["ascending", "shuffled", "constant", "absent", "reversed"]),
    reverse=st.booleans(),
)
def test_names_and_numbers_change_nothing(names, numbers, reverse):
    with tempfile.TemporaryDirectory() as folder:
        truth = phantom(folder, size=SMALL, names=names, instance_numbers=numbers, reverse=reverse)
        made = volume.load(folder)
    np.testing.assert_allclose(made.geometry.affine, truth.matrix, atol=1e-6)
    assert judged(truth, made) <= 0.5 / truth.slope_per_mm + 1e-6


@some
@given(
    pitch=st.floats(0.03, 10),
    decimals=st.sampled_from([None, 0, 1, 2, 3, 4, 5, 6]),
    float32=st.booleans(),
    place=PLACES,
)
def test_positions_written_rounded_are_right_within_their_rounding_or_refused(
    pitch, decimals, float32, place
):
    quantum = 0.0 if decimals is None else 10.0**-decimals
    gradient = (1.0, 2.0, min(12.0, 60.0 / pitch))
    with tempfile.TemporaryDirectory() as folder:
        truth = phantom(
            folder,
            size=(9, 8, 40),
            spacing=(0.5, 0.6, pitch),
            origin=place,
            decimals=decimals,
            float32=float32 and decimals is not None,
            gradient=gradient,
        )
        try:
            made = volume.load(folder)
        except volume.VolumeError as refusal:
            assert pitch < 3 * quantum, refusal
            return
    allowed = 1.2 * quantum + 0.5 / truth.slope_per_mm + 1e-4
    assert judged(truth, made) <= allowed


@some
@given(
    tilt=st.floats(-30, 30),
    tilt_i=st.floats(-30, 30),
    angles=ANGLES,
    reverse=st.booleans(),
)
def test_any_tilt_comes_out_straight(tilt, tilt_i, angles, reverse):
    shear = (np.tan(np.radians(tilt_i)), np.tan(np.radians(tilt)))
    moved = matrix(angles, (10.0, -20.0, 30.0), (0.8, 0.7, 2.5), shear)
    if reverse:
        moved[:3, 2] *= -1
    with tempfile.TemporaryDirectory() as folder:
        truth = phantom(folder, size=(20, 24, 14), matrix=moved)
        made = volume.load(folder)
    drift = 2.5 * 13 * np.abs(shear)
    assert not made.geometry.is_sheared
    if (drift > (0.45, 0.4)).any():
        assert "gantry-tilt" in {finding.code for finding in made.findings}
        assert judged(truth, made) <= RIGHT_MM
    else:
        assert judged(truth, made) <= max(0.4, RIGHT_MM)


@some
@given(data=st.data(), tilt=st.sampled_from([0.0, 12.5]))
def test_any_gap_is_refused_and_filled_only_on_request(data, tilt):
    count = 40
    gone = data.draw(st.sets(st.integers(1, count - 2), min_size=1, max_size=4))
    # every other slice gone, three times in a row, is a change of spacing (TOLERANCES)
    assume(not any({k, k + 2, k + 4} <= gone for k in gone))
    with tempfile.TemporaryDirectory() as folder:
        truth = phantom(folder, size=(20, 16, count), drop=tuple(gone), tilt=tilt)
        with pytest.raises(volume.GridError) as refusal:
            volume.load(folder)
        filled = volume.load(folder, gaps="fill") if longest(gone) <= 3 else None
        largest = volume.load(folder, gaps="largest")
    found = [f for f in refusal.value.findings if f.code == "missing-slices"]
    assert sum(f.evidence["missing"] for f in found) == len(gone)
    if filled is not None:
        assert filled.array.shape[0] == count
        between = {k for k in range(count) if (filled.valid[k] == 2).any()}
        assert between == gone
        assert judged(truth, filled) <= RIGHT_MM
    edges = [-1, *sorted(gone), count]
    assert largest.array.shape[0] == max(b - a - 1 for a, b in pairwise(edges))
    assert judged(truth, largest) <= RIGHT_MM


def longest(numbers: set[int]) -> int:
    """Give the length of the longest run of successive numbers."""
    lengths = dict.fromkeys(numbers, 1)
    for n in sorted(numbers):
        lengths[n] = lengths.get(n - 1, 0) + 1
    return max(lengths.values())
