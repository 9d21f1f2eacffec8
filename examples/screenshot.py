"""Draw axial, coronal, sagittal and 3D into a picture, without a window or a display."""

import tempfile
from pathlib import Path

import volume
from volume.dicom.sample import write_sample

with tempfile.TemporaryDirectory() as folder:
    ct = volume.load(write_sample(Path(folder) / "series_dir"))
    picture = Path(folder) / "body.png"
    volume.screenshot(ct, picture, window="lung", at=(24.75, -27.75, 10), size=(1200, 900))
    print(picture.name, picture.stat().st_size, "bytes")
