"""Load a folder of DICOM files and look up the value at a place in the patient."""

import tempfile

import volume
from volume.dicom.sample import write_sample

with tempfile.TemporaryDirectory() as folder:
    ct = volume.load(write_sample(folder))

print(ct)
print("array   ", ct.array.shape, ct.array.dtype, "in", ct.unit, "as [k, j, i]")
print("geometry", ct.geometry)

heart = (24.75, -27.75, 10)  # mm LPS: 24 mm to the patient's left of the middle
i, j, k = ct.geometry.to_index(heart).round().astype(int)
print("heart   ", ct.array[k, j, i], ct.unit, "at voxel", (int(i), int(j), int(k)))
