"""Compressed frames of files that no child can open by itself: read here, and sent along.

A child would have to read the archive's table of contents, and inflate what stands before a
frame, once more; here a file of many frames is inflated once for all of them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from volume.dicom.encapsulated import Fragment, read_fragments
from volume.dicom.encoding import Unreadable
from volume.dicom.limits import Limits
from volume.dicom.opening import open_file

KEPT = 2
"""Files that stay open: frames are asked for file by file, by several threads at once."""


@dataclass
class _Opened:
    """A file, which one thread reads at a time."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    stream: BinaryIO | None = None


class Forwarder:
    """Reads the codestreams that requests bring along, for all workers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: dict[str, _Opened] = {}

    def prepare(self, request: dict[str, Any]) -> dict[str, Any]:
        """Give a request with the `codestream` that follows it, where it brings one along.

        Raises `OSError` and `Unreadable` where they cannot be read.
        """
        if "forwarded" not in request:
            return request
        limits = Limits(**request["forwarded"])
        fragments = [Fragment(*numbers) for numbers in request["fragments"]]
        try:
            codestream = self._read(request["path"], fragments, limits)
        except (OSError, Unreadable):
            raise
        except Exception as fault:  # noqa: BLE001 a thread that ends here would lose its frames
            raise Unreadable(f"it cannot be read ({type(fault).__name__})") from None
        size = len(codestream)
        return {**request, "forwarded": size, "fragments": [], "codestream": codestream}

    def _read(self, path: str, fragments: list[Fragment], limits: Limits) -> bytes:
        opened = self._take(path)
        with opened.lock:
            if opened.stream is None:
                opened.stream = open_file(path, limits, whole=True)
            return read_fragments(opened.stream, fragments)

    def _take(self, path: str) -> _Opened:
        with self._lock:
            opened = self._opened.pop(path, None) or _Opened()
            self._opened[path] = opened
            while len(self._opened) > KEPT:
                self._opened.pop(next(iter(self._opened)))
            return opened

    def close(self) -> None:
        """Let go of what is open."""
        with self._lock:
            self._opened.clear()
