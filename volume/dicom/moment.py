"""Dates and times of a data set as moments that can be compared (PS3.5 6.2: DA, TM, DT)."""

from __future__ import annotations

import re
from datetime import datetime

DATE = re.compile(r"([0-9]{4})\.?([0-9]{2})\.?([0-9]{2})")
TIME = re.compile(r"([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:\.([0-9]{1,6}))?)?)?")
DATE_TIME = re.compile(r"([0-9]{8})([0-9]{2,6}(?:\.[0-9]{1,6})?)([-+][0-9]{4})?")
NO_DATE = "20000101"
"""Stands for the date where none is given: times of one day can still be compared."""


def moment(date: str, time: str) -> datetime | None:
    """Put a date and a time together, also as they were written before DICOM: 2020.01.31, 9:05."""
    day, hour = DATE.fullmatch(date), TIME.fullmatch(time)
    if day is None or hour is None:
        return None
    year, month, date_of_month = map(int, day.groups())
    hours, minutes, seconds, fraction = hour.groups(default="0")
    microseconds = int(fraction.ljust(6, "0"))
    seconds_of_minute = min(int(seconds), 59)  # a leap second
    try:
        return datetime(
            year, month, date_of_month, int(hours), int(minutes), seconds_of_minute, microseconds
        )
    except ValueError:
        return None


def moment_of(date_time: str, zone: str = "") -> datetime | None:
    """Read a date with a time; None too where it names another time zone than `zone`."""
    found = DATE_TIME.fullmatch(date_time)
    if found is None or (zone and found[3] and found[3] != zone):
        return None
    return moment(found[1], found[2])
