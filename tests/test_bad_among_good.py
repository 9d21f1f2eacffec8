"""One bad file among twelve good ones never makes a wrong volume, and is always named.

A part of the ways; `make fuzz` goes all of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import bad_among_good
from bad_among_good import BAD, CONFLICTS, Way, judge_way, ways
from corpus import FAMILIES
from damaged import Picture
from reader import Answer, Reader

PART, SEED = 60, 1


@pytest.fixture(scope="module")
def readers() -> Iterator[tuple[Reader, Reader]]:
    with Reader("volume") as reader, Reader("second") as second:
        yield reader, second


@pytest.mark.parametrize("way", list(ways(SEED, PART)), ids=lambda way: way.name)
def test_a_bad_file_is_named_and_changes_nothing(way, readers):
    verdict = judge_way(way, *readers)
    assert not verdict.is_fault, f"{verdict.kind}: {verdict.why}"


def test_there_are_enough_ways():
    every = list(ways(SEED))
    assert len({way.name for way in every}) == len(every) >= 250
    assert [way.name for way in every] == [way.name for way in ways(SEED)]


@pytest.mark.parametrize("syntax", bad_among_good.SYNTAXES)
def test_every_family_of_a_transfer_syntax_has_damage_for_one_slice(syntax, tmp_path):
    families = [f for f in FAMILIES if f not in bad_among_good.HARMLESS]
    found = [f for f in families if bad_among_good.has_damage(f, syntax)]
    assert len(found) >= 25
    for n, family in enumerate(found):
        way = Way(family, family, 3, True, syntax, seed="1")
        way.write(tmp_path / str(n))
        assert (tmp_path / str(n) / BAD).is_file()


class Pretender:
    """Answers with what a test thinks up about the folder."""

    tool = "volume"

    def __init__(self, tmp_path: Path, answer) -> None:
        self._copy, self._answer = tmp_path / "kept", answer

    def ask(self, folder) -> Answer:
        shutil.copytree(folder, self._copy)
        return self._answer


def whole(drop: tuple[int, ...] = (), wrong: int | None = None) -> Picture:
    """Give the true volume of the ways, some slices dropped, one wrong."""
    x, y, z = np.meshgrid(*map(np.arange, (12, 10, 13)), indexing="ij")
    spacing, origin = (0.8, 0.7, 2.5), (-31.4, 17.2, -12.3)
    xyz = [n * mm + o for n, mm, o in zip((x, y, z), spacing, origin, strict=True)]
    values = (3.7 * xyz[0] + 5.3 * xyz[1] + 11.9 * xyz[2]).T.copy()
    if wrong is not None:
        values[wrong] += 50
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = origin
    return Picture(np.delete(values, drop, axis=0), affine)


NAMED = (("unreadable", (BAD,)),)
INSIDE = Way("other pixels", "conflict", 6, False, "explicit", CONFLICTS["other pixels"])
LAST = Way("other series", "conflict", 12, False, "explicit", CONFLICTS["other series UID"])


@pytest.mark.parametrize(
    ("way", "answer", "verdict"),
    [
        (INSIDE, Answer("refused", named=NAMED), "refused"),
        (INSIDE, Answer("refused", named=(("unreadable", ("I0001.dcm",)),)), "not named"),
        (INSIDE, Answer("picture", picture=whole()), "right"),
        (INSIDE, Answer("picture", picture=whole(wrong=6), named=NAMED), "right"),
        (INSIDE, Answer("picture", picture=whole(wrong=3)), "wrong in silence"),
        (INSIDE, Answer("picture", picture=whole(wrong=6)), "wrong in silence"),
        (INSIDE, Answer("picture", picture=whole(drop=(6,)), named=NAMED), "wrong in silence"),
        (INSIDE, Answer("picture", picture=whole(drop=(12,))), "wrong in silence"),
        (LAST, Answer("picture", picture=whole(drop=(12,)), named=NAMED), "right"),
        (LAST, Answer("picture", picture=whole(drop=(12,))), "not named"),
        (LAST, Answer("traceback"), "traceback"),
    ],
)
def test_the_judge_of_ways_sees_what_is_wrong(way, answer, verdict, readers, tmp_path):
    pretender = Pretender(tmp_path, answer)
    assert judge_way(way, pretender, readers[1]).kind == verdict
    assert len(list((tmp_path / "kept").iterdir())) == 13
    assert bad_among_good.SLICES == 13
