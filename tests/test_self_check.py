"""A mistake anywhere between the slices and the volume is caught before it leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import volume
from phantom import phantom
from volume.assembly import assemble
from volume.geometry import Geometry

SMALL = {"size": (24, 20, 8)}


def moved(geometry: Geometry, mm: float) -> Geometry:
    return Geometry(
        geometry.size, geometry.origin + np.array([0, 0, mm]), geometry.spacing, geometry.direction
    )


@pytest.mark.parametrize(("mm", "caught"), [(0.02, True), (-3.0, True), (0.005, False)])
def test_a_grid_that_is_off_is_caught(mm, caught, tmp_path, monkeypatch):
    phantom(tmp_path, **SMALL)
    right = assemble.own_geometry
    monkeypatch.setattr(assemble, "own_geometry", lambda stack: moved(right(stack), mm))
    if caught:
        with pytest.raises(volume.SelfCheckError, match="from its place"):
            volume.load(tmp_path)
    else:
        volume.load(tmp_path)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda array: array[::-1].copy(),
        lambda array: array[:, ::-1].copy(),
        lambda array: array[:, :, ::-1].copy(),
        lambda array: array + 1,
        lambda array: np.roll(array, 1, axis=0),
    ],
    ids=["slices reversed", "rows reversed", "columns reversed", "off by one", "slices rolled"],
)
@pytest.mark.parametrize("oddities", [{}, {"modality": "PT"}, {"enhanced": True}, {"tilt": 12.0}])
def test_voxels_that_are_not_the_slices_own_are_caught(mistake, oddities, tmp_path, monkeypatch):
    phantom(tmp_path, **SMALL, **oddities)
    right = assemble._values

    def wrong(*arguments):
        values = right(*arguments)
        return replace(values, array=mistake(values.array))

    monkeypatch.setattr(assemble, "_values", wrong)
    with pytest.raises(volume.SelfCheckError, match="differ"):
        volume.load(tmp_path)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda array: array + 30,
        lambda array: array[:, ::-1].copy(),
        lambda array: np.roll(array, 4, axis=0),
    ],
    ids=["too bright", "rows reversed", "slices rolled"],
)
def test_resampled_voxels_beyond_their_neighbours_are_caught(mistake, tmp_path, monkeypatch):
    phantom(tmp_path, **SMALL, tilt=15.0)
    right = assemble.straighten

    def wrong(*arguments, **options):
        array, valid = right(*arguments)
        return mistake(array), valid

    monkeypatch.setattr(assemble, "straighten", wrong)
    with pytest.raises(volume.SelfCheckError, match="outside the range"):
        volume.load(tmp_path)


def test_nothing_is_written_where_the_check_fails(tmp_path, monkeypatch):
    phantom(tmp_path / "series", **SMALL)
    right = assemble.own_geometry
    monkeypatch.setattr(assemble, "own_geometry", lambda stack: moved(right(stack), 1.0))
    with pytest.raises(volume.SelfCheckError) as failure:
        volume.export(volume.load(tmp_path / "series"), tmp_path / "head.nii")
    assert failure.value.exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["series"]
