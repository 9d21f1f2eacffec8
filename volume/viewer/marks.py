"""The measurements that a pane shows, and which of them a hand touches; no VTK."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from volume.viewer.measurement import Measurement
from volume.viewer.projection import Projection
from volume.viewer.scene import Scene

REACH = 7
"""Pixels from a point within which a press takes hold of it."""
BESIDE = 5
"""Pixels from a line within which a press touches it."""
PARALLEL = 0.9999
"""A region is seen on planes whose line of sight has at least this cosine with its own's."""


@dataclass(frozen=True)
class Grip:
    """What a hand holds: a measurement's number, and of its points one or all (None)."""

    number: int
    point: int | None


def marks_in(scene: Scene, pane: str) -> Iterator[tuple[int | None, Measurement]]:
    """Give the measurements that a pane's plane holds, with numbers; the draft has none."""
    for number, item in enumerate(scene.measurements.items):
        if holds(scene, pane, item):
            yield number, item
    draft = scene.measurements.draft
    if draft is not None and draft.plane == pane:
        yield None, draft


def holds(scene: Scene, pane: str, item: Measurement) -> bool:
    """Say whether a measurement lies on what a pane shows: its layer, or its slab."""
    geometry, grid = scene.subject.geometry, scene.grid(pane)
    sight = grid.direction[:, 2]
    if item.is_region and abs(item.grid(geometry).direction[:, 2] @ sight) < PARALLEL:
        return False
    layers = grid.to_index(item.corners(geometry))[:, 2]
    here = scene.layer(pane)
    count = max(1, round(scene.slab.thickness / grid.spacing[2]))
    if not scene.is_on_voxels(pane):
        return bool((np.abs(layers - here) <= count / 2).all())
    shown, places = round(here), np.rint(layers)
    first, last = shown - (count - 1) // 2, shown + count // 2
    return bool(((places >= first) & (places <= last)).all())


def grip_at(
    scene: Scene, pane: str, projection: Projection, at: tuple[float, float]
) -> Grip | None:
    """Find what a press takes hold of: points before lines, the latest drawn first."""
    marks = [(number, item) for number, item in marks_in(scene, pane) if number is not None]
    for number, item in reversed(marks):
        off = np.linalg.norm(projection.to_pixels(item.points) - at, axis=1)
        if off.min() <= REACH:
            return Grip(number, int(off.argmin()))
    for number, item in reversed(marks):
        line = projection.to_pixels(item.outline(scene.subject.geometry))
        if _distance(line, np.array(at)) <= BESIDE:
            return Grip(number, None)
    return None


def _distance(line: NDArray[np.float64], at: NDArray[np.float64]) -> float:
    """Give the distance of a point from a line of several pieces."""
    starts, steps = line[:-1], np.diff(line, axis=0)
    lengths = np.maximum((steps**2).sum(axis=1), 1e-12)
    parts = np.clip(((at - starts) * steps).sum(axis=1) / lengths, 0, 1)
    nearest = starts + parts[:, None] * steps
    return float(np.linalg.norm(nearest - at, axis=1).min())
