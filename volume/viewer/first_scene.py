"""The scene that looking begins with: the first look at a volume, or one that was saved."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from volume.atomic import refuse_one_for_two, refuse_unwritable, whole_file
from volume.errors import GridError, VolumeError
from volume.processing.windows import Window, parse_window
from volume.viewer import scene_json
from volume.viewer.body_look import BodyLook
from volume.viewer.layout import check_layout
from volume.viewer.renderings import parse_rendering, refuse_unfit
from volume.viewer.scene import Scene
from volume.viewer.scene_json import Saved
from volume.viewer.subject import Subject, subject_of
from volume.viewer.surfaces import level_for_looking
from volume.viewer.table import check_table_name, write_measurements

if TYPE_CHECKING:
    from volume.volume import Volume

LARGEST_FILE = 50_000_000
"""No scene is so many bytes."""


@dataclass(frozen=True)
class Wishes:
    """What the caller asks of the scene; None leaves it as it is."""

    window: Window | str | None = None
    layout: str | None = None
    at: ArrayLike | None = None
    level: float | None = None
    rendering: str | None = None


def begin(
    volume: Volume,
    saved: str | os.PathLike[str] | None,
    wishes: Wishes,
    *,
    surface: bool = True,
) -> tuple[Scene, tuple[int, int] | None]:
    """Make the first scene, and the size of display it was saved with, if it was.

    Wishes go before what was saved. Raises a VolumeError where the file is no scene, a
    GridError where it is another volume's or a place lies outside the volume, a ValueError
    for a window or layout that does not exist.
    """
    if saved is None:
        scene = scene_of(
            volume,
            window=wishes.window,
            layout=wishes.layout or "four",
            at=wishes.at,
            level=wishes.level,
            rendering=wishes.rendering,
            surface=surface,
        )
        return scene, None
    scene, size = read_scene(saved, volume)
    return _with_wishes(scene, wishes, volume), size


def scene_of(
    volume: Volume,
    *,
    window: Window | str | None = None,
    layout: str = "four",
    at: ArrayLike | None = None,
    level: float | None = None,
    surface: bool = True,
    rendering: str | None = None,
) -> Scene:
    """Make the first scene of a volume: its own window, the crosshair in its middle.

    Without a level the 3D pane shows bone in CT, in others what Otsu's threshold parts;
    without `surface`, nothing; `rendering` is a preset's name. Raises a ValueError for a
    window, layout or rendering that does not exist, a VolumeError for a rendering that means
    nothing for these values, a GridError for a place outside the volume.
    """
    subject = subject_of(volume, window, at)
    if level is not None:
        check_level(level)
    elif surface:
        level = level_for_looking(volume)
    return Scene(
        subject=subject,
        cursor=subject.at,
        window=subject.first_window,
        inverted=subject.inverted,
        layout=check_layout(layout),
        level=level,
        body=BodyLook().render(check_rendering(rendering, subject)),
    )


def check_rendering(name: str | None, subject: Subject) -> str | None:
    """Give a preset's name, None for the surface, or refuse one that means nothing here."""
    chosen = None if name is None else parse_rendering(name)
    if chosen is not None:
        refuse_unfit(chosen, **subject.kind)
    return chosen


def check_level(level: float) -> float:
    """Give the level back, or refuse what is no number."""
    if not isfinite(level):
        raise ValueError(f"a level is a number, not {level}")
    return level


def read_scene(
    path: str | os.PathLike[str], volume: Volume
) -> tuple[Scene, tuple[int, int] | None]:
    """Read a saved scene of a volume, and the (width, height) of the display it was on."""
    saved = check_scene(path)
    try:
        saved.refuse_another(volume)
    except GridError as problem:
        way_out = "show the volume that it was saved of"
        raise GridError(problem.what, files=(str(path),), remedy=way_out) from None
    return Scene(subject=subject_of(volume, None, None), **saved.state), saved.size


def check_scene(path: str | os.PathLike[str]) -> Saved:
    """Read what a file says, before any volume is; a VolumeError where it is no scene."""
    text = _text_of(Path(path))
    try:
        return scene_json.read(text)
    except ValueError as problem:
        way_out = "save one with Ctrl + S in the window, or with {save-scene=FILE}"
        raise VolumeError(str(problem), files=(str(path),), remedy=way_out) from None


def write_scene(
    scene: Scene,
    path: str | os.PathLike[str],
    size: tuple[int, int] | None = None,
    *,
    overwrite: bool = False,
) -> Path:
    """Write a scene as JSON, whole or not at all."""
    with whole_file(path, overwrite=overwrite) as stream:
        stream.write(scene.to_json(size).encode())
    return Path(path)


def refuse_unwritable_looks(
    save_scene: str | os.PathLike[str] | None,
    measurements: str | os.PathLike[str] | None,
    *,
    picture: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> None:
    """Refuse, before any work, files that a scene or measurements cannot be written to.

    Nor can two of them, or the `picture`, be one file.
    """
    if measurements is not None:
        check_table_name(Path(measurements))
    for path in (save_scene, measurements):
        if path is not None:
            refuse_unwritable(path, overwrite=overwrite)
    refuse_one_for_two(picture, save_scene, measurements)


def write_looks(
    scene: Scene,
    volume: Volume,
    size: tuple[int, int],
    save_scene: str | os.PathLike[str] | None,
    measurements: str | os.PathLike[str] | None,
    *,
    overwrite: bool = False,
) -> None:
    """Write the scene and what was measured to the files asked for."""
    if save_scene is not None:
        write_scene(scene, save_scene, size, overwrite=overwrite)
    if measurements is not None:
        write_measurements(scene.measurements, volume, measurements, overwrite=overwrite)


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except OSError as problem:
        raise VolumeError(
            f"the scene cannot be read: {problem.strerror}", files=(str(path),)
        ) from None
    if len(content) > LARGEST_FILE:
        raise VolumeError("this is not a scene: it is too long", files=(str(path),))
    return content.decode("utf-8", errors="replace")


def _with_wishes(scene: Scene, wishes: Wishes, volume: Volume) -> Scene:
    """Go from a saved scene to what the caller asks for."""
    if wishes.window is not None:
        wish = wishes.window
        scene = scene.set_window(parse_window(wish) if isinstance(wish, str) else wish)
    if wishes.layout is not None:
        scene = scene.set_layout(check_layout(wishes.layout))
    if wishes.at is not None:
        scene = scene.set_cursor(subject_of(volume, None, wishes.at).at)
    if wishes.level is not None:
        scene = scene.set_level(check_level(wishes.level))
    if wishes.rendering is not None:
        scene = replace(
            scene, body=scene.body.render(check_rendering(wishes.rendering, scene.subject))
        )
    return scene
