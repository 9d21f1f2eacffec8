"""How time and memory grow with the number of slices and of files: straight lines.

    python benchmarks/growth.py [--quick] [--rounds N]

Writes the plot growth.png beside this file (with --quick: into the system's temporary folder).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import loading
import scanning
from peers import ours
from report import options
from row import MB, OURS, seconds
from series import Recipe, Workshop, write_series, write_tree
from timing import Contestant, Result, function, race

PICTURE = Path(__file__).with_name("growth.png")
SLICES = (100, 250, 500, 1000, 2000, 3000, 4000)
FILES = (1_000, 5_000, 10_000, 25_000, 50_000, 75_000, 100_000)
A_SERIES = 100
"""Files of a series in a tree."""
ROUNDS = 5
"""The quickest counts: what memory takes that the host of a virtual machine finds first, varies."""
FLOOR = "bytes of "
"""What a fresh array costs, be it filled with nothing but the bytes of the files."""
VOLUMES = 3
"""So many times the bytes of the largest volume are touched first: array, file and some more."""


@dataclass(frozen=True)
class Line:
    """What was measured at each size, and the straight line through it."""

    what: str
    unit: str
    sizes: Sequence[int]
    values: Sequence[float]

    @property
    def slope_and_start(self) -> tuple[float, float]:
        slope, start = np.polyfit(self.sizes, self.values, 1)
        return float(slope), float(start)

    @property
    def r_squared(self) -> float:
        """How much of what differs the line explains."""
        slope, start = self.slope_and_start
        left = np.asarray(self.values) - (slope * np.asarray(self.sizes) + start)
        return 1 - float(left.var() / np.var(self.values))


def grown(shop: Workshop, rounds: int | None) -> list[Line]:
    """Measure loading and exporting by slices, and scanning by files."""
    slices, size = (SLICES, 512) if not shop.quick else ((10, 20, 40), 64)
    stacks = _stacks(shop.folder / "slices", slices, size)
    loads = [function(str(n), loading.by_volume, path) for n, path in stacks.items()]
    floors = [function(f"{FLOOR}{n}", loading.floor, path, size) for n, path in stacks.items()]
    exports = [
        Contestant(str(n), ours("export", path, "{out}/a.nii")) for n, path in stacks.items()
    ]
    files = FILES if not shop.quick else (100, 200, 400)
    trees = _trees(shop.folder / "files", files)
    scans = [function(str(n), scanning.by_volume, path) for n, path in trees.items()]
    touch(VOLUMES * max(slices) * size * size * 2)
    both = race([*loads, *floors], rounds or ROUNDS)
    bare = {name.removeprefix(FLOOR): both.pop(name) for name in [*both] if FLOOR in name}
    lines = _lines("load, by slices", both) + _lines("read the bytes alone, by slices", bare)
    print("\n".join(map(_told, lines)), flush=True)
    for what, contestants in (("export to .nii, by slices", exports), ("scan, by files", scans)):
        lines += _lines(what, race(contestants, rounds or ROUNDS))
        print("\n".join(map(_told, lines[-2:])), flush=True)
    return lines


def touch(count: int) -> None:
    """Touch so many bytes of memory, or half of what is free.

    The host of a virtual machine sets memory aside when it is touched for the first time, which
    took 2 to 3 s a GB where it then takes 0.7: the largest volume would pay that for all.
    """
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    np.full(min(count, pages // 2), 1, np.uint8)


def _stacks(folder: Path, sizes: Sequence[int], size: int) -> dict[int, Path]:
    """Write the largest series; the others are the beginning of it, linked."""
    largest = max(sizes)
    whole = write_series(folder / str(largest), Recipe(largest, size))
    by_place = sorted(whole.iterdir(), key=_instance_number, reverse=True)
    for count in sorted(sizes)[:-1]:
        (folder / str(count)).mkdir()
        for path in by_place[:count]:
            os.link(path, folder / str(count) / path.name)
    return {count: folder / str(count) for count in sizes}


def _instance_number(path: Path) -> int:
    from pydicom import dcmread

    tags = ["InstanceNumber"]
    return int(dcmread(path, stop_before_pixels=True, specific_tags=tags).InstanceNumber)


def _trees(folder: Path, sizes: Sequence[int]) -> dict[int, Path]:
    """Write the largest tree; the others are some of its series, linked."""
    largest = max(sizes)
    whole = write_tree(folder / str(largest), largest, largest // A_SERIES)
    for count in sorted(sizes)[:-1]:
        for series in sorted(whole.iterdir())[: count // A_SERIES]:
            part = folder / str(count) / series.name
            part.mkdir(parents=True)
            for path in series.iterdir():
                os.link(path, part / path.name)
    return {count: folder / str(count) for count in sizes}


def _lines(what: str, results: dict[str, Result]) -> list[Line]:
    done = {int(name): result for name, result in results.items() if result.seconds}
    for name, result in results.items():
        if result.failure:
            print(f"- {what}, {name}: {result.failure}")
    times = Line(f"time to {what}", "s", list(done), [min(one.seconds) for one in done.values()])
    peaks = [one.peak / MB for one in done.values()]
    return [times, Line(f"peak memory to {what}", "MB", list(done), peaks)]


def _told(line: Line) -> str:
    slope, start = line.slope_and_start
    each, unit = (slope * 1e6, "µs") if line.unit == "s" else (slope * 1e3, "KB")
    points = ", ".join(
        f"{size:,}: {_value(line, value)}"
        for size, value in zip(line.sizes, line.values, strict=True)
    )
    fit = f"{each:,.1f} {unit} each after {_value(line, start)}, R² {line.r_squared:.4f}"
    return f"- {line.what}: {fit} ({points})"


def _value(line: Line, value: float) -> str:
    return seconds(value) if line.unit == "s" else f"{value:,.0f} MB"


def told(lines: Sequence[Line]) -> str:
    """Write the lines as a section of the results."""
    return "\n".join(["### How it grows", "", "![plot](growth.png)", "", *map(_told, lines), ""])


def draw(lines: Sequence[Line], path: Path) -> None:
    """Draw what was measured and the lines: times above, memory below."""
    figure = Figure(figsize=(15, 6.5), layout="constrained")
    panes = figure.subplots(2, len(lines) // 2).T.flat
    for line, pane in zip(lines, panes, strict=True):
        slope, start = line.slope_and_start
        ends = np.array([0, max(line.sizes)])
        pane.plot(ends, start + slope * ends, color="0.6", lw=1)
        pane.plot(line.sizes, line.values, "o", color="C0")
        pane.set(title=f"{line.what}\nR² {line.r_squared:.4f}", ylabel=line.unit)
        pane.set_ylim(0, 1.1 * max(line.values))
        pane.xaxis.set_major_locator(MaxNLocator(4))
        pane.xaxis.set_major_formatter("{x:,.0f}")
    figure.savefig(path, dpi=100)


def main() -> None:
    """Measure, print and draw."""
    chosen = options()
    with Workshop(chosen.quick) as shop:
        lines = grown(shop, chosen.rounds)
    path = Path(tempfile.gettempdir(), PICTURE.name) if chosen.quick else PICTURE
    draw(lines, path)
    print(f"\n{OURS}: the plot is in {path}")


if __name__ == "__main__":
    main()
