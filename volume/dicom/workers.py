"""Child processes that decode compressed frames under a deadline.

They are plain `subprocess` children of this interpreter, so that they start from a
notebook, from a script without a main guard, and the same way on every system.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

import volume
from volume.dicom.encoding import Unreadable
from volume.dicom.forwarding import Forwarder
from volume.dicom.shared_array import SharedArray
from volume.dicom.watchdog import Watchdog
from volume.errors import VolumeError
from volume.own_process import can_be_copied

START_S = 60.0
"""A child that is not ready by then does not start at all."""
AFTER_A_STALL_S = 1.0
"""A file one of whose frames stalled gets no more for each of the others."""
STRIKES = 3
"""A file that killed or stalled so many decoders is given up."""
FRAMES_A_WORKER = 4
"""Starting a child costs about what decoding so many frames does."""

READY = b"ready\n"
"""The first line of a child that has started."""

Request = dict[str, Any]
Reply = dict[str, str]
Done = Callable[[int, NDArray[Any] | None], object]


def decode_all(
    requests: list[Request], shape: tuple[int, ...], dtype: np.dtype[Any], done: Done
) -> dict[int, Reply]:
    """Decode every request into frames of this shape and type; give the failures, by index.

    `done` is called once a frame, by one of several threads, with its index and the frame, None
    where it failed; the memory of the frame is that of the next one as soon as `done` returns.
    What it raises is raised here. A child that dies or stalls fails its frame only: another one
    goes on with the next. Each request has a `path` and the `seconds` it may take.
    """
    queue: SimpleQueue[tuple[int, Request]] = SimpleQueue()
    for item in enumerate(requests):
        queue.put(item)
    failures: dict[int, Reply] = {}
    wanted = min(os.cpu_count() or 1, -(-len(requests) // FRAMES_A_WORKER))
    memory = SharedArray((wanted, *shape), dtype)
    strikes: Counter[str] = Counter()
    forwarder = Forwarder()
    watchdog = Watchdog()
    workers = [_Worker(memory, n, strikes, forwarder, watchdog) for n in range(wanted)]
    threads = [
        threading.Thread(target=worker.work, args=(queue, failures, done), daemon=True)
        for worker in workers
    ]
    try:
        if can_be_copied():  # as long as no thread of theirs is at work
            for worker in workers:
                worker.copy_process()
        with watchdog:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        _raise_first(workers)
    finally:  # Ctrl-C lands here too: no orphan stays
        for worker in workers:
            worker.stop()
        forwarder.close()
        memory.close()
    return dict(sorted(failures.items()))


def _raise_first(workers: Iterable[_Worker]) -> None:
    """Raise why not all was done, and keep it nowhere: with it go the pixels it was raised over."""
    faults = [worker.fault for worker in workers if worker.fault is not None]
    for worker in workers:
        worker.fault = None
    try:
        if faults:
            raise faults[0]
    finally:
        faults.clear()


class _Worker:
    """One child process, started anew when it dies, and its desk in the memory shared by all."""

    def __init__(
        self,
        memory: SharedArray,
        number: int,
        strikes: Counter[str],
        forwarder: Forwarder,
        watchdog: Watchdog,
    ) -> None:
        self._memory = memory
        self._desk: NDArray[Any] = memory.array[number]
        self._at = number * self._desk.nbytes
        self._watchdog = watchdog
        self._forwarder = forwarder
        self._strikes = strikes
        self._child: Child | None = None
        self._is_ready = True
        self._stopped = False
        self._lock = threading.Lock()
        self.fault: BaseException | None = None
        """Why not all was done: no child could be started, or what is called then failed."""

    def work(
        self,
        queue: SimpleQueue[tuple[int, Request]],
        failures: dict[int, Reply],
        done: Done,
    ) -> None:
        """Take requests from the queue until it is empty; keep in mind why that was left."""
        try:
            self._drain(queue, failures, done)
        except BaseException as fault:  # noqa: BLE001 no frame is left out in silence
            self.fault = fault
            for _ in _until_empty(queue):  # nobody begins another frame
                pass
        self.stop()

    def _drain(
        self,
        queue: SimpleQueue[tuple[int, Request]],
        failures: dict[int, Reply],
        done: Done,
    ) -> None:
        for index, request in _until_empty(queue):
            if self._stopped:
                return
            try:
                reply = self._ask(request)
            except (OSError, ValueError) as fault:  # ValueError: a pipe that `stop` has closed
                if self._stopped:
                    return
                raise VolumeError(f"no decoder can be started: {fault}") from fault
            if reply:
                failures[index] = reply
            done(index, None if reply else self._desk)

    def copy_process(self) -> None:
        """Have the first child begin as a copy of this process; else it is started when needed."""
        from volume.dicom.copied_decoder import CopiedDecoder

        memory = self._memory
        with suppress(OSError):
            self._child = CopiedDecoder(memory.address, self._desk.nbytes, memory.pass_fds)
            self._is_ready = False

    def stop(self) -> None:
        """End the child, for good."""
        with self._lock:
            self._stopped = True
        self._kill()

    def _ask(self, request: Request) -> Reply:
        path, seconds = request["path"], request["seconds"]
        if self._strikes[path] >= STRIKES:
            return {"code": "unreadable", "reason": f"{STRIKES} of its frames ended their decoder"}
        if self._strikes[path]:
            seconds = min(seconds, AFTER_A_STALL_S)
        child = self._ready(self._child or self._start())
        request = {**request, "seconds": seconds, "at": self._at}
        try:
            request = self._forwarder.prepare(request)
        except Unreadable as fault:
            return {"code": fault.code, "reason": str(fault)}
        except OSError as fault:
            return {"code": "unreadable", "reason": f"the file cannot be read: {fault.strerror}"}
        try:
            line, late = _exchange(child, request, seconds, self._watchdog)
        except OSError:
            line, late = b"", False
        if line:
            if late:  # it was ended as it answered
                self._kill()
            return json.loads(line)
        self._kill()
        self._strikes[path] += 1
        return {"code": "unreadable", "reason": _epitaph(seconds if late else 0)}

    def _start(self) -> Child:
        with self._lock:  # no child is started behind the back of `stop`
            if self._stopped:
                raise ValueError("stopped")
            import subprocess  # most children are copies, which need none of it

            self._is_ready = False
            self._child = child = subprocess.Popen(
                command(self._memory.address, self._desk.nbytes),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=self._memory.pass_fds,
                env=environment(),
            )
        return child

    def _ready(self, child: Child) -> Child:
        """Wait until a child that was started can be asked."""
        if not self._is_ready:
            line, late = _exchange(child, None, START_S, self._watchdog)
            if line != READY:
                why = "was not ready in time" if late else f"ended with {child.wait()}"
                raise OSError(f"the decoder {why}")
            self._is_ready = True
        return child

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


class Child(Protocol):
    """A process with pipes to it and from it."""

    @property
    def stdin(self) -> IO[bytes] | None:
        """Where requests go."""

    @property
    def stdout(self) -> IO[bytes] | None:
        """Where replies come from."""

    def kill(self) -> None:
        """End it."""

    def wait(self) -> int:
        """Wait for its end."""


def _exchange(
    child: Child, request: Request | None, seconds: float, watchdog: Watchdog
) -> tuple[bytes, bool]:
    """Send a request and wait for the reply; give it, and whether the child was ended for it."""
    if child.stdin is None or child.stdout is None:
        raise RuntimeError("a decoder was started without pipes")
    watchdog.watch(child, seconds)
    try:
        if request is not None:
            more = request.pop("codestream", b"")
            child.stdin.write(json.dumps(request).encode() + b"\n" + more)
            child.stdin.flush()
        line = child.stdout.readline()
    finally:
        late = watchdog.release(child)
    return line, late


def command(address: str, frame_bytes: int) -> list[str]:
    """Give the command that starts a decoder on shared memory.

    With -P: a file in the current folder, which may be a stranger's CD, is no module.
    """
    module = "volume.dicom.decoder_process"
    return [sys.executable, "-P", "-m", module, address, str(frame_bytes)]


def environment() -> dict[str, str]:
    """Let the child import this very package, installed or not, and compute in one thread."""
    paths = [str(Path(volume.__file__).parent.parent)]
    paths += filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "OPENBLAS_NUM_THREADS": "1",
        # glibc keeps the memory of one frame for the next: half of a child's system time
        "MALLOC_MMAP_THRESHOLD_": str(2**28),
        "MALLOC_TRIM_THRESHOLD_": str(2**28),
    }


def _until_empty(queue: SimpleQueue[tuple[int, Request]]) -> Iterable[tuple[int, Request]]:
    def take() -> Iterator[tuple[int, Request]]:
        while True:
            try:
                yield queue.get_nowait()
            except Empty:
                return

    return take()


def _epitaph(seconds: float) -> str:
    if seconds:
        return f"its decoder did not finish within {seconds:.3g} s"
    return "it ended its decoder"
