"""Moments: a day, a time of day, or both, and what zone stands with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Literal

from booking_core.errors import InvalidRequest
from booking_core.spoken import clocks, dates
from booking_core.spoken.text import plain_text
from booking_core.spoken.zone_names import Zone, split_zone

Kind = Literal["day", "clock", "both"]
FORMS: Mapping[Kind, str] = {
    "day": dates.FORM,
    "clock": clocks.FORM,
    "both": "A date and a time are needed, as 2026-12-01T14:00",
}
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


@dataclass(frozen=True, slots=True)
class Moment:
    """The day and the time of day that were read, and the zone that stands with them."""

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
    text, zone = split_zone(text.lower())
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
    """Every way to read the text as a day, a time, or both. An empty text stands for none."""
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


def _of_epoch(digits: str, field: str) -> Moment:
    """Seconds or milliseconds since 1970, as programs count."""
    seconds, rest = divmod(int(digits), 1000) if len(digits) == 13 else (int(digits), 0)
    moment = datetime.fromtimestamp(seconds, UTC)
    if rest or moment.second:
        raise InvalidRequest("INVALID_DATE_TIME", field, FORMS["both"])
    return Moment(moment.date(), moment.time(), UTC)
