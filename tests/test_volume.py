"""A volume and the images of other libraries: the same values in the same places."""

from __future__ import annotations

from itertools import product

import nibabel
import numpy as np
import pytest

from grids import SLOPES, noise, oblique, ramp
from volume.findings import info
from volume.geometry import Geometry
from volume.volume import Volume

GRIDS = {
    "oblique": oblique(),
    "left-handed": oblique(left_handed=True),
    "sheared": oblique(tilt=15),
}


@pytest.fixture(params=GRIDS, name="grid")
def fixture_grid(request) -> Geometry:
    return GRIDS[request.param]


def test_simpleitk_finds_every_value_in_its_place(grid):
    image = ramp(grid, "f8").to_sitk()
    for ijk in product((0, 4, 8), (0, 7), (0, 3, 6)):
        place = np.array(image.TransformIndexToPhysicalPoint(ijk))
        assert image.GetPixel(*ijk) == pytest.approx(place @ SLOPES, abs=1e-9)


def test_nibabel_finds_every_value_in_its_place(grid):
    image = ramp(grid, "f8").to_nibabel()
    for ijk in product((0, 4, 8), (0, 7), (0, 3, 6)):
        place = nibabel.affines.apply_affine(image.affine, ijk) * (-1, -1, 1)
        assert image.dataobj[ijk] == pytest.approx(place @ SLOPES, abs=1e-3)
    assert image.header.get_xyzt_units()[0] == "mm"


@pytest.mark.parametrize("library", ["sitk", "nibabel"])
@pytest.mark.parametrize("dtype", "u1 i2 u2 i4 f4 f8".split())
def test_there_and_back_nothing_changes(grid, library, dtype):
    volume = noise(grid, dtype)
    image = getattr(volume, f"to_{library}")()
    again = getattr(Volume, f"from_{library}")(image, unit="HU", modality="CT")
    np.testing.assert_array_equal(again.array, volume.array)
    assert again.array.dtype == volume.array.dtype and again.array.flags.c_contiguous
    assert again.geometry.matches(grid, 1e-4)
    assert (again.unit, again.modality) == ("HU", "CT")


def test_colour_goes_there_and_back():
    array = np.random.default_rng(0).integers(0, 255, (7, 8, 9, 3)).astype(np.uint8)
    volume = Volume(array, oblique())
    assert volume.is_colour and not noise(oblique()).is_colour
    image = volume.to_sitk()
    assert image.GetNumberOfComponentsPerPixel() == 3
    np.testing.assert_array_equal(Volume.from_sitk(image).array, array)


def test_the_array_outlives_the_image_it_came_from():
    image = noise(oblique()).to_sitk()
    again = Volume.from_sitk(image)
    image *= 0
    del image
    np.testing.assert_array_equal(again.array, noise(oblique()).array)


def test_other_voxels_keep_what_is_known():
    volume = noise(oblique(), unit="HU", modality="CT", findings=(info("split-by", "echo 2"),))
    other = volume.with_voxels(volume.array[:3], oblique((9, 8, 3)))
    assert (other.unit, other.modality, other.findings) == ("HU", "CT", volume.findings)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"array": np.zeros((7, 8))}, r"\[k, j, i\]"),
        ({"array": np.zeros((9, 8, 7))}, "does not fit"),
        ({"valid": np.ones((7, 8, 8), np.uint8)}, "mask"),
    ],
)
def test_a_volume_that_does_not_fit_its_grid_is_refused(change, told):
    with pytest.raises(ValueError, match=told):
        Volume(**{"array": np.zeros((7, 8, 9)), "geometry": oblique(), **change})


def test_it_says_in_one_line_what_it_is():
    assert repr(noise(oblique(), modality="CT", unit="HU")).startswith("Volume(CT HU, int16, ")
    assert repr(noise(oblique())).startswith("Volume(values, int16, Geometry(9 x 8 x 7")
