"""A scene as a picture, drawn off screen: no window and no display needed."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from volume.atomic import refuse_unwritable, whole_file
from volume.errors import SelfCheckError, VolumeError
from volume.processing.windows import Window
from volume.surface import Mesh
from volume.viewer import gl
from volume.viewer.first_scene import Wishes, begin, refuse_unwritable_looks, write_looks
from volume.viewer.layout import check_size
from volume.viewer.scene import Scene
from volume.volume import Volume

if TYPE_CHECKING:
    from vtkmodules.vtkRenderingCore import vtkRenderWindow

SIZE = (1600, 1200)


def screenshot(
    volume: Volume,
    path: str | os.PathLike[str],
    *meshes: Mesh,
    window: Window | str | None = None,
    layout: str | None = None,
    at: ArrayLike | None = None,
    level: float | None = None,
    rendering: str | None = None,
    scene: str | os.PathLike[str] | None = None,
    save_scene: str | os.PathLike[str] | None = None,
    measurements: str | os.PathLike[str] | None = None,
    size: tuple[int, int] | None = None,
    overwrite: bool = False,
    title: str | None = None,
) -> Path:
    """Write the first look at a volume as a PNG, without a window or a display.

    `window` is (centre, width) or a name, `at` the crosshair's place (x, y, z) in mm LPS,
    `level` the surface's value, `rendering` the name of a preset that renders the volume
    instead, `size` (width, height) in pixels, `title` a line above.
    Without a level CT shows its bone, other volumes what Otsu's threshold parts; with
    meshes, these alone. `scene` is a file that the window saved: it is shown as it was.
    `save_scene` and `measurements` are files to write the scene and what was measured to.

    Raises an ExistsError if a file is there, a DisplayError that says what to install where
    nothing can be drawn, a ValueError for a window, layout or size that does not exist, a
    GridError for a place outside the volume or a scene of another one, a VolumeError for a
    file that is no scene.
    """
    path = Path(path)
    check_name(path)
    refuse_unwritable(path, overwrite=overwrite)
    refuse_unwritable_looks(save_scene, measurements, picture=path, overwrite=overwrite)
    wishes = Wishes(window, layout, at, level, rendering)
    first, saved_size = begin(volume, scene, wishes, surface=not meshes)
    size = size or saved_size or SIZE
    pixels = picture(first, volume, meshes, size=size, title=title)
    write_png(path, pixels, overwrite=overwrite)
    write_looks(first, volume, size, save_scene, measurements, overwrite=overwrite)
    return path


def picture(
    scene: Scene,
    volume: Volume,
    meshes: Sequence[Mesh] = (),
    *,
    size: tuple[int, int] = SIZE,
    title: str | None = None,
) -> NDArray[np.uint8]:
    """Draw a scene of a volume as (rows, columns, 3) of red, green and blue, 0 to 255."""
    width, height = check_size(size)
    canvas = gl.off_screen_window((width, height))
    from volume.viewer.drawing import Drawing

    try:
        Drawing(canvas, volume, scene, meshes, title or "").draw(scene, (width, height))
        return pixels_of(canvas)
    finally:
        canvas.Finalize()


def pixels_of(window: vtkRenderWindow) -> NDArray[np.uint8]:
    """Read a window of VTK's back as (rows, columns, 3), the top row first."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkUnsignedCharArray

    width, height = window.GetSize()
    values = vtkUnsignedCharArray()
    window.GetPixelData(0, 0, width - 1, height - 1, 0, values, 0)
    pixels: NDArray[Any] = vtk_to_numpy(values).reshape(height, width, 3)
    return np.array(pixels[::-1])


def write_png(path: Path, pixels: NDArray[np.uint8], *, overwrite: bool = False) -> None:
    """Write (rows, columns, 3) as a PNG that is whole or not there."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkIOImage import vtkPNGWriter

    rows, columns = pixels.shape[:2]
    image = vtkImageData()
    image.SetDimensions(columns, rows, 1)
    image.GetPointData().SetScalars(numpy_to_vtk(pixels[::-1].reshape(-1, 3), deep=True))
    writer = vtkPNGWriter()
    writer.SetInputData(image)
    writer.WriteToMemoryOn()
    writer.Write()
    with whole_file(path, overwrite=overwrite) as stream:
        stream.write(memoryview(writer.GetResult()))
        if not _is_whole(stream, rows, columns):
            raise SelfCheckError("the picture that was written does not read back")


def _is_whole(stream: BinaryIO, rows: int, columns: int) -> bool:
    """Say whether a PNG begins with its size and ends with its last chunk (PNG, clause 11)."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    head = stream.read(24)
    stream.seek(max(0, size - len(LAST_CHUNK)))
    return head == FIRST_CHUNK + struct.pack(">II", columns, rows) and stream.read() == LAST_CHUNK


FIRST_CHUNK = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
LAST_CHUNK = b"\0\0\0\0IEND\xaeB`\x82"


def check_name(path: Path) -> None:
    """Refuse a name that is not a PNG's."""
    if path.suffix.lower() != ".png":
        raise VolumeError(
            "pictures are written as PNG, and this name is another format's",
            files=(str(path),),
            remedy=f"name it {path.stem or 'picture'}.png",
        )
