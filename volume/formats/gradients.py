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
    told = _weights(volumes)
    if told is None:
        return {}
    made = {".bval": _rows([[weight["b_value"] for weight in told]])}
    table = in_patient(volumes)
    if table is not None:
        pairs = zip(volumes, table[1], strict=True)
        made[".bvec"] = _rows(np.array([_in_voxel_axes(*pair) for pair in pairs]).T.tolist())
    return made


def in_patient(
    volumes: Sequence[Volume],
) -> tuple[list[float], list[NDArray[np.float64]]] | None:
    """Give b-values and directions (3,) in LPS, 0 where b is; None where one is missing."""
    told = _weights(volumes)
    if told is None or not all(map(_has_direction, told)):
        return None
    vectors = [np.array(weight["direction"] or (0, 0, 0), dtype=np.float64) for weight in told]
    return [weight["b_value"] for weight in told], vectors


def _weights(volumes: Sequence[Volume]) -> list[Any] | None:
    told = [one.report.get("diffusion") for one in volumes]
    return None if len(told) < 2 or None in told else told


def _has_direction(weight: Any) -> bool:
    return weight["b_value"] == 0 or weight["direction"] is not None


def _in_voxel_axes(volume: Volume, vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn a direction in LPS into FSL's axes."""
    axes = volume.geometry.direction
    along: NDArray[np.float64] = axes.T @ vector
    if np.linalg.det(axes) > 0:
        along[0] = -along[0]
    along[np.abs(along) < NEARLY_ZERO] = 0
    return along


def _rows(rows: Iterable[Iterable[float]]) -> bytes:
    lines = (" ".join(f"{number:.8g}" for number in row) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode("ascii")
