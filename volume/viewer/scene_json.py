"""A scene as JSON: what it shows and of which volume, and nothing of the patient."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from volume.errors import GridError
from volume.geometry import Geometry
from volume.processing.plane_grid import PLANES
from volume.processing.rotation import Rotation
from volume.processing.windows import check_window
from volume.viewer.body_look import BodyLook
from volume.viewer.layout import check_layout, check_size
from volume.viewer.measurements import Measurements
from volume.viewer.saved_number import (
    parse_fraction,
    parse_integer,
    read_number,
    read_place,
    refuse_constant,
)
from volume.viewer.sight import read_camera, read_sight
from volume.viewer.slab import Slab
from volume.viewer.words import UNNAMED

if TYPE_CHECKING:
    from volume.viewer.scene import Scene
    from volume.volume import Volume

SCHEMA = "volume.scene/1"
SAME_PLACE_MM = 1e-3
"""A saved scene belongs to a grid whose corners lie within this of its own."""


def write(scene: Scene, size: tuple[int, int] | None = None) -> str:
    """Write a scene as JSON, with the display's (width, height) if it is to look the same."""
    geometry = scene.subject.geometry
    document = {
        "schema": SCHEMA,
        "volume": {
            "id": scene.subject.id,
            "size": list(geometry.size),
            "affine": geometry.affine.ravel().tolist(),
        },
        "size": None if size is None else list(size),
        "cursor": list(scene.cursor),
        "axes": list(scene.axes.numbers),
        "slab": scene.slab.as_json(),
        "window": list(scene.window),
        "inverted": scene.inverted,
        "layout": scene.layout,
        "sights": {pane: asdict(sight) for pane, sight in scene.sights.items()},
        "camera": asdict(scene.camera),
        "level": scene.level,
        "body": scene.body.as_json(),
        "labels": scene.labels,
        "help": scene.help,
        "probe": None if scene.probe is None else list(scene.probe),
        "measurements": scene.measurements.as_json(),
    }
    return json.dumps(document, indent=1)


@dataclass(frozen=True, eq=False)
class Saved:
    """A scene as it was read: of which volume it is, its fields, the display's size."""

    name: str
    grid: Geometry
    state: Mapping[str, Any]
    size: tuple[int, int] | None

    def refuse_another(self, volume: Volume) -> None:
        """Refuse a volume on another grid, or another series on the same grid."""
        what = f"the scene belongs to another volume: {self.name or UNNAMED}"
        if not volume.geometry.matches(self.grid, SAME_PLACE_MM):
            raise GridError(f"{what}, {self.grid}; not {volume.geometry}")
        if self.name and volume.id and self.name != volume.id:
            raise GridError(f"{what}; not {volume.id}")


def read(text: str) -> Saved:
    """Read a scene; a ValueError for what is none."""
    try:
        document = json.loads(
            text,
            parse_constant=refuse_constant,
            parse_float=parse_fraction,
            parse_int=parse_integer,
        )
        if document["schema"] != SCHEMA:
            raise ValueError(f"its schema is {document['schema']!r}, not {SCHEMA!r}")
        saved, size = document["volume"], document.get("size")
        return Saved(
            name=str(saved["id"]),
            grid=Geometry.from_affine(saved["size"], np.reshape(saved["affine"], (4, 4))),
            state=_read_state(document),
            size=None if size is None else check_size(size),
        )
    except KeyError as problem:
        raise ValueError(f"this is not a scene: {problem} is missing") from problem
    except (TypeError, AttributeError, ValueError, RecursionError) as problem:
        raise ValueError(f"this is not a scene: {problem}") from problem


def _read_state(document: Mapping[str, Any]) -> dict[str, Any]:
    level = document["level"]
    centre, width = document["window"]
    return {
        "cursor": read_place(document["cursor"]),
        "window": check_window((read_number(centre), read_number(width))),
        "inverted": bool(document["inverted"]),
        "layout": check_layout(document["layout"]),
        "sights": {pane: read_sight(document["sights"][pane]) for pane in PLANES},
        "camera": read_camera(document["camera"]),
        "level": None if level is None else read_number(level),
        "labels": bool(document["labels"]),
        **_read_later_state(document),
    }


def _read_later_state(document: Mapping[str, Any]) -> dict[str, Any]:
    """Read what the first scenes that were saved did not have."""
    readers: Mapping[str, Any] = {
        "body": BodyLook.from_json,
        "axes": Rotation.from_numbers,
        "slab": Slab.from_json,
        "measurements": Measurements.from_json,
        "probe": lambda saved: None if saved is None else read_place(saved),
        "help": bool,
    }
    return {name: read(document[name]) for name, read in readers.items() if name in document}
