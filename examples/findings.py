"""Let the program refuse what it cannot prove, and read what it noticed and the way out."""

import tempfile
from pathlib import Path

import volume
from volume.dicom.sample import write_sample

with tempfile.TemporaryDirectory() as folder:
    series_dir = write_sample(folder)
    Path(series_dir, "I0030.dcm").unlink()
    try:
        volume.load(series_dir)
    except volume.GridError as refusal:
        print(refusal)
        for finding in refusal.findings:
            print(f"{finding.severity}: {finding.code}: {finding.message}")

    ct = volume.load(series_dir, gaps="largest")

print(ct)
for finding in ct.findings:
    print(f"{finding.severity}: {finding.code}: {finding.message}")
