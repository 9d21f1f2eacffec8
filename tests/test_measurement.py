"""Measurements: mm, degrees, mm² and values that geometry knows, on every kind of grid."""

import csv
import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from blobs import ACQUISITIONS, X, Z, blob_volume
from grids import SLOPES, places, ramp
from volume.errors import ExistsError, VolumeError
from volume.processing.plane_grid import PLANES
from volume.processing.planes import Reformatter
from volume.processing.region import between, statistics
from volume.processing.rotation import STRAIGHT
from volume.viewer.first_scene import scene_of
from volume.viewer.marks import holds
from volume.viewer.measurement import Measurement
from volume.viewer.measurements import NOTHING, Measurements
from volume.viewer.reading import Readings
from volume.viewer.scene import Scene
from volume.viewer.table import write_measurements
from volume.volume import Volume

SCREEN = {plane: (np.array(row), np.array(column)) for plane, (row, column) in PLANES.items()}
TURNED = STRAIGHT.then_about(Z, 30).then_about(X, -20)


def readings_of(ct: Volume) -> Readings:
    return Readings(Reformatter(ct))


def drawn(kind: str, *points: np.ndarray, plane: str = "axial", rotation=STRAIGHT) -> Measurement:
    as_tuples = tuple(tuple(float(mm) for mm in point) for point in points)
    return Measurement(kind, as_tuples, plane, rotation)


# distance and angle


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
@pytest.mark.parametrize("plane", PLANES)
def test_a_distance_is_in_mm_on_any_grid(acquisition, plane):
    ct = blob_volume(acquisition, spacing=(0.7, 1.9, 4.0))
    right, down = SCREEN[plane]
    start = np.array([3.0, -4.0, 5.0])
    item = drawn("distance", start, start + 30 * right + 40 * down, plane=plane)
    reading = readings_of(ct).of(item)
    assert reading.length == pytest.approx(50)
    assert reading.lines("HU") == ["50.0 mm"]
    assert (reading.angle, reading.area, reading.statistics) == (None, None, None)


@pytest.mark.parametrize(("degrees"), [0.5, 30, 90, 135, 179.5, 180])
@pytest.mark.parametrize("plane", PLANES)
def test_an_angle_is_between_its_sides_whatever_their_length(degrees, plane):
    right, down = SCREEN[plane]
    vertex = np.array([3.0, -4.0, 5.0])
    way = np.cos(np.radians(degrees)) * right + np.sin(np.radians(degrees)) * down
    item = drawn("angle", vertex + 12 * right, vertex, vertex + 31 * way, plane=plane)
    assert readings_of(blob_volume()).of(item).angle == pytest.approx(degrees)
    assert item.length is None


# regions


@pytest.mark.parametrize("acquisition", ["axial", "sagittal", "left-handed", "left-handed coronal"])
@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("kind", ["rectangle", "ellipse"])
def test_a_region_sums_up_the_voxels_whose_middles_lie_inside(acquisition, plane, kind):
    """Counted among the voxels of the whole volume, by their places in mm."""
    geometry = blob_volume(acquisition, spacing=(1.7, 2.2, 3.1)).geometry
    noise = np.random.default_rng(3).integers(-1000, 1000, geometry.size[::-1])
    ct = Volume(noise.astype(np.int16), geometry, unit="HU")
    right, down = SCREEN[plane]
    sight = np.cross(right, down)
    j, i, k = 14, 17, 11
    first = geometry.affine[:3, :3] @ [i, j, k] + geometry.origin
    corner = first + 0.4 * right - 0.3 * down
    other = corner + 27 * right + 19.5 * down
    item = drawn(kind, corner, other, plane=plane)

    place = places(geometry) - (corner + other) / 2
    across, along = place @ right / 13.5, place @ down / 9.75
    inside = (
        np.maximum(abs(across), abs(along)) <= 1
        if kind == "rectangle"
        else across**2 + along**2 <= 1
    )
    layer = geometry.spacing[np.abs(geometry.direction.T @ sight).argmax()]
    values = ct.array[inside & (np.abs((places(geometry) - first) @ sight) < layer / 2)]

    reading = readings_of(ct).of(item)
    found = reading.statistics
    assert reading.area == pytest.approx(27 * 19.5 * (1 if kind == "rectangle" else np.pi / 4))
    assert found.pixels == len(values) > 30
    assert found.mean == pytest.approx(values.mean())
    assert found.sd == pytest.approx(values.std())
    assert (found.least, found.largest) == (values.min(), values.max())
    assert found.invented == 0


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
@pytest.mark.parametrize("kind", ["rectangle", "ellipse"])
@pytest.mark.parametrize("plane", PLANES)
def test_a_region_of_a_ramp_on_a_turned_plane_is_what_calculus_says(acquisition, kind, plane):
    """Of a linear function: the mean is its value in the middle; the variance along a side of
    half length h is (g h)² / 3 in a rectangle and (g h)² / 4 in an ellipse."""
    ct = ramp(blob_volume(acquisition, spacing=(0.8, 1.0, 1.3), half_mm=27).geometry)
    item = drawn(kind, (0, 0, 0), (1, 1, 1), plane=plane, rotation=TURNED)
    right, down, _ = item.grid(ct.geometry).direction.T
    middle = np.array([2.0, -3.0, 1.5])
    half = np.array([17.0, 12.0])
    span = half[0] * right + half[1] * down
    item = drawn(kind, middle - span, middle + span, plane=plane, rotation=TURNED)

    reading = readings_of(ct).of(item)
    slopes = np.array([SLOPES @ right, SLOPES @ down]) * half
    deviation = np.linalg.norm(slopes) / np.sqrt(3 if kind == "rectangle" else 4)
    area = half.prod() * (4 if kind == "rectangle" else np.pi)
    assert reading.area == pytest.approx(area)
    half_a_pixel = 0.4 * abs(slopes / half).sum()  # so far may the counted pixels' middle be off
    assert reading.statistics.mean == pytest.approx(middle @ SLOPES, abs=half_a_pixel)
    assert reading.statistics.sd == pytest.approx(deviation, rel=0.03)
    assert reading.statistics.pixels == pytest.approx(area / 0.8**2, rel=0.05)


def test_a_region_has_the_volumes_own_values_under_a_slab():
    ct = blob_volume(blobs="A")
    scene = scene_of(ct, surface=False).next_slab().thicken(5)
    item = drawn("rectangle", (-20, -20, 0), (20, 20, 0))
    assert scene.slab.mode == "max"
    assert readings_of(ct).of(item).statistics.largest == 40


def test_what_lies_beyond_the_volume_does_not_count():
    ct = ramp(blob_volume("oblique", spacing=(2.0, 2.0, 2.0), half_mm=20).geometry)
    item = drawn("rectangle", (-90, -90, 0), (90, 90, 0))
    found = readings_of(ct).of(item).statistics
    values = places(ct.geometry) @ SLOPES
    assert values.min() - 40 <= found.least
    assert found.largest <= values.max() + 40
    outside = drawn("ellipse", (60, 60, 0), (90, 90, 0))
    assert readings_of(ct).of(outside).statistics is None
    assert readings_of(ct).of(outside).area > 0


def test_values_that_are_no_number_do_not_count():
    ct = ramp(blob_volume().geometry)
    array = ct.array.copy()
    array[:, ::2] = np.nan
    found = readings_of(replace(ct, array=array)).of(drawn("rectangle", (-9, -9, 0), (9, 9, 0)))
    whole = readings_of(ct).of(drawn("rectangle", (-9, -9, 0), (9, 9, 0)))
    assert np.isfinite(found.statistics.mean)
    assert found.statistics.pixels < whole.statistics.pixels


def test_interpolated_pixels_are_counted_and_said():
    ct = blob_volume()
    valid = np.ones(ct.array.shape, np.uint8)
    valid[:, :, 26:] = 2
    ct = replace(ct, valid=valid)
    reading = readings_of(ct).of(drawn("rectangle", (-10.1, -10.1, 1.5), (10.1, 10.1, 1.5)))
    assert reading.statistics.invented == reading.statistics.pixels // 2
    assert any("interpolated" in line for line in reading.lines("HU"))


def test_a_region_on_colours_has_an_area_alone():
    ct = blob_volume()
    rgb = Volume(np.zeros((*ct.array.shape, 3), np.uint8), ct.geometry)
    reading = readings_of(rgb).of(drawn("rectangle", (-9, -9, 0), (9, 9, 0)))
    assert reading.area == pytest.approx(18 * 18)
    assert reading.statistics is None


def test_a_region_smaller_than_a_pixel_may_hold_none():
    cut = Reformatter(blob_volume()).cut("axial")
    region = between("ellipse", (0.6, 0.6), (1.2, 1.2))
    assert statistics(cut, region, blob_volume().geometry) is None


# which pane shows them


def test_a_measurement_is_seen_on_its_own_layer_alone():
    scene = scene_of(blob_volume(), surface=False)
    at = np.array(scene.cursor)
    item = drawn("distance", at, np.add(at, (20, 10, 0)))
    assert holds(scene, "axial", item)
    assert not holds(scene.scroll("axial", 1), "axial", item)
    assert not holds(scene, "coronal", item)
    assert holds(scene.scroll("axial", 1).next_slab(), "axial", item)
    along = drawn("distance", at, np.add(at, (20, 0, 0)))
    assert holds(scene, "axial", along)
    assert holds(scene, "coronal", along)


def test_a_region_is_seen_on_planes_that_look_its_way():
    scene = scene_of(blob_volume(), surface=False)
    at = np.array(scene.cursor)
    item = drawn("rectangle", at, np.add(at, (0.9, 0.9, 0)))
    assert holds(scene, "axial", item)
    assert not holds(scene, "coronal", item)
    turned = scene.turn_planes("coronal", 25)
    assert not holds(turned, "axial", item)


def test_going_to_a_measurement_shows_it_again():
    scene = scene_of(blob_volume("oblique"), surface=False).turn_planes("axial", 30)
    at = np.array(scene.cursor)
    right, down, _ = scene.grid("coronal").direction.T
    item = drawn("rectangle", at, at + 10 * right + 5 * down, plane="coronal", rotation=scene.axes)
    away = scene.measure(NOTHING.add(item)).reset().set_cursor((20, 20, 20)).set_layout("axial")
    assert not holds(away, "coronal", item)
    back = away.measure(away.measurements.choose_next()).go_to_chosen()
    assert holds(back, "coronal", item)
    assert back.axes == scene.axes
    assert back.layout == "coronal"


# the list of them


def three() -> Measurements:
    measurements = NOTHING
    for mm in (10.0, 20.0, 30.0):
        measurements = measurements.add(drawn("distance", np.zeros(3), (mm, 0, 0)))
    return measurements


def lengths(measurements: Measurements) -> list[float]:
    return [item.length for item in measurements.items]


def test_deleting_and_undoing_follow_each_other():
    measurements = three()
    assert measurements.chosen == 2
    less = measurements.choose(0).delete()
    assert lengths(less) == [20, 30]
    assert lengths(less.undo()) == [10, 20, 30]
    assert lengths(less.undo().undo()) == [10, 20]
    nothing = less.undo().undo().undo().undo()
    assert nothing.items == ()
    assert nothing.undo() is nothing
    assert nothing.delete() is nothing


def test_choosing_goes_round():
    measurements = three()
    chosen = []
    for _ in range(4):
        measurements = measurements.choose_next()
        chosen.append(measurements.chosen)
    assert chosen == [0, 1, 2, 0]
    assert NOTHING.choose_next() is NOTHING


def test_an_unknown_tool_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="distance, angle, rectangle, ellipse"):
        NOTHING.take("ruler")


def test_measurements_come_back_with_the_scene():
    ct = blob_volume("oblique")
    scene = scene_of(ct, surface=False).measure(
        three().add(drawn("ellipse", (0, 0, 0), (3, 4, 0), plane="coronal", rotation=TURNED))
    )
    back = Scene.from_json(scene.to_json(), ct)
    assert back.measurements.items == scene.measurements.items
    assert back.measurements.chosen == 3


@pytest.mark.parametrize(
    "spoil",
    [
        lambda item: item.update(kind="ruler"),
        lambda item: item.update(plane="3d"),
        lambda item: item.update(points=[[0, 0, 0]]),
        lambda item: item.update(points=[[0, 0, 0], [0, 0]]),
        lambda item: item.update(points=[[0, 0, 0], [0, 0, "x"]]),
        lambda item: item.update(axes=[1, 0, 0, 0, 1, 0, 0, 0, 2]),
        lambda item: item.pop("axes"),
    ],
)
def test_a_spoilt_measurement_spoils_the_scene(spoil):
    ct = blob_volume()
    document = json.loads(scene_of(ct, surface=False).measure(three()).to_json())
    spoil(document["measurements"]["items"][1])
    with pytest.raises(ValueError, match="not a scene"):
        Scene.from_json(json.dumps(document), ct)


# as a table


def measured(ct: Volume) -> Measurements:
    return (
        NOTHING.add(drawn("distance", (1, 2, 1.5), (31, 42, 1.5)))
        .add(drawn("angle", (10, 0, 1.5), (0, 0, 1.5), (0, 10, 1.5)))
        .add(drawn("rectangle", (-10, -20, 1.5), (10, 5, 1.5)))
        .add(drawn("ellipse", (0, 1, -9), (14, 1, 11), plane="coronal"))
    )


def test_a_csv_holds_values_and_places_in_mm_lps(tmp_path):
    ct = blob_volume()
    path = write_measurements(measured(ct), ct, tmp_path / "m.csv")
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["kind"] for row in rows] == ["distance", "angle", "rectangle", "ellipse"]
    assert float(rows[0]["distance_mm"]) == pytest.approx(50)
    assert float(rows[1]["angle_degrees"]) == pytest.approx(90)
    assert float(rows[2]["area_mm2"]) == pytest.approx(500)
    assert float(rows[3]["area_mm2"]) == pytest.approx(np.pi * 7 * 10)
    assert [float(rows[0][name]) for name in ("x1_mm", "y1_mm", "z1_mm")] == [1, 2, 1.5]
    assert [float(rows[0][name]) for name in ("x2_mm", "y2_mm", "z2_mm")] == [31, 42, 1.5]
    assert rows[0]["x3_mm"] == rows[0]["mean"] == ""
    corners = {tuple(float(rows[2][f"{axis}{n}_mm"]) for axis in "xyz") for n in (1, 2, 3, 4)}
    assert corners == {(x, y, 1.5) for x, y in product((-10, 10), (-20, 5))}
    assert rows[2]["unit"] == "HU"
    assert float(rows[2]["mean"]) == pytest.approx(40)


def test_a_json_says_the_same_and_what_its_places_mean(tmp_path):
    ct = blob_volume()
    path = write_measurements(measured(ct), ct, tmp_path / "m.json")
    document = json.loads(path.read_text())
    assert document["schema"] == "volume.measurements/1"
    assert document["coordinates"] == "mm LPS"
    assert document["volume"]["id"] == ct.id
    distance, angle, rectangle, ellipse = document["measurements"]
    assert distance["distance_mm"] == pytest.approx(50)
    assert distance["points"] == [[1, 2, 1.5], [31, 42, 1.5]]
    assert angle["angle_degrees"] == pytest.approx(90)
    assert len(rectangle["points"]) == 4
    np.testing.assert_allclose(ellipse["normal"], [0, 1, 0], atol=1e-12)
    assert {"mean", "sd", "min", "max"} <= rectangle.keys()


def test_a_unit_is_no_formula(tmp_path):
    ct = replace(blob_volume(), unit="=1+1")
    path = write_measurements(measured(ct), ct, tmp_path / "m.csv")
    assert ",'=1+1," in path.read_text()


def test_a_table_is_csv_or_json_and_never_replaces(tmp_path):
    ct = blob_volume()
    with pytest.raises(VolumeError, match="CSV or JSON"):
        write_measurements(measured(ct), ct, tmp_path / "m.xlsx")
    (tmp_path / "m.csv").write_text("mine")
    with pytest.raises(ExistsError):
        write_measurements(measured(ct), ct, tmp_path / "m.csv")
    assert (tmp_path / "m.csv").read_text() == "mine"
