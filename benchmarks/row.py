"""A row of the table: some work, who does it, and where we want to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from timing import Contestant, Result, race

OURS = "volume"
MB = 1e6
Results = Mapping[str, Result]


class Target(Protocol):
    """Where we want to be."""

    def verdict(self, results: Results) -> tuple[str, bool | None]:
        """Tell what was measured, and whether it is reached (None: nobody to compare with)."""


@dataclass(frozen=True)
class Faster:
    """At least so many times faster than another; below 1, that much slower at most."""

    times: float
    than: str

    def __str__(self) -> str:
        if self.times < 1:
            return f"within {1 / self.times:g}x of {self.than}"
        many = f"at least {self.times:g}x faster than" if self.times > 1 else "not slower than"
        return f"{many} {self.than}"

    def verdict(self, results: Results) -> tuple[str, bool | None]:
        ours, other = results[OURS], results.get(self.than)
        if other is None or not other.seconds or not ours.seconds:
            return "not measured", None
        ratio = other.second / ours.second
        told = f"{ratio:.3g}x faster" if ratio >= 1 else f"{1 / ratio:.3g}x slower"
        return told, ratio >= self.times


@dataclass(frozen=True)
class AtMost:
    """No more seconds or bytes than a number."""

    limit: float
    measure: str
    """"second" or "peak"."""

    def __str__(self) -> str:
        return f"at most {_figure(self.measure, self.limit)}"

    def verdict(self, results: Results) -> tuple[str, bool | None]:
        value = getattr(results[OURS], self.measure)
        if value != value:
            return "not measured", None
        return _figure(self.measure, value), value <= self.limit


@dataclass(frozen=True)
class NotLarger:
    """A file of at most so many times the size of another's."""

    times: float
    than: str

    def __str__(self) -> str:
        return f"at most {self.times - 1:.0%} larger than {self.than}'s"

    def verdict(self, results: Results) -> tuple[str, bool | None]:
        ours, other = results[OURS].size, getattr(results.get(self.than), "size", 0)
        if not ours or not other:
            return "not measured", None
        return f"{ours / other - 1:+.1%}", ours <= self.times * other


@dataclass(frozen=True)
class Row:
    """Some work and who does it."""

    work: str
    contestants: Sequence[Contestant]
    targets: Sequence[Target] = ()
    notes: Sequence[str] = ()
    rounds: int = 7
    watch: bool = False
    """Memory is what counts: it is watched in every round, and the times are not told."""
    answer_of: Callable[[Path], str] | None = None

    def run(self, rounds: int | None = None) -> Measured:
        """Run the race."""
        return Measured(
            self, race(self.contestants, rounds or self.rounds, self.answer_of, self.watch)
        )


@dataclass(frozen=True)
class Measured:
    """A row and its results."""

    row: Row
    results: Results

    @property
    def verdicts(self) -> list[str]:
        """Tell of every target whether it is reached."""
        return [f"{target}: {_told(*target.verdict(self.results))}" for target in self.row.targets]

    def markdown(self) -> str:
        """Tell everything that was measured."""
        lines = [f"### {self.row.work}", "", *self._table(), ""]
        lines += [f"- {verdict}" for verdict in self.verdicts]
        lines += [f"- {note}" for note in (*self.row.notes, *self._odd())]
        return "\n".join(lines) + "\n"

    def _table(self) -> list[str]:
        sized = any(result.size for result in self.results.values())
        columns = ["tool"] + ([] if self.row.watch else TIMES) + ["peak memory"]
        columns += ["size"] if sized else []
        lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
        for name, result in self.results.items():
            if not result.failure:
                cells = [name] + ([] if self.row.watch else self._times(result))
                cells += [megabytes(result.peak)] + ([megabytes(result.size)] if sized else [])
                lines.append(f"| {' | '.join(cells)} |")
        return lines

    def _times(self, result: Result) -> list[str]:
        low, high = min(result.seconds), max(result.seconds)
        ours = self.results.get(OURS)
        ratio = f"{result.second / ours.second:.2f}" if ours and ours.seconds else ""
        span = f"{seconds(low)} to {seconds(high)} ({len(result.seconds)})"
        return [seconds(result.second), span, seconds(sum(result.cpu) / len(result.cpu)), ratio]

    def _odd(self) -> list[str]:
        """Tell who failed, and whose answer is not ours."""
        failed = [f"{n} failed: {r.failure}" for n, r in self.results.items() if r.failure]
        told = {name: r.answer for name, r in self.results.items() if r.answer}
        right = told.get(OURS, "")
        others = [f"{n} gave {a}, volume {right}" for n, a in told.items() if right and a != right]
        same = [f"all gave the same: {right}"] if len(told) > 1 and right and not others else []
        return failed + others + same


TIMES = ["median", "from, to (rounds)", "CPU", "times volume's"]


def seconds(value: float) -> str:
    """Show a time, in as many digits as mean something."""
    if value != value:
        return "-"
    return f"{value:.3f} s" if value < 1 else f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def megabytes(count: float) -> str:
    """Show an amount of memory or of file."""
    if count != count:
        return "-"
    return f"{count / MB:,.0f} MB" if count >= 100 * MB else f"{count / MB:.1f} MB"


def _figure(measure: str, value: float) -> str:
    return seconds(value) if measure == "second" else megabytes(value)


def _told(measured: str, reached: bool | None) -> str:
    return measured if reached is None else f"{measured}, {'reached' if reached else 'not reached'}"
