"""Draws a scene into a window of VTK's, on the screen or off: only what has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import vtkmodules.vtkRenderingFreeType
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 the two give the abstract classes a body
from numpy.typing import NDArray
from vtkmodules.vtkRenderingCore import vtkRenderWindow

from volume.processing.plane_grid import PLANES
from volume.processing.planes import Reformatter
from volume.surface import Mesh
from volume.viewer import gl
from volume.viewer.body_pane import BodyPane
from volume.viewer.detail import Detail
from volume.viewer.paint import paint
from volume.viewer.pane import Pane
from volume.viewer.reading import Readings
from volume.viewer.scene import Scene
from volume.viewer.series_pane import SeriesPane
from volume.viewer.slice_pane import SlicePane
from volume.viewer.strips import Backdrop, Banner, HelpCard, MeasurementCard, StatusStrip, Title
from volume.viewer.time_strip import TimeStrip
from volume.volume import Volume


class Drawing:
    """The panes of one volume in one window. `pictures` are the thumbnails of the series."""

    def __init__(
        self,
        window: vtkRenderWindow,
        volume: Volume,
        scene: Scene,
        meshes: Sequence[Mesh] = (),
        title: str = "",
        pictures: Mapping[int, NDArray[Any]] | None = None,
    ) -> None:
        self.window = window
        self.title = title
        self.painted = paint(meshes)
        self.on_card = gl.is_hardware(window)
        self.pictures: Mapping[int, NDArray[Any]] = {} if pictures is None else pictures
        self.panes: tuple[Pane, ...] = ()
        self.show(volume, scene)

    def show(self, volume: Volume, scene: Scene) -> None:
        """Make the panes of a volume; those of another one go, and what they held."""
        for pane in self.panes:
            self.window.RemoveRenderer(pane.renderer)
        self.body = BodyPane(volume, self.painted, on_card=self.on_card)
        readings = Readings(Reformatter(volume))
        self.list, self.card = MeasurementCard(readings), HelpCard()
        self.panes = (
            Backdrop(),
            *(SlicePane(plane, readings, self.painted) for plane in PLANES),
            self.body,
            SeriesPane(self.pictures),
            TimeStrip(),
            StatusStrip(volume),
            Banner(scene.subject.banner.partition(":")[0]),
            Title(self.title),
            self.list,
            self.card,
        )
        for pane in self.panes:
            self.window.AddRenderer(pane.renderer)

    def draw(self, scene: Scene, size: tuple[int, int], *, detail: Detail = Detail.FULL) -> bool:
        """Draw what the scene changed; say whether there was anything.

        Without `detail` the 3D pane waits, so that the images are there at once; while
        something moves, what takes long is drawn coarsely.
        """
        for pane in self.panes:
            pane.detail = detail
        layout = scene.arrange(size, title=bool(self.title))
        changed = [pane for pane in self.panes if pane.prepare(scene, layout)]
        if not changed:
            return False
        cards = ((self.list, scene.measurements.listed), (self.card, scene.help))
        changed += [card for card, shown in cards if shown]  # panes beneath were drawn over them
        for pane in self.panes:
            pane.renderer.SetDraw(pane in changed)
        self.window.Render()
        for pane in self.panes:  # whoever else has the window rendered keeps these pixels
            pane.renderer.DrawOff()
        return True

    def forget(self) -> None:
        """Have everything drawn next time: the window lost its pixels."""
        for pane in self.panes:
            pane.forget()
