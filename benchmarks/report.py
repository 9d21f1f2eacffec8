"""What a run of the benchmarks says: row by row as they come, and the file of results."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from peers import versions
from row import Measured, Row, megabytes, seconds
from series import Workshop

RESULTS = Path(__file__).with_name("results.md")
COLUMNS = (
    "SimpleITK", "pydicom", "dcm2niix", "vtk-dicom", "dicom2nifti", "volume", "floor",
)  # fmt: skip
QUICK_ROUNDS = 3
Maker = Callable[[Workshop], Row | Sequence[Row]]


def options() -> argparse.Namespace:
    """Read the command line that every script has."""
    main = sys.modules["__main__"].__doc__ or ""
    parser = argparse.ArgumentParser(description=main.splitlines()[0] if main else "")
    parser.add_argument("--quick", action="store_true", help="small series, few rounds")
    parser.add_argument("--rounds", type=int, help="instead of each row's own number")
    parser.add_argument("--only", default="", help="scripts, joined by commas: headers,to_nii")
    parser.add_argument("--rows", action="store_true", help="without how it grows")
    return parser.parse_args()


def alone(maker: Maker) -> None:
    """Run the rows of one script and print them."""
    chosen = options()
    with Workshop(chosen.quick) as shop:
        list(measured(shop, [maker], chosen.rounds))


def measured(shop: Workshop, makers: Iterable[Maker], rounds: int | None) -> Iterable[Measured]:
    """Run row by row, each printed when it is done."""
    for maker in makers:
        made = maker(shop)
        for row in [made] if isinstance(made, Row) else made:
            done = row.run(rounds or (QUICK_ROUNDS if shop.quick else None))
            print(done.markdown(), flush=True)
            yield done


def machine() -> str:
    """Say what it ran on."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = ""
    if hasattr(os, "sysconf"):
        memory = f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    kernel = f"{platform.system()} {platform.release().partition('-')[0]}"
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    python = f"Python {platform.python_version()}"
    return f"{_processor()}, {usable} cores{memory}; {kernel}; {python}; {when}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    found = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(found, platform.processor() or platform.machine())


def summary(rows: Iterable[Measured]) -> str:
    """Lay the medians out as one table, us and the peers side by side."""
    head = ["work", *COLUMNS, "at least"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for one in rows:
        cells = [_cell(one, name) for name in COLUMNS]
        lines.append(f"| {one.row.work} | {' | '.join(cells)} | {'; '.join(one.verdicts)} |")
    return "\n".join(lines)


def _cell(one: Measured, name: str) -> str:
    result = one.results.get(name)
    if result is None:
        return "-"
    value = megabytes(result.peak) if one.row.watch else seconds(result.second)
    told = "failed" if result.failure else value
    return f"**{told}**" if name == "volume" else told


def page(rows: Sequence[Measured], growth: str) -> str:
    """Write the results of a run."""
    details = "\n".join(one.markdown() for one in rows)
    return f"""## Run of {machine()}

{"; ".join(versions())}

{summary(rows)}

{growth}
{details}"""


HEAD = """# Speed, measured

Written by `make bench`: the newest run, and the one before it. Medians of runs that were
interleaved, contestant by contestant in random order, each in a process of its own, with the
files in the page cache. Where nothing else is said the whole process is timed. Ratios hold
elsewhere, times do not. Peak memory is of a process and its children together, what they share
counted once (Linux).

"""
RUN = "## Run of "


def keep(text: str, path: Path = RESULTS) -> None:
    """Put a run at the head of the file, before the newest that stands there."""
    before = path.read_text("utf-8").split(RUN)[1:2] if path.exists() else []
    path.write_text(HEAD + "\n".join([text, *(RUN + run for run in before)]), "utf-8")
