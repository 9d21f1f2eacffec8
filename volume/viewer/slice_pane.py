"""A pane with one of the patient's planes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkRenderingCore import vtkImageSlice, vtkImageSliceMapper

from volume.processing.planes import Plane, Reformatter
from volume.processing.windows import to_grey
from volume.viewer.colours import FAINT, IMAGE, PLANE, TEXT
from volume.viewer.contours import Contours
from volume.viewer.controller import project_pane
from volume.viewer.layout import Layout, Rect
from volume.viewer.overlay import MARGIN, EdgeLetters, Label, Lines, Segment
from volume.viewer.paint import Painted
from volume.viewer.pane import Pane
from volume.viewer.projection import Projection
from volume.viewer.scene import Scene
from volume.viewer.stripes import Stripes
from volume.viewer.words import nice_length, plane_line, volume_lines, window_line
from volume.volume import Volume

GAP = 9
"""Pixels left free around the crosshair's middle."""


class SlicePane(Pane):
    """Draws one plane with its crosshair, letters, scale bar and corner text."""

    def __init__(
        self, plane: str, reformatter: Reformatter, meshes: Sequence[Painted] = ()
    ) -> None:
        super().__init__(IMAGE)
        self.plane = plane
        self.reformatter = reformatter
        self.valid = _valid_of(reformatter.volume)
        self.mapper = vtkImageSliceMapper()
        self.mapper.BorderOn()
        image = vtkImageSlice()
        image.SetMapper(self.mapper)
        image.GetProperty().SetInterpolationTypeToLinear()
        image.GetProperty().SetColorWindow(255)
        image.GetProperty().SetColorLevel(127.5)
        self.renderer.AddViewProp(image)
        self.camera = self.renderer.GetActiveCamera()
        self.camera.ParallelProjectionOn()
        self.contours = Contours(self.renderer, meshes)
        self.stripes = Stripes(self.renderer)
        self.lines = Lines(self.renderer)
        self.name = Label(self.renderer, "left", "top", plate=True)
        self.where = Label(self.renderer, "left", "top", plate=True)
        self.what = Label(self.renderer, "right", "top", plate=True)
        self.window = Label(self.renderer, plate=True)
        self.scale = Label(self.renderer, "right", plate=True)
        self.letters = EdgeLetters(self.renderer)
        self._cut: tuple[float, Plane] | None = None
        self._invented: NDArray[np.bool_] | None = None
        self._shades = np.zeros((1, 1), np.uint8)
        self._shaded: object = None

    def place(self, layout: Layout) -> Rect | None:
        """Give the pane's rectangle in the layout."""
        return layout.panes.get(self.plane)

    def key(self, scene: Scene) -> object:
        """Everything but the 3D pane's camera and the notes changes a plane."""
        sight = scene.sights[self.plane]
        return scene.cursor, scene.window, scene.inverted, sight, scene.labels

    def update(self, scene: Scene) -> None:
        """Cut the plane anew if it moved, shade it anew if the window did, and aim."""
        plane = self._plane_at(scene)
        shading = (self._cut and self._cut[0], scene.window, scene.inverted)
        if shading != self._shaded:
            self._shades = _shade(scene, plane)
            self.mapper.SetInputData(_image(self._shades, plane))
            self._shaded = shading
        projection = project_pane(scene, self.plane, self.rect)
        self._aim(projection)
        self.contours.show(plane)
        self.stripes.show(projection, self._shades, self._invented)
        self._annotate(scene, projection, plane)

    def _plane_at(self, scene: Scene) -> Plane:
        """Cut the plane through the crosshair, unless it is the one of the last time."""
        layer = scene.layer(self.plane)
        place = round(layer) if self.reformatter.aligned else round(layer, 6)
        if self._cut is None or self._cut[0] != place:
            self._cut = place, self.reformatter.cut(self.plane, scene.cursor)
            if self.valid is not None:
                self._invented = self.valid.cut(self.plane, scene.cursor).array == 2
        return self._cut[1]

    def _aim(self, projection: Projection) -> None:
        right, down = projection.centre
        self.camera.SetFocalPoint(right, -down, 0)
        self.camera.SetPosition(right, -down, 10)
        self.camera.SetViewUp(0, 1, 0)
        self.camera.SetParallelScale(self.rect.height / 2 / projection.scale)
        self.camera.SetClippingRange(1, 20)

    def _annotate(self, scene: Scene, projection: Projection, plane: Plane) -> None:
        x, y = projection.to_display(scene.cursor)
        segments = self._crosshair(x - self.rect.x, y - self.rect.y)
        self.letters.show(plane.letters if scene.labels else ("",) * 4, self.rect, self.font)
        length = nice_length(self.rect.width / 4 / projection.scale)
        if scene.labels and self.roomy:
            segments += self._scale_bar(length * projection.scale)
        self._corners(scene, scene.labels and self.roomy, length)
        self.lines.show(segments)

    def _crosshair(self, x: float, y: float) -> list[Segment]:
        """Cross the pane through pixel (x, y), each line in the colour of its plane."""
        x, y = np.floor(x + 0.5) + 0.5, np.floor(y + 0.5) + 0.5
        upright, level = CROSSED_BY[self.plane]
        edge = 2.4 * self.font  # the letters' room
        right, top = self.rect.width - edge, self.rect.height - edge
        segments = [
            (x, edge, x, min(y - GAP, top), PLANE[upright]),
            (x, max(y + GAP, edge), x, top, PLANE[upright]),
            (edge, y, min(x - GAP, right), y, PLANE[level]),
            (max(x + GAP, edge), y, right, y, PLANE[level]),
        ]
        return [line for line in segments if line[0] < line[2] or line[1] < line[3]]

    def _scale_bar(self, pixels: float) -> list[Segment]:
        edge = round(self.font * MARGIN)
        right, bottom, tick = self.rect.width - edge - 0.5, edge + 0.5, self.font // 3
        left = right - round(pixels)
        return [
            (left, bottom - 1, right, bottom - 1, IMAGE),  # seen on bright images too
            (left, bottom, right, bottom, TEXT),
            (left, bottom, left, bottom + tick, TEXT),
            (right, bottom, right, bottom + tick, TEXT),
        ]

    def _corners(self, scene: Scene, shown: bool, length: float) -> None:
        width, height, edge = self.rect.width, self.rect.height, self.font * MARGIN
        first = self.plane in (scene.layout, "axial")
        below, what = height - edge - 1.5 * self.font, volume_lines(self.reformatter.volume)
        texts = (
            (self.name, self.plane.capitalize(), edge, height - edge, PLANE[self.plane]),
            (self.where, plane_line(scene, self.plane), edge, below, TEXT),
            (self.what, what if first else "", width - edge, height - edge, FAINT),
            (self.window, window_line(scene), edge, edge, TEXT),
            (self.scale, f"{length:g} mm", width - edge, edge + self.font * 0.6, TEXT),
        )
        for label, text, x, y, colour in texts:
            label.show(text if shown else "", x, y, self.font, colour)


CROSSED_BY = {
    "axial": ("sagittal", "coronal"),
    "coronal": ("sagittal", "axial"),
    "sagittal": ("coronal", "axial"),
}
"""The planes that a pane's upright and level line stand for."""


def _shade(scene: Scene, plane: Plane) -> NDArray[np.uint8]:
    """Give a plane's values as grey or colour, 0 to 255."""
    if scene.subject.is_colour:
        return to_grey(plane.array, scene.subject.full_window)
    return to_grey(plane.array, scene.window, invert=scene.inverted)


def _image(shades: NDArray[np.uint8], plane: Plane) -> vtkImageData:
    """Make the picture of a plane, in mm to the right and up of pixel [0, 0]."""
    rows, columns = shades.shape[:2]
    down, right = plane.pixel_spacing
    image = vtkImageData()
    image.SetDimensions(columns, rows, 1)
    image.SetSpacing(right, down, 1)
    image.SetOrigin(0, -(rows - 1) * down, 0)
    components = shades.shape[2] if shades.ndim == 3 else 1
    flipped = shades[::-1].reshape(-1, components)
    image.GetPointData().SetScalars(numpy_to_vtk(flipped, deep=True))
    return image


def _valid_of(volume: Volume) -> Reformatter | None:
    if volume.valid is None or not (volume.valid == 2).any():
        return None
    return Reformatter(replace(volume, array=volume.valid, valid=None), nearest=True)
