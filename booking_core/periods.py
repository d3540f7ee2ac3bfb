"""The dates and times of a closure, and how a person writes them. Pure."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

from booking_core.errors import InvalidRequest
from booking_core.spoken.dates import read_date
from booking_core.spoken.text import plain
from booking_core.week import LONGEST, SPAN, format_span, parse_span

FORM = "Write it as 2027-07-05, 2027-07-05 12:00-13:00 or 2027-08-01..2027-08-14"
DAY = timedelta(days=1)
HOURS = re.compile(rf"(?P<day>.+?),? (?P<span>{SPAN})")


def parse_period(words: str) -> tuple[datetime, datetime]:
    """When it starts and when it ends, in local time: a date, a date and hours, or two dates of
    which the last one is included. Hours may end on the next day. Raises `InvalidRequest`, which
    shows the forms."""
    if not isinstance(words, str) or len(words) > LONGEST:
        raise _wrong(f"It must be text of at most {LONGEST} characters")
    first, dots, last = plain(words).lower().partition("..")
    if dots:
        starts, ends = _at_midnight(first), _at_midnight(last) + DAY
        if ends <= starts:
            raise _wrong("The last date is before the first one")
        return starts, ends
    if match := HOURS.fullmatch(first):
        day = _at_midnight(match["day"])
        opens, closes = parse_span(match["span"])
        next = day + DAY if closes <= opens else day
        return datetime.combine(day, opens), datetime.combine(next, closes)
    day = _at_midnight(first)
    return day, day + DAY


def format_period(starts: datetime, ends: datetime) -> str:
    """As `parse_period` reads it, where it does: `2027-07-05`, `2027-07-05 12:00-13:00`."""
    last = ends - DAY
    if starts.time() == ends.time() == time():
        return f"{starts:%Y-%m-%d}" + (f"..{last:%Y-%m-%d}" if last > starts else "")
    if ends - starts <= DAY:
        return f"{starts:%Y-%m-%d} {format_span(starts.time(), ends.time())}"
    return f"{starts:%Y-%m-%d %H:%M}..{ends:%Y-%m-%d %H:%M}"


def _at_midnight(words: str) -> datetime:
    try:
        return datetime.combine(read_date(words.strip(), "period"), time())
    except InvalidRequest as error:
        raise _wrong(error.problem.partition(".")[0]) from None


def _wrong(problem: str) -> InvalidRequest:
    return InvalidRequest("INVALID_DATE_TIME", "period", f"{problem}. {FORM}")
