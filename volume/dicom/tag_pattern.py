"""What a person types to find a data element: its number, its name or a part of either."""

from __future__ import annotations

import re
from dataclasses import dataclass

from volume.dicom.listing import Listed

DIGITS = "[0-9A-Fa-f?*Xx]"
NUMBER = re.compile(
    rf"\(?(?:0[Xx])?({DIGITS}{{4}}|\*)(?:\s*,\s*({DIGITS}{{4}}|\*)|({DIGITS}{{4}}))?\)?"
)
"""0028,0030 and (0028,0030), 00280030, 0x00280030, the group 0028; ? and x stand for a digit."""
NO_LETTER = re.compile(r"[^0-9a-z?*]")


@dataclass(frozen=True, slots=True)
class TagPattern:
    """A pattern; one that is empty fits every element."""

    number: re.Pattern[str] | None = None
    name: re.Pattern[str] | None = None

    @classmethod
    def of(cls, text: str) -> TagPattern:
        """Read a pattern. Raises `ValueError` where nothing is left to look for."""
        found = NUMBER.fullmatch(text.strip())
        if found and re.search("[0-9]", text):
            digits = found[1] + (found[2] or found[3] or "*")
            return cls(number=_glob(digits.upper().replace("X", "?")))
        letters = NO_LETTER.sub("", text.lower())
        if not letters:
            raise ValueError(f"{text!r} is neither a name nor a number of a data element")
        is_glob = "*" in letters or "?" in letters
        return cls(name=_glob(letters if is_glob else f"*{letters}*"))

    def fits(self, one: Listed) -> bool:
        """Say whether an element is looked for; items are not, nor are elements by a value."""
        if one.item:
            return False
        if self.number:
            return bool(self.number.fullmatch(f"{one.tag:08X}"))
        names = (one.keyword, one.name)
        return self.name is None or any(
            self.name.fullmatch(NO_LETTER.sub("", name.lower())) for name in names if name
        )


def _glob(text: str) -> re.Pattern[str]:
    """Make a pattern of which * stands for anything and ? for one character."""
    parts = (
        {"*": ".*", "?": "."}.get(part, re.escape(part)) for part in re.split(r"(\*+|\?)", text)
    )
    return re.compile("".join(".*" if set(part) == {"*"} else part for part in parts))
