"""To which moment PET images are decay corrected, and when the dose was injected (PS3.3 C.8.9)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from volume.dicom.uptake import Uptake

HALF_LIVES = 10.0
"""After so many nothing is left to see: the dates are wrong."""
BEFORE_INJECTION_S = 600.0
"""A dynamic scan begins before the injection, by no more."""
CUT_S = 1.0
"""Some times are written without the fraction of a second that others have."""
SAME_S = 60.0
"""Two statements of one moment agree within a minute."""
SAME_DOSE, OTHER_DOSE = 0.01, 0.05
"""Moments agree if the dose is as good as the same in both, and contradict from 5 % on."""


class Unavailable(Exception):  # noqa: N818 an answer, which never leaves `suv`
    """Why there is no factor."""


def decay_seconds(one: Uptake, every: Sequence[Uptake], half_life: float) -> tuple[float, str]:
    """Say how long the dose decayed from injection to scan, and what says when that began.

    Raises `Unavailable` where the times are not given, contradict each other or cannot be.
    """
    try:
        start, said_by = _scan_start(one, every, half_life)
        decay_s = (start - _injection(one, start)).total_seconds()
        if not -BEFORE_INJECTION_S <= decay_s <= HALF_LIVES * half_life:
            raise Unavailable("the injection does not lie within 10 half-lives before the scan")
        _refuse_contradiction(every, start, half_life)
    except OverflowError:
        raise Unavailable("its times lie beyond every calendar") from None
    return decay_s, said_by


def _scan_start(one: Uptake, every: Sequence[Uptake], half_life: float) -> tuple[datetime, str]:
    """Find the moment to which the images are decay corrected, and what says so.

    Series Time is it, unless the series was made later, from images acquired before: GE then
    keeps the scan's start in a private element. The others are asked for it by the time of
    each frame after it (Frame Reference Time), or by Decay Factor (C.8.9.1.1.5).
    """
    acquired = [uptake.acquired for uptake in every if uptake.acquired is not None]
    if len(acquired) < len(every):
        raise Unavailable("Acquisition Time is missing")
    latest = min(acquired) + timedelta(seconds=CUT_S)
    if one.series is not None and one.series <= latest:
        return one.series, "Series Time"
    if one.ge_scan is not None and one.ge_scan <= latest:
        return one.ge_scan, "the scan's start (0009,100D)"
    for moments, said_by in (
        (_by_reference_time(every, half_life), "Frame Reference Time"),
        (_by_decay_factor(every, half_life), "Decay Factor"),
    ):
        if moments and _apart(moments, half_life) <= SAME_DOSE:
            return moments[len(moments) // 2], said_by
    raise Unavailable(
        "Series Time is after the acquisition: to when decay is corrected is not said"
    )


def _apart(moments: Sequence[datetime], half_life: float) -> float:
    """Say how much decays from the first to the last of moments in order, as a fraction."""
    return (moments[-1] - moments[0]).total_seconds() * math.log(2) / half_life


def _by_reference_time(every: Sequence[Uptake], half_life: float) -> list[datetime]:
    """Go back from the mean count rate of each frame, in order; [] where a slice cannot."""
    return _in_order(
        uptake.acquired + timedelta(seconds=_mean_s(uptake.duration_s, half_life) - reference)
        if uptake.acquired and (reference := uptake.reference_s or 0) > 0 and uptake.duration_s
        else None
        for uptake in every
    )


def _by_decay_factor(every: Sequence[Uptake], half_life: float) -> list[datetime]:
    """Go back from each frame by what its factor makes up for; 1 is what many write for nothing."""
    return _in_order(
        uptake.acquired
        + timedelta(
            seconds=_mean_s(uptake.duration_s, half_life)
            - math.log(factor) * half_life / math.log(2)
        )
        if uptake.acquired
        and uptake.duration_s
        and 0 < (factor := uptake.decay_factor or 0) < 1e6
        and factor != 1
        else None
        for uptake in every
    )


def _in_order(moments: Iterable[datetime | None]) -> list[datetime]:
    found = list(moments)
    known = sorted(moment for moment in found if moment is not None)
    return known if len(known) == len(found) else []


def _mean_s(duration_s: float | None, half_life: float) -> float:
    """Say when in a frame the count rate is its mean (QIBA): before the middle."""
    decay = math.log(2) / half_life
    during = decay * (duration_s or 0)
    if not 1e-9 < during < 700:
        return (duration_s or 0) / 2
    return math.log(during / -math.expm1(-during)) / decay


def _injection(one: Uptake, start: datetime) -> datetime:
    """Find when the dose was injected: a time without a date is of the day before, if need be."""
    if one.injected is not None and one.dated:
        if one.injected_at is not None and not _same_time_of_day(one.injected, one.injected_at):
            raise Unavailable("two times of the injection are given")
        return one.injected
    at = one.injected_at or one.injected
    if at is None:
        raise Unavailable("Radiopharmaceutical Start Time is missing or of another time zone")
    same_day = datetime.combine(start.date(), at.time())
    if (same_day - start).total_seconds() <= BEFORE_INJECTION_S:
        return same_day
    return same_day - timedelta(days=1)


def _same_time_of_day(one: datetime, other: datetime) -> bool:
    apart = abs((datetime.combine(one.date(), other.time()) - one).total_seconds())
    return min(apart, 86400 - apart) <= SAME_S


def _refuse_contradiction(every: Sequence[Uptake], start: datetime, half_life: float) -> None:
    """Refuse a start that the decay factors of all slices agree to contradict."""
    moments = _by_decay_factor(every, half_life)
    if not moments or _apart(moments, half_life) > SAME_DOSE:
        return
    off_s = abs((moments[len(moments) // 2] - start).total_seconds())
    if off_s * math.log(2) / half_life > OTHER_DOSE:
        raise Unavailable("Decay Factor and Series Time say two things of the scan's start")
