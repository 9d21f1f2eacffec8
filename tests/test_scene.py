"""The scene: a value, its commands, and its way through JSON."""

import json
from dataclasses import replace

import numpy as np
import pytest

from blobs import ACQUISITIONS, ALIGNED, blob_volume
from volume.errors import GridError
from volume.findings import error, info, warning
from volume.processing.plane_grid import PLANES
from volume.viewer.first_scene import scene_of
from volume.viewer.layout import LAYOUTS, Rect, arrange
from volume.viewer.projection import project
from volume.viewer.scene import Scene
from volume.viewer.words import (
    DISCLAIMER,
    banner_line,
    nice_length,
    plane_line,
    probe_line,
    safe,
    share,
    shorten,
    volume_lines,
    width_of,
    window_line,
)
from volume.volume import Volume

TOP = {"axial": (2, 1), "coronal": (1, -1), "sagittal": (0, -1)}
"""The axis and sign of LPS that Up goes along: head, front, the patient's right."""


def a_scene(acquisition: str = "axial", **options) -> Scene:
    return scene_of(blob_volume(acquisition), **options)


def a_scene_of(volume: Volume) -> Scene:
    return scene_of(volume, surface=False)


# places


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
@pytest.mark.parametrize("plane", PLANES)
def test_up_goes_to_the_head_the_front_and_the_right(acquisition, plane):
    scene = a_scene(acquisition)
    axis, sign = TOP[plane]
    moved = np.subtract(scene.scroll(plane, 3).cursor, scene.cursor)
    step = scene.grid(plane).spacing[2]
    expected = np.zeros(3)
    expected[axis] = 3 * sign * step
    np.testing.assert_allclose(moved, expected, atol=1e-9)


@pytest.mark.parametrize("acquisition", ALIGNED)
@pytest.mark.parametrize("plane", PLANES)
def test_scrolling_stops_in_the_middle_of_layers(acquisition, plane):
    scene = a_scene(acquisition).set_cursor((0.3, 0.4, 0.7)).scroll(plane, 1)
    assert scene.layer(plane) == pytest.approx(round(scene.layer(plane)), abs=1e-9)


@pytest.mark.parametrize("plane", PLANES)
def test_the_ends_of_a_stack_are_its_last_layers(plane):
    scene = a_scene()
    axis, sign = TOP[plane]
    ends = [scene.scroll_to_end(plane, top=top) for top in (False, True)]
    count = scene.grid(plane).size[2]
    assert [end.layer_number(plane) for end in ends] == [(1, count), (count, count)]
    assert np.sign(ends[1].cursor[axis] - ends[0].cursor[axis]) == sign
    assert ends[1].scroll(plane, 5).cursor == pytest.approx(ends[1].cursor)
    assert ends[0].scroll(plane, -5).cursor == pytest.approx(ends[0].cursor)


def test_the_crosshair_stays_in_the_volume():
    scene = a_scene().set_cursor((1e6, -1e6, 0))
    corners = scene.subject.geometry.corners
    assert scene.cursor[0] == pytest.approx(corners[:, 0].max())
    assert scene.cursor[1] == pytest.approx(corners[:, 1].min())


def test_the_first_look_is_at_the_middle_or_at_the_place_asked_for():
    scene = a_scene(at=(10, -20, 30))
    assert scene.cursor == (10, -20, 30)
    middle = a_scene()
    for plane in PLANES:
        assert middle.layer(plane) == pytest.approx(round(middle.layer(plane)))


def test_a_place_outside_is_refused():
    with pytest.raises(GridError, match="outside the volume"):
        a_scene(at=(0, 900, 0))


# grey values


def test_the_window_is_dicoms_or_the_one_asked_for():
    ct = blob_volume(window=(60.0, 350.0))
    assert scene_of(ct).window == (60, 350)
    assert scene_of(ct, window="bone").window == (350, 2000)
    assert scene_of(ct, window=(1, 2)).window == (1, 2)
    with pytest.raises(ValueError, match=r"no such window.*bone"):
        scene_of(ct, window="bnoe")
    with pytest.raises(ValueError, match="width"):
        scene_of(ct, window=(1, 0))


def test_dragging_right_widens_and_dragging_up_brightens():
    scene = a_scene(window=(40, 400))
    centre, width = scene.drag_window(100, 0).window
    assert (centre, width) == (40, pytest.approx(400 * np.exp(0.5)))
    centre, width = scene.drag_window(0, 40).window
    assert (centre, width) == (0, 400)
    assert scene.drag_window(-100_000, 0).window[1] > 0


def test_the_number_keys_are_windows_by_name():
    scene = a_scene()
    assert scene.press_window_key(1).window == (40, 400)
    assert scene.press_window_key(3).window == (350, 2000)
    assert scene.press_window_key(3).note == "bone"
    centre, width = scene.press_window_key(0).window
    assert (centre - width / 2, centre + width / 2 - 1) == (-1000, 1000)


def test_windows_in_hu_are_kept_from_other_values():
    mr = scene_of(blob_volume(unit="", modality="MR"), window=(500, 900))
    pressed = mr.press_window_key(3)
    assert pressed.window == (500, 900)
    assert "HU" in pressed.note
    nameless = scene_of(blob_volume(unit="", modality=""))
    assert nameless.press_window_key(3).window == (350, 2000)


def test_low_values_meant_to_be_bright_start_inverted():
    assert not a_scene().inverted
    assert scene_of(blob_volume(findings=(info("monochrome1", "as stored"),))).inverted
    assert scene_of(blob_volume(unit="Bq/ml", modality="PT")).inverted
    assert a_scene().invert().inverted


# panes


def test_double_clicks_and_v_go_through_the_layouts():
    scene = a_scene()
    assert scene.toggle_pane("3d").layout == "3d"
    assert scene.toggle_pane("3d").toggle_pane("3d").layout == "four"
    seen = []
    for _ in LAYOUTS:
        seen.append(scene.layout)
        scene = scene.next_layout()
    assert tuple(seen) == LAYOUTS
    assert scene.layout == "four"
    with pytest.raises(ValueError, match=r"no such layout.*four, axial, coronal, sagittal, 3d"):
        scene.set_layout("six")


@pytest.mark.parametrize("plane", PLANES)
def test_zooming_keeps_the_point_under_the_mouse(plane):
    scene = a_scene().pan(plane, 7, -3)
    rect = Rect(100, 50, 600, 400)
    mouse = (250, 310)

    def under_mouse(scene: Scene) -> tuple[float, float]:
        sight = scene.sights[plane]
        return project(rect, scene.grid(plane), sight.zoom, sight.pan).to_plane(*mouse)

    zoomed = scene.zoom(plane, 2.5, under_mouse(scene))
    assert under_mouse(zoomed) == pytest.approx(under_mouse(scene))
    assert zoomed.sights[plane].zoom == 2.5
    others = set(PLANES) - {plane}
    assert all(zoomed.sights[other] == scene.sights[other] for other in others)


def test_panning_moves_what_is_shown():
    scene = a_scene()
    rect = Rect(0, 0, 500, 500)
    before = project(rect, scene.grid("axial")).to_display((0, 0, 0))
    sight = scene.pan("axial", 10, 20).sights["axial"]
    projection = project(rect, scene.grid("axial"), sight.zoom, sight.pan)
    x, y = projection.to_display((0, 0, 0))
    moved = (x - before[0]) / projection.scale, (y - before[1]) / projection.scale
    assert moved == pytest.approx((10, -20))


def test_turning_stops_at_the_poles_and_goes_round():
    scene = a_scene()
    assert scene.turn(0, -200).camera.elevation == 90
    assert scene.turn(0, 200).camera.elevation == -90
    assert scene.turn(270, 0).camera.azimuth == 90


def test_reset_is_the_first_look():
    first = a_scene(window="lung", layout="coronal", at=(4, 5, 6))
    scene = first.set_cursor((0, 0, 0)).drag_window(30, 30).invert().zoom("axial", 2)
    scene = scene.pan("coronal", 5, 5).turn(30, 20).zoom("3d", 2).reset()
    assert (scene.cursor, scene.window, scene.inverted) == ((4, 5, 6), (-500, 1500), False)
    assert (scene.sights, scene.camera) == (first.sights, first.camera)


def test_a_command_leaves_the_scene_as_it_was():
    scene = a_scene()
    saved = scene.to_json()
    scene.set_cursor((1, 2, 3)).zoom("axial", 3).pan("axial", 1, 1).turn(3, 3).next_layout()
    assert scene.to_json() == saved


def test_a_note_lasts_until_the_next_command():
    scene = a_scene().say("written: a.png")
    assert scene.note == "written: a.png"
    assert scene.scroll("axial", 1).note == ""


# levels


def test_the_first_level_is_bone_in_ct_and_otsus_elsewhere():
    assert a_scene().level == 226
    mr = scene_of(blob_volume(unit="", modality="MR"))
    assert -1000 < mr.level < 40
    assert a_scene(surface=False).level is None
    assert a_scene(level=300, surface=False).level == 300
    with pytest.raises(ValueError, match="level"):
        a_scene(level=float("nan"))


def test_colour_and_constants_have_no_surface():
    ct = blob_volume()
    assert scene_of(replace(ct, array=np.zeros_like(ct.array), unit="")).level is None
    rgb = Volume(np.zeros((*ct.array.shape, 3), np.uint8), ct.geometry)
    assert scene_of(rgb).level is None


# JSON


def test_a_scene_comes_back_from_json():
    ct = blob_volume("oblique")
    scene = scene_of(ct, layout="sagittal").set_cursor((1, 2, 3)).drag_window(5, 7).turn(12, 3)
    scene = scene.zoom("coronal", 2, (10, 20)).pan("3d", 3, 4).invert().toggle_labels()
    text = scene.to_json()
    assert json.loads(text)["schema"] == "volume.scene/1"
    back = Scene.from_json(text, ct)
    assert back.to_json() == text
    for name in ("cursor", "window", "inverted", "layout", "sights", "camera", "level", "labels"):
        assert getattr(back, name) == getattr(scene, name)


def test_a_scene_of_another_volume_is_refused():
    text = a_scene().to_json()
    with pytest.raises(GridError, match="belongs to another volume"):
        Scene.from_json(text, blob_volume("sagittal"))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.update(schema="volume.scene/9"),
        lambda d: d.pop("cursor"),
        lambda d: d.update(cursor=[1, 2]),
        lambda d: d.update(cursor=[1, 2, float("nan")]),
        lambda d: d.update(window=[40, -1]),
        lambda d: d.update(layout="six"),
        lambda d: d["sights"].pop("axial"),
        lambda d: d["sights"].update(axial=3),
        lambda d: d["camera"].update(azimuth="x"),
        lambda d: d["camera"].update(zoom=float("inf")),
        lambda d: d["volume"].update(affine=[1, 2, 3]),
        lambda d: d["volume"].update(size=[0, 1, 2]),
        lambda d: d.update(level=[]),
    ],
)
def test_a_spoilt_scene_is_refused(spoil):
    ct = blob_volume()
    document = json.loads(scene_of(ct).to_json())
    spoil(document)
    with pytest.raises(ValueError, match="not a scene"):
        Scene.from_json(json.dumps(document), ct)


@pytest.mark.parametrize("text", ["", "[]", "3", "{", '{"schema": 1}', "null"])
def test_what_is_no_scene_is_refused(text):
    with pytest.raises(ValueError, match="not a scene"):
        Scene.from_json(text, blob_volume())


# words


def test_the_probe_tells_place_index_and_value():
    ct = blob_volume()
    scene = scene_of(ct, at=ct.geometry.to_world((10, 20, 30)))
    value = ct.array[30, 20, 10]
    assert probe_line(scene, ct) == (
        f"x -31.0  y -11.0  z 40.5 mm LPS     i 10  j 20  k 30     {value} HU"
    )


@pytest.mark.parametrize("acquisition", ALIGNED)
def test_the_probe_reads_the_voxel_that_it_names(acquisition):
    ct = blob_volume(acquisition)
    own = np.arange(ct.array.size, dtype=np.int32).reshape(ct.array.shape)
    ct = replace(ct, array=own)
    for i, j, k in ((3, 5, 7), (20, 11, 2), (1, 30, 25)):
        scene = scene_of(ct, at=ct.geometry.to_world((i, j, k)), surface=False)
        columns, rows, _ = ct.geometry.size
        value = (k * rows + j) * columns + i
        assert probe_line(scene, ct).endswith(f"i {i}  j {j}  k {k}     {value} HU")


def test_the_probe_says_what_was_not_measured():
    ct = blob_volume()
    valid = np.ones(ct.array.shape, np.uint8)
    valid[30] = 2
    valid[31] = 0
    ct = replace(ct, valid=valid)
    scene = scene_of(ct, at=ct.geometry.to_world((10, 20, 30)))
    assert probe_line(scene, ct).endswith("HU (interpolated)")
    assert probe_line(scene.scroll("axial", 1), ct).endswith("HU (not scanned)")
    assert probe_line(scene.scroll("axial", -1), ct).endswith("HU")


def test_the_probe_says_when_it_is_outside_an_oblique_volume():
    ct = blob_volume("oblique")
    scene = scene_of(ct).scroll_to_end("axial", top=True)
    assert probe_line(scene, ct).endswith("outside the volume")


def test_the_probe_names_colours():
    ct = blob_volume()
    rgb = np.zeros((*ct.array.shape, 3), np.uint8)
    rgb[..., 1] = 7
    assert probe_line(scene_of(Volume(rgb, ct.geometry)), Volume(rgb, ct.geometry)).endswith(
        "0 7 0"
    )


def test_corner_texts():
    ct = blob_volume(window=(40.0, 400.0))
    scene = scene_of(ct, at=(0, 0, 1.5))
    assert volume_lines(ct) == "CT ct_s001_000000\n52 × 52 × 34\n2 × 2 × 3 mm"
    assert plane_line(scene, "axial") == "z 1.5 mm     18 / 34"
    assert window_line(scene.invert()) == "C 40   W 400   inverted"


def test_a_volume_without_a_name_is_called_unnamed():
    ct = blob_volume(id="", modality="")
    assert volume_lines(ct).startswith("unnamed\n52 × 52")
    with pytest.raises(GridError, match="another volume: unnamed, "):
        Scene.from_json(a_scene_of(ct).to_json(), blob_volume("sagittal"))


def test_the_banner_tells_the_gravest_finding_and_counts_the_others():
    remark = info("localizer", "a localizer was kept apart")
    tilt = warning("gantry-tilt", "tilted by 18.5 degrees")
    gap = error("missing-slices", "2 slices are missing")
    assert banner_line((remark,)) == ""
    assert banner_line((remark, tilt)) == "warning: tilted by 18.5 degrees"
    assert banner_line((tilt, remark, gap)) == "error: 2 slices are missing   (and 1 more)"


def test_text_is_one_line_of_what_the_font_can_draw():
    assert safe("a\x1b[31mb\nc\td\u202ee\u200b") == "a [31mb c d e"
    assert safe("Zürich – 0.7 × 2 mm") == "Zürich – 0.7 × 2 mm"


def test_long_text_is_cut_and_says_so():
    assert shorten("short", 500, 12) == "short"
    cut = shorten(DISCLAIMER, 100, 12)
    assert len(cut) < 20
    assert cut.endswith("…")


@pytest.mark.parametrize(
    ("width", "said", "disclaimer"),
    [
        (800, True, DISCLAIMER),
        (560, True, "Not a medical device, not for diagnosis."),
        (420, True, "Not for diagnosis."),
        (330, True, ""),
        (200, False, ""),
    ],
)
def test_the_disclaimer_gives_way_before_the_probe(width, said, disclaimer):
    line = "x -31.0  y -11.0  z 40.5 mm LPS     i 10  j 20  k 30     -1000 HU"
    left, right = share(line, width, 10)
    assert right == disclaimer
    assert (left == line) == said
    assert width_of(left, 10) + width_of(right, 10) <= width


@pytest.mark.parametrize(("most", "length"), [(99, 50), (100, 100), (219, 200), (0.7, 0.5)])
def test_scale_bars_have_round_lengths(most, length):
    assert nice_length(most) == pytest.approx(length)


# layouts


@pytest.mark.parametrize("size", [(1600, 1200), (801, 601), (333, 777), (160, 160)])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("strips", [(False, False), (True, False), (True, True)])
def test_panes_and_strips_fill_the_display_and_do_not_overlap(size, layout, strips):
    laid = arrange(layout, size, banner=strips[0], title=strips[1])
    canvas = np.zeros(size[::-1], int)
    rects = [*laid.panes.values(), laid.status, *filter(None, (laid.banner, laid.title))]
    for rect in rects:
        assert rect.width > 0
        assert rect.height > 0
        canvas[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width] += 1
    assert canvas.max() == 1
    seams = 2 * (size[0] + size[1]) if layout == "four" else 0
    assert (canvas == 0).sum() <= seams


def test_four_panes_stand_as_in_slicer():
    panes = arrange("four", (1000, 800)).panes
    where = {name: (rect.x > 400, rect.y > 300) for name, rect in panes.items()}
    assert where == {
        "axial": (False, True),
        "3d": (True, True),
        "coronal": (False, False),
        "sagittal": (True, False),
    }
