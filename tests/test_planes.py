"""The patient's planes: where their pixels are, and which way up."""

import sys
from dataclasses import replace
from subprocess import run

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blobs import ACQUISITIONS, AIR, ALIGNED, BLOBS, BONE, OBLIQUE, X, Y, Z, blob_volume, turned
from volume.errors import GridError
from volume.geometry import Geometry
from volume.processing.plane_grid import PLANES, aligned_axes, plane_grid, towards
from volume.processing.planes import Reformatter, reformat
from volume.volume import Volume

SCREEN = {"axial": (X, Y), "coronal": (X, -Z), "sagittal": (Y, -Z)}
"""To the right and down the screen, from the textbook: radiological, head up, front up."""
LETTERS = {"axial": "RLAP", "coronal": "RLHF", "sagittal": "APHF"}


def brightest(array: np.ndarray, value: float = 500) -> np.ndarray:
    """Give the middle [row, column] of what is brighter than `value`."""
    return np.argwhere(array > value).mean(axis=0)


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("blob", BLOBS)
def test_each_blob_is_where_the_patient_has_it(acquisition, plane, blob):
    cut = reformat(blob_volume(acquisition, blobs=blob), plane, at=BLOBS[blob])
    right, down = SCREEN[plane]
    row, column = brightest(cut.array)
    found = cut.to_world((row, column))
    assert found @ right == pytest.approx(np.array(BLOBS[blob]) @ right, abs=1.5)
    assert found @ down == pytest.approx(np.array(BLOBS[blob]) @ down, abs=1.5)
    np.testing.assert_allclose(cut.row_direction, right, atol=1e-9)
    np.testing.assert_allclose(cut.column_direction, down, atol=1e-9)
    assert "".join(cut.letters) == LETTERS[plane]


@pytest.mark.parametrize("acquisition", ALIGNED)
@pytest.mark.parametrize("plane", PLANES)
def test_an_aligned_plane_is_made_of_untouched_voxels(acquisition, plane):
    ct = blob_volume(acquisition)
    noise = np.random.default_rng(1).integers(-1000, 1000, ct.array.shape).astype(np.int16)
    ct = replace(ct, array=noise)
    at = (3.3, -7.7, 12.1)
    cut = reformat(ct, plane, at=at)
    inverse = np.linalg.inv(ct.geometry.affine)
    for row, column in [(0, 0), (5, 9), (cut.array.shape[0] - 1, cut.array.shape[1] - 1)]:
        place = cut.to_world((row, column))
        i, j, k = np.rint(inverse[:3, :3] @ place + inverse[:3, 3]).astype(int)
        np.testing.assert_allclose(ct.geometry.affine @ [i, j, k, 1], [*place, 1], atol=1e-9)
        assert cut.array[row, column] == noise[k, j, i]
    off = abs((cut.origin - at) @ cut.normal)
    assert off <= cut.thickness / 2


@pytest.mark.parametrize("acquisition", OBLIQUE)
@pytest.mark.parametrize("plane", PLANES)
def test_an_oblique_plane_goes_through_the_place_and_is_sampled_linearly(acquisition, plane):
    ct = blob_volume(acquisition, spacing=(2.0, 2.5, 3.0))
    k, j, i = np.indices(ct.array.shape)
    slope = np.array([0.5, -1.25, 2.0])
    world = np.stack([i, j, k], axis=-1) @ ct.geometry.affine[:3, :3].T + ct.geometry.origin
    ct = replace(ct, array=(world @ slope).astype(np.float32))
    at = (3.3, -7.7, 12.1)
    cut = reformat(ct, plane, at=at)
    assert (cut.origin - at) @ cut.normal == pytest.approx(0, abs=1e-9)
    assert cut.pixel_spacing == pytest.approx((2.0, 2.0))
    rows, columns = cut.array.shape
    middle = [(rows // 2 + dr, columns // 2 + dc) for dr in (-8, 0, 7) for dc in (-9, 0, 4)]
    for row, column in middle:
        expected = cut.to_world((row, column)) @ slope
        assert cut.array[row, column] == pytest.approx(expected, abs=1e-3)


def test_beyond_an_oblique_volume_there_is_air():
    cut = reformat(blob_volume("oblique"), "axial")
    assert cut.array[0, 0] == -1024
    mr = replace(blob_volume("oblique"), unit="", modality="MR")
    assert reformat(mr, "axial").array[0, 0] == AIR


def test_a_slab_combines_the_layers_around_the_place():
    ct = blob_volume()
    ramp = np.broadcast_to(np.arange(len(ct.array), dtype=np.int16)[:, None, None], ct.array.shape)
    ct = replace(ct, array=ramp.copy())
    at = ct.geometry.to_world((10, 10, 12))
    slabs = {how: reformat(ct, "axial", at, slab=9, combine=how) for how in ("max", "min", "mean")}
    assert {how: int(cut.array[3, 3]) for how, cut in slabs.items()} == {
        "max": 13,
        "min": 11,
        "mean": 12,
    }
    assert slabs["max"].thickness == pytest.approx(9)
    assert slabs["mean"].array.dtype == np.int16


def test_a_slab_at_the_edge_is_as_thick_as_the_volume_allows():
    ct = blob_volume()
    cut = reformat(ct, "axial", ct.geometry.to_world((0, 0, 0)), slab=15)
    assert cut.thickness == pytest.approx(9)


def test_an_oblique_slab_shows_a_blob_beside_the_plane():
    ct = blob_volume("oblique", blobs="A")
    beside = np.add(BLOBS["A"], (0, 0, 14))
    assert reformat(ct, "axial", beside).array.max() < BONE / 2
    cut = reformat(ct, "axial", beside, slab=30, combine="max")
    assert cut.array.max() == BONE
    found = cut.to_world(brightest(cut.array))
    assert found[:2] == pytest.approx(BLOBS["A"][:2], abs=1.5)


def test_colour_stays_colour():
    ct = blob_volume()
    rgb = np.stack([ct.array > 500, ct.array > 0, ct.array < 0], axis=-1).astype(np.uint8) * 255
    for acquisition in ("axial", "oblique"):
        geometry = blob_volume(acquisition).geometry
        cut = reformat(Volume(rgb, geometry), "coronal", at=geometry.centre)
        assert cut.array.ndim == 3
        assert cut.array.shape[2] == 3
        assert cut.array.dtype == np.uint8


@pytest.mark.parametrize("dtype", ["bool", "uint8", ">i2", "int32", "uint32", "int64", "f2", ">f8"])
def test_every_type_of_value_can_be_cut_obliquely(dtype):
    ct = blob_volume("oblique")
    cut = reformat(replace(ct, array=(ct.array > 500).astype(dtype)), "sagittal", at=BLOBS["L"])
    assert cut.array.dtype == np.dtype(dtype)
    assert cut.array.max() == 1


def test_a_sheared_grid_is_cut_in_the_right_place():
    ct = blob_volume("axial")
    sheared = ct.geometry.direction.copy()
    sheared[:, 2] = [0, np.sin(0.3), np.cos(0.3)]
    geometry = Geometry(ct.geometry.size, ct.geometry.origin, ct.geometry.spacing, sheared)
    index = geometry.size[0] // 2, geometry.size[1] // 2, geometry.size[2] - 4
    array = np.full(ct.array.shape, AIR, np.int16)
    array[index[2] - 1 : index[2] + 2, index[1] - 1 : index[1] + 2, index[0] - 1 : index[0] + 2] = 9
    place = geometry.affine @ [*index, 1]
    cut = reformat(Volume(array, geometry, unit="HU"), "sagittal", at=place[:3])
    assert cut.to_world(brightest(cut.array, 0)) == pytest.approx(place[:3], abs=0.5)


def test_half_a_voxel_of_slant_counts_as_aligned_and_keeps_its_true_places():
    straight = blob_volume()
    slight = turned(0.3, 2, ACQUISITIONS["axial"])
    geometry = replace(straight.geometry, direction=slight)
    assert aligned_axes(geometry) == (0, 1, 2)
    cut = reformat(replace(straight, geometry=geometry), "coronal")
    np.testing.assert_allclose(cut.row_direction, slight[:, 0])
    assert "".join(cut.letters) == "RLHF"
    assert aligned_axes(replace(geometry, direction=turned(3, 2, slight))) is None


def test_layers_run_with_the_direction_of_view():
    grid = plane_grid(blob_volume("sagittal").geometry, "axial")
    np.testing.assert_allclose(grid.direction, np.eye(3))
    grid = plane_grid(blob_volume("axial").geometry, "sagittal")
    np.testing.assert_allclose(grid.direction, np.column_stack([Y, -Z, -X]))


def test_letters_are_compound_on_oblique_directions():
    assert towards((1, 0, 0)) == "L"
    assert towards((0.05, -0.99, 0.05)) == "A"
    assert towards((0, -0.8, 0.6)) == "AH"
    assert towards((-0.6, 0.5, -0.62)) == "FRP"


def test_a_place_outside_is_refused_and_told_the_range():
    ct = blob_volume()
    with pytest.raises(GridError, match=r"z = 80 mm is outside the volume.*from -49.5 to 49.5 mm"):
        reformat(ct, "axial", at=(0, 0, 80))
    with pytest.raises(ValueError, match="three numbers"):
        reformat(ct, "axial", at=(0, 0, float("nan")))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"plane": "transverse"}, "no such plane.*axial, coronal, sagittal"),
        ({"plane": "axial", "combine": "median"}, "no such way to combine.*max, min, mean"),
        ({"plane": "axial", "slab": -1}, "0 or more"),
        ({"plane": "axial", "slab": float("nan")}, "0 or more"),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_ones(wrong, words):
    with pytest.raises(ValueError, match=words):
        reformat(blob_volume(), **wrong)


def test_a_plane_is_a_copy():
    ct = blob_volume()
    before = ct.array.copy()
    reformat(ct, "axial").array[:] = 7
    np.testing.assert_array_equal(ct.array, before)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(*[st.floats(-180, 180)] * 3),
    st.tuples(*[st.floats(-18, 18)] * 3),
    st.sampled_from(list(PLANES)),
)
def test_any_rigid_motion_keeps_the_cloud_in_its_place(angles, place, plane):
    direction = ACQUISITIONS["axial"]
    for axis, angle in enumerate(angles):
        direction = turned(angle, axis, direction)
    ct = blob_volume()
    geometry = replace(ct.geometry, direction=direction)
    geometry = replace(geometry, origin=ct.geometry.centre - (geometry.centre - geometry.origin))
    k, j, i = np.indices(ct.array.shape)
    world = np.stack([i, j, k], axis=-1) @ geometry.affine[:3, :3].T + geometry.origin
    cloud = np.exp(-np.sum((world - place) ** 2, axis=-1) / (2 * 5**2)).astype(np.float32)
    cut = Reformatter(Volume(cloud, geometry)).cut(plane, place)
    weights = cut.array / cut.array.sum()
    pixels = np.moveaxis(np.indices(cut.array.shape), 0, -1)
    found = cut.to_world((weights[..., None] * pixels).sum(axis=(0, 1)))
    across = (found - place) - ((found - place) @ cut.normal) * cut.normal
    assert np.linalg.norm(across) < 0.1


def test_reformatting_needs_no_graphics():
    code = (
        "import sys; from blobs import blob_volume; from volume.processing.planes import reformat;"
        "reformat(blob_volume('oblique'), 'axial');"
        "assert not [m for m in sys.modules if 'Rendering' in m or m == 'pyvista']"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    run([sys.executable, "-c", code], check=True, env=environment)
