"""Ends processes that do not answer in time: one thread for all, which sleeps while they do."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Protocol


class Killable(Protocol):
    """A process that can be ended."""

    def kill(self) -> None:
        """End it."""


class Watchdog:
    """Watches processes while it is open (`with`)."""

    def __init__(self) -> None:
        self._due: dict[Killable, float] = {}
        self._changed = threading.Condition()
        self._wakes = float("inf")
        """When it looks next: a process that is due later need not wake it."""
        self._is_over = False
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(self, *_fault: object) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify()
        self._thread.join()

    def watch(self, process: Killable, seconds: float) -> None:
        """End a process in so many seconds, unless it is released before."""
        due = time.monotonic() + seconds
        with self._changed:
            self._due[process] = due
            if due < self._wakes:
                self._changed.notify()

    def release(self, process: Killable) -> bool:
        """Watch a process no longer; say whether it was ended."""
        with self._changed:
            return self._due.pop(process, None) is None

    def _watch(self) -> None:
        with self._changed:
            while not self._is_over:
                now = time.monotonic()
                for process in [one for one, due in self._due.items() if due <= now]:
                    del self._due[process]
                    with suppress(OSError):  # it is not ours to end; others may be
                        process.kill()
                self._wakes = min(self._due.values(), default=float("inf"))
                self._changed.wait(None if not self._due else self._wakes - now)
