"""Ctrl-C and SIGTERM end the program soon, whatever it is at.

Python answers a signal between two of its own steps, by an exception. A filter of VTK or a
sort of NumPy may take many seconds for one step. The import of a compiled module was seen to
lose the exception, to make another of it, and in VTK to crash: so none is raised there, but
as soon as the import is over. What has not ended by itself after a while is ended here: no
output is half-written at any moment, and decoders go with their parent.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import FrameType
from typing import NoReturn

from volume.own_process import is_copying

PATIENCE_S = 1.2
"""So long the program has to end by itself: it promises to be gone within 2 s."""
AGAIN_S = 0.05
TOLD = "volume: interrupted; nothing half-written was left\n"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
SHOW_CURSOR = b"\x1b[?25h\n"
"""A progress bar had hidden it."""


def ends_promptly(main: Callable[[], NoReturn]) -> Callable[[], NoReturn]:
    """Let a signal end `main` soon, with 128 and its number as exit code, as shells have it."""

    @wraps(main)
    def prompt() -> NoReturn:
        answer = _Answer()
        with _answered_by(answer), _watched(answer):
            try:
                main()
            except BaseException as end:
                if isinstance(end, KeyboardInterrupt):  # the window answers Ctrl-C itself
                    answer.number = answer.number or signal.SIGINT
                if answer.number is None or _is_success(end):
                    raise
                sys.stderr.write(TOLD)
                raise SystemExit(128 + answer.number) from None

    return prompt


class _Answer:
    """Raises an exception on a signal, unless within an import or a fork; remembers the first."""

    number: int | None = None
    was_raised = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.number = self.number or number
        if _is_importing(frame) or is_copying():
            return
        self.was_raised = True
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _is_success(end: BaseException) -> bool:
    return isinstance(end, SystemExit) and not end.code


@contextmanager
def _answered_by(answer: _Answer) -> Iterator[None]:
    """Answer signals that nobody told us to ignore, while this lasts."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in SIGNALS}
    ours = {number: old for number, old in before.items() if old not in (signal.SIG_IGN, None)}
    try:
        for number in ours:
            signal.signal(number, answer)
        yield
    finally:
        for number, old in ours.items():
            signal.signal(number, old)


@contextmanager
def _watched(answer: _Answer) -> Iterator[None]:
    """Have signals told to a thread, while this lasts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals, told = os.pipe()
    if os.name == "posix":  # Python asks for it there alone
        os.set_blocking(told, False)
    over = threading.Event()
    before = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(signals, over, answer), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        over.set()
        os.close(told)


def _watch(signals: int, over: threading.Event, answer: _Answer) -> None:
    """Wait for a signal, and end the process if it is not over a while later."""
    with os.fdopen(signals, "rb", buffering=0) as numbers:
        while number := numbers.read(1):
            if number[0] in SIGNALS and not _is_over(over, answer, number[0]):
                os.write(2, (SHOW_CURSOR if os.isatty(2) else b"") + TOLD.encode())
                os._exit(128 + number[0])


def _is_over(over: threading.Event, answer: _Answer, number: int) -> bool:
    """Wait for the end; ask for it again where an import kept it from being asked for."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if over.wait(AGAIN_S):
            return True
        if not answer.was_raised:
            _thread.interrupt_main(signal.Signals(number))
    return False
