"""A head-shaped nothing with a bright blob at every end of the patient, on any grid.

Places come from a 4 x 4 matrix written here, not from `volume.geometry`.
"""

from __future__ import annotations

import numpy as np

from volume.geometry import Geometry
from volume.volume import Volume

AIR, FLESH, BONE = -1000, 40, 1000

BLOBS = {
    "R": (-40.0, 3.0, 6.0),
    "L": (35.0, 8.0, -4.0),
    "A": (5.0, -38.0, 9.0),
    "P": (-6.0, 33.0, 2.0),
    "F": (4.0, -9.0, -36.0),
    "H": (-3.0, 7.0, 41.0),
}
"""Six places in mm LPS round (0, 0, 0), no two at mirrored places."""

X, Y, Z = np.eye(3)


def turned(degrees: float, axis: int, matrix: np.ndarray) -> np.ndarray:
    """Turn the columns of `matrix` about a patient axis."""
    angle = np.radians(degrees)
    a, b = [n for n in range(3) if n != axis]
    turn = np.eye(3)
    turn[a, a] = turn[b, b] = np.cos(angle)
    turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
    return turn @ matrix


ACQUISITIONS = {
    "axial": np.column_stack([X, Y, Z]),
    "axial, feet first": np.column_stack([X, Y, -Z]),
    "sagittal": np.column_stack([Y, -Z, -X]),
    "coronal": np.column_stack([X, -Z, Y]),
    "left-handed": np.column_stack([-X, Y, Z]),
    "left-handed coronal": np.column_stack([-X, Z, -Y]),
    "oblique": turned(25, 0, turned(-17, 2, np.column_stack([X, Y, Z]))),
    "oblique sagittal": turned(12, 1, turned(20, 2, np.column_stack([Y, -Z, -X]))),
    "oblique left-handed": turned(-22, 0, turned(15, 1, np.column_stack([-X, Y, Z]))),
}
"""Directions of i, j and k in LPS, in columns."""

OBLIQUE = [name for name in ACQUISITIONS if "oblique" in name]
ALIGNED = [name for name in ACQUISITIONS if "oblique" not in name]


def blob_volume(
    acquisition: str = "axial",
    *,
    spacing: tuple[float, float, float] = (2.0, 2.0, 3.0),
    half_mm: float = 52.0,
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0),
    radius: float = 6.0,
    blobs: str = "RLAPFH",
    **more: object,
) -> Volume:
    """Make a CT with the six blobs of bone in a ball of flesh, `centre` in its middle."""
    direction = ACQUISITIONS[acquisition]
    size = [int(2 * half_mm / s) for s in spacing]
    matrix = np.eye(4)
    matrix[:3, :3] = direction * spacing
    matrix[:3, 3] = np.array(centre) - matrix[:3, :3] @ ((np.array(size) - 1) / 2)
    k, j, i = np.indices(size[::-1])
    homogeneous = np.stack([i, j, k, np.ones_like(i)], axis=-1)
    places = (homogeneous @ matrix.T)[..., :3] - centre
    array = np.full(size[::-1], AIR, dtype=np.int16)
    array[np.linalg.norm(places, axis=-1) < half_mm - 3] = FLESH
    for blob in blobs:
        array[np.linalg.norm(places - BLOBS[blob], axis=-1) < radius] = BONE
    geometry = Geometry(tuple(size), matrix[:3, 3], np.array(spacing), direction)
    known = {"unit": "HU", "modality": "CT", "id": "ct_s001_000000", **more}
    return Volume(array, geometry, **known)  # type: ignore[arg-type]
