"""Solids and wires of the 3D pane, as VTK draws them; places are in mm LPS."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPlane, vtkPlaneCollection, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

from volume.surface import Mesh
from volume.viewer.body_look import Box
from volume.viewer.colours import Colour

BOX_EDGES = [(a, b) for a in range(8) for b in range(a + 1, 8) if (a ^ b).bit_count() == 1]
"""The twelve edges of a box whose corners are counted by the bits of their number."""


def solid(mesh: Mesh, colour: Colour) -> vtkActor:
    """Make a surface that shines a little."""
    shape = vtkPolyData()
    shape.SetPoints(_points(mesh.points))
    shape.SetPolys(_cells(mesh.faces))
    shape.GetPointData().SetNormals(numpy_to_vtk(np.ascontiguousarray(mesh.normals), deep=True))
    actor = _actor(shape, colour)
    look = actor.GetProperty()
    look.SetAmbient(0.08)
    look.SetDiffuse(0.9)
    look.SetSpecular(0.15)
    look.SetSpecularPower(20)
    return actor


def wires(corners: ArrayLike, edges: Sequence[tuple[int, int]], colour: Colour) -> vtkActor:
    """Draw lines between places."""
    shape = vtkPolyData()
    shape.SetPoints(_points(corners))
    shape.SetLines(_cells(np.array(edges)))
    actor = _actor(shape, colour)
    actor.GetProperty().LightingOff()
    return actor


def planes_of(box: Box | None) -> vtkPlaneCollection:
    """Give the planes beyond which a box lets nothing be seen."""
    planes = vtkPlaneCollection()
    for side, place in enumerate(box or ()):
        normal, origin = np.zeros(3), np.zeros(3)
        normal[side // 2] = 1 if side % 2 == 0 else -1
        origin[side // 2] = place
        plane = vtkPlane()
        plane.SetNormal(*normal)
        plane.SetOrigin(*origin)
        planes.AddItem(plane)
    return planes


def _actor(shape: vtkPolyData, colour: Colour) -> vtkActor:
    mapper = vtkPolyDataMapper()
    mapper.SetInputData(shape)
    mapper.ScalarVisibilityOff()
    actor = vtkActor()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(*colour)
    return actor


def _points(places: ArrayLike) -> vtkPoints:
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(places, dtype=np.float32), deep=True))
    return points


def _cells(corners: NDArray[np.integer]) -> vtkCellArray:
    """Make cells of (n, corners) numbers of points."""
    cells = vtkCellArray()
    flat = np.ascontiguousarray(corners, dtype=np.int64).ravel()
    cells.SetData(corners.shape[1], numpy_to_vtkIdTypeArray(flat, deep=True))
    return cells
