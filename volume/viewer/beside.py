"""What hands do beside the panes: in the list of series, and on the slider of time."""

from __future__ import annotations

from volume.viewer.layout import Layout
from volume.viewer.scene import Scene
from volume.viewer.series_list import row_at, rows_in
from volume.viewer.timeline import point_at

NO_OTHER_SERIES = "there is no other series here"
NO_OTHER_TIME = "this is one volume: there are no other time points"


def press(scene: Scene, layout: Layout, x: float, y: float) -> Scene:
    """Choose the row of the list that was pressed, or the point of the slider."""
    if scene.series is not None and layout.series is not None and layout.series.holds(x, y):
        row = row_at(scene.series, layout.series, layout.font, y)
        return scene if row is None else scene.list_series(scene.series.want(row))
    return slide_along(scene, layout, x) if is_slider(scene, layout, x, y) else scene


def is_slider(scene: Scene, layout: Layout, x: float, y: float) -> bool:
    """Say whether a place of the display lies on the slider."""
    return scene.time is not None and layout.time is not None and layout.time.holds(x, y)


def slide_along(scene: Scene, layout: Layout, x: float) -> Scene:
    """Go to the point in time that lies there on the slider."""
    if scene.time is None or layout.time is None:
        return scene
    return scene.keep_time(scene.time.go_to(point_at(scene.time, layout.time, layout.font, x)))


def wheel(scene: Scene, layout: Layout, x: float, y: float, steps: int) -> Scene:
    """Move the list, or step in time on the slider."""
    if scene.series is not None and layout.series is not None and layout.series.holds(x, y):
        room = rows_in(layout.series, layout.font)
        return scene.list_series(scene.series.scroll(-steps, room))
    return step_in_time(scene, steps) if is_slider(scene, layout, x, y) else scene


def step_in_time(scene: Scene, points: int) -> Scene:
    """Go to a later point in time; an earlier one, if negative."""
    if scene.time is None:
        return scene.say(NO_OTHER_TIME)
    return scene.keep_time(scene.time.step(points))


def play(scene: Scene) -> Scene:
    """Play the time points, or stop."""
    if scene.time is None:
        return scene.say(NO_OTHER_TIME)
    return scene.keep_time(scene.time.play())


def step_series(scene: Scene, layout: Layout, rows: int) -> Scene:
    """Go to the next series, or to one before."""
    if scene.series is None or len(scene.series.rows) < 2:
        return scene.say(NO_OTHER_SERIES)
    room = 1 if layout.series is None else rows_in(layout.series, layout.font)
    return scene.list_series(scene.series.step(rows, room))


def toggle_list(scene: Scene) -> Scene:
    """Put the list of series away, or bring it back."""
    if scene.series is None:
        return scene.say(NO_OTHER_SERIES)
    return scene.list_series(scene.series.toggle())
