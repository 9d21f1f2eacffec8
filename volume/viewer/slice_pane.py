"""A pane with one of the three planes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkRenderingCore import vtkImageSlice, vtkImageSliceMapper

from volume.processing.planes import Plane
from volume.processing.windows import to_grey
from volume.viewer.colours import FAINT, IMAGE, PLANE, TEXT, Colour
from volume.viewer.contours import Contours
from volume.viewer.crosshair import Arm, arms
from volume.viewer.detail import Detail
from volume.viewer.layout import Layout, Rect
from volume.viewer.overlay import MARGIN, EdgeLetters, Label, Lines, Segment
from volume.viewer.paint import Painted
from volume.viewer.pane import Pane
from volume.viewer.projection import Projection, project_pane
from volume.viewer.reading import INTERPOLATED, Readings
from volume.viewer.scene import Scene
from volume.viewer.sketch import Sketch
from volume.viewer.stripes import Stripes
from volume.viewer.words import nice_length, plane_line, slab_line, volume_lines, window_line

SAME_SIGHT = 12
"""Lines of sight that agree in so many decimals are one: a plane that the others turn about."""
HANDLE = 3
"""Half the side of the handles at the crosshair's ends, in pixels."""


class SlicePane(Pane):
    """Draws one plane with its crosshair, letters, scale bar and corner text."""

    def __init__(self, plane: str, readings: Readings, meshes: Sequence[Painted] = ()) -> None:
        super().__init__(IMAGE)
        self.renderer.SetUseOIT(False)  # stripes are one layer: nothing to sort, half the time
        self.plane = plane
        self.reformatter = readings.reformatter
        self.valid = readings.valid
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
        self.sketch = Sketch(self.renderer, plane, readings)
        self.name = Label(self.renderer, "left", "top", plate=True)
        self.where = Label(self.renderer, "left", "top", plate=True)
        self.what = Label(self.renderer, "right", "top", plate=True)
        self.window = Label(self.renderer, plate=True)
        self.scale = Label(self.renderer, "right", plate=True)
        self.letters = EdgeLetters(self.renderer)
        self._cut: tuple[object, Plane] | None = None
        self._invented: NDArray[np.bool_] | None = None
        self._shades = np.zeros((1, 1), np.uint8)
        self._shaded: object = None
        self._striped: object = None

    def place(self, layout: Layout) -> Rect | None:
        """Give the pane's rectangle in the layout."""
        return layout.panes.get(self.plane)

    def key(self, scene: Scene) -> object:
        """Everything but the 3D pane's camera, the notes and the probe changes a plane."""
        sight = scene.sights[self.plane]
        planes = scene.cursor, scene.axes, scene.slab, self._is_coarse(scene)
        shown = scene.window, scene.inverted, sight, scene.labels
        return *planes, *shown, _description(scene), self.sketch.key(scene)

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
        self._stripe(projection)
        self._annotate(scene, projection, plane)

    def _is_coarse(self, scene: Scene) -> bool:
        """Whether a coarse plane will do: a slab that is interpolated, while it moves."""
        is_slow = scene.slab.mode is not None and not scene.is_on_voxels(self.plane)
        return is_slow and self.detail != Detail.FULL

    def _plane_at(self, scene: Scene) -> Plane:
        """Cut the plane through the crosshair, unless it is the one of the last time."""
        layer = scene.layer(self.plane)
        place = round(layer) if scene.is_on_voxels(self.plane) else round(layer, 6)
        coarse = self._is_coarse(scene)
        sight = tuple(np.round(scene.grid(self.plane).direction[:, 2], SAME_SIGHT))
        key = place, sight, scene.slab, coarse
        if self._cut is None or self._cut[0] != key:
            slab, combine = scene.slab.thickness, scene.slab.combine
            self._cut = (
                key,
                self.reformatter.cut(
                    self.plane, scene.cursor, slab, combine, rotation=scene.axes, coarse=coarse
                ),
            )
            if self.valid is not None:  # the largest of its values stands for what is invented
                cut = self.valid.cut(self.plane, scene.cursor, slab, "max", rotation=scene.axes)
                self._invented = cut.array == INTERPOLATED
        return self._cut[1]

    def _aim(self, projection: Projection) -> None:
        right, down = projection.centre
        self.camera.SetFocalPoint(right, -down, 0)
        self.camera.SetPosition(right, -down, 10)
        self.camera.SetViewUp(0, 1, 0)
        self.camera.SetParallelScale(self.rect.height / 2 / projection.scale)
        self.camera.SetClippingRange(1, 20)

    def _stripe(self, projection: Projection) -> None:
        """Stripe what was invented, unless the stripes lie there from the last time."""
        if self._invented is None:
            return
        look = self._shaded, projection.rect, projection.centre, projection.scale
        if look != self._striped:
            self.stripes.show(projection, self._shades, self._invented)
            self._striped = look

    def _annotate(self, scene: Scene, projection: Projection, plane: Plane) -> None:
        segments = self._crosshair(scene, projection)
        self.letters.show(plane.letters if scene.labels else ("",) * 4, self.rect, self.font)
        length = nice_length(self.rect.width / 4 / projection.scale)
        if scene.labels and self.roomy:
            segments += self._scale_bar(length * projection.scale)
        self._corners(scene, plane, scene.labels and self.roomy, length)
        self.lines.show(segments)
        self.sketch.show(scene, projection, self.rect, self.font)

    def _crosshair(self, scene: Scene, projection: Projection) -> list[Segment]:
        """Cross the pane, each line in the colour of its plane, its ends to be taken hold of."""
        seen = arms(scene, self.plane, projection, self.font)
        segments = [
            self._line(arm.start, arm.end, PLANE[arm.plane]) for arm in seen if arm.length > 0
        ]
        handles = [arm for arm in seen if arm.has_handle] if scene.labels else []
        return segments + [side for arm in handles for side in self._handle(arm)]

    def _handle(self, arm: Arm) -> list[Segment]:
        """Draw a little square at an arm's end."""
        x, y = arm.end
        corners = [
            (x + a * HANDLE, y + b * HANDLE) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        ]
        sides = zip(corners, (*corners[1:], corners[0]), strict=True)
        return [self._line(start, end, PLANE[arm.plane]) for start, end in sides]

    def _line(
        self, start: tuple[float, float], end: tuple[float, float], colour: Colour
    ) -> Segment:
        x, y = self.rect.x, self.rect.y
        return start[0] - x, start[1] - y, end[0] - x, end[1] - y, colour

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

    def _corners(self, scene: Scene, plane: Plane, shown: bool, length: float) -> None:
        width, height, edge = self.rect.width, self.rect.height, self.font * MARGIN
        first = self.plane in (scene.layout, "axial")
        below = height - edge - 1.5 * self.font
        what = volume_lines(self.reformatter.volume, _description(scene))
        where = "\n".join(
            filter(None, (plane_line(scene, self.plane), slab_line(scene, plane.thickness)))
        )
        texts = (
            (self.name, self.plane.capitalize(), edge, height - edge, PLANE[self.plane]),
            (self.where, where, edge, below, TEXT),
            (self.what, what if first else "", width - edge, height - edge, FAINT),
            (self.window, window_line(scene), edge, edge, TEXT),
            (self.scale, f"{length:g} mm", width - edge, edge + self.font * 0.6, TEXT),
        )
        for label, text, x, y, colour in texts:
            label.show(text if shown else "", x, y, self.font, colour)


def _description(scene: Scene) -> str:
    """Give what the series is called: in a window, where no list says so already."""
    return "" if scene.series is None or scene.series.is_open else scene.series.description


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
