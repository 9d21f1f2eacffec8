"""Whether this process does nothing but our work, as that of the command line does.

What would disturb a stranger's program is done only here: children that begin as copies of
this process start at once, but must not be made where other threads may hold a lock.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_threads = 0


@contextmanager
def claimed(threads: int) -> Iterator[None]:
    """Say that nobody else's code runs meanwhile: in so many threads of ours, all but one idle."""
    global _threads
    before, _threads = _threads, threads
    try:
        yield
    finally:
        _threads = before


def can_be_copied() -> bool:
    """Say whether a copy of this process (POSIX fork) is sound: no thread but this one works.

    Linux tells of every thread, those of libraries too.
    """
    if not _threads or sys.platform != "linux":
        return False
    if threading.current_thread() is not threading.main_thread():
        return False
    try:
        return len(os.listdir("/proc/self/task")) <= _threads  # noqa: PTH208 names alone
    except OSError:
        return False
