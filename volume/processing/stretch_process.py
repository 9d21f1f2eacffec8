"""A child process that collapses edges of stretches of a surface, in shared memory."""

from __future__ import annotations

import json
import sys

import numpy as np

from volume.dicom.shared_array import open_mapping
from volume.processing.edge_collapse import collapse
from volume.processing.stretches import BEGUN, DONE, FREE, Slot


def main(address: str) -> None:
    """Collapse the stretches that are listed on stdin, but for those taken meanwhile.

    Without a parent to be told so, it ends after the one that it is at.
    """
    memory = np.frombuffer(open_mapping(address), np.uint8)
    work = json.loads(sys.stdin.buffer.readline())
    for slot in [Slot(*one) for one in work["slots"]]:
        if memory[slot.number] == FREE:
            memory[slot.number] = BEGUN
            points, own, faces = slot.arrays(memory)
            made = collapse(points, faces, work["fraction"], has_rim=True)
            own[:] = made.own
            points[: len(made.moved)] = made.moved
            memory[slot.number] = DONE
            sys.stdout.write(f"{slot.number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
