"""The segments of a segmentation (.seg.nrrd): names and colours of the values of a label map.

As 3D Slicer writes them into the header: Segment0_Name, Segment0_LabelValue, Segment0_Color
and, where segments overlap, Segment0_Layer: which of the file's volumes holds it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from volume.escaping import escape
from volume.formats.voxels import number
from volume.labels import Colour, Label, unnamed

MOST_LAYERS = 1 << 16
LONGEST_NAME = 64


def labels(keys: Mapping[str, str], layers: int) -> tuple[tuple[Label, ...], ...] | None:
    """Give the labels of each volume of a file by its keys; None where they name no segment."""
    numbers = [key[len("Segment") : -len("_LabelValue")] for key in keys if IS_SEGMENT.match(key)]
    if not numbers or layers > MOST_LAYERS:
        return None
    found: list[list[Label]] = [[] for _ in range(layers)]
    for which in sorted(numbers, key=int):
        of = {name: keys.get(f"Segment{which}_{name}", "") for name in NAMES}
        layer = int(of["Layer"] or 0) if re.fullmatch(r"\d{0,6}", of["Layer"]) else layers
        if layer < layers and re.fullmatch(r"-?\d{1,9}", of["LabelValue"]):
            found[layer].append(_label(int(of["LabelValue"]), of))
    return tuple(map(tuple, found))


IS_SEGMENT = re.compile(r"Segment\d{1,6}_LabelValue$")
NAMES = "LabelValue Layer Name Color".split()


def _label(value: int, of: Mapping[str, str]) -> Label:
    usual = unnamed(value)
    name = escape(of["Name"].strip())[:LONGEST_NAME]
    return Label(value, name or usual.name, _colour(of["Color"]) or usual.colour)


def _colour(text: str) -> Colour | None:
    try:
        red, green, blue = (min(1.0, max(0.0, number(word))) for word in text.split())
    except ValueError:
        return None
    return red, green, blue
