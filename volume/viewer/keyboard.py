"""Which key was pressed, whatever input is on: a Hangul letter stands for its Latin key."""

from __future__ import annotations

from string import hexdigits

DUBEOLSIK = dict(
    zip(
        "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔㅁㄴㅇㄹㅎㅗㅓㅏㅣㅋㅌㅊㅍㅠㅜㅡ",
        "qwertyuiopasdfghjklzxcvbnm",
        strict=True,
    )
) | dict(zip("ㅃㅉㄸㄲㅆㅒㅖ", "QWERTOP", strict=True))
"""The two-set keyboard of Korea (KS X 5002): a letter of Hangul and the key that it is on."""

X11_NAMES = """
    Kiyeog SsangKiyeog KiyeogSios Nieun NieunJieuj NieunHieuh Dikeud SsangDikeud Rieul RieulKiyeog
    RieulMieum RieulPieub RieulSios RieulTieut RieulPhieuf RieulHieuh Mieum Pieub SsangPieub
    PieubSios Sios SsangSios Ieung Jieuj SsangJieuj Cieuc Khieuq Tieut Phieuf Hieuh
    A AE YA YAE EO E YEO YE O WA WAE OE YO U WEO WE WI YU EU YI I
""".split()
"""What X11 calls the letters of Hangul, from U+3131 on (keysymdef.h, after "Hangul_")."""
FIRST_LETTER = 0x3131

RENAMED = {"question": "?", "Prior": "PageUp", "Next": "PageDown"}
"""What X11 calls keys, where we call them otherwise."""
FIRST_SYLLABLE, LAST_SYLLABLE = 0xAC00, 0xD7A3
INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
SYLLABLES_EACH = 588
"""So many syllables begin with one consonant (Unicode 3.12)."""


def key_name(code: str, symbol: str) -> str:
    """Name a key by what it writes, so that any keyboard's "?" is one, else as X11 calls it.

    `code` is the letter that was written, if any, `symbol` the name that the system gives.
    """
    if code.isprintable() and code.strip() and code != "\0" and code.isascii():
        return code
    name = symbol.removeprefix("KP_")
    return latin_key(code) or latin_key(_letter_named(name)) or RENAMED.get(name, name)


def latin_key(letter: str) -> str:
    """Give the Latin letter of the key that writes a Hangul letter; nothing for others."""
    if len(letter) != 1:
        return ""
    if FIRST_SYLLABLE <= ord(letter) <= LAST_SYLLABLE:  # what an input method has put together
        letter = INITIALS[(ord(letter) - FIRST_SYLLABLE) // SYLLABLES_EACH]
    return DUBEOLSIK.get(letter, "")


def _letter_named(name: str) -> str:
    """Give the letter that a name of X11 stands for: Hangul_Pieub, U3142, or a letter itself."""
    hangul = name.removeprefix("Hangul_")
    if hangul != name and hangul in X11_NAMES:
        return chr(FIRST_LETTER + X11_NAMES.index(hangul))
    if name[:1] == "U" and len(name) == 5 and all(digit in hexdigits for digit in name[1:]):
        return chr(int(name[1:], 16))
    return name
