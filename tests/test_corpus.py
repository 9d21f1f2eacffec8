"""No damaged file is a fault: its pixels are right, or it is refused with a reason.

A part of the corpus; `make fuzz` judges the whole of it, and other seeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

import corpus_volume_files
import second_reader
from corpus import FAMILIES, corpus, family_of
from corpus_volume_files import VolumeFile, corpus_of_volume_files
from good_files import GoodFile, good_files
from judge import Judge
from phantom import phantom
from phantom_encoding import SYNTAXES
from reader import Reader

PART = 0.07
"""So much of the corpus is judged here: at least one file of every family."""
SEED = 1


@pytest.fixture(scope="module")
def goods() -> list[GoodFile]:
    return good_files(real=False)


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Reader("volume") as reader, Reader("second") as second, Judge(reader, second) as one:
        yield one


@pytest.mark.parametrize("family", FAMILIES)
def test_a_damaged_file_is_read_right_or_refused(family, goods, judge):
    count, make = FAMILIES[family]
    part = max(1, round(count * PART))
    verdicts = [judge.judge(case) for case in family_of(family, SEED, goods, part, make)]
    assert not [f"{v.kind}: {v.case}: {v.why}" for v in verdicts if v.is_fault]


def test_every_good_file_is_read_as_another_reader_reads_it(goods, judge):
    make = FAMILIES["untouched"][1]
    cases = family_of("untouched", SEED, goods, len(goods), make)
    assert Counter(judge.judge(case).kind for case in cases) == {"right": len(goods)}


def test_the_corpus_is_large_and_of_many_kinds(goods):
    made = list(corpus(SEED, goods))
    assert len(made) >= 1000
    assert len({case.family for case in made}) >= 30
    assert len({case.data for case in made}) >= 0.95 * len(made)
    assert len({case.name for case in made}) == len(made)


def test_the_same_seed_makes_the_same_files_and_another_one_others(goods):
    first, again, other = (
        [(case.name, case.data) for case in corpus(seed, goods, scale=0.2)]
        for seed in (SEED, SEED, 2)
    )
    assert first == again
    same = {data for _, data in first} & {data for _, data in other}
    assert len(same) < 0.2 * len(first)


@pytest.mark.parametrize("enhanced", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_second_reader_finds_every_voxel_in_its_place(syntax, enhanced, tmp_path):
    truth = phantom(tmp_path, size=(16, 12, 4), transfer_syntax=syntax, enhanced=enhanced)
    for path in truth.paths:
        seen = second_reader.read(path)
        assert truth.error_mm(seen.array, seen.affine) <= 0.5 / truth.slope_per_mm + 1e-9


@pytest.fixture(scope="module")
def volume_files() -> list[VolumeFile]:
    return corpus_volume_files.volume_files()


@pytest.mark.parametrize("family", corpus_volume_files.FAMILIES)
def test_a_damaged_volume_file_is_read_right_or_refused(family, volume_files, judge):
    made = corpus_of_volume_files(SEED, volume_files, scale=0.2, only=family)
    verdicts = [judge.judge(case) for case in made]
    assert not [f"{v.kind}: {v.case}: {v.why}" for v in verdicts if v.is_fault]
