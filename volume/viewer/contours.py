"""Outlines of meshes on a slice, each in the colour that the mesh has in the 3D pane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer

from volume.processing.planes import Plane
from volume.processing.section import Cutter
from volume.viewer.paint import Painted

WIDTH = 2.0
"""Of the lines, in pixels."""
ABOVE_IMAGE_MM = 1.0


class Contours:
    """Draws where the plane of a pane cuts meshes, in the pane's mm to the right and up."""

    def __init__(self, renderer: vtkRenderer, meshes: Sequence[Painted]) -> None:
        self.cutters = [Cutter(mesh) for mesh, _ in meshes]
        self.shapes = [vtkPolyData() for _ in meshes]
        for (_, colour), shape in zip(meshes, self.shapes, strict=True):
            mapper = vtkPolyDataMapper()
            mapper.SetInputData(shape)
            actor = vtkActor()
            actor.SetMapper(mapper)
            actor.GetProperty().SetColor(*colour)
            actor.GetProperty().SetLineWidth(WIDTH)
            actor.GetProperty().LightingOff()
            renderer.AddActor(actor)
        self._shown: Plane | None = None

    def show(self, plane: Plane) -> None:
        """Cut the meshes anew if the plane is another than the last time."""
        if plane is self._shown:
            return
        self._shown = plane
        for cutter, shape in zip(self.cutters, self.shapes, strict=True):
            ends = cutter.cut(plane.origin, plane.normal).reshape(-1, 3) - plane.origin
            flat = np.full((len(ends), 3), ABOVE_IMAGE_MM, np.float32)
            flat[:, 0] = ends @ plane.row_direction
            flat[:, 1] = -(ends @ plane.column_direction)
            points = vtkPoints()
            points.SetData(numpy_to_vtk(flat, deep=True))
            cells = vtkCellArray()
            pairs = np.arange(len(flat), dtype=np.int64)
            cells.SetData(2, numpy_to_vtkIdTypeArray(pairs, deep=True))
            shape.SetPoints(points)
            shape.SetLines(cells)
            shape.Modified()
