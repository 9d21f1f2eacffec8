"""A file that looks like ten thousand odd slices is judged without a search that never ends."""

from __future__ import annotations

import numpy as np
import pytest

from volume.assembly import grouping, spacing
from volume.assembly.grouping import KINDS_AT_MOST, group_slices
from volume.assembly.spacing import fit_spacing
from volume.dicom.files import FoundFile
from volume.dicom.reader import read_headers

from dataclasses import replace  # isort: skip
from phantom import phantom  # isort: skip


@pytest.fixture(scope="module")
def header(tmp_path_factory):
    truth = phantom(tmp_path_factory.mktemp("one"), size=(8, 6, 1))
    return read_headers(FoundFile(str(truth.paths[0]), "a"))[0][0]


def counted(monkeypatch, module, name: str) -> list[int]:
    """Count how often a function of a module is called."""
    real, calls = getattr(module, name), []
    monkeypatch.setattr(module, name, lambda *what, **how: (calls.append(1), real(*what, **how))[1])
    return calls


def turned(header, angle: float):
    c, s = float(np.cos(angle)), float(np.sin(angle))
    return replace(header, orientation=((c, s, 0.0), (0.0, 0.0, 1.0)))


def test_images_of_more_orientations_than_there_can_be_are_one_refusal(header):
    slices = [turned(header, angle) for angle in np.linspace(0, 2 * np.pi, 5000)]
    ((group,),) = group_slices(slices).values()
    (refusal,) = group.findings
    assert refusal.code == "not-a-stack"
    assert f"over {KINDS_AT_MOST} orientations" in refusal.message


def test_images_of_more_spacings_than_there_can_be_are_one_refusal(header):
    slices = [replace(header, pixel_spacing=(0.5 + n / 1000, 1.0)) for n in range(5000)]
    ((group,),) = group_slices(slices).values()
    assert group.findings[0].code == "not-a-stack"
    assert "pixel spacings" in group.findings[0].message


def test_spacings_are_compared_with_their_neighbours_alone(header, monkeypatch):
    compared = counted(monkeypatch, grouping.np, "allclose")
    spacings = [0.5 + n / 1000 for n in range(300)] * 3
    group_slices([replace(header, pixel_spacing=(s, s)) for s in spacings])
    assert len(compared) <= 9 * len(spacings)


@pytest.mark.parametrize("off", [0.0, 0.00009, 0.00011])
def test_spacings_within_a_ten_thousandth_are_one(header, off):
    for spacing_mm in (0.3, 0.703125, 1.0, 4.0):
        pair = [
            replace(header, pixel_spacing=(s, 1.0)) for s in (spacing_mm, spacing_mm * (1 + off))
        ]
        (groups,) = group_slices(pair).values()
        assert len(groups) == (1 if off < 0.0001 else 2)


def test_a_pitch_that_cannot_be_is_found_out_by_a_few_slices(monkeypatch):
    offsets = np.sort(np.random.default_rng(1).uniform(0, 1e5, 20_000))
    looked = counted(monkeypatch, spacing.np, "diff")
    assert fit_spacing(offsets, 0.0, 1.0).kind == "irregular"
    assert len(looked) < 100  # of 80,000 pitches, those that were tried on every slice
