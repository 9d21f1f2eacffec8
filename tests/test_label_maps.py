"""Label maps: every label its own surface, in its place, with its name and its colour."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

import volume
from grids import oblique, places
from volume.geometry import Geometry
from volume.labels import Label
from volume.volume import Volume

GRID = oblique((60, 50, 40), (0.9, 1.0, 1.2))
MIDDLES = {1: (-12.0, 3.0, 2.0), 2: (10.0, -6.0, 5.0), 7: (2.0, 11.0, -9.0)}
RADII = {1: 8.0, 2: 6.0, 7: 5.0}


def map_of(geometry: Geometry = GRID, dtype: str = "u1") -> np.ndarray:
    """Make balls of three labels at known places round the middle of a grid."""
    array = np.zeros(geometry.size[::-1], dtype)
    for value, middle in MIDDLES.items():
        away = np.linalg.norm(places(geometry) - geometry.centre - middle, axis=-1)
        array[away < RADII[value]] = value
    return array


def assert_labels_are_in_place(surface, geometry: Geometry = GRID):
    assert len(surface.parts) == 3
    for n, (value, middle) in enumerate(MIDDLES.items()):
        one = surface.part(n)
        extent = one.points.min(axis=0), one.points.max(axis=0)
        assert np.mean(extent, axis=0) == pytest.approx(geometry.centre + middle, abs=0.5)
        told = surface.report["parts"][n]
        ball = 4 / 3 * np.pi * RADII[value] ** 3 / 1000
        assert told["volume_ml"] == pytest.approx(ball, rel=0.04)
        assert told["closed"] and told["triangles"] == len(one.faces)


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "u8", "f4"])
def test_every_label_has_its_surface(dtype):
    known = tuple(Label(value, f"ball {value}", (0.1, 0.2, 0.3)) for value in MIDDLES)
    surface = volume.mesh(Volume(map_of(dtype=dtype), GRID, labels=known))
    assert_labels_are_in_place(surface)
    assert [part.name for part in surface.parts] == ["ball 1", "ball 2", "ball 7"]
    assert surface.parts[0].colour == (0.1, 0.2, 0.3)
    assert surface.report["labels"] and "assumed" not in surface.report
    assert surface.report["volume_ml"] == pytest.approx(
        sum(one["volume_ml"] for one in surface.report["parts"])
    )


def test_labels_that_touch_and_reach_the_border_are_each_closed():
    array = np.zeros((20, 20, 20), np.uint8)
    array[:, :10], array[:, 10:] = 1, 2
    grid = Geometry((20, 20, 20), np.zeros(3), np.ones(3), np.eye(3))
    surface = volume.mesh(Volume(array, grid), labels=True, smooth=0)
    for one in surface.report["parts"]:
        assert one["closed"] and one["volume_ml"] == pytest.approx(4, rel=0.005)
    assert surface.report["parts"][0]["bounds"][1][1] == pytest.approx(9.5)
    assert surface.report["parts"][1]["bounds"][0][1] == pytest.approx(9.5)


def test_a_slicer_segmentation_gives_names_and_colours(tmp_path):
    image = sitk.GetImageFromArray(map_of())
    image.SetOrigin(GRID.origin.tolist())
    image.SetSpacing(GRID.spacing.tolist())
    image.SetDirection(GRID.direction.ravel().tolist())
    names = {1: "Leber", 2: "gros os", 7: "폐"}
    for n, (value, name) in enumerate(names.items()):
        image.SetMetaData(f"Segment{n}_Name", name)
        image.SetMetaData(f"Segment{n}_LabelValue", str(value))
        image.SetMetaData(f"Segment{n}_Color", f"0.5 {n / 4} 1")
        image.SetMetaData(f"Segment{n}_Layer", "0")
    sitk.WriteImage(image, tmp_path / "a.seg.nrrd")
    loaded = volume.load(tmp_path / "a.seg.nrrd")
    assert loaded.labels == tuple(
        Label(value, name, (0.5, n / 4, 1.0)) for n, (value, name) in enumerate(names.items())
    )
    surface = volume.mesh(loaded)
    assert_labels_are_in_place(surface)
    assert [part.name for part in surface.parts] == list(names.values())


def layered(path) -> None:
    """Write two segments that overlap: two layers, voxel by voxel together, as 3D Slicer does."""
    first, second = map_of(), map_of()
    second[second == 1] = 3
    values = np.stack([first, second], axis=-1)
    steps = " ".join(f"({','.join(map(str, step))})" for step in GRID.affine[:3, :3].T)
    segments = "".join(
        f"Segment{n}_Name:={name}\nSegment{n}_LabelValue:={value}\nSegment{n}_Layer:={layer}\n"
        for n, (name, value, layer) in enumerate([("under", 1, 0), ("over", 3, 1)])
    )
    path.write_bytes(
        (
            "NRRD0005\ntype: unsigned char\ndimension: 4\nspace: left-posterior-superior\n"
            f"sizes: 2 {' '.join(map(str, GRID.size))}\nspace directions: none {steps}\n"
            "kinds: list domain domain domain\nencoding: raw\n"
            f"space origin: ({','.join(map(str, GRID.origin))})\n{segments}\n"
        ).encode()
        + values.tobytes()
    )


def test_segments_that_overlap_are_meshed_together(run, tmp_path):
    layered(tmp_path / "b.seg.nrrd")
    layers = volume.load_all(tmp_path / "b.seg.nrrd")
    assert [[label.name for label in one.labels] for one in layers] == [["under"], ["over"]]
    surface = volume.mesh(layers)
    names = [part.name for part in surface.parts]
    assert names == ["under", "label 2", "label 7", "label 2", "over", "label 7"]
    assert run("mesh", tmp_path / "b.seg.nrrd", tmp_path / "b.ply")[0] == 0


def test_a_nifti_of_labels_says_so_itself(tmp_path):
    image = Volume(map_of(), GRID).to_nibabel()
    image.header["intent_code"] = 1002
    nibabel.save(image, tmp_path / "a.nii.gz")
    loaded = volume.load(tmp_path / "a.nii.gz")
    assert loaded.labels == ()
    surface = volume.mesh(loaded)
    assert_labels_are_in_place(surface)
    assert [part.name for part in surface.parts] == ["label 1", "label 2", "label 7"]
    assert len({part.colour for part in surface.parts}) == 3
    assert "assumed" not in surface.report


@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_a_file_that_looks_like_a_label_map_is_taken_for_one_and_that_is_said(run, dtype, tmp_path):
    nibabel.save(Volume(map_of(dtype=dtype), GRID).to_nibabel(), tmp_path / "a.nii")
    surface = volume.mesh(volume.load(tmp_path / "a.nii"))
    assert_labels_are_in_place(surface)
    assert "label map" in surface.report["assumed"][0]
    said = run("mesh", tmp_path / "a.nii", tmp_path / "a.obj")[2]
    assert "assumed: this is a label map" in said


def test_an_image_is_not_taken_for_a_label_map():
    noise = np.random.default_rng(0).integers(0, 90, GRID.size[::-1]).astype(np.uint8)
    ramp = np.arange(noise.size).reshape(noise.shape).astype(np.float32) * 0.5
    for array in (noise, ramp, map_of(dtype="i2") - 1):
        with pytest.raises(volume.SurfaceError, match="needs a level"):
            volume.mesh(Volume(array, GRID))
    with pytest.raises(volume.SurfaceError, match="needs a level"):
        volume.mesh(Volume(map_of(), GRID, modality="MR"))


def test_labels_can_be_asked_for_and_refused():
    known_as_mr = Volume(map_of(), GRID, modality="MR")
    assert_labels_are_in_place(volume.mesh(known_as_mr, labels=True))
    assert volume.mesh(Volume(map_of(), GRID, labels=()), 2).report["level"] == 2
    with pytest.raises(volume.SurfaceError, match="needs a level"):
        volume.mesh(Volume(map_of(), GRID, labels=()), labels=False)
    with pytest.raises(volume.SurfaceError, match="not whole numbers"):
        volume.mesh(Volume(map_of(dtype="f4") + 0.5, GRID), labels=True)
    with pytest.raises(volume.SurfaceError, match="there is no label"):
        volume.mesh(Volume(map_of() * 0, GRID), labels=True)
    with pytest.raises(volume.SurfaceError, match="takes no level"):
        volume.mesh(known_as_mr, 1, labels=True)


def test_each_label_can_have_a_file_of_its_own(run, tmp_path):
    known = Volume(map_of(), GRID).to_nibabel()
    nibabel.save(known, tmp_path / "a.nii")
    code, out, _ = run("mesh", tmp_path / "a.nii", tmp_path / "x.stl", "--split", "--json")
    assert code == 0
    written = [one["outputs"][0] for one in json.loads(out)["meshes"]]
    assert [name.rpartition("/")[2] for name in written] == [
        f"x_label {value}.stl" for value in MIDDLES
    ]
    for name, middle in zip(written, MIDDLES.values(), strict=True):
        points = volume.read_mesh(name).points
        extent = np.mean([points.min(axis=0), points.max(axis=0)], axis=0)
        assert extent == pytest.approx(GRID.centre + middle, abs=0.5)


@pytest.mark.parametrize("names", [["A_3", "A", "A"], ["a_2", "A", "a"]])
def test_every_label_has_a_file_of_its_own_whatever_the_names(run, tmp_path, names):
    segments = "".join(
        f"Segment{n}_Name:={name}\nSegment{n}_LabelValue:={value}\n"
        for n, (value, name) in enumerate(zip((1, 2, 7), names, strict=True))
    )
    (tmp_path / "a.seg.nrrd").write_bytes(
        (
            "NRRD0005\ntype: unsigned char\ndimension: 3\nspace: left-posterior-superior\n"
            f"sizes: {' '.join(map(str, GRID.size))}\nencoding: raw\n"
            f"space directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\n{segments}\n"
        ).encode()
        + map_of().astype(np.uint8).tobytes()
    )
    code, out, said = run("mesh", tmp_path / "a.seg.nrrd", tmp_path / "o.stl", "--split", "--json")
    assert code == 0, said
    told = json.loads(out)["meshes"]
    written = [one["outputs"][0] for one in told]
    assert len({path.casefold() for path in written}) == 3
    for one, path in zip(told, written, strict=True):
        np.testing.assert_allclose(
            volume.read_mesh(path).points.min(axis=0), one["bounds"][0], atol=1e-3
        )


def test_an_image_cut_out_of_zeros_is_no_label_map():
    """A brain without its skull fills a ninth of its file, so that most neighbours are equal."""
    away = np.linalg.norm(np.indices((60, 60, 60)) - 30, axis=0)
    values = np.random.default_rng(0).normal(120, 30, away.shape).clip(1, 255)
    grid = Geometry((60, 60, 60), np.zeros(3), np.ones(3), np.eye(3))
    brain = Volume(np.where(away < 18, values, 0).astype(np.uint8), grid)
    with pytest.raises(volume.SurfaceError, match="needs a level"):
        volume.mesh(brain)
    spots = np.zeros((60, 60, 60), np.uint8)
    spots[10::7, 10::7, 10::7] = np.arange(512).reshape(8, 8, 8) % 5 + 1
    assert len(volume.mesh(Volume(spots, grid)).parts) == 5
