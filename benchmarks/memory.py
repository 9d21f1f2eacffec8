"""The memory that loading and converting take, children counted.

python benchmarks/memory.py [--quick] [--rounds N]
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import loading
from peers import converters
from report import alone
from row import MB, AtMost, Row
from series import Recipe, Workshop
from timing import Contestant, function

TIMES, BESIDES = 1.3, 300 * MB
"""A volume's own bytes so many times, and what the interpreter and its libraries take."""


def rows(shop: Workshop) -> Iterator[Row]:
    """Load, and convert."""
    ct = f"ct{shop.sizes.ct.slices}"
    arrays = [
        function("volume", loading.by_volume, shop.ct),
        function("SimpleITK", loading.by_simpleitk, shop.ct),
        function("pydicom", loading.by_pydicom, shop.ct),
    ]
    yield _row(f"memory of {ct} to an array", arrays, shop.sizes.ct)
    yield _row(f"memory of {ct} to .nii", _converters(shop.ct, False), shop.sizes.ct)
    yield _row(f"memory of {ct} to .nii.gz", _converters(shop.ct, True), shop.sizes.ct)
    lossless = "memory of JPEG Lossless to .nii"
    yield _row(lossless, _converters(shop.lossless, False), shop.sizes.lossless)


def _converters(folder: Path, compress: bool) -> list[Contestant]:
    return [one for one in converters(folder, compress) if one.name != "dicom2nifti"]


def _row(work: str, contestants: list[Contestant], recipe: Recipe) -> Row:
    limit = TIMES * recipe.voxel_bytes + BESIDES
    told = f"{TIMES} x the volume's {recipe.voxel_bytes / MB:,.1f} MB + {BESIDES / MB:.0f} MB"
    return Row(work, contestants, [AtMost(limit, "peak")], [told], rounds=2, watch=True)


if __name__ == "__main__":
    alone(rows)
