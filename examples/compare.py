"""Say whose flip it is: what sets two volumes apart, in millimetres and by name."""

import tempfile
from dataclasses import replace
from pathlib import Path

import volume
from volume.dicom.sample import write_sample

with tempfile.TemporaryDirectory() as folder:
    series = Path(folder) / "series"
    write_sample(series)
    ct = volume.load(series)

stored_otherwise = volume.reorient(ct, "RAS")
print(volume.compare(ct, stored_otherwise))  # the same: every voxel is in its place

mirrored = replace(ct, array=ct.array[:, :, ::-1])
found = volume.compare(ct, mirrored)
for remark in found.remarks:
    print(remark.code, remark.message)
