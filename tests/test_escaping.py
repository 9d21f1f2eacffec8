"""Nothing from a tag, a file name or an argument acts on the terminal, a picture or a JSON."""

from __future__ import annotations

import json
import logging
import re
import struct
import sys
import unicodedata
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import volume
from phantom import phantom
from test_gl import needs_gl
from volume.atomic import safe_name
from volume.cli.console import Bar
from volume.errors import ExistsError, VolumeError
from volume.escaping import LONGEST, escape, escape_json
from volume.findings import info

CURSOR = "\x1b[31mred\x1b[2J\x1b]0;title\x07"
TURNED = "\u202egpj\u2066x\u2069\u200f"
UNSEEN = "a\u200bb\ufeffc\u2028d\u2029e\x7ff\u00adg\ue000h\u3164i"
C1 = "\x9b31m\x9d0;t\x9c\x85"
MARKUP = "[red]bold[/red] [link=file:///etc/passwd]x[/link] </script><b>"
LONG = "가" * 60_000
HANGUL = "뇌 한글 설명"
HOSTILE = {
    "cursor": CURSOR,
    "turned": TURNED,
    "unseen": UNSEEN,
    "c1": C1,
    "markup": MARKUP,
    "nul": "a\0b",
    "lines": "a\r\nvolume: all is well\tb",
}
ACTING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
FLOOD = 30_000
"""No output of a small series is as long as this."""


def acting(text: str) -> set[str]:
    """Give the characters that a terminal or an editor would obey rather than show."""
    return {
        c for c in text if c != "\n" and (unicodedata.category(c) in ACTING or c in "\u3164\ufe0f")
    }


@pytest.fixture
def run(run):
    """Run the command line, and see that what it says is clean."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code, out, err = run(*arguments)
        assert acting(out + err) == set()
        assert "--json" in arguments or len(out + err) < FLOOD
        return code, out, err

    return call


def set_text(path: Path, tag: tuple[int, int], text: str) -> None:
    """Put a text into an element that is there, whatever its value may hold by the standard."""
    content = path.read_bytes()
    value = text.encode()
    value += b" " * (len(value) % 2)
    start = content.index(struct.pack("<HH", *tag)) + 8
    (length,) = struct.unpack("<H", content[start - 2 : start])
    head = content[: start - 2] + struct.pack("<H", len(value))
    path.write_bytes(head + value + content[start + length :])


DESCRIPTION, MODALITY, STUDY = (0x0008, 0x103E), (0x0008, 0x0060), (0x0008, 0x1030)


def hostile_series(folder: Path, text: str, **oddities) -> Path:
    """Write a series with hostile tags, files and folders, and such files beside it."""

    def edit(dataset, _k, _phase):
        dataset.StudyDescription = "x"

    name = text.replace("/", "_").replace("\0", "_")[:60]
    home = folder / f"series {name}"
    written = phantom(home, size=(10, 8, 6), edit=edit, **oddities)
    for n, path in enumerate(written.paths):
        for tag in (DESCRIPTION, MODALITY, STUDY):
            set_text(path, tag, f"{text}{HANGUL}"[-20_000:])
        path.rename(path.with_name(f"{n} {name}.dcm"))
    (home / f"notes {name}").write_text("a letter")
    (home / f"broken {name}.dcm").write_bytes(next(home.glob("0*.dcm")).read_bytes()[:500])
    return home


# What is escaped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Thorax 1.5 mm", "Thorax 1.5 mm"),
        (HANGUL, HANGUL),
        ("Zürich – 0.7 × 2 µm², 頭部", "Zürich – 0.7 × 2 µm², 頭部"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\u202egpj", "\\u202egpj"),
        ("\x9b\x7f\0", "\\x9b\\x7f\\x00"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\udc9b\U000e0041", "\\udc9b\\U000e0041"),
        ("\ufe0f\u3164", "\\ufe0f\\u3164"),
    ],
)
def test_hidden_characters_are_written_out_and_letters_stay(text, shown):
    assert escape(text) == shown
    assert escape(shown) == shown


@given(st.text(st.characters(codec=None)), st.integers(10, 50))
def test_what_is_shown_is_short_and_acts_on_nothing(text, longest):
    assert acting(escape(text)) == set()
    assert len(escape(text, longest)) <= 10 * longest


def test_what_is_too_long_is_cut_in_its_middle():
    path = "/".join(["a folder"] * 9_000) + "/I0001.dcm"
    assert len(escape(path)) == LONGEST
    assert escape(path).startswith("a folder/a folder/")
    assert escape(path).endswith("/I0001.dcm")
    assert "…" in escape(path)


@given(st.recursive(st.text(st.characters(codec="utf-8")), lambda inner: st.lists(inner)))
def test_json_reads_back_the_same_with_nothing_hidden_in_it(value):
    written = escape_json(json.dumps(value, ensure_ascii=False, indent=1))
    assert json.loads(written) == value
    assert acting(written) == set()


def test_json_keeps_names_of_files_that_are_no_unicode():
    written = escape_json(json.dumps("\udc9b\U000e0041 가", ensure_ascii=False))
    assert written == '"\\udc9b\\udb40\\udc41 가"'
    assert json.loads(written) == "\udc9b\U000e0041 가"


# Messages


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_message_of_an_error_or_a_finding_acts_on_nothing(text):
    faults = [
        VolumeError(f"what {text}", files=(text, text), remedy=f"way out {text}"),
        ExistsError(text),
    ]
    for fault in faults:
        assert acting(str(fault)) == set()
        assert acting(repr(fault)) == set()
        assert str(fault).count("\n") == 2
    found = info("split-by", f"told apart by {text}", files=(text,))
    assert acting(found.message) == set()
    assert acting(repr(found)) <= {"\u3164"}  # Python's own, which knows it for a letter
    assert found.files == (text,)  # data stay as they are


def test_a_message_does_not_flood_the_terminal():
    fault = VolumeError(LONG, files=(LONG,) * 9, remedy=LONG)
    assert len(str(fault)) < 8 * LONGEST
    assert len(info("split-by", LONG).message) <= LONGEST
    assert fault.files == (LONG,) * 9


def test_what_a_person_prints_in_python_acts_on_nothing(tmp_path):
    for text in (*HOSTILE.values(), LONG):
        home = hostile_series(tmp_path / str(abs(hash(text))), text)
        found = volume.scan(home)
        head = volume.load(home)
        for thing in (found, found.series[0], found.stacks[0], head):
            assert acting(repr(thing)) == set()
            assert len(repr(thing)) < 3 * LONGEST
        with pytest.raises(VolumeError) as refused:
            volume.load(home, series=text)
        assert acting(str(refused.value)) == set()


# The command line


@pytest.mark.parametrize("text", [*HOSTILE.values(), LONG], ids=[*HOSTILE, "long"])
def test_info_shows_what_files_say_without_obeying_it(run, tmp_path, text):
    home = hostile_series(tmp_path, text)
    code, out, _ = run("info", home)
    assert code == 0
    assert HANGUL in out
    assert run("info", home, "-v")[0] == 0
    code, out, _ = run("info", home, "--json")
    assert code == 0
    (one,) = json.loads(out)["volumes"]
    assert HANGUL in one["description"]
    if text in (CURSOR, TURNED):
        assert one["description"] == text + HANGUL  # data are whole


@pytest.mark.parametrize("text", [*HOSTILE.values(), LONG], ids=[*HOSTILE, "long"])
def test_export_and_its_sidecar_obey_nothing(run, tmp_path, text):
    home = hostile_series(tmp_path, text)
    out = tmp_path / f"out {home.name[7:]}"
    out.mkdir()
    assert run("export", home, out / f"a {home.name}.nii", "-v")[0] == 0
    assert run("export", home, out / "b.nii", "--json")[0] == 0
    assert run("export", home, out / "b.nii")[0] == 1  # it is there already
    assert run("export", home, out / "c.nii", "--series", text)[0] == 4
    assert run("export", home, out / "d.nii", "--identifiers")[0] == 0
    assert run("mesh", home, out / "e.stl", "--level", "-70", "--identifiers")[0] == 0
    assert run("export", home, out / "all", "--all")[0] == 0
    for sidecar in out.rglob("*.json"):
        assert acting(sidecar.read_text(encoding="utf-8")) == set()
    told = json.loads((out / "d.json").read_text(encoding="utf-8"))
    assert HANGUL in told["identifiers"]["StudyDescription"]
    assert HANGUL in (out / "d.json").read_text(encoding="utf-8")
    if text in (CURSOR, TURNED):
        assert told["identifiers"]["StudyDescription"] == text + HANGUL
    assert any(home.glob(told["report"]["slices"][0]["path"].replace("[", "[[]")))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_refusal_obeys_nothing(run, tmp_path, text):
    home = hostile_series(tmp_path, text, drop=(2,))
    phantom(home, size=(10, 8, 6), series=9)
    code, _, err = run("export", home, tmp_path / "a.nii")
    assert code == 4
    assert HANGUL in err
    assert run("export", home, tmp_path / "a.nii", "--series", "4")[0] == 4
    assert run("export", home, tmp_path / "all", "--all", "--json")[0] == 5


PLAIN_NAME = re.compile(r"[a-z0-9]{1,8}_s004_[0-9a-f]{6}[.](nii[.]gz|json)")


def test_the_names_of_all_are_made_of_plain_characters(run, tmp_path):
    for n, text in enumerate((*HOSTILE.values(), "../../etc", "/abs", "CON", "a. ", LONG)):
        home = hostile_series(tmp_path / str(n), text)
        assert run("export", home, tmp_path / str(n) / "all", "--all")[0] == 0
        names = [path.name for path in (tmp_path / str(n) / "all").iterdir()]
        assert len(names) == 2
        assert all(
            re.fullmatch(r"[a-z0-9]{1,8}_s004_[0-9a-f]{6}[.](nii[.]gz|json)", x) for x in names
        )


@pytest.mark.parametrize(
    "text", ["../../a", "/abs/a", "\0", LONG, "con", "nul.txt", "a. .", TURNED, CURSOR, "\udc9b"]
)
def test_a_safe_name_stays_in_its_folder_on_every_system(text, tmp_path):
    name = safe_name(text)
    assert (tmp_path / name).resolve().parent == tmp_path.resolve()
    assert 0 < len(name) <= 100
    assert acting(name) == set()
    assert name.split(".")[0].upper() not in {"CON", "NUL"}
    assert not name.endswith((".", " "))


@pytest.mark.parametrize(
    "text", [*HOSTILE.values(), "\udc9b31m", LONG], ids=[*HOSTILE, "c1", "long"]
)
def test_what_was_typed_wrong_is_quoted_without_obeying_it(run, text):
    for arguments in (
        [text],
        ["export", "a", "b.nii", text],
        ["export", f"--{text}"],
        ["export", "a", "b.nii", "--gaps", text],
        ["export", "a", "b.nii", "--spacing", text],
        ["view", "a", "--window", text],
        ["view", "a", "--size", text],
    ):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert "Usage: volume" in err
        assert err.count("\n") == 4
    assert run("info", text)[0] in (1, 3)
    assert run("export", "nowhere", f"{text}.nii")[0] in (1, 2)


def test_a_bug_keeps_its_traceback_and_quotes_nothing_raw(run, monkeypatch, tmp_path, capsys):
    from volume.cli import headers as verb

    def broken(*_arguments, **_options):
        raise RuntimeError(CURSOR + C1)

    monkeypatch.setattr(verb, "scan", broken)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # which `main` sets
    with pytest.raises(RuntimeError) as bug:
        run("info", tmp_path)
    capsys.readouterr()
    sys.excepthook(bug.type, bug.value, bug.tb)
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "\\x1b[31mred" in err
    assert "\x1b" not in err


def test_libraries_quote_no_tag_on_the_terminal(run, monkeypatch, tmp_path):
    from volume.cli import headers as verb

    def muttering(source, **_options):
        logging.getLogger("pydicom").warning(CURSOR)
        logging.getLogger("pydicom.filereader").error(CURSOR)
        warnings.warn(CURSOR, stacklevel=1)
        return volume.scan(source)

    monkeypatch.setattr(sys, "warnoptions", [])
    monkeypatch.setattr(logging.getLogger("pydicom"), "handlers", [])
    monkeypatch.setattr(logging.getLogger("pydicom"), "propagate", True)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(verb, "scan", muttering)
    phantom(tmp_path, size=(10, 8, 6))
    with warnings.catch_warnings():
        code, _, err = run("info", tmp_path)
    assert (code, err) == (0, "")


def test_a_bar_takes_no_markup_and_no_hidden_characters(monkeypatch):
    from rich.progress import Progress

    labels = []
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("volume.cli.console.PATIENCE_S", -1)
    monkeypatch.setattr(Progress, "add_task", lambda self, text, **_: labels.append(text) or 0)
    monkeypatch.setattr(Progress, "update", lambda *_, **__: None)
    bar = Bar(f"reading [red]{CURSOR}{LONG}", hidden=False)
    bar.update(1)
    bar.close()
    assert acting(labels[0]) == set()
    assert labels[0].startswith("reading \\[red]\\x1b")
    assert len(labels[0]) < 200


# Pictures and windows


@needs_gl
@pytest.mark.parametrize(
    "text", [*HOSTILE.values(), LONG, "$x_{1}$"], ids=[*HOSTILE, "long", "tex"]
)
def test_what_is_drawn_is_plain(tmp_path, drawn, text):
    from volume.viewer import overlay

    head = volume.load(hostile_series(tmp_path, text))
    head = replace(head, id=text, unit=text, findings=(info("split-by", text),))
    volume.screenshot(head, tmp_path / "a.png", title=text, size=(500, 400))
    assert len(drawn) > 8
    assert acting("".join(drawn)) == set()
    assert max(map(len, drawn)) < 300
    assert overlay.vtkTextRenderer.GetInstance().GetDefaultBackend() == (
        overlay.vtkTextRenderer.FreeType
    )


@needs_gl
@pytest.mark.parametrize("text", [*HOSTILE.values(), LONG], ids=[*HOSTILE, "long"])
def test_the_title_of_a_window_is_plain(tmp_path, text):
    from volume.viewer.first_scene import scene_of
    from volume.viewer.window import Window

    phantom(tmp_path / "series", size=(10, 8, 6))
    head = volume.load(tmp_path / "series")
    window = Window(head, scene_of(head), off_screen=True, title=text)
    title = window.plotter.title
    window.close()
    assert acting(title) == set()
    assert len(title) < 1000
