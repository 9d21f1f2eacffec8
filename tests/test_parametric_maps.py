"""Parametric maps: their values are what their mapping makes of the stored ones, and in place."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import highdicom
import nibabel
import numpy as np
import pytest

import volume
from maps import map_phantom, mapping, sources
from volume.dicom.ucum import read_unit

MM = 0.12
"""The phantom rounds its values to whole numbers: 0.04 mm."""


def codes(findings) -> dict[str, str]:
    return {finding.code: finding.message for finding in findings}


def by_highdicom(folder: Path, array, mappings, **oddities):
    """Write a map with highdicom, from an oblique MR whose slices are read in any order."""
    folder.mkdir()
    unit = highdicom.sr.CodedConcept("mm2/s", "UCUM", "mm2/s")
    made = highdicom.pm.ParametricMap(
        sources(folder.with_name("source"), **oddities),
        array,
        highdicom.UID(), 9, highdicom.UID(), 1, "maker", "model", "1", "2",
        False,
        [highdicom.pm.RealWorldValueMapping(unit=unit, **one) for one in mappings]
        if isinstance(mappings[0], dict)
        else [[highdicom.pm.RealWorldValueMapping(unit=unit, **one[0])] for one in mappings],
        voi_lut_transformations=[highdicom.VOILUTTransformation(0.5, 1.0)],
    )  # fmt: skip
    made.save_as(folder / "map.dcm")
    return folder / "map.dcm"


def same_in_space(ours: volume.Volume, affine, array) -> None:
    """Hold every voxel of highdicom's volume against ours at the same place."""
    inverse = np.linalg.inv(ours.geometry.affine)
    ijk = np.indices(array.shape).reshape(3, -1)
    places = affine @ np.vstack([ijk, np.ones(ijk.shape[1])])
    at = (inverse @ places)[:3]
    whole = np.rint(at).astype(int)
    assert np.abs(at - whole).max() < 1e-3
    found = ours.array[whole[2], whole[1], whole[0]]
    np.testing.assert_allclose(found, array.ravel(), rtol=2e-7)
    assert ours.array.size == array.size


@pytest.mark.parametrize(
    ("dtype", "slope", "limits"),
    [
        (np.float32, 1, (-1e6, 1e6)),
        (np.float64, 1, (-1e6, 1e6)),
        (np.uint16, 0.001, (0, 65535)),
        (np.uint8, 2.5, (0, 255)),
    ],
)
def test_a_map_by_highdicom_has_the_values_and_places_that_highdicom_gives_it(
    dtype, slope, limits, tmp_path
):
    array = (np.random.default_rng(5).random((8, 10, 12)) * 250).astype(dtype)
    one = {"lut_label": "ADC", "lut_explanation": "x", "value_range": limits}
    path = by_highdicom(
        tmp_path / "map", array, [{**one, "slope": slope, "intercept": -1.5}], orientation="oblique"
    )
    ours = volume.load(path)
    theirs = highdicom.imread(path).get_volume(apply_real_world_transform=False)
    assert ours.array.dtype == np.float32
    assert ours.unit == "mm2/s"
    same_in_space(ours, theirs.affine, theirs.array.astype(np.float64) * slope - 1.5)
    assert "values in mm2/s" in codes(ours.findings)["real-world-values"]


def test_two_quantities_at_the_same_places_are_two_volumes(tmp_path):
    array = np.random.default_rng(5).random((8, 10, 12, 2)).astype(np.float32)
    one = {"lut_explanation": "x", "value_range": (-9.0, 9.0), "slope": 1, "intercept": 0}
    path = by_highdicom(
        tmp_path / "map", array, [[{**one, "lut_label": "Ktrans"}], [{**one, "lut_label": "ve"}]]
    )
    found = volume.load_all(path)
    assert [made.axis for made in found] == [("LUTLabel", 1), ("LUTLabel", 2)]
    for channel, made in enumerate(found):  # the sources lie along +normal, as the phantom does
        assert np.array_equal(made.array, array[..., channel])


def test_a_map_keeps_its_place_whatever_the_order_of_its_frames(tmp_path):
    truth = map_phantom(
        tmp_path / "map",
        [mapping()],
        lambda pixels: pixels.astype(np.float32),
        frames="shuffled",
        orientation="oblique",
    )
    made = volume.load(tmp_path / "map")
    assert truth.error_mm(made.array, made.geometry.affine) < MM
    assert made.unit == "mm2/s"


def test_slope_and_intercept_of_a_whole_map_are_applied(tmp_path):
    truth = map_phantom(tmp_path / "map", [mapping(0.5, -100.0, "10*-6.mm2/s")])
    made = volume.load(tmp_path / "map")
    real = (made.array + 100.0) / 0.5
    assert truth.error_mm(real, made.geometry.affine) < MM
    assert made.unit == "10*-6.mm2/s"
    assert volume.scan(tmp_path / "map").stacks[0].modality == "MR"


def test_the_window_of_a_map_is_one_of_its_real_values(tmp_path):
    def change(dataset):
        dataset.WindowCenter, dataset.WindowWidth = 1000, 500

    map_phantom(tmp_path / "map", [mapping(0.001, 1.0)], change=change)
    assert volume.load(tmp_path / "map").window == pytest.approx((2.0, 0.5))


def test_another_object_keeps_its_stored_values_and_the_mapping_is_said(tmp_path):
    def change(dataset):
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"

    truth = map_phantom(tmp_path / "mr", [mapping(0.5, 7.0)], change=change)
    made = volume.load(tmp_path / "mr")
    assert truth.error_mm(made.array, made.geometry.affine) < MM
    assert made.unit == ""
    assert "not applied" in codes(made.findings)["real-world-values"]


def test_a_map_made_of_a_ct_is_not_in_hounsfield_units(tmp_path):
    map_phantom(tmp_path / "map", [mapping(unit="1")], modality="CT", signed=False)
    made = volume.load(tmp_path / "map")
    assert (made.modality, made.unit) == ("CT", "1")
    coarse = volume.resample(made, spacing=5.0)
    assert coarse.array.min() >= 0  # nothing outside became air
    map_phantom(tmp_path / "none", modality="CT", signed=False, rescale="absent")
    unmapped = volume.load(tmp_path / "none")
    assert (unmapped.modality, unmapped.unit) == ("OT", "")
    assert "unknown unit" in codes(unmapped.findings)["real-world-values"]


def test_a_rescale_type_of_a_map_is_not_repeated(tmp_path):
    def change(dataset):
        shared = dataset.SharedFunctionalGroupsSequence[0]
        shared.PixelValueTransformationSequence[0].RescaleType = "Kim Hee"

    map_phantom(tmp_path / "map", change=change, rescale="constant")
    volume.export(volume.load(tmp_path / "map"), tmp_path / "map.nii.gz")
    assert "Kim" not in (tmp_path / "map.json").read_text()


def test_a_unit_comes_back_from_a_file_of_ours(tmp_path):
    map_phantom(tmp_path / "map", [mapping(unit="{SUVbw}g/ml")])
    volume.export(volume.load(tmp_path / "map"), tmp_path / "map.nii.gz")
    assert volume.load(tmp_path / "map.nii.gz").unit == "{SUVbw}g/ml"


def test_a_unit_that_ucum_does_not_have_is_not_repeated(tmp_path):
    map_phantom(tmp_path / "map", [mapping(unit="Kim^Hee", label="Kim^Hee")])
    made = volume.load(tmp_path / "map")
    assert made.unit == ""
    volume.export(made, tmp_path / "map.nii.gz")
    assert "Kim" not in (tmp_path / "map.json").read_text()


@pytest.mark.parametrize(
    ("code", "unit"),
    [
        ("mm2/s", "mm2/s"),
        ("{SUVbw}g/ml", "{SUVbw}g/ml"),
        ("ml/(100.ml)/min", "ml/(100.ml)/min"),
        ("[hnsf'U]", "HU"),
        ("%", "%"),
        ("John", ""),
        ("Kim^Hee", ""),
        ("m" * 40, ""),
    ],
)
def test_a_unit_is_what_ucum_spells(code, unit):
    assert read_unit(code, "UCUM") == unit
    assert read_unit(code, "99LOCAL") == ""


def with_voids(pixels):
    values = pixels.astype(np.float32)
    values[2, 3, 4], values[5, 6, 7], values[0, 0, 0] = np.nan, np.inf, -np.inf
    return values


def test_voxels_without_a_number_become_0_and_the_mask_tells_where(tmp_path, run):
    map_phantom(tmp_path / "map", [mapping()], with_voids)
    made = volume.load(tmp_path / "map")
    voids = [(2, 3, 4), (5, 6, 7), (0, 0, 0)]
    assert np.isfinite(made.array).all()
    assert [made.array[at] for at in voids] == [0, 0, 0]
    assert sorted(map(tuple, np.argwhere(made.valid == 0).tolist())) == sorted(voids)
    assert codes(made.findings)["no-number"].startswith("3 of 960 voxels hold no number")
    code, _, _ = run("export", tmp_path / "map", tmp_path / "map.nii.gz")
    assert code == 0
    mask = np.asanyarray(nibabel.load(tmp_path / "map.valid.nii.gz").dataobj)
    assert (mask == 0).sum() == 3
    again = volume.load(tmp_path / "map.nii.gz")
    assert np.array_equal(again.array, made.array)


def test_the_mask_of_a_tilted_map_still_tells_where_no_number_was(tmp_path):
    map_phantom(tmp_path / "map", [mapping()], with_voids, tilt=15.0, size=(24, 30, 20))
    made = volume.load(tmp_path / "map")
    assert np.isfinite(made.array).all()
    assert "gantry-tilt" in codes(made.findings)
    assert ((made.valid == 0) & (made.array == 0)).sum() >= 3


def test_doubles_are_rounded_to_float32_and_that_is_said(tmp_path):
    def doubles(pixels):
        values = pixels.astype(np.float64) + 1 / 3
        values[1, 1, 1], values[2, 2, 2], values[3, 3, 3] = 1e-60, 1e300, 0.5
        return values

    map_phantom(tmp_path / "map", [mapping()], doubles)
    made = volume.load(tmp_path / "map")
    found = codes(made.findings)
    assert made.array.dtype == np.float32
    assert "rounded to float32" in found["dtype-promoted"]
    assert "1 of them are too small" in found["dtype-promoted"]
    assert found["no-number"].startswith("1 of 960")
    assert made.array[3, 3, 3] == 0.5


def test_doubles_that_float32_holds_are_not_worth_a_word(tmp_path):
    truth = map_phantom(tmp_path / "map", [mapping()], lambda p: p.astype(np.float64) / 4)
    made = volume.load(tmp_path / "map")
    assert "dtype-promoted" not in codes(made.findings)
    assert truth.error_mm(made.array * 4, made.geometry.affine) < MM


def test_padding_of_floats_is_left_as_it_is_and_mixed_into_nothing(tmp_path):
    def padded(pixels):
        values = pixels.astype(np.float32)
        values[:, :4, :4] = -5000.5
        return values

    def change(dataset):
        dataset.FloatPixelPaddingValue = -5000.5

    map_phantom(
        tmp_path / "map", [mapping()], padded, change, offsets_mm=(0, 2, 4, 6, 9, 12, 15, 18)
    )
    made = volume.load(tmp_path / "map")
    assert "variable-spacing" in codes(made.findings)
    low = made.array[made.array < 0]
    assert len(low)
    assert set(low.tolist()) == {-5000.5}


def test_stored_values_beyond_the_range_of_the_mapping_are_counted(tmp_path):
    map_phantom(tmp_path / "in", [mapping(limits=(-1e9, 1e9))], lambda p: p.astype(np.float32))
    map_phantom(tmp_path / "out", [mapping(limits=(-1e9, 0))], lambda p: p.astype(np.float32))
    assert "lie outside" not in str(volume.load(tmp_path / "in").findings)
    found = [f.message for f in volume.load(tmp_path / "out").findings]
    assert any("960 voxels lie outside the range" in text for text in found)


def test_limits_of_16_bits_are_not_taken_for_negative_ones_of_floats(tmp_path):
    one = mapping()
    one.RealWorldValueFirstValueMapped, one.RealWorldValueLastValueMapped = 0, 65535
    for which in ("First", "Last"):
        one[f"RealWorldValue{which}ValueMapped"].VR = "US"
    map_phantom(tmp_path / "s", [one], lambda p: np.abs(p).astype(np.float32))
    assert "lie outside" not in str(volume.load(tmp_path / "s").findings)


@pytest.mark.parametrize(
    ("mappings", "why"),
    [
        ([mapping(), mapping(2.0)], "say different things"),
        ([mapping(0.0)], "RealWorldValueSlope is zero"),
        ([mapping(1e-50)], "RealWorldValueSlope is 1e-50"),
        ([mapping(float("nan"))], "RealWorldValueSlope holds"),
    ],
)
def test_a_mapping_that_cannot_be_followed_refuses_the_map(mappings, why, tmp_path):
    map_phantom(tmp_path / "map", mappings)
    found = volume.scan(tmp_path / "map")
    assert not found.stacks
    assert why in found.findings[0].message


def test_two_mappings_that_say_the_same_are_one(tmp_path):
    map_phantom(tmp_path / "map", [mapping(2.0, label="a"), mapping(2.0, label="b")])
    assert volume.load(tmp_path / "map").unit == "mm2/s"


def test_a_mapping_by_table_refuses_the_map(tmp_path):
    table = mapping()
    del table.RealWorldValueSlope, table.RealWorldValueIntercept
    table.RealWorldValueLUTData = [0.0, 1.0, 4.0]
    map_phantom(tmp_path / "map", [table])
    assert "tables are not handled" in volume.scan(tmp_path / "map").findings[0].message


def test_frames_of_several_units_are_no_one_volume(tmp_path):
    def change(dataset):
        frames = dataset.PerFrameFunctionalGroupsSequence
        for n, frame in enumerate(frames):
            frame.RealWorldValueMappingSequence = [mapping(unit="s" if n < 3 else "ms", label="T1")]

    map_phantom(tmp_path / "map", change=change)
    with pytest.raises(volume.GridError, match="to 2 units"):
        volume.load(tmp_path / "map")


def halved(dataset):
    dataset.FloatPixelData = dataset.FloatPixelData[: len(dataset.FloatPixelData) // 2]


def said_to_be_doubles(dataset):
    dataset.BitsAllocated = 64


def of_three_samples(dataset):
    dataset.SamplesPerPixel = 3


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (halved, "bytes of its pixels missing"),
        (said_to_be_doubles, "said to be 1 samples in 64 bits"),
        (of_three_samples, "said to be 3 samples in 32 bits"),
    ],
)
def test_floats_that_contradict_their_header_are_refused(change, why, tmp_path):
    map_phantom(tmp_path / "map", [mapping()], lambda p: p.astype(np.float32), change)
    found = volume.scan(tmp_path / "map")
    said = [f.message for f in found.findings]
    said += [f.message for stack in found.stacks for f in stack.refusals]
    assert why in " ".join(said)
    with pytest.raises(volume.VolumeError):
        volume.load(tmp_path / "map")


@pytest.mark.parametrize("syntax", ["implicit", "deflated"])
def test_floats_are_read_in_every_transfer_syntax_that_may_hold_them(syntax, tmp_path):
    truth = map_phantom(
        tmp_path / "map", [mapping()], lambda p: p.astype(np.float32), transfer_syntax=syntax
    )
    made = volume.load(tmp_path / "map")
    assert truth.error_mm(made.array, made.geometry.affine) < MM


def test_floats_written_big_endian_are_read(tmp_path):
    def change(dataset):  # pydicom writes the bytes of FloatPixelData as they stand
        dataset.FloatPixelData = (
            np.frombuffer(dataset.FloatPixelData, "<f4").astype(">f4").tobytes()
        )

    truth = map_phantom(
        tmp_path / "map",
        [mapping()],
        lambda p: p.astype(np.float32),
        change,
        transfer_syntax="big-endian",
    )
    made = volume.load(tmp_path / "map")
    assert truth.error_mm(made.array, made.geometry.affine) < MM


def test_what_a_map_takes_in_memory_is_foretold(tmp_path):
    map_phantom(tmp_path / "map", [mapping()], lambda p: p.astype(np.float64))
    with pytest.raises(volume.MemoryLimitError):
        volume.load(tmp_path / "map", limits="memory=1")


def test_the_sidecar_says_the_unit_and_the_mapping(tmp_path):
    map_phantom(tmp_path / "map", [mapping(0.5)])
    volume.export(volume.load(tmp_path / "map"), tmp_path / "map.nii.gz")
    document = json.loads((tmp_path / "map.json").read_text())
    assert "mm2/s" in json.dumps(document)


def test_no_warning_of_numpy_comes_through(tmp_path):
    map_phantom(tmp_path / "map", [mapping(1e25)], with_voids)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = volume.load(tmp_path / "map")
    assert made.array.max() > 1e27
