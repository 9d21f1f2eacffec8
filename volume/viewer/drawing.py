"""Draws a scene into a window of VTK's, on the screen or off: only what has changed."""

from __future__ import annotations

from collections.abc import Sequence

import vtkmodules.vtkRenderingFreeType
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 the two give the abstract classes a body
from vtkmodules.vtkRenderingCore import vtkRenderWindow

from volume.processing.plane_grid import PLANES
from volume.processing.planes import Reformatter
from volume.surface import Mesh
from volume.viewer import gl
from volume.viewer.body_pane import BodyPane
from volume.viewer.detail import Detail
from volume.viewer.layout import arrange
from volume.viewer.pane import Pane
from volume.viewer.reading import Readings
from volume.viewer.scene import Scene
from volume.viewer.slice_pane import SlicePane
from volume.viewer.strips import Backdrop, Banner, HelpCard, MeasurementCard, StatusStrip, Title
from volume.volume import Volume


class Drawing:
    """The panes of one volume in one window."""

    def __init__(
        self,
        window: vtkRenderWindow,
        volume: Volume,
        scene: Scene,
        meshes: Sequence[Mesh] = (),
        title: str = "",
    ) -> None:
        self.window = window
        self.titled = bool(title)
        self.body = BodyPane(volume, meshes, on_card=gl.is_hardware(window))
        readings = Readings(Reformatter(volume))
        self.list, self.card = MeasurementCard(readings), HelpCard()
        self.panes: tuple[Pane, ...] = (
            Backdrop(),
            *(SlicePane(plane, readings) for plane in PLANES),
            self.body,
            StatusStrip(volume),
            Banner(scene.subject.banner.partition(":")[0]),
            Title(title),
            self.list,
            self.card,
        )
        for pane in self.panes:
            window.AddRenderer(pane.renderer)

    def draw(self, scene: Scene, size: tuple[int, int], *, detail: Detail = Detail.FULL) -> bool:
        """Draw what the scene changed; say whether there was anything.

        Without `detail` the 3D pane waits, so that the images are there at once; while
        something moves, what takes long is drawn coarsely.
        """
        for pane in self.panes:
            pane.detail = detail
        banner = bool(scene.subject.banner)
        layout = arrange(scene.layout, size, banner=banner, title=self.titled)
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
