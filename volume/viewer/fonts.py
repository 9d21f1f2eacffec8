"""Letters that the viewer's own font lacks: drawn by a font file of the system, if there is one.

VTK's own font ends with Latin Extended-A; what is beyond it is drawn as nothing.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from volume.viewer.font_file import letters_of
from volume.viewer.transliteration import is_syllable, romanize

LAST_OWN = 0x17F
MARKS = "–—…•"
"""What VTK's own font has beyond Latin Extended-A."""

NAMES = """
    malgun.ttf AppleSDGothicNeo.ttc AppleGothic.ttf NotoSansCJK-Regular.ttc
    NotoSansCJKkr-Regular.otf
    NotoSansKR-Regular.otf NotoSansKR-Regular.ttf SourceHanSansKR-Regular.otf NanumGothic.ttf
    NanumBarunGothic.ttf UnDotum.ttf gulim.ttc Baekmuk-Dotum.ttf
    HiraginoSans-W3.ttc msgothic.ttc YuGothR.ttc meiryo.ttc ipag.ttf TakaoGothic.ttf msyh.ttc
    simsun.ttc PingFang.ttc wqy-microhei.ttc wqy-zenhei.ttc DroidSansFallbackFull.ttf
    Arial.ttf segoeui.ttf DejaVuSans.ttf NotoSans-Regular.ttf LiberationSans-Regular.ttf
    FreeSans.ttf Arial\\u0020Unicode.ttf
""".split()
"""Font files by name, those for Korean first: these have Latin letters, too."""
DEEPEST = 5
"""Fonts lie no deeper than so many folders."""
JOINED = ("ARABIC", "HEBREW", "SYRIAC", "DEVANAGARI", "BENGALI", "TAMIL", "THAI", "KHMER")
"""Scripts whose letters join, stack or run to the left, which VTK does not know of."""


def places() -> list[Path]:
    """List the folders in which this system keeps its fonts."""
    home = Path.home()
    if sys.platform == "win32":
        windows = Path(os.environ.get("WINDIR", r"C:\\Windows")) / "Fonts"
        own = os.environ.get("LOCALAPPDATA")
        return [windows, *([Path(own) / "Microsoft/Windows/Fonts"] if own else [])]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    shared = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts")]
    return [*shared, home / ".local/share/fonts", home / ".fonts"]


@cache
def installed() -> tuple[Path, ...]:
    """List the font files of the system that we know by name, the most useful first."""
    wanted = [name.replace("\\u0020", " ").lower() for name in NAMES]
    found: dict[str, Path] = {}
    for folder in places():
        for path in _files(folder, DEEPEST):
            if path.name.lower() in wanted:
                found.setdefault(path.name.lower(), path)
    return tuple(found[name] for name in wanted if name in found)


def font_for(text: str) -> str | None:
    """Give the file of a font that has every letter of a text; None for VTK's own, or none."""
    foreign = frozenset(letter for letter in text if not is_own(letter) and letter != "\n")
    return _font_with(foreign) if foreign else None


def is_own(letter: str) -> bool:
    """Say whether VTK's own font has a letter."""
    return ord(letter) <= LAST_OWN or letter in MARKS


def drawable(text: str) -> str:
    """Give a text as it can be drawn: its own letters, or Latin ones, or "?" in their place."""
    if all(map(is_own, text)) or font_for(text) is not None:
        return text
    latin = "".join(part if is_own(part) else _plain(part) for part in romanize(text))
    if any(map(is_syllable, text)):
        _noted.add("Hangul")
    return latin


def remark() -> str:
    """Say, once, that Hangul is written in Latin letters for want of a font."""
    if "Hangul" not in _noted or "said" in _noted:
        return ""
    _noted.add("said")
    return NO_FONT


NO_FONT = (
    "Hangul is shown in Latin letters: no font with it is here; install one (Debian: fonts-nanum)"
)
_noted: set[str] = set()


@cache
def _font_with(letters: frozenset[str]) -> str | None:
    if any(_is_joined(letter) for letter in letters):
        return None
    wanted = {ord(letter) for letter in letters}
    return next((str(path) for path in installed() if wanted <= _letters(path)), None)


@cache
def _letters(path: Path) -> frozenset[int]:
    return letters_of(path)


def _is_joined(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith(JOINED)


def _plain(letter: str) -> str:
    """Take the marks off a Latin letter; "?" for letters of other scripts."""
    base = unicodedata.normalize("NFKD", letter)[0]
    return base if is_own(base) else "?"


def _files(folder: Path, depth: int) -> Iterator[Path]:
    """Walk the files below a folder; one that cannot be listed is empty."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_file():
            yield Path(entry.path)
        elif depth and entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path), depth - 1)
