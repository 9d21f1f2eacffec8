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
    NanumBarunGothic.ttf NanumSquareR.ttf NanumGothicCoding.ttf NanumGothicBold.ttf
    UnDotum.ttf gulim.ttc Baekmuk-Dotum.ttf
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
    """Give the file of the font that a `drawable` text needs; None where VTK's own has it all."""
    return None if all(map(is_own, text)) else _font_with(_beyond_ascii(text))


def is_own(letter: str) -> bool:
    """Say whether VTK's own font has a letter."""
    return ord(letter) <= LAST_OWN or letter in MARKS


def drawable(text: str) -> str:
    """Give a text as one font can draw it: what that lacks in Latin letters, or as "?"."""
    if all(map(is_own, text)):
        return text
    path = _font_with(_beyond_ascii(text))
    known = frozenset() if path is None else _letters(Path(path))
    if path is None and any(map(is_syllable, text)):
        _noted.add("Hangul")
    return "".join(_as_known(part, known, path) for part in _parts(text, known))


def _parts(text: str, known: frozenset[int]) -> str:
    """Write Hangul in Latin letters, word by word as it sounds, where the font lacks any of it."""
    if all(ord(letter) in known for letter in text if is_syllable(letter)):
        return text
    return romanize(text)


def _as_known(letter: str, known: frozenset[int], path: str | None) -> str:
    if letter.isascii() or ord(letter) in known or (path is None and is_own(letter)):
        return letter
    return _plain(letter, known)


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


def _beyond_ascii(text: str) -> frozenset[str]:
    return frozenset(letter for letter in text if not letter.isascii())


@cache
def _font_with(letters: frozenset[str]) -> str | None:
    """Choose the font that has most of the letters; None where it has none of the foreign ones."""
    foreign = {ord(a) for a in letters if not is_own(a) and not _is_joined(a)}
    wanted = foreign | {ord(letter) for letter in letters if is_own(letter)}
    useful = [path for path in installed() if foreign & _letters(path)]
    best = max(useful, key=lambda path: len(wanted & _letters(path)), default=None)
    return None if best is None else str(best)


@cache
def _letters(path: Path) -> frozenset[int]:
    return letters_of(path)


def _is_joined(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith(JOINED)


def _plain(letter: str, known: frozenset[int]) -> str:
    """Take the marks off a Latin letter; "?" for letters of other scripts."""
    if letter in PLAIN:
        return PLAIN[letter]
    base = unicodedata.normalize("NFKD", letter)[0]
    return base if base.isascii() or ord(base) in known else "?"


PLAIN = {"–": "-", "—": "-", "…": "...", "•": "*", "×": "x", "°": "deg", "ß": "ss", "ø": "o"}
"""What marks become in a font that lacks them."""


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
