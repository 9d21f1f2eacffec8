"""Cut planes out of a volume, and combine a slab of them into one image."""

import tempfile

import volume
from volume.dicom.sample import write_sample

with tempfile.TemporaryDirectory() as folder:
    ct = volume.load(write_sample(folder))

heart = (24.75, -27.75, 10)  # mm LPS
for name in ("axial", "coronal", "sagittal"):
    plane = volume.reformat(ct, name, at=heart)
    print(name, plane.array.shape, "pixels of", plane.pixel_spacing, "mm", plane.letters)

ribs = volume.reformat(ct, "coronal", at=(0, -60, 0), slab=60, combine="max")
print("brightest in 60 mm:", ribs.array.max(), ct.unit)
