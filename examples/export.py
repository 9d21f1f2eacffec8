"""Write a volume as NIfTI, NRRD, MetaImage and NumPy; the suffix says the format."""

import tempfile
from pathlib import Path

import volume
from volume.dicom.sample import write_sample

with tempfile.TemporaryDirectory() as folder:
    ct = volume.load(write_sample(Path(folder) / "series_dir"))
    for name in ("body.nii.gz", "body.nrrd", "body.mha", "body.npz"):
        for path in volume.export(ct, Path(folder) / name, sidecar=name == "body.nrrd"):
            print(f"{path.name:16} {path.stat().st_size / 1e6:6.2f} MB")

    again = volume.load(Path(folder) / "body.nii.gz")
    print("the same voxels in the same place:", again.geometry.matches(ct.geometry))
