"""The zones and offsets that stand with a time, and the instant that a clock shows there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo, available_timezones

from booking_core.errors import InvalidRequest
from booking_core.spoken.text import plain_text
from booking_core.zones import is_region
from booking_core.zones import zone as zone_of

ZONE_FORM = "A zone is needed, as America/New_York"
Zone: TypeAlias = ZoneInfo | timezone | str
"""A zone, an offset, or an abbreviation in lower case that means one of them on some days."""


ICAL = re.compile(r"(?:dtstart;?)?(?:tzid=(?P<zone>[\w/+-]+))?:?(?P<text>\d{8}t\d{4,6}z?)")
BRACKETED = re.compile(r"(?P<text>.*[^\s]) ?[\[(](?P<name>[^\[\]()]+)[\])]")
OFFSET = re.compile(
    r"(?P<text>.*(?:\d[:.]\d\d(?:[:.]\d+)*|t\d{4}|t\d{6}|[ap]\.?m\.?)) ?(?:utc|gmt)? ?"
    r"(?P<offset>[+-]\d\d?(?::?[0-5]\d)?)"
)
OFFSET_ONLY = re.compile(r"([+-])(\d\d?)(?::?([0-5]\d))?")
ZULU = re.compile(r"(?P<text>.*\d) ?z")
SHORT = {
    "eastern": "e",
    "central": "c",
    "mountain": "m",
    "pacific": "p",
    "alaska": "ak",
    "hawaii": "h",
}
LONG = re.compile(rf"({'|'.join(SHORT)})(?: (standard|daylight))?(?: time)?(?: \(us & canada\))?")
# Their clocks change, and people name one half of the year for both.
AMERICAN = {
    "e": "America/New_York",
    "c": "America/Chicago",
    "m": "America/Denver",
    "p": "America/Los_Angeles",
    "ak": "America/Anchorage",
    "h": "Pacific/Honolulu",
}
US = re.compile(r"(ak|[ecmph])([sd]?)t")
ABBREVIATION = re.compile(
    r"(?:ak|[ecmph])[sd]?t|bst|gmt|ist|wes?t|ces?t|ees?t|msk|a[ecw][sd]t|nz[sd]t|sgt|hkt|jst"
    r"|kst|sast|brt|art"
)
TRAILING = re.compile(
    r"(?P<text>.*?\S) (?P<name>[a-z]+(?:/[a-z_+-]+)+|(?:eastern|central|mountain|pacific"
    r"|alaska|hawaii)"
    r"(?: standard| daylight)?(?: time)?|[a-z]{2,5})"
)


def instant(day: date, clock: time, named: Zone | None, zone: ZoneInfo, field: str) -> datetime:
    """The instant at which clocks show that day and time: the clocks of the zone that was `named`,
    else those of `zone`."""
    if isinstance(named, timezone):
        return datetime.combine(day, clock, named)
    if isinstance(named, str):
        named = _of_abbreviation(named, day, clock, zone, field)
    return at_wall_clock(day, clock, named or zone)


def find_zone(value: object, field: str) -> Zone:
    """The zone that an argument names: Region/City, UTC, an offset, or an abbreviation."""
    text = plain_text(value, "INVALID_ARGUMENTS", field)
    found = _named(text) or _offset(re.sub(r"^(?:utc|gmt)(?=[+-])", "", text.lower()))
    if found is None:
        raise InvalidRequest("INVALID_ARGUMENTS", field, ZONE_FORM)
    return found


def at_wall_clock(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The instant at which `zone`'s clocks show that time, where there is exactly one (PEP 495)."""
    first = datetime.combine(day, clock, zone)
    second = first.replace(fold=1)
    offsets = first.utcoffset(), second.utcoffset()
    if offsets[0] == offsets[1]:
        return first
    assert offsets[0] is not None and offsets[1] is not None
    readings = tuple(
        reading.astimezone(UTC).astimezone(zone)
        for reading in sorted((first, second), key=datetime.timestamp)
    )
    if offsets[0] > offsets[1]:
        problem = "The clocks go back, and this time comes twice"
        raise InvalidRequest("AMBIGUOUS_TIME", "appointmentTime", problem, readings)
    problem = "The clocks go forward, and this time is left out"
    raise InvalidRequest("NONEXISTENT_TIME", "appointmentTime", problem, readings)


def split_zone(text: str) -> tuple[str, Zone | None]:
    """The text in front of a zone or an offset, in lower case, and that zone."""
    if match := ICAL.fullmatch(text):
        text, zone = match["text"], match["zone"] and _named(match["zone"])
        if zone:
            return text, zone
    if match := BRACKETED.fullmatch(text):
        inner = _named(match["name"])
        rest, offset = split_zone(match["text"])
        # Beside an offset it is a comment: "GMT-0500 (Eastern Standard Time)".
        return (rest, offset) if offset else (match["text"], inner) if inner else (text, None)
    if (match := OFFSET.fullmatch(text)) and (offset := _offset(match["offset"])):
        return match["text"], offset
    if match := ZULU.fullmatch(text):
        return match["text"], UTC
    if (match := TRAILING.fullmatch(text)) and (zone := _named(match["name"])):
        return match["text"].rstrip(" ,"), zone
    return text, None


def _named(name: str) -> Zone | None:
    """The zone of that name. An abbreviation stays as it is. None if the name is no zone's."""
    lower = " ".join(name.lower().replace("_", " ").split())
    if lower in ("utc", "gmt", "z", "zulu", "etc/utc"):
        return UTC
    if "/" in name:
        return _of_region(lower.replace(" ", "_"))
    if match := LONG.fullmatch(lower):
        middle = {"standard": "s", "daylight": "d"}.get(match[2] or "", "")
        # "Eastern Standard Time" is what calendars call the zone in summer too.
        return f"{SHORT[match[1]]}{'' if middle == 's' else middle}t"
    return lower if ABBREVIATION.fullmatch(lower) else None


@lru_cache(maxsize=1)
def _regions() -> Mapping[str, str]:
    return {name.lower(): name for name in available_timezones() if is_region(name)}


def _of_region(lower: str) -> ZoneInfo | None:
    name = _regions().get(lower)
    return zone_of(name) if name else None


def _of_abbreviation(
    name: str, day: date, clock: time, zone: ZoneInfo, field: str
) -> ZoneInfo | None:
    """The American zone of that abbreviation; None if the clinic's own clocks bear that name."""
    local = datetime.combine(day, clock, zone)
    if (local.tzname() or "").lower() == name:
        return None
    if (match := US.fullmatch(name)) and "America" in zone.key + "America" * zone.key.startswith(
        "US"
    ):
        found = zone_of(AMERICAN[match[1]])
        if not match[2] or (datetime.combine(day, clock, found).tzname() or "").lower() == name:
            return found
        problem = "That zone's clocks have another name on that day"
        raise InvalidRequest("INVALID_DATE_TIME", field, f"{problem}. {ZONE_FORM}")
    raise InvalidRequest("INVALID_DATE_TIME", field, f"That zone is not known here. {ZONE_FORM}")


def _offset(text: str) -> timezone | None:
    if not (match := OFFSET_ONLY.fullmatch(text)):
        return None
    hours, minutes = int(match[2]), int(match[3] or 0)
    if hours > 14 or (hours == 14 and minutes):
        return None
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if match[1] == "-" else offset)
