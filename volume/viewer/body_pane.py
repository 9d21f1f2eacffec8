"""The 3D pane: the volume as its surface or rendered, and meshes laid over it."""

from __future__ import annotations

from collections.abc import Sequence

from vtkmodules.vtkRenderingCore import vtkLight

from volume.processing.plane_grid import towards
from volume.viewer.box_frame import BoxFrame
from volume.viewer.colours import OUTLINE, PLANE, SPACE, TEXT
from volume.viewer.detail import Detail
from volume.viewer.eye import VIEW_ANGLE, Eye, box_of, look
from volume.viewer.layout import Layout, Rect
from volume.viewer.overlay import MARGIN, EdgeLetters, Label
from volume.viewer.paint import Painted
from volume.viewer.pane import Pane
from volume.viewer.ray_caster import RayCaster
from volume.viewer.scene import Scene
from volume.viewer.shapes import BOX_EDGES, solid, wires
from volume.viewer.volume_surface import VolumeSurface
from volume.viewer.words import rendering_line, surface_line
from volume.volume import Volume

LAMPS = (((-0.5, 0.7, 1.0), 0.85), ((0.9, -0.1, 0.6), 0.3))
"""Two lamps that go with the eye, from above left and, weaker, from the right: for surfaces.
A rendering has one lamp in the eye itself, as in 3D Slicer: with any other the card's caster
leaves the colour out of what a material shows without light (VTK 9.7)."""


class BodyPane(Pane):
    """Draws the volume as its surface or by a preset, and the meshes; `detail` says how well.

    A look that was drawn in full stays so; what has changed is drawn in the pane's detail.
    """

    def __init__(self, volume: Volume, meshes: Sequence[Painted], *, on_card: bool = False) -> None:
        super().__init__(SPACE)
        self.volume = volume
        self.detail = Detail.FULL
        self.caster = RayCaster(self.renderer, volume, on_card=on_card)
        self.surface = VolumeSurface(self.renderer, volume)
        self.frame = BoxFrame(self.renderer)
        self._lamps: list[vtkLight] = []
        self._headlight = vtkLight()
        self._state: object = None
        self._shown = Detail.NONE
        self._light()
        self.renderer.AddActor(wires(box_of(volume.geometry), BOX_EDGES, OUTLINE))
        for mesh, colour in meshes:
            self.renderer.AddActor(solid(mesh, colour))
        self.name = Label(self.renderer, "left", "top", plate=True)
        self.what = Label(self.renderer, "left", "top", plate=True)
        self.letters = EdgeLetters(self.renderer)

    def place(self, layout: Layout) -> Rect | None:
        """Give the pane's rectangle in the layout."""
        return layout.panes.get("3d")

    def key(self, scene: Scene) -> object:
        """The crosshair and the window leave the body alone."""
        state = scene.camera, scene.level, scene.labels, scene.body
        detail = self.detail if scene.body.rendering else self.surface.told_apart(self.detail)
        if state == self._state and self._shown > detail:
            detail = self._shown
        return state, detail

    def update(self, scene: Scene) -> None:
        """Turn the eye; make the body anew if its look changed."""
        self._state, self._shown = self.key(scene)  # type: ignore[misc]
        eye = look(scene.camera, self.volume.geometry, self.rect)
        self._aim(eye)
        self._embody(scene, self._shown)
        self.frame.show(scene.body.clip if scene.labels else None, eye, self.font)
        self.renderer.ResetCameraClippingRange()
        self._annotate(scene, eye)

    def _embody(self, scene: Scene, detail: Detail) -> None:
        """Show the volume rendered, or its surface; nothing while the pane waits."""
        self._switch(rendered=scene.body.rendering is not None)
        if detail == Detail.NONE or scene.body.rendering is None:
            self.caster.hide()
        else:
            self.caster.show(scene.body, detail, self.rect.width * self.rect.height)
        if detail == Detail.NONE or scene.body.rendering is not None:
            self.surface.hide()
        else:
            self.surface.show(scene.level, scene.body.clip, detail)

    def _aim(self, eye: Eye) -> None:
        camera = self.renderer.GetActiveCamera()
        camera.SetViewAngle(VIEW_ANGLE)
        camera.SetPosition(*eye.position)
        camera.SetFocalPoint(*eye.target)
        camera.SetViewUp(*eye.up)

    def _annotate(self, scene: Scene, eye: Eye) -> None:
        ways = (-eye.right, eye.right, eye.up, -eye.up)
        letters = [towards(way) if scene.labels else "" for way in ways]
        self.letters.show(letters, self.rect, self.font)
        edge = self.font * MARGIN
        top = self.rect.height - edge
        line = self._line(scene)
        shown = scene.labels and self.roomy
        self.name.show("3D" if shown else "", edge, top, self.font, PLANE["3d"])
        self.what.show(line if shown else "", edge, top - 1.5 * self.font, self.font, TEXT)

    def _line(self, scene: Scene) -> str:
        if scene.body.rendering is not None:
            line = rendering_line(scene)
            return f"{line} ..." if self._shown == Detail.NONE else line
        if self._shown == Detail.NONE:
            return "surface ..."
        return f"{surface_line(scene)} {'(nothing there)' if self.surface.is_empty else ''}".strip()

    def _light(self) -> None:
        self.renderer.AutomaticLightCreationOff()
        for position, intensity in LAMPS:
            lamp = vtkLight()
            lamp.SetLightTypeToCameraLight()
            lamp.SetPosition(*position)
            lamp.SetIntensity(intensity)
            self._lamps.append(lamp)
        self._headlight.SetLightTypeToHeadlight()
        self._headlight.SetAmbientColor(1, 1, 1)
        for lamp in (*self._lamps, self._headlight):
            self.renderer.AddLight(lamp)

    def _switch(self, *, rendered: bool) -> None:
        self._headlight.SetSwitch(rendered)
        for lamp in self._lamps:
            lamp.SetSwitch(not rendered)
