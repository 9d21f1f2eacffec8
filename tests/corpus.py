"""Files damaged in every way we know of, made from good ones; the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from random import Random

import corpus_files as files
import corpus_headers as headers
import corpus_streams as streams
from damaged import Damaged
from good_files import GoodFile

Make = Callable[[Random, Sequence[GoodFile]], Iterator[Damaged]]

FAMILIES: Mapping[str, tuple[int, Make]] = {
    "untouched": (60, headers.untouched),
    # data elements
    "header bits": (80, headers.header_bits),
    "meta bits": (30, headers.meta_bits),
    "native pixel bits": (20, headers.native_pixel_bits),
    "header overwritten": (40, headers.bytes_overwritten),
    "truncated": (90, headers.truncated_at_elements),
    "deflated stream": (20, headers.truncated_deflated),
    "lying lengths": (70, headers.lying_lengths),
    "nested deep": (24, headers.nested_deep),
    "millions of items": (16, headers.empty_items),
    "absurd counts": (70, headers.absurd_counts),
    "other valid counts": (16, headers.other_valid_counts),
    "several values": (40, headers.several_values),
    "poisoned numbers": (90, headers.poisoned_numbers),
    "poisoned groups": (24, headers.poisoned_groups),
    "number of numbers": (30, headers.wrong_number_of_numbers),
    "impossible planes": (30, headers.impossible_planes),
    "lying VRs": (40, headers.lying_vrs),
    "lying transfer syntaxes": (70, headers.lying_syntaxes),
    "repeated elements": (20, headers.repeated_elements),
    "shuffled elements": (16, headers.shuffled_elements),
    "gaps": (20, headers.gaps_between),
    "byte order midway": (16, headers.swapped_midway),
    "group lengths": (16, headers.group_lengths),
    "huge private elements": (9, headers.huge_private),
    "character sets": (20, headers.character_sets),
    "hostile texts": (40, headers.hostile_texts),
    "odd SOP classes": (20, headers.odd_classes),
    "known as UN": (20, headers.unknown_vrs),
    "functional groups": (24, headers.broken_groups),
    "lookup tables": (12, headers.lookup_tables),
    # whole files
    "other files": (60, files.other_files),
    "beginnings": (24, files.beginnings),
    "endings": (24, files.endings),
    "file meta information": (27, files.file_metas),
    "deflate bombs": (12, files.deflate_bombs),
    "deflate garbage": (12, files.deflate_garbage),
    # compressed frames
    "one bit of a stream": (55, streams.one_bit),
    "stream header bits": (55, streams.stream_header_bits),
    "stream cut": (36, streams.cut),
    "stream cut and closed": (55, streams.cut_and_closed),
    "stream cut and filled": (36, streams.cut_and_filled),
    "stream overwritten": (55, streams.overwritten),
    "stream bytes lost": (36, streams.bytes_lost),
    "stream spliced": (36, streams.spliced),
    "stream appended": (24, streams.appended),
    "another stream": (30, streams.another_picture),
    "stream size lies": (60, streams.size_lies),
    "size lies twice": (20, streams.both_lie),
    "JPEG floods": (30, streams.jpeg_floods),
    "JPEG scans": (20, streams.many_scans),
    "JPEG 2000 absurd": (40, streams.jpeg_2000_absurd),
    "RLE lies": (16, streams.run_length_lies),
    "fragment lies": (60, streams.fragment_lies),
    "offset tables": (30, streams.offset_tables),
}
"""Every kind of damage: how many files of it, and how they are made."""


def corpus(
    seed: int, goods: Sequence[GoodFile], *, scale: float = 1.0, only: str = ""
) -> Iterator[Damaged]:
    """Make the damaged files of a seed; `scale` makes more or fewer, at least one a family."""
    for family, (count, make) in FAMILIES.items():
        if only in family:
            yield from family_of(family, seed, goods, max(1, round(count * scale)), make)


def family_of(
    family: str, seed: int, goods: Sequence[GoodFile], count: int, make: Make
) -> Iterator[Damaged]:
    """Make one family: its draws do not depend on the others."""
    draw = random.Random(f"{seed} {family}")
    ordered = list(goods)
    draw.shuffle(ordered)
    for n, made in enumerate(islice(make(draw, ordered), count)):
        yield replace(made, family=family, name=f"{family} {n + 1}: {made.name}")
