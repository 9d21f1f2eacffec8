"""Make a surface of the bones and write it for printing; it lies in mm LPS like the CT."""

import tempfile
from pathlib import Path

import volume
from volume.dicom.sample import write_sample

with tempfile.TemporaryDirectory() as folder:
    ct = volume.load(write_sample(Path(folder) / "series_dir"))
    bones = volume.mesh(ct, level=200)
    print(bones)
    print("from", bones.points.min(axis=0), "to", bones.points.max(axis=0), "mm")
    for name in ("bones.stl", "bones.ply", "bones.obj", "bones.glb", "bones.vtp"):
        (path,) = volume.export(bones, Path(folder) / name, sidecar=False)
        again = volume.read_mesh(path)
        print(f"{path.name} {path.stat().st_size / 1e6:.1f} MB, read again: {again}")
