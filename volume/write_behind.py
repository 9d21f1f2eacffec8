"""Forcing a file to the disk while it is still being filled: little is left to wait for then."""

from __future__ import annotations

import os
import threading

AT_ONCE = 16 << 20
"""So many bytes are worth a trip to the disk."""


class WriteBehind:
    """Forces an open file to the disk again and again, in a thread, as long as it is filled.

    `size` is how many bytes will be written: the last of them are forced as soon as they are there.
    Raises `OSError` and `RuntimeError` where the system has no descriptor or thread to give.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self._left = size
        self._fresh = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._is_over = False
        self._fault: OSError | None = None
        self._thread = threading.Thread(target=self._force, daemon=True)
        self._descriptor = os.dup(descriptor)  # the file may be given up meanwhile
        try:
            self._thread.start()
        except RuntimeError:
            os.close(self._descriptor)
            raise

    def wrote(self, count: int) -> None:
        """Say that so many bytes were written, from any thread."""
        with self._lock:
            self._fresh += count
            self._left -= count
            if self._fresh < AT_ONCE and self._left > 0:
                return
            self._fresh = 0
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
        self._thread.join()
        if self._fault is not None:
            raise self._fault

    def _force(self) -> None:
        try:
            while self._wake.wait() and not self._is_over:
                self._wake.clear()
                os.fdatasync(self._descriptor)
        except OSError as fault:
            self._fault = fault
        finally:
            os.close(self._descriptor)
