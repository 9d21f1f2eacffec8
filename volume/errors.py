"""Everything that can go wrong for a user, as one tree.

    VolumeError
    ├── NotDicomError(ValueError)        exit 3   no DICOM volume in the source
    ├── SeriesChoiceError(LookupError)   exit 4   several volumes fit; `.choices`
    ├── GridError(ValueError)            exit 4   the geometry needs a decision; `.findings`
    ├── PixelError(ValueError)           exit 1   undecodable; `.path`, `.transfer_syntax`
    ├── SelfCheckError(ValueError)       exit 1   the result did not pass its own check
    ├── SurfaceError(ValueError)         exit 1   no surface can be made
    ├── MemoryLimitError(MemoryError)    exit 1   the volume will not fit
    ├── DisplayError(RuntimeError)       exit 1   no picture can be drawn here
    └── ExistsError(FileExistsError)     exit 1   the output is there already; `.path`

A message has three parts: what, where (`files`), and the way out (`remedy`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from volume.escaping import escape
from volume.findings import Finding, Remedy, word_remedy

FILES_SHOWN = 3
"""So many files are named in a message; the others are counted."""


class VolumeError(Exception):
    """A problem with the data or the request, told in what, where and the way out."""

    exit_code = 1

    def __init__(self, what: str, *, files: Sequence[str] = (), remedy: Remedy = None) -> None:
        super().__init__(what)
        self.what = what
        self.files = tuple(str(file) for file in files)
        self.remedy = remedy

    def lines(self, *, for_shell: bool = False) -> list[str]:
        """Word the parts, one line each, escaped; options as the shell or Python writes them."""
        parts = (
            escape(self.what),
            name_some(self.files),
            escape(word_remedy(self.remedy, for_shell=for_shell)),
        )
        return [part for part in parts if part]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({escape(self.what)!r})"


def name_some(files: Sequence[str]) -> str:
    """Name the first few files, escaped, and count the others."""
    shown = ", ".join(map(escape, files[:FILES_SHOWN]))
    left = len(files) - FILES_SHOWN
    return f"{shown} and {left} more" if left > 0 else shown


class NotDicomError(VolumeError, ValueError):
    """There is no DICOM volume in the source."""

    exit_code = 3


class SeriesChoiceError(VolumeError, LookupError):
    """Several volumes are there, or none of the name asked for; `choices` lists them."""

    exit_code = 4

    def __init__(self, what: str, *, choices: Sequence[Any] = (), **more: Any) -> None:
        super().__init__(what, **more)
        self.choices = tuple(choices)


class GridError(VolumeError, ValueError):
    """The slices do not prove one regular grid; `findings` say why."""

    exit_code = 4

    def __init__(self, what: str, *, findings: Sequence[Finding] = (), **more: Any) -> None:
        super().__init__(what, **more)
        self.findings = tuple(findings)


class PixelError(VolumeError, ValueError):
    """The pixels of one file cannot be decoded."""

    def __init__(
        self, what: str, *, path: str = "", transfer_syntax: str = "", **more: Any
    ) -> None:
        super().__init__(what, files=(path,) if path else (), **more)
        self.path = path
        self.transfer_syntax = transfer_syntax


class SelfCheckError(VolumeError, ValueError):
    """The assembled volume does not agree with its own slices: nothing was written."""


class SurfaceError(VolumeError, ValueError):
    """No surface can be made of this volume at this level."""


class MemoryLimitError(VolumeError, MemoryError):
    """The work needs more memory than there is."""


class DisplayError(VolumeError, RuntimeError):
    """Nothing can be drawn here."""


class ExistsError(VolumeError, FileExistsError):
    """The output is there already and was left alone."""

    def __init__(self, path: str) -> None:
        super().__init__("the output is there already", files=(path,), remedy=("overwrite", ""))
        self.path = path
