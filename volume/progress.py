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


class Silent:
    """A progress bar that shows nothing."""

    total: float | None = None

    def update(self, n: int = 1) -> None:
        """Ignore the step."""

    def close(self) -> None:
        """Ignore the end."""
