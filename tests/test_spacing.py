"""The spacing is fitted over all slices: tight where it can be, honest where it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from volume.assembly.placement import find_quantum, same_place_mm, share_places
from volume.assembly.spacing import fit_spacing


def fit(offsets, quantum=0.0):
    return fit_spacing(np.asarray(offsets, dtype=float), quantum, 1.0)


def steps(*lengths):
    return np.cumsum([0.0, *lengths])


@given(
    pitch=st.floats(0.03, 10),
    count=st.integers(2, 300),
    start=st.floats(-2000, 2000),
)
def test_even_slices_are_regular_at_any_pitch(pitch, count, start):
    found = fit(start + pitch * np.arange(count))
    assert found.kind == "regular"
    assert found.pitch == pytest.approx(pitch, rel=1e-6)
    assert found.start == pytest.approx(start, abs=1e-6)


@given(
    pitch=st.floats(0.3, 10),
    count=st.integers(20, 200),
    start=st.floats(-500, 500),
    data=st.data(),
)
def test_slices_taken_out_one_by_one_are_missing_where_they_were(pitch, count, start, data):
    inner = st.integers(1, count // 3 - 1).map(lambda n: 3 * n)
    gone = data.draw(st.sets(inner, min_size=1, max_size=count // 8))
    left = [n for n in range(count) if n not in gone]
    found = fit(start + pitch * np.array(left))
    assert found.kind == "missing"
    assert found.pitch == pytest.approx(pitch, rel=1e-6)
    assert [left[k] + 1 for k in found.gaps] == sorted(gone)


@given(
    pitch=st.floats(0.3, 10),
    decimals=st.integers(1, 6),
    count=st.integers(10, 300),
    start=st.floats(-500, 500),
)
@example(pitch=0.990234375, decimals=1, count=10, start=1.03125)
def test_rounded_positions_keep_their_true_pitch(pitch, decimals, count, start):
    true = start + pitch * np.arange(count)
    written = np.round(true, decimals)
    quantum = 10.0**-decimals
    if pitch < 3 * quantum:
        return
    found = fit(written, quantum)
    assert found.kind == "regular"
    assert abs(found.pitch - pitch) * (count - 1) <= 1.5 * quantum
    assert np.abs(found.start + found.pitch * found.indices - true).max() <= 1.5 * quantum


@pytest.mark.parametrize(
    ("offsets", "kind", "gaps"),
    [
        (steps(*[2.5] * 10, *[5.0] * 9), "variable", ()),
        (steps(*[3.0] * 9, 4.0, *[3.0] * 9), "variable", ()),
        (steps(*[4.0] * 14, 1.08, *[7.0] * 12), "variable", ()),
        (steps(2.0, 3.0), "irregular", ()),
        (steps(1.0, 1.7, 1.2, 1.9, 1.3, 1.8), "irregular", ()),
        (steps(*[1.0] * 9, 60.0, *[1.0] * 9), "variable", (9,)),
        (steps(1.0, 1.0, 2.0, 1.0, 1.0), "missing", (2,)),
        (steps(1.0, 1.0, 1.0, 1.0, 2.0), "missing", (4,)),
    ],
)
def test_a_stack_is_called_what_it_is(offsets, kind, gaps):
    found = fit(offsets)
    assert (found.kind, found.gaps) == (kind, gaps)


@pytest.mark.parametrize(("factor", "gaps"), [(1.76, (6,)), (1.74, ())])
def test_an_interval_is_a_gap_from_175_percent_of_its_neighbours(factor, gaps):
    even = [1.0, 1.3] * 3  # no grid fits
    assert fit(steps(*even, 1.3 * factor, *even)).gaps == gaps


@pytest.mark.parametrize(("stray", "kind"), [(0.049, "regular"), (0.056, "irregular")])
def test_a_slice_may_stray_by_two_percent_of_the_pitch(stray, kind):
    offsets = 2.5 * np.arange(21.0)
    offsets[10] += stray * 1.05  # the fit itself gives way by a twentieth
    assert (fit(offsets).kind == "regular") == (kind == "regular")


@pytest.mark.parametrize(
    ("values", "quantum"),
    [
        ([-125.0, 40.0, 12.0], 1.0),
        ([-125.5, 40.0, 12.0], 0.5),
        ([-125.3, 40.1, 12.0], 0.1),
        ([np.float32(-125.3), np.float32(40.1), np.float32(12.7)], 0.1),
        ([-125.1234567, 40.7654321, 12.1111119], 0.0),
    ],
)
def test_the_rounding_of_positions_is_told_from_their_values(values, quantum):
    assert find_quantum(np.array([values], dtype=float)) == quantum


@pytest.mark.parametrize("pitch", [0.03, 0.5, 2.0, 10.0])
def test_repeats_share_a_place_and_neighbours_do_not(pitch):
    offsets = np.repeat(pitch * np.arange(12.0), 3)
    within = same_place_mm(offsets, 0.0)
    assert [len(place) for place in share_places(offsets, within)] == [3] * 12
