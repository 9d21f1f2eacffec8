"""Writing that is killed at any moment: every file is whole or absent afterwards.

`survive(count, seed)` kills every writer `count` times at random moments, `step_by_step()`
once before and once after everything it asks of the file system, and both say what they
found. Run it for longer with `python tests/kills.py COUNT SEED`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

MESHES = (".stl", ".ply", ".obj", ".glb", ".vtp")
SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha", ".npz", *MESHES, ".png")
SIZE = (90, 80, 50)
STEPS = ("open", "link", "fsync", "rename", "replace", "unlink")
"""What of `os` changes what others see in a folder, or makes it last."""


@dataclass(frozen=True)
class Row:
    """What was found after the kills of one writer."""

    suffix: str
    kills: int
    in_time: int
    """Kills that came before the writing was over."""
    whole: int
    """Kills after which something was there, all of it whole."""
    broken: tuple[str, ...]
    """Names of files that were neither absent nor whole."""
    left: tuple[str, ...]
    """Names of files that nobody asked for."""


def survive(count: int, seed: int) -> tuple[Row, ...]:
    """Kill every writer `count` times at random moments."""
    with _writer() as ask:
        return tuple(_killed_at_random(suffix, count, seed, ask) for suffix in SUFFIXES)


def step_by_step(suffix: str, *, overwrite: bool = False) -> Row:
    """Kill a writer before and after each thing it asks of the file system."""
    with _writer() as ask:
        moments = iter(range(1000))
        return _row(suffix, ask, ({"step": step} for step in moments), overwrite=overwrite)


def nameless_files(folder: Path) -> bool:
    """Say whether the system takes drafts away with a killed process, in this folder."""
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR))
    except (AttributeError, OSError):
        return False
    return Path("/proc/self/fd").exists()


def _killed_at_random(suffix: str, count: int, seed: int, ask: Ask) -> Row:
    draw = random.Random(f"{seed} {suffix}")
    with tempfile.TemporaryDirectory() as folder:
        lasts = min(ask(suffix, Path(folder, str(n)), {})["seconds"] for n in range(3))
    moments = ({"after": draw.uniform(0, 1.1 * lasts)} for _ in range(count))
    return _row(suffix, ask, moments)


def _row(
    suffix: str, ask: Ask, moments: Iterator[dict[str, Any]], *, overwrite: bool = False
) -> Row:
    """Kill a writer at each of the moments, until one comes too late for a step."""
    found: Counter[str] = Counter()
    broken: set[str] = set()
    left: set[str] = set()
    with tempfile.TemporaryDirectory() as top:
        ask(suffix, Path(top, "undisturbed"), {})
        wanted = contents(Path(top, "undisturbed"))
        for n, moment in enumerate(moments):
            folder = Path(top, str(n))
            older = dict.fromkeys(wanted, b"older") if overwrite else {}
            found["killed"] += ask(suffix, folder, moment, older)["killed"]
            found["all"] += 1
            there = contents(folder)
            found["whole"] += bool(there.keys() & wanted.keys())
            left |= there.keys() - wanted.keys()
            broken |= {
                name
                for name, content in wanted.items()
                if there.get(name, older.get(name, content)) not in (content, older.get(name))
                or (overwrite and name not in there)
            }
            if "step" in moment and found["killed"] < found["all"]:
                break
    return Row(
        suffix,
        found["all"],
        found["killed"],
        found["whole"],
        tuple(sorted(broken)),
        tuple(sorted(left)),
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Read every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# the process whose children write and are killed

Ask = Callable[..., dict[str, Any]]


@contextmanager
def _writer() -> Iterator[Ask]:
    """Start a process that writes on request, in a child that it kills itself."""
    command = [sys.executable, "-W", "ignore", __file__, "--serve"]
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        yield partial(_ask, process)
        if process.stdin is not None:
            process.stdin.close()


def _ask(
    process: subprocess.Popen[str],
    suffix: str,
    folder: Path,
    moment: dict[str, Any],
    older: dict[str, bytes] | None = None,
) -> dict[str, Any]:
    folder.mkdir()
    for name, content in (older or {}).items():
        (folder / name).write_bytes(content)
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the writer was started without pipes")
    request = {"suffix": suffix, "folder": str(folder), "overwrite": bool(older), **moment}
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def _serve() -> None:
    with tempfile.TemporaryDirectory() as folder:  # import all that writing needs
        for suffix in SUFFIXES:
            write(Path(folder, f"first{suffix}"), overwrite=True)
    for line in sys.stdin:
        request = json.loads(line)
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            _write_and_leave(request)
        if "after" in request:
            time.sleep(request["after"])
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        if not killed and os.waitstatus_to_exitcode(status) != 0:
            raise RuntimeError(f"the writer of {request['suffix']} failed")
        answer = {"killed": killed, "seconds": time.monotonic() - began}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _write_and_leave(request: dict[str, Any]) -> None:
    code = 1
    try:
        if "step" in request:
            _kill_at(request["step"])
        path = Path(request["folder"], f"head{request['suffix']}")
        write(path, overwrite=request["overwrite"])
        code = 0
    finally:
        os._exit(code)


def _kill_at(step: int) -> None:
    """Have this process killed before its step // 2-th request, or after it if odd."""
    left = [step // 2]

    def trapped(request: Callable[..., Any]) -> Callable[..., Any]:
        def ask(*arguments: Any, **more: Any) -> Any:
            left[0] -= 1
            if left[0] == -1 and step % 2 == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return request(*arguments, **more)
            finally:
                if left[0] == -1:
                    os.kill(os.getpid(), signal.SIGKILL)

        return ask

    for name in STEPS:
        setattr(os, name, trapped(getattr(os, name)))


def write(path: Path, *, overwrite: bool = False) -> None:
    """Write what a suffix is for: a partly measured volume, a mesh or a picture."""
    from volume.formats.files import export
    from volume.viewer.picture import write_png

    volume, mesh, picture = _everything()
    if path.suffix == ".png":
        write_png(path, picture, overwrite=overwrite)
    else:
        export(mesh if path.suffix in MESHES else volume, path, overwrite=overwrite)


MADE: list[Any] = []


def _everything() -> list[Any]:
    """Make a volume with invented slices, a mesh and a picture, once."""
    from grids import noise, oblique
    from volume.surface import Mesh

    if not MADE:
        valid = np.ones(SIZE[::-1], np.uint8)
        valid[3], valid[:, :, 0] = 2, 0
        draw = np.random.default_rng(0)
        points = draw.normal(size=(20_000, 3)).astype(np.float32)
        faces = draw.integers(0, len(points), (40_000, 3)).astype(np.int32)
        pixels = draw.integers(0, 255, (300, 400, 3)).astype(np.uint8)
        MADE.extend((noise(oblique(SIZE), valid=valid), Mesh(points, faces, points), pixels))
    return MADE


def _print(rows: tuple[Row, ...]) -> int:
    for row in rows:
        sys.stdout.write(
            f"{row.suffix:8} {row.kills:5} kills, {row.in_time:5} in time, {row.whole:5} whole,"
            f" broken: {' '.join(row.broken) or 'none'}, left: {' '.join(row.left) or 'none'}\n"
        )
    return int(any(row.broken or row.left for row in rows))


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        _serve()
    elif sys.argv[1] == "--write":
        write(Path(sys.argv[2]), overwrite="--overwrite" in sys.argv)
    else:
        sys.exit(_print(survive(int(sys.argv[1]), int(sys.argv[2]))))
