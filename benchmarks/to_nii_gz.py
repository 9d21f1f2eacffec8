"""From a folder to a .nii.gz file, the whole process.

python benchmarks/to_nii_gz.py [--quick] [--rounds N]
"""

from __future__ import annotations

import sys

from peers import converters, voxels_in
from report import alone
from row import Faster, NotLarger, Row
from series import Workshop
from timing import Contestant

DEFLATE = """
import sys, pathlib
from isal.igzip_threaded import open
with open(sys.argv[2], "wb", compresslevel=1, threads=2) as out:
    for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        out.write(path.read_bytes())
"""


def row(shop: Workshop) -> Row:
    """Convert and compress ct400."""
    floor = (sys.executable, "-c", DEFLATE, str(shop.ct), "{out}/a.gz")
    return Row(
        f"ct{shop.sizes.ct.slices} to .nii.gz",
        [*converters(shop.ct, compress=True), Contestant("floor", floor)],
        [Faster(4, "dcm2niix"), NotLarger(1.1, "dcm2niix")],
        [
            "dcm2niix -z y: pigz on all cores where it is installed, its own zlib elsewhere",
            "floor: the files as they are through igzip, level 1, 2 threads",
        ],
        rounds=5,
        answer_of=voxels_in,
    )


if __name__ == "__main__":
    alone(row)
