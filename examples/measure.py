"""Measure a distance and a region, save the scene, and export what they come to as CSV."""

import tempfile
from pathlib import Path

import volume
from volume.dicom.sample import write_sample
from volume.viewer.first_scene import scene_of, write_scene
from volume.viewer.measurement import Measurement
from volume.viewer.table import write_measurements

with tempfile.TemporaryDirectory() as folder:
    ct = volume.load(write_sample(Path(folder) / "series_dir"))
    scene = scene_of(ct, at=(24.75, -27.75, 10), surface=False)
    x, y, z = scene.cursor
    for kind in ("distance", "ellipse"):
        item = Measurement(kind, ((x - 12, y - 9, z), (x + 12, y + 9, z)), "axial")
        scene = scene.measure(scene.measurements.add(item))
    write_scene(scene, Path(folder) / "look.json")  # volume view series_dir/ --scene look.json
    table = write_measurements(scene.measurements, ct, Path(folder) / "table.csv")
    for line in table.read_text().splitlines():
        print(*line.split(",")[:10], sep="\t")
