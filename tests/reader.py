"""A reader under watch: what it answers, how long it takes, and whether it lives."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from damaged import Picture

DEADLINE_S = 10.0
FRESH_ABOVE = 512 * 2**20
"""After such a peak the process is started anew, so that the next peak shows."""
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Answer:
    """What came of one file: picture, refused, traceback, crashed or hung."""

    kind: str
    why: str = ""
    picture: Picture | None = None
    seconds: float = 0.0
    peak: int = 0
    """Bytes that it took beyond what it had before, or that a child of its took."""
    exit_code: int | None = None
    codes: tuple[tuple[str, str], ...] = ()
    """(code, severity) of the findings about a volume."""
    named: tuple[tuple[str, tuple[str, ...]], ...] = field(default=())
    """(code, names of files) of everything that was said of files."""
    unclean: str = ""
    said: str = ""
    """What it wrote to stdout and stderr."""

    def names(self, file: str) -> bool:
        """Say whether the answer tells of a file by name."""
        stands = any(file in files for _, files in self.named)
        return stands or (not self.named and (file in self.said or file in self.why))


class Reader:
    """One tool in a process of its own, started anew when it dies."""

    def __init__(self, tool: str, program: Path = HERE / "reader_process.py") -> None:
        self.tool = tool
        self._program = program
        self._child: subprocess.Popen[str] | None = None
        self._folder = tempfile.TemporaryDirectory()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._folder.cleanup()

    def ask(self, path: str | Path) -> Answer:
        """Read one file or folder; what hangs is tried twice, as the machine may be busy."""
        answer = self._ask(path)
        return self._ask(path) if answer.kind == "hung" else answer

    def _ask(self, path: str | Path) -> Answer:
        out = Path(self._folder.name, "out.npz")
        out.unlink(missing_ok=True)
        child = self._child or self._start()
        start = time.perf_counter()
        reply = self._exchange(child, {"path": str(path), "out": str(out)})
        seconds = time.perf_counter() - start
        if reply is None:
            return replace(self._bury(child, seconds >= DEADLINE_S), seconds=seconds)
        answer = _answer(reply, out, seconds)
        if answer.peak > FRESH_ABOVE:
            self._stop()
        return answer

    def _exchange(
        self, child: subprocess.Popen[str], request: dict[str, str]
    ) -> dict[str, Any] | None:
        try:
            _pipe(child.stdin).write(json.dumps(request) + "\n")
            _pipe(child.stdin).flush()
        except OSError:
            return None
        return _line(child, DEADLINE_S)

    def _start(self) -> subprocess.Popen[str]:
        path = os.pathsep.join([str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")])
        self._child = subprocess.Popen(
            [sys.executable, str(self._program), self.tool],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": path, "TMPDIR": self._folder.name},
        )
        if _line(self._child, 120) is None:
            raise RuntimeError(f"{self.tool} cannot be started")
        return self._child

    def _bury(self, child: subprocess.Popen[str], late: bool) -> Answer:
        peak = _peak_of(child.pid)
        self._stop()
        if late:
            return Answer("hung", f"no answer within {DEADLINE_S:.0f} s", peak=peak)
        code = child.returncode
        name = signal.Signals(-code).name if code and code < 0 else f"exit {code}"
        return Answer("crashed", name, peak=peak)

    def _stop(self) -> None:
        """End the process, and every process that it started."""
        child, self._child = self._child, None
        if child is None:
            return
        with suppress(subprocess.TimeoutExpired):  # one that is dying may say why
            child.wait(0.05)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        for pipe in (child.stdin, child.stdout):
            with suppress(OSError):  # nobody is there to read what is left in it
                _pipe(pipe).close()


def _pipe(stream: Any) -> Any:
    if stream is None:
        raise RuntimeError("a reader was started without pipes")
    return stream


def _line(child: subprocess.Popen[str], seconds: float) -> dict[str, Any] | None:
    """Wait for one line of reply; none where the process ends or is late."""
    ready, _, _ = select.select([child.stdout], [], [], seconds)
    line = _pipe(child.stdout).readline() if ready else ""
    return json.loads(line) if line.endswith("\n") else None


def _peak_of(pid: int) -> int:
    """Give the peak of a process that is still there, in bytes."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


def _answer(reply: dict[str, Any], out: Path, seconds: float) -> Answer:
    picture = None
    if reply["kind"] == "picture":
        with np.load(out) as archive:
            picture = Picture(archive["array"], archive["affine"])
    return Answer(
        reply["kind"],
        reply.get("why", ""),
        picture,
        seconds,
        reply["peak"],
        reply.get("exit_code"),
        tuple(map(tuple, reply.get("codes", ()))),
        tuple((code, tuple(files)) for code, files in reply.get("named", ())),
        reply.get("unclean", ""),
        reply.get("said", ""),
    )
