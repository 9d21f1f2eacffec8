"""Ctrl+C in the terminal, kept until there is time for it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any


class Interrupt:
    """Notes a Ctrl+C while it is entered, and leaves Python's own answer as it was after.

    VTK ends the process where a KeyboardInterrupt reaches it; so none is raised here.
    Signals are the main thread's: in another one nothing is noted.
    """

    def __init__(self) -> None:
        self.noted = False
        self._before: Callable[[int, FrameType | None], Any] | int | None = None

    @property
    def is_listening(self) -> bool:
        """Whether it is entered, and Ctrl+C is noted."""
        return self._before is not None

    def __enter__(self) -> Interrupt:
        """Listen from now on, unless Ctrl+C is ignored here or not Python's to answer."""
        is_ours = threading.current_thread() is threading.main_thread()
        if is_ours and signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, None):
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_problem: object) -> None:
        """Have Ctrl+C answered as before."""
        before, self._before = self._before, None
        if before is not None:
            signal.signal(signal.SIGINT, before)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.noted = True
