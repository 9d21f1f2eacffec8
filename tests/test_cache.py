"""A scan with a cache is the scan without one, whatever happened to the files or the cache."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import shared_data
import volume
from phantom import phantom
from volume.dicom import cache, cache_file, source
from volume.errors import VolumeError

SMALL = {"size": (12, 10, 6)}


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Believe files that were written just now: nothing here changes within a tick."""
    monkeypatch.setattr(cache, "SETTLED_NS", -1)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the names of the files whose headers are read from now on."""
    names: list[str] = []
    read = source.read_headers

    def listen(found: Any, *more: Any) -> Any:
        names.append(found.name)
        return read(found, *more)

    monkeypatch.setattr(source, "read_headers", listen)
    return names


def told(found: volume.Scan) -> list[str]:
    """Give all that a scan says, to the last bit: `repr` tells 1 from 1.0 and 0.0 from -0.0."""
    stacks = [
        repr(
            (
                stack.id, stack.slices, stack.geometry, stack.kind, stack.findings, stack.axes,
                stack.lost, stack.dropped, stack.diffusion, stack.group,
            )
        )
        for stack in found.stacks
    ]  # fmt: skip
    series = [repr((one.uid, one.study_uid, one.number, one.description)) for one in found.series]
    return [*series, *stacks, *map(repr, found.files), *map(repr, found.findings)]


def of_all_kinds(folder: Path) -> None:
    """Write series of several kinds, and files that are none, damaged, empty or links."""
    phantom(folder / "ct", names="shuffled", duplicates=(2,), **SMALL)
    phantom(folder / "mr", modality="MR", phases=2, series=5, drop=(3,), **SMALL)
    phantom(folder / "pt", modality="PT", series=6, preamble=False, meta=False, **SMALL)
    phantom(folder / "enhanced", enhanced=True, series=7, **SMALL)
    phantom(folder / "deflated", transfer_syntax="deflated", series=8, **SMALL)
    phantom(folder / "흉부", names="hangul", series=9, description="흉부 CT", **SMALL)
    whole = next((folder / "ct").iterdir()).read_bytes()
    (folder / "ct" / "cut").write_bytes(whole[:500])
    (folder / "ct" / "short").write_bytes(whole[:-7])
    (folder / "notes.txt").write_text("hello")
    (folder / "empty").touch()
    (folder / "link").symlink_to("ct/cut")
    (folder / "lost").symlink_to("nowhere")
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        for path in (folder / "pt").iterdir():
            archive.write(path, path.name)


def test_a_second_scan_reads_no_file_and_says_the_same(tmp_path, settled, opened):
    of_all_kinds(tmp_path / "in")
    plain = volume.scan(tmp_path / "in")
    first = volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    opened.clear()
    again = volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    assert {name for name in opened if not name.startswith("more.zip")} == set()
    assert any(name.startswith("more.zip/") for name in opened)  # archives are read anew
    assert told(plain) == told(first) == told(again)
    assert first.remarks == again.remarks == ()


@pytest.mark.parametrize("name", sorted(path.name for path in shared_data.root().glob("*")))
def test_real_data_are_the_same_from_a_cache(name, tmp_path, settled, opened):
    folder = shared_data.folder(name)
    plain = volume.scan(folder)
    first = volume.scan(folder, cache=tmp_path / "cache")
    opened.clear()
    again = volume.scan(folder, cache=tmp_path / "cache")
    assert told(plain) == told(first) == told(again)
    assert [name for name in opened if (folder / name).is_file()] == []


def rewrite(path: Path) -> None:
    """Change one byte of the position, and put size and time of change back."""
    before = path.stat()
    raw = path.read_bytes().ljust(10)
    at = max(0, raw.find(b"\x20\x00\x32\x00DS")) + 8
    path.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_older(path: Path) -> None:
    other = path.with_name("other")
    shutil.copy2(path, other)
    rewrite(other)
    other.replace(path)


CHANGES: dict[str, Callable[[Path], object]] = {
    "grow": lambda path: path.write_bytes(path.read_bytes() + b"\0" * 8),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:600]),
    "touch": lambda path: os.utime(path),
    "remove": lambda path: path.unlink(),
    "rename": lambda path: path.rename(path.with_name("zz" + path.name)),
    "move": lambda path: path.rename(path.parent.parent / path.name),
    "copy": lambda path: shutil.copy2(path, path.with_name("copy-" + path.name)),
    "swap": lambda path: _swap(path, sorted(path.parent.iterdir())[0]),
    "rewrite": rewrite,
    "replace": replace_by_older,
    "overwrite": lambda path: path.write_text("hello"),
    "remove folder": lambda path: shutil.rmtree(path.parent),
    "rename folder": lambda path: path.parent.rename(path.parent.with_name(path.parent.name + "x")),
    "add": lambda path: shutil.copy(path, path.with_name(path.name + "+")),
    "link": lambda path: _link(path, path.with_name(path.name + "-")),
    "lock": lambda path: path.chmod(0),
}


def _link(path: Path, aside: Path) -> None:
    path.rename(aside)
    path.symlink_to(aside.name)


def _swap(one: Path, other: Path) -> None:
    aside = one.with_name("aside")
    one.rename(aside)
    if other.exists():
        other.rename(one)
    aside.rename(other)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("which", ["ct", "mr"])
def test_what_changes_between_two_scans_is_seen(change, which, tmp_path, settled):
    phantom(tmp_path / "in" / "ct", **SMALL)
    phantom(tmp_path / "in" / "mr", modality="MR", series=5, **SMALL)
    volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    CHANGES[change](sorted((tmp_path / "in" / which).iterdir())[3])
    plain = told(volume.scan(tmp_path / "in"))
    assert told(volume.scan(tmp_path / "in", cache=tmp_path / "cache")) == plain
    assert told(volume.scan(tmp_path / "in", cache=tmp_path / "cache")) == plain


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    runs=st.lists(
        st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), st.integers(0, 99)), max_size=3),
        min_size=1,
        max_size=3,
    ),
    block=st.integers(1, 4),
    below=st.booleans(),
)
def test_any_changes_in_any_order_are_seen(runs, block, below, tmp_path_factory, settled):
    top = tmp_path_factory.mktemp("any")
    phantom(top / "in" / "ct", names="shuffled", **SMALL)
    phantom(top / "in" / "mr", modality="MR", series=5, **SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "FILES_A_BLOCK", block)
        volume.scan(top / "in", cache=top / "cache")
        for changes in runs:
            for change, which in changes:
                files = [path for path in sorted((top / "in").rglob("*")) if path.is_file()]
                if files and files[which % len(files)].parent != top / "in":
                    CHANGES[change](files[which % len(files)])
            if below and (top / "in" / "ct").is_dir():  # a part of it, in between
                volume.scan(top / "in" / "ct", cache=top / "cache")
            plain = told(volume.scan(top / "in"))
            assert told(volume.scan(top / "in", cache=top / "cache")) == plain


def test_only_what_changed_is_read(tmp_path, settled, opened):
    made = phantom(tmp_path / "in", **SMALL)
    volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    rewrite(made.paths[2])
    opened.clear()
    volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    assert opened == [made.paths[2].name]


def test_a_file_that_changed_just_now_is_read_again(tmp_path, opened):
    phantom(tmp_path / "in", **SMALL)
    volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    opened.clear()
    volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    assert len(opened) == 6


def test_a_file_that_changes_while_it_is_read_is_not_kept(tmp_path, settled, monkeypatch):
    made = phantom(tmp_path / "in", **SMALL)
    read = source.read_headers

    def read_and_change(found: Any, *more: Any) -> Any:
        outcome = read(found, *more)
        if found.name == made.paths[2].name:
            rewrite(Path(found.path))
        return outcome

    with monkeypatch.context() as patch:
        patch.setattr(source, "read_headers", read_and_change)
        volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    again = volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    assert told(again) == told(volume.scan(tmp_path / "in"))


def test_a_source_may_be_named_in_any_way(tmp_path, settled, opened, monkeypatch):
    made = phantom(tmp_path / "in" / "ct", **SMALL)
    volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    opened.clear()
    monkeypatch.chdir(tmp_path / "in")
    (name,) = [path.name for path in made.paths[:1]]
    for spelled in (".", "./", "../in", "ct", "ct/../ct", f"ct/{name}"):
        again = volume.scan(spelled, cache=tmp_path / "cache")
        assert opened == []
        assert told(again) == told(volume.scan(spelled))
        opened.clear()


def test_other_places_are_remembered(tmp_path, settled, opened):
    for name in ("one", "two"):
        phantom(tmp_path / name, **SMALL)
    for name in ("one", "two", "one", "two"):
        volume.scan(tmp_path / name, cache=tmp_path / "cache")
    assert len(opened) == 12


def test_a_part_of_a_source_leaves_the_rest_known(tmp_path, settled, opened):
    made = phantom(tmp_path / "in" / "ct", **SMALL)
    phantom(tmp_path / "in" / "mr", series=5, modality="MR", **SMALL)
    volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    rewrite(made.paths[0])
    volume.scan(made.paths[0], cache=tmp_path / "cache")
    volume.scan(tmp_path / "in" / "mr", cache=tmp_path / "cache")
    opened.clear()
    volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    assert opened == []


def test_what_is_gone_is_forgotten(tmp_path, settled):
    phantom(tmp_path / "in" / "ct", **SMALL)
    phantom(tmp_path / "in" / "mr", series=5, modality="MR", **SMALL)
    volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    shutil.rmtree(tmp_path / "in" / "ct")
    volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    blocks = cache_file.read_blocks((tmp_path / "cache").read_bytes())
    assert [block.folder for block in blocks] == [str(tmp_path / "in" / "mr")]


def test_a_cache_that_says_nothing_new_is_not_written_again(tmp_path, settled):
    phantom(tmp_path / "in", **SMALL)
    volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    before = (tmp_path / "cache").stat()
    volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    after = (tmp_path / "cache").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_other_limits_read_the_files_anew(tmp_path, settled, opened):
    phantom(tmp_path / "in", **SMALL)
    volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    opened.clear()
    few = volume.scan(tmp_path / "in", cache=tmp_path / "cache", limits="elements=9")
    assert len(opened) == 6
    assert few.stacks == ()
    assert len(volume.scan(tmp_path / "in", cache=tmp_path / "cache").stacks) == 1


def test_another_reader_reads_the_files_anew_and_says_so(tmp_path, settled, opened, monkeypatch):
    phantom(tmp_path / "in", **SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(cache_file, "reader_digest", lambda: "older")
        volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    opened.clear()
    found = volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    assert len(opened) == 6
    assert [one.code for one in found.remarks] == ["cache-unused"]
    assert "another version" in found.remarks[0].message
    assert volume.scan(tmp_path / "in", cache=tmp_path / "cache").remarks == ()


def test_a_change_of_the_reader_is_another_reader(tmp_path, monkeypatch):
    """Its own text is summed up: no one has to remember to raise a number."""
    folder = Path(cache_file.__file__).parent
    shutil.copytree(folder, tmp_path / "dicom", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(cache_file, "__file__", str(tmp_path / "dicom" / "cache_file.py"))
    same = cache_file.reader_digest.__wrapped__()
    with (tmp_path / "dicom" / "image_plane.py").open("a") as file:
        file.write("\n")
    assert same == cache_file.reader_digest()
    assert same != cache_file.reader_digest.__wrapped__()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut in the middle": lambda raw: raw[: len(raw) // 2],
    "cut at the end": lambda raw: raw[:-1],
    "cut in the index": lambda raw: raw[:60],
    "cut in the magic": lambda raw: raw[:7],
    "more behind": lambda raw: raw + b"more",
    "a bit of the index": lambda raw: raw[:70] + bytes([raw[70] ^ 4]) + raw[71:],
    "a bit of a block": lambda raw: raw[:-40] + bytes([raw[-40] ^ 4]) + raw[-39:],
    "a huge index": lambda raw: raw[:20] + b"\xff" * 8 + raw[28:],
    "nothing but the magic": lambda _raw: cache_file.MAGIC,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_not_believed_and_written_anew(damage, tmp_path, settled, opened):
    phantom(tmp_path / "in", **SMALL)
    plain = told(volume.scan(tmp_path / "in", cache=tmp_path / "cache"))
    (tmp_path / "cache").write_bytes(DAMAGES[damage]((tmp_path / "cache").read_bytes()))
    opened.clear()
    found = volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    assert told(found) == plain
    assert [one.code for one in found.remarks] == ["cache-unused"]
    assert len(opened) == 6
    opened.clear()
    assert volume.scan(tmp_path / "in", cache=tmp_path / "cache").remarks == ()
    assert opened == []


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 2**20), bit=st.integers(0, 7))
def test_no_bit_of_a_cache_can_lie(at, bit, tmp_path_factory, settled):
    top, plain, raw = _example(tmp_path_factory)
    at %= len(raw)
    (top / "cache").write_bytes(raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :])
    try:
        found = volume.scan(top / "in", cache=top / "cache")
    except VolumeError:
        assert at < len(cache_file.MAGIC)  # then it is a file of someone else
    else:
        assert told(found) == plain


_made: list[tuple[Path, list[str], bytes]] = []


def _example(factory: pytest.TempPathFactory) -> tuple[Path, list[str], bytes]:
    if not _made:
        top = factory.mktemp("bits")
        phantom(top / "in", size=(8, 8, 3))
        plain = told(volume.scan(top / "in", cache=top / "cache"))
        _made.append((top, plain, (top / "cache").read_bytes()))
    return _made[0]


@pytest.mark.parametrize(
    "table",
    [
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"names":["a"],"status":[[1]],"slices":[1],"columns":[],"noticed":{},"faults":{}}',
        b'{"names":["a"],"status":[1],"slices":[9],"columns":[[[1],null]]}',
    ],
)
def test_a_table_that_someone_made_up_is_not_believed(table, tmp_path, settled, monkeypatch):
    phantom(tmp_path / "in", **SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(cache_file, "pack", lambda _entries: table)
        plain = told(volume.scan(tmp_path / "in", cache=tmp_path / "cache"))
    found = volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    assert told(found) == plain
    assert [one.code for one in found.remarks] == ["cache-unused"]


def test_a_file_that_is_no_cache_is_left_alone(tmp_path):
    phantom(tmp_path / "in", **SMALL)
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(VolumeError, match="no cache"):
        volume.scan(tmp_path / "in", cache=tmp_path / "thesis.txt")
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_file_that_appears_meanwhile_is_left_alone(tmp_path, settled, monkeypatch):
    phantom(tmp_path / "in", **SMALL)
    read = source.read_headers

    def read_and_write(found: Any, *more: Any) -> Any:
        (tmp_path / "cache").write_text("years of work")
        return read(found, *more)

    monkeypatch.setattr(source, "read_headers", read_and_write)
    found = volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    assert [one.code for one in found.remarks] == ["cache-not-written"]
    assert (tmp_path / "cache").read_text() == "years of work"


def test_an_empty_file_may_become_a_cache(tmp_path, settled, opened):
    phantom(tmp_path / "in", **SMALL)
    (tmp_path / "cache").touch()
    assert volume.scan(tmp_path / "in", cache=tmp_path / "cache").remarks == ()
    volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    assert len(opened) == 6


@pytest.mark.parametrize("place", ["in/cache", "in/ct/cache", "in"])
def test_a_cache_does_not_lie_inside_the_source(place, tmp_path):
    phantom(tmp_path / "in" / "ct", **SMALL)
    with pytest.raises(VolumeError):
        volume.scan(tmp_path / "in", cache=tmp_path / place)
    assert not (tmp_path / "in" / "cache").exists()


@pytest.mark.parametrize("kind", ["folder", "pipe", "link to a pipe", "no folder"])
def test_what_can_be_no_cache_is_refused(kind, tmp_path):
    phantom(tmp_path / "in", **SMALL)
    path = tmp_path / "cache"
    if kind == "folder":
        path.mkdir()
    elif kind == "no folder":
        path = tmp_path / "nowhere" / "cache"
    else:
        os.mkfifo(tmp_path / "pipe")
        path = tmp_path / "pipe"
        if kind == "link to a pipe":
            path = tmp_path / "cache"
            path.symlink_to(tmp_path / "pipe")
    with pytest.raises(VolumeError):
        volume.scan(tmp_path / "in", cache=path)


def test_where_nothing_can_be_written_the_scan_goes_on(tmp_path, settled, monkeypatch):
    phantom(tmp_path / "in", **SMALL)

    def refuse(*_: Any, **__: Any) -> None:
        raise VolumeError("the disk can only be read")

    monkeypatch.setattr(cache, "whole_file", refuse)
    found = volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    assert told(found) == told(volume.scan(tmp_path / "in"))
    assert [one.code for one in found.remarks] == ["cache-not-written"]
    assert "the disk can only be read" in found.remarks[0].message


def _refuse_links(*_: Any, **__: Any) -> None:
    raise OSError(errno.EPERM, "no links here")


@pytest.mark.parametrize("kind", ["nameless", "hidden", "copied"])
def test_no_one_else_may_read_it(kind, tmp_path, settled, monkeypatch):
    if kind == "hidden":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    if kind == "copied":
        monkeypatch.setattr(os, "link", _refuse_links)
    phantom(tmp_path / "in", **SMALL)
    (tmp_path / "cache").touch(0o644)
    volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o600


def test_it_holds_no_name_and_no_number_of_the_patient(tmp_path, settled, monkeypatch):
    import zlib

    monkeypatch.setattr(zlib, "compress", lambda raw, _level: raw)  # to look into it

    def mark(dataset: Any, _k: int, _phase: int) -> None:
        dataset.PatientID = "SECRET-ID-777"
        dataset.PatientBirthDate = "19510203"
        dataset.OtherPatientIDs = "SECRET-OTHER-777"
        dataset.AccessionNumber = "SECRET-ACC-777"
        dataset.ReferringPhysicianName = "Secretive^Doctor"

    phantom(tmp_path / "in", patient_name="Secretive^Patient", edit=mark, **SMALL)
    volume.scan(tmp_path / "in", cache=tmp_path / "cache")
    raw = (tmp_path / "cache").read_bytes()
    assert b"Phantom" in raw  # the SeriesDescription, as SECURITY.md says
    for secret in (b"SECRET", b"Secretive", b"19510203"):
        assert secret not in raw


def test_two_at_once_leave_a_whole_cache(tmp_path, settled, opened):
    for n in range(2):
        phantom(tmp_path / f"in{n}", **SMALL)
    runs = [
        threading.Thread(
            target=lambda n=n: [
                volume.scan(tmp_path / f"in{n % 2}", cache=tmp_path / "cache") for _ in range(5)
            ]
        )
        for n in range(4)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert volume.scan(tmp_path / "in0", cache=tmp_path / "cache").remarks == ()
    opened.clear()
    volume.scan(tmp_path / "in0", cache=tmp_path / "cache")
    assert opened == []


def test_a_disc_is_known_by_the_files_its_index_names(tmp_path, settled, opened):
    disc = shared_data.folder("dicomdirs")
    for index in sorted(disc.rglob("DICOMDIR"))[:3]:
        plain = volume.scan(index)
        volume.scan(index, cache=tmp_path / "cache")
        opened.clear()
        again = volume.scan(index, cache=tmp_path / "cache")
        assert told(again) == told(plain)
        assert opened == []


def test_volumes_are_the_same_from_a_cache(tmp_path, settled):
    phantom(tmp_path / "in", **SMALL)
    plain = volume.load(tmp_path / "in")
    for _ in range(2):
        made = volume.load(tmp_path / "in", cache=tmp_path / "cache")
        assert (made.array == plain.array).all()
        assert repr((made.geometry, made.findings)) == repr((plain.geometry, plain.findings))
        (one,) = volume.load_all(tmp_path / "in", cache=tmp_path / "cache")
        assert (one.array == plain.array).all()


def test_a_volume_says_that_the_cache_was_of_no_use(tmp_path):
    phantom(tmp_path / "in", **SMALL)
    (tmp_path / "cache").write_bytes(cache_file.MAGIC + b"rubbish")
    codes = [one.code for one in volume.load(tmp_path / "in", cache=tmp_path / "cache").findings]
    assert codes.count("cache-unused") == 1


@pytest.mark.parametrize("verb", ["info", "export", "compare", "view", "mesh"])
def test_every_verb_that_scans_takes_a_cache(verb, run, tmp_path, settled, opened):
    made = phantom(tmp_path / "in", size=(24, 20, 12))
    arguments = {
        "info": [made.folder],
        "export": [made.folder, tmp_path / "out.nii.gz"],
        "compare": [made.folder, made.folder],
        "view": [made.folder, "--screenshot", tmp_path / "out.png", "--size", "300,200"],
        "mesh": [made.folder, tmp_path / "out.stl", "--level", "0"],
    }[verb]
    (tmp_path / "cache").write_bytes(cache_file.MAGIC + b"rubbish")
    code, _, err = run(verb, *arguments, "--cache", tmp_path / "cache")
    assert code == 0
    assert err.count("the cache is not used") == 1
    assert len(set(opened)) == 12
    opened.clear()
    run("info", made.folder, "--cache", tmp_path / "cache")
    assert opened == []


@pytest.mark.parametrize("verb", ["info", "compare"])
def test_a_cache_lies_in_none_of_several_sources(verb, run, tmp_path):
    for name in ("one", "two"):
        phantom(tmp_path / name, **SMALL)
    sources = tmp_path / "one", tmp_path / "two"
    code, _, err = run(verb, *sources, "--cache", tmp_path / "two" / "cache")
    assert code == 1
    assert "inside the source" in err
    assert not (tmp_path / "two" / "cache").exists()


def test_a_slice_with_a_table_is_read_anew(tmp_path, settled, opened):
    def with_table(dataset: Any, k: int, _phase: int) -> None:
        if k == 2:
            table = pydicom.Dataset()
            table.add_new("LUTDescriptor", "US", [4, 0, 16])
            table.add_new("LUTData", "OW", b"\1\0\2\0\3\0\4\0")
            table.ModalityLUTType = "HU"
            dataset.ModalityLUTSequence = [table]
            del dataset.RescaleSlope, dataset.RescaleIntercept

    phantom(tmp_path / "in", edit=with_table, **SMALL)
    plain = told(volume.scan(tmp_path / "in", cache=tmp_path / "cache"))
    assert "ModalityLut" in "".join(plain)
    opened.clear()
    assert told(volume.scan(tmp_path / "in", cache=tmp_path / "cache")) == plain
    assert len(opened) == 1


def test_info_lists_what_is_wrong_with_the_cache_in_json(run, tmp_path):
    phantom(tmp_path / "in", **SMALL)
    (tmp_path / "cache").write_bytes(cache_file.MAGIC + b"rubbish")
    code, out, err = run("info", tmp_path / "in", "--json", "--cache", tmp_path / "cache")
    assert (code, err) == (0, "")
    assert [one["code"] for one in json.loads(out)["findings"]] == ["cache-unused"]
