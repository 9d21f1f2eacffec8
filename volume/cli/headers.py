"""Reading the headers of a source: under a bar, and with what is to be said of the cache."""

from __future__ import annotations

from collections.abc import Iterable

from volume.assembly.scan import Scan, scan
from volume.atomic import refuse_in_source
from volume.cli.console import Bar, say_findings
from volume.dicom.limits import Limits


def refuse_cache_in(sources: Iterable[str], cache: str | None) -> None:
    """Refuse a cache that would lie in any of the sources, before the first is read."""
    if cache is not None:
        for source in sources:
            refuse_in_source(cache, source)


def scan_source(source: str, limits: Limits | str, cache: str | None, *, quiet: bool) -> Scan:
    """List what is in a source, and say on stderr what is wrong with the cache."""
    bar = Bar("reading headers", hidden=quiet)
    found = scan(source, limits=limits, cache=cache, progress=bar)
    if not quiet:
        say_findings(found.remarks)
    return found
