"""`volume demo`: a sample series, written, assembled and shown."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import click

from volume.assembly.load import load
from volume.assembly.scan import scan
from volume.cli import options
from volume.cli.console import Bar, say
from volume.errors import DisplayError
from volume.escaping import escape
from volume.volume import Volume

FOLDER = "volume-demo"


@click.command()
@click.argument("folder", metavar="[DIR]", default=FOLDER)
@options.flags(options.quiet)
def demo(folder: str, quiet: bool) -> None:
    """Write a small sample series, a synthetic CT of a body, into DIR and show it.

    Without a display the picture is written beside it, and the path is said.
    """
    from volume.dicom.sample import write_sample

    series = Path(folder)
    if not _is_there(series):
        write_sample(series, progress=Bar("writing the sample", hidden=quiet))
    tell = (lambda _text: None) if quiet else say
    tell(f"a sample series is in {escape(series)}")
    ct = load(series, progress=Bar("reading slices", hidden=quiet))
    tell(f"assembled: {ct!r}")
    picture = _show(ct, series)
    if picture is not None:
        tell(f"there is no display here; the picture is in {escape(picture)}")
    tell(f"next: volume info {escape(series)}\n      volume export {escape(series)} demo.nii.gz")


def _is_there(series: Path) -> bool:
    """Say whether the sample stands in the folder already, from an earlier time."""
    from volume.dicom.sample import SERIES_UID

    if not series.is_dir():
        return False
    return any(one.uid == SERIES_UID for one in scan(series).series)


def _show(ct: Volume, series: Path) -> Path | None:
    """Open a window, or write a picture beside the series where there is no display."""
    from volume.viewer.picture import screenshot
    from volume.viewer.window import view

    try:
        view(ct, window="soft-tissue", title="demo")
    except DisplayError:
        return screenshot(ct, _free_name(series), window="soft-tissue")
    return None


def _free_name(series: Path) -> Path:
    """Give a name for the picture that nothing has yet."""
    names = (f"{series.name}{f'-{n}' if n > 1 else ''}.png" for n in count(1))
    return next(path for name in names if not (path := series.parent / name).exists())
