"""How long until something happens: the command line, and what importing costs.

python benchmarks/startup.py [--quick] [--rounds N]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from peers import has, ours
from report import alone
from row import AtMost, Row
from series import Workshop
from timing import Contestant

MODULES = ("volume", "numpy", "SimpleITK", "pydicom", "nibabel", "pyvista", "vtk", "dicom2nifti")


def rows(shop: Workshop) -> Iterator[Row]:
    """Start, look at one series, and import."""
    floor = _python("floor", "pass")
    yield Row(
        "volume --help",
        [Contestant("volume", ours("--help")), floor],
        [AtMost(0.15, "second")],
        ["floor: python -c pass"],
        rounds=15,
    )
    yield Row(
        f"volume info of ct{shop.sizes.ct.slices}",
        [Contestant("volume", ours("info", shop.ct)), floor],
        [AtMost(0.5, "second")],
        rounds=11,
    )
    imports = [_python(name, f"import {name}") for name in MODULES if has(name)]
    yield Row("import", [*imports, floor])


def _python(name: str, code: str) -> Contestant:
    return Contestant(name, (sys.executable, "-c", code))


if __name__ == "__main__":
    alone(rows)
