"""What becomes of damaged files? The same ones through us and through the peers.

    python benchmarks/damage.py [SEED] [--files N] [--ways N] [--keep DIR] [--case NAME]

Files damaged in every way the tests know of, drawn from SEED, and series of twelve good
slices with one bad file. A tool is right where the pixels and their places are those of
the good file (or what the file now says, where that is as good a number); altered where a
compressed frame became a valid stream of another picture, which nothing can tell; refused
where it says so. Everything else is a fault. A peer that reads the good file otherwise is
right as well where damage changes nothing of what it reads. Every tool reads in a process
of its own, at most 10 s a file and 8 GB in all. `--case` takes only what has NAME in its
name; `--keep` writes the files on which `volume` fails (with `--case`: all) into DIR.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from bad_among_good import Way, judge_way, ways
from corpus import FAMILIES, corpus
from corpus_volume_files import VolumeFile, corpus_of_volume_files, volume_files
from damaged import Damaged, Picture
from good_files import GoodFile, good_files
from judge import Judge, Verdict
from kills import survive
from planted import leaks
from reader import Reader

Good = GoodFile | VolumeFile
OURS = "volume"
PACKAGES = {
    OURS: "dicom-volume", "SimpleITK": "SimpleITK", "dcm2niix": "dcm2niix", "pydicom": "pydicom",
}  # fmt: skip
KINDS = (
    "right", "altered", "refused", "wrong in silence", "crashed", "hung", "over 2 GB",
    "traceback", "unclear refusal",
)  # fmt: skip
KINDS_OF_WAYS = (
    "right", "altered", "refused", "wrong in silence", "not named", "crashed", "hung",
    "over 2 GB", "traceback",
)  # fmt: skip
READERS_OF_SERIES = (OURS, "SimpleITK", "dcm2niix")
READERS_OF_VOLUME_FILES = (OURS, "SimpleITK")
KILLS = 60
"""Kills of each of the writers."""


def main(arguments: Sequence[str]) -> int:
    """Print the tables, and every case in which we are at fault; 1 where there is one."""
    options = _options(arguments)
    faults: list[tuple[str, Verdict]] = []
    print(f"seed {options.seed}\n\n## Damaged files\n")
    goods, scale = good_files(), options.files / sum(count for count, _ in FAMILIES.values())
    cases = chosen(corpus(options.seed, goods, scale=scale), options.case)
    faults += table(judged(cases, tuple(PACKAGES), goods, options), KINDS)
    print("\n## Damaged volume files\n")
    grids, scale = volume_files(), options.files / 2000
    cases = chosen(corpus_of_volume_files(options.seed, grids, scale=scale), options.case)
    faults += table(judged(cases, READERS_OF_VOLUME_FILES, grids, options), KINDS)
    print("\n## One bad file among twelve good slices\n")
    found = [way for way in ways(options.seed, options.ways) if options.case in way.name]
    faults += table(judged_ways(found, READERS_OF_SERIES, options.keep), KINDS_OF_WAYS)
    clean = kills_and_leaks(options.seed) if not options.case else True
    print_faults(faults, options.seed)
    return int(bool(faults) or not clean)


def _options(arguments: Sequence[str]) -> Any:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("seed", nargs="?", type=int, default=1)
    parser.add_argument("--files", type=int, default=1200, help="about so many files")
    parser.add_argument("--ways", type=int, default=300, help="of a bad file among good ones")
    parser.add_argument("--keep", type=Path, help="a folder for the files that we fail on")
    parser.add_argument("--case", default="", help="only what has this in its name")
    return parser.parse_args(arguments)


def chosen(cases: Iterable[Damaged], name: str) -> Iterator[Damaged]:
    """Take the cases of a name, or all of them."""
    return (case for case in cases if name in case.name)


def judged(
    cases: Iterable[Damaged], tools: Sequence[str], goods: Sequence[Good], options: Any
) -> Iterator[tuple[str, Verdict]]:
    """Have every tool read every file, one file after the other."""
    with ExitStack() as stack:
        second = stack.enter_context(Reader("second"))
        judges = {
            tool: stack.enter_context(Judge(stack.enter_context(Reader(tool)), second))
            for tool in tools
        }
        seen = {
            (tool, id(good.picture)): _seen(judge.reader, good)
            for good in goods
            for tool, judge in judges.items()
            if tool != OURS
        }
        for case in cases:
            for tool, judge in judges.items():
                own = [p for right in case.pictures for p in seen.get((tool, id(right)), ())]
                verdict = judge.judge(replace(case, pictures=(*case.pictures, *own)))
                if options.keep and tool == OURS and (verdict.is_fault or options.case):
                    _keep(options.keep, case.name, case.suffix, case.data)
                yield tool, verdict


def _seen(reader: Reader, good: Good) -> tuple[Picture, ...]:
    """Give what a peer reads in a good file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"good{getattr(good, 'suffix', '.dcm')}")
        path.write_bytes(good.data)
        found = reader.ask(path).picture
        return () if found is None else (found,)


def judged_ways(
    found: Iterable[Way], tools: Sequence[str], keep: Path | None
) -> Iterator[tuple[str, Verdict]]:
    """Have every tool read every series."""
    with ExitStack() as stack:
        second = stack.enter_context(Reader("second"))
        readers = {tool: stack.enter_context(Reader(tool)) for tool in tools}
        for way in found:
            for tool, reader in readers.items():
                verdict = judge_way(way, reader, second)
                if keep and tool == OURS and verdict.is_fault:
                    way.write(_empty(keep / _file_name(way.name)))
                yield tool, verdict


def _keep(folder: Path, name: str, suffix: str, data: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / (_file_name(name) + suffix)).write_bytes(data)


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:100]


def _empty(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    return folder


def table(
    verdicts: Iterable[tuple[str, Verdict]], kinds: Sequence[str]
) -> list[tuple[str, Verdict]]:
    """Print a row a tool, and what was altered; give our faults."""
    by_tool: dict[str, list[Verdict]] = {}
    for tool, verdict in verdicts:
        by_tool.setdefault(tool, []).append(verdict)
    print(f"| tool | tried | {' | '.join(kinds)} | worst time | worst memory |")
    print("|" + "---|" * (len(kinds) + 4))
    for tool, some in by_tool.items():
        print(_row(tool, some, kinds), flush=True)
    ours = by_tool.get(OURS, [])
    _print_altered(ours)
    return [(verdict.case, verdict) for verdict in ours if verdict.is_fault]


def _row(tool: str, verdicts: Sequence[Verdict], kinds: Sequence[str]) -> str:
    count = Counter(verdict.kind for verdict in verdicts)
    numbers = " | ".join(str(count[kind]) for kind in kinds)
    seconds = max(verdict.seconds for verdict in verdicts)
    peak = max(verdict.peak for verdict in verdicts) / 2**20
    name = f"{tool} {version(PACKAGES[tool])}"
    return f"| {name} | {len(verdicts)} | {numbers} | {seconds:.1f} s | {peak:,.0f} MB |"


def _print_altered(verdicts: Sequence[Verdict]) -> None:
    families = Counter(verdict.family for verdict in verdicts if verdict.kind == "altered")
    if families:
        told = ", ".join(f"{family} {count}" for family, count in families.most_common())
        print(f"\naltered, by family: {told}")


def kills_and_leaks(seed: int) -> bool:
    """Print what kills left and what values leaked; say whether there was nothing."""
    print("\n## Kills and leaks\n")
    rows = survive(KILLS, seed)
    kills, in_time = sum(row.kills for row in rows), sum(row.in_time for row in rows)
    broken = [name for row in rows for name in (*row.broken, *row.left)]
    print(f"- kills survived: {kills - len(broken)} of {kills}, {in_time} of them while writing")
    with tempfile.TemporaryDirectory() as folder:
        planted, found = leaks(Path(folder))
    print(
        f"- planted values found in files that were written: {len(found)} of {planted}", flush=True
    )
    return not broken and not found


def print_faults(faults: Sequence[tuple[str, Verdict]], seed: int) -> None:
    """List our faults, so that each can be made again."""
    print(f"\n## Faults of {OURS}: {len(faults)}\n")
    for name, verdict in faults:
        why = " ".join(verdict.why.split())[:200]
        figures = f"{verdict.seconds:.1f} s, {verdict.peak / 2**20:.0f} MB"
        print(f"- {verdict.kind}: `--case {name!r}` of seed {seed} ({figures}): {why}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
