"""Keys by what they write, whatever input is on."""

import pytest

from volume.viewer.keyboard import DUBEOLSIK, key_name, latin_key


@pytest.mark.parametrize(
    ("code", "symbol", "name"),
    [
        ("i", "i", "i"), ("?", "question", "?"), ("3", "KP_3", "3"), ("\0", "Prior", "PageUp"),
        ("\0", "KP_Next", "PageDown"), ("\x1b", "Escape", "Escape"), (" ", "space", "space"),
        ("\x13", "s", "s"), ("\0", "Up", "Up"), ("\x7f", "Delete", "Delete"), ("[", "", "["),
    ],
)  # fmt: skip
def test_a_key_is_what_it_writes_else_what_it_is_called(code, symbol, name):
    assert key_name(code, symbol) == name


@pytest.mark.parametrize(
    ("symbol", "latin"),
    [
        ("Hangul_Pieub", "q"), ("Hangul_Jieuj", "w"), ("Hangul_Cieuc", "c"), ("Hangul_Dikeud", "e"),
        ("Hangul_YA", "i"), ("Hangul_AE", "o"), ("Hangul_EU", "m"), ("Hangul_Phieuf", "v"),
        ("Hangul_A", "k"), ("Hangul_I", "l"), ("U3134", "s"), ("ㅁ", "a"),
        ("Hangul_SsangJieuj", "W"),
    ],
)  # fmt: skip
def test_a_key_of_the_hangul_keyboard_is_its_latin_key(symbol, latin):
    assert key_name("\0", symbol) == latin


def test_what_an_input_method_writes_is_the_key_it_begins_with():
    assert latin_key("한") == "g"  # ㅎ
    assert key_name("ㅅ", "") == "t"
    assert latin_key("é") == latin_key("") == ""


def test_every_latin_key_has_one_letter_of_hangul():
    assert sorted(key for key in DUBEOLSIK.values() if key.islower()) == sorted(
        "abcdefghijklmnopqrstuvwxyz"
    )
