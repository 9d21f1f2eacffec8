"""Draw the README's pictures from the demo's synthetic body into docs/.

.venv/bin/python tools/pictures.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from PIL import Image

import volume
from volume.dicom.sample import write_sample
from volume.viewer.first_scene import scene_of
from volume.viewer.measurement import Measurement
from volume.viewer.picture import picture
from volume.viewer.scene import Scene

SIZE = (720, 560)
COLOURS = 200
"""A palette makes the files a third as large."""
DOCS = Path(__file__).resolve().parents[1] / "docs"
HEART = (24.75, -27.75, 10.0)


def main(arguments: list[str]) -> int:
    """Write every picture anew."""
    folder = Path(arguments[0]) if arguments else DOCS
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as sample:
        ct = volume.load(write_sample(Path(sample) / "body"))
    first = scene_of(ct, window="soft-tissue", at=HEART)
    for name, look in LOOKS.items():
        path = folder / f"{name}.png"
        drawn = Image.fromarray(picture(look(first), ct, size=SIZE))
        drawn.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
    return 0


def rendering(scene: Scene) -> Scene:
    """Show bone by 3D Slicer's preset, from a little to the side."""
    return scene.set_layout("3d").set_rendering("CT-Bone").turn(-25, 8)


def slab(scene: Scene) -> Scene:
    """Show the brightest of a coronal slab."""
    thick = scene.set_layout("coronal").next_slab()
    while thick.slab.mm < 60:
        thick = thick.thicken(1)
    return thick.set_window((250, 900))


def measuring(scene: Scene) -> Scene:
    """Measure a distance and an ellipse in the axial plane."""
    x, y, z = scene.cursor
    lines = (
        ("ellipse", ((x - 25, y - 18, z), (x + 5, y + 6, z))),
        ("distance", ((x - 158, y + 60, z), (x + 107, y + 60, z))),
    )
    for kind, points in lines:
        scene = scene.measure(scene.measurements.add(Measurement(kind, points, "axial")))
    return scene.set_layout("axial")


LOOKS: Mapping[str, Callable[[Scene], Scene]] = {
    "four-panes": lambda scene: scene,
    "rendering": rendering,
    "slab": slab,
    "measuring": measuring,
    "help": lambda scene: replace(scene, help=True),
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
