"""The JSON beside an output: what it says, and what it never says."""

from __future__ import annotations

import json

import numpy as np
import pytest

from grids import noise, oblique
from volume import __version__
from volume.findings import info, warning
from volume.formats import sidecar
from volume.formats.files import export, read
from volume.surface import Mesh
from volume.volume import Volume

SOURCE = "HONG_GILDONG_001"
REPORT = {
    "series_uid": "1.2.840.1",
    "files": {"total": 3, "used": 3},
    "slices": [{"path": f"{SOURCE}/I01", "uid": "1.2.840.1.1"}, {"files": [SOURCE], "k": 1}],
}


def told(tmp_path, what, **options) -> dict:
    paths = export(what, tmp_path / ("m.stl" if isinstance(what, Mesh) else "v.nii"), **options)
    return json.loads(paths[-1].read_text(encoding="utf-8"))


def head(**more) -> Volume:
    found = warning(
        "missing-slices",
        "a gap of 7.5 mm after slice 16",
        files=(SOURCE,),
        evidence={"gap_mm": 7.5, "path": SOURCE},
        remedy=("gaps", "fill"),
    )
    known = {"modality": "CT", "unit": "HU", "report": REPORT, "findings": (found,)} | more
    return noise(oblique(left_handed=True), **known)


def mesh() -> Mesh:
    points = np.eye(3, dtype=np.float32)
    return Mesh(points, np.array([[0, 1, 2]], np.int32), points, {"level": 300, "path": SOURCE})


def test_it_says_where_the_volume_is_and_what_it_holds(tmp_path):
    document = told(tmp_path, head())
    assert document["schema"] == "volume.sidecar/1"
    assert document["software"] == {"name": "volume", "version": __version__}
    assert (document["file"], document["kind"], document["others"]) == ("v.nii", "volume", [])
    assert (document["modality"], document["unit"]) == ("CT", "HU")
    place, grid = document["geometry"], head().geometry
    assert (place["space"], place["length"], place["size"]) == ("LPS", "mm", [9, 8, 7])
    direction = np.array(place["direction"]).reshape(3, 3)
    corner = direction @ (np.array([8, 7, 6]) * place["spacing"]) + place["origin"]
    np.testing.assert_allclose(corner, grid.to_world([8, 7, 6]), atol=1e-9)


def test_it_keeps_the_findings_and_the_way_back_to_the_archive(tmp_path):
    document = told(tmp_path, head())
    (finding,) = document["findings"]
    assert finding["code"] == "missing-slices"
    assert finding["evidence"] == {"gap_mm": 7.5}
    assert finding["remedy"] == ["gaps", "fill"]
    assert document["report"]["slices"] == [{"uid": "1.2.840.1.1"}, {"k": 1}]


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha", ".npz"])
def test_no_file_of_the_source_is_named_anywhere(tmp_path, suffix):
    for path in export(head(), tmp_path / f"v{suffix}"):
        content = path.read_bytes()
        assert SOURCE.encode() not in content
        assert SOURCE.encode("utf-32-le") not in content
    for path in export(mesh(), tmp_path / "m.ply"):
        assert SOURCE.encode() not in path.read_bytes()


def test_files_of_the_source_are_named_when_asked_for(tmp_path):
    document = told(tmp_path, head(), identifiers=True)
    assert document["report"] == REPORT
    assert document["findings"][0]["files"] == [SOURCE]
    assert told(tmp_path, mesh(), identifiers=True)["report"]["path"] == SOURCE


def test_several_volumes_each_have_their_account(tmp_path):
    phases = (head(report={"phase": 0}), head(report={"phase": 1}, findings=()))
    document = told(tmp_path, phases)
    assert document["kind"] == "volumes"
    assert [one["report"]["phase"] for one in document["volumes"]] == [0, 1]
    assert [len(one["findings"]) for one in document["volumes"]] == [1, 0]


def test_a_mesh_has_its_report(tmp_path):
    document = told(tmp_path, mesh())
    assert (document["kind"], document["space"]) == ("mesh", "LPS")
    assert document["report"] == {"level": 300}


def test_it_is_utf_8_with_a_newline_and_the_same_every_time(tmp_path):
    said = info("split-by", "위상 2")
    texts = [
        export(head(findings=(said,)), tmp_path / f"{n}" / "v.nii")[1].read_bytes()
        for n in range(2)
        if not (tmp_path / f"{n}").mkdir()
    ]
    assert texts[0] == texts[1]
    assert texts[0].endswith(b"}\n") and "위상 2".encode() in texts[0]


def test_a_number_that_json_lacks_is_a_bug_and_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        export(head(report={"residual": float("nan")}), tmp_path / "v.nii")
    assert list(tmp_path.iterdir()) == []


def test_modality_and_unit_come_back(tmp_path):
    (path, _) = export(head(), tmp_path / "v.nii.gz")
    again = read(path)
    assert (again.modality, again.unit) == ("CT", "HU")


OURS = {"schema": "volume.sidecar/1", "geometry": {"size": [9, 8, 7]}}


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        "\xff",
        json.dumps({"modality": "CT", "unit": "HU"}),
        json.dumps({**OURS, "schema": "other/1", "modality": "CT", "unit": "HU"}),
        json.dumps({**OURS, "geometry": {"size": [9, 8, 6]}, "modality": "CT", "unit": "HU"}),
        json.dumps({**OURS, "geometry": 3, "modality": "CT", "unit": "HU"}),
        json.dumps({**OURS, "modality": ["CT"], "unit": {"HU": 1}}),
        json.dumps({**OURS, "modality": "CT\u202e", "unit": "\x1b[31mHU"}),
        json.dumps({**OURS, "modality": "C" * 99, "unit": "H" * 99}),
    ],
)
def test_a_sidecar_that_is_not_ours_says_nothing(tmp_path, document):
    (path,) = export(head(), tmp_path / "v.nii", sidecar=False)
    (tmp_path / "v.json").write_bytes(document.encode("latin-1", "replace"))
    again = read(path)
    assert (again.modality, again.unit) == ("", "")


def test_a_sidecar_too_large_to_be_one_is_not_read(tmp_path, monkeypatch):
    (path, _) = export(head(), tmp_path / "v.nii")
    monkeypatch.setattr(sidecar, "LARGEST", 10)
    assert read(path).unit == ""
