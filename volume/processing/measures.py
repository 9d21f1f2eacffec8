"""What is measured of a surface: its size, its extent, and whether it is closed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.processing.topology import Faces, Points, edges_of

FACES_AT_A_TIME = 1 << 15
"""So many faces and their corners stay in the processor's cache: eight times as fast."""


def measure(points: Points, faces: Faces) -> dict[str, Any]:
    """Measure a surface: plain JSON values, in the units that their names say."""
    edges = edges_of(faces, len(points))
    area, enclosed = area_and_volume(points, faces)
    return {
        "triangles": len(faces),
        "points": len(points),
        "closed": edges.closed,
        "boundary_edges": edges.boundary,
        "non_manifold_edges": edges.non_manifold,
        "volume_ml": enclosed / 1000 if edges.closed else None,
        "area_cm2": area / 100,
        "bounds": [points.min(axis=0).tolist(), points.max(axis=0).tolist()],
    }


def area_and_volume(points: Points, faces: Faces) -> tuple[float, float]:
    """Give the area in mm² and, by the divergence theorem, the volume in mm³."""
    middle = points.mean(axis=0, dtype=np.float64)

    def of_some(start: int) -> tuple[float, float]:
        a, across = _corner_and_normal(points, faces[start : start + FACES_AT_A_TIME], middle)
        lengths = np.sqrt(across[0] ** 2 + across[1] ** 2 + across[2] ** 2)
        return float(lengths.sum()) / 2, float(sum((a[x] * across[x]).sum() for x in range(3))) / 6

    with ThreadPoolExecutor(2) as pool:  # numpy counts without holding the interpreter
        sums = list(pool.map(of_some, range(0, len(faces), FACES_AT_A_TIME)))
    return sum(area for area, _ in sums), sum(volume for _, volume in sums)


def signed_volumes(points: NDArray[np.float64], faces: Faces) -> NDArray[np.float64]:
    """Give for every face the volume between it and the middle, in the units of the points."""
    volumes = np.empty(len(faces))
    middle = points.mean(axis=0)
    for start in range(0, len(faces), FACES_AT_A_TIME):
        end = start + FACES_AT_A_TIME
        a, across = _corner_and_normal(points, faces[start:end], middle)
        volumes[start:end] = sum(a[x] * across[x] for x in range(3)) / 6
    return volumes


def _corner_and_normal(
    points: NDArray[np.floating], faces: Faces, middle: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give (3, n) first corners, seen from the middle, and normals twice as long as the area."""
    a, b, c = ((points[faces[:, n]] - middle).T for n in range(3))
    u, v = b - a, c - a
    across = np.stack(
        [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
    )
    return a, across
