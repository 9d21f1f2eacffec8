"""Ctrl-C, SIGTERM and SIGKILL: the program is gone soon, and so are its children."""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kills import contents, nameless_files
from phantom import phantom
from volume.cli import interruption
from volume.own_process import copying

SOON_S = 2.0
MARK = "VOLUME_TEST_RUN"
"""A variable of the environment, by which a child is known however it is started."""
DECODER = b"volume-decoder"
MOMENTS = 2
"""So often each verb is stopped by each signal."""
HAS_PROC = Path("/proc/self/environ").exists()


@dataclass(frozen=True)
class Verb:
    """What is run and stopped, what it writes undisturbed, and how long that takes."""

    arguments: tuple[str, ...]
    files: dict[str, bytes]
    lasts: float


@dataclass(frozen=True)
class End:
    """How a run ended that was sent a signal."""

    code: int
    after: float
    files: dict[str, bytes]
    said: str
    orphans: tuple[bytes, ...]


@pytest.fixture(scope="module")
def series(tmp_path_factory) -> Path:
    """Write a compressed series, so that there are decoders to leave behind."""
    folder = tmp_path_factory.mktemp("compressed") / "series"
    phantom(folder, size=(128, 112, 60), gradient=(1, 1, 2), transfer_syntax="rle")
    return folder


@pytest.fixture(scope="module")
def verbs(series, tmp_path_factory) -> dict[str, Verb]:
    lines = {
        "export": ("export", str(series), "head.nii.gz"),
        "mesh": ("mesh", str(series), "skull.stl", "--level", "0"),
        "view": ("view", str(series), "--screenshot", "head.png", "--size", "640,480"),
    }
    return {verb: _undisturbed(line, tmp_path_factory.mktemp(verb)) for verb, line in lines.items()}


def _undisturbed(arguments: tuple[str, ...], folder: Path) -> Verb:
    began = time.monotonic()
    with _started(arguments, folder, "undisturbed") as child:
        said = child.communicate()[1]
    assert child.returncode == 0, said
    return Verb(arguments, contents(folder), time.monotonic() - began)


def _started(
    arguments: tuple[str, ...], folder: Path, mark: str, **more: str
) -> subprocess.Popen[str]:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a child inherits "ignored"
    return subprocess.Popen(
        [sys.executable, "-m", "volume", *arguments],
        cwd=folder,
        env={**os.environ, MARK: mark, **more},
        stderr=subprocess.PIPE,
        text=True,
    )


def stop(
    verb: Verb,
    folder: Path,
    number: int,
    when: Callable[[subprocess.Popen[str], str], None],
    **more: str,
) -> End:
    """Run a verb, send it a signal when `when` returns, and see what is left."""
    mark = secrets.token_hex(8)
    with _started(verb.arguments, folder, mark, **more) as child:
        when(child, mark)
        sent = time.monotonic()
        child.send_signal(number)
        try:
            child.wait(30)
        finally:
            child.kill()
        after = time.monotonic() - sent
        orphans = _left_at(sent + SOON_S, mark)
        said = child.communicate()[1]
    return End(child.returncode, after, contents(folder), said, orphans)


def _left_at(deadline: float, mark: str) -> tuple[bytes, ...]:
    """Give the processes that bear a mark, at the latest when they should be gone."""
    while (there := tuple(_marked(mark))) and time.monotonic() < deadline:
        time.sleep(0.02)
    return there


def _marked(mark: str) -> Iterator[bytes]:
    wanted = f"{MARK}={mark}".encode()
    for folder in Path("/proc").iterdir() if HAS_PROC else ():
        try:
            if folder.name.isdigit() and wanted in (folder / "environ").read_bytes().split(b"\0"):
                yield (folder / "comm").read_bytes() + (folder / "cmdline").read_bytes()
        except OSError:  # it has gone meanwhile, or is another's
            continue


def at(seconds: float) -> Callable[[subprocess.Popen[str], str], None]:
    def wait(child: subprocess.Popen[str], _: str) -> None:
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    return wait


def when_decoding(child: subprocess.Popen[str], mark: str) -> None:
    """Wait until a decoder is at work."""
    until = time.monotonic() + 20
    while not any(DECODER in line for line in _marked(mark)):
        assert child.poll() is None, "it ended before a decoder was seen"
        assert time.monotonic() < until
        time.sleep(0.005)
    time.sleep(0.05)


def check(end: End, verb: Verb, number: int) -> None:
    """See that a run was gone in time, by the right code, leaving whole files and nobody."""
    assert end.after < SOON_S, end
    assert end.orphans == ()
    # before `main` was there, or once all was done, the signal itself ends Python: a shell
    # gives 128 + number for that as well
    assert end.code in (128 + number, -number) or (end.code == 0 and end.files == verb.files), end
    there = {name: content for name, content in end.files.items() if not name.startswith(".")}
    assert {name: verb.files.get(name) for name in there} == there
    assert len(there) == len(end.files) or (number == signal.SIGKILL and not nameless_files(Path()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("verb", ["export", "mesh", "view"])
def test_stopped_at_any_moment_it_is_gone_and_leaves_nothing(verbs, tmp_path, verb, number):
    draw = random.Random(f"{verb} {number:d}")
    for n in range(MOMENTS):
        folder = tmp_path / str(n)
        folder.mkdir()
        end = stop(verbs[verb], folder, number, at(draw.uniform(0.15, 1) * verbs[verb].lasts))
        check(end, verbs[verb], number)
        assert "Traceback" not in end.said


SLOW, STALL = (
    """
import time
from volume.dicom import decoding
decode_frame = decoding.decode_frame
decoding.decode_frame = lambda *a: (time.sleep(0.05), decode_frame(*a))[1]
""",
    """
import time
from volume.dicom import decoding
decoding.decode_frame = lambda *_: time.sleep(30)
""",
)


def with_decoders(code: str, folder: Path) -> str:
    """Give a PYTHONPATH on which decoders are changed, `folder / "out"` being for outputs."""
    (folder / "path").mkdir()
    (folder / "path" / "sitecustomize.py").write_text(code)
    (folder / "out").mkdir()
    return os.pathsep.join([str(folder / "path"), os.environ.get("PYTHONPATH", "")])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_while_it_decodes_it_takes_its_decoders_along(verbs, tmp_path, number):
    path = with_decoders(SLOW, tmp_path)
    when = when_decoding if HAS_PROC else at(verbs["export"].lasts)
    end = stop(verbs["export"], tmp_path / "out", number, when, PYTHONPATH=path)
    check(end, verbs["export"], number)
    assert end.files == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_decoders_that_are_stuck_in_a_frame_go_too(verbs, tmp_path, number):
    path = with_decoders(STALL, tmp_path)

    def when_stuck(child: subprocess.Popen[str], mark: str) -> None:
        at(1.5 * verbs["export"].lasts)(child, mark)
        assert child.poll() is None, "its decoders were not stuck"

    end = stop(verbs["export"], tmp_path / "out", number, when_stuck, PYTHONPATH=path)
    check(end, verbs["export"], number)
    assert end.files == {}


BUSY = """
import sys, time
import volume.cli
import volume.cli.program
class Busy:
    def main(self, **_):
        print("ready", flush=True)
        STEP
volume.cli.program.program = Busy()
volume.cli.main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "step",
    ["a.sort()", "lose(0.02, 400)", "confuse()"],
    ids=["one long step", "an exception that is lost", "one that becomes another"],
)
def test_what_cannot_be_interrupted_is_ended(number, step):
    prepare = {
        "a.sort()": "import numpy; a = numpy.random.default_rng(0).random(60_000_000)",
        "lose(0.02, 400)": LOSE,
        "confuse()": CONFUSE,
    }
    code = prepare[step] + BUSY.replace("STEP", step)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.1)
        sent = time.monotonic()
        child.send_signal(number)
        said = child.communicate()
    assert said == ("", "volume: interrupted; nothing half-written was left\n")
    assert child.returncode == 128 + number
    assert time.monotonic() - sent < SOON_S


LOSE = """
def lose(step, times):
    for _ in range(times):
        try:
            time.sleep(step)
        except BaseException:
            pass
"""
CONFUSE = """
def confuse():
    try:
        time.sleep(10)
    except BaseException:
        raise ImportError("a compiled module makes this of it")
"""


IMPORTED = """
import pathlib, time
try:
    print("importing", flush=True)
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        pass
    (pathlib.Path(__file__).parent / "unharmed").touch()
except BaseException:
    raise SystemExit(99)  # as a compiled module that is broken by it
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_import_is_left_alone_and_ended_behind_it(number, tmp_path, monkeypatch):
    """An exception within the import of a module of VTK was seen to crash the process."""
    (tmp_path / "delicate.py").write_text(IMPORTED)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    code = BUSY.replace("STEP", "import delicate; time.sleep(60)")
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert [child.stdout.readline() for _ in range(2)] == ["ready\n", "importing\n"]
        time.sleep(0.1)
        child.send_signal(number)
        _, said = child.communicate()
    assert said == "volume: interrupted; nothing half-written was left\n"
    assert child.returncode == 128 + number
    assert (tmp_path / "unharmed").exists()


def test_the_callers_own_answers_to_signals_come_back(monkeypatch, capsys):
    from volume.cli import main

    monkeypatch.setattr(sys, "argv", ["volume", "--version"])
    handler = signal.getsignal(signal.SIGTERM)
    threads = threading.active_count()
    with pytest.raises(SystemExit):
        main()
    signal.signal(signal.SIGTERM, handler)
    assert signal.set_wakeup_fd(-1) == -1
    time.sleep(0.1)
    assert threading.active_count() == threads


def test_a_signal_while_the_process_is_copied_is_answered_afterwards(monkeypatch):
    """What Python calls around a fork swallows exceptions: the Ctrl-C would be lost."""
    answer = interruption._Answer()
    with copying():
        answer(signal.SIGINT, None)
    assert not answer.was_raised
    with pytest.raises(KeyboardInterrupt):
        answer(signal.SIGINT, None)
