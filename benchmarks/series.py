"""The series that the benchmarks work on: CT of a body, with noise, made by this script.

    python benchmarks/series.py FOLDER [--slices N] [--size N] [--lossless]

The pixels are a smooth body with noise of 12 HU, so that they deflate as those of a CT do;
the headers are as long as a scanner's (`ct_header.py`). Names are shuffled, InstanceNumber
runs against the slices, the rescale intercept is -1024.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ct_header import INTERCEPT, Template, changing, constant

NOISE_HU = 12
LOSSLESS_IN_SHARED_DATA = "ct_chest_jpegll"


@dataclass(frozen=True)
class Recipe:
    """What a series is like."""

    slices: int
    size: int
    """Of a row and of a column."""
    number: int = 1
    lossless: bool = False
    """In JPEG Lossless."""

    @property
    def voxel_bytes(self) -> int:
        return self.slices * self.size**2 * 2


def write_series(folder: Path, recipe: Recipe) -> Path:
    """Write a series, one file a slice, and give the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    template = Template(constant(recipe.size, recipe.number), recipe.lossless)
    places = np.random.default_rng(recipe.number).permutation(recipe.slices)
    for k, (place, pixels) in enumerate(zip(places, _stored(recipe), strict=True)):
        told = changing(recipe.number, recipe.slices, k)
        (folder / f"I{place + 1:05d}.dcm").write_bytes(template.file(told, pixels))
    return folder


def write_tree(folder: Path, files: int, series: int) -> Path:
    """Write many small files: `series` folders of CT in 16 x 16, `files` in all."""
    for number in range(1, series + 1):
        write_series(folder / f"S{number:04d}", Recipe(files // series, 16, number))
    return folder


def _stored(recipe: Recipe) -> Iterator[NDArray[np.int16]]:
    """Give the stored values of every slice, [j, i]."""
    draw = np.random.default_rng(recipe.number)
    noise = draw.normal(0, NOISE_HU, (8, recipe.size, recipe.size)).astype(np.float32)
    for k in range(recipe.slices):
        shift = draw.integers(0, recipe.size, 2)
        grain = np.roll(noise[k % len(noise)], tuple(shift), (0, 1))
        hu = _body(recipe.size, k / recipe.slices) + grain
        yield (np.clip(hu.round(), -1024, 3071) - INTERCEPT).astype(np.int16)


def _body(size: int, z: float) -> NDArray[np.float32]:
    """Give the HU [j, i] of a body at height `z` of 0 to 1: fat, muscle, lungs, spine."""
    y, x = (axis.astype(np.float32) for axis in np.ogrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j])
    wide = np.float32(0.78 + 0.08 * np.sin(4 * z))
    lung = np.float32(0.28 * np.sqrt(np.sin(np.pi * z) + 0.01))

    def inside(i: float, j: float, radius_i: float, radius_j: float) -> NDArray[np.float32]:
        away = np.hypot((x - i) / radius_i, (y - j) / radius_j)
        return np.clip((1 - away) * np.float32(40) + np.float32(0.5), 0, 1)

    hu = -1000 + 900 * inside(0, 0, wide, 0.6) + 145 * inside(0, 0, wide - 0.08, 0.52)
    hu += 15 * np.sin(9 * x + 5 * z) * np.cos(7 * y) * inside(0, 0, wide - 0.08, 0.52)
    hu -= 890 * (inside(-0.35, -0.05, lung, 1.3 * lung) + inside(0.35, -0.05, lung, 1.3 * lung))
    return hu + 300 * inside(0, 0.36, 0.09, 0.09)


@dataclass(frozen=True)
class Sizes:
    """How large the series of a run are."""

    ct: Recipe = Recipe(400, 512)
    lossless: Recipe = Recipe(248, 512, lossless=True)
    tree: tuple[int, int] = (20_000, 200)
    """Files and series."""


QUICK = Sizes(Recipe(40, 128), Recipe(24, 128, lossless=True), (400, 10))


class Workshop:
    """A temporary folder of series, each written when it is first asked for."""

    def __init__(self, quick: bool = False) -> None:
        self.quick = quick
        self.sizes = QUICK if quick else Sizes()
        self._folder = tempfile.TemporaryDirectory(prefix="benchmark-")

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    @property
    def folder(self) -> Path:
        return Path(self._folder.name)

    @cached_property
    def ct(self) -> Path:
        """The series "ct400"."""
        return write_series(self.folder / "ct400", self.sizes.ct)

    @cached_property
    def few(self) -> Path:
        """A few small slices: what a tool imports and sets up on its first call is not timed."""
        return write_series(self.folder / "few", Recipe(4, 64, 7))

    @cached_property
    def few_lossless(self) -> Path:
        return write_series(self.folder / "few-lossless", Recipe(4, 64, 7, lossless=True))

    @cached_property
    def lossless(self) -> Path:
        return write_series(self.folder / "lossless", self.sizes.lossless)

    @cached_property
    def tree(self) -> Path:
        return write_tree(self.folder / "tree", *self.sizes.tree)

    @cached_property
    def chest(self) -> Path | None:
        """The chest CT in JPEG Lossless that stands beside the project, if it does."""
        beside = Path(__file__).resolve().parents[2] / "shared" / "data"
        path = Path(os.environ.get("VOLUME_TEST_DATA", beside)) / LOSSLESS_IN_SHARED_DATA
        return path if path.is_dir() else None


def main() -> None:
    """Write one series."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--slices", type=int, default=400)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--lossless", action="store_true")
    options = parser.parse_args()
    write_series(options.folder, Recipe(options.slices, options.size, lossless=options.lossless))


if __name__ == "__main__":
    main()
