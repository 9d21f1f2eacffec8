"""Reading headers: a function a tool, which imports it and gives back the work.

Nothing heavy is imported here, as every contestant has an interpreter of its own.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path

FIRST_BYTES = 16384
TWELVE = (
    "SOPInstanceUID SeriesInstanceUID Modality InstanceNumber ImagePositionPatient"
    " ImageOrientationPatient PixelSpacing Rows Columns BitsAllocated RescaleSlope"
    " RescaleIntercept"
).split()


def tags_of_assembly() -> list[int]:
    """Give the tags of the standard that `volume.scan` reads of every header."""
    from volume.dicom.attributes import SCANNED

    return [tag for tag in SCANNED if not tag >> 16 & 1]


def by_volume(folder: str) -> Callable[[], object]:
    import volume

    scan = volume.scan

    return lambda: sum(len(stack.slices) for stack in scan(folder).stacks)


def can_cache() -> bool:
    """Say whether this `volume` keeps what it has read of headers."""
    import volume

    return "cache" in inspect.signature(volume.scan).parameters


def by_volume_again(folder: str, cache: str) -> Callable[[], object]:
    """Scan with a cache, which the first run fills."""
    import volume

    scan = volume.scan
    return lambda: sum(len(stack.slices) for stack in scan(folder, cache=cache).stacks)


def _by_pydicom(folder: str, tags: list[int] | list[str] | None) -> Callable[[], object]:
    from pydicom import dcmread

    def work() -> object:
        paths = [Path(top, name) for top, _, names in os.walk(folder) for name in names]
        return len([dcmread(p, stop_before_pixels=True, specific_tags=tags) for p in paths])

    return work


def by_pydicom(folder: str) -> Callable[[], object]:
    return _by_pydicom(folder, tags_of_assembly())


def by_pydicom_twelve(folder: str) -> Callable[[], object]:
    return _by_pydicom(folder, TWELVE)


def by_pydicom_whole(folder: str) -> Callable[[], object]:
    return _by_pydicom(folder, None)


def by_simpleitk(folder: str) -> Callable[[], object]:
    import SimpleITK as sitk

    return lambda: len(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(folder))


def floor(folder: str) -> Callable[[], object]:
    """Read the first bytes of every file."""

    def work() -> object:
        count = 0
        for top, _, names in os.walk(folder):
            for name in names:
                descriptor = os.open(os.path.join(top, name), os.O_RDONLY)  # noqa: PTH118 speed
                os.pread(descriptor, FIRST_BYTES, 0)
                os.close(descriptor)
                count += 1
        return count

    return work
