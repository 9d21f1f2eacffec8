"""Whose flip is it: what sets two volumes apart, named and in millimetres."""

from __future__ import annotations

import json
import time
import tracemalloc
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from grids import noise, oblique, ramp
from volume import Geometry, Volume, VolumeError, compare

ORDERS = [(axes, flips) for axes in permutations(range(3)) for flips in product((1, -1), repeat=3)]
AXIAL = Geometry((9, 8, 7), np.array([-30.0, 12.0, 100.0]), np.array([0.7, 0.9, 2.5]), np.eye(3))
CUBE = Geometry((8, 8, 8), np.array([-30.0, 12.0, 100.0]), np.ones(3), np.eye(3))


def stored(volume: Volume, axes: tuple[int, ...], flips: tuple[int, ...]) -> Volume:
    """Store a volume in another order of its axes, every voxel in its place, by SimpleITK."""
    image = sitk.PermuteAxes(volume.to_sitk(), list(axes))
    image = sitk.Flip(image, [flip < 0 for flip in flips], False)
    return Volume.from_sitk(image)


def codes(found) -> set[str]:
    return {remark.code for remark in found.remarks}


def differences(found) -> set[str]:
    return {remark.code for remark in found.remarks if remark.differs}


def said(found) -> str:
    return "\n".join(remark.message for remark in found.remarks)


def moved(volume: Volume, **more) -> Volume:
    """Put the same array elsewhere."""
    grid = volume.geometry
    kept = {name: getattr(grid, name) for name in ("size", "origin", "spacing", "direction")}
    return volume.with_voxels(volume.array, Geometry(**{**kept, **more}))


@pytest.mark.parametrize("grid", [AXIAL, oblique(), oblique(left_handed=True), CUBE])
@pytest.mark.parametrize(("axes", "flips"), ORDERS)
def test_a_volume_stored_in_any_order_of_its_axes_is_the_same(grid, axes, flips):
    a = noise(grid)
    found = compare(a, stored(a, axes, flips))
    assert found.same, said(found)
    assert found.corners_mm < 1e-9
    assert found.voxels.different == 0
    as_stored = (axes, flips) == ((0, 1, 2), (1, 1, 1))
    assert codes(found) == (set() if as_stored else {"stored-otherwise"})


def test_what_is_stored_otherwise_is_said():
    a = noise(AXIAL)
    found = compare(a, stored(a, (1, 0, 2), (1, 1, -1)))
    assert "B stores i and j swapped, k flipped; in space it is the same grid" in said(found)


@pytest.mark.parametrize("flips", list(product((1, -1), repeat=3))[1:])
@pytest.mark.parametrize("make", [noise, ramp])
def test_an_array_that_is_flipped_and_its_geometry_not_is_named(make, flips):
    names = {0: "left-right", 1: "front-back", 2: "head-feet"}
    turned = [names[axis] for axis, flip in enumerate(flips) if flip < 0]
    a = make(AXIAL)
    b = a.with_voxels(
        np.ascontiguousarray(a.array[tuple(slice(None, None, f) for f in flips[::-1])]), AXIAL
    )
    found = compare(a, b)
    assert not found.same
    if len(turned) == 2:
        (about,) = set(names.values()) - set(turned)
        assert f"turned by 180° about the {about} axis" in said(found)
    else:
        assert f"mirrored {' and '.join(turned)}" in said(found)
    assert differences(found) == {"turned" if len(turned) == 2 else "mirrored"}
    assert found.voxels.different == 0


def test_the_directions_are_the_patients_on_a_sagittal_grid():
    sagittal = Geometry(
        (9, 8, 7), np.zeros(3), np.ones(3), np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]])
    )
    a = noise(sagittal)
    for axis, name in ((0, "front-back"), (1, "head-feet"), (2, "left-right")):
        b = a.with_voxels(np.flip(a.array, 2 - axis), sagittal)
        assert f"mirrored {name}" in said(compare(a, b))


def test_axes_that_are_exchanged_in_the_array_alone_are_named():
    a = noise(CUBE)
    found = compare(a, a.with_voxels(a.array.transpose(0, 2, 1).copy(), CUBE))
    assert differences(found) == {"mirrored"}
    assert "i and j swapped" in said(found)
    quarter = a.array.transpose(0, 2, 1)[:, :, ::-1].copy()
    found = compare(a, a.with_voxels(quarter, CUBE))
    assert "turned by 90° about the head-feet axis" in said(found)


@pytest.mark.parametrize("grid", [AXIAL, oblique()])
def test_lps_taken_for_ras_is_named(grid):
    signs = np.array([-1.0, -1.0, 1.0])
    a = noise(grid)
    b = moved(a, origin=grid.origin * signs, direction=grid.direction * signs[:, None])
    found = compare(a, b)
    assert differences(found) >= {"lps-ras"}
    assert "origin and directions are A's with x and y negated" in said(found)
    assert found.voxels.different == 0
    assert not {"shifted", "rotated", "turned"} & codes(found)


@pytest.mark.parametrize("part", ["origin", "directions"])
def test_an_origin_or_directions_that_alone_are_negated_are_named(part):
    grid, signs = oblique(), np.array([-1.0, -1.0, 1.0])
    change = (
        {"origin": grid.origin * signs}
        if part == "origin"
        else {"direction": grid.direction * signs[:, None]}
    )
    found = compare(noise(grid), moved(noise(grid), **change))
    assert f"B's {part} {'is' if part == 'origin' else 'are'} A's with x and y negated" in said(
        found
    )


def test_lps_taken_for_ras_is_named_of_a_mask_whose_values_say_nothing():
    grid, signs = oblique(), np.array([-1.0, -1.0, 1.0])
    mask = Volume((noise(grid, seed=3).array > 60).astype(np.uint8), grid)
    b = moved(mask, origin=grid.origin * signs, direction=grid.direction * signs[:, None])
    assert "lps-ras" in codes(compare(noise(grid), b))


def test_a_volume_mirrored_around_the_origin_is_said_to_fit_both():
    grid = Geometry((9, 9, 7), np.array([-4.0, -4.0, 0.0]), np.ones(3), np.eye(3))
    a = noise(grid)
    found = compare(a, a.with_voxels(a.array[:, ::-1, ::-1].copy(), grid))
    assert "turned by 180° about the head-feet axis" in said(found)
    assert "LPS read as RAS" in said(found)


@settings(max_examples=60, deadline=None)
@given(
    shift=st.tuples(*[st.floats(-40, 40)] * 3).filter(lambda s: np.linalg.norm(s) > 0.05),
    order=st.sampled_from(ORDERS),
)
def test_any_shift_is_given_in_millimetres_however_b_is_stored(shift, order):
    a = noise(oblique())
    b = stored(moved(a, origin=a.geometry.origin + shift), *order)
    found = compare(a, b)
    assert differences(found) >= {"shifted"}
    assert found.displacement.shift_mm == pytest.approx(shift, abs=1e-9)
    assert found.corners_mm == pytest.approx(np.linalg.norm(shift), abs=1e-9)
    assert found.voxels.different == 0


@pytest.mark.parametrize(("voxels", "words"), [(1, "+1 along i"), (-0.5, "-0.5 along i")])
def test_a_shift_by_a_voxel_or_half_of_one_is_called_so(voxels, words):
    grid = oblique()
    b = moved(noise(grid), origin=grid.to_world((voxels, 0, 0)))
    found = compare(noise(grid), b)
    assert words in said(found)
    assert found.displacement.shift_voxels == pytest.approx((voxels, 0, 0))
    assert np.linalg.norm(found.displacement.shift_mm) == pytest.approx(0.7 * abs(voxels))


@pytest.mark.parametrize("degrees", [0.5, 3.0, 20.0])
def test_a_rotation_is_given_in_degrees(degrees):
    grid = oblique()
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    centre = grid.centre
    origin = centre + turn @ (grid.origin - centre)
    found = compare(noise(grid), moved(noise(grid), origin=origin, direction=turn @ grid.direction))
    assert found.displacement.degrees == pytest.approx(degrees)
    assert "rotated" in codes(found) and "shifted" not in codes(found)


def test_another_spacing_is_named():
    found = compare(noise(AXIAL), moved(noise(AXIAL), spacing=np.array([0.7, 0.9, 2.4])))
    assert "spacing-differs" in codes(found)
    assert "0.7 x 0.9 x 2.5 mm in A, 0.7 x 0.9 x 2.4 mm in B" in said(found)


def test_another_spacing_from_the_same_first_voxel_or_middle_is_no_shift():
    grid, wider = AXIAL, np.array([0.7, 0.9, 2.4])
    middle = grid.centre - Geometry(grid.size, np.zeros(3), wider, np.eye(3)).centre
    for origin in (grid.origin, middle):
        found = compare(noise(grid), moved(noise(grid), spacing=wider, origin=origin))
        assert differences(found) == {"spacing-differs"}
    found = compare(noise(grid), moved(noise(grid), spacing=wider, origin=grid.origin + 3))
    assert differences(found) == {"spacing-differs", "shifted"}


def test_a_shear_is_called_so_and_no_rotation():
    found = compare(noise(oblique()), noise(oblique(tilt=15)))
    assert "sheared" in differences(found) and "rotated" not in codes(found)
    assert "A's grid is sheared by 0°, B's by 15°" in said(found)


def test_places_that_went_through_float32_are_the_same():
    grid = oblique()
    b = moved(
        noise(grid),
        origin=grid.origin.astype(np.float32),
        direction=grid.direction.astype(np.float32),
    )
    assert compare(noise(grid), b).same
    assert not compare(noise(grid), b, within_mm=1e-9).same


def test_voxels_that_differ_are_counted_and_the_worst_is_placed():
    a = noise(AXIAL)
    array = a.array.copy()
    array[3, 2, 1] += 40
    array[5, 2, 1] -= 7
    found = compare(a, a.with_voxels(array, AXIAL))
    assert differences(found) == {"values-differ"}
    voxels = found.voxels
    assert (voxels.compared, voxels.different, voxels.greatest) == (504, 2, 40)
    assert voxels.at == (1, 2, 3)
    assert voxels.mean == pytest.approx(47 / 504)
    assert "2 of 504 voxels differ" in said(found)
    assert "at (1, 2, 3), (-29.3, 13.8, 107.5) mm" in said(found)
    assert compare(a, a.with_voxels(array, AXIAL), within_value=40).same


def test_what_all_differ_by_is_said():
    a = noise(AXIAL)
    array = a.array.astype(np.int32)
    array[array > 100] -= 65536
    found = compare(a, a.with_voxels(array, AXIAL))
    assert "all by -65536" in said(found)
    assert "the values are int16 in A, int32 in B" in said(found)


@pytest.mark.parametrize(("slope", "intercept"), [(1, -1024), (2, 0), (0.5, 3)])
@pytest.mark.parametrize("flipped", [False, True])
def test_a_rescale_of_one_alone_is_named(slope, intercept, flipped):
    a = noise(oblique((20, 18, 16)))
    array = a.array.astype(np.float32) * slope + intercept
    b = a.with_voxels(array[:, :, ::-1].copy() if flipped else array, a.geometry)
    found = compare(a, b)
    assert "values-scaled" in codes(found), said(found)
    assert (found.voxels.by.slope, found.voxels.by.intercept) == pytest.approx((slope, intercept))
    assert found.voxels.explained == found.voxels.compared
    assert ("mirrored" in codes(found)) == flipped


def test_a_rescale_is_found_though_the_padding_was_replaced():
    a = noise(oblique((20, 18, 16)))
    array = a.array - 1024
    array[:, :4] = -2000
    found = compare(a, a.with_voxels(array, a.geometry))
    assert found.voxels.by.intercept == -1024 or "values-scaled" not in codes(found)
    assert found.voxels.different == found.voxels.compared


def test_a_mirrored_array_is_named_though_some_of_its_values_differ_too():
    a = noise(oblique((20, 18, 16)))
    array = a.array[:, :, ::-1].copy()
    array[4, :3] = 999
    found = compare(a, a.with_voxels(array, a.geometry))
    assert differences(found) == {"mirrored", "values-differ"}
    assert found.voxels.different == 3 * 20


@pytest.mark.parametrize("make", [np.zeros, np.ones])
def test_a_volume_of_one_value_is_never_called_mirrored(make):
    a = Volume(make((7, 8, 9), np.int16), AXIAL)
    assert compare(a, a).same and codes(compare(a, a)) == set()
    shifted = compare(a, moved(a, origin=AXIAL.origin + 3))
    assert {"shifted", "cannot-tell"} <= codes(shifted)
    assert not {"mirrored", "turned"} & codes(shifted)


def test_a_single_slice_that_is_shifted_is_only_shifted():
    grid = Geometry((9, 8, 1), np.zeros(3), np.ones(3), np.eye(3))
    found = compare(noise(grid), moved(noise(grid), origin=np.array([0, 0, 5.0])))
    assert codes(found) >= {"shifted"} and "cannot-tell" not in codes(found)


def test_a_shift_of_micrometres_counts_where_the_voxels_are_as_small():
    fine = Geometry((9, 8, 7), np.zeros(3), np.full(3, 0.004), np.eye(3))
    b = moved(noise(fine), origin=np.array([0.004, 0, 0]))
    assert differences(compare(noise(fine), b)) == {"shifted"}
    assert compare(noise(fine), b, within_mm=0.005).same


def sphere(size: int = 24) -> Volume:
    at = np.indices((size,) * 3) - (size - 1) / 2
    grid = Geometry((size,) * 3, np.zeros(3), np.ones(3), np.eye(3))
    return Volume((np.sqrt((at**2).sum(axis=0)) < size / 3).astype(np.int16) * 1000, grid)


def test_a_symmetric_picture_is_the_same_and_a_single_voxel_tells_its_side():
    ball = sphere()
    assert compare(ball, ball).same
    marked = ball.array.copy()
    marked[12, 12, 3] = 77
    a = ball.with_voxels(marked, ball.geometry)
    b = ball.with_voxels(marked[:, :, ::-1].copy(), ball.geometry)
    assert compare(a, a).same
    found = compare(a, b)
    assert "mirrored left-right" in said(found)


def test_one_symmetric_picture_shifted_leaves_the_turn_untold():
    ball = sphere()
    found = compare(ball, moved(ball, origin=np.array([5.0, 0, 0])))
    assert {"shifted", "cannot-tell"} <= codes(found)
    assert found.displacement.shift_mm == pytest.approx((5, 0, 0))


def test_another_cut_of_the_same_picture_is_compared_where_both_are():
    a = noise(oblique((12, 11, 10)))
    box = a.geometry
    cut = a.with_voxels(
        a.array[1:8, 2:, :9].copy(),
        Geometry((9, 9, 7), box.to_world((0, 2, 1)), box.spacing, box.direction),
    )
    found = compare(a, cut)
    assert "size-differs" in differences(found) and "values-differ" not in codes(found)
    assert found.voxels.compared == 9 * 9 * 7
    assert "B begins at voxel (0, 2, 1) of A" in said(found)
    assert found.overlap == pytest.approx(9 * 9 * 7 / (12 * 11 * 10), abs=0.03)
    worse = cut.array.copy()
    worse[2, 3, 4] += 9
    found = compare(a, cut.with_voxels(worse, cut.geometry))
    assert found.voxels.at == (4, 5, 3) and found.voxels.different == 1
    back = compare(cut, a)
    assert back.voxels.compared == 9 * 9 * 7 and back.voxels.different == 0
    assert "B begins at voxel (0, -2, -1) of A" in said(back)


def test_a_cut_that_moved_along_is_not_taken_for_a_moved_grid():
    whole = noise(oblique((12, 8, 7)))
    box = whole.geometry
    a, b = (
        whole.with_voxels(
            whole.array[:, :, n : n + 10].copy(),
            Geometry((10, 8, 7), box.to_world((n, 0, 0)), box.spacing, box.direction),
        )
        for n in (0, 2)
    )
    found = compare(a, b)
    assert found.voxels.different == 0 and found.voxels.compared == 8 * 8 * 7
    assert found.pairing.basis == "overlap"


def test_grids_without_a_lattice_in_common_are_not_compared_and_nothing_is_resampled():
    grid = oblique()
    other = Geometry((9, 8, 6), grid.to_world((0.3, 0, 0)), grid.spacing, grid.direction)
    found = compare(noise(grid), noise(other, seed=1))
    assert found.voxels is None
    assert "nothing is resampled" in said(found)
    assert not found.same


def test_grids_far_apart_do_not_meet():
    other = Geometry((9, 8, 6), AXIAL.origin + 1000.0, AXIAL.spacing, AXIAL.direction)
    found = compare(noise(AXIAL), noise(other))
    assert found.overlap == 0 and "0 % of A lies within B" in said(found)


def test_floats_agree_within_their_rounding():
    a = ramp(oblique())
    array = (a.array.astype(np.float64) * (1 + 1e-7)).astype(np.float32)
    assert compare(a, a.with_voxels(array, a.geometry)).same
    array[3, 3, 3] *= 1.001
    assert compare(a, a.with_voxels(array, a.geometry)).voxels.different == 1


def test_what_is_no_number_on_one_side_alone_differs():
    a = ramp(oblique())
    array = a.array.copy()
    array[0, 0, 0] = np.nan
    b = a.with_voxels(array, a.geometry)
    assert compare(b, b).same
    found = compare(a, b)
    assert found.voxels.different == 1 and found.voxels.not_numbers == (0, 1)
    assert "0 values of A and 1 of B are NaN" in said(found)
    assert found.as_json()["voxels"]["values"][1] is None


@pytest.mark.parametrize("value", [np.inf, -np.inf])
@pytest.mark.parametrize("within", [None, 1e9])
def test_what_is_infinite_on_one_side_alone_differs(value, within):
    a = ramp(AXIAL)
    array = a.array.astype(np.float32)
    endless = array.copy()
    endless[1, 2, 3] = value
    a, b = a.with_voxels(array, AXIAL), a.with_voxels(endless, AXIAL)
    found = compare(a, b, within_value=within)
    assert (found.voxels.different, found.voxels.at) == (1, (3, 2, 1))
    assert f"as at (3, 2, 1), (-27.9, 13.8, 102.5) mm: {array[1, 2, 3]:g} in A, {value:g} in B" in (
        said(found)
    )
    assert compare(b, b).same
    assert not compare(b, a.with_voxels(-endless, AXIAL)).same


def test_whole_numbers_that_a_float_cannot_hold_are_told_apart():
    array = np.full((7, 8, 9), 2**60, np.int64)
    other = array + 1
    a, b = (noise(AXIAL).with_voxels(one, AXIAL) for one in (array, other))
    assert compare(a, b).voxels.different == array.size


def test_one_huge_value_hides_no_difference_of_the_others():
    """Programs mark what is empty with the greatest float there is."""
    array = noise(AXIAL).array.astype(np.float32)
    array[0, 0, 0] = np.finfo(np.float32).min
    other = array.copy()
    other[3, 4, 5] += 1
    a, b = (noise(AXIAL).with_voxels(one, AXIAL) for one in (array, other))
    assert compare(a, b).voxels.different == 1


def test_sets_of_volumes_are_compared_one_by_one():
    a = [noise(oblique(), seed=seed) for seed in range(3)]
    b = [stored(one, (2, 0, 1), (1, -1, 1)) for one in a]
    assert compare(a, b).same
    assert compare(a, b).voxels.compared == 3 * 504
    array = a[1].array.copy()
    array[6, 5, 4] += 3
    found = compare(a, [a[0], a[1].with_voxels(array, a[1].geometry), a[2]])
    assert found.voxels.at == (4, 5, 6) and found.voxels.volume == 1
    assert "of volume 2" in said(found)
    found = compare(a, b[:2])
    assert differences(found) == {"count-differs"}
    assert "3 volumes and 2 volumes" in said(found)
    with pytest.raises(VolumeError, match="no volume"):
        compare(a, ())
    with pytest.raises(VolumeError, match="share a grid"):
        compare((a[0], noise(AXIAL)), b[:2])


def test_the_same_volumes_in_another_order_are_called_so():
    a = [noise(oblique(), seed=seed) for seed in (0, 1, 2, 1)]
    b = [stored(one, (2, 0, 1), (1, -1, 1)) for one in a]
    found = compare(a, [b[2], b[0], b[1], b[3]])
    assert "order-differs" in differences(found)
    assert "in another order: A's first to last are 2, 3, 1, 4 of B" in said(found)
    assert "order-differs" not in codes(compare(a, [b[2], b[0], b[1], b[0]]))
    assert "order-differs" not in codes(compare(a, [b[2], b[0], b[1]]))


def test_colour_is_compared_by_voxel_and_not_with_grey():
    draw = np.random.default_rng(0)
    a = Volume(draw.integers(0, 255, (7, 8, 9, 3)).astype(np.uint8), AXIAL)
    assert compare(a, a).same
    array = a.array.copy()
    array[1, 2, 3] ^= 1
    found = compare(a, a.with_voxels(array, AXIAL))
    assert found.voxels.different == 1 and found.voxels.compared == 504
    flipped = compare(a, a.with_voxels(a.array[:, ::-1].copy(), AXIAL))
    assert "mirrored front-back" in said(flipped)
    assert differences(compare(a, noise(AXIAL))) == {"components-differ"}


def test_every_remark_is_plain_json():
    a = noise(oblique())
    for b in (a, noise(AXIAL, seed=2), replace(a, array=a.array[:, :, ::-1].copy())):
        document = json.dumps(compare(a, b).as_json(), allow_nan=False)
        assert json.loads(document)["same"] is compare(a, b).same


def test_a_large_volume_is_compared_in_seconds_and_little_memory():
    grid = Geometry((400, 400, 120), np.zeros(3), np.ones(3), np.eye(3))
    a = noise(grid)
    b = stored(a, (1, 0, 2), (1, 1, -1))
    tracemalloc.start()
    began = time.monotonic()
    assert compare(a, b).same
    assert "mirrored left-right" in said(compare(a, replace(a, array=a.array[:, :, ::-1])))
    assert time.monotonic() - began < 20
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * a.array.nbytes
