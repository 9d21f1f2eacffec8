"""Put a volume on cubic voxels, and another one onto the same grid."""

import tempfile

import volume
from volume.dicom.sample import write_sample

with tempfile.TemporaryDirectory() as folder:
    ct = volume.load(write_sample(folder))

iso = volume.resample(ct, spacing=3.0)
print("acquired ", ct.geometry)
print("resampled", iso.geometry)

back = volume.resample(iso, like=ct)
print("back     ", back.geometry, "on the same grid:", back.geometry.matches(ct.geometry))
