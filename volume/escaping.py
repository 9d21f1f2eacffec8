"""Text of files and of people, made safe to show.

A tag or a file name may hold characters that move the terminal's cursor, turn the text
around, or are not there at all. Shown, they are written out as `\\x1b`, `\\u202e`; as
data, text stays what it is.
"""

from __future__ import annotations

import unicodedata

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of characters that act on the text around them, or that no font has."""
INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0").union(
    map(chr, range(0xFE00, 0xFE10)), map(chr, range(0xE0100, 0xE01F0))
)
"""Letters and marks without width: joiners, fillers of Hangul and Khmer, variation selectors."""
LONGEST = 1000
"""So many characters of one text are shown: a dozen lines of a terminal."""
LABEL = 120
"""So many of a name in a table or a title."""


def escape(text: object, longest: int = LONGEST) -> str:
    """Write hidden characters out, and cut what is longer than `longest` in its middle."""
    shown = cut(str(text), longest)
    return "".join(map(_write_out, shown)) if _may_hide(shown) else shown


def cut(text: str, longest: int) -> str:
    """Keep the beginning and the end of a text that is too long; a path's end tells the most."""
    if len(text) <= longest:
        return text
    end = longest // 3
    return f"{text[: longest - end - 1]}…{text[-end:]}"


def is_hidden(character: str) -> bool:
    """Say whether a character is none that a reader would see as itself."""
    return unicodedata.category(character) in HIDDEN or character in INVISIBLE


def escape_json(document: str) -> str:
    """Write the hidden characters of a JSON document as `\\uXXXX`: it reads back the same."""
    return "\n".join(
        "".join(map(_write_for_json, line)) if _may_hide(line) else line
        for line in document.split("\n")
    )


def _may_hide(text: str) -> bool:
    return not (text.isascii() and text.isprintable())


def _write_out(character: str) -> str:
    return character.encode("unicode_escape").decode() if is_hidden(character) else character


def _write_for_json(character: str) -> str:
    if not is_hidden(character):
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[n : n + 4]}" for n in range(0, len(units), 4))
