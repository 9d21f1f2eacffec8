"""What surrounds the panes: seams, the line below, the banner above, the card of hands."""

from __future__ import annotations

from volume.viewer.colours import BANNER, CARD, FAINT, SEAM, STRIP, TEXT
from volume.viewer.hands import HANDS
from volume.viewer.layout import Layout, Rect
from volume.viewer.overlay import MARGIN, Label
from volume.viewer.pane import Pane
from volume.viewer.reading import Readings
from volume.viewer.scene import Scene
from volume.viewer.words import (
    measurement_lines,
    probe_line,
    safe,
    share,
    shorten,
    tool_line,
    width_of,
)
from volume.volume import Volume


class Backdrop(Pane):
    """The whole display behind the panes; where it is drawn, all the others are."""

    def __init__(self) -> None:
        super().__init__(SEAM)

    def place(self, layout: Layout) -> Rect | None:
        """Cover the display."""
        return Rect(0, 0, *layout.size)

    def key(self, scene: Scene) -> object:
        """Only another layout needs other seams."""

    def update(self, scene: Scene) -> None:
        """Nothing is written here."""


class StatusStrip(Pane):
    """The probe line, or a note for a moment, and what this program is not."""

    def __init__(self, volume: Volume) -> None:
        super().__init__(STRIP)
        self.volume = volume
        self.probe = Label(self.renderer, "left", "middle")
        self.disclaimer = Label(self.renderer, "right", "middle")

    def place(self, layout: Layout) -> Rect | None:
        """Lie below the panes."""
        return layout.status

    def key(self, scene: Scene) -> object:
        """The line changes with the place, the tool and the note."""
        return scene.cursor, scene.probe, scene.note, scene.busy, tool_line(scene)

    def update(self, scene: Scene) -> None:
        """Write the line, and of the disclaimer what there is room for."""
        font = self.font - 1
        edge, middle = self.font * MARGIN, self.rect.height / 2
        said = safe(scene.note) or tool_line(scene)
        words = safe(scene.busy), said, probe_line(scene, self.volume)
        line = "     ".join(filter(None, words))
        line, disclaimer = share(line, self.rect.width - 2 * edge, font)
        self.probe.show(line, edge, middle, font, TEXT)
        self.disclaimer.show(disclaimer, self.rect.width - edge, middle, font, FAINT)


class Banner(Pane):
    """The gravest finding about the volume."""

    def __init__(self, severity: str) -> None:
        super().__init__(BANNER.get(severity, STRIP))
        self.line = Label(self.renderer, "left", "middle")

    def place(self, layout: Layout) -> Rect | None:
        """Lie above the panes, where there is something to say."""
        return layout.banner

    def key(self, scene: Scene) -> object:
        """The words stay what they are."""
        return scene.subject.banner

    def update(self, scene: Scene) -> None:
        """Write the words."""
        edge = self.font * MARGIN
        line = shorten(scene.subject.banner, self.rect.width - 2 * edge, self.font)
        self.line.show(line, edge, self.rect.height / 2, self.font, TEXT)


class Title(Pane):
    """What the caller calls the picture."""

    def __init__(self, title: str) -> None:
        super().__init__(STRIP)
        self.title = safe(title)
        self.line = Label(self.renderer, "left", "middle")

    def place(self, layout: Layout) -> Rect | None:
        """Lie at the top, where there is a title."""
        return layout.title

    def key(self, scene: Scene) -> object:  # noqa: ARG002 the same words for every scene
        """The title stays what it is."""
        return None

    def update(self, scene: Scene) -> None:  # noqa: ARG002 the same words for every scene
        """Write the title."""
        edge = self.font * MARGIN
        line = shorten(self.title, self.rect.width - 2 * edge, self.font)
        self.line.show(line, edge, self.rect.height / 2, self.font, TEXT)


class MeasurementCard(Pane):
    """The list of measurements, in the lower right corner."""

    def __init__(self, readings: Readings) -> None:
        super().__init__(CARD)
        self.readings = readings
        self.list = Label(self.renderer, "left", "top")
        self._lines: list[str] = []

    def prepare(self, scene: Scene, layout: Layout) -> bool:
        """Be there only when asked for."""
        drawn = scene.measurements
        if not drawn.listed:
            self.forget()
            return False
        unit = self.readings.volume.unit
        values = [self.readings.of(item).lines(unit) for item in drawn.items]
        self._lines = measurement_lines(scene, values)
        return super().prepare(scene, layout)

    def place(self, layout: Layout) -> Rect | None:
        """Take as much room as the list, and no more than the display has."""
        longest = max(width_of(line, layout.font) for line in self._lines)
        width = min(layout.size[0], round(longest + 3 * layout.font))
        height = min(
            layout.size[1] - layout.status.height,
            round((len(self._lines) * LINE + 1.6) * layout.font),
        )
        return Rect(layout.size[0] - width, layout.status.height, width, height)

    def key(self, scene: Scene) -> object:  # noqa: ARG002 the lines hold what it shows
        """The lines change when something is measured or selected."""
        return tuple(self._lines)

    def update(self, scene: Scene) -> None:  # noqa: ARG002 the lines hold what it shows
        """Write the lines, the last ones where there is no room for all."""
        room = max(1, round((self.rect.height / self.font - 1.6) / LINE))
        top = self.rect.height - 0.8 * self.font
        text = "\n".join(self._lines[-room:])
        self.list.show(text, 1.2 * self.font, top, self.font, TEXT)


LINE = 1.16
"""From line to line, in letters."""


class HelpCard(Pane):
    """The hands and keys, in the middle of the display."""

    def __init__(self) -> None:
        super().__init__(CARD)
        self.gestures = Label(self.renderer, "left", "top")
        self.deeds = Label(self.renderer, "left", "top")

    def prepare(self, scene: Scene, layout: Layout) -> bool:
        """Be there only when asked for."""
        if not scene.help:
            self.forget()
            return False
        return super().prepare(scene, layout)

    def place(self, layout: Layout) -> Rect | None:
        """Take the middle, as large as the words and no larger than the display."""
        width = min(layout.size[0], round(42 * layout.font))
        height = min(layout.size[1], round((len(HANDS) * LINE + 2.4) * layout.font))
        return Rect((layout.size[0] - width) // 2, (layout.size[1] - height) // 2, width, height)

    def key(self, scene: Scene) -> object:  # noqa: ARG002 the same words for every scene
        """The words stay; the drawing sees to it that the card stays on top."""
        return None

    def update(self, scene: Scene) -> None:  # noqa: ARG002 the same words for every scene
        """Write the table in two columns."""
        top = self.rect.height - 1.2 * self.font
        gestures, deeds = zip(*HANDS, strict=True)
        self.gestures.show("\n".join(gestures), 1.4 * self.font, top, self.font, TEXT)
        self.deeds.show("\n".join(deeds), 18.5 * self.font, top, self.font, FAINT)
