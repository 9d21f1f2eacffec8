"""Which tests may be skipped, and saying how many were."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

import shared_data

settings.register_profile("default", deadline=None)  # a test does not time
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI") == "true":
    settings.load_profile("ci")  # a red run must mean the change, not the draw


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Run the command line in this process; give (exit code, stdout, stderr)."""
    from volume.cli import main

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["volume", *map(str, arguments)])
        monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # which `main` sets
        handler = signal.getsignal(signal.SIGTERM)
        with pytest.raises(SystemExit) as left:
            main()
        signal.signal(signal.SIGTERM, handler)
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out, told.err

    return call


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the list of every text that is drawn from now on."""
    from volume.viewer import overlay

    texts: list[str] = []

    class Listened(overlay.vtkTextActor):
        def SetInput(self, text: str) -> None:  # noqa: N802 VTK's
            texts.append(text)
            super().SetInput(text)

    monkeypatch.setattr(overlay, "vtkTextActor", Listened)
    return texts


NO_X_SERVER = "no X server"
"""Begins the reason of a skip that root, who can install one, may not have."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--strict-skips",
        action="store_true",
        default=os.environ.get("CI") == "true",
        help="fail where a test is skipped for another reason than absent shared data",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = list(_skip_reasons(terminalreporter))
    absent = sum(reason.startswith(shared_data.ABSENT) for reason in reasons)
    terminalreporter.write_line(f"tests skipped because shared data are absent: {absent}")
    for reason in sorted(_refused(reasons)):
        terminalreporter.write_line(f"may not be skipped: {reason}", red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    strict = session.config.getoption("--strict-skips")
    if strict and reporter is not None and _refused(_skip_reasons(reporter)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _skip_reasons(reporter: pytest.TerminalReporter) -> Iterator[str]:
    for report in reporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        yield str(reason).removeprefix("Skipped: ")


def _refused(reasons: Iterator[str] | list[str]) -> set[str]:
    """Give the reasons for which no test may be skipped here."""
    allowed = [shared_data.ABSENT]
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        allowed.append(NO_X_SERVER)
    return {reason for reason in reasons if not reason.startswith(tuple(allowed))}
