"""A series in JPEG Lossless: to an array, and to a .nii file as a whole process.

python benchmarks/jpeg_lossless.py [--quick] [--rounds N]
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from peers import converters, voxels_in
from report import alone
from row import Faster, Row
from series import LOSSLESS_IN_SHARED_DATA, Workshop
from to_array import readers

PADDED = "volume makes padding air, the others leave it at -3024 HU: hence the other sum"


def rows(shop: Workshop) -> Iterator[Row]:
    """Decode and convert the series made here, and a real one where there is one."""
    yield from _of(shop.lossless, shop.few_lossless, "noise of 12 HU everywhere, made here")
    if shop.chest is not None and not shop.quick:
        yield from _of(shop.chest, shop.few_lossless, "the chest of the shared data", PADDED)
    else:
        print(f"skipped: {LOSSLESS_IN_SHARED_DATA} (only in full runs, with the shared data)\n")


def _of(folder: Path, few: Path, what: str, *notes: str) -> Iterator[Row]:
    slices = len(list(folder.iterdir()))
    title = f"{slices} JPEG Lossless slices ({what})"
    decoder = "pydicom decodes with pylibjpeg-libjpeg or gdcm, whichever it finds"
    everyone = list(readers(folder, few))
    yield Row(f"{title} to an array", everyone, notes=[decoder, *notes], rounds=5)
    yield Row(
        f"{title} to .nii",
        list(converters(folder, compress=False)),
        [Faster(1.4, "dcm2niix")],
        notes,
        rounds=5,
        answer_of=voxels_in,
    )


if __name__ == "__main__":
    alone(rows)
