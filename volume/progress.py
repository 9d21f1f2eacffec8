"""The protocol of a progress bar, and the one that shows nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Protocol


class Progress(Protocol):
    """Anything with `total`, `update(n)` and `close()`; tqdm's bars are such."""

    total: float | None

    def update(self, n: int = 1) -> object:
        """Say that `n` more steps are done."""

    def close(self) -> object:
        """Say that the work is over."""


class Counted:
    """Passes on to another bar, and knows how many steps are done."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self.done = 0

    @property
    def total(self) -> float | None:
        """All steps, done or ahead."""
        return self._bar.total

    @total.setter
    def total(self, steps: float | None) -> None:
        self._bar.total = steps

    def expect(self, steps: int) -> None:
        """Say that so many steps are ahead, and no others."""
        self.total = self.done + steps

    def update(self, n: int = 1) -> None:
        """Say that `n` more steps are done, from one thread at a time."""
        self.done += n
        self._bar.update(n)

    def close(self) -> None:
        """Leave that to who began to count."""


@contextmanager
def counting(progress: Progress | None) -> Iterator[Counted]:
    """Count the steps of a bar, and close it at the end, whatever that is.

    One that is being counted already is closed by who began with it.
    """
    if isinstance(progress, Counted):
        yield progress
        return
    with closing(shown(progress)) as bar:
        yield Counted(bar)


def shown(progress: Progress | None) -> Progress:
    """Give a bar, or the silent one for None; of a bar nobody may ask whether it is true."""
    return Silent() if progress is None else progress


class Silent:
    """A progress bar that shows nothing."""

    total: float | None = None

    def update(self, n: int = 1) -> None:
        """Ignore the step."""

    def close(self) -> None:
        """Ignore the end."""
