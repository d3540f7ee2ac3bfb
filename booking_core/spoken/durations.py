"""Lengths of appointments, in minutes."""

from __future__ import annotations

import re

from booking_core.errors import InvalidRequest
from booking_core.spoken.text import plain_text

MINUTES = range(5, 481)
LENGTH = re.compile(
    r"(?:(?P<hours>\d{1,2}(?:[.,]\d{1,2})?)[\s-]*(?:h|hr|hrs|hours?)\b\.?(?:\s*(?:and|,))?\s*)?"
    r"(?:(?P<minutes>\d{1,3})(?:[\s-]*(?:m|min|mins|minutes?)\b\.?)?)?",
)
ISO = re.compile(r"pt(?:(?P<hours>\d{1,2})h)?(?:(?P<minutes>\d{1,3})m)?(?:0+s)?")
WORDS = {
    "a quarter of an hour": 15,
    "quarter of an hour": 15,
    "half an hour": 30,
    "a half hour": 30,
    "half hour": 30,
    "three quarters of an hour": 45,
    "an hour": 60,
    "one hour": 60,
    "a full hour": 60,
    "an hour and a half": 90,
    "one and a half hours": 90,
    "two hours": 120,
    "fifteen minutes": 15,
    "twenty minutes": 20,
    "thirty minutes": 30,
    "forty-five minutes": 45,
    "forty five minutes": 45,
    "sixty minutes": 60,
    "ninety minutes": 90,
}


def parse_duration(value: object, field: str = "duration") -> int:
    """Minutes, 5 to 480: a number, its digits, or a length such as "1 hour 15 minutes", PT45M."""
    if type(value) is int:
        minutes: float | None = value
    else:
        said = plain_text(value, "INVALID_ARGUMENTS", field).lower().rstrip(".")
        minutes = WORDS.get(said)
        spaced = re.sub(r"(?<=\d)h(?=\d)", "h ", said)
        if minutes is None and said and (match := ISO.fullmatch(said) or LENGTH.fullmatch(spaced)):
            hours = (match["hours"] or "0").replace(",", ".")
            minutes = 60 * float(hours) + int(match["minutes"] or 0)
    if minutes is None or minutes != int(minutes) or int(minutes) not in MINUTES:
        raise InvalidRequest("INVALID_ARGUMENTS", field, "It must be 5 to 480 minutes")
    return int(minutes)
