"""Child processes that decode compressed frames under a deadline.

They are plain `subprocess` children of this interpreter, so that they start from a
notebook, from a script without a main guard, and the same way on every system.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import volume
from volume.dicom.shared_array import SharedArray
from volume.errors import VolumeError

DEADLINE_S = 20.0
"""A frame that takes longer is given up. JPEG-LS cut short took 10.8 s to refuse."""
FRAMES_A_WORKER = 4
"""Starting a child costs about what decoding so many frames does."""

Request = dict[str, Any]
Reply = dict[str, str]


def decode_all(
    requests: list[Request], memory: SharedArray, done: Callable[[], object]
) -> dict[int, Reply]:
    """Decode every request into the shared memory; give the failures, by index.

    `done` is called once a frame, in the calling thread's stead. A child that dies or
    stalls fails its frame only: another one goes on with the next.
    """
    queue: SimpleQueue[tuple[int, Request]] = SimpleQueue()
    for item in enumerate(requests):
        queue.put(item)
    failures: dict[int, Reply] = {}
    wanted = min(os.cpu_count() or 1, -(-len(requests) // FRAMES_A_WORKER))
    workers = [_Worker(memory) for _ in range(wanted)]
    threads = [
        threading.Thread(target=worker.drain, args=(queue, failures, done), daemon=True)
        for worker in workers
    ]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for worker in workers:
            if worker.fault is not None:
                raise VolumeError(f"no decoder can be started: {worker.fault}") from worker.fault
    finally:  # Ctrl-C lands here too: no orphan stays
        for worker in workers:
            worker.stop()
    return failures


class _Worker:
    """One child process, started anew when it dies."""

    def __init__(self, memory: SharedArray) -> None:
        self._memory = memory
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()
        self.fault: Exception | None = None
        """Why no child could be started."""

    def drain(
        self,
        queue: SimpleQueue[tuple[int, Request]],
        failures: dict[int, Reply],
        done: Callable[[], object],
    ) -> None:
        """Take requests from the queue until it is empty."""
        for index, request in _until_empty(queue):
            if self._stopped:
                return
            try:
                reply = self._ask(request)
            except (OSError, ValueError) as fault:  # ValueError: a pipe that `stop` has closed
                if not self._stopped:
                    self.fault = fault
                return
            if reply:
                failures[index] = reply
            done()
        self.stop()

    def stop(self) -> None:
        """End the child, for good."""
        with self._lock:
            self._stopped = True
        self._kill()

    def _ask(self, request: Request) -> Reply:
        child = self._child or self._start()
        if child.stdin is None or child.stdout is None:
            raise RuntimeError("a decoder was started without pipes")
        watchdog = threading.Timer(DEADLINE_S, child.kill)
        watchdog.start()
        try:
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
            line = child.stdout.readline()
        except OSError:
            line = b""
        finally:
            late = not watchdog.is_alive()
            watchdog.cancel()
        if line:
            return json.loads(line)
        self._kill()
        return {"code": "unreadable", "reason": _epitaph(late)}

    def _start(self) -> subprocess.Popen[bytes]:
        with self._lock:  # no child is started behind the back of `stop`
            if self._stopped:
                raise ValueError("stopped")
            self._child = subprocess.Popen(
                command(self._memory.address),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=self._memory.pass_fds,
                env={**os.environ, "PYTHONPATH": _search_path()},
            )
            return self._child

    def _kill(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # a dead child's pipe cannot be flushed
                    continue


def command(address: str) -> list[str]:
    """Give the command that starts a decoder on shared memory."""
    return [sys.executable, "-m", "volume.dicom.decoder_process", address]


def _until_empty(queue: SimpleQueue[tuple[int, Request]]) -> Iterable[tuple[int, Request]]:
    def take() -> Iterator[tuple[int, Request]]:
        while True:
            try:
                yield queue.get_nowait()
            except Empty:
                return

    return take()


def _epitaph(late: bool) -> str:
    if late:
        return f"its decoder did not finish within {DEADLINE_S:.0f} s"
    return "it killed its decoder"


def _search_path() -> str:
    """Let the child import this very package, installed or not."""
    here = str(Path(volume.__file__).parent.parent)
    return os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH", ""))))
