"""The isosurface of the volume in the 3D pane: a light one while the hand moves, then the fine."""

from __future__ import annotations

from functools import cached_property

from vtkmodules.vtkRenderingCore import vtkActor, vtkRenderer

from volume.viewer.body_look import Box
from volume.viewer.colours import BONE, FLESH
from volume.viewer.detail import Detail
from volume.viewer.shapes import planes_of, solid
from volume.viewer.surfaces import COARSEST, reduced, surface_for_looking
from volume.volume import Volume

SOFTEST_BONE_HU = 150
"""Surfaces from here on have the colour of bone."""


class VolumeSurface:
    """Shows where a volume's values cross a level, if they do."""

    def __init__(self, renderer: vtkRenderer, volume: Volume) -> None:
        self.renderer = renderer
        self.volume = volume
        self._level: float | None = None
        self._made: dict[Detail, vtkActor | None] = {}
        self._shown: vtkActor | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is no surface at the level."""
        return self._level is not None and self._shown is None

    def told_apart(self, detail: Detail) -> Detail:
        """A small volume has one surface, which is drawn in full at once."""
        small = max(self.volume.geometry.size) <= COARSEST
        return Detail.FULL if small and detail == Detail.COARSE else detail

    def hide(self) -> None:
        """Show nothing."""
        self._put(None)

    def show(self, level: float | None, clip: Box | None, detail: Detail) -> None:
        """Show the surface at a level inside the box; made only if it is another than before."""
        if level != self._level:
            self._level, self._made = level, {}
        if level is not None and detail not in self._made:
            self._made[detail] = self._make(level, detail)
        self._put(None if level is None else self._made[detail])
        if self._shown is not None:
            self._shown.GetMapper().SetClippingPlanes(planes_of(clip))

    def _make(self, level: float, detail: Detail) -> vtkActor | None:
        volume = self._coarse if detail == Detail.COARSE else reduced(self.volume)
        mesh = surface_for_looking(volume, level)
        is_bone = self.volume.unit == "HU" and level >= SOFTEST_BONE_HU
        return None if mesh is None else solid(mesh, BONE if is_bone else FLESH)

    @cached_property
    def _coarse(self) -> Volume:
        """The volume as small as it is kept, so that a dragged level follows the hand."""
        return reduced(reduced(self.volume), COARSEST)

    def _put(self, actor: vtkActor | None) -> None:
        if actor is self._shown:
            return
        if self._shown is not None:
            self.renderer.RemoveActor(self._shown)
        if actor is not None:
            self.renderer.AddActor(actor)
        self._shown = actor
