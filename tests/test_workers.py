"""A decoder that aborts, stalls, swells or babbles fails its frame, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames

import volume
from phantom import phantom
from volume.dicom import decoder_process, pixels, workers
from volume.dicom.copied_decoder import CopiedDecoder
from volume.dicom.shared_array import SharedArray
from volume.progress import Silent

SMALL = {"size": (12, 10, 6)}
MARK = b"mark of a bad frame!"
CHILD = """
    import sys
    from volume.dicom import decoder_process
    real = decoder_process.decode_frame
    def decode(data, *how):
        if {mark!r} in data:
            {deed}
        return real(data, *how)
    decoder_process.decode_frame = decode
    decoder_process.main(sys.argv[1], int(sys.argv[2]))
"""


@pytest.fixture(params=["started", "copied"])
def decoder(request, monkeypatch):
    """Have children do to a marked frame what a codec may do to a damaged one.

    They are started anew, or begin as copies of this process, as those of the command line do.
    """

    def copied(deed: str) -> None:
        real = decoder_process.decode_frame

        def decode(data: bytes, *how: object) -> object:
            if MARK in data:
                exec(deed)  # noqa: S102 it is ours
            return real(data, *how)

        monkeypatch.setattr(decoder_process, "decode_frame", decode)
        monkeypatch.setattr(workers, "can_be_copied", lambda: True)

    def does(deed: str) -> None:
        if request.param == "copied":
            copied(deed)
        code = textwrap.dedent(CHILD).format(mark=MARK, deed=deed)
        command = lambda *how: [sys.executable, "-c", code, *map(str, how)]  # noqa: E731
        monkeypatch.setattr(workers, "command", command)

    return does


def mark(path: Path, frames: range) -> None:
    """Put a comment into the codestreams of some frames of a file."""
    dataset = pydicom.dcmread(path)
    count = int(dataset.get("NumberOfFrames", 1))
    comment = b"\xff\xfe" + (len(MARK) + 2).to_bytes(2, "big") + MARK
    streams = list(generate_frames(dataset.PixelData, number_of_frames=count))
    marked = [s[:2] + comment * (n in frames) + s[2:] for n, s in enumerate(streams)]
    dataset.PixelData = encapsulate(marked)
    dataset.save_as(path)


DEEDS = {
    "aborts": ("import os; os.abort()", "it ended its decoder"),
    "leaves": ("import os; os._exit(0)", "it ended its decoder"),
    "sleeps": ("import time; time.sleep(60)", "did not finish within 2 s"),
    "spins": ("exec('while True: pass')", "did not finish within 2 s"),
    "swells": ("bytearray(4 << 30)", "needs more memory than it may take"),
    "panics": ("raise SystemExit('no Exception')", "the decoder failed (SystemExit)"),
    "babbles": ("import os; os.write(1, b'{}\\n' * 9); raise OSError(5, 'EIO')", "cannot be read"),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_the_bad_frame_is_named_and_the_others_are_read(deed, decoder, tmp_path):
    what, reason = DEEDS[deed]
    truth = phantom(tmp_path, **SMALL, transfer_syntax="jpeg-ls")
    mark(truth.paths[5], range(1))
    decoder(what)
    with pytest.raises(volume.PixelError) as refusal:
        volume.load(tmp_path, limits="seconds=2")
    assert reason in str(refusal.value)
    assert "more slice" not in str(refusal.value)
    assert refusal.value.path == str(truth.paths[5])
    made = volume.load(tmp_path, gaps="largest", limits="seconds=2")
    assert made.array.shape[0] == 5
    assert truth.error_mm(made.array, made.geometry.affine) <= 0.12
    assert truth.paths[5].name in {name for f in made.findings for name in f.files}


def test_a_file_whose_frames_stall_gets_ever_less_and_is_given_up(decoder, tmp_path, monkeypatch):
    truth = phantom(tmp_path, **SMALL, transfer_syntax="jpeg-ls", enhanced=True)
    mark(truth.paths[0], range(6))
    decoder("import time; time.sleep(60)")
    monkeypatch.setattr(workers.os, "cpu_count", lambda: 1)
    exchange, given = workers._exchange, []

    def listen(child, request, seconds, watchdog):
        given.extend([] if request is None else [seconds])
        return exchange(child, request, seconds, watchdog)

    monkeypatch.setattr(workers, "_exchange", listen)
    with pytest.raises(volume.PixelError, match="5 more slices"):
        volume.load(tmp_path, limits="seconds=2")
    assert [round(seconds) for seconds in given] == [2, 1, 1]


def test_one_bad_frame_of_a_file_leaves_the_others(decoder, tmp_path):
    truth = phantom(tmp_path, **SMALL, transfer_syntax="jpeg-ls", enhanced=True)
    mark(truth.paths[0], range(5, 6))
    decoder("import os; os.abort()")
    made = volume.load(tmp_path, gaps="largest")
    assert made.array.shape[0] == 5
    assert truth.error_mm(made.array, made.geometry.affine) <= 0.12


def test_a_child_ends_by_itself_when_nobody_is_left_to_end_it(decoder, tmp_path):
    truth = phantom(tmp_path, **SMALL, transfer_syntax="jpeg-ls")
    mark(truth.paths[0], range(1))
    decoder("import time; time.sleep(60)")
    header = volume.scan(tmp_path).stacks[0].slices[0]
    memory = SharedArray((1, 10, 12), np.dtype("<u2"))
    request = {
        "path": str(truth.paths[0]),
        "fragments": [[0, 0, truth.paths[0].stat().st_size]],
        "layout": asdict(header.pixels),
        "rows": 10,
        "columns": 12,
        "dtype": "<u2",
        "at": 0,
        "seconds": 0.5,
    }
    child = subprocess.Popen(
        workers.command(memory.address, 240),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=memory.pass_fds,
        env=workers.environment(),
    )
    with child:
        assert child.stdin is not None
        child.stdin.write(json.dumps(request).encode() + b"\n")
        child.stdin.flush()
        assert child.wait(timeout=30) != 0
    memory.close()


CELL = """
import asyncio, sys
import volume
async def cell():  # what a notebook runs stands inside a loop
    return volume.load(sys.argv[1])
ct = asyncio.run(cell())
print(ct.array.shape)
"""


@pytest.mark.parametrize("how", ["-", "-c"])
def test_frames_are_decoded_without_a_main_module_that_a_child_could_import(how, tmp_path):
    """As from a notebook, or from a script without a main guard."""
    phantom(tmp_path, **SMALL, transfer_syntax="jpeg-lossless")
    words = ["-c", CELL] if how == "-c" else ["-"]
    command = [sys.executable, "-W", "error", *words, str(tmp_path)]
    done = subprocess.run(command, input=CELL, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "(6, 10, 12)", done.stderr


@pytest.mark.parametrize("how", ["started", "copied"])
def test_what_fails_after_a_frame_was_decoded_fails_the_volume(how, tmp_path, monkeypatch):
    """Frames that nobody came to decode would be zeros, and nothing would tell."""

    class Broken:
        total: float | None = None

        def update(self, n: int = 1) -> None:
            raise RuntimeError("the bar is broken")

        def close(self) -> None:
            pass

    monkeypatch.setattr(workers, "can_be_copied", lambda: how == "copied")
    phantom(tmp_path, **SMALL, transfer_syntax="jpeg-ls")
    with pytest.raises(RuntimeError, match="the bar is broken"):
        volume.load(tmp_path, progress=Broken())


@pytest.fixture
def copied():
    memory = SharedArray((1, 10, 12), np.dtype("<u2"))
    children: list[CopiedDecoder] = []

    def begin() -> CopiedDecoder:
        children.append(CopiedDecoder(memory.address, 240, memory.pass_fds))
        assert children[-1].stdout.readline() == workers.READY
        return children[-1]

    yield begin
    for child in children:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()
    memory.close()


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="there are no copies elsewhere")


@LINUX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=["Ctrl-C", "nohup"])
def test_a_copied_decoder_ignores_what_its_parent_ignores(number, copied):
    """As in the background of a script, whose Ctrl-C is not for it; frames would be lost."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        deaf = copied()
        signal.signal(number, signal.SIG_DFL)
        hears = copied()
    finally:
        signal.signal(number, before)
    for child in (deaf, hears):
        os.kill(child.pid, number)
    assert hears.wait() == -number
    deaf.kill()
    assert deaf.wait() == -signal.SIGKILL


@LINUX
def test_two_threads_may_wait_for_a_copied_decoder(copied):
    """As on Ctrl-C: who waits for an answer, and who ends them all."""
    child = copied()
    with ThreadPoolExecutor(2) as pool:
        waits = [pool.submit(child.wait) for _ in range(2)]
        time.sleep(0.1)
        child.kill()
    assert -signal.SIGKILL in {wait.result() for wait in waits}


def test_failures_are_told_in_the_order_of_the_slices(decoder, tmp_path, monkeypatch):
    """Whichever decoder is done first."""
    truth = phantom(tmp_path, **SMALL, transfer_syntax="jpeg-ls", enhanced=True)
    mark(truth.paths[0], range(6))
    decoder("raise ValueError")
    right, asked = workers._Worker._ask, []

    def slow_at_first(self: workers._Worker, request: workers.Request) -> workers.Reply:
        asked.append(request)
        if len(asked) == 1:
            time.sleep(1)
        return right(self, request)

    monkeypatch.setattr(workers.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(workers._Worker, "_ask", slow_at_first)
    faults = pixels.read_pixels(volume.scan(tmp_path).stacks[0].slices, Silent()).faults
    assert list(faults) == [0, 1, 2, 3, 4, 5]
