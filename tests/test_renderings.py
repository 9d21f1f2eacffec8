"""Presets of volume rendering, and the look of the 3D pane as a value."""

import json
from dataclasses import replace

import numpy as np
import pytest

from blobs import blob_volume
from volume.errors import VolumeError
from volume.viewer.body_look import BodyLook, check_box
from volume.viewer.first_scene import scene_of
from volume.viewer.renderings import RENDERINGS, fitting, parse_rendering
from volume.viewer.scene import Scene

CT = {"is_hounsfield": True, "is_colour": False}
MR = {"is_hounsfield": False, "is_colour": False}


def opacity(name: str, value: float) -> float:
    return float(np.interp(value, *zip(*RENDERINGS[name].opacity, strict=True)))


def colour(name: str, value: float) -> tuple[float, ...]:
    values, *parts = zip(*RENDERINGS[name].colour, strict=True)
    return tuple(float(np.interp(value, values, part)) for part in parts)


@pytest.mark.parametrize("name", RENDERINGS)
def test_curves_run_from_the_least_value_to_the_greatest_and_stay_in_bounds(name):
    for points in (RENDERINGS[name].opacity, RENDERINGS[name].colour):
        values = [point[0] for point in points]
        assert values == sorted(set(values))
        assert all(0 <= part <= 1 for point in points for part in point[1:])


@pytest.mark.parametrize(
    ("name", "seen", "unseen"),
    [
        ("CT-Bone", (400, 700, 1500), (-1000, -100, -20)),
        ("CT-AAA", (200, 400), (-1000, -100, 40, 100)),
        ("CT-Chest-Contrast-Enhanced", (150, 400), (-1000, -100, 40)),
        ("CT-Cardiac3", (40, 200, 400), (-1000, -200)),
        ("CT-Lung", (-550, -450), (-1000, -700, 40, 400)),
        ("CT-Muscle", (50, 200), (-1000, -200)),
        ("CT-MIP", (0, 400), (-1000, -700)),
        ("Skin", (-700, -300, 200), (-1000, -850)),
    ],
)
def test_each_preset_shows_what_it_is_named_for(name, seen, unseen):
    """In HU: air -1000, lung -800, the lung's border -500, fat -100, muscle 50, bone 400 on."""
    assert all(opacity(name, value) > 0.05 for value in seen)
    assert all(opacity(name, value) == 0 for value in unseen)


def test_points_that_3d_slicer_gives_are_these():
    assert opacity("CT-Bone", 641.4) == 0.716
    assert colour("CT-Bone", 641.4) == (0.906, 0.816, 0.553)
    assert opacity("CT-AAA", 166.2) == 0.686
    assert opacity("CT-Lung", -500) == 0.15
    assert opacity("CT-MIP", 31.2) == pytest.approx(0.5)
    assert opacity("MR-Angio", 190.1) == 0.580


@pytest.mark.parametrize("text", ["ct-bone", "CT-BONE", "ct bone", " CT_Bone "])
def test_a_name_is_known_however_it_is_written(text):
    assert parse_rendering(text) == "CT-Bone"


def test_the_surface_is_no_preset():
    assert parse_rendering("Surface") is None


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(ValueError, match=r"no such rendering: 'bnoe'.*surface, CT-Bone, .*MIP"):
        parse_rendering("bnoe")


def test_presets_in_hu_are_for_hu_and_stretched_ones_for_the_rest():
    assert fitting(**CT)[:2] == ("CT-Bone", "CT-AAA")
    assert not any(name.startswith("MR") for name in fitting(**CT))
    assert fitting(**MR) == ("MR-Default", "MR-Angio", "MIP")
    assert fitting(is_hounsfield=False, is_colour=True) == ()


@pytest.mark.parametrize("name", fitting(**MR))
def test_curves_without_a_unit_are_stretched_onto_the_image(name):
    """Twice as bright an image, and one that begins at 500, look the same."""
    one, two = RENDERINGS[name].on(0, 1000), RENDERINGS[name].on(500, 2500)
    for (value, part), (moved, same) in zip(one.opacity, two.opacity, strict=True):
        assert (moved, same) == pytest.approx((500 + 2 * value, part))
    start, end = RENDERINGS[name].stretch
    assert np.interp([start, end], *np.array([(0, 0), (end, 1000)]).T) == pytest.approx([0, 1000])


def test_curves_in_hu_are_not_stretched():
    assert RENDERINGS["CT-Bone"].on(0, 1000) is RENDERINGS["CT-Bone"]


def test_an_image_of_one_value_has_a_curve_too():
    assert all(np.isfinite(RENDERINGS["MIP"].on(7, 7).opacity).ravel())


# the look


def test_a_look_is_saved_and_read_again():
    look = BodyLook("CT-Lung", -40.5, (-10.0, 20.0, -30.0, 5.0, 0.0, 80.0))
    assert BodyLook.from_json(json.loads(json.dumps(look.as_json()))) == look
    assert BodyLook.from_json(BodyLook().as_json()) == BodyLook()


@pytest.mark.parametrize(
    "change",
    [
        {"rendering": "CT-Bnoe"},
        {"shift": float("inf")},
        {"clip": [0, 1, 2]},
        {"clip": [0, 1, 0, 1, 5, 5]},
        {"clip": [0, float("nan"), 0, 1, 0, 1]},
    ],
)
def test_what_is_no_look_is_refused(change):
    with pytest.raises(ValueError, match=r"no such|number|six|lesser"):
        BodyLook.from_json({**BodyLook().as_json(), **change})


def test_another_preset_begins_unshifted_and_keeps_the_box():
    box = check_box((0, 1, 0, 1, 0, 1))
    look = BodyLook().cut(box).render("CT-Bone").shift_by(100)
    assert look.render("CT-Lung") == BodyLook("CT-Lung", 0.0, box)


# the scene


def test_the_key_goes_through_the_presets_that_fit_and_back_to_the_surface():
    scene = scene_of(blob_volume())
    names = []
    for _ in range(len(fitting(**CT)) + 1):
        scene = scene.next_rendering()
        names.append(scene.body.rendering)
    assert names == [*fitting(**CT), None]


def test_a_preset_that_means_nothing_is_said_and_not_taken():
    mr = scene_of(replace(blob_volume(), modality="MR", unit=""))
    asked = mr.set_rendering("CT-Bone")
    assert asked.body == mr.body
    assert "HU" in asked.note
    assert mr.set_rendering("mr-default").body.rendering == "MR-Default"
    with pytest.raises(VolumeError, match="in HU") as refused:
        scene_of(replace(blob_volume(), modality="MR", unit=""), rendering="CT-Bone")
    assert "--rendering NAME" in refused.value.lines(for_shell=True)[-1]


def test_a_colour_volume_is_not_rendered():
    ct = blob_volume()
    coloured = replace(ct, array=np.zeros((*ct.array.shape, 3), np.uint8), unit="")
    assert scene_of(coloured).next_rendering().body.rendering is None
    with pytest.raises(VolumeError, match="colour"):
        scene_of(coloured, rendering="MIP")


def test_a_drag_shifts_the_curve_and_without_one_the_level():
    scene = scene_of(blob_volume(), level=300)
    assert scene.shift_rendering(10).level == 320
    rendered = scene.set_rendering("CT-Bone").shift_rendering(10)
    assert (rendered.level, rendered.body.shift) == (300, 20)
    wide = replace(blob_volume(), unit="", modality="MR", window=(4000.0, 8000.0))
    assert scene_of(wide, rendering="MIP").shift_rendering(10).body.shift == 200


def test_the_look_is_in_the_saved_scene_and_an_older_one_has_none():
    ct = blob_volume()
    box = (-20.0, 30.0, -40.0, 50.0, -45.0, 0.0)
    scene = scene_of(ct, rendering="CT-MIP").shift_rendering(7).set_clip(box)
    assert Scene.from_json(scene.to_json(), ct).body == scene.body
    older = json.loads(scene.to_json())
    del older["body"]
    assert Scene.from_json(json.dumps(older), ct).body == BodyLook()


def test_reset_takes_the_shift_and_the_box_back_and_keeps_the_preset():
    scene = scene_of(blob_volume(), rendering="CT-Bone").shift_rendering(30)
    scene = scene.set_clip((-20, 30, -40, 50, -45, 0))
    assert scene.reset().body == BodyLook("CT-Bone")
