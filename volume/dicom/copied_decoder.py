"""A decoder that begins as a copy of this process: all is imported already, it starts at once."""

from __future__ import annotations

import io
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast

from volume.dicom import decoder_process


class CopiedDecoder:
    """A child process as `subprocess.Popen` has it, as far as it is asked for."""

    def __init__(self, address: str, frame_bytes: int, pass_fds: tuple[int, ...]) -> None:
        requests, self._requests = os.pipe()
        self._replies, replies = os.pipe()
        with _signals_put_off(), warnings.catch_warnings():
            # Python 3.12 warns of threads, whatever they are at
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
            if not self.pid:
                _serve(requests, replies, pass_fds, address, frame_bytes)
        os.close(requests)
        os.close(replies)
        self.stdin: BinaryIO | None = cast(BinaryIO, os.fdopen(self._requests, "wb"))
        self.stdout: BinaryIO | None = cast(BinaryIO, os.fdopen(self._replies, "rb"))
        self.returncode: int | None = None

    def kill(self) -> None:
        """End it, if it has not ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for its end, and give how that was."""
        if self.returncode is None:
            try:
                _, status = os.waitpid(self.pid, 0)
            except ChildProcessError:  # another thread waited too, and was first
                return self.returncode or 0
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


@contextmanager
def _signals_put_off() -> Iterator[None]:
    """Answer signals a moment later: what an answer raises would be lost in the hooks of a fork."""
    came: list[int] = []
    answers = {number: signal.getsignal(number) for number in ENDING}
    for number, answer in answers.items():
        if callable(answer):
            signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number, answer in answers.items():
            if callable(answer):
                signal.signal(number, answer)
        for late in came:
            signal.raise_signal(late)


ENDING = (signal.SIGINT, signal.SIGTERM)


def _serve(
    requests: int, replies: int, pass_fds: tuple[int, ...], address: str, frame_bytes: int
) -> None:
    """Be the decoder: with its pipes and the shared memory, and nothing else of its parent's."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # as of nohup: it stays ignored
                signal.signal(number, signal.SIG_DFL)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for ours, place in ((requests, 0), (replies, 1), (nowhere, 2)):
            os.dup2(ours, place)
        _close_all_but({0, 1, 2, *pass_fds})
        _keep_memory()
        sys.stdin = io.TextIOWrapper(os.fdopen(0, "rb", closefd=False))
        decoder_process.main(address, frame_bytes)
        code = 0
    finally:
        os._exit(code)  # nothing that the parent has begun is ended here


def _keep_memory() -> None:
    """Have glibc keep the memory of one frame for the next, as `workers` does by variables.

    mallopt(3): what malloc maps alone, and what it gives back, begins at so many bytes.
    """
    import ctypes

    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
            mallopt(parameter, 2**28)


M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1
"""Of glibc's malloc.h."""


def _close_all_but(kept: set[int]) -> None:
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 names alone
        if int(name) not in kept:
            with suppress(OSError):  # the folder that is being listed
                os.close(int(name))
