"""Stretches of a surface that child processes collapse: with them or without, the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from test_decimation import bumpy
from volume.processing import decimation, stretches
from volume.processing.decimation import _reduce
from volume.processing.nearness import Reduced, unreduced


@pytest.fixture(autouse=True)
def _small_stretches(monkeypatch):
    monkeypatch.setattr(decimation, "AT_A_TIME", 2500)


def reduced(monkeypatch, children: int, cpus: int = 8) -> Reduced:
    monkeypatch.setattr(stretches, "MOST_CHILDREN", children)
    monkeypatch.setattr(os, "cpu_count", lambda: cpus)
    return _reduce(unreduced(*bumpy()), 0.9)


def assert_same(one: Reduced, other: Reduced) -> None:
    for name in ("points", "faces", "became", "source"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


@pytest.fixture
def _patient(monkeypatch):
    """Let this process wait for the children before it takes a stretch that is theirs."""
    real = stretches._waited
    monkeypatch.setattr(stretches, "_is_free", lambda *_: False)
    done: list[set[int]] = []
    monkeypatch.setattr(stretches, "_waited", lambda *a: done.append(real(*a)) or done[-1])
    return done


@pytest.mark.parametrize("children", [1, 2, 3])
def test_the_number_of_children_changes_nothing(monkeypatch, _patient, children):
    alone = reduced(monkeypatch, 0)
    assert not _patient
    assert_same(reduced(monkeypatch, children), alone)
    assert len(_patient[0]) > 1  # the children did some


@pytest.mark.parametrize(
    "body",
    [
        "import sys; sys.exit(1)",
        "import os; os.kill(os.getpid(), 9)",
        "import sys; sys.stdin.readline(); print('0', end='', flush=True)",
        "raise ImportError('no such library')",
    ],
)
def test_a_child_that_fails_changes_nothing(monkeypatch, _patient, body):
    alone = reduced(monkeypatch, 0)
    monkeypatch.setattr(stretches, "command", lambda _: [sys.executable, "-c", body])
    assert_same(reduced(monkeypatch, 2), alone)
    assert _patient == [set()]


def test_a_child_killed_within_a_stretch_changes_nothing(monkeypatch, _patient):
    """It dies with its second stretch half written: the places of its points are others."""
    alone = reduced(monkeypatch, 0)
    body = (
        "import os, sys\n"
        "from volume.processing import stretch_process as own\n"
        "real, calls = own.collapse, []\n"
        "def collapse(points, *more, **options):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 2:\n"
        "        points[:] = 1e6\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return real(points, *more, **options)\n"
        "own.collapse = collapse\n"
        "own.main(sys.argv[1])\n"
    )
    monkeypatch.setattr(stretches, "command", lambda at: [sys.executable, "-P", "-c", body, at])
    assert_same(reduced(monkeypatch, 1), alone)
    assert _patient == [{0}]


def test_a_child_that_stalls_is_ended(monkeypatch, _patient):
    alone = reduced(monkeypatch, 0)
    monkeypatch.setattr(stretches, "PATIENCE_S", 0.5)
    body = "import time; time.sleep(600)"
    monkeypatch.setattr(stretches, "command", lambda _: [sys.executable, "-c", body])
    assert_same(reduced(monkeypatch, 1), alone)


def test_no_child_can_be_started(monkeypatch):
    alone = reduced(monkeypatch, 0)
    monkeypatch.setattr(stretches, "command", lambda _: ["/nowhere/python"])
    assert_same(reduced(monkeypatch, 2), alone)


def test_it_runs_from_a_script_without_a_main_guard(tmp_path):
    """And a file in the current folder that has a library's name is not run."""
    (tmp_path / "fast_simplification.py").write_text("raise SystemExit('a stranger')")
    script = tmp_path / "script"
    script.mkdir()
    (script / "own.py").write_text(
        "import os, sys\n"
        f"sys.path.append({str(Path(__file__).parent)!r})\n"
        "os.cpu_count = lambda: 3\n"
        "from test_decimation import bumpy\n"
        "from volume.processing import decimation, stretches\n"
        "from volume.processing.nearness import unreduced\n"
        "stretches._is_free = lambda *_: False\n"
        "real = stretches._waited\n"
        "stretches._waited = lambda *a: print(len(done := real(*a))) or done\n"
        "decimation.AT_A_TIME = 2500\n"
        "decimation._reduce(unreduced(*bumpy()), 0.9)\n"
    )
    paths = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-P", script / "own.py"],
        cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1


def test_no_child_outlives_an_interruption(monkeypatch):
    started: list[subprocess.Popen[bytes]] = []
    real = stretches._start

    def start(*args):
        started.append(real(*args))
        return started[-1]

    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(stretches, "_start", start)
    monkeypatch.setattr(stretches, "collapse", interrupt)
    with pytest.raises(KeyboardInterrupt):
        reduced(monkeypatch, 2)
    assert len(started) == 2
    assert all(child.poll() == -signal.SIGKILL for child in started)


def test_bytes_that_children_see_hold_what_was_put_there():
    rng = np.random.default_rng(0)
    parts = [(rng.random((n, 3), "f4"), rng.integers(0, n, (2 * n, 3), "i4")) for n in (9, 17, 4)]
    shared = stretches._Shared(3, lambda n: parts[n], 40)
    for slot, (points, faces) in zip(shared.slots, parts, strict=True):
        there, own, corners = slot.arrays(shared.memory.array)
        np.testing.assert_array_equal(there, points)
        np.testing.assert_array_equal(corners, faces)
        assert len(own) == len(points)
    shared.memory.close()
