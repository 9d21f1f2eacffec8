"""Nothing is sent or looked up: all works where there is no network."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from phantom import phantom

GUARDED = """
import sys

def refuse(event, arguments):
    if event in EVENTS and not is_a_probe(event, arguments):
        sys.stderr.write(f"the network was asked for: {event} {arguments[1:]}\\n")
        raise PermissionError(event)

def is_a_probe(event, arguments):  # urllib3, which pydicom imports, asks itself for IPv6 so
    return event == "socket.bind" and arguments[1] in {("::1", 0), ("localhost", 0)}

import socket
EVENTS = {
    "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname",
    "socket.gethostbyaddr", "socket.getnameinfo", "socket.sendto", "socket.sendmsg",
    "urllib.Request", "http.client.connect", "smtplib.connect", "ftplib.connect",
}
sys.addaudithook(refuse)
if sys.argv[1:] == ["--prove"]:
    socket.create_connection(("127.0.0.1", 9))
from volume.cli import main
main()
"""


@functools.cache
def alone() -> list[str]:
    """Give what takes the network away from a command, where that may be done."""
    line = ["unshare", "-n"]
    try:
        return line if subprocess.run([*line, "true"], capture_output=True).returncode == 0 else []
    except OSError:
        return []


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*alone(), sys.executable, "-c", GUARDED, *arguments],
        cwd=folder,
        env={name: text for name, text in os.environ.items() if name != "DISPLAY"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("offline")
    phantom(folder / "series", size=(40, 32, 24), transfer_syntax="rle", drop=(7,))
    return folder


@pytest.mark.parametrize(
    "line",
    [
        "info series",
        "info series --json",
        "export series head.nii.gz --gaps fill --spacing 1",
        "mesh series skull.stl --gaps fill --level 0",
        "view series --screenshot head.png --size 640,480",
    ],
)
def test_it_works_without_a_network_and_asks_for_none(folder, line):
    done = run(folder, *line.split())
    assert done.returncode == 0, done.stderr
    assert "network" not in done.stderr


def test_what_asks_for_the_network_would_be_seen(folder):
    done = run(folder, "--prove")
    assert done.returncode != 0
    assert "the network was asked for" in done.stderr
