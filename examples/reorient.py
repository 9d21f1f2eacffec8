"""Reorder the axes of a volume; every voxel stays where it is in the patient."""

import tempfile

import volume
from volume.dicom.sample import write_sample

with tempfile.TemporaryDirectory() as folder:
    ct = volume.load(write_sample(folder))

heart = (24.75, -27.75, 10)  # mm LPS
for letters in ("LPS", "RAS", "PIR"):
    turned = volume.reorient(ct, letters)
    i, j, k = turned.geometry.to_index(heart).round().astype(int)
    print(turned.geometry, "heart:", turned.array[k, j, i], turned.unit)
