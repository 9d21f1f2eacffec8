"""Scenes and measurements as files: saved, shown again, and refused where they do not belong."""

import json
import re
from pathlib import Path

import pytest

from blobs import blob_volume
from phantom import phantom
from test_gl import needs_gl
from volume.errors import ExistsError, GridError, VolumeError
from volume.viewer.first_scene import Wishes, begin, read_scene, scene_of, write_scene
from volume.viewer.measurement import Measurement
from volume.viewer.measurements import NOTHING
from volume.viewer.picture import screenshot

DISTANCE = Measurement("distance", ((0.0, 0.0, 1.5), (30.0, 40.0, 1.5)), "axial")


def saved(folder: Path, ct, **more) -> Path:
    scene = scene_of(ct, surface=False, **more).turn_planes("axial", 15).next_slab()
    scene = scene.measure(NOTHING.add(DISTANCE))
    return write_scene(scene, folder / "look.json", (400, 300))


def test_a_scene_is_read_as_it_was_written(tmp_path):
    ct = blob_volume()
    path = saved(tmp_path, ct, window="lung")
    scene, size = read_scene(path, ct)
    assert size == (400, 300)
    assert scene.to_json(size) == path.read_text()
    assert scene.measurements.items == (DISTANCE,)


def test_what_is_asked_for_goes_before_what_was_saved(tmp_path):
    ct = blob_volume()
    path = saved(tmp_path, ct, window="lung")
    wishes = Wishes(window="bone", layout="coronal", at=(1, 2, 3), level=500, rendering="CT-Bone")
    scene, _ = begin(ct, path, wishes)
    assert scene.window == (350, 2000)
    assert (scene.layout, scene.cursor, scene.level) == ("coronal", (1, 2, 3), 500)
    assert scene.body.rendering == "CT-Bone"
    assert scene.measurements.items == (DISTANCE,)
    scene, _ = begin(ct, path, Wishes())
    assert (scene.window, scene.layout) == ((-500, 1500), "four")
    with pytest.raises(ValueError, match="no such window"):
        begin(ct, path, Wishes(window="bnoe"))
    with pytest.raises(GridError, match="outside"):
        begin(ct, path, Wishes(at=(0, 0, 900)))


def test_a_scene_of_another_grid_is_refused_and_named(tmp_path):
    path = saved(tmp_path, blob_volume())
    with pytest.raises(GridError, match="another volume") as problem:
        read_scene(path, blob_volume("sagittal"))
    assert problem.value.files == (str(path),)
    assert problem.value.remedy


def test_a_scene_of_another_series_on_the_same_grid_is_refused(tmp_path):
    path = saved(tmp_path, blob_volume())
    with pytest.raises(GridError, match="ct_s001_000000; not ct_s002_111111"):
        read_scene(path, blob_volume(id="ct_s002_111111"))
    scene, _ = read_scene(path, blob_volume(id=""))  # a file without a name may be the same
    assert scene.axes.degrees == pytest.approx(15)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe\x00", b'{"schema": 1}', b"[" * 100_000]
)
def test_what_is_no_scene_is_refused(content, tmp_path):
    path = tmp_path / "no.json"
    path.write_bytes(content)
    with pytest.raises(VolumeError, match="not a scene") as problem:
        read_scene(path, blob_volume())
    assert problem.value.files == (str(path),)


NO_NUMBERS = ('"NaN"', "NaN", "1e400", "1" + "0" * 400, "true", "null")


@pytest.mark.parametrize("wrong", NO_NUMBERS)
@pytest.mark.parametrize("name", ["azimuth", "elevation", "zoom"])
def test_what_is_no_number_never_reaches_the_graphics_library(name, wrong, tmp_path):
    """Of an eye at NaN degrees VTK 9.7 made a segmentation fault."""
    text = scene_of(blob_volume(), surface=False).to_json()
    camera = text.index('"camera"')
    path = tmp_path / "no.json"
    path.write_text(
        text[:camera] + re.sub(rf'("{name}": )[^,]+', rf"\g<1>{wrong}", text[camera:], count=1)
    )
    with pytest.raises(VolumeError, match="not a scene"):
        read_scene(path, blob_volume())


@pytest.mark.parametrize("wrong", NO_NUMBERS[:-1])
@pytest.mark.parametrize("where", ["cursor", "window", "level", "pan"])
def test_no_place_window_or_level_is_read_from_what_is_no_number(where, wrong, tmp_path):
    text = scene_of(blob_volume(), level=200.0).to_json()
    path = tmp_path / "no.json"
    path.write_text(re.sub(rf'("{where}": (?:\[\s*)?)[-\d.e]+', rf"\g<1>{wrong}", text))
    with pytest.raises(VolumeError, match="not a scene"):
        read_scene(path, blob_volume())


@pytest.mark.parametrize(
    ("pattern", "wrong"),
    [
        (r'("mode": )"max"', "0"),
        (r'("mode": )"max"', "[]"),
        (r'("mode": )"max"', '"median"'),
        (r'("mm": )[\d.]+', "1e18"),
        (r'("mm": )[\d.]+', "0"),
        (r'("points": \[\s*\[\s*)[-\d.]+', "1e29"),
        (r'("points": \[\s*\[\s*)[-\d.]+', "[1, 2]"),
        (r'("clip": )null', "[0, 1e29, 0, 1, 0, 1]"),
        (r'("shift": )[-\d.]+', "1e200"),
    ],
)
def test_what_no_scene_can_hold_is_refused_before_it_is_drawn(pattern, wrong, tmp_path):
    path = saved(tmp_path, blob_volume())
    text, changes = re.subn(pattern, rf"\g<1>{wrong}", path.read_text(), count=1)
    assert changes == 1
    path.write_text(text)
    with pytest.raises(VolumeError, match="not a scene"):
        read_scene(path, blob_volume())


def test_a_scene_that_is_not_there_is_told(tmp_path):
    with pytest.raises(VolumeError, match="cannot be read"):
        read_scene(tmp_path / "none.json", blob_volume())
    with pytest.raises(VolumeError, match="cannot be read"):
        read_scene(tmp_path, blob_volume())


def test_scenes_of_the_first_version_are_still_read(tmp_path):
    """Those had no axes, slab, measurements, probe or body."""
    ct = blob_volume()
    document = json.loads(scene_of(ct, surface=False).to_json())
    for name in ("axes", "slab", "measurements", "probe", "body", "help", "size"):
        del document[name]
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document))
    scene, size = read_scene(path, ct)
    assert size is None
    assert scene.axes.is_none
    assert scene.slab.mode is None
    assert scene.measurements.items == ()


def test_a_scene_never_replaces_a_file_unasked(tmp_path):
    ct = blob_volume()
    path = saved(tmp_path, ct)
    with pytest.raises(ExistsError):
        saved(tmp_path, ct)
    assert json.loads(path.read_text())["schema"] == "volume.scene/1"


@needs_gl
def test_a_picture_leaves_the_scene_and_the_measurements_beside_it(tmp_path):
    ct = blob_volume()
    look = saved(tmp_path, ct)
    again, table = tmp_path / "again.json", tmp_path / "table.csv"
    picture = screenshot(ct, tmp_path / "a.png", scene=look, save_scene=again, measurements=table)
    assert int.from_bytes(picture.read_bytes()[16:20]) == 400
    assert again.read_text() == look.read_text()
    assert "distance" in table.read_text()
    twin = screenshot(ct, tmp_path / "b.png", scene=again)
    assert twin.read_bytes() == picture.read_bytes()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"measurements": "m.xls"}, "CSV or JSON"),
        ({"save_scene": "nowhere/s.json"}, "folder"),
        ({"scene": "none.json"}, "cannot be read"),
        ({"save_scene": "a.json", "measurements": "./a.json"}, "two outputs have one name"),
        ({"save_scene": "a.png"}, "two outputs have one name"),
    ],
)
def test_what_cannot_be_written_is_told_before_any_picture(more, words, tmp_path):
    more = {name: tmp_path / path for name, path in more.items()}
    with pytest.raises(VolumeError, match=words):
        screenshot(blob_volume(), tmp_path / "a.png", overwrite=True, **more)
    assert list(tmp_path.iterdir()) == []


# on the command line


@pytest.fixture
def series(tmp_path):
    return phantom(tmp_path / "series", size=(24, 20, 12))


@needs_gl
def test_view_saves_a_scene_and_shows_it_again(run, series, tmp_path):
    look, first, second = tmp_path / "look.json", tmp_path / "1.png", tmp_path / "2.png"
    code, _, err = run(
        "view", series.folder, "--window", "lung", "--layout", "coronal", "--size", "320,240",
        "--screenshot", first, "--save-scene", look,
    )  # fmt: skip
    assert code == 0, err
    code, _, err = run("view", series.folder, "--scene", look, "--screenshot", second)
    assert code == 0, err
    assert first.read_bytes() == second.read_bytes()
    code, _, err = run("view", series.folder, "--scene", look, "--screenshot", second)
    assert code == 1
    assert "--overwrite" in err


@needs_gl
def test_a_scene_of_another_series_is_told_with_exit_code_4(run, series, tmp_path):
    look, picture = tmp_path / "look.json", tmp_path / "a.png"
    code, _, err = run("view", series.folder, "--screenshot", picture, "--save-scene", look)
    assert code == 0, err
    phantom(tmp_path / "other", series=9, size=(24, 20, 12))
    code, _, err = run(
        "view", tmp_path / "other", "--scene", look, "--screenshot", tmp_path / "b.png"
    )
    assert code == 4
    assert "another volume" in err
    assert "look.json" in err
    assert not (tmp_path / "b.png").exists()


@needs_gl
def test_no_scene_at_all_is_told_with_exit_code_1(run, series, tmp_path):
    look = tmp_path / "look.json"
    look.write_text("{}")
    code, _, err = run("view", series.folder, "--scene", look, "--screenshot", tmp_path / "b.png")
    assert code == 1
    assert "not a scene" in err
    assert "Traceback" not in err
    assert not (tmp_path / "b.png").exists()


@pytest.mark.parametrize("flag", ["--save-scene", "--measurements"])
def test_nothing_is_written_into_the_source(run, series, tmp_path, flag):
    inside = series.folder / "x.json"
    code, _, err = run("view", series.folder, "--screenshot", tmp_path / "a.png", flag, inside)
    assert code == 1
    assert "source" in err
    assert not inside.exists()
