"""Ctrl-C and SIGTERM end the program soon, whatever it is at.

Python answers a signal between two of its own steps. A filter of VTK or a sort of NumPy may
take many seconds for one step, and the answer, an exception, was seen to be lost in the
import of a compiled module. What has not ended by itself after a while is ended here: no
output is half-written at any moment, and decoders go with their parent.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import NoReturn

PATIENCE_S = 1.2
"""So long the program has to end by itself: it promises to be gone within 2 s."""
TOLD = "volume: interrupted; nothing half-written was left\n"
SIGNALS = {signal.SIGINT, signal.SIGTERM}


def ends_promptly(main: Callable[[], NoReturn]) -> Callable[[], NoReturn]:
    """Let a signal end `main` soon, with 128 and its number as exit code, as shells have it."""

    @wraps(main)
    def prompt() -> NoReturn:
        with _watched():
            try:
                main()
            except KeyboardInterrupt:  # before `main` was ready for it, or after it was done
                sys.stderr.write(TOLD)
                sys.exit(128 + signal.SIGINT)

    return prompt


@contextmanager
def _watched() -> Iterator[None]:
    """Have signals told to a thread while this lasts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals, told = os.pipe()
    if os.name == "posix":  # Python asks for it there alone
        os.set_blocking(told, False)
    over = threading.Event()
    before = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(signals, over), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        over.set()
        os.close(told)


def _watch(signals: int, over: threading.Event) -> None:
    """Wait for a signal, and end the process if it is not over a while later."""
    with os.fdopen(signals, "rb", buffering=0) as numbers:
        while number := numbers.read(1):
            if number[0] in SIGNALS and not over.wait(PATIENCE_S):
                os.write(2, (SHOW_CURSOR if os.isatty(2) else b"") + TOLD.encode())
                os._exit(128 + number[0])


SHOW_CURSOR = b"\x1b[?25h\n"
"""A progress bar had hidden it."""
