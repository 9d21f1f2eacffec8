"""Hangul in Latin letters (Revised Romanization of Korean, 2000), for want of a font with it."""

from __future__ import annotations

import unicodedata

FIRST, LAST = 0xAC00, 0xD7A3
INITIALS = "g kk n d tt r m b pp s ss - j jj ch k t p h".split()
VOWELS = "a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i".split()
FINALS = "- g kk gs n nj nh d r rg rm rb rs rt rp rh m b bs s ss ng j ch k t p h".split()
"""The 19 initials, 21 vowels and 28 finals of a syllable, in Unicode's order (3.12)."""
CLOSED = {
    "g": "k", "kk": "k", "gs": "k", "k": "k", "n": "n", "nj": "n", "nh": "n", "d": "t", "s": "t",
    "ss": "t", "j": "t", "ch": "t", "t": "t", "h": "t", "r": "l", "rg": "k", "rm": "m", "rb": "l",
    "rs": "l", "rt": "l", "rp": "p", "rh": "l", "m": "m", "b": "p", "bs": "p", "p": "p",
    "ng": "ng", "-": "",
}  # fmt: skip
"""How a final sounds before a consonant and at the end of a word."""
NASAL = {"k": "ng", "t": "n", "p": "m"}
"""How a closed final sounds before n and m."""
SPLIT = ("gs", "nj", "nh", "rg", "rm", "rb", "rs", "rt", "rp", "rh", "bs")
"""Finals of two consonants: before a vowel the second goes over to it."""


def romanize(text: str) -> str:
    """Write the Hangul of a text in Latin letters; everything else stays."""
    text = unicodedata.normalize("NFC", text)
    parts: list[str] = []
    for n, letter in enumerate(text):
        if not is_syllable(letter):
            parts.append(letter)
            continue
        before = text[n - 1] if n and is_syllable(text[n - 1]) else ""
        after = text[n + 1] if n + 1 < len(text) and is_syllable(text[n + 1]) else ""
        initial, vowel, final = _parts(letter)
        start = _initial(initial, _parts(before)[2] if before else "-")
        parts.append(start + vowel + _final(final, _parts(after)[0] if after else ""))
    return "".join(parts)


def is_syllable(letter: str) -> bool:
    """Say whether a letter is a syllable of Hangul."""
    return FIRST <= ord(letter) <= LAST


def _parts(syllable: str) -> tuple[str, str, str]:
    number = ord(syllable) - FIRST
    return INITIALS[number // 588], VOWELS[number % 588 // 28], FINALS[number % 28]


def _initial(initial: str, before: str) -> str:
    """Word the first consonant; one that has none may take what the syllable before ends in."""
    if initial == "-":
        return _over(before)[1]
    if initial == "r" and CLOSED[before] in ("l", "n"):
        return "l"
    if initial == "r" and CLOSED[before]:
        return "n"
    if initial == "n" and CLOSED[before] == "l":
        return "l"
    return initial


def _final(final: str, after: str) -> str:
    """Word the last consonant, as the first of the next syllable has it ("" at the end)."""
    if after == "-":
        return _over(final)[0]
    closed = CLOSED[final]
    if closed == "n" and after == "r":
        return "l"
    if after in ("n", "m", "r"):
        return NASAL.get(closed, closed)
    return closed


def _over(final: str) -> tuple[str, str]:
    """Say what of a final stays before a vowel, and what goes over to it."""
    if final in SPLIT:
        stays, goes = final[0], final[1].replace("h", "")
        return (CLOSED[stays], goes) if goes else ("", stays)
    if final in ("-", "h"):
        return "", ""
    return ("ng", "") if final == "ng" else ("", final)
