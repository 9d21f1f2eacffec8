"""One contestant's work in an interpreter of its own.

    contestant.py MODULE FUNCTION WARM-UP FOLDER [ARGUMENT ...]

The function imports what it needs and gives back the work on a folder; only the work is timed.
Before that it is done once on the few slices of a warm-up folder ("-": on none), as many tools
import and set up on their first call what others do when they are imported. What came out is
told, so that those who did something else are found.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import warnings


def main(module: str, name: str, warm_up: str, folder: str, *arguments: str) -> None:
    """Do the work and say, in JSON, how long it took and what came of it."""
    warnings.simplefilter("ignore")
    prepare = getattr(importlib.import_module(module), name)
    if warm_up != "-":
        prepare(warm_up, *arguments)()
    work = prepare(folder, *arguments)
    before, start = time.process_time(), time.perf_counter()
    made = work()
    seconds = time.perf_counter() - start
    cpu = time.process_time() - before + cpu_of_children()
    print(json.dumps({"seconds": seconds, "cpu": cpu, "answer": answer(made)}))


def cpu_of_children() -> float:
    """Give the CPU seconds of children, also of those that live on."""
    import psutil

    me = psutil.Process()
    times = [child.cpu_times() for child in me.children(recursive=True)]
    gone = me.cpu_times()
    return sum(t.user + t.system for t in times) + gone.children_user + gone.children_system


def answer(made: object) -> str:
    """Tell voxels by their number and sum, which no order of slices or axes changes."""
    if hasattr(made, "dtype"):
        wide = "f8" if made.dtype.kind == "f" else None  # sums of float32 drift
        return f"{made.size} voxels, sum {round(float(made.sum(dtype=wide)))}"
    return str(made)


if __name__ == "__main__":
    main(*sys.argv[1:])
