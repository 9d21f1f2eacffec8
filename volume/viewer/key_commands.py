"""What each key does to the scene, or wishes a window to do; no toolkit."""

from __future__ import annotations

from collections.abc import Callable

from volume.viewer import beside
from volume.viewer.clip_box import whole
from volume.viewer.scene import Scene

DIGITS = tuple("0123456789")
STEPS = {"Up": 1, "Down": -1}
SERIES_STEPS = {"PageUp": -1, "PageDown": 1}
WISHES = {"q": "close", "w": "close", "s": "save", "e": "export"}
"""With Ctrl."""


def _tool(kind: str) -> Callable[[Scene], Scene]:
    """Make the command that takes a tool in hand, or puts it down again."""

    def take(scene: Scene) -> Scene:
        return scene.measure(
            scene.measurements.take(None if scene.measurements.tool == kind else kind)
        )

    return take


def _toggle_clip(scene: Scene) -> Scene:
    return scene.set_clip(whole(scene.subject.geometry) if scene.body.clip is None else None)


def _delete(scene: Scene) -> Scene:
    if scene.measurements.chosen is None:
        return scene.say("nothing is selected: click a measurement, or press Tab")
    return scene.measure(scene.measurements.delete())


COMMANDS: dict[str, Callable[[Scene], Scene]] = {
    "r": Scene.reset,
    "space": Scene.reset,
    "f": Scene.fit,
    "i": Scene.invert,
    "v": Scene.next_layout,
    "l": Scene.toggle_labels,
    "b": Scene.next_rendering,
    "c": beside.play,
    "n": beside.toggle_list,
    "x": _toggle_clip,
    "m": Scene.next_slab,
    "[": lambda scene: scene.thicken(-1),
    "]": lambda scene: scene.thicken(1),
    "d": _tool("distance"),
    "a": _tool("angle"),
    "g": _tool("rectangle"),
    "o": _tool("ellipse"),
    "t": lambda scene: scene.measure(scene.measurements.toggle_list()),
    "tab": lambda scene: scene.measure(scene.measurements.choose_next()).go_to_chosen(),
    "delete": _delete,
    "backspace": _delete,
    "?": Scene.toggle_help,
}
