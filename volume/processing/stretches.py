"""Stretches of a surface whose edges are collapsed in several processes.

The library holds the interpreter while it works, so that threads gain nothing. The children are
plain `subprocess` ones, and take nothing but time: what one of them has not done when this
process is through with its own share is done here, so that the result is the same without any.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from volume.dicom.shared_array import SharedArray
from volume.dicom.watchdog import Watchdog
from volume.dicom.workers import environment
from volume.processing.edge_collapse import Collapse, collapse
from volume.processing.topology import Faces, Points

MOST_CHILDREN = 3
"""What is done after the stretches takes a process alone: more children save little."""
LEAST_STRETCHES = 4
"""A child takes as long to start as half a stretch takes to collapse."""
PATIENCE_S = 20.0
"""For a stretch that a child has begun: it takes 0.3 s."""
FREE, BEGUN, DONE, TAKEN = range(4)
"""What is with a stretch; `TAKEN` ones this process does."""
Stretch = tuple[Points, Faces]
"""Points, and faces of their numbers."""


@dataclass(frozen=True)
class Slot:
    """Where a stretch lies in the shared memory.

    From byte `start` on its points, where their new places go, what became of each, and faces.
    """

    number: int
    start: int
    points: int
    faces: int

    @property
    def end(self) -> int:
        """Where the next may begin."""
        return self.start + 16 * self.points + 12 * self.faces

    def arrays(self, memory: NDArray[np.uint8]) -> tuple[Points, NDArray[np.int32], Faces]:
        """See the points, what became of them, and the faces."""
        first, second = self.start + 12 * self.points, self.start + 16 * self.points
        return (
            memory[self.start : first].view(np.float32).reshape(-1, 3),
            memory[first:second].view(np.int32),
            memory[second : self.end].view(np.int32).reshape(-1, 3),
        )


def collapse_stretches(
    count: int, stretch: Callable[[int], Stretch], most: int, fraction: float
) -> Iterator[Collapse]:
    """Collapse edges of `count` stretches, in order; the outer edges of each stay.

    Each has `most` faces at most.
    """
    children = min(MOST_CHILDREN, (os.cpu_count() or 1) - 1)
    if count < LEAST_STRETCHES or children < 1:
        for number in range(count):
            yield collapse(*stretch(number), fraction, has_rim=True)
        return
    with _shared(count * children // (children + 1), stretch, most) as shared:
        own = _work(shared, count, stretch, fraction, children)
        for number in range(count):
            yield own[number] if number in own else shared.result(number)


class _Shared:
    """Stretches in memory that children see, with a byte for each that tells how it stands."""

    def __init__(self, count: int, stretch: Callable[[int], Stretch], most: int) -> None:
        start = -(-count // 16) * 16
        room = start + count * Slot(0, 0, 3 * most, most).end  # what is not written takes none
        self.memory = SharedArray((room,), np.dtype(np.uint8))
        self.state = self.memory.array[:count]
        self.slots: list[Slot] = []
        for number in range(count):
            points, faces = stretch(number)
            slot = Slot(number, start, len(points), len(faces))
            there, _, corners = slot.arrays(self.memory.array)
            there[:], corners[:] = points, faces
            self.slots.append(slot)
            start = slot.end

    def result(self, number: int) -> Collapse:
        """Give what a child made of a stretch."""
        points, own, faces = self.slots[number].arrays(self.memory.array)
        left = np.zeros(len(points), bool)
        made = Collapse(own, points)
        left[own[faces[made.whole(faces)]]] = True
        return Collapse(own, points[: np.count_nonzero(left)])


@contextmanager
def _shared(count: int, stretch: Callable[[int], Stretch], most: int) -> Iterator[_Shared]:
    shared = _Shared(count, stretch, most)
    try:
        yield shared
    finally:
        shared.memory.close()


def _work(
    shared: _Shared,
    count: int,
    stretch: Callable[[int], Stretch],
    fraction: float,
    children: int,
) -> dict[int, Collapse]:
    """Have children work from the front, and this process from the back; give its own."""
    with _started(shared, fraction, children) as started:
        own = {}
        for number in reversed(range(count)):
            if number >= len(shared.slots) or _is_free(shared.state, number):
                own[number] = collapse(*stretch(number), fraction, has_rim=True)
        done = _waited(started)
    for number in range(count):
        if number not in own and number not in done:
            own[number] = collapse(*stretch(number), fraction, has_rim=True)
    return own


def _is_free(state: NDArray[np.uint8], number: int) -> bool:
    """Take a stretch that no child has begun.

    Should one begin it in the same moment, both do it, and come to the same.
    """
    if state[number] != FREE:
        return False
    state[number] = TAKEN
    return True


@contextmanager
def _started(
    shared: _Shared, fraction: float, children: int
) -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    try:
        with suppress(OSError):  # a system that starts none: all is done here
            for n in range(children):
                started.append(_start(shared, fraction, shared.slots[n::children]))
        yield started
    finally:  # Ctrl-C lands here too: no orphan stays
        for child in started:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()


def _start(shared: _Shared, fraction: float, slots: list[Slot]) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        command(shared.memory.address),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=shared.memory.pass_fds,
        env=environment(),
    )
    if child.stdin is not None:
        work = [[slot.number, slot.start, slot.points, slot.faces] for slot in slots]
        with suppress(OSError):  # it has died already
            child.stdin.write(json.dumps({"fraction": fraction, "slots": work}).encode() + b"\n")
            child.stdin.flush()
    return child


def command(address: str) -> list[str]:
    """Give the command that starts a child on shared memory.

    With -P: a file in the current folder, which may be a stranger's, is no module.
    """
    return [sys.executable, "-P", "-m", "volume.processing.stretch_process", address]


def _waited(children: list[subprocess.Popen[bytes]]) -> set[int]:
    """Wait until children have done what they began, and list it; one that stalls is ended.

    They end by themselves when nothing is left, and say of each stretch that it is done.
    """
    done: set[int] = set()
    with Watchdog() as watchdog:
        for child in children:
            if child.stdout is None:
                continue
            while True:
                watchdog.watch(child, PATIENCE_S)
                line = child.stdout.readline()
                watchdog.release(child)
                if not line.endswith(b"\n"):
                    break
                done.add(int(line))
    return done
