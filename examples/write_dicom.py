"""Write one slice with a circle as valid DICOM: the beginners' script, done right."""

import tempfile

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

import volume

y, x = np.mgrid[-64:64, -64:64]
stored = np.where(x**2 + y**2 < 40**2, 40 + 1024, 0).astype("<u2")  # 40 HU in a field of air
ds = Dataset()
for required in "SOPInstanceUID SeriesInstanceUID StudyInstanceUID FrameOfReferenceUID".split():
    setattr(ds, required, generate_uid())
for unknown in """PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime StudyID KVP
AccessionNumber ReferringPhysicianName Manufacturer PositionReferenceIndicator""".split():
    setattr(ds, unknown, "")  # must be there, may be empty
ds.SOPClassUID, ds.Modality, ds.ImageType = CTImageStorage, "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
ds.SeriesNumber = ds.InstanceNumber = ds.AcquisitionNumber = ds.SamplesPerPixel = 1
ds.ImagePositionPatient, ds.ImageOrientationPatient = [-64, -64, 0], [1, 0, 0, 0, 1, 0]
ds.PixelSpacing, ds.SliceThickness, (ds.Rows, ds.Columns) = [1, 1], 2, stored.shape
ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
ds.RescaleIntercept, ds.RescaleSlope, ds.PhotometricInterpretation = -1024, 1, "MONOCHROME2"
ds.PixelData, ds.file_meta = stored.tobytes(), FileMetaDataset()
ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian  # enforce_file_format fills in the rest
with tempfile.TemporaryDirectory() as folder:
    ds.save_as(f"{folder}/circle.dcm", enforce_file_format=True)
    print(volume.load(folder))
