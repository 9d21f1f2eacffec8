"""The .npz: what `numpy.load` finds in it, and what we refuse to read."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from grids import noise, oblique, places
from volume.errors import VolumeError
from volume.formats.files import export, read
from volume.volume import Volume


def written(volume: Volume, path: Path) -> Path:
    return export(volume, path, sidecar=False)[0]


@pytest.mark.parametrize("dtype", "u1 i2 i4 f4 f8".split())
@pytest.mark.parametrize("tilt", [0, 15])
def test_numpy_alone_finds_the_values_and_their_places(tmp_path, dtype, tilt):
    volume = noise(oblique(tilt=tilt), dtype, report={"slices": [{"uid": "1.2.3"}]})
    with np.load(written(volume, tmp_path / "head.npz"), allow_pickle=False) as found:
        assert sorted(found) == ["affine", "array", "direction", "origin", "report", "spacing"]
        np.testing.assert_array_equal(found["array"], volume.array)
        assert found["array"].dtype == np.dtype(dtype)
        corner = found["affine"] @ (8, 7, 6, 1)
        np.testing.assert_allclose(corner[:3], places(volume.geometry)[6, 7, 8], atol=1e-9)
        rebuilt = found["direction"] * found["spacing"]
        np.testing.assert_allclose(rebuilt, found["affine"][:3, :3], atol=1e-12)
        np.testing.assert_array_equal(found["origin"], found["affine"][:3, 3])
        assert json.loads(str(found["report"]))["report"] == volume.report


def test_a_volume_comes_back_with_its_modality(tmp_path):
    volume = noise(oblique(tilt=15), modality="PT", unit="Bq/ml")
    again = read(written(volume, tmp_path / "head.npz"))
    np.testing.assert_array_equal(again.array, volume.array)
    assert again.geometry.matches(volume.geometry, 1e-9)
    assert (again.modality, again.unit) == ("PT", "Bq/ml")


def test_colour_comes_back(tmp_path):
    grid = oblique()
    array = np.random.default_rng(0).integers(0, 255, (*grid.size[::-1], 3)).astype(np.uint8)
    again = read(written(Volume(array, grid), tmp_path / "head.npz"))
    np.testing.assert_array_equal(again.array, array)


def test_the_same_volume_gives_the_same_bytes(tmp_path, monkeypatch):
    first = written(noise(oblique()), tmp_path / "a.npz").read_bytes()
    monkeypatch.setattr("time.time", lambda: 2e9)
    second = written(noise(oblique()), tmp_path / "b.npz").read_bytes()
    assert first.replace(b"a.npz", b"b.npz") == second


def test_one_that_numpy_saved_is_read(tmp_path):
    array = noise(oblique()).array
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", array=array, affine=oblique().affine)
        again = read(tmp_path / "a.npz")
        np.testing.assert_array_equal(again.array, array)
        assert (again.modality, again.unit) == ("", "")


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def lying(array: np.ndarray, shape: bytes) -> bytes:
    """Make an .npy whose header promises another shape."""
    old = str(array.shape).encode()
    content = npy(array)
    return content.replace(old + b", }" + b" " * len(shape), shape + b", }" + b" " * len(old))


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("code ran from data",))


AFFINE = npy(np.eye(4))
ARRAY = npy(np.zeros((2, 3, 4), np.int16))


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({}, "not an .npz file"),
        ({"array": ARRAY}, "not an .npz file"),
        ({"affine": AFFINE}, "not an .npz file"),
        ({"array": npy(np.array([Trap()], object)), "affine": AFFINE}, r"not \[k, j, i\]"),
        ({"array": pickle.dumps(Trap()), "affine": AFFINE}, "magic"),
        ({"array": ARRAY, "affine": npy(np.array([Trap()], object))}, "not what it says"),
        ({"array": ARRAY, "affine": npy(np.eye(3))}, "4 x 4"),
        ({"array": ARRAY, "affine": npy(np.full((4, 4), np.nan))}, "no grid"),
        ({"array": npy(np.zeros((2, 3), np.int16)), "affine": AFFINE}, r"not \[k, j, i\]"),
        ({"array": npy(np.zeros((2, 3, 4), "c8")), "affine": AFFINE}, "complex64"),
        ({"array": npy(np.zeros((2, 3, 4)).T), "affine": AFFINE}, "C order"),
        ({"array": lying(np.zeros((2, 3, 4)), b"(99999, 99999, 9)"), "affine": AFFINE}, "promises"),
        ({"array": lying(np.zeros((2, 3, 4)), b"(2, 3, 9)"), "affine": AFFINE}, "ends before"),
        ({"array": ARRAY, "affine": lying(np.eye(4), b"(9999, 9999)")}, "not what it says"),
        ({"array": ARRAY[:20], "affine": AFFINE}, "EOF"),
        ({"array": ARRAY[:8] + struct.pack("<H", 99) + b"(" * 99, "affine": AFFINE}, "damaged"),
    ],
)  # fmt: skip
def test_an_archive_that_cannot_be_is_refused_by_name(tmp_path, entries, told):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(f"{name}.npy", content)
    with pytest.raises(VolumeError, match=told) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_other_compressions_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("array.npy", ARRAY)
        archive.writestr("affine.npy", AFFINE)
    with pytest.raises(VolumeError, match="compressed in a way"):
        read(tmp_path / "a.npz")
