"""Work beside the window: a thread that reads, tells how far it is, and can be called off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from volume.progress import Progress

Result = TypeVar("Result")
PATIENCE_S = 10.0
"""So long a closing window waits for what was called off."""


class CalledOffError(BaseException):
    """Ends a job that is no longer wanted, through whatever catches an Exception."""


class Steps:
    """A progress bar that is looked at from another thread."""

    def __init__(self) -> None:
        self.total: float | None = None
        self.done = 0
        self.called_off = False

    def update(self, n: int = 1) -> None:
        """Count steps; end the work where it was called off."""
        if self.called_off:
            raise CalledOffError
        self.done += n

    def close(self) -> None:
        """Count anew: another part of the work may follow."""
        self.total, self.done = None, 0

    @property
    def words(self) -> str:
        """Say how much is done."""
        if not self.total:
            return "..."
        return f"{min(self.done, int(self.total))} / {int(self.total)}"


class Job(threading.Thread, Generic[Result]):
    """Gives results one after another; the next is made only when the last was taken."""

    def __init__(self, make: Callable[[Progress], Iterator[Result]]) -> None:
        super().__init__(daemon=True)
        self.steps = Steps()
        self.failure: BaseException | None = None
        self._make = make
        self._result: list[Result] = []
        self._taken = threading.Event()
        self._was_taken = False

    def run(self) -> None:
        """Make the results, in the thread."""
        try:
            for result in self._make(self.steps):
                self._result.append(result)
                del result  # whoever takes it lets go of it, too
                self._taken.wait()
                self._taken.clear()
                self.steps.update(0)
        except CalledOffError:
            pass
        except BaseException as problem:  # noqa: BLE001 `take` raises it in the window's thread
            self.failure = problem

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return not self._result and not self.is_alive()

    def take(self) -> Result | None:
        """Take the next result if it is there; raise what went wrong.

        The thread goes on when one asks again: what the result replaces has gone by then.
        """
        if self._result:
            self._was_taken = True
            return self._result.pop()
        if self._was_taken:
            self._was_taken = False
            self._taken.set()
        if self.failure is not None:
            problem, self.failure = self.failure, None
            raise problem
        return None

    def call_off(self) -> None:
        """End the work soon; nothing that it made is kept."""
        self.steps.called_off = True
        self._result.clear()
        self._taken.set()

    def wait(self) -> None:
        """Wait for its end."""
        self.join(PATIENCE_S)
