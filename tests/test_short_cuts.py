"""What is quick gives what the long way gives, of every file that there is, byte for byte."""

from __future__ import annotations

import hashlib
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset

import shared_data
import volume
from careful import carefully, forget, told
from phantom import phantom
from test_every_folder import VOLUMES


@pytest.mark.parametrize("name", VOLUMES)
def test_every_real_file_is_read_alike_both_ways(name: str):
    paths = sorted(p for p in shared_data.folder(name).rglob("*") if p.is_file())
    random.Random(0).shuffle(paths)
    forget()
    quick = [told(path) for path in [*paths, *paths]]  # the second time all is recalled
    with carefully():
        slow = [told(path) for path in paths]
    for n, path in enumerate(paths):
        assert quick[n] == slow[n], path
        assert quick[n + len(paths)] == slow[n], path


@pytest.mark.parametrize("name", VOLUMES)
def test_every_real_volume_is_the_same_both_ways(name: str, tmp_path: Path):
    source = shared_data.folder(name)
    quick = written(source, tmp_path / "quick")
    with carefully():
        slow = written(source, tmp_path / "slow")
    assert quick == slow


def table(dataset: Dataset) -> None:
    """Give a slice a modality LUT instead of a rescale."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4096, 0, 16])
    item.add_new("LUTData", "OW", (np.arange(4096, dtype="<u2") % 700).tobytes())
    item.ModalityLUTType = "HU"
    dataset.ModalityLUTSequence = [item]
    del dataset.RescaleSlope, dataset.RescaleIntercept


ODD = {
    "12 bits": {"bits_stored": 12, "gradient": (1.0, 2.0, 3.0), "high_bits": 0xF000},
    "12 bits with a sign": {
        "bits_stored": 12, "gradient": (1.0, 2.0, 3.0), "high_bits": 0xF000, "signed": True,
    },
    "padded": {"padding": -2000},
    "padded by a range": {"padding": -2000, "padding_limit": -1900},
    "scaled slice by slice": {"modality": "PT"},
    "with a negative slope": {
        "edit": lambda dataset, _k, _phase: setattr(dataset, "RescaleSlope", "-2")
    },
    "beyond two bytes in one slice": {
        "edit": lambda dataset, k, _phase: setattr(
            dataset, "RescaleIntercept", 32_000 if k == 5 else -1024
        )
    },
    "with a table": {"edit": lambda dataset, _k, _phase: table(dataset)},
    "padded in one slice": {
        "padding": -2000,
        "edit": lambda dataset, k, _phase: k == 5 or delattr(dataset, "PixelPaddingValue"),
    },
    "padded and tilted": {"padding": -2000, "tilt": 12.0},
    "compressed": {"transfer_syntax": "rle", "padding": -2000},
}  # fmt: skip


@pytest.mark.parametrize("oddity", ODD.values(), ids=ODD)
def test_odd_pixels_are_the_same_both_ways(oddity: dict, tmp_path: Path):
    source = phantom(tmp_path / "in", **oddity).folder
    quick = written(source, tmp_path / "quick")
    with carefully():
        slow = written(source, tmp_path / "slow")
    assert quick == slow
    assert any(name.endswith((".nii", ".nrrd")) for name in quick)


def written(source: Path, out: Path) -> dict[str, str]:
    """Write what is in a source, and sum up every file; or say why nothing can be."""
    out.mkdir()
    try:
        volumes = volume.load_all(source, gaps="fill")
    except volume.VolumeError as refusal:
        return {"refusal": str(refusal)}
    for n, one in enumerate(volumes):
        suffix = ".nrrd" if one.is_colour or one.geometry.is_sheared else ".nii"
        volume.export(one, out / f"{n}{suffix}")
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.iterdir()}
    shutil.rmtree(out)
    return found
