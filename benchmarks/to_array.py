"""From a folder to an array in memory.

python benchmarks/to_array.py [--quick] [--rounds N]
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import loading
from peers import has
from report import alone
from row import Faster, Row
from series import Workshop
from timing import Contestant, function

EXTRAS = {
    "dicom_numpy": ("dicom-numpy", loading.by_dicom_numpy),
    "highdicom": ("highdicom", loading.by_highdicom),
    "monai": ("MONAI", loading.by_monai),
    "torchio": ("TorchIO", loading.by_torchio),
}


def readers(folder: Path, few: Path) -> Iterator[Contestant]:
    """Enter everyone who reads a folder into memory."""
    yield function("volume", loading.by_volume, folder, warm_up=few)
    yield function("SimpleITK", loading.by_simpleitk, folder, warm_up=few)
    yield function("pydicom", loading.by_pydicom, folder, warm_up=few)


def extras(folder: Path, few: Path) -> Iterator[Contestant]:
    """Enter what stands upon the others."""
    for module, (name, prepare) in EXTRAS.items():
        if has(module):
            yield function(name, prepare, folder, warm_up=few)


def row(shop: Workshop) -> Row:
    """Read ct400."""
    folder, few, size = shop.ct, shop.few, shop.sizes.ct.size
    view = function("SimpleITK, a view", loading.by_simpleitk_view, folder, warm_up=few)
    floor = function("floor", loading.floor, folder, size)
    return Row(
        f"ct{shop.sizes.ct.slices} to an array",
        [*readers(folder, few), view, *extras(folder, few), floor],
        [Faster(15, "SimpleITK"), Faster(1 / 4, "floor")],
        [
            "from a folder with names in no order; importing a tool is not timed, nor its first"
            " call, on four small slices",
            "SimpleITK: GetGDCMSeriesFileNames, ImageSeriesReader, GetArrayFromImage; a view is"
            " GetArrayViewFromImage, which can only be read",
            "pydicom: dcmread, sorted by z, pixel_array stacked and rescaled to int16",
            "floor: the pixels of each file read into a fresh array, in the order of the folder,"
            " and the rescale intercept taken away",
        ],
    )


if __name__ == "__main__":
    alone(row)
