"""An output is whole or absent: kills, disks, other processes, hostile names."""

from __future__ import annotations

import errno
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import disks
import kills
from grids import noise, oblique
from kills import MESHES, SUFFIXES, contents
from phantom import phantom
from volume import draft
from volume.assembly.load import choices
from volume.errors import SelfCheckError, VolumeError
from volume.formats.files import export, read
from volume.formats.suffixes import FORMATS
from volume.surface import Mesh
from volume.viewer.picture import write_png


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def writing(path: Path, *options: str) -> list[str]:
    """Give the command that writes one file of `kills`."""
    return [sys.executable, "-W", "ignore", kills.__file__, "--write", str(path), *options]


def program(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "volume", *map(str, arguments)]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(program(*arguments), capture_output=True, text=True)


def triangle() -> Mesh:
    points = np.eye(3, dtype=np.float32)
    return Mesh(points, np.array([[0, 1, 2]], np.int32), points)


# kills


@pytest.fixture(scope="module")
def survivors(tmp_path_factory) -> dict[str, kills.Row]:
    return {row.suffix: row for row in kills.survive(count=5, seed=20261125)}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_killed_at_random_a_file_is_whole_or_absent_and_nothing_else_is_there(
    survivors, tmp_path, suffix
):
    row = survivors[suffix]
    assert row.broken == ()
    assert [name for name in row.left if _matters(name, tmp_path)] == []
    assert row.in_time > 0, "every kill came too late to prove anything"


@pytest.mark.parametrize("suffix", [".nii.gz", ".stl", ".png"])
def test_killed_at_any_step_a_file_is_whole_or_absent_and_nothing_else_is_there(tmp_path, suffix):
    row = kills.step_by_step(suffix)
    assert row.broken == ()
    assert [name for name in row.left if _matters(name, tmp_path)] == []
    assert 0 < row.whole < row.kills


def test_killed_at_any_step_of_replacing_a_file_is_the_new_one_or_the_older():
    row = kills.step_by_step(".nii.gz", overwrite=True)
    assert row.broken == ()
    assert [name for name in row.left if not name.startswith(".")] == []


def _matters(left: str, folder: Path) -> bool:
    """Say whether a left file is more than the hidden draft of a system without better ones."""
    return kills.nameless_files(folder) or not left.startswith(".")


def test_a_killed_command_leaves_whole_files_or_none(tmp_path):
    series = phantom(tmp_path / "series", size=(96, 80, 40), gradient=(1, 2, 3), drop=(7,))
    (tmp_path / "good").mkdir()
    began = time.monotonic()
    done = run("export", series.folder, tmp_path / "good" / "head.nii.gz", "--gaps", "fill")
    lasts = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    good = contents(tmp_path / "good")
    assert sorted(good) == ["head.json", "head.nii.gz", "head.valid.nii.gz"]
    draw = random.Random(7)
    for n in range(4):
        folder = tmp_path / f"run-{n}"
        folder.mkdir()
        child = subprocess.Popen(
            program("export", series.folder, folder / "head.nii.gz", "--gaps", "fill"),
            stderr=subprocess.DEVNULL,
        )
        time.sleep(draw.uniform(0.5, 1) * lasts)
        child.send_signal(signal.SIGKILL)
        child.wait()
        there = contents(folder)
        assert {name: good.get(name) for name in there if _matters(name, folder)} == there


# disks


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("disk", [disks.on_a_full_disk, disks.with_small_files])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, suffix, disk):
    folder = tmp_path / "small"
    folder.mkdir()
    done = disk(writing(folder / f"head{suffix}"), folder)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    told = done.stderr.splitlines()
    assert any("no space is left" in line or "grew larger" in line for line in told), told
    assert any("free some space" in line or "another disk" in line for line in told), told


@pytest.mark.parametrize("suffix", [".nii.gz", ".stl", ".png"])
def test_a_full_disk_keeps_the_older_file(tmp_path, suffix):
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / f"head{suffix}").write_text("older")
    shown = [sys.executable, "-c", f"print(open({str(folder / f'head{suffix}')!r}).read())"]
    line = "; ".join(
        map(disks.shlex.join, (writing(folder / f"head{suffix}", "--overwrite"), shown))
    )
    done = disks.on_a_full_disk(["bash", "-c", line], folder)
    assert done.stdout.splitlines() == ["older", f"head{suffix}"]
    assert "no space" in done.stderr or "grew larger" in done.stderr


def test_the_command_says_that_the_disk_is_full(tmp_path):
    series = phantom(tmp_path / "series", size=(160, 128, 40), gradient=(1, 2, 3))
    folder = tmp_path / "small"
    folder.mkdir()
    done = disks.on_a_full_disk(program("export", series.folder, folder / "head.nii"), folder)
    assert (done.returncode, done.stdout) == (1, "")
    first, where, way_out = done.stderr.splitlines()
    assert first.startswith("volume: ")
    assert where.strip() == str(folder / "head.nii")
    assert "another disk" in way_out


def test_a_folder_that_may_not_be_written_to_is_told(tmp_path):
    series = phantom(tmp_path / "series", size=(24, 20, 5))
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "head.nii").write_text("older")
    for name in ("new.nii", "head.nii"):
        command = program("export", series.folder, folder / name, "--overwrite")
        done = disks.in_a_folder_to_read(command, folder)
        assert (done.returncode, done.stdout) == (1, "head.nii\n"), done.stderr
        assert "only be read" in done.stderr or "not allowed here" in done.stderr
        assert "choose a folder you may write to" in done.stderr
    assert (folder / "head.nii").read_text() == "older"


class Failing(io.FileIO):
    """A file on a disk that fails after some bytes."""

    room = 1000

    def write(self, content: object) -> int:
        self.room -= memoryview(content).nbytes  # type: ignore[arg-type]
        if self.room < 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().write(content)  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("where", ["write", "fsync", "link"])
@pytest.mark.parametrize("older", [False, True])
def test_a_disk_that_fails_is_told_and_changes_nothing(tmp_path, monkeypatch, suffix, where, older):
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    output = tmp_path / f"head{suffix}"
    if older:
        output.write_text("older")
    if where == "write":
        monkeypatch.setattr(
            draft, "_stream", lambda handle: io.BufferedRandom(Failing(handle, "w+b"))
        )
    else:
        monkeypatch.setattr(os, where, fail)
    with pytest.raises(VolumeError, match="the disk failed while writing"):
        kills.write(output, overwrite=older)
    monkeypatch.undo()
    assert contents(tmp_path) == ({output.name: b"older"} if older else {})


# what was written is looked at again


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha", ".npz", *MESHES])
@pytest.mark.parametrize("change", ["cut", "emptied"])
def test_what_does_not_read_back_is_not_published(tmp_path, monkeypatch, suffix, change):
    real = FORMATS[suffix]

    def wrong(stream, *rest) -> None:
        real.write(stream, *rest)
        stream.truncate(stream.tell() // 2 if change == "cut" else 0)

    monkeypatch.setitem(FORMATS, suffix, replace(real, write=wrong))
    is_mesh = suffix in MESHES
    what = triangle() if is_mesh else noise(oblique((40, 40, 40)))
    with pytest.raises(VolumeError):
        export(what, tmp_path / f"head{suffix}")
    assert names(tmp_path) == []


@pytest.mark.parametrize("suffix", [".nii", ".npz", *MESHES])
def test_a_file_without_room_for_what_it_tells_is_not_published(tmp_path, monkeypatch, suffix):
    real = FORMATS[suffix]

    def wrong(stream, *rest) -> None:
        real.write(stream, *rest)
        stream.truncate(stream.seek(-1, os.SEEK_CUR))

    monkeypatch.setitem(FORMATS, suffix, replace(real, write=wrong))
    what = triangle() if suffix in MESHES else noise(oblique((40, 40, 40)))
    with pytest.raises(SelfCheckError):
        export(what, tmp_path / f"head{suffix}")
    assert names(tmp_path) == []


@pytest.mark.parametrize("suffix", MESHES)
def test_a_mesh_that_lost_triangles_is_not_published(tmp_path, monkeypatch, suffix):
    real = FORMATS[suffix]
    other = Mesh(triangle().points, np.zeros((0, 3), np.int32), triangle().normals)

    def wrong(stream, _, *rest) -> None:
        real.write(stream, other, *rest)

    monkeypatch.setitem(FORMATS, suffix, replace(real, write=wrong))
    with pytest.raises(SelfCheckError, match="same mesh"):
        export(triangle(), tmp_path / f"skull{suffix}")
    assert names(tmp_path) == []


@pytest.mark.parametrize("kept", [0, 7, 40, -1])
def test_a_picture_that_was_cut_short_is_not_published(tmp_path, monkeypatch, kept):
    class Short(io.BufferedRandom):
        def write(self, content: object) -> int:
            return super().write(bytes(content)[:kept])  # type: ignore[call-overload]

    monkeypatch.setattr(draft, "_stream", lambda handle: Short(io.FileIO(handle, "w+b")))
    with pytest.raises(SelfCheckError, match="picture"):
        write_png(tmp_path / "head.png", np.zeros((20, 30, 3), np.uint8))
    assert names(tmp_path) == []


# other processes


def test_of_two_commands_on_one_output_one_wins_and_the_other_is_told(tmp_path):
    series = phantom(tmp_path / "series", size=(96, 80, 30), gradient=(1, 2, 3))
    (tmp_path / "out").mkdir()
    output = tmp_path / "out" / "head.nii.gz"
    racers = [
        subprocess.Popen(
            program("export", series.folder, output), stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    told = {racer.communicate()[1]: racer.returncode for racer in racers}
    assert sorted(told.values()) == [0, 1]
    (refusal,) = (text for text, code in told.items() if code == 1)
    what, where, way_out = refusal.splitlines()
    assert what == "volume: the output is there already"
    assert Path(where.strip()) in (output, output.with_name("head.json"))
    assert "--overwrite" in way_out
    assert names(tmp_path / "out") == ["head.json", "head.nii.gz"]
    assert read(output).array.shape == (30, 80, 96)


def test_of_two_commands_that_replace_one_set_the_whole_set_is_of_one(tmp_path):
    for series in (3, 5):
        phantom(tmp_path / f"series-{series}", size=(64, 64, 20 + series), series=series, drop=(7,))
    (tmp_path / "out").mkdir()
    output = tmp_path / "out" / "head.nii"
    for _ in range(2):
        racers = [
            subprocess.Popen(
                program("export", source, output, "--gaps", "fill", "--overwrite", "-q")
            )
            for source in (tmp_path / "series-3", tmp_path / "series-5")
        ]
        assert [racer.wait() for racer in racers] == [0, 0]
        told = json.loads((tmp_path / "out" / "head.json").read_text())
        mask = read(tmp_path / "out" / "head.valid.nii.gz")
        sizes = {len(read(output).array), told["geometry"]["size"][2], len(mask.array)}
        assert len(sizes) == 1
        assert names(tmp_path / "out") == ["head.json", "head.nii", "head.valid.nii.gz"]


# the input is never written to


@pytest.fixture
def source(tmp_path) -> Path:
    """Give a folder that holds a series in `deep/`, which is also known as `link`."""
    phantom(tmp_path / "source" / "deep", size=(24, 20, 5))
    (tmp_path / "link").symlink_to("source/deep")
    return tmp_path / "source"


def verbs(source: Path, output: Path) -> dict[str, tuple[object, ...]]:
    return {
        "export": ("export", source, output.with_suffix(".nii")),
        "all": ("export", source, output, "--all"),
        "mesh": ("mesh", source, output.with_suffix(".stl"), "--level", "0"),
        "view": ("view", source, "--screenshot", output.with_suffix(".png")),
    }


@pytest.mark.parametrize("verb", ["export", "all", "mesh", "view"])
@pytest.mark.parametrize("place", ["source", "source/deep", "link", "source/deep/../new", "."])
@pytest.mark.parametrize("overwrite", [(), ("--overwrite",)])
def test_nothing_is_written_into_the_source(run, monkeypatch, source, verb, place, overwrite):
    monkeypatch.chdir(source.parent)
    if place == ".":
        monkeypatch.chdir(source / "deep")
    before = tree(source)
    code, _, err = run(*verbs(source, Path(place, "out"))[verb], *overwrite)
    assert code == 1
    what, where, way_out = err.splitlines()
    assert what == "volume: the output would lie inside the source, which is never written to"
    assert Path(where.strip()).parent == Path(place)
    assert way_out.strip() == "choose a folder beside it"
    assert tree(source) == before


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_all_does_not_write_into_the_source_itself(run, source):
    before = tree(source)
    for folder in (source, source.parent / "link", source / "deep"):
        code, _, err = run("export", source, folder, "--all", "--overwrite")
        assert code == 1
        assert "never written to" in err
    assert tree(source) == before


def test_a_folder_whose_name_begins_alike_is_beside_it(run, source):
    (source.parent / "source-2").mkdir()
    output = source.parent / "source-2" / "head.nii"
    assert run("export", source, output)[0] == 0
    assert run("export", source, source.parent / "head.nii")[0] == 0


def test_a_source_that_is_a_file_is_not_replaced(run, source, monkeypatch):
    monkeypatch.chdir(source.parent)
    assert run("export", source, "head.nii")[0] == 0
    before = Path("head.nii").read_bytes()
    Path("alias.nii").symlink_to("head.nii")
    for one, output in (
        ("head.nii", "head.nii"),
        ("head.nii", "source/../head.nii"),
        ("alias.nii", "head.nii"),
        ("head.nii", "alias.nii"),
    ):
        code, _, err = run("export", one, output, "--overwrite")
        assert code == 1
        assert "would take the place of the source" in err
        assert "choose another name" in err
    assert Path("head.nii").read_bytes() == before
    assert run("export", "head.nii", "other.nrrd")[0] == 0


def test_a_source_is_not_replaced_by_a_sidecar(run, source, monkeypatch):
    monkeypatch.chdir(source.parent)
    slice_ = next((source / "deep").iterdir()).rename("head.json")
    before = slice_.read_bytes()
    code, _, err = run("export", "head.json", "head.nii", "--overwrite")
    assert code == 1
    assert "would take the place of the source" in err
    assert slice_.read_bytes() == before


# --all and its folder


def test_all_follows_no_link_out_of_its_folder(run, source, tmp_path):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    assert run("export", source, out, "--all")[0] == 0
    elsewhere.mkdir()
    for path in sorted(out.iterdir()):
        path.unlink()
        (elsewhere / path.name).write_text("precious")
        path.symlink_to(elsewhere / path.name)
    code, _, err = run("export", source, out, "--all")
    assert code == 1
    assert "there already" in err
    assert run("export", source, out, "--all", "--overwrite")[0] == 0
    assert {path.read_text() for path in elsewhere.iterdir()} == {"precious"}
    assert all(path.is_file() and not path.is_symlink() for path in out.iterdir())


@pytest.mark.parametrize("evil", ["../evil", "/tmp/evil", "a/b", "..", "", "a\0b"])  # noqa: S108
def test_all_makes_its_own_names_whatever_an_id_says(run, source, tmp_path, monkeypatch, evil):
    def called_evil(found):
        return [replace(stack, id=evil) for stack in choices(found)]

    monkeypatch.setattr("volume.cli.export.choices", called_evil)
    assert run("export", source, tmp_path / "out", "--all")[0] == 0
    assert len(names(tmp_path / "out")) == 2
    assert names(tmp_path) == ["link", "out", "source"]
