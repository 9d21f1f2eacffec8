"""The headers of a series: from a folder to what is known of every slice, no pixels read.

python benchmarks/headers.py [--quick] [--rounds N]
"""

from __future__ import annotations

import scanning
from report import alone
from row import Faster, Row
from series import Workshop
from timing import function

READERS = {
    "volume": scanning.by_volume,
    "pydicom": scanning.by_pydicom,
    "pydicom, 12 tags": scanning.by_pydicom_twelve,
    "pydicom, whole header": scanning.by_pydicom_whole,
    "SimpleITK": scanning.by_simpleitk,
    "floor": scanning.floor,
}


def row(shop: Workshop) -> Row:
    """Read the headers of ct400."""
    tags = len(scanning.tags_of_assembly())
    return Row(
        f"headers of {shop.sizes.ct.slices} files",
        [function(name, prepare, shop.ct, warm_up=shop.few) for name, prepare in READERS.items()],
        [Faster(6, "pydicom")],
        [
            "importing a tool is not timed, nor its first call, on four small slices",
            "volume also sorts the slices and proves their grid, pydicom has not yet interpreted a"
            " value, SimpleITK has only sorted",
            f"pydicom: stop_before_pixels and specific_tags, those {tags} of the standard that"
            f" volume reads; the 12 are {', '.join(scanning.TWELVE)}",
            "floor: the first 16 KB of every file",
        ],
        rounds=11,
    )


if __name__ == "__main__":
    alone(row)
