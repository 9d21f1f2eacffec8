"""Everywhere a person meets the program it says what it is for, and what it is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import volume
from phantom import phantom
from test_gl import needs_gl

ROOT = Path(__file__).parent.parent


def says_it(text: str) -> bool:
    words = " ".join(text.replace("*", "").replace(">", "").split()).lower()
    return all(
        part in words
        for part in ("for research and teaching", "not a medical device", "not for diagnosis")
    )


@pytest.mark.parametrize("name", ["README.md", "SECURITY.md"])
def test_the_pages_say_what_it_is_not(name):
    assert says_it((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("flag", ["--version", "--help"])
def test_the_command_says_what_it_is_not(flag):
    command = [sys.executable, "-m", "volume", flag]
    assert says_it(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_the_library_says_what_it_is_not():
    assert says_it(volume.__doc__ or "")


@needs_gl
@pytest.mark.parametrize("size", [(1000, 700), (1600, 1000)])
def test_the_window_says_what_it_is_not(tmp_path, drawn, size):
    from volume.viewer.first_scene import scene_of
    from volume.viewer.window import Window

    phantom(tmp_path, size=(10, 8, 6))
    head = volume.load(tmp_path)
    window = Window(head, scene_of(head), size=size, off_screen=True)
    window.draw()
    window.close()
    assert any(map(says_it, drawn))
