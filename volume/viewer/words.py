"""What the viewer writes on its panes: short, of the data, never of the patient."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from volume.escaping import LABEL, LONGEST, cut, is_hidden
from volume.findings import Finding, Severity
from volume.viewer.fonts import drawable
from volume.viewer.slab import MODES

if TYPE_CHECKING:
    from volume.viewer.scene import Scene
    from volume.volume import Volume

DISCLAIMER = "For research and teaching. Not a medical device, not for diagnosis."
SHORTER = (DISCLAIMER, "Not a medical device, not for diagnosis.", "Not for diagnosis.", "")
"""What the disclaimer becomes where the probe line needs the room."""
SHORT = 40
"""So many letters of a description stand in a corner."""
UNNAMED = "unnamed"
"""The name of a volume without one, as most files but DICOM's give it."""
LETTER_WIDTH, SPACE_WIDTH = 0.56, 0.28
"""The mean widths of a letter and a space of VTK's own font, in parts of its size; measured."""
FIRST_WIDE, WIDE_WIDTH = "\u1100", 0.95
"""From here on letters are mostly as wide as they are high: Hangul, Kana, Kanji."""
INVENTED = {0: "not scanned", 2: "interpolated"}
"""What `Volume.valid` says of voxels that were not measured."""


PLANE_NORMAL = {"axial": (0, 0, 1), "coronal": (0, 1, 0), "sagittal": (1, 0, 0)}
SLIGHT_DEGREES = 0.05
"""A plane that is turned by less is as good as the patient's."""
TOOLS = {
    "distance": ("drag, or click both ends", "click the other end"),
    "angle": (
        "click one side, the vertex, the other side",
        "click the vertex",
        "click the other side",
    ),
    "rectangle": ("drag, or click two corners", "click the other corner"),
    "ellipse": ("drag, or click two corners of its box", "click the other corner"),
}
"""What a tool waits for: the first point, the second, the third."""


def safe(text: str, longest: int = LONGEST) -> str:
    """Give text as one line that can be drawn, without control characters.

    Letters beyond VTK's own font stay where the system has a font with them; else Hangul is
    written in Latin letters, and "?" stands for the rest.
    """
    spaced = (_spaced(letter) for letter in unicodedata.normalize("NFC", cut(text, longest)))
    return drawable(" ".join("".join(spaced).split()))


def shorten(text: str, width: float, font: int) -> str:
    """Cut text that is longer than `width` pixels, and say so with an ellipsis."""
    if width_of(text, font) <= width:
        return text
    starts = (text[:length].rstrip() + "…" for length in range(len(text) - 1, 0, -1))
    return next((start for start in starts if width_of(start, font) <= width), "…")


def width_of(text: str, font: int) -> float:
    """Estimate how many pixels a line of text takes."""
    spaces, wide = text.count(" "), sum(letter >= FIRST_WIDE for letter in text)
    narrow = len(text) - spaces - wide
    return font * (SPACE_WIDTH * spaces + LETTER_WIDTH * narrow + WIDE_WIDTH * wide)


def share(line: str, width: float, font: int) -> tuple[str, str]:
    """Divide `width` pixels between a line and the disclaimer, which gives way first."""
    room = width - width_of(line, font) - font / 2
    disclaimer = next((words for words in SHORTER if width_of(words, font) <= room), "")
    return shorten(line, width, font), disclaimer


def banner_line(findings: Iterable[Finding]) -> str:
    """Tell the gravest finding that is no mere remark, and how many more there are."""
    grave = sorted(
        (finding for finding in findings if finding.severity != Severity.INFO),
        key=lambda finding: finding.severity != Severity.ERROR,
    )
    if not grave:
        return ""
    more = f"   (and {len(grave) - 1} more)" if len(grave) > 1 else ""
    return f"{grave[0].severity}: {safe(grave[0].message)}{more}"


def probe_line(scene: Scene, volume: Volume) -> str:
    """Tell the place under the pointer, or the crosshair's, and the value there with its unit."""
    place_mm = scene.cursor if scene.probe is None else scene.probe
    x, y, z = place_mm
    index = np.rint(volume.geometry.to_index(place_mm)).astype(int)
    place = f"x {_mm(x)}  y {_mm(y)}  z {_mm(z)} mm LPS"
    if (index < 0).any() or (index >= volume.geometry.size).any():
        return f"{place}     outside the volume"
    i, j, k = (int(n) for n in index)
    return f"{place}     i {i}  j {j}  k {k}     {_value(volume, k, j, i)}"


def plane_line(scene: Scene, plane: str) -> str:
    """Tell where a plane lies and which layer of how many it is."""
    grid = scene.grid(plane)
    axis = int(np.argmax(np.abs(PLANE_NORMAL[plane])))
    ordinal, count = scene.layer_number(plane)
    tilt = float(np.degrees(np.arccos(min(1.0, float(abs(grid.direction[axis, 2]))))))
    if scene.axes.is_none or tilt < SLIGHT_DEGREES:
        return f"{'xyz'[axis]} {_mm(scene.cursor[axis])} mm     {ordinal} / {count}"
    return f"oblique {tilt:.0f}°     {ordinal} / {count}"


def slab_line(scene: Scene, thickness: float) -> str:
    """Tell how a slab of so many mm was made into one image; nothing of a thin plane."""
    if scene.slab.mode is None:
        return ""
    return f"{MODES[scene.slab.mode]} {number(thickness)} mm"


def tool_line(scene: Scene) -> str:
    """Tell what the tool in hand waits for."""
    tool, draft = scene.measurements.tool, scene.measurements.draft
    if tool is None:
        return ""
    hints = TOOLS[tool]
    return f"{tool}: {hints[0] if draft is None else hints[min(len(draft.points), len(hints)) - 1]}"


def measurement_lines(scene: Scene, values: Sequence[Sequence[str]]) -> list[str]:
    """List measurements, a line each, with `values` in words; the selected one is marked."""
    drawn = scene.measurements
    if not drawn.items:
        return ["nothing measured yet: D, A, G, O"]
    lines = []
    for index, (item, words) in enumerate(zip(drawn.items, values, strict=True)):
        mark = ">" if index == drawn.chosen else " "
        lines.append(f"{mark} {index + 1}  {item.kind}   {'   '.join(words)}")
    return lines


def volume_lines(volume: Volume, description: str = "") -> str:
    """Tell modality, name, size and spacing, a line each; in a window the description."""
    named = " ".join(filter(None, (volume.modality, volume.id or UNNAMED)))
    size = " × ".join(str(n) for n in volume.geometry.size)
    spacing = " × ".join(f"{mm:.3g}" for mm in volume.geometry.spacing)
    lines = (safe(named, LABEL), size, f"{spacing} mm", safe(description, SHORT))
    return "\n".join(filter(None, lines))


def window_line(scene: Scene) -> str:
    """Tell the window as DICOM does: centre and width."""
    if scene.subject.is_colour:
        return "colour"
    centre, width = scene.window
    inverted = "   inverted" if scene.inverted else ""
    return f"C {_short(centre)}   W {_short(width)}{inverted}"


def surface_line(scene: Scene) -> str:
    """Tell the level of the surface."""
    if scene.level is None:
        return ""
    return " ".join(
        filter(None, ("surface at", _short(scene.level), safe(scene.subject.unit, LABEL)))
    )


def number(value: float) -> str:
    """Write a measured number as short as it is meant."""
    places = 0 if abs(value) >= 1000 else 1
    return f"{value:.{places}f}" if abs(value) >= 100 else f"{value:.3g}"


def rendering_line(scene: Scene) -> str:
    """Tell the preset that renders the volume, and by how much its curve is shifted."""
    shift = scene.body.shift
    if not shift:
        return scene.body.rendering or ""
    unit = safe(scene.subject.unit, LABEL)
    return f"{scene.body.rendering} {'+' if shift > 0 else '-'} {_short(abs(shift))} {unit}".strip()


def nice_length(most_mm: float) -> float:
    """Give the largest 1, 2 or 5 times a power of ten that is no longer."""
    power = 10.0 ** np.floor(np.log10(most_mm))
    return float(max(step * power for step in (1, 2, 5) if step * power <= most_mm * (1 + 1e-9)))


def _value(volume: Volume, k: int, j: int, i: int) -> str:
    value: NDArray[np.generic] = volume.array[k, j, i]
    if volume.is_colour:
        words = " ".join(str(part) for part in value)
    elif value.dtype.kind == "f":
        words = f"{float(value):.5g}"
    else:
        words = str(value)
    doubt = INVENTED.get(int(volume.valid[k, j, i])) if volume.valid is not None else None
    return " ".join(filter(None, (words, safe(volume.unit, LABEL), f"({doubt})" if doubt else "")))


def _mm(place: float) -> str:
    return f"{round(place, 1) + 0.0:.1f}"  # + 0.0 makes 0.0 of -0.0


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _spaced(letter: str) -> str:
    return " " if unicodedata.category(letter)[0] in "CZ" or is_hidden(letter) else letter
