"""The unit of the values: the scanner's own or, of PET and where that is asked for, SUV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from volume.assembly.options import Options
from volume.assembly.stack import Stack
from volume.dicom.header import Rescale, SliceHeader
from volume.errors import GridError
from volume.findings import Finding, error, info
from volume.volume import Volume

UNIT = "SUVbw"


def with_suv(stack: Stack, options: Options) -> tuple[Stack, dict[str, Any], tuple[Finding, ...]]:
    """Give a stack whose values are what was asked for, what its report says, and the findings.

    Raises `GridError` where SUV was asked for and cannot be had.
    """
    asked = options.unit == "suv"
    if stack.modality != "PT":
        if asked:
            raise _refusal(f"{stack.modality or 'it'} is no PET", stack)
        return stack, {}, ()
    from volume.assembly.suv import Unavailable, suv_of  # what PET alone needs

    try:
        suv = suv_of(stack.slices, options.limits)
    except Unavailable as why:
        if asked:
            raise _refusal(str(why), stack) from None
        finding = info("suv-unavailable", f"no SUV can be had: {why}")
        return stack, {"suv": {"factor": None, "why": str(why)}}, (finding,)
    scaled = _scaled(stack, suv.factor) if asked else stack
    return scaled, {"suv": {**suv.described, "applied": asked}}, ()


def without_dose(acquired: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Leave the dose out of what is told beside a factor: the weight would follow from the two."""
    hidden = DOSE if "decay_correction" in told.get("suv", ()) else frozenset()
    return {key: value for key, value in acquired.items() if key not in hidden}


DOSE = frozenset(("InjectedRadioactivity", "InjectedRadioactivityUnits"))


def refuse_other_unit(volume: Volume, options: Options) -> Volume:
    """Give a volume that was read from a volume file. Raises `GridError` where SUV was asked for.

    Such a file does not say what the factor follows from.
    """
    if options.unit == "suv" and volume.unit != UNIT:
        raise GridError(
            "no SUV can be had of a volume file", remedy="use the folder of DICOM files"
        )
    return volume


def _refusal(why: str, stack: Stack) -> GridError:
    return GridError(
        f"no SUV can be had: {why}",
        findings=(error("suv-unavailable", why),),
        files=(stack.slices[0].path,),
        remedy="leave out {unit=suv}: the values are then as the scanner wrote them",
    )


def _scaled(stack: Stack, factor: float) -> Stack:
    return replace(stack, slices=tuple(_in_suv(header, factor) for header in stack.slices))


def _in_suv(header: SliceHeader, factor: float) -> SliceHeader:
    own, window = header.rescale, header.window
    return replace(
        header,
        rescale=Rescale(own.slope * factor, own.intercept * factor, UNIT, own.declared),
        window=None if window is None else (window[0] * factor, window[1] * factor),
    )
