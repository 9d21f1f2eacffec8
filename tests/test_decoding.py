"""Our decoding of every compressed file of the real data, against pydicom's with pylibjpeg."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest

import shared_data
from volume.dicom import elements
from volume.dicom.codestream import DECODABLE, JPEG
from volume.dicom.data_set import read_data_set
from volume.dicom.decoding import decode_frame
from volume.dicom.encapsulated import find_frames, read_fragments
from volume.dicom.encoding import Unreadable, open_data_set
from volume.dicom.pixel_layout import read_layout

LOSSY_BY = 3
"""Two inverse transforms of baseline JPEG may round differently, also in colour."""
pytestmark = pytest.mark.filterwarnings("ignore")


def compressed_files(folder: Path) -> Iterator[Path]:
    """Give the images of a folder that are compressed as we claim to read."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
        except Exception:  # noqa: BLE001, S112 whatever is no DICOM is no concern here
            continue
        if dataset.file_meta.get("TransferSyntaxUID") in DECODABLE and "Rows" in dataset:
            yield path


def ours(path: Path) -> np.ndarray:
    """Decode every frame of a file."""
    with path.open("rb") as file:
        encoding = open_data_set(file, path.name)
        dataset = read_data_set(encoding)
        layout = read_layout(dataset, encoding)
        size = elements.count(dataset, "Rows"), elements.count(dataset, "Columns")
        frames = [
            decode_frame(read_fragments(file, fragments), layout, *size)
            for fragments in find_frames(file, layout.offset, encoding.size, layout.frames)
        ]
    return np.stack(frames)


@pytest.mark.parametrize(
    ("folder", "at_least"),
    [
        ("transfer_syntaxes", 6),
        ("broken_and_odd", 25),
        ("enhanced_ct", 4),
        ("mr_mosaic", 4),
        ("odd_mr_rgb_geometry", 8),
        ("pet_fragments", 2),
        ("ct_mpr_two_orientations", 20),
    ],
)
def test_every_compressed_file_decodes_as_pydicom_decodes_it(folder: str, at_least: int):
    compared = 0
    for path in compressed_files(shared_data.folder(folder)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = pydicom.pixels.pixel_array(path)
        except Exception:  # noqa: BLE001, S112 what pydicom cannot read is no judge
            continue
        try:
            mine = ours(path)
        except Unreadable as refusal:
            pytest.fail(f"{path.name}: {refusal}")
        theirs = theirs if mine.shape == theirs.shape else theirs[None]
        syntax = pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID
        allowed = LOSSY_BY if syntax in JPEG and syntax[-2:] in ("50", "51") else 0
        assert np.abs(mine.astype(int) - theirs.astype(int)).max() <= allowed, path.name
        compared += 1
    assert compared >= at_least
