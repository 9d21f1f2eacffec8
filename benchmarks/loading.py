"""From a folder to an array: a function a tool, which imports it and gives back the work.

Nothing heavy is imported here, as every contestant has an interpreter of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

KEPT: list[object] = []
"""What an array may be a view of."""


def _files(folder: str) -> list[Path]:
    return [Path(top, name) for top, _, names in os.walk(folder) for name in names]


def by_volume(folder: str) -> Callable[[], object]:
    import volume

    load = volume.load
    return lambda: load(folder).array


def by_simpleitk(folder: str) -> Callable[[], object]:
    """Read the series as the example of its manual does, and copy it into an array."""
    import SimpleITK as sitk

    return lambda: sitk.GetArrayFromImage(_image(sitk.ImageSeriesReader(), folder))


def by_simpleitk_view(folder: str) -> Callable[[], object]:
    import SimpleITK as sitk

    def work() -> object:
        KEPT.append(_image(sitk.ImageSeriesReader(), folder))
        return sitk.GetArrayViewFromImage(KEPT[-1])

    return work


def _image(reader: Any, folder: str) -> Any:
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
    return reader.Execute()


def by_pydicom(folder: str) -> Callable[[], object]:
    """Read the slices as everyone writes it: sorted by z, stacked, rescaled."""
    import numpy as np
    from pydicom import dcmread

    def work() -> object:
        slices = sorted(map(dcmread, _files(folder)), key=lambda s: s.ImagePositionPatient[2])
        stored = np.stack([one.pixel_array for one in slices])
        slope, intercept = int(slices[0].RescaleSlope), int(slices[0].RescaleIntercept)
        return stored * np.int16(slope) + np.int16(intercept)

    return work


def by_dicom_numpy(folder: str) -> Callable[[], object]:
    from dicom_numpy import combine_slices
    from pydicom import dcmread

    return lambda: combine_slices([dcmread(path) for path in _files(folder)])[0]


def by_highdicom(folder: str) -> Callable[[], object]:
    import highdicom
    from pydicom import dcmread

    def work() -> object:
        datasets = [dcmread(path) for path in _files(folder)]
        return highdicom.get_volume_from_series(datasets, apply_presentation_lut=False).array

    return work


def by_monai(folder: str) -> Callable[[], object]:
    from monai.data import PydicomReader

    reader = PydicomReader()
    return lambda: reader.get_data(reader.read(folder))[0]


def by_torchio(folder: str) -> Callable[[], object]:
    import torchio

    return lambda: torchio.ScalarImage(folder).data.numpy()


def floor(folder: str, size: str) -> Callable[[], object]:
    """Read the bytes of every file and fill a fresh array with what stands at their end."""
    import numpy as np

    def work() -> object:
        paths = _files(folder)
        array = np.empty((len(paths), int(size), int(size)), np.int16)
        for path, plane in zip(paths, array, strict=True):
            with path.open("rb", buffering=0) as stream:
                stream.seek(-plane.nbytes, os.SEEK_END)
                stream.readinto(plane)
        array -= 1024
        return array

    return work
