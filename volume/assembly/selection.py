"""Which slices of a stack become the volume, and what is done about those that are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from volume.assembly import inspection
from volume.assembly.stack import Stack
from volume.assembly.stacking import refit
from volume.assembly.tolerances import TOLERANCES
from volume.dicom.header import SliceHeader
from volume.dicom.sop_classes import transfer_syntax_name
from volume.errors import GridError, PixelError
from volume.findings import Finding, Severity, warning

DECIDABLE = frozenset(
    "missing-slices pixels-truncated transfer-syntax-unsupported unreadable".split()
)
"""Refusals that `--gaps` decides."""
LOST = DECIDABLE - {"missing-slices"}
"""Refusals about slices whose place is known and whose pixels are not."""


@dataclass(frozen=True, eq=False)
class Selection:
    """The slices that become the volume.

    `stack` holds them alone, its grid fitted anew; `chosen` are their indices in the stack
    they come from; `findings` is what there is to say of the volume.
    """

    stack: Stack
    chosen: tuple[int, ...]

    @property
    def slices(self) -> tuple[SliceHeader, ...]:
        """The slices that become the volume, along +normal."""
        return self.stack.slices

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found about these slices."""
        return self.stack.findings


def select(stack: Stack, gaps: str, *, lenient: bool = False) -> Selection:
    """Apply the gap policy: refuse, fill or largest.

    Raises `GridError` where slices are missing and nothing was decided, or too many are
    missing to be filled.
    """
    everything = tuple(range(len(stack.slices)))
    codes = {finding.code for finding in stack.refusals}
    if stack.grid is None or codes - DECIDABLE or not codes & DECIDABLE:
        return Selection(stack, everything)
    if len(stack.lost) == len(stack.slices):
        raise _nothing_readable(stack)
    if gaps == "refuse":
        raise _refusal(stack)
    if gaps == "largest":
        return _largest(stack)
    return _filled(stack, lenient)


def _nothing_readable(stack: Stack) -> PixelError:
    first = stack.slices[0]
    why = next((f for f in stack.refusals if f.code in LOST), None)
    return PixelError(
        f"no slice has readable pixels: {why.message if why else 'none can be decoded'}",
        path=first.path,
        transfer_syntax=transfer_syntax_name(first.pixels.transfer_syntax),
        remedy="copy or export the series again from where it came from",
    )


def _refusal(stack: Stack) -> GridError:
    found = stack.refusals
    first = stack.slices[0]
    top = first.path.removesuffix(first.name)
    strays = LOST | {"mergeable-series", "left-out", "not-dicom"}
    beside = [f for f in stack.findings if f.severity is Severity.WARNING and f.code in strays]
    names = [name for finding in (*beside, *found) for name in finding.files]
    return GridError(
        "; ".join(finding.message for finding in (*found, *beside)),
        findings=found,
        files=[top + name for name in dict.fromkeys(names)],
        remedy=remedy_for(stack),
    )


def remedy_for(stack: Stack) -> tuple[str, str] | None:
    """Give the option by which a refused stack becomes a volume; None where there is none."""
    if stack.grid is None or any(f.code not in DECIDABLE for f in stack.refusals):
        return None
    inner = [n for n in stack.lost if 0 < n < len(stack.slices) - 1]
    fillable = stack.grid.spacing.gaps or inner
    return ("gaps", "fill") if fillable and not _too_many(stack) else ("gaps", "largest")


def _largest(stack: Stack) -> Selection:
    """Keep the largest run of slices with nothing missing between them."""
    runs: list[list[int]] = [[]]
    breaks = stack.grid.spacing.gaps if stack.grid else ()
    for n in range(len(stack.slices)):
        if n not in stack.lost:
            runs[-1].append(n)
        if n in stack.lost or n in breaks:
            runs.append([])
    chosen = max(runs, key=len)
    text = f"slices {chosen[0] + 1} to {chosen[-1] + 1} of {len(stack.slices)} are kept"
    evidence = {"first": chosen[0] + 1, "last": chosen[-1] + 1, "of": len(stack.slices)}
    kept = warning("missing-slices", f"the largest unbroken run: {text}", evidence=evidence)
    return _narrowed(stack, chosen, kept)


def _narrowed(stack: Stack, chosen: Sequence[int], said: Finding) -> Selection:
    narrow = refit(stack, [stack.slices[n] for n in chosen])
    findings = (*_decided(narrow), said, *_as_warnings(stack), *_short_ends(stack))
    return Selection(replace(narrow, findings=findings), tuple(chosen))


def _decided(stack: Stack, how: str = "") -> tuple[Finding, ...]:
    """Give the findings of a stack with what is missing decided upon."""
    return tuple(
        replace(f, severity=Severity.WARNING, remedy=None, message=f.message + how)
        if f.code == "missing-slices" and f.severity is Severity.ERROR
        else f
        for f in stack.findings
    )


def _as_warnings(stack: Stack) -> tuple[Finding, ...]:
    """Keep the findings that were decided upon, no longer as refusals."""
    return tuple(
        replace(finding, severity=Severity.WARNING, remedy=None)
        for finding in stack.refusals
        if finding.code in LOST
    )


def _filled(stack: Stack, lenient: bool) -> Selection:
    """Keep every readable slice; what is missing between them is interpolated and marked."""
    chosen = [n for n in range(len(stack.slices)) if n not in stack.lost]
    narrow = refit(stack, [stack.slices[n] for n in chosen])
    too_many = _too_many(narrow)
    if too_many and not lenient:
        raise GridError(too_many, findings=stack.refusals, remedy=("gaps", "largest"))
    said = (*_decided(narrow, ": filled"), *_as_warnings(stack), *_short_ends(stack))
    return Selection(replace(narrow, findings=said), tuple(chosen))


def _short_ends(stack: Stack) -> tuple[Finding, ...]:
    """Keep what is missing at the ends: nothing can be interpolated there."""
    return tuple(
        replace(f, severity=Severity.WARNING, remedy=None)
        for f in stack.refusals
        if f.code == "missing-slices" and "places" in f.evidence
    )


def _too_many(stack: Stack) -> str:
    """Say why the gaps are too wide to be filled, or nothing."""
    if stack.grid is None or inspection.may_be_filled(stack.grid):
        return ""
    count, widest, allowed = inspection.count_missing(stack.grid)
    return (
        f"too much is missing to be interpolated: {count} slices, {widest} in a row;"
        f" at most {allowed}, {TOLERANCES.fill_in_a_row} in a row, may be"
    )
