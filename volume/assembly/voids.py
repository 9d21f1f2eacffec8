"""Voxels of floating point maps that hold no number: NaN, infinity, more than float32 can hold.

Maps have them where a fit failed or a division was by zero. No format that is read back holds
them safely, and one of them spoils every sum: 0 stands there, and the mask says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.findings import Finding, warning

INSTEAD = 0.0
NOWHERE, MEASURED = 0, 1
"""What `Volume.valid` says of a voxel without a number, and of the others."""


def replace_voids(array: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Put 0 in the place of what is no number, slice by slice; say where, None for nowhere."""
    voids: NDArray[np.bool_] | None = None
    for n, plane in enumerate(array):
        bad = ~np.isfinite(plane)
        if bad.any():
            voids = np.zeros(array.shape, bool) if voids is None else voids
            voids[n] = bad
            plane[bad] = INSTEAD
    return voids


def said(voids: NDArray[np.bool_]) -> Finding:
    """Say how many voxels hold no number."""
    count = int(np.count_nonzero(voids))
    text = (
        f"{count} of {voids.size} voxels hold no number (NaN or infinite): 0 stands in their"
        " place, and the mask of valid voxels tells where"
    )
    return warning("no-number", text, evidence={"voxels": count, "became": INSTEAD})


def mask(voids: NDArray[np.bool_] | None) -> NDArray[np.uint8] | None:
    """Make the mask of valid voxels: 0 where there is no number, 1 elsewhere."""
    return None if voids is None else np.where(voids, NOWHERE, MEASURED).astype(np.uint8)
