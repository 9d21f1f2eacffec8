"""See what is in a folder, from the headers alone: series, stacks and every file's fate."""

import tempfile
from pathlib import Path

import volume
from volume.dicom.sample import write_sample

with tempfile.TemporaryDirectory() as folder:
    series_dir = write_sample(folder)
    Path(series_dir, "notes.txt").write_text("not DICOM")
    found = volume.scan(series_dir)

for stack in found.stacks:
    print(stack.id, stack.modality, stack.description, stack.geometry)
for record in found.files:
    if record.fate != "used":
        print(record)
