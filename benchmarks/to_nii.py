"""From a folder to a .nii file, the whole process.

python benchmarks/to_nii.py [--quick] [--rounds N]
"""

from __future__ import annotations

from peers import converters, voxels_in
from report import alone
from row import Faster, Row
from series import Workshop
from timing import Contestant


def row(shop: Workshop) -> Row:
    """Convert ct400."""
    copy = ("sh", "-c", 'cat "$1"/* >"$2"/a', "sh", str(shop.ct), "{out}")
    return Row(
        f"ct{shop.sizes.ct.slices} to .nii",
        [*converters(shop.ct, compress=False), Contestant("floor", copy)],
        [Faster(1, "dcm2niix")],
        ["everyone as it is typed, with the sidecar that it writes unasked; floor: cat"],
        answer_of=voxels_in,
    )


if __name__ == "__main__":
    alone(row)
