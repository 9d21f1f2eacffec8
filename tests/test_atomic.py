"""A file is whole or absent, whatever happens."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import textwrap
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volume import atomic, draft
from volume.atomic import refuse_unwritable, safe_name, whole_file, whole_files
from volume.draft import NO_LINKS_HERE
from volume.errors import ExistsError, VolumeError


@pytest.fixture(autouse=True, params=["nameless", "hidden"])
def kind(request, monkeypatch) -> str:
    """Run every test with both kinds of drafts: of Linux, and of all other systems."""
    if request.param == "hidden":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    return request.param


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def run_python(code: str, *arguments: object) -> subprocess.Popen[str]:
    alike = "" if hasattr(os, "O_TMPFILE") else "import os; vars(os).pop('O_TMPFILE', None)\n"
    return subprocess.Popen(
        [sys.executable, "-c", alike + textwrap.dedent(code), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_file_appears_whole_and_nothing_else(tmp_path):
    with whole_file(tmp_path / "out.bin") as stream:
        stream.write(b"all of it")
        assert not (tmp_path / "out.bin").exists()
    assert (tmp_path / "out.bin").read_bytes() == b"all of it"
    assert names(tmp_path) == ["out.bin"]


def test_its_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    with whole_file(tmp_path / "out"):
        pass
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_existing_file_is_refused_before_any_work(tmp_path):
    (tmp_path / "out").write_bytes(b"older")
    with pytest.raises(ExistsError) as caught, whole_file(tmp_path / "out"):
        pytest.fail("the work began")
    assert caught.value.path == str(tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"older"


def test_a_link_that_leads_nowhere_is_a_name_that_is_taken(tmp_path):
    (tmp_path / "out").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ExistsError), whole_file(tmp_path / "out"):
        pass


def test_an_existing_file_is_replaced_when_asked(tmp_path):
    (tmp_path / "out").write_bytes(b"older and longer")
    with whole_file(tmp_path / "out", overwrite=True) as stream:
        stream.write(b"new")
    assert (tmp_path / "out").read_bytes() == b"new"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("trouble", [ValueError, KeyboardInterrupt, SystemExit])
def test_trouble_leaves_the_folder_as_it_was(tmp_path, trouble):
    (tmp_path / "older").write_bytes(b"older")
    for name in ("older", "new"):
        with pytest.raises(trouble), whole_file(tmp_path / name, overwrite=True) as stream:
            stream.write(b"half")
            raise trouble
    assert names(tmp_path) == ["older"]
    assert (tmp_path / "older").read_bytes() == b"older"


def test_a_name_taken_during_the_work_is_left_alone(tmp_path):
    with pytest.raises(ExistsError), whole_file(tmp_path / "out") as stream:
        stream.write(b"mine")
        (tmp_path / "out").write_bytes(b"another's")
    assert (tmp_path / "out").read_bytes() == b"another's"
    assert names(tmp_path) == ["out"]


def test_of_a_set_all_or_none_is_published(tmp_path):
    paths = [tmp_path / name for name in ("a", "b", "c")]
    with pytest.raises(ExistsError) as caught, whole_files(paths) as streams:
        for stream in streams:
            stream.write(b"mine")
        paths[0].write_bytes(b"another's")
    assert caught.value.path == str(paths[0])
    assert names(tmp_path) == ["a"]
    assert paths[0].read_bytes() == b"another's"


def test_a_name_taken_at_the_last_moment_is_left_alone(tmp_path, monkeypatch):
    link = os.link

    def slower_than_another(draft, target, **more):
        if target.name == "a":
            target.write_bytes(b"another's")
        link(draft, target, **more)

    monkeypatch.setattr(os, "link", slower_than_another)
    with pytest.raises(ExistsError), whole_files([tmp_path / "a", tmp_path / "b"]):
        pass
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"another's"


def test_what_matters_most_is_published_last(tmp_path, monkeypatch):
    published = []
    link = os.link

    def noting(draft, target, **more):
        published.append(Path(target).name)
        link(draft, target, **more)

    monkeypatch.setattr(os, "link", noting)
    with whole_files([tmp_path / "volume", tmp_path / "mask", tmp_path / "sidecar"]):
        pass
    assert published[-1] == "volume"


def test_a_replaced_file_is_not_taken_back(tmp_path, monkeypatch):
    for name in "ab":
        (tmp_path / name).write_bytes(b"older")
    replace = Path.replace

    def fail_on_a(draft, target):
        if target.name == "a":
            raise OSError(errno.EIO, "worn out")
        return replace(draft, target)

    monkeypatch.setattr(Path, "replace", fail_on_a)
    with (
        pytest.raises(VolumeError, match="the disk failed"),
        whole_files([tmp_path / "a", tmp_path / "b"], overwrite=True) as streams,
    ):
        streams[1].write(b"new")
    assert names(tmp_path) == ["a", "b"]
    assert (tmp_path / "a").read_bytes() == b"older"
    assert (tmp_path / "b").read_bytes() == b"new"


@pytest.mark.parametrize("number", sorted(NO_LINKS_HERE))
def test_where_there_are_no_links_nothing_is_replaced_either(tmp_path, monkeypatch, number):
    def no_links(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", no_links)
    with whole_file(tmp_path / "out") as stream:
        stream.write(b"mine")
    assert (tmp_path / "out").read_bytes() == b"mine"
    with pytest.raises(ExistsError), whole_file(tmp_path / "late") as stream:
        (tmp_path / "late").write_bytes(b"another's")
    assert (tmp_path / "late").read_bytes() == b"another's"
    assert names(tmp_path) == ["late", "out"]


def test_of_two_processes_one_wins(tmp_path):
    code = """
        import sys
        from volume.atomic import whole_files
        from volume.errors import ExistsError
        me, *paths = sys.argv[1:]
        try:
            with whole_files(paths) as streams:
                for stream in streams:
                    stream.write(me.encode() * 100_000)
                print("ready", flush=True)
                sys.stdin.readline()
            print("won")
        except ExistsError:
            print("lost")
    """
    paths = [tmp_path / "volume", tmp_path / "sidecar"]
    racers = [run_python(code, me, *paths) for me in "abc"]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    ends = [racer.communicate()[0].strip() for racer in racers]
    assert sorted(ends) == ["lost", "lost", "won"]
    winner = b"abc"[ends.index("won") :][:1]
    assert [path.read_bytes() for path in paths] == [winner * 100_000] * 2
    assert names(tmp_path) == ["sidecar", "volume"]


def test_a_killed_process_leaves_nothing_under_the_name(tmp_path, kind):
    code = """
        import sys, time
        from volume.atomic import whole_file
        with whole_file(sys.argv[1]) as stream:
            stream.write(bytes(5_000_000))
            stream.flush()
            print("half", flush=True)
            time.sleep(60)
    """
    child = run_python(code, tmp_path / "out.nii")
    assert child.stdout.readline() == "half\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    left = names(tmp_path)
    assert [name for name in left if not name.startswith(".")] == []
    if kind == "nameless" and sys.platform == "linux":
        assert left == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_without_proc_a_draft_has_a_hidden_name(tmp_path, monkeypatch, overwrite):
    monkeypatch.setattr(draft, "HANDLES", str(tmp_path / "no-proc"))
    (tmp_path / "out").write_bytes(b"older")
    with whole_file(tmp_path / f"out{'' if overwrite else '-2'}", overwrite=overwrite) as stream:
        stream.write(b"mine")
        assert len([name for name in names(tmp_path) if name.startswith(".")]) == 1
    assert names(tmp_path) == (["out"] if overwrite else ["out", "out-2"])


def test_where_there_are_no_links_a_file_is_still_replaced_when_asked(tmp_path, monkeypatch):
    def no_links(*_, **__):
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", no_links)
    (tmp_path / "out").write_bytes(b"older")
    for content in (b"new" * 100_000, b"newer"):
        with whole_file(tmp_path / "out", overwrite=True) as stream:
            stream.write(content)
        assert (tmp_path / "out").read_bytes() == content
    assert names(tmp_path) == ["out"]


def test_two_sets_that_replace_each_other_do_not_mix(tmp_path):
    code = """
        import os, sys, time
        from volume.atomic import whole_files
        link = os.link
        def slow(*where, **more):  # so that two that publish at once would meet
            time.sleep(0.02)
            link(*where, **more)
        os.link = slow
        me, *paths = sys.argv[1:]
        print("ready", flush=True)
        sys.stdin.readline()
        for _ in range(8):
            with whole_files(paths, overwrite=True) as streams:
                for stream in streams:
                    stream.write(me.encode())
    """
    paths = [tmp_path / "volume", tmp_path / "mask", tmp_path / "sidecar"]
    for path in paths:
        path.touch()
    writers = [run_python(code, me, *paths) for me in "ab"]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    found = set()
    while any(writer.poll() is None for writer in writers):
        found.add(_locked_contents(tmp_path, paths))
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    assert found - {(b"", b"", b"")} <= {(b"a",) * 3, (b"b",) * 3}
    assert names(tmp_path) == ["mask", "sidecar", "volume"]


def _locked_contents(folder: Path, paths: list[Path]) -> tuple[bytes, ...]:
    """Read a set between two publications."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        return tuple(path.read_bytes() for path in paths)
    finally:
        os.close(handle)


def test_a_lock_that_another_program_keeps_delays_and_does_not_stop(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "PATIENCE_S", 0.2)
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    before = time.monotonic()
    with whole_files([tmp_path / "a", tmp_path / "b"]):
        pass
    os.close(handle)
    assert 0.2 < time.monotonic() - before < 3
    assert names(tmp_path) == ["a", "b"]


def test_a_file_that_may_not_grow_is_told_and_leaves_nothing(tmp_path):
    code = """
        import resource, sys
        from volume.atomic import whole_file
        from volume.errors import VolumeError
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            with whole_file(sys.argv[1]) as stream:
                stream.write(bytes(10_000_000))
        except VolumeError as error:
            print(error)
    """
    told, _ = run_python(code, tmp_path / "out").communicate()
    assert told.splitlines()[0] == "the file grew larger than is allowed here"
    assert names(tmp_path) == []


def test_a_full_disk_is_told_with_a_way_out(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(VolumeError) as caught, whole_file(tmp_path / "out"):
        pass
    assert str(caught.value).splitlines() == [
        "no space is left on the disk",
        str(tmp_path / "out"),
        "free some space, or write to another disk",
    ]
    assert names(tmp_path) == []


def test_a_disk_that_swallows_bytes_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: os.truncate(handle, 3))
    with pytest.raises(VolumeError, match="the disk failed"), whole_file(tmp_path / "out") as out:
        out.write(b"five!")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing/out", "the output's folder is not there"),
        ("file/out", "the output's folder is not a folder"),
        ("folder", "the output is a folder, not a file"),
        ("n" * 300, "the output's name is too long"),
        ("nul\0.nii", "no file can have this name"),
    ],
)
def test_a_name_that_cannot_be_written_is_told_before_any_work(tmp_path, name, told):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(VolumeError) as caught:
        refuse_unwritable(tmp_path / name, overwrite=True)
    assert caught.value.what == told
    assert len(str(caught.value).splitlines()) >= 2


def test_a_device_is_never_replaced():
    with pytest.raises(VolumeError, match="not a regular file"):
        refuse_unwritable(os.devnull, overwrite=True)


@pytest.mark.parametrize("name", ["한" * 80 + ".nii", "e" * 251 + ".nii"])
def test_a_long_name_still_has_a_draft(tmp_path, name, kind):
    (tmp_path / name).write_bytes(b"older")
    with whole_file(tmp_path / name, overwrite=True):
        hidden = [other for other in names(tmp_path) if other.startswith(".")]
        assert len(hidden) == (kind == "hidden")
    assert names(tmp_path) == [name]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ct_s004_3fa9c1", "ct_s004_3fa9c1"),
        ("머리 CT 1.0mm", "머리_CT_1.0mm"),
        ("../../etc/passwd", "etc_passwd"),
        ("C:\\temp\\x", "C_temp_x"),
        ("-rf", "rf"),
        (".hidden.", "hidden"),
        ("con", "x_con"),
        ("Com1.nii", "x_Com1.nii"),
        ("a\x00\x1b[31mb", "a_31mb"),
        ("abc\u202egpj", "abc_gpj"),
        ("\u05d0\u05d1", "unnamed"),
        ("\ud800", "unnamed"),
        ("", "unnamed"),
    ],
)
def test_a_safe_name_of(text, name):
    assert safe_name(text) == name


@given(st.text(max_size=400) | st.text(alphabet="CONAUXPRLT19.-_/\\ 한\u0301\u202e", max_size=300))
def test_a_safe_name_is_safe_for_every_text(text):
    name = safe_name(text)
    assert 1 <= len(name) <= 100
    assert len(name.encode()) <= 200
    assert name[0] not in ".-" and name[-1] not in ". "
    assert name.split(".")[0].upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT9"}
    assert all(c.isalnum() or c in "-_." for c in name)
    assert all(unicodedata.bidirectional(c) in ("L", "EN", "ES", "CS", "ON") for c in name)
    assert safe_name(name) == name
