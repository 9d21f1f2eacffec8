"""How planes are turned: rotations by the right hand, and the shortest way to a direction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blobs import X, Y, Z, turned
from volume.processing.rotation import STRAIGHT, Rotation, swing

ANGLES = st.floats(-360, 360)


@pytest.mark.parametrize(("axis", "start", "end"), [(X, Y, Z), (Y, Z, X), (Z, X, Y)])
def test_a_quarter_turn_goes_by_the_right_hand(axis, start, end):
    np.testing.assert_allclose(STRAIGHT.then_about(axis, 90).matrix @ start, end, atol=1e-12)


@given(ANGLES, ANGLES)
def test_turns_follow_each_other(first, second):
    rotation = STRAIGHT.then_about(Z, first).then_about(X, second)
    expected = turned(second, 0, turned(first, 2, np.eye(3)))
    np.testing.assert_allclose(rotation.matrix, expected, atol=1e-9)


def test_a_thousand_small_turns_are_still_a_rotation():
    rotation = STRAIGHT
    for n in range(1000):
        rotation = rotation.then_about((X, Y, Z)[n % 3], 0.37)
    matrix = rotation.matrix
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(3), atol=1e-14)
    assert Rotation.from_numbers(rotation.numbers) == rotation


def test_there_and_back_is_where_one_began_and_says_its_angle():
    assert STRAIGHT.is_none
    rotation = STRAIGHT.then_about((1, 1, 0), 40)
    assert rotation.degrees == pytest.approx(40)
    back = rotation.then_about((1, 1, 0), -40)
    np.testing.assert_allclose(back.matrix, np.eye(3), atol=1e-12)


@given(ANGLES, ANGLES)
def test_a_swing_is_the_shortest_way(around, above):
    end = turned(around, 2, turned(above, 0, np.eye(3))) @ Z
    matrix = swing(Z, end, otherwise=Y)
    np.testing.assert_allclose(matrix @ Z, end, atol=1e-7)
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(3), atol=1e-7)
    angle = np.arccos(np.clip((np.trace(matrix) - 1) / 2, -1, 1))
    assert angle == pytest.approx(np.arccos(np.clip(end @ Z, -1, 1)), abs=1e-4)


def test_to_the_opposite_it_goes_about_the_axis_given():
    matrix = swing(Z, -Z, otherwise=Y)
    np.testing.assert_allclose(matrix @ Z, -Z, atol=1e-12)
    np.testing.assert_allclose(matrix @ Y, Y, atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1)


@pytest.mark.parametrize(
    "numbers",
    [np.zeros(9), np.eye(3) * 2, np.diag([1, 1, -1]), [1, 2], [[1, 0, 0], [0, 1, 0], [0, 1, 0]]],
)
def test_nine_numbers_that_are_no_rotation_are_refused(numbers):
    with pytest.raises(ValueError, match=r"rotation|reshape"):
        Rotation.from_numbers(numbers)
