"""The protocol of a progress bar, and the one that shows nothing."""

from __future__ import annotations

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
        """Say that the work is over."""
        self._bar.close()


def counted(bar: Progress | None) -> Counted:
    """Have a bar's steps counted, if they are not; None shows nothing."""
    return bar if isinstance(bar, Counted) else Counted(bar or Silent())


class Silent:
    """A progress bar that shows nothing."""

    total: float | None = None

    def update(self, n: int = 1) -> None:
        """Ignore the step."""

    def close(self) -> None:
        """Ignore the end."""
