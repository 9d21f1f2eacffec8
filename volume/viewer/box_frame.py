"""The clipping box as it is drawn: twelve edges, and a handle in the middle of each face."""

from __future__ import annotations

from itertools import product

from vtkmodules.vtkRenderingCore import vtkActor, vtkRenderer

from volume.viewer.body_look import Box
from volume.viewer.clip_box import faces, middle_of
from volume.viewer.colours import CLIP
from volume.viewer.shapes import BOX_EDGES, dots, wires

HANDLE_PART = 0.8
"""The size of a handle, in letters of the pane."""


class BoxFrame:
    """Draws the box that cuts the volume, while there is one."""

    def __init__(self, renderer: vtkRenderer) -> None:
        self.renderer = renderer
        self._actors: list[vtkActor] = []
        self._shown: object = None

    def show(self, box: Box | None, font: int) -> None:
        """Draw this box instead of the one before; none if there is none."""
        if (box, font) == self._shown:
            return
        self._shown = (box, font)
        for actor in self._actors:
            self.renderer.RemoveActor(actor)
        self._actors = [] if box is None else _draw(box, font)
        for actor in self._actors:
            self.renderer.AddActor(actor)


def _draw(box: Box, font: int) -> list[vtkActor]:
    corners = list(product(box[:2], box[2:4], box[4:]))
    handles = [middle_of(box, face) for face in faces()]
    return [wires(corners, BOX_EDGES, CLIP), dots(handles, font * HANDLE_PART, CLIP)]
