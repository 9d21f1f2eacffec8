"""Every row of the table, us and the peers; writes results.md and growth.png beside this file.

    python benchmarks/speed.py [--quick] [--rounds N] [--rows] [--only SCRIPTS]

Peers that are not installed are left out and named: the `bench` extra brings most, Debian's
vtk-dicom-tools and pigz two more, the `bench-torch` extra MONAI and TorchIO. It takes 20 minutes
and 4 GB of temporary files; --rows leaves out how it grows. With --quick, which shows that
everything runs and measures nothing worth keeping, no file is written. A target that is missed
is said, and is no error.
"""

from __future__ import annotations

import argparse
import sys

import growth
import headers
import jpeg_lossless
import memory
import mesh
import startup
import to_array
import to_nii
import to_nii_gz
import tree
from report import Maker, keep, machine, measured, options, page
from row import OURS
from series import Workshop

ROWS = {
    "headers": headers.row,
    "to_array": to_array.row,
    "to_nii": to_nii.row,
    "to_nii_gz": to_nii_gz.row,
    "jpeg_lossless": jpeg_lossless.rows,
    "startup": startup.rows,
    "tree": tree.row,
    "memory": memory.rows,
    "mesh": mesh.rows,
}
"""A row or several a script."""


def main() -> int:
    """Run all of them; 1 where `volume` failed to do the work."""
    chosen = options()
    print(f"{machine()}\n", flush=True)
    with Workshop(chosen.quick) as shop:
        rows = list(measured(shop, _chosen(chosen.only), chosen.rounds))
    text = page(rows, "" if chosen.rows else _growth(chosen))
    print(f"\n{text.partition('### ')[0]}")
    if not chosen.quick:
        keep(text)
    return int(any(one.results[OURS].failure for one in rows if OURS in one.results))


def _chosen(only: str) -> list[Maker]:
    """Give the rows of some scripts, or of all."""
    return [ROWS[name] for name in only.split(",")] if only else list(ROWS.values())


def _growth(chosen: argparse.Namespace) -> str:
    """Measure how time and memory grow, and draw it."""
    with Workshop(chosen.quick) as shop:
        lines = growth.grown(shop, chosen.rounds)
    if not chosen.quick:
        growth.draw(lines, growth.PICTURE)
    return growth.told(lines)


if __name__ == "__main__":
    sys.exit(main())
