"""Philips MR: displayed values are held, and the way to floating point values is told."""

from __future__ import annotations

import json

import numpy as np
import pydicom
import pytest
from pydicom import Dataset

import volume
from phantom import phantom

SMALL = {"size": (12, 10, 8), "modality": "MR", "gradient": (1, 2, 3)}
RS, RI, SS, SI = 1.5, 0.0, 0.00242, 0.0
"""RS x SS is 1 / 275: how far the values of dcm2niix#575 went apart."""


def scaled(dataset: Dataset, slope: float = SS, intercept: float = SI) -> None:
    block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    block.add_new(0x0D, "FL", intercept)
    block.add_new(0x0E, "FL", slope)


def in_every_frame(dataset: Dataset, slopes) -> None:
    for n, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        inner = Dataset()
        scaled(inner, slopes[n % len(slopes)])
        block = frame.private_block(0x2005, "Philips MR Imaging DD 005", create=True)
        block.add_new(0x0F, "SQ", [inner])


def said(made) -> list[volume.Finding]:
    return [finding for finding in made.findings if finding.code == "philips-scaling"]


def write(folder, change, **oddities):
    def edit(dataset, k, phase):
        change(dataset, k, phase)

    more = {"rescale": "constant", "slope": RS, "intercept": RI}
    return phantom(folder, edit=edit, **{**SMALL, **more, **oddities})


def test_displayed_values_are_held_and_the_report_leads_to_floating_point(tmp_path):
    truth = write(tmp_path / "s", lambda dataset, _k, _p: scaled(dataset))
    made = volume.load(tmp_path / "s")
    assert truth.error_mm(made.array, made.geometry.affine) < 0.3
    (finding,) = said(made)
    assert finding.severity == "info"
    assert "DV / 0.00363" in finding.message
    volume.export(made, tmp_path / "a.nii")
    told = json.loads((tmp_path / "a.json").read_text())["report"]["philips_scaling"]
    assert told["held"] == "DV"
    assert told["formula"] == "DV = PV x RS + RI; FP = DV / (RS x SS)"
    assert (told["RS"], told["RI"], told["SS"]) == (RS, RI, pytest.approx(SS))
    floating = made.array / (told["RS"] * told["SS"])
    stored = np.array([pydicom.dcmread(path).pixel_array for path in truth.paths])
    np.testing.assert_allclose(floating, (stored - SI) / SS, rtol=1e-5)  # PMC3998685


def test_frames_say_their_scale_in_a_private_sequence(tmp_path):
    write(tmp_path, lambda dataset, _k, _p: in_every_frame(dataset, [SS]), enhanced=True)
    made = volume.load(tmp_path)
    assert made.report["philips_scaling"]["SS"] == pytest.approx(SS)
    assert [finding.severity for finding in said(made)] == ["info"]


@pytest.mark.parametrize("enhanced", [False, True])
def test_slices_on_scales_of_their_own_cannot_be_compared_and_that_is_said(enhanced, tmp_path):
    def change(dataset, k, _phase):
        if enhanced:
            in_every_frame(dataset, [SS, 2 * SS])
        else:
            scaled(dataset, SS * (1 + k % 2))

    write(tmp_path, change, enhanced=enhanced)
    made = volume.load(tmp_path)
    (finding,) = said(made)
    assert finding.severity == "warning"
    assert "cannot be compared" in finding.message
    assert made.report["philips_scaling"]["SS"] == pytest.approx([SS, 2 * SS] * 4)


def test_a_slope_that_makes_up_for_the_other_changes_nothing(tmp_path):
    def change(dataset, k, _phase):
        dataset.RescaleSlope = str(RS * (1 + k % 2))
        scaled(dataset, SS / (1 + k % 2))

    write(tmp_path, change)
    (finding,) = said(volume.load(tmp_path))
    assert finding.severity == "info"


def test_volumes_on_scales_of_their_own_cannot_be_compared_and_that_is_said(tmp_path):
    def change(dataset, _k, phase):
        scaled(dataset, SS * (1 + phase))

    write(tmp_path, change, phases=2)
    for stack in volume.scan(tmp_path).stacks:
        messages = [finding.message for finding in said(stack)]
        assert any("2 volumes of this series" in message for message in messages)


def test_without_a_rescale_the_values_are_as_stored_and_that_is_said(tmp_path):
    write(tmp_path, lambda dataset, _k, _p: scaled(dataset), rescale="absent")
    made = volume.load(tmp_path)
    (finding,) = said(made)
    assert finding.severity == "warning"
    assert "as stored (PV)" in finding.message
    assert made.report["philips_scaling"]["held"] == "PV"
    assert made.report["philips_scaling"]["formula"] == "FP = (PV - SI) / SS"


@pytest.mark.parametrize("creator", ["Philips MR Imaging DD 004", "GEMS_PARM_01"])
def test_the_same_number_of_another_creator_is_no_scale(creator, tmp_path):
    def change(dataset, _k, _phase):
        block = dataset.private_block(0x2005, creator, create=True)
        block.add_new(0x0E, "FL", SS)

    write(tmp_path, change)
    assert said(volume.load(tmp_path)) == []


def test_a_scale_of_nothing_is_none(tmp_path):
    write(tmp_path, lambda dataset, _k, _p: scaled(dataset, 0.0))
    assert said(volume.load(tmp_path)) == []
