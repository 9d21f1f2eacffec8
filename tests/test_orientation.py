"""Reordering: every voxel keeps its value and its place."""

from __future__ import annotations

from itertools import permutations, product

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grids import noise, oblique, places, ramp, turned
from volume.errors import VolumeError
from volume.geometry import Geometry
from volume.processing.orientation import reorient
from volume.volume import Volume

CODES = [
    "".join(letters)
    for pairs in permutations(("RL", "AP", "IS"))
    for letters in product(*pairs)
]  # fmt: skip


def contents(volume: Volume) -> dict[tuple[float, ...], float]:
    """Give the value at every place, the places rounded to a micrometre."""
    rounded = np.round(places(volume.geometry), 3).reshape(-1, 3)
    values = volume.array.reshape(len(rounded), -1)
    return {tuple(place): tuple(value) for place, value in zip(rounded, values, strict=True)}


def test_there_are_48_orders():
    assert len(set(CODES)) == 48


@given(
    code=st.sampled_from(CODES),
    start=st.sampled_from(CODES),
    left_handed=st.booleans(),
    tilt=st.sampled_from([0, 15]),
)
def test_any_order_leaves_every_value_in_its_place(code, start, left_handed, tilt):
    volume = reorient(noise(oblique((3, 4, 5), left_handed=left_handed, tilt=tilt)), start)
    again = reorient(volume, code)
    assert again.geometry.orientation == code
    assert again.array.flags.c_contiguous
    assert contents(again) == contents(volume)


@pytest.mark.parametrize("code", CODES)
def test_the_letters_are_those_of_nibabel(code):
    image = ramp(oblique()).to_nibabel()
    target = nibabel.orientations.axcodes2ornt(code)
    turn = nibabel.orientations.ornt_transform(nibabel.io_orientation(image.affine), target)
    theirs = image.as_reoriented(turn)
    ours = reorient(ramp(oblique()), code)
    np.testing.assert_array_equal(np.asarray(theirs.dataobj).T, ours.array)
    np.testing.assert_allclose(theirs.affine, ours.geometry.ras_affine, atol=1e-9)


def test_the_mask_goes_along():
    valid = np.zeros((7, 8, 9), np.uint8)
    valid[0, 0, 0], valid[6, 0, 0] = 1, 2
    again = reorient(noise(oblique(), valid=valid), "SAR")
    assert again.valid is not None and again.valid.shape == again.array.shape
    assert again.valid.flags.c_contiguous
    before, after = (
        noise(oblique()).with_voxels(valid, oblique()),
        again.with_voxels(again.valid, again.geometry),
    )
    assert contents(before) == contents(after)


def test_colour_keeps_its_components():
    grid = Geometry((3, 4, 5), np.zeros(3), np.ones(3), turned())
    colour = Volume(np.random.default_rng(0).integers(0, 255, (5, 4, 3, 3)), grid)
    assert contents(reorient(colour, "ASR")) == contents(colour)


def test_what_is_known_about_a_volume_stays():
    again = reorient(noise(oblique(), modality="CT", unit="HU", id="ct_s001_000000"), "RAS")
    assert (again.modality, again.unit, again.id) == ("CT", "HU", "ct_s001_000000")


def test_the_same_order_is_the_same_volume():
    volume = noise(oblique())
    assert reorient(volume, volume.geometry.orientation) is volume
    assert reorient(volume, "ras").geometry.orientation == "RAS"


@pytest.mark.parametrize("letters", ["", "RA", "RAX", "RLS", "RAAS", "RASS", "라스S", "R A S"])
def test_letters_that_are_no_order_are_told_one(letters):
    with pytest.raises(VolumeError, match="such as RAS or LPS"):
        reorient(noise(oblique()), letters)
