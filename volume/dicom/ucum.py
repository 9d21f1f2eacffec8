"""Units of measurement as UCUM writes them, and nothing else that might stand in their place.

The Unified Code for Units of Measure (ucum.org), case sensitive: the units that images bear.
"""

from __future__ import annotations

import re

ATOMS = (
    "m g s A K mol cd rad L l eV Pa bar N J W V T G Hz Bq Ci Gy Sv C F Ohm S Wb H min h d wk mo a"
    " deg ' '' Cel % [ppth] [ppm] [ppb] [hnsf'U] dB Np B u kat U [iU] [IU] m[Hg] m[H2O] osm eq"
    " {counts} {count} {propcounts} 10* 10^ 1"
).split()
PREFIXES = "Y Z E P T G M k h da d c m u n p f a".split()
NOTES = (
    "SUVbw SUVlbm SUVbsa SUVibw SUVlbm(James128) SUVlbm(Janma) counts ratio fraction no_units"
    " standard_deviation GML strain"
).split()
"""Annotations that PS3.16 CID 84 and 85 and writers of maps use; free text is none."""

_ATOM = "|".join(re.escape(atom) for atom in sorted(ATOMS, key=len, reverse=True))
_PREFIX = "|".join(sorted(PREFIXES, key=len, reverse=True))
_NOTE = "|".join(re.escape(note) for note in NOTES)
_SYMBOL = rf"(?:{_PREFIX})?(?:{_ATOM})(?:[-+]?[0-9]{{1,2}})?"
_SIMPLE = rf"(?:[1-9][0-9]{{0,5}}(?:{_SYMBOL})?|{_SYMBOL})"
_TERM = rf"\(?(?:(?:\{{(?:{_NOTE})\}})?{_SIMPLE}(?:\{{(?:{_NOTE})\}})?|\{{(?:{_NOTE})\}})\)?"
UNIT = re.compile(rf"/?{_TERM}(?:[./]{_TERM}){{0,6}}")
"""Units joined by points and strokes: DICOM writes notes before a unit too (PS3.16 CID 85)."""


def read_unit(code: str, scheme: str) -> str:
    """Give a unit as it is written, "" for what is no unit of UCUM; HU for Hounsfield's."""
    if scheme != "UCUM" or len(code) > LONGEST or not UNIT.fullmatch(code):
        return ""
    return "HU" if code == "[hnsf'U]" else code


LONGEST = 32
