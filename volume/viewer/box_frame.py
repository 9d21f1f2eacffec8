"""The clipping box as it is drawn: twelve edges, and a handle in the middle of each face."""

from __future__ import annotations

from itertools import product

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkActor2D, vtkPolyDataMapper2D, vtkRenderer

from volume.viewer.body_look import Box
from volume.viewer.clip_box import faces, middle_of
from volume.viewer.colours import CLIP
from volume.viewer.eye import Eye
from volume.viewer.shapes import BOX_EDGES, wires

HANDLE_PART = 0.6
"""The side of a handle, in letters of the pane."""


class BoxFrame:
    """Draws the box that cuts the volume, while there is one; its handles lie over all else."""

    def __init__(self, renderer: vtkRenderer) -> None:
        self.renderer = renderer
        self._edges: vtkActor | None = None
        self._box: Box | None = None
        self._places = vtkPoints()
        self.handles = vtkActor2D()
        self.handles.SetMapper(_handles_at(self._places))
        self.handles.GetProperty().SetColor(*CLIP)
        self.handles.VisibilityOff()
        renderer.AddViewProp(self.handles)

    def show(self, box: Box | None, eye: Eye, font: int) -> None:
        """Draw this box instead of the one before; none if there is none."""
        if box != self._box:
            self._box = box
            self._draw_edges(box)
        self.handles.SetVisibility(box is not None)
        if box is not None:
            corner = np.array([eye.rect.x, eye.rect.y])
            seen = [np.array(eye.to_display(middle_of(box, face))) - corner for face in faces()]
            flat = np.pad(np.array(seen, np.float32), ((0, 0), (0, 1)))
            self._places.SetData(numpy_to_vtk(flat, deep=True))
            self._places.Modified()
            self.handles.GetProperty().SetPointSize(font * HANDLE_PART)

    def _draw_edges(self, box: Box | None) -> None:
        if self._edges is not None:
            self.renderer.RemoveActor(self._edges)
        self._edges = None
        if box is not None:
            corners = list(product(box[:2], box[2:4], box[4:]))
            self._edges = wires(corners, BOX_EDGES, CLIP)
            self.renderer.AddActor(self._edges)


def _handles_at(places: vtkPoints) -> vtkPolyDataMapper2D:
    cells = vtkCellArray()
    cells.SetData(1, numpy_to_vtkIdTypeArray(np.arange(6, dtype=np.int64), deep=True))
    shape = vtkPolyData()
    shape.SetPoints(places)
    shape.SetVerts(cells)
    mapper = vtkPolyDataMapper2D()
    mapper.SetInputData(shape)
    return mapper
