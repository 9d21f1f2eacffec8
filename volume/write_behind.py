"""Forcing a file to the disk while it is still being filled: little is left to wait for then."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

AT_ONCE = 16 << 20
"""So many bytes are worth a trip to the disk."""


class WriteBehind:
    """Forces an open file to the disk again and again, in a thread, as long as it is filled.

    `size` is how many bytes will be written: the last of them are forced as soon as they are there.
    The thread begins with the first bytes that are worth it: until then this process may be copied.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._left = size
        self._fresh = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._is_over = False
        self._fault: OSError | None = None
        self._thread: threading.Thread | None = None

    def wrote(self, count: int) -> None:
        """Say that so many bytes were written, from any thread."""
        with self._lock:
            self._fresh += count
            self._left -= count
            if self._fresh < AT_ONCE and self._left > 0:
                return
            self._fresh = 0
            if self._thread is None:
                self._begin()
        self._wake.set()

    def stop(self) -> None:
        """Begin nothing more, and wait for nothing: the file is given up."""
        self._is_over = True
        self._wake.set()

    def finish(self) -> None:
        """Begin nothing more, and wait for what was begun.

        Raises `OSError` where the disk has refused: it says so once, and not to who asks next.
        """
        self.stop()
        if self._thread is not None:
            self._thread.join()
        if self._fault is not None:
            raise self._fault

    def _begin(self) -> None:
        """Start the thread; where the system has none to give, it can wait."""
        with suppress(OSError, RuntimeError):
            own = os.dup(self._descriptor)  # the file may be given up meanwhile
            thread = threading.Thread(target=self._force, args=(own,), daemon=True)
            try:
                thread.start()
            except RuntimeError:
                os.close(own)
                raise
            self._thread = thread

    def _force(self, descriptor: int) -> None:
        try:
            while self._wake.wait() and not self._is_over:
                self._wake.clear()
                os.fdatasync(descriptor)
        except OSError as fault:
            self._fault = fault
        finally:
            os.close(descriptor)
