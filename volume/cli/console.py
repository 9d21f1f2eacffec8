"""What is said on the terminal: nothing from a file reaches it unescaped."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from volume.errors import SeriesChoiceError, VolumeError
from volume.escaping import LABEL, escape
from volume.findings import Finding, Severity, word_remedy

INDENT = " " * 8
CHOICES_SHOWN = 20
"""So many volumes to choose from are listed as commands; a film may have a thousand."""
PATIENCE_S = 1.0
"""Work that is over sooner shows no bar."""


def say(text: str = "") -> None:
    """Say a line on stderr."""
    sys.stderr.write(f"{text}\n")


def say_forecast(text: str, *, quiet: bool) -> None:
    """Say what memory is about to be taken, where there is something to say."""
    if text and not quiet:
        say(text)


def word_error(fault: VolumeError) -> str:
    """Word an error as three lines, escaped already: what, where, the way out."""
    first, *rest = fault.lines(for_shell=True)
    lines = [f"volume: {first}", *(f"{INDENT}{line}" for line in rest)]
    return "\n".join(lines) + "\n"


def word_choices(fault: SeriesChoiceError, arguments: Sequence[str]) -> str:
    """List the volumes there are, each as the command to paste."""
    flag = f"--{fault.remedy[0]}" if isinstance(fault.remedy, tuple) else "--series"
    kept = [
        argument
        for n, argument in enumerate(arguments)
        if argument.partition("=")[0] != flag and (n == 0 or arguments[n - 1] != flag)
    ]
    lines = []
    for choice in fault.choices[:CHOICES_SHOWN]:
        size = " x ".join(map(str, choice.size))
        command = shlex.join(["volume", *kept, flag, choice.id])
        remark = f"{size} {escape(choice.description, LABEL)}"
        lines.append(f"{INDENT}{escape(command)}    # {remark}".rstrip())
    if len(fault.choices) > CHOICES_SHOWN:
        left = len(fault.choices) - CHOICES_SHOWN
        lines.append(f"{INDENT}and {left} more, to {fault.choices[-1].id}")
    return "".join(f"{line}\n" for line in lines)


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(document, ensure_ascii=True, allow_nan=False, indent=1) + "\n")


def say_findings(findings: Iterable[Finding], *, least: Severity = Severity.WARNING) -> None:
    """Say findings on stderr, from a severity upwards."""
    order = list(Severity)
    for finding in findings:
        if order.index(finding.severity) >= order.index(least):
            say(f"{finding.severity}: {escape(finding.message)} [{finding.code}]")


def word_finding(finding: Finding) -> str:
    """Word a finding on one line, with its way out."""
    way = word_remedy(finding.remedy, for_shell=True)
    return escape(finding.message + (f"; {way}" if way else ""))


class Bar:
    """A progress bar on stderr, for work that takes more than a second."""

    def __init__(self, label: str, *, hidden: bool) -> None:
        self.total: float | None = None
        self._label = label
        self._hidden = hidden or not sys.stderr.isatty()
        self._done = 0
        self._started = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def update(self, n: int = 1) -> None:
        """Say that `n` more steps are done."""
        self._done += n
        if self._hidden:
            return
        if self._bar is None and time.monotonic() - self._started > PATIENCE_S:
            self._show()
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, total=self.total)

    def close(self) -> None:
        """Take the bar away."""
        self._hidden = True
        if self._bar is not None:
            with suppress(Exception):  # a terminal that has gone is no reason to fail
                self._bar.stop()
            self._bar = None

    def _show(self) -> None:
        from rich.console import Console
        from rich.markup import escape as without_markup
        from rich.progress import Progress

        self._bar = Progress(console=Console(stderr=True), transient=True)
        label = without_markup(escape(self._label, LABEL))
        self._task = self._bar.add_task(label, total=self.total, completed=self._done)
        self._bar.start()
