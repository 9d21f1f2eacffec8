"""Contestants in a race: round by round in random order, each run a process of its own.

The round before the first is not timed: it warms the caches, finds out who cannot do it and
what came out, and watches the memory (which would disturb the clock).
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

OUT = "{out}"
"""Stands for a new, empty folder in a command."""
BUDGET_S, LEAST_ROUNDS = 60.0, 3
"""Who has taken so long sits out what rounds are left."""
DEADLINE_S = 900.0
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Contestant:
    """A command that does the work."""

    name: str
    command: tuple[str, ...]
    inside: bool = False
    """It times itself, its imports and its start left out."""


def function(
    name: str,
    prepare: Callable[..., Callable[[], object]],
    folder: Path,
    *arguments: object,
    warm_up: Path | None = None,
) -> Contestant:
    """Enter a function of a benchmark that prepares some work on a folder and gives it back.

    `warm_up` is a folder to do it on before, untimed.
    """
    module = Path(prepare.__code__.co_filename).stem
    told = (module, prepare.__name__, warm_up or "-", folder, *arguments)
    command = (sys.executable, "-W", "ignore", str(HERE / "contestant.py"), *map(str, told))
    return Contestant(name, command, inside=True)


@dataclass
class Result:
    """What was measured of one contestant."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)
    """Bytes of it and its children together, a page that they share counted once."""
    size: int = 0
    """Bytes that it wrote."""
    answer: str = ""
    failure: str = ""

    @property
    def second(self) -> float:
        """The median of the wall time."""
        return median(self.seconds) if self.seconds else float("nan")

    @property
    def peak(self) -> float:
        return max(self.peaks, default=float("nan"))


@dataclass(frozen=True)
class Run:
    """What was measured of one run."""

    seconds: float
    cpu: float
    peak: int
    size: int
    answer: str


class FailedError(Exception):
    """A contestant ended with an error: its last words."""


def race(
    contestants: Sequence[Contestant],
    rounds: int,
    answer_of: Callable[[Path], str] | None = None,
    watch: bool = False,
    seed: int = 1,
) -> dict[str, Result]:
    """Run all of them, round by round; with `watch` the memory in every round.

    `answer_of` tells what a command left in its folder.
    """
    draw = random.Random(seed)  # noqa: S311 an order of runs is no secret
    results = {one.name: Result() for one in contestants}
    for number in range(rounds + 1):
        for one in draw.sample(contestants, len(contestants)):
            if not _sits_out(results[one.name]):
                _enter(results[one.name], one, number, answer_of, watch)
    return results


def _sits_out(result: Result) -> bool:
    spent = len(result.seconds) >= LEAST_ROUNDS and sum(result.seconds) > BUDGET_S
    return spent or bool(result.failure)


def _enter(
    result: Result,
    one: Contestant,
    number: int,
    answer_of: Callable[[Path], str] | None,
    watch: bool,
) -> None:
    first = number == 0
    try:
        done = run(one, watch=watch or first, answer_of=answer_of if first else None)
    except FailedError as words:
        result.failure = str(words)
        return
    if first:
        result.size, result.answer = done.size, done.answer
    else:
        result.seconds.append(done.seconds)
        result.cpu.append(done.cpu)
    if done.peak:
        result.peaks.append(done.peak)


def run(
    one: Contestant, watch: bool = False, answer_of: Callable[[Path], str] | None = None
) -> Run:
    """Run one contestant to its end."""
    with tempfile.TemporaryDirectory(prefix="out-") as folder, tempfile.TemporaryFile("w+") as said:
        out = Path(folder)
        command = [part.replace(OUT, folder) for part in one.command]
        os.sync()  # what others wrote is not to be paid for here
        start = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        with _Deadline(child):
            peak = _watched(child.pid) if watch else 0
            _, status, usage = os.wait4(child.pid, 0)
        seconds, cpu = time.perf_counter() - start, usage.ru_utime + usage.ru_stime
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        words = said.read().strip()
        if child.returncode:
            raise FailedError(f"exit {child.returncode}: {words.rpartition(chr(10))[2][:200]}")
        size = sum(path.stat().st_size for path in out.rglob("*.nii*"))
        if not one.inside:
            return Run(seconds, cpu, peak, size, answer_of(out) if answer_of else "")
        told = json.loads(words.rpartition("\n")[2])
        return Run(told["seconds"], told["cpu"], peak, size, told["answer"])


class _Deadline:
    """Kill what does not come to an end."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._timer = threading.Timer(DEADLINE_S, child.kill)

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _watched(pid: int) -> int:
    """Follow a process and its children until it ends; give the most they held at a time.

    That is their proportional set size (Linux, smaps_rollup), in which memory that they share
    counts once, or what any one of them held by itself at its height, if that is more.
    """
    import psutil

    root, peak = psutil.Process(pid), 0
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while os.waitid(os.P_PID, pid, options) is None:
        try:
            family = [root, *root.children(recursive=True)]
        except psutil.Error:
            continue
        held = [_held(one.pid) for one in family]
        peak = max(peak, sum(now for now, _ in held), *(height for _, height in held))
        time.sleep(0.002)
    return peak


def _held(pid: int) -> tuple[int, int]:
    """Give the bytes that a process holds now, and the most that were ever resident."""
    try:
        now = _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:")
        return now * 1024, _kilobytes(Path(f"/proc/{pid}/status"), "VmHWM:") * 1024
    except OSError:
        return 0, 0


def _kilobytes(path: Path, key: str) -> int:
    for line in path.read_text("ascii", "replace").splitlines():
        if line.startswith(key):
            return int(line.split()[1])
    return 0
