"""Maps, palettes, ultrasound and bare frames that are damaged: refused, never a crash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import volume
from maps import map_phantom, mapping
from test_colour import DRAWN, colour_phantom, halved, indexed, noise, set_palette, set_pixels
from test_multi_frame import bare, enhanced, us_volume


def a_palette(dataset):
    indexed(dataset)
    set_palette(dataset, DRAWN & 255)


MADE: dict[str, Callable[[Path], object]] = {
    "map": lambda folder: map_phantom(folder, [mapping()], lambda p: p.astype(np.float32)),
    "whole map": lambda folder: map_phantom(folder, [mapping(0.5)]),
    "palette": lambda folder: colour_phantom(folder, a_palette, size=(12, 10, 1)),
    "ybr": lambda folder: colour_phantom(
        folder, lambda d: set_pixels(d, halved(noise()), "YBR_FULL_422"), size=(12, 10, 1)
    ),
    "ultrasound": lambda folder: enhanced(folder, us_volume),
    "bare frames": lambda folder: enhanced(folder, bare),
}
ROUNDS = 60


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", MADE)
def test_a_damaged_file_is_read_or_refused(name, tmp_path):
    MADE[name](tmp_path / "good")
    (path,) = (tmp_path / "good").iterdir()
    good = path.read_bytes()
    whole = volume.load(path)
    draw = np.random.default_rng(17)
    for turn in range(ROUNDS):
        damaged = bytearray(good)
        if turn % 3 == 0:
            del damaged[int(draw.integers(200, len(good))) :]
        else:
            for at in draw.integers(300, len(good), 4):
                damaged[at] = int(draw.integers(0, 256))
        path.write_bytes(damaged)
        try:
            made = volume.load(path)
        except volume.VolumeError:
            continue
        assert made.array.ndim == whole.array.ndim
        assert np.isfinite(made.array).all()
