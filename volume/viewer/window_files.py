"""The files that a window's keys write: a picture, the scene, what was measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from volume.atomic import safe_name
from volume.viewer.first_scene import write_scene
from volume.viewer.next_file import write_next
from volume.viewer.table import write_measurements

if TYPE_CHECKING:
    from pathlib import Path

    from volume.viewer.window import Window


def write_picture(window: Window) -> str:
    """Write what a window shows as the next free picture in the working folder."""
    from volume.viewer.picture import pixels_of, write_png

    window.draw()
    window.drawing.draw(window.controller.scene.alone(), window.window.GetSize())
    pixels = pixels_of(window.window)
    return _write_next(window, "", ".png", lambda path: write_png(path, pixels))


def write_look(window: Window) -> str:
    """Write the scene as the next free file; --scene shows it again."""
    last = window.controller
    return _write_next(
        window, "_scene", ".json", lambda path: write_scene(last.scene, path, last.size)
    )


def write_table(window: Window) -> str:
    """Write what was measured as the next free table."""
    drawn = window.controller.scene.measurements
    if not drawn.items:
        return "nothing is measured yet"
    return _write_next(
        window,
        "_measurements",
        ".csv",
        lambda path: write_measurements(drawn, window.volume, path),
    )


def _write_next(window: Window, what: str, suffix: str, write: Callable[[Path], object]) -> str:
    """Write a file under the next free name in the working folder, and say which."""
    return write_next(f"{safe_name(window.volume.id or 'picture')}{what}", suffix, write)


FILES: dict[str, Callable[[Window], str]] = {
    "screenshot": write_picture,
    "save": write_look,
    "export": write_table,
}
"""By the controller's wishes."""
