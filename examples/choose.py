"""Choose one of several volumes, or take every one."""

import tempfile
from pathlib import Path

import pydicom
from pydicom.uid import generate_uid

import volume
from volume.dicom.sample import write_sample

with tempfile.TemporaryDirectory() as study:
    series_uid = generate_uid()
    write_sample(Path(study) / "first")
    for path in write_sample(Path(study) / "second").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.SeriesNumber, dataset.SeriesInstanceUID = 2, series_uid
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.save_as(path)
    try:
        volume.load(study)
    except volume.SeriesChoiceError as refusal:
        print(refusal)
    print(volume.load(study, series=2))
    print(len(volume.load_all(study)), "volumes")
