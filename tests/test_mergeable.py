"""Series that continue one another's grid are found, however many series there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import volume
from phantom import phantom
from volume.assembly import mergeable

STEP = 2.5  # mm, of every series here


def scanned(folder, places):
    """Write series of five slices, moved by (mm in the plane, mm along the normal)."""
    for n, (aside, along) in enumerate(places):
        origin = (-31.4 + aside, 17.2, -12.3 + along)
        phantom(folder / str(n), size=(8, 8, 5), series=n + 1, origin=origin, study="1")
    return volume.scan(folder)


def continued(found: volume.Scan) -> set[tuple[int, int]]:
    """Give (series, the series that continues it)."""
    numbers = {stack.id: stack.series_number for stack in found.stacks}
    return {
        (stack.series_number, numbers[finding.evidence["id"]])
        for stack in found.stacks
        for finding in stack.findings
        if finding.code == "mergeable-series"
    }


@pytest.mark.parametrize(
    ("aside", "along", "fits"),
    [
        (0, 5 * STEP, True),  # the next slice
        (0, -5 * STEP, True),  # the one before
        (0, 4 * STEP, False),  # a place that is taken
        (0, 7 * STEP, False),  # too far behind
        (0, 5 * STEP + 0.005, True),  # within a hundredth of a millimetre
        (0, 5 * STEP + 0.3, False),
        (0.5 * 0.8 - 0.01, 5 * STEP, True),  # within half a pixel
        (0.5 * 0.8 + 0.01, 5 * STEP, False),
    ],
)
def test_what_continues_a_grid_is_said_of_both(aside, along, fits, tmp_path):
    found = continued(scanned(tmp_path, [(0, 0), (aside, along)]))
    assert found == ({(1, 2), (2, 1)} if fits else set())


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    places=st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.3, 0.399999, 0.4, 0.400001, 0.41, 40.0]),
            st.integers(-12, 12).map(lambda n: n * STEP)
            | st.sampled_from([12.505, 12.51, 12.509999, 12.510001, 13.75, 11.25]),
        ),
        min_size=2,
        max_size=6,
    )
)
def test_a_look_at_first_slices_leaves_none_out(places, tmp_path_factory):
    stacks = list(scanned(tmp_path_factory.mktemp("pairs"), places).stacks)
    firsts = np.array([stack.slices[0].position for stack in stacks])
    for stack in stacks:
        looked_at = mergeable._may_continue(stack, firsts)
        for n, other in enumerate(stacks):
            if other is not stack and mergeable._continues(stack, other):
                assert n in looked_at
