"""Everything the long way: header by header, element by element, slice by slice.

What is quick must give what this gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from volume.assembly import in_passing, values
from volume.dicom import data_set, elements, planes, reader
from volume.dicom.containers import IsArchive
from volume.dicom.element_run import Run
from volume.dicom.encoding import NotDicom, Unreadable
from volume.dicom.files import FoundFile
from volume.dicom.likeness import MEMORY, Header, Memory

CACHED = [(elements, name) for name in ("_values", "_text", "_count", "_hint", "_floats")]


class Forgetful(Memory):
    """Learns nothing."""

    def learn(self, header: Header) -> None:
        pass


def forget() -> None:
    """Have nothing in mind of what was read before."""
    MEMORY.forget()
    for module, name in CACHED:
        getattr(module, name).cache_clear()


def told(path: Path) -> object:
    """Read a file's records, or say why not; what is said must be the same, too."""
    try:
        return reader.read_headers(FoundFile(str(path), path.name))
    except (Unreadable, NotDicom) as fault:
        series, code = getattr(fault, "series_uid", ""), getattr(fault, "code", "")
        return type(fault), str(fault), code, series
    except IsArchive as fault:
        return type(fault).__name__


@contextmanager
def carefully() -> Iterator[None]:
    """Take no short cut while this lasts."""
    forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "MEMORY", Forgetful())
        patch.setattr(data_set, "run_explicit", lambda _c, at, *_: Run(at, 0, 0))
        patch.setattr(data_set, "run_implicit", lambda _c, at, *more: Run(at, 0, more[-1]))
        for module, name in CACHED:
            nothing_kept = lru_cache(maxsize=0)(getattr(module, name).__wrapped__)
            patch.setattr(module, name, nothing_kept)
        patch.setattr(in_passing, "is_possible", lambda _slices: False)
        patch.setattr(planes, "_is_tidy", lambda _ends, _layout: False)
        patch.setattr(values, "by_slice", lambda work, count: [work(n) for n in range(count)])
        patch.setattr(values, "_put", _put)
        patch.setattr(values, "_range", lambda _dtype: range(0))
        yield


def _put(value: float, array: Any, where: Any) -> None:
    array[where] = value
