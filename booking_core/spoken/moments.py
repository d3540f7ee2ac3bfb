"""Moments: a day, a time of day, or both, and the zone or offset that stands with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

from booking_core.errors import InvalidRequest
from booking_core.spoken import clocks, dates
from booking_core.spoken.text import plain_text
from booking_core.zones import is_region
from booking_core.zones import zone as zone_of

Kind = Literal["day", "clock", "both"]
FORMS: Mapping[Kind, str] = {
    "day": dates.FORM,
    "clock": clocks.FORM,
    "both": "A date and a time are needed, as 2026-12-01T14:00",
}
ZONE_FORM = "A zone is needed, as America/New_York"
Zone: TypeAlias = ZoneInfo | timezone | str
"""A zone, an offset, or an abbreviation in lower case that means one of them on some days."""

# More words than any form has.
MOST_WORDS = 16
EPOCH = re.compile(r"\d{10}|\d{13}")
USUAL = re.compile(
    r"(?=.)(?:(\d{4}-\d\d-\d\d)(?:$|T(?=\d)))?(?:(\d\d:\d\d)(?::00(?:\.0{1,6})?)?)?", re.ASCII
)
CLOCK_LIKE = re.compile(
    r"\d[:h]\d|\d ?[ap]\.? ?m|\b[ap]\.?m\b|noon|midday|midnight|o'clock|morning|afternoon"
    r"|evening|night"
    r"|uhr|\d\.\d\d(?![\d.])|tarde|noche|ma\u00f1ana|\d h\b|hours"
)
JOINED = re.compile(r"(.*\d)t(\d.*)")
BETWEEN = r"[ ,;@-]*(?:\b(?:at|um|on|from|a las|a la|\u00e0|alle)\b)?[ ,;@-]*"
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


@dataclass(frozen=True, slots=True)
class Moment:
    """What was read, and what zone stands with it."""

    day: date | None = None
    clock: time | None = None
    zone: Zone | None = None


def read_moment(value: object, field: str, kind: Kind) -> Moment:
    """What `value` says: a day, a time of day, or both. `kind` is what is expected of it, and
    decides what bare digits are."""
    if isinstance(value, str) and (usual := _usual(value)):
        return usual
    text = plain_text(value, "INVALID_DATE_TIME", field)
    if kind == "both" and EPOCH.fullmatch(text):
        return _of_epoch(text, field)
    text, zone = _split_zone(text.lower())
    if not text:
        raise InvalidRequest("INVALID_DATE_TIME", field, FORMS[kind])
    found: set[Moment] = set()
    refusals: list[InvalidRequest] = []
    for day_text, clock_text in _splits(text, kind):
        day: date | None = None
        clock: time | None = None
        try:
            # The day first: where it is one, what is wrong with the time is worth telling.
            day = dates.read_date(day_text, field) if day_text else None
            clock = clocks.read_clock(clock_text, field) if clock_text else None
        except InvalidRequest as refusal:
            if day or not clock_text or not day_text:
                refusals.append(refusal)
        else:
            found.add(Moment(day, clock, zone))
    if len(found) == 1:
        return found.pop()
    if len(refusals) == 1 or (refusals and kind != "both"):
        raise refusals[-1]
    raise InvalidRequest("INVALID_DATE_TIME", field, FORMS[kind])


def instant(day: date, clock: time, named: Zone | None, zone: ZoneInfo, field: str) -> datetime:
    """When clocks show that day and time: those of what was `named`, else those of `zone`."""
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


def _usual(text: str) -> Moment | None:
    """The forms that we ask for, which nearly all arguments have."""
    if not (match := USUAL.fullmatch(text.strip())):
        return None
    try:
        day = date.fromisoformat(match[1]) if match[1] else None
        clock = time.fromisoformat(match[2]) if match[2] else None
    except ValueError:
        return None
    if day is not None and day.year not in dates.YEARS:
        return None
    return Moment(day, clock)


def _splits(text: str, kind: Kind) -> Iterator[tuple[str, str]]:
    """Each way to take it for a day, a time, or both; an empty text is none."""
    if kind != "clock":
        yield text, ""
    if kind == "clock" or CLOCK_LIKE.search(text):
        yield "", text
    if match := JOINED.fullmatch(text):
        yield match[1], re.sub(r"^(\d\d)(\d\d)(?:00)?$", r"\1:\2", match[2])
        return
    spaces = [place for place, sign in enumerate(text) if sign == " "]
    if len(spaces) <= MOST_WORDS:
        for place in spaces:
            left = re.sub(rf"{BETWEEN}$", "", text[:place])
            right = re.sub(rf"^{BETWEEN}", "", text[place + 1 :])
            if left and right:
                yield left, right
                if CLOCK_LIKE.search(left):
                    yield right, left


def _split_zone(text: str) -> tuple[str, Zone | None]:
    """The text in front of a zone or an offset, in lower case, and that zone."""
    if match := ICAL.fullmatch(text):
        text, zone = match["text"], match["zone"] and _named(match["zone"])
        if zone:
            return text, zone
    if match := BRACKETED.fullmatch(text):
        inner = _named(match["name"])
        rest, offset = _split_zone(match["text"])
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
    """What a zone's name stands for, an abbreviation as it is; None where it is no zone's."""
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
    """None for the clinic's own, where its clocks bear that name then; else an American one."""
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


def _of_epoch(digits: str, field: str) -> Moment:
    """Seconds or milliseconds since 1970, as programs count."""
    seconds, rest = divmod(int(digits), 1000) if len(digits) == 13 else (int(digits), 0)
    moment = datetime.fromtimestamp(seconds, UTC)
    if rest or moment.second:
        raise InvalidRequest("INVALID_DATE_TIME", field, FORMS["both"])
    return Moment(moment.date(), moment.time(), UTC)
