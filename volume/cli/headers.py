"""Reading the headers of a source: under a bar, and with what is to be said of the cache."""

from __future__ import annotations

from volume.assembly.scan import Scan, scan
from volume.cli.console import Bar, say_findings
from volume.dicom.limits import Limits


def scan_source(source: str, limits: Limits | str, cache: str | None, *, quiet: bool) -> Scan:
    """List what is in a source, and say on stderr what is wrong with the cache."""
    bar = Bar("reading headers", hidden=quiet)
    found = scan(source, limits=limits, cache=cache, progress=bar)
    if not quiet:
        say_findings(found.remarks)
    return found
