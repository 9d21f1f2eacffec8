"""What was noticed about the data, as values that travel with it.

A finding is never logged, printed or swallowed by the library: it is carried by
the volume, the stack or the scan it concerns, and the command line words it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from volume.escaping import escape

Remedy = tuple[str, str] | str | None
"""A way out: an option and its value, `("gaps", "fill")`, or words where no option helps."""


class Severity(StrEnum):
    """How much a finding matters: said, repaired or assumed, refused by default."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


CATALOGUE: Mapping[str, str] = {
    # files
    "not-dicom": "the file is not DICOM",
    "unreadable": "the file could not be read",
    "no-preamble": "the file lacks the DICOM preamble or file meta information",
    "meta-repaired": "the file meta information was missing or wrong and was repaired",
    "pixels-truncated": "the pixel data end before the image does",
    "pixels-padded": "bytes stand behind the pixels that none of them explains",
    "transfer-syntax-unsupported": "the pixels are encoded in a way that is not supported",
    "charset-repaired": "text was declared in another character set than it is written in",
    "non-image": "the DICOM object is not an image",
    "secondary-capture": "the image is a screen capture, not an acquisition in space",
    "projection-image": "the image is a projection, not a slice",
    "dicomdir": "the file is an index of other files",
    "dicomdir-missing": "a DICOMDIR names a file that is not there, or not in its folder",
    "special-file": "not a regular file",
    "limits-raised": "limits on what a file may ask for were set by hand",
    "changed-during-read": "the file changed while it was read",
    "not-supported-yet": "this kind of image is recognised but not handled yet",
    "cache-unused": "what was kept of an earlier scan could not be used",
    "cache-not-written": "what was read could not be kept for the next scan",
    # grouping
    "localizer": "a localizer, kept apart from the volume",
    "orientation-split": "slices of several orientations share one series",
    "patient-split": "several patients share one series",
    "matrix-split": "slices of several matrix sizes or pixel spacings share one series",
    "frame-of-reference-mixed": "slices of one grid name different frames of reference",
    "duplicate-instance": "the same instance is there more than once",
    "duplicate-identical": "the same slice is there under another instance UID",
    "duplicate-conflict": "one instance UID stands for different slices",
    "split-by": "slices that share places were told apart by a tag",
    "ambiguous-repeats": "several slices share a place and no tag tells them apart",
    "time-series-2d": "many images of one place: a film, not a volume",
    "left-out": "images beside the volume that are no part of it",
    "mergeable-series": "two series fit one grid",
    "trace-split": "images without a diffusion direction share a series with directed ones",
    "diffusion-incomplete": "a diffusion-weighted volume lacks its b-value or direction",
    # geometry
    "single-slice": "one slice only: its thickness stands in for the spacing",
    "spacing-assumed": "a spacing or place is not in the file and was assumed",
    "place-disagrees": "the file says twice where its voxels lie, and not the same",
    "spacing-tag-disagrees": "a spacing tag contradicts the positions",
    "positions-rounded": "the positions were written rounded",
    "spacing-jitter": "the slices stray a little from even spacing",
    "orientation-jitter": "the orientation varies a little from slice to slice",
    "missing-slices": "slices are missing",
    "variable-spacing": "the spacing changes within the stack",
    "irregular-spacing": "the slices are unevenly spaced",
    "gantry-tilt": "the slices are sheared against their normal",
    "in-plane-shift": "single slices are shifted in their plane",
    "resampled": "the volume was resampled onto a regular grid",
    "frame-order-contradicts-position": "the frames are stored in another order than they lie",
    "not-a-stack": "the images do not form a stack",
    "self-check-failed": "the assembled volume did not pass its own check",
    # values
    "rescale-varies": "the rescale slope or intercept varies between slices",
    "padding-replaced": "padding outside the field of view was replaced",
    "pixels-vary": "the pixels of some slices are stored in another form than the others",
    "precision-disagrees": "compressed frames have fewer bits than the header says",
    "high-bits-masked": "bits above Bits Stored were cleared",
    "sign-repaired": "the declared sign of the pixels was repaired",
    "monochrome1": "low values are meant to be shown bright; values are untouched",
    "colour-volume": "a colour volume",
    "lossy-compressed": "the pixels were compressed with loss",
    "dtype-promoted": "the values need a wider type than the pixels",
    "suv-unavailable": "PET values cannot be turned into SUV",
    "real-world-values": "a real world value mapping: applied to a parametric map alone",
    "no-number": "voxels hold no number (NaN or infinite)",
    "philips-scaling": "Philips scaling: displayed values are used",
    "hu-out-of-range": "values lie outside the range of Hounsfield units",
    # meshes
    "space-assumed": "a mesh file does not say in which space its points lie",
    "mesh-outside": "a mesh lies outside the image it is laid over",
    # looking
    "largest-shown": "several volumes are here; the largest is shown",
    "first-look": "some of the slices are shown while the others are being read",
}
"""Every code there is, with the sentence that explains it."""


@dataclass(frozen=True)
class Finding:
    """One thing noticed about the data, with its evidence in numbers and a way out.

    `code` is stable and one of `CATALOGUE`; `message` is one line in the reader's terms,
    escaped; `files` are paths as the person gave them, as data; `evidence` holds plain
    JSON values.
    """

    code: str
    severity: Severity
    message: str
    files: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    remedy: Remedy = None

    def __post_init__(self) -> None:
        if self.code not in CATALOGUE:
            raise ValueError(f"no such finding: {self.code!r}")
        object.__setattr__(self, "message", escape(self.message))

    def as_json(self, *, files: bool = True) -> dict[str, Any]:
        """Give plain JSON values; `files=False` for what is written beside an output."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "message": self.message,
            "files": list(self.files) if files else [],
            "evidence": dict(self.evidence),
            "remedy": list(self.remedy) if isinstance(self.remedy, tuple) else self.remedy,
        }


def info(code: str, message: str, **more: Any) -> Finding:
    """Make a finding that is only said."""
    return Finding(code, Severity.INFO, message, **more)


def warning(code: str, message: str, **more: Any) -> Finding:
    """Make a finding about something repaired or assumed."""
    return Finding(code, Severity.WARNING, message, **more)


def error(code: str, message: str, **more: Any) -> Finding:
    """Make a finding that refuses the volume unless an option decides otherwise."""
    return Finding(code, Severity.ERROR, message, **more)


def count(number: int, noun: str) -> str:
    """Word a number of things: "1 slice", "2 slices"."""
    return f"{number} {noun}{'s' * (number != 1)}"


REMEDIES: Mapping[tuple[str, str], str] = {
    ("gaps", "fill"): "interpolate and mark them with {gaps=fill},"
    " or keep the largest run with {gaps=largest}",
    ("gaps", "largest"): "keep the largest unbroken run with {gaps=largest}",
    ("geometry", "strict"): "refuse such a stack with {geometry=strict};"
    " {geometry=raw} keeps a tilted one as acquired",
    ("geometry", "regular"): "resample onto a regular grid with {geometry=regular}",
    ("geometry", "raw"): "keep the voxels as acquired with {geometry=raw},"
    " in a format that can hold a shear (.nrrd, .mha, .npz)",
    ("mesh-space", "ras"): "it may be in RAS: try {mesh-space=ras}",
    ("mesh-space", "lps"): "it may be in LPS: try {mesh-space=lps}",
    ("overwrite", ""): "choose another name, or replace it with {overwrite}",
    ("series", "one"): "choose one with {series=ID}",
    ("series-b", "one"): "choose one with {series-b=ID}",
    ("series", ""): "choose one with {series=ID}, or take every one with {all}",
}
"""Sentences for remedies; `{option=value}` is worded for the shell or for Python."""


def word_remedy(remedy: Remedy, *, for_shell: bool) -> str:
    """Word a way out for the shell (`--gaps fill`) or for Python (`gaps="fill"`)."""
    if remedy is None:
        return ""
    if isinstance(remedy, str):
        sentence = remedy
    else:
        option, value = remedy
        use = f"{option}={value}" if value else option
        sentence = REMEDIES.get(remedy, f"use {{{use}}}")
    word = _shell_option if for_shell else _python_option
    return re.sub(r"\{([a-z0-9_-]+)(?:=([^}]*))?\}", word, sentence)


def _shell_option(match: re.Match[str]) -> str:
    option, value = match.groups()
    flag = "--" + option.replace("_", "-")
    return f"{flag} {value}" if value else flag


def _python_option(match: re.Match[str]) -> str:
    option, value = match.groups()
    if option == "all":
        return "load_all"
    return f'{option}="{value}"' if value else f"{option}=True"
