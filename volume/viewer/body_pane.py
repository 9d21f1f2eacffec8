"""The 3D pane: surfaces of the volume, and meshes laid over it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkLight, vtkPolyDataMapper

from volume.geometry import Geometry
from volume.processing.planes import towards
from volume.surface import Mesh
from volume.viewer.colours import BONE, FLESH, OUTLINE, PLANE, SPACE, TEXT, Colour
from volume.viewer.eye import VIEW_ANGLE, Eye, box_of, look
from volume.viewer.layout import Layout, Rect
from volume.viewer.overlay import MARGIN, EdgeLetters, Label
from volume.viewer.paint import Painted
from volume.viewer.pane import Pane
from volume.viewer.scene import Scene
from volume.viewer.surfaces import surface_for_looking
from volume.viewer.words import surface_line
from volume.volume import Volume

LAMPS = (((-0.5, 0.7, 1.0), 0.85), ((0.9, -0.1, 0.6), 0.3))
"""Two lamps that go with the eye, from above left and, weaker, from the right."""

SOFTEST_BONE_HU = 150
"""Surfaces from here on have the colour of bone."""


class BodyPane(Pane):
    """Draws the surface of the volume at the scene's level, and the meshes."""

    def __init__(self, volume: Volume, meshes: Sequence[Painted]) -> None:
        super().__init__(SPACE)
        self.volume = volume
        self.waiting = False
        self.surface: vtkActor | None = None
        self._level: float | None = None
        self._trouble = ""
        self._light()
        self.renderer.AddActor(_outline(volume.geometry))
        for mesh, colour in meshes:
            self.renderer.AddActor(_actor(mesh, colour))
        self.name = Label(self.renderer, "left", "top", plate=True)
        self.what = Label(self.renderer, "left", "top", plate=True)
        self.letters = EdgeLetters(self.renderer)

    def place(self, layout: Layout) -> Rect | None:
        """Give the pane's rectangle in the layout."""
        return layout.panes.get("3d")

    def key(self, scene: Scene) -> object:
        """The crosshair and the window leave the surface alone."""
        return scene.camera, scene.level, scene.labels, self.waiting

    def update(self, scene: Scene) -> None:
        """Turn the eye; make the surface anew if its level changed."""
        if not self.waiting:
            self._set_level(scene.level)
        eye = look(scene.camera, self.volume.geometry, self.rect)
        self._aim(eye)
        self._annotate(scene, eye)

    def _set_level(self, level: float | None) -> None:
        if level == self._level:
            return
        if self.surface is not None:
            self.renderer.RemoveActor(self.surface)
        self.surface, self._level, self._trouble = None, level, ""
        if level is None:
            return
        mesh = surface_for_looking(self.volume, level)
        if mesh is None:
            self._trouble = "(nothing there)"
            return
        is_bone = self.volume.unit == "HU" and level >= SOFTEST_BONE_HU
        self.surface = _actor(mesh, BONE if is_bone else FLESH)
        self.renderer.AddActor(self.surface)

    def _aim(self, eye: Eye) -> None:
        camera = self.renderer.GetActiveCamera()
        camera.SetViewAngle(VIEW_ANGLE)
        camera.SetPosition(*eye.position)
        camera.SetFocalPoint(*eye.target)
        camera.SetViewUp(*eye.up)
        self.renderer.ResetCameraClippingRange()

    def _annotate(self, scene: Scene, eye: Eye) -> None:
        ways = (-eye.right, eye.right, eye.up, -eye.up)
        letters = [towards(way) if scene.labels else "" for way in ways]
        self.letters.show(letters, self.rect, self.font)
        edge = self.font * MARGIN
        top = self.rect.height - edge
        line = "surface ..." if self.waiting else f"{surface_line(scene)} {self._trouble}".strip()
        shown = scene.labels and self.roomy
        self.name.show("3D" if shown else "", edge, top, self.font, PLANE["3d"])
        self.what.show(line if shown else "", edge, top - 1.5 * self.font, self.font, TEXT)

    def _light(self) -> None:
        self.renderer.AutomaticLightCreationOff()
        for position, intensity in LAMPS:
            lamp = vtkLight()
            lamp.SetLightTypeToCameraLight()
            lamp.SetPosition(*position)
            lamp.SetIntensity(intensity)
            self.renderer.AddLight(lamp)


def _actor(mesh: Mesh, colour: Colour) -> vtkActor:
    mapper = vtkPolyDataMapper()
    mapper.SetInputData(_to_vtk(mesh))
    mapper.ScalarVisibilityOff()
    actor = vtkActor()
    actor.SetMapper(mapper)
    look = actor.GetProperty()
    look.SetColor(*colour)
    look.SetAmbient(0.08)
    look.SetDiffuse(0.9)
    look.SetSpecular(0.15)
    look.SetSpecularPower(20)
    return actor


def _to_vtk(mesh: Mesh) -> vtkPolyData:
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(mesh.points), deep=True))
    faces = vtkCellArray()
    faces.SetData(3, numpy_to_vtkIdTypeArray(mesh.faces.ravel().astype(np.int64), deep=True))
    shape = vtkPolyData()
    shape.SetPoints(points)
    shape.SetPolys(faces)
    shape.GetPointData().SetNormals(numpy_to_vtk(np.ascontiguousarray(mesh.normals), deep=True))
    return shape


def _outline(geometry: Geometry) -> vtkActor:
    """Draw the edges of the volume's box."""
    corners = box_of(geometry)
    edges = [(a, b) for a, b in combinations(range(8), 2) if (a ^ b).bit_count() == 1]
    points = vtkPoints()
    points.SetData(numpy_to_vtk(corners.astype(np.float32), deep=True))
    cells = vtkCellArray()
    cells.SetData(2, numpy_to_vtkIdTypeArray(np.array(edges, dtype=np.int64).ravel(), deep=True))
    shape = vtkPolyData()
    shape.SetPoints(points)
    shape.SetLines(cells)
    mapper = vtkPolyDataMapper()
    mapper.SetInputData(shape)
    actor = vtkActor()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(*OUTLINE)
    actor.GetProperty().LightingOff()
    return actor
