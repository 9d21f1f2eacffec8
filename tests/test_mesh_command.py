"""`volume mesh`: what it writes and says, and what it says is possible where it cannot."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import volume
from blobs import BLOBS, blob_volume
from volume.processing.presets import PRESETS


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """Write six blobs of bone in a ball of flesh, as a file whose sidecar says that it is a CT."""
    path = tmp_path_factory.mktemp("head") / "head.nii"
    volume.export(blob_volume(), path)
    return path


def test_it_says_what_it_did(run, head, tmp_path):
    options = ("--preset", "bone", "--reduce", "0.5", "--largest", "4", "--smooth", "5")
    code, _, said = run("mesh", head, tmp_path / "a.ply", *options)
    assert code == 0
    assert "closed" in said and "cm2" in said and "mL" in said
    assert "left out: 2 smaller bodies" in said
    assert "smoothing moved no place by more than" in said
    assert "reduction moved no place by more than" in said


def test_json_holds_the_whole_report(run, head, tmp_path):
    options = ("--range", "200,3000", "--reduce", "0.5", "--space", "ras")
    code, out, _ = run("mesh", head, tmp_path / "a.stl", *options, "--json")
    (told,) = json.loads(out)["meshes"]
    assert code == 0
    assert (told["range"], told["components"], told["closed"]) == ([200, 3000], 6, True)
    assert told["boundary_edges"] == told["non_manifold_edges"] == 0
    assert told["reduction"]["fraction"] == pytest.approx(0.5, abs=0.02)
    assert told["smoothing"]["moved_mm"] > 0
    back = volume.read_mesh(tmp_path / "a.stl").points
    assert back.min(axis=0) == pytest.approx(told["bounds"][0], abs=1e-3)


def test_split_writes_one_file_a_body(run, head, tmp_path):
    code, out, _ = run("mesh", head, tmp_path / "a.obj", "--split", "--json")
    assert code == 0
    names = [one["outputs"][0].rpartition("/")[2] for one in json.loads(out)["meshes"]]
    assert names == [f"a_{n}.obj" for n in range(1, 7)]
    for name in names:
        points = volume.read_mesh(tmp_path / name).points
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        assert min(np.linalg.norm(middle - place) for place in BLOBS.values()) < 1.5


def test_clip_keeps_what_lies_in_the_box(run, head, tmp_path):
    clip = ("--clip", "-60,0,-60,60,-60,60")
    code, out, _ = run("mesh", head, tmp_path / "a.stl", *clip, "--json")
    (told,) = json.loads(out)["meshes"]
    assert code == 0 and told["closed"]
    assert told["bounds"][1][0] <= 0


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--level", "90000"), 1, "the values lie between -1000 and 1000 HU"),
        (("--range", "300,200"), 1, "from a lower to a higher value"),
        (("--range", "2000,3000"), 1, "the values lie between -1000 and 1000 HU"),
        (("--range", "500,600"), 1, "the surface is empty"),
        (("--preset", "unobtainium"), 2, "'bone', 'compact-bone'"),
        (("--preset", "enamel"), 1, "the values lie between -1000 and 1000 HU"),
        (("--clip", "500,600,0,1,0,1"), 1, "extends over x -51 to 51"),
        (("--clip", "1,0,0,1,0,1"), 1, "each pair ascending"),
        (("--clip", "45,48,45,48,45,48"), 1, "no voxel in the box has such values"),
        (("--min-volume", "900"), 1, "the largest of 6 has"),
        (("--reduce", "1.5"), 1, "between 0 and 1"),
        (("--reduce", "0.5", "--tolerance", "1"), 2, "exclude each other"),
        (("--level", "1", "--preset", "bone"), 2, "exclude each other"),
        (("--level", "0", "--preset", "bone"), 2, "exclude each other"),
        (("--reduce", "0", "--tolerance", "1"), 2, "exclude each other"),
        (("--labels", "--level", "1"), 2, "exclude each other"),
        (("--labels",), 0, "3 surfaces: label -1000"),
    ],
)
def test_it_says_what_is_possible(run, head, tmp_path, options, code, words):
    got, _, said = run("mesh", head, tmp_path / "a.stl", *options)
    assert (got, words in " ".join(said.split())) == (code, True), said
    assert code == 0 or not list(tmp_path.iterdir())


def test_an_existing_file_and_an_unknown_suffix_are_told_before_any_work(run, head, tmp_path):
    (tmp_path / "a.stl").write_text("precious")
    assert run("mesh", head, tmp_path / "a.stl")[0] == 1
    code, _, said = run("mesh", head, tmp_path / "a.3mf")
    assert code == 2 and ".stl .ply .obj .glb .vtp" in said
    (tmp_path / "b_3.stl").write_text("precious")
    assert run("mesh", head, tmp_path / "b.stl", "--split")[0] == 1
    assert not (tmp_path / "b_1.stl").exists()
    assert (tmp_path / "b_3.stl").read_text() == "precious"


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_for_ct(preset):
    mr = replace(blob_volume(), modality="MR", unit="")
    with pytest.raises(volume.SurfaceError, match="is for a CT in HU, and this is MR"):
        volume.mesh(mr, preset=preset)


def test_presets_have_the_levels_of_the_field():
    levels = {name: low for name, (low, _) in PRESETS.items()}
    assert (levels["bone"], levels["compact-bone"]) == (226, 662)
    assert (levels["enamel"], levels["skin"]) == (1553, -200)


def test_a_preset_of_a_file_that_says_nothing_is_said_to_be_assumed():
    nameless = replace(blob_volume(), modality="", unit="")
    report = volume.mesh(nameless, preset="bone").report
    assert "the values are HU" in report["assumed"][0]


def test_a_colour_volume_has_no_level():
    ct = blob_volume()
    colour = replace(ct, array=np.zeros((*ct.array.shape, 3), np.uint8))
    with pytest.raises(volume.SurfaceError, match="colour"):
        volume.mesh(colour, 1)


@pytest.mark.parametrize("wish", [{}, {"preset": "bone"}])
def test_a_ct_that_names_no_unit_is_taken_for_hu_and_that_is_said(wish):
    assert "assumed" not in volume.mesh(blob_volume(), **wish).report
    (said,) = volume.mesh(replace(blob_volume(), unit=""), **wish).report["assumed"]
    assert "nothing says so" in said


def test_smoothing_that_would_take_a_body_away_is_said(run, head, tmp_path):
    code, _, said = run("mesh", head, tmp_path / "a.stl", "--smooth", "300")
    assert (code, "not smoothed, as they would shrink: 6 of 6 bodies" in said) == (0, True), said
    code, _, said = run("mesh", head, tmp_path / "b.stl")
    assert (code, "not smoothed" in said) == (0, False)


def test_a_mesh_in_the_place_of_the_volume_is_told(run, head, tmp_path):
    assert run("mesh", head, tmp_path / "a.stl")[0] == 0
    code, _, said = run("mesh", tmp_path / "a.stl", tmp_path / "b.ply")
    assert (code, "this is a mesh already" in said) == (1, True), said


def test_large_numbers_are_written_out(run, tmp_path):
    small = blob_volume()
    grid = replace(small.geometry, spacing=small.geometry.spacing * 10)
    volume.export(replace(small, geometry=grid), tmp_path / "whale.nii")
    options = ("--preset", "bone", "--largest", "2")
    code, _, said = run("mesh", tmp_path / "whale.nii", tmp_path / "a.stl", *options)
    assert (code, "e+0" in said) == (0, False), said
