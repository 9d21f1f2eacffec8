"""SUV by body weight: hand-computed factors, or a reason why there is none."""

from __future__ import annotations

import json

import numpy as np
import pydicom
import pytest
from pydicom import Dataset

import shared_data
import volume
from phantom import phantom
from planted import found_in, plant
from volume.dicom.moment import moment, moment_of

SMALL = {"size": (12, 10, 8), "modality": "PT", "gradient": (1, 2, 3)}
HOUR_OF_F18 = 2.763367e-4
"""70,000 g / (370 MBq x 2^(-3600 s / 6586.2 s)), by hand."""


def tracer(**more) -> Dataset:
    item = Dataset()
    item.RadiopharmaceuticalStartTime = "090000.00"
    item.RadionuclideTotalDose, item.RadionuclideHalfLife = "370000000", "6586.2"
    for keyword, value in more.items():
        setattr(item, keyword, value)
    return item


def usual(dataset: Dataset) -> None:
    """Write what a good scanner does: F-18, one hour before the scan began."""
    dataset.PatientWeight, dataset.Units = "70", "BQML"
    dataset.CorrectedImage = ["DECY", "ATTN", "SCAT", "NORM"]
    dataset.DecayCorrection = "START"
    dataset.SeriesDate = dataset.AcquisitionDate = "20200102"
    dataset.SeriesTime, dataset.AcquisitionTime = "100000.00", "100500"
    dataset.RadiopharmaceuticalInformationSequence = [tracer()]


def pet(folder, change=None, **oddities):
    """Write a PET; `change` is made to the data set of every slice k."""

    def edit(dataset: Dataset, k: int, _phase: int) -> None:
        usual(dataset)
        if change is not None:
            change(dataset, k)

    return phantom(folder, edit=edit, **{**SMALL, **oddities})


def factor_of(folder, change=None, **oddities) -> float | None:
    pet(folder, change, **oddities)
    return volume.load(folder).report["suv"]["factor"]


def test_the_factor_is_weight_over_the_dose_at_the_scans_start(tmp_path):
    assert factor_of(tmp_path) == pytest.approx(HOUR_OF_F18, rel=1e-6)


def test_the_report_tells_the_formula_and_neither_weight_nor_dose(tmp_path):
    pet(tmp_path / "s")
    volume.export(volume.load(tmp_path / "s"), tmp_path / "pet.nii.gz")
    written = (tmp_path / "pet.json").read_text()
    suv = json.loads(written)["report"]["suv"]
    assert suv["half_life_s"] == 6586.2
    assert (suv["decay_s"], suv["decay_correction"], suv["applied"]) == (3600, "START", False)
    assert "weight in g" in suv["formula"]
    assert (suv["type"], suv["unit"]) == ("BW", "g/mL")
    assert "370000000" not in written
    assert "InjectedRadioactivity" not in written  # the weight would follow from it


@pytest.mark.parametrize("unit", ["own", "suv"])
def test_what_the_factor_is_made_of_is_not_written(unit, tmp_path):
    def telling(dataset, _k):
        dataset.PatientWeight = "71.357"
        (item,) = dataset.RadiopharmaceuticalInformationSequence
        item.RadionuclideTotalDose, item.RadiopharmaceuticalStartTime = "371234567", "090143"

    pet(tmp_path / "s", telling)
    written = volume.export(volume.load(tmp_path / "s", unit=unit), tmp_path / "a.nrrd")
    everything = b"".join(path.read_bytes() for path in written)
    for secret in (b"71.357", b"71357", b"371234567", b"090143", b"09:01", b"20200102"):
        assert secret not in everything


def test_no_planted_value_is_in_what_is_said_of_a_pet(tmp_path):
    (tmp_path / "out").mkdir()
    tokens = plant(tmp_path / "s", modality="PT", gradient=(1, 2, 3))
    made = volume.load(tmp_path / "s")
    assert made.report["suv"]["factor"] is None
    assert found_in(volume.export(made, tmp_path / "out" / "a.nii.gz"), tokens) == []


def test_slices_of_several_units_are_no_one_volume(tmp_path):
    def mixed(dataset, k):
        dataset.Units = "CNTS" if k == 3 else "BQML"

    pet(tmp_path / "s", mixed)
    with pytest.raises(volume.GridError, match=r"2 units, of no one quantity \(BQML, CNTS\)"):
        volume.load(tmp_path / "s")


def test_on_request_the_values_are_suv(tmp_path):
    truth = pet(tmp_path)
    own, suv = volume.load(tmp_path), volume.load(tmp_path, unit="suv")
    assert (own.unit, suv.unit, suv.array.dtype) == ("BQML", "SUVbw", np.float32)
    assert truth.error_mm(suv.array / HOUR_OF_F18, suv.geometry.affine) < 0.12
    np.testing.assert_allclose(suv.array, own.array * HOUR_OF_F18, rtol=1e-5)
    assert suv.report["suv"]["applied"]
    assert [one.unit for one in volume.load_all(tmp_path, unit="suv")] == ["SUVbw"]


def test_a_resampled_volume_is_in_suv_too(tmp_path):
    offsets = tuple(np.cumsum([0, *[2.5] * 5, *[5.0] * 5]))
    truth = pet(tmp_path, offsets_mm=offsets, size=(12, 10, 11))
    made = volume.load(tmp_path, unit="suv")
    assert truth.error_mm(made.array / HOUR_OF_F18, made.geometry.affine) < 0.12


def test_the_window_goes_with_the_values(tmp_path):
    def windowed(dataset, _k):
        dataset.WindowCenter, dataset.WindowWidth = 5000, 10000

    pet(tmp_path, windowed)
    centre, width = volume.load(tmp_path, unit="suv").window
    assert (centre, width) == pytest.approx((5000 * HOUR_OF_F18, 10000 * HOUR_OF_F18))


def midnight(dataset, _k):
    dataset.SeriesTime, dataset.AcquisitionTime = "001500", "001600"
    dataset.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartTime = "231500"


def midnight_with_date(dataset, k):
    midnight(dataset, k)
    item = dataset.RadiopharmaceuticalInformationSequence[0]
    item.RadiopharmaceuticalStartDateTime = "20200101231500.000000+0900"


def ge_made_later(dataset, _k):
    dataset.SeriesDate, dataset.SeriesTime = "20200105", "173000"
    block = dataset.private_block(0x0009, "GEMS_PETD_01", create=True)
    block.add_new(0x0D, "DT", "20200102100000.00")


def siemens_made_later(dataset, k):
    """Six-minute beds from the scan's start on; the time of each is that of its mean count rate."""
    dataset.SeriesTime = "173000"
    bed = k // 4
    dataset.AcquisitionTime = f"10{6 * bed:02d}00"
    dataset.ActualFrameDuration = 360_000
    decay = np.log(2) / 6586.2
    during = decay * 360
    mean = np.log(during / (1 - np.exp(-during))) / decay
    dataset.FrameReferenceTime = f"{1000 * (360 * bed + mean):.3f}"


def by_decay_factor(dataset, k):
    dataset.SeriesTime = "173000"
    bed = k // 4
    dataset.AcquisitionTime = f"10{6 * bed:02d}00"
    dataset.ActualFrameDuration = 360_000
    during = np.log(2) / 6586.2 * 360
    factor = during / (1 - np.exp(-during)) * 2 ** (360 * bed / 6586.2)
    dataset.DecayFactor = f"{factor:.6f}"


def with_its_decay_factor(dataset, k):
    by_decay_factor(dataset, k)
    dataset.SeriesTime = "100000"


def whole_seconds(dataset, _k):
    dataset.SeriesTime, dataset.AcquisitionTime = "100000.370000", "100000"


def written_before_dicom(dataset, _k):
    dataset.SeriesDate = dataset.AcquisitionDate = ""


def other_block(dataset, k):
    dataset.private_block(0x0009, "SOMEONE ELSE", create=True)
    ge_made_later(dataset, k)


SAME_HOUR = {
    "across midnight": midnight,
    "across midnight, dated": midnight_with_date,
    "GE, made later": ge_made_later,
    "GE, in another block": other_block,
    "Siemens, made later": siemens_made_later,
    "by decay factor": by_decay_factor,
    "with its decay factor": with_its_decay_factor,
    "without dates": written_before_dicom,
    "a fraction of a second later": whole_seconds,
}


@pytest.mark.parametrize("change", SAME_HOUR.values(), ids=SAME_HOUR)
def test_the_scans_start_is_found_however_it_is_written(change, tmp_path):
    assert factor_of(tmp_path, change) == pytest.approx(HOUR_OF_F18, rel=6e-5)


def test_a_scan_may_begin_just_before_the_injection(tmp_path):
    def dynamic(dataset, _k):
        item = dataset.RadiopharmaceuticalInformationSequence[0]
        item.RadiopharmaceuticalStartTime = "100030"

    expected = 70000 / (370e6 * 2 ** (30 / 6586.2))
    assert factor_of(tmp_path, dynamic) == pytest.approx(expected, rel=1e-6)


def test_images_corrected_to_the_injection_need_no_decay(tmp_path):
    def admin(dataset, _k):
        dataset.DecayCorrection = "ADMIN"

    assert factor_of(tmp_path, admin) == pytest.approx(70000 / 370e6)


def philips(**factors):
    def change(dataset, _k):
        dataset.Units = "CNTS"
        block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
        for element, factor in factors.items():
            block.add_new(int(element[1:], 16), "DS", str(factor))

    return change


def test_philips_counts_have_a_factor_of_their_own(tmp_path):
    assert factor_of(tmp_path, philips(x00=0.000531, x09=2.5)) == pytest.approx(0.000531)


@pytest.mark.parametrize("factors", [{"x09": 2.5}, {"x00": 0, "x09": 2.5}])
def test_philips_counts_become_activity_by_the_other_factor(factors, tmp_path):
    assert factor_of(tmp_path, philips(**factors)) == pytest.approx(2.5 * HOUR_OF_F18, rel=1e-6)


@pytest.mark.parametrize("suv_type", ["", "BW"])
def test_values_in_grams_per_millilitre_are_suv_already(suv_type, tmp_path):
    def already(dataset, _k):
        dataset.Units = "GML"
        if suv_type:
            dataset.SUVType = suv_type

    assert factor_of(tmp_path, already) == 1.0
    assert volume.load(tmp_path, unit="suv").unit == "SUVbw"


def put(keyword, value):
    return lambda dataset, _k: setattr(dataset, keyword, value)


def in_tracer(keyword, value):
    return lambda dataset, _k: setattr(
        dataset.RadiopharmaceuticalInformationSequence[0], keyword, value
    )


def second_tracer(dataset, _k):
    dataset.RadiopharmaceuticalInformationSequence.append(tracer())


def lean(dataset, _k):
    dataset.Units, dataset.SUVType = "GML", "LBM"


def one_weighs_more(dataset, k):
    dataset.PatientWeight = "70" if k else "71"


def one_without_dose(dataset, k):
    if k == 3:
        dataset.RadiopharmaceuticalInformationSequence = []


def made_later(dataset, _k):
    dataset.SeriesTime, dataset.FrameReferenceTime = "173000", 0
    del dataset.DecayFactor


def two_injections(dataset, _k):
    item = dataset.RadiopharmaceuticalInformationSequence[0]
    item.RadiopharmaceuticalStartDateTime = "20200102080000"


def contradicting(dataset, k):
    by_decay_factor(dataset, k)
    dataset.SeriesTime = "093000"


def far_away(dataset, k):
    made_later(dataset, k)
    dataset.FrameReferenceTime, dataset.ActualFrameDuration = "1e300", 1000


def in_year_one(dataset, _k):
    dataset.SeriesDate = dataset.AcquisitionDate = "00010101"
    dataset.SeriesTime = dataset.AcquisitionTime = "001000"


UNAVAILABLE = {
    "Weight is missing": put("PatientWeight", ""),
    "Weight cannot be": put("PatientWeight", "70000"),
    "Total Dose is missing": in_tracer("RadionuclideTotalDose", None),
    "Total Dose cannot be one in Bq": in_tracer("RadionuclideTotalDose", "370"),
    "Total Dose cannot be one in Bq ": in_tracer("RadionuclideTotalDose", "370000"),
    "Half Life is missing": in_tracer("RadionuclideHalfLife", None),
    "Start Time is missing": in_tracer("RadiopharmaceuticalStartTime", ""),
    "10 half-lives": in_tracer("RadiopharmaceuticalStartDateTime", "20191102090000"),
    "10 half-lives ": in_tracer("RadiopharmaceuticalStartDateTime", "20200202090000"),
    "two times of the injection": two_injections,
    "several radiopharmaceuticals": second_tracer,
    "not corrected for attenuation": put("CorrectedImage", ["DECY", "SCAT"]),
    "not corrected for attenuation ": put("CorrectedImage", ["ATTN"]),
    "Decay Correction is NONE": put("DecayCorrection", "NONE"),
    "Decay Correction is not said": put("DecayCorrection", ""),
    "values are PROPCPS": put("Units", "PROPCPS"),
    "values are of another kind": put("Units", "HONG"),
    "counts": put("Units", "CNTS"),
    "not by body weight: LBM": lean,
    "disagree on Patient's Weight": one_weighs_more,
    "disagree on Radionuclide Total Dose": one_without_dose,
    "to when decay is corrected is not said": made_later,
    "Acquisition Time is missing": put("AcquisitionTime", ""),
    "Decay Factor and Series Time": contradicting,
    "Factor (7053,1000) cannot be one": philips(x00=-1),
    "Factor (7053,1009) cannot be one": philips(x09="1e300"),
    "beyond every calendar": far_away,
    "beyond every calendar ": in_year_one,
}


@pytest.mark.parametrize(("why", "change"), UNAVAILABLE.items(), ids=UNAVAILABLE)
def test_without_what_it_needs_there_is_no_factor_and_the_reason_is_said(why, change, tmp_path):
    pet(tmp_path, change)
    made = volume.load(tmp_path)
    assert made.report["suv"]["factor"] is None
    (finding,) = (f for f in made.findings if f.code == "suv-unavailable")
    assert why.strip() in finding.message
    assert "HONG" not in finding.message
    with pytest.raises(volume.GridError, match="no SUV") as refusal:
        volume.load(tmp_path, unit="suv")
    assert why.strip() in refusal.value.what
    assert 'leave out unit="suv"' in str(refusal.value)


def test_an_enhanced_pet_has_no_factor(tmp_path):
    def enhanced(dataset, _k, _phase):
        dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.130", "PT"

    phantom(tmp_path, size=(12, 10, 8), enhanced=True, edit=enhanced)
    made = volume.load(tmp_path)
    (finding,) = (f for f in made.findings if f.code == "suv-unavailable")
    assert "only of one slice a file" in finding.message


def test_a_ct_has_no_suv_and_says_nothing_of_it(tmp_path):
    phantom(tmp_path, size=(12, 10, 8))
    assert "suv" not in volume.load(tmp_path).report
    with pytest.raises(volume.GridError, match="CT is no PET"):
        volume.load(tmp_path, unit="suv")


def test_a_volume_file_has_no_suv_unless_it_holds_it(tmp_path):
    pet(tmp_path / "s")
    volume.export(volume.load(tmp_path / "s"), tmp_path / "own.nii.gz")
    volume.export(volume.load(tmp_path / "s", unit="suv"), tmp_path / "suv.nii.gz")
    with pytest.raises(volume.GridError, match="volume file"):
        volume.load(tmp_path / "own.nii.gz", unit="suv")
    assert volume.load(tmp_path / "suv.nii.gz", unit="suv").unit == "SUVbw"


def test_another_unit_is_a_mistake(tmp_path):
    pet(tmp_path)
    with pytest.raises(ValueError, match="unit is one of own, suv"):
        volume.load(tmp_path, unit="SUL")


def test_the_command_line_exports_suv_or_says_why_not(run, tmp_path):
    pet(tmp_path / "s")
    assert run("export", tmp_path / "s", tmp_path / "a.nii", "--unit", "suv")[0] == 0
    told = json.loads((tmp_path / "a.json").read_text())
    assert (told["unit"], told["report"]["options"]["unit"]) == ("SUVbw", "suv")
    pet(tmp_path / "t", put("PatientWeight", ""))
    code, _, said = run("export", tmp_path / "t", tmp_path / "b.nii", "--unit", "suv")
    assert code == 4
    assert "Patient's Weight is missing" in said
    assert "leave out --unit suv" in said
    assert not (tmp_path / "b.nii").exists()


def test_a_surface_may_be_made_at_a_level_of_suv(run, tmp_path):
    pet(tmp_path / "s")
    level = float(np.median(volume.load(tmp_path / "s", unit="suv").array))
    arguments = ("--unit", "suv", "--level", f"{level:.6g}")
    assert run("mesh", tmp_path / "s", tmp_path / "a.stl", *arguments)[0] == 0
    assert json.loads(next(tmp_path.glob("a*.json")).read_text())["report"]["unit"] == "SUVbw"


def test_slices_that_lose_their_pixels_are_scaled_once(tmp_path):
    pet(tmp_path / "s", truncate=(7,), size=(12, 10, 9))
    made = volume.load(tmp_path / "s", gaps="fill", unit="suv")
    own = volume.load(tmp_path / "s", gaps="fill")
    np.testing.assert_allclose(made.array, own.array * HOUR_OF_F18, rtol=1e-4)


def test_a_real_pet_slice_of_ge_has_its_factor():
    """90 kg, 474.592928 MBq of F-18 (6588 s), 09:32:00 to 11:00:36: 5316 s."""
    found = volume.scan(shared_data.folder("pet_fragments"))
    (first,) = (s for s in found.stacks if s.slices[0].name == "GH184.dcm")
    suv = volume.load(found.source, series=first.id).report["suv"]
    assert suv["factor"] == pytest.approx(90000 / (474592928 * 0.5716), rel=1e-4)
    assert suv["decay_s"] == 5316
    (second,) = (s for s in found.stacks if s.slices[0].name == "GH610.dcm")
    suv = volume.load(found.source, series=second.id).report["suv"]
    assert "ATTN" in str(pydicom.dcmread(first.slices[0].path).CorrectedImage)
    assert suv["factor"] is None


@pytest.mark.parametrize(
    ("date", "time", "iso"),
    [
        ("20200102", "101112.5", "2020-01-02T10:11:12.500000"),
        ("2020.01.02", "10:11:12", "2020-01-02T10:11:12"),
        ("20200102", "10", "2020-01-02T10:00:00"),
        ("20161231", "235960", "2016-12-31T23:59:59"),
        ("20200230", "1011", None),
        ("", "1011", None),
        ("20200102", "", None),
        ("20200102", "99", None),
        ("٢٠٢٠0102", "1011", None),
    ],
)
def test_dates_and_times_are_read_strictly(date, time, iso):
    found = moment(date, time)
    assert (found and found.isoformat()) == iso


def test_a_time_of_another_zone_is_not_compared():
    assert moment_of("20200102101112.5+0900", "+0900") == moment("20200102", "101112.5")
    assert moment_of("20200102101112", "+0900") == moment("20200102", "101112")
    assert moment_of("20200102101112+0000", "+0900") is None
    assert moment_of("2020") is None
