"""Letters and lines laid over a pane, in pixels from the pane's lower left corner."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkRenderingCore import (
    vtkActor2D,
    vtkPolyDataMapper2D,
    vtkRenderer,
    vtkTextActor,
    vtkTextRenderer,
)

from volume.viewer.colours import TEXT, Colour
from volume.viewer.fonts import drawable, font_for
from volume.viewer.layout import Rect

Segment = tuple[float, float, float, float, Colour]
"""A line from (x, y) to (x, y) and its colour."""

MARGIN = 0.6
"""From a pane's edge to the letters, in letters."""
PLATE = 0.88
"""How dark the plate behind letters is, so that they can be read on bright images too."""
FONT_FILE = 4
"""VTK's number (VTK_FONT_FILE) for the family of a font that lies in a file."""
ALIGN = {"left": 0, "centre": 1, "right": 2, "bottom": 0, "middle": 1, "top": 2}
"""VTK's numbers for where the letters lie against their place."""


class Label:
    """Some text at a place of the pane, on a dark plate where there are images beneath."""

    def __init__(
        self,
        renderer: vtkRenderer,
        across: str = "left",
        along: str = "bottom",
        *,
        plate: bool = False,
    ) -> None:
        vtkTextRenderer.GetInstance().SetDefaultBackend(vtkTextRenderer.FreeType)  # no $formulas$
        self.actor = vtkTextActor()
        self.style = self.actor.GetTextProperty()
        self.style.SetFontFamilyToArial()
        self.style.SetJustification(ALIGN[across])
        self.style.SetVerticalJustification(ALIGN[along])
        self.style.ShadowOn()
        self.style.SetShadowOffset(1, -1)
        self.style.SetLineSpacing(1.15)
        self.style.SetBackgroundColor(0, 0, 0)
        self.style.SetBackgroundOpacity(PLATE if plate else 0)
        renderer.AddViewProp(self.actor)

    def show(self, text: str, x: float, y: float, font: int, colour: Colour) -> None:
        """Write text there; nothing if it is empty."""
        self.actor.SetVisibility(bool(text))
        if not text:
            return
        text = drawable(text)  # lines that one font each could draw need one for all
        self.actor.SetInput(text)
        self._take_font(font_for(text))
        self.actor.SetPosition(round(x), round(y))
        self.style.SetFontSize(font)
        self.style.SetColor(*colour)

    def _take_font(self, path: str | None) -> None:
        """Write with a font file of the system, or with VTK's own font."""
        if path is None:
            self.style.SetFontFamilyToArial()
        else:
            self.style.SetFontFamily(FONT_FILE)
            self.style.SetFontFile(path)


class EdgeLetters:
    """What lies to the left, right, top and bottom of a pane."""

    def __init__(self, renderer: vtkRenderer) -> None:
        self.labels = (
            Label(renderer, "left", "middle", plate=True),
            Label(renderer, "right", "middle", plate=True),
            Label(renderer, "centre", "top", plate=True),
            Label(renderer, "centre", "bottom", plate=True),
        )
        for label in self.labels:
            label.style.BoldOn()

    def show(self, letters: Sequence[str], rect: Rect, font: int) -> None:
        """Write four letters, each in the middle of its edge."""
        width, height, edge = rect.width, rect.height, font * MARGIN
        places = [
            (edge, height / 2),
            (width - edge, height / 2),
            (width / 2, height - edge),
            (width / 2, edge),
        ]
        for label, letter, (x, y) in zip(self.labels, letters, places, strict=True):
            label.show(letter, x, y, font + 2, TEXT)


class Lines:
    """Thin straight lines over the pane."""

    def __init__(self, renderer: vtkRenderer) -> None:
        self.shape = vtkPolyData()
        mapper = vtkPolyDataMapper2D()
        mapper.SetInputData(self.shape)
        mapper.SetScalarModeToUseCellData()
        self.actor = vtkActor2D()
        self.actor.SetMapper(mapper)
        renderer.AddViewProp(self.actor)

    def show(self, segments: Sequence[Segment]) -> None:
        """Draw these lines instead of those before."""
        self.actor.SetVisibility(bool(segments))
        if not segments:
            return
        ends = np.zeros((2 * len(segments), 3), dtype=np.float32)
        ends[:, :2] = np.array([segment[:4] for segment in segments]).reshape(-1, 2)
        colours = np.array([segment[4] for segment in segments])
        points = vtkPoints()
        points.SetData(numpy_to_vtk(ends, deep=True))
        cells = vtkCellArray()
        pairs = np.arange(len(ends), dtype=np.int64)
        cells.SetData(2, numpy_to_vtkIdTypeArray(pairs, deep=True))
        self.shape.SetPoints(points)
        self.shape.SetLines(cells)
        scalars = numpy_to_vtk(np.rint(colours * 255).astype(np.uint8), deep=True)
        self.shape.GetCellData().SetScalars(scalars)
        self.shape.Modified()
