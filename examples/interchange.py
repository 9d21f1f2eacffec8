"""Hand a volume to SimpleITK or nibabel and take it back."""

import tempfile

import numpy as np
import SimpleITK as sitk

import volume
from volume.dicom.sample import write_sample

with tempfile.TemporaryDirectory() as folder:
    ct = volume.load(write_sample(folder))

smooth = sitk.SmoothingRecursiveGaussian(ct.to_sitk(), 2.0)
soft = volume.Volume.from_sitk(smooth, modality=ct.modality, unit=ct.unit)
print(
    soft, "noise:", np.std(ct.array[40:44, 5:25, 5:25]), "to", np.std(soft.array[40:44, 5:25, 5:25])
)
print("in the same place:", soft.geometry.matches(ct.geometry))
