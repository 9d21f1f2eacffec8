"""What the README tells people to type works: its Python and shell blocks run here.

They run one after another in a folder that holds `series_dir/` (the sample CT) and `study/`
(series 3 and 4). A shell line that ends in `# exits 4` is expected to.
"""

from __future__ import annotations

import gzip
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import volume
from phantom import phantom
from volume.dicom.sample import write_sample

README = Path(__file__).parents[1] / "README.md"
NOT_RUN = {"make", "git", "pip", "python3", "cd", "sudo"}
"""Setting up is tested elsewhere (test_setup.py)."""


def blocks(text: str, language: str) -> list[str]:
    """Give the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def commands(block: str) -> Iterator[tuple[list[str], int]]:
    """Give each command of a shell block as words, and the exit code it should have."""
    for line in block.replace("\\\n", " ").splitlines():
        exits = re.search(r"#.*exits (\d+)", line)
        words = shlex.split(line.removeprefix("$ "), comments=True)
        if words:
            yield words, int(exits[1]) if exits else 0


def needs_a_window(words: list[str]) -> bool:
    return words[1] == "view" and "--screenshot" not in words


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    write_sample(folder / "series_dir")
    phantom(folder / "study", series=3, description="Thick")
    phantom(folder / "study", series=4, description="Oblique", orientation="oblique")
    shutil.make_archive(str(folder / "study"), "zip", folder / "study")
    slices = sorted(path for path in (folder / "study").rglob("*") if path.is_file())
    (folder / "IM0001.dcm.gz").write_bytes(gzip.compress(slices[0].read_bytes()))
    return folder


def test_the_python_of_the_readme_runs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    shown = []
    monkeypatch.setattr(volume, "view", lambda *what, **how: shown.append(what))
    names: dict[str, object] = {}
    for block in blocks(README.read_text("utf-8"), "python"):
        exec(compile(block, README.name, "exec"), names)  # noqa: S102 it is our own README


def test_the_commands_of_the_readme_run(folder):
    program = Path(sys.executable).with_name("volume")
    without_display = {name: text for name, text in os.environ.items() if name != "DISPLAY"}
    for block in blocks(README.read_text("utf-8"), "sh"):
        for words, exits in commands(block):
            if words[0] in NOT_RUN or needs_a_window(words):
                continue
            assert words[0] == "volume", f"the README runs {words[0]}: say here what to do about it"
            done = subprocess.run(
                [program, *words[1:]],
                cwd=folder,
                env=without_display,
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=120,
            )
            assert done.returncode == exits, f"{shlex.join(words)}\n{done.stderr}"


def test_blocks_and_commands_are_found():
    text = """
```sh
make demo            # not run
$ volume info a/     # every series
volume export a/ \\
    'b c.nii.gz'     # exits 4
```
```python
x = 1
```
"""
    (shell,) = blocks(text, "sh")
    assert list(commands(shell)) == [
        (["make", "demo"], 0),
        (["volume", "info", "a/"], 0),
        (["volume", "export", "a/", "b c.nii.gz"], 4),
    ]
    assert blocks(text, "python") == ["x = 1\n"]
    assert needs_a_window(["volume", "view", "a/"])
    assert not needs_a_window(["volume", "view", "a/", "--screenshot", "a.png"])
