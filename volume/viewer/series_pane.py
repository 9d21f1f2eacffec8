"""The list of series on the left of a window: a thumbnail and a few words each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkRenderingCore import vtkImageSlice, vtkImageSliceMapper

from volume.viewer.colours import CARD, FAINT, IMAGE, SEAM, STRIP, TEXT
from volume.viewer.layout import Layout, Rect
from volume.viewer.overlay import Label
from volume.viewer.pane import Pane
from volume.viewer.scene import Scene
from volume.viewer.series_list import ROW, SeriesList, rows_in_sight
from volume.viewer.words import safe, shorten

PICTURE = 5.1
"""The side of a thumbnail, in letters."""
MOST_LINES = 4


class SeriesPane(Pane):
    """Draws the rows that there is room for; the one that is shown stands out."""

    def __init__(self, pictures: Mapping[int, NDArray[Any]]) -> None:
        super().__init__(STRIP)
        self.pictures = pictures
        self.mapper = vtkImageSliceMapper()
        self.mapper.BorderOn()
        self.image = vtkImageSlice()
        self.image.SetMapper(self.mapper)
        self.image.GetProperty().SetInterpolationTypeToNearest()
        self.image.GetProperty().SetColorWindow(255)
        self.image.GetProperty().SetColorLevel(127.5)
        self.renderer.AddViewProp(self.image)
        self.camera = self.renderer.GetActiveCamera()
        self.camera.ParallelProjectionOn()
        self.texts: list[tuple[Label, Label]] = []

    def place(self, layout: Layout) -> Rect | None:
        """Lie on the left, where there is a list."""
        return layout.series

    def key(self, scene: Scene) -> object:
        """The list changes when it is moved, another series is chosen, a thumbnail comes."""
        return scene.series, len(self.pictures)

    def update(self, scene: Scene) -> None:
        """Draw the thumbnails as one image, and write beside them."""
        if scene.series is None:
            return
        rows = rows_in_sight(scene.series, self.rect, self.font)
        canvas = np.empty((self.rect.height, self.rect.width, 3), np.uint8)
        canvas[:] = _colour(STRIP)
        for place, number in enumerate(rows):
            self._paint(canvas, place, number, scene.series)
        self.mapper.SetInputData(_image(canvas))
        self._aim()
        self._write(scene.series, rows)

    def _paint(
        self, canvas: NDArray[np.uint8], place: int, number: int, series: SeriesList
    ) -> None:
        """Paint one row: its ground, and its thumbnail."""
        top, bottom = round(place * ROW * self.font), round((place + 1) * ROW * self.font) - 1
        if number in (series.shown, series.wanted):
            canvas[top:bottom] = _colour(SEAM if number == series.wanted else CARD)
        side = round(PICTURE * self.font)
        edge = (bottom - top - side) // 2
        frame = canvas[top + edge : top + edge + side, edge : edge + side]
        frame[:] = _colour(IMAGE)
        picture = self.pictures.get(number)
        if picture is not None and frame.size:
            _fit(picture, frame)

    def _write(self, series: SeriesList, rows: range) -> None:
        while len(self.texts) < len(rows):
            self.texts.append((self._label(), self._label()))
        left = (PICTURE + 1.1) * self.font
        width = self.rect.width - left - 0.4 * self.font
        for place, (name, words) in enumerate(self.texts):
            top = self.rect.height - (place * ROW + 0.5) * self.font
            lines = list(series.rows[rows[place]].lines) if place < len(rows) else []
            short = [shorten(safe(line), width, self.font - 1) for line in lines[:MOST_LINES]]
            name.show(short[0] if short else "", left, top, self.font - 1, TEXT)
            text = "\n".join(short[1:])
            words.show(text, left, top - 1.25 * self.font, self.font - 1, FAINT)

    def _label(self) -> Label:
        return Label(self.renderer, "left", "top")

    def _aim(self) -> None:
        width, height = self.rect.width, self.rect.height
        middle = (width - 1) / 2, (height - 1) / 2
        self.camera.SetFocalPoint(*middle, 0)
        self.camera.SetPosition(*middle, 10)
        self.camera.SetViewUp(0, 1, 0)
        self.camera.SetParallelScale(height / 2)
        self.camera.SetClippingRange(1, 20)


def _fit(picture: NDArray[Any], frame: NDArray[np.uint8]) -> None:
    """Lay a picture into the middle of a square frame, as large as it goes."""
    rows, columns = picture.shape[:2]
    side = frame.shape[0]
    scale = min(side / rows, frame.shape[1] / columns)
    shape = max(1, int(rows * scale)), max(1, int(columns * scale))
    down = ((np.arange(shape[0]) + 0.5) * rows / shape[0]).astype(int)
    right = ((np.arange(shape[1]) + 0.5) * columns / shape[1]).astype(int)
    top, left = (side - shape[0]) // 2, (frame.shape[1] - shape[1]) // 2
    frame[top : top + shape[0], left : left + shape[1]] = picture[down][:, right]


def _colour(colour: tuple[float, float, float]) -> NDArray[np.uint8]:
    return np.rint(np.array(colour) * 255).astype(np.uint8)


def _image(canvas: NDArray[np.uint8]) -> vtkImageData:
    rows, columns = canvas.shape[:2]
    image = vtkImageData()
    image.SetDimensions(columns, rows, 1)
    image.GetPointData().SetScalars(numpy_to_vtk(canvas[::-1].reshape(-1, 3), deep=True))
    return image
