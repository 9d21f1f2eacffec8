"""Series and time points under one scene: read beside the window, shown when they are there."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

import volume
from phantom import phantom
from volume.assembly.options import Options
from volume.errors import MemoryLimitError, PixelError
from volume.viewer.exchange import Exchange
from volume.viewer.first_scene import scene_of
from volume.viewer.job import CalledOffError, Job
from volume.viewer.scene import Scene
from volume.viewer.shelf import Item, Point, Shelf
from volume.viewer.stock import shelf_of_scan
from volume.viewer.supply import Supply

LENIENT = Options(gaps="fill", lenient=True)
SMALL = {"size": (20, 18, 9)}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Write a CT, an MR of four time points on another grid, and a localizer."""
    folder = tmp_path_factory.mktemp("study")
    truth = phantom(folder / "a", series=1, description="Head", **SMALL)
    four = phantom(folder / "b", series=2, modality="MR", phases=4, description="뇌 T2*", **SMALL)
    return folder, truth, four


@pytest.fixture
def shelf(study):
    return shelf_of_scan(volume.scan(study[0]), LENIENT)


def begin(shelf: Shelf) -> tuple[Exchange, Scene]:
    point = shelf.items[shelf.item].points[shelf.point]
    first = next(iter(point.looks(Silent(), sketched=True)))
    exchange = Exchange(shelf, first)
    return exchange, exchange.begin(scene_of(first))


class Silent:
    total = None

    def update(self, n=1):
        pass

    def close(self):
        pass


def until(exchange: Exchange, scene: Scene, done, seconds: float = 20):
    """Be idle until the scene is as wished; give it and every volume that was shown."""
    shown, end = [], time.monotonic() + seconds
    while not done(scene):
        assert time.monotonic() < end, scene.note
        scene, seen = exchange.tick(scene, time.monotonic())
        if seen is not None:
            shown.append(seen)
        time.sleep(0.002)
    return scene, shown


def test_stacks_that_share_a_grid_are_one_row_with_time_points(shelf):
    rows = [item.row for item in shelf.items]
    assert [len(item.points) for item in shelf.items] == [1, 4]
    assert rows[1].description == "뇌 T2*"
    assert rows[1].lines[2:] == ("20 × 18 × 9, 0.8 × 0.7 × 2.5 mm", "4 time points")
    assert [point.name for point in shelf.items[1].points] == [
        f"TemporalPositionIdentifier {n}" for n in (1, 2, 3, 4)
    ]


def test_another_series_is_read_and_the_scene_is_its_own(shelf, study):
    exchange, scene = begin(shelf)
    scene = scene.set_layout("coronal").list_series(scene.series.want(1))
    scene, (shown,) = until(exchange, scene, lambda now: now.series.shown == 1)
    assert scene.subject.id == shown.id == shelf.items[1].points[0].id
    assert scene.layout == "coronal"
    assert scene.busy == ""
    assert study[2].error_mm(shown.array, shown.geometry.affine) < 0.12
    assert len(scene.time.names) == 4
    exchange.close()


def test_a_series_that_was_left_looks_as_it_was_left(shelf):
    exchange, scene = begin(shelf)
    left = scene.set_window((11, 22)).scroll("axial", 2)
    scene, _ = until(exchange, left.list_series(left.series.want(1)), lambda s: s.series.shown == 1)
    scene, _ = until(
        exchange, scene.list_series(scene.series.want(0)), lambda s: s.series.shown == 0
    )
    assert (scene.window, scene.cursor, scene.time) == (left.window, left.cursor, None)
    exchange.close()


def test_series_of_one_frame_of_reference_keep_the_place(shelf):
    shared = Shelf(tuple(replace(item, space="1.2.3") for item in shelf.items))
    exchange, scene = begin(shared)
    x, y, z = scene.cursor
    scene = scene.set_cursor((x + 3, y - 2, z))
    there, _ = until(exchange, scene.list_series(scene.series.want(1)), lambda s: s.series.shown)
    assert there.cursor == pytest.approx(scene.cursor)
    exchange.close()


def test_a_point_in_time_changes_the_voxels_and_nothing_of_the_look(shelf, study):
    exchange, scene = begin(shelf.at(shelf.items[1].points[0].id))
    assert exchange.shown == (1, 0)
    scene = scene.set_window((300, 900)).zoom("axial", 2).keep_time(scene.time.go_to(2))
    later, (shown,) = until(exchange, scene, lambda now: now.time.shown == 2)
    assert study[2].error_mm(shown.array, shown.geometry.affine, phase=2) < 0.12
    assert (later.window, later.cursor, later.sights) == (scene.window, scene.cursor, scene.sights)
    assert later.subject.id == shelf.items[1].points[2].id  # which a saved scene names
    exchange.close()


def test_time_points_that_were_read_are_there_at_once(shelf):
    exchange, scene = begin(shelf.at(shelf.items[1].points[0].id))
    scene, _ = until(exchange, scene.keep_time(scene.time.go_to(3)), lambda s: s.time.shown == 3)
    back, seen = exchange.tick(scene.keep_time(scene.time.go_to(0)), 0)
    assert seen is not None
    assert back.time.shown == 0
    exchange.close()


def test_memory_for_time_points_is_bounded_and_that_is_said(shelf, monkeypatch):
    size = shelf.items[1].points[0].size
    monkeypatch.setattr("volume.viewer.supply.MOST_KEPT", 2 * size)
    exchange, scene = begin(shelf.at(shelf.items[1].points[0].id))
    assert scene.time.kept.startswith("2 of 4 kept")
    for n in (1, 2, 3):
        scene, _ = until(
            exchange, scene.keep_time(scene.time.go_to(n)), lambda s, n=n: s.time.shown == n
        )
    held = [n for n in range(4) if exchange.supply.holds((1, n))]
    assert held == [2, 3]
    exchange.close()


def test_playing_goes_round_at_its_own_pace(shelf):
    exchange, scene = begin(shelf.at(shelf.items[1].points[0].id))
    scene = scene.keep_time(scene.time.play())
    seen, clock = [], 0.0
    end = time.monotonic() + 20
    while len(seen) < 9 and time.monotonic() < end:
        scene, shown = exchange.tick(scene, clock)
        if shown is not None:
            seen.append(scene.time.shown)
            clock += 0.11
        time.sleep(0.001)
    assert seen == [1, 2, 3, 0, 1, 2, 3, 0, 1]
    again, _ = exchange.tick(scene, clock - 0.05)  # too soon for the next
    assert again.time.wanted == scene.time.shown
    exchange.close()


def test_what_cannot_be_had_is_said_and_what_was_shown_stays(shelf):
    def fail(_progress):
        raise PixelError("slice 3 cannot be decoded")

    broken = replace(shelf.items[1], points=(Point("ct_x", "", 1, fail),))
    exchange, scene = begin(Shelf((shelf.items[0], broken)))
    scene, shown = until(
        exchange, scene.list_series(scene.series.want(1)), lambda s: "decoded" in s.note
    )
    assert shown == []
    assert (scene.series.wanted, scene.series.shown, scene.busy) == (0, 0, "")
    exchange.close()


def test_a_coarse_look_comes_first_and_the_crosshair_stays(shelf):
    whole = next(iter(shelf.items[0].points[0].looks(Silent())))
    grid = whole.geometry
    coarse_grid = volume.Geometry(
        (20, 18, 3), grid.origin, grid.spacing * (1, 1, 3), grid.direction
    )
    told = volume.findings.warning("first-look", "a first look")
    coarse = whole.with_voxels(whole.array[::3].copy(), coarse_grid, findings=(told,))
    let = threading.Event()

    def read(_progress):
        let.wait(20)
        return whole

    point = Point(whole.id, "", 1, read, sketch=lambda: coarse)
    item = Item(shelf.items[0].row, (point,), lambda: None)
    exchange = Exchange(Shelf((item,)), coarse)
    scene = exchange.begin(scene_of(coarse, surface=False)).scroll("axial", 1)
    scene, seen = exchange.tick(scene, 0)
    assert (seen, scene.busy[:7]) == (None, "reading")
    assert scene.subject.banner
    let.set()
    after, (seen,) = until(exchange, scene, lambda now: now.subject.geometry is grid)
    assert seen is whole
    assert after.cursor == pytest.approx(scene.cursor)
    assert after.subject.banner == ""
    exchange.close()


def test_too_large_a_series_is_refused_in_figures(study):
    tight = replace(LENIENT, limits=volume.Limits(memory=1))
    shelf = shelf_of_scan(volume.scan(study[0]), tight)
    with pytest.raises(MemoryLimitError, match=r"needs .* of memory"):
        shelf.items[0].points[0].read(Silent())


def test_thumbnails_are_the_middle_slices_in_grey(shelf):
    exchange, _ = begin(shelf)
    supply: Supply = exchange.supply
    end = time.monotonic() + 20
    while len(supply.pictures) < 2 and time.monotonic() < end:
        supply.draw_thumbnails(range(2))
        time.sleep(0.002)
    for picture in supply.pictures.values():
        assert picture.shape[2] == 3
        assert max(picture.shape) == 96
        ratio = picture.shape[0] / picture.shape[1]
        assert ratio == pytest.approx(18 * 0.7 / (20 * 0.8), rel=0.02)
        grey = picture[..., 0].astype(int)
        assert grey[:, -1].mean() > grey[:, 0].mean()  # values grow to the patient's left
        assert grey[-1].mean() > grey[0].mean()  # and to the back
    assert np.ptp(supply.pictures[0]) > 50
    exchange.close()


def test_only_thumbnails_in_sight_are_made_and_one_that_fails_is_tried_once(shelf):
    tried = []

    def none_of(number):
        tried.append(number)

    items = [
        Item(item.row, item.points, lambda n=n: none_of(n))
        for n, item in enumerate((*shelf.items, *shelf.items))
    ]
    exchange, _ = begin(Shelf(tuple(items)))
    end = time.monotonic() + 2
    exchange.supply.draw_thumbnails(range(1, 3))
    while exchange.is_working and time.monotonic() < end:
        exchange.supply.draw_thumbnails(range(1, 3))
        time.sleep(0.002)
    assert tried == [1, 2]
    assert exchange.supply.pictures == {}
    exchange.close()


def test_a_job_that_is_called_off_ends_at_its_next_step():
    reached, ended = threading.Event(), []

    def make(steps):
        try:
            while True:
                reached.set()
                steps.update(1)
                time.sleep(0.001)
        except CalledOffError:
            ended.append(True)
            raise
        yield 1

    job = Job(make)
    job.start()
    reached.wait(5)
    job.call_off()
    job.wait()
    assert ended == [True]
    assert job.is_over
    assert job.take() is None


def test_a_job_goes_on_only_when_its_last_result_is_gone():
    made = []

    def make(_steps):
        for n in range(2):
            made.append(n)
            yield n

    job = Job(make)
    job.start()
    end = time.monotonic() + 5
    while job.take() is None and time.monotonic() < end:
        time.sleep(0.001)
    time.sleep(0.02)
    assert made == [0]
    while job.take() is None and time.monotonic() < end:
        time.sleep(0.001)
    assert made == [0, 1]
    job.call_off()
