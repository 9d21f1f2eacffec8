"""Which colour each mesh on top has: its parts' own, or one of the viewer's in turn."""

from __future__ import annotations

from collections.abc import Sequence

from volume.surface import Mesh
from volume.viewer.colours import MESHES, Colour

MOST_PARTS = 256
"""A mesh of more parts is drawn as one: each takes an actor a pane."""

Painted = tuple[Mesh, Colour]


def paint(meshes: Sequence[Mesh]) -> tuple[Painted, ...]:
    """Give the meshes with their colours, one of several coloured parts as these."""
    painted: list[Painted] = []
    for number, mesh in enumerate(meshes):
        usual = MESHES[number % len(MESHES)]
        if any(part.colour for part in mesh.parts) and len(mesh.parts) <= MOST_PARTS:
            parts = [(n, part) for n, part in enumerate(mesh.parts) if part.count]
            painted += [(mesh.part(n), part.colour or usual) for n, part in parts]
        else:
            painted.append((mesh, usual))
    return tuple(painted)
