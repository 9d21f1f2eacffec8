"""The numbers that decide, in one place, echoed in every report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerances:
    """What counts as equal, regular, tilted, missing.

    62 real stacks of 7 makers lie within 0.0007 mm of a regular grid with no variation in
    orientation: tight numbers cost nothing, and the looser ones serve positions that were
    written rounded.
    """

    orientation_cluster_deg: float = 1.0
    orientation_jitter_deg: float = 0.1
    cosines_warn: float = 1e-4
    cosines_refuse: float = 0.05
    pixel_spacing_relative: float = 1e-4
    duplicate_mm: float = 0.01
    """Two copies of one slice lie no further apart."""
    same_position_mm: float = 0.01
    same_position_of_quantum: float = 0.75
    """Places written rounded differ by a whole quantum or not at all."""
    same_position_of_step: float = 0.05
    regular_mm: float = 0.01
    regular_of_pitch: float = 0.02
    rounded_of_quantum: float = 0.65
    """A line fitted to rounded values strays a little more than half the quantum."""
    rounded_quantum_mm: float = 0.1
    residual_cap_of_pitch: float = 0.25
    steps_a_slice: int = 3
    """A grid of more than so many steps a slice is not looked for."""
    gap_over_neighbours: float = 1.75
    run_of_equal_steps: int = 3
    equal_step_relative: float = 0.02
    drift_said_mm: float = 0.1
    drift_of_pixel: float = 0.5
    shift_refuse_mm: float = 20.0
    shift_refuse_of_view: float = 0.25
    spacing_tag_relative: float = 0.01
    fill_of_slices: float = 0.1
    fill_in_a_row: int = 3
    gaps_of_steps: float = 0.25
    """Uneven slices with more gaps than this are several acquisitions, not one with holes."""
    growth: float = 2.0
    """Regularising makes at most so many slices of one."""


TOLERANCES = Tolerances()
