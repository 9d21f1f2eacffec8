"""`volume compare`: whose flip is it? Two volumes, in place, in order and in values."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from volume.assembly.forecast import refuse_if_too_large
from volume.assembly.load import assemble_from, matching
from volume.assembly.options import Options
from volume.assembly.stack import Stack
from volume.cli import options
from volume.cli.console import Bar, print_json, say_findings
from volume.cli.headers import refuse_cache_in, scan_source
from volume.dicom.limits import parse_limits
from volume.errors import SeriesChoiceError
from volume.escaping import escape
from volume.formats.files import is_volume_file, members, read, read_all
from volume.processing.comparison import WITHIN_MM, Comparison
from volume.processing.comparison import compare as compare_volumes
from volume.volume import Volume

DIFFERENT = 6
SCHEMA = "volume.compare/1"


@click.command()
@options.flags(
    options.source_a, options.source_b, options.series, options.series_b, options.within_mm,
    options.within_value, options.gaps, options.geometry, options.padding, options.limits,
    options.cache, options.as_json, options.quiet,
)  # fmt: skip
def compare(
    a: str,
    b: str,
    series: str | None,
    series_b: str | None,
    within_mm: float | None,
    within_value: float | None,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Say how the volume in B differs from that in A; exits 6 where they do.

    The geometry in mm at the corners, axes that are swapped or turned round, flips by name,
    and the voxels. Nothing is resampled. Volumes that share a grid (4D) are compared in order.
    """
    making = Options(
        given["geometry"], given["gaps"], given["padding"], limits=parse_limits(given["limits"])
    )
    quiet = quiet or as_json
    refuse_cache_in((a, b), given["cache"])
    sources = (
        _Source(a, "series", making, given["cache"], quiet),
        _Source(b, "series-b", making, given["cache"], quiet),
    )
    of_a, of_b = (
        source.volumes(which)
        for source, which in zip(sources, _which(sources, series, series_b), strict=True)
    )
    found = compare_volumes(of_a, of_b, within_mm=within_mm, within_value=within_value)
    if as_json:
        print_json(_document(found, of_a, of_b))
    elif not quiet:
        said = {(f.code, f.message): f for one in (*of_a, *of_b) for f in one.findings}
        say_findings(said.values())
        _print(found, a, b)
    return 0 if found.same else DIFFERENT


class _Source:
    """Where one of the two comes from; what is there is looked up once."""

    def __init__(
        self, path: str, flag: str, making: Options, cache: str | None, quiet: bool
    ) -> None:
        self.path, self.flag, self.making, self.quiet = path, flag, making, quiet
        self.is_file = is_volume_file(path) and Path(path).is_file()
        if self.is_file:
            self.members = members(path)
        else:
            self.found = scan_source(path, making.limits, cache, quiet=quiet)

    def knows(self, which: str) -> bool:
        """Say whether a volume here is called so."""
        if self.is_file:
            return any(member.id == which.strip() for member in self.members)
        try:
            return bool(matching(self.found, which))
        except SeriesChoiceError:
            return False

    def volumes(self, which: str | None) -> tuple[Volume, ...]:
        """Load the volume that is meant, or those that share its grid."""
        try:
            return self._of_file(which) if self.is_file else self._of_series(which)
        except SeriesChoiceError as several:
            several.remedy = (self.flag, "one")
            raise

    def _of_file(self, which: str | None) -> tuple[Volume, ...]:
        bar = Bar("reading", hidden=self.quiet)
        if which is None:
            return read_all(self.path, progress=bar)
        return (read(self.path, which, progress=bar),)

    def _of_series(self, which: str | None) -> tuple[Volume, ...]:
        stacks = matching(self.found, which)
        if len(stacks) > 1 and not _share_a_grid(stacks):
            what = f"{len(stacks)} volumes are here; one is needed, or several on one grid"
            raise SeriesChoiceError(what, files=(self.path,), choices=stacks)
        refuse_if_too_large(stacks, self.making)
        bars = (Bar(f"reading {stack.id}", hidden=self.quiet) for stack in stacks)
        return tuple(
            assemble_from(self.found, stack, self.making, bar)
            for stack, bar in zip(stacks, bars, strict=True)
        )


def _share_a_grid(stacks: Sequence[Stack]) -> bool:
    """Say whether stacks are one series that was told apart by a tag: phases, echoes."""
    first = stacks[0]
    return all(
        stack.series_uid == first.series_uid
        and stack.axis is not None
        and stack.geometry is not None
        and first.geometry is not None
        and stack.geometry.matches(first.geometry, WITHIN_MM)
        for stack in stacks
    )


def _which(
    sources: tuple[_Source, _Source], series: str | None, series_b: str | None
) -> tuple[str | None, str | None]:
    """Say what is asked of each: `--series` of A, and of B where that knows it and has no own."""
    a, b = sources
    if series is None or series_b is not None:
        return series, series_b
    if a.knows(series):
        return series, series if b.knows(series) else None
    return (None, series) if b.knows(series) else (series, None)


def _print(found: Comparison, a: str, b: str) -> None:
    """Print both, and every remark."""
    _line(f"A  {_described(found, 0)}  {escape(a)}")
    _line(f"B  {_described(found, 1)}  {escape(b)}")
    for remark in found.remarks:
        _line(f"   {'differs' if remark.differs else 'note':8}{escape(remark.message)}")
    if found.voxels is not None and not found.voxels.different:
        how = PAIRED[found.pairing.basis]
        _line(f"   {'same':8}{found.voxels.compared:,} voxels hold the same{how}")
    _line(f"   {'corners':8}{_corners(found)}")
    _line("the same" if found.same else "different")


PAIRED = {
    "place": "",
    "values": ", paired by their values and not by their place",
    "overlap": " where both grids are",
    "nothing": "",
}


def _described(found: Comparison, n: int) -> str:
    geometry = (found.a, found.b)[n]
    several = f"{found.counts[n]} x " if found.counts[n] > 1 else ""
    size = " x ".join(map(str, geometry.size))
    spacing = " x ".join(f"{step:.4g}" for step in geometry.spacing)
    origin = ", ".join(f"{one:.6g}" for one in geometry.origin)
    return (
        f"{several}{size}  {spacing} mm  {geometry.orientation}  from ({origin})  {found.types[n]}"
    )


def _corners(found: Comparison) -> str:
    text = f"{_mm(found.corners_mm)} apart at most"
    stored = found.corners_as_stored_mm
    if stored is not None and stored > found.corners_mm + found.within_mm:
        text += f", axes matched by place; {_mm(stored)} with the axes as stored"
    return text


def _mm(distance: float) -> str:
    return "under 0.001 mm" if distance < 0.001 else f"{distance:.4g} mm"


def _document(found: Comparison, of_a: Sequence[Volume], of_b: Sequence[Volume]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        **found.as_json(),
        "a": _volume(of_a),
        "b": _volume(of_b),
    }


def _volume(volumes: Sequence[Volume]) -> dict[str, Any]:
    first = volumes[0]
    return {
        "ids": [one.id for one in volumes],
        "size": list(first.geometry.size),
        "spacing": first.geometry.spacing.tolist(),
        "origin": first.geometry.origin.tolist(),
        "direction": first.geometry.direction.ravel().tolist(),
        "orientation": first.geometry.orientation,
        "type": str(first.array.dtype),
        "findings": [finding.as_json() for finding in first.findings],
    }


def _line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
