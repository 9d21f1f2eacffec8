"""B-values and gradient directions beside a 4D NIfTI (.bval, .bvec), as FSL reads them.

Plain text: one row of b-values in s/mm², three rows of unit vectors along the voxel axes of
the image as it is stored; where these are right-handed (the affine's determinant is positive)
the first runs the other way (FSL: "What conventions do the bvecs use?").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.volume import Volume

NEARLY_ZERO = 5e-7
"""Of a unit vector, what is written as 0."""


def tables(volumes: Sequence[Volume]) -> dict[str, bytes]:
    """Give the text of each file there is to write, by its suffix.

    None for what is not a diffusion series in 4D. The directions are left out where a weighted
    volume has none.
    """
    weights = [one.report.get("diffusion") for one in volumes]
    told = [weight for weight in weights if weight is not None]
    if len(volumes) < 2 or len(told) < len(volumes):
        return {}
    made = {".bval": _rows([[weight["b_value"] for weight in told]])}
    if all(map(_has_direction, told)):
        vectors = [_in_voxel_axes(*pair) for pair in zip(volumes, told, strict=True)]
        made[".bvec"] = _rows(np.array(vectors).T.tolist())
    return made


def _has_direction(weight: Any) -> bool:
    return weight["b_value"] == 0 or weight["direction"] is not None


def _in_voxel_axes(volume: Volume, weight: Any) -> NDArray[np.float64]:
    """Turn a direction in LPS into FSL's axes; there is none where b is 0."""
    if weight["direction"] is None:
        return np.zeros(3)
    axes = volume.geometry.direction
    along: NDArray[np.float64] = axes.T @ np.array(weight["direction"], dtype=np.float64)
    if np.linalg.det(axes) > 0:
        along[0] = -along[0]
    along[np.abs(along) < NEARLY_ZERO] = 0
    return along


def _rows(rows: Iterable[Iterable[float]]) -> bytes:
    lines = (" ".join(f"{number:.8g}" for number in row) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode("ascii")
