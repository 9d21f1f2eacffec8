"""A tree of many small files: time and memory of looking through it.

python benchmarks/tree.py [--quick] [--rounds N]
"""

from __future__ import annotations

import scanning
from report import alone
from row import MB, AtMost, Faster, Row
from series import Workshop
from timing import function


def row(shop: Workshop) -> Row:
    """Scan the tree."""
    (files, series), folder = shop.sizes.tree, shop.tree
    cache = shop.folder / "headers.cache"
    again = function("volume, from --cache", scanning.by_volume_again, folder, cache)
    return Row(
        f"a tree of {files:,} files in {series} series",
        [
            function("volume", scanning.by_volume, folder),
            *([again] if scanning.can_cache() else []),
            function("pydicom", scanning.by_pydicom, folder),
            function("pydicom, 12 tags", scanning.by_pydicom_twelve, folder),
            function("floor", scanning.floor, folder),
        ],
        [Faster(6, "pydicom"), AtMost(300 * MB, "peak")],
        ["as the headers above; pydicom keeps what it has read, as volume does"],
        rounds=3,
    )


if __name__ == "__main__":
    alone(row)
