"""Pipes, links that loop and thousands of other files beside a series change nothing."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from phantom import Phantom, phantom

HANGS_S = 10
"""A program that takes longer has stopped at something."""


def beside_a_pipe(folder: Path) -> None:
    os.mkfifo(folder / "0-pipe")
    (folder / "link-to-pipe").symlink_to("0-pipe")


def beside_a_socket(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path is short
        try:
            one.bind("socket")
        finally:
            os.chdir(here)


def beside_a_device(folder: Path) -> None:
    (folder / "endless").symlink_to("/dev/zero")


def beside_a_link_to_nothing(folder: Path) -> None:
    (folder / "0-dangling.dcm").symlink_to("nowhere")


def beside_links_that_loop(folder: Path) -> None:
    (folder / "0-a").symlink_to("0-b")
    (folder / "0-b").symlink_to("0-a")
    (folder / "itself").symlink_to("itself")


def inside_a_link_to_its_parent(folder: Path) -> None:
    (folder / "0-up").symlink_to("..")
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "deep" / "deeper" / "top").symlink_to(folder)


def twice_by_a_link(folder: Path) -> None:
    (folder / "deep").mkdir()
    for path in sorted(folder.iterdir())[:5]:
        if path.is_file():
            path.rename(folder / "deep" / path.name)
    (folder / "0-again").symlink_to("deep")


def beside_a_folder_that_cannot_be_opened(folder: Path) -> None:
    (folder / "closed").mkdir(mode=0)


def beside_thousands_of_texts(folder: Path) -> None:
    (folder / "texts").mkdir()
    for n in range(2000):
        (folder / "texts" / f"{n}.txt").write_text(f"note {n}\n" * (1 + n % 30))


def beside_deep_folders(folder: Path) -> None:
    folder.joinpath(*"d" * 150).mkdir(parents=True)


SURROUNDINGS = [
    beside_a_pipe,
    beside_a_socket,
    beside_a_device,
    beside_a_link_to_nothing,
    beside_links_that_loop,
    inside_a_link_to_its_parent,
    twice_by_a_link,
    beside_a_folder_that_cannot_be_opened,
    beside_thousands_of_texts,
    beside_deep_folders,
]


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> tuple[Phantom, bytes, int]:
    """Give a series, what is exported of it alone, and how many files are used."""
    truth = phantom(tmp_path_factory.mktemp("alone") / "series", size=(24, 20, 9))
    written, told = export(truth.folder, truth.folder.parent / "head.nrrd")
    return truth, written, told["used"]


def export(folder: Path, output: Path) -> tuple[bytes, dict[str, int]]:
    """Export a folder, with no more rights than anyone, and give the file and the counts."""
    line = [sys.executable, "-m", "volume"]
    if os.geteuid() == 0 and shutil.which("setpriv"):
        line = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *line]
    for arguments in (("export", folder, output), ("info", folder, "--json")):
        done = subprocess.run(
            [*line, *map(str, arguments)], capture_output=True, text=True, timeout=HANGS_S
        )
        assert done.returncode == 0, done.stderr
    return output.read_bytes(), json.loads(done.stdout)["files"]


@pytest.mark.parametrize("surround", SURROUNDINGS)
def test_a_series_is_the_same(alone, tmp_path, surround: Callable[[Path], None]):
    truth, written, used = alone
    folder = tmp_path / "series"
    shutil.copytree(truth.folder, folder)
    surround(folder)
    again, told = export(folder, tmp_path / "head.nrrd")
    assert again == written
    assert told["used"] == used
    assert told["failed"] == 0


def test_what_is_no_file_is_named(tmp_path):
    truth = phantom(tmp_path / "series", size=(24, 20, 9))
    for surround in (beside_a_pipe, beside_a_socket, beside_a_device, beside_links_that_loop):
        surround(truth.folder)
    done = info(truth.folder, "--json")
    named = {
        name
        for finding in json.loads(done.stdout)["findings"]
        if finding["code"] == "special-file"
        for name in finding["files"]
    }
    assert named == {"0-pipe", "link-to-pipe", "socket", "endless", "0-a", "0-b", "itself"}


def info(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "volume", "info", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=HANGS_S)


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_a_source_that_is_no_file_is_refused_at_once(tmp_path, kind):
    make = {"pipe": beside_a_pipe, "socket": beside_a_socket, "device": beside_a_device}[kind]
    make(tmp_path)
    (source,) = [path for path in tmp_path.iterdir() if not path.name.startswith("link")]
    done = info(source)
    assert done.returncode == 3
    assert "not a regular file" in done.stderr
