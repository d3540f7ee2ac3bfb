"""What findTimes is asked for: the days, the part of the day, and whom or what. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from booking_asgi.phrases import spoken_day
from booking_asgi.tools.arguments import by_meaning
from booking_asgi.tools.free_times import next_minute
from booking_asgi.tools.readings import read_day
from booking_asgi.tools.tool import Asked
from booking_core import InvalidRequest, Organization
from booking_core.spoken import parse_duration, parse_text

PARTS: Mapping[str, tuple[time | None, time | None]] = {
    "morning": (None, time(12)),
    "afternoon": (time(12), time(17)),
    "evening": (time(17), None),
}
PART = re.compile(rf"\b(?:in the )?({'|'.join(PARTS)})s?\b")
# The library's own bound: three months.
SEARCHED = timedelta(days=92)


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """The caller asks for the days `first` to `last`; None is any day. The search goes on from
    `since` to `until`, so that it finds a later time where those days have none."""

    organization: Organization
    first: date | None
    last: date | None
    since: datetime
    until: datetime
    part: str | None
    service_type: str
    duration_minutes: int
    resource: str | None


def read_search(asked: Asked) -> Search:
    """What is to be looked for. Refuses the past, and what lies beyond the horizon."""
    given = by_meaning(asked.arguments)
    zone = asked.organization.zone
    now = next_minute()
    horizon = now + timedelta(days=asked.horizon_days)
    today = now.astimezone(zone).date()
    first = read_day(_day_of(given["date"]), "appointmentDate", today) if "date" in given else None
    last = read_day(given["until"], "untilDate", first or today) if "until" in given else first
    for day, field in ((first, "appointmentDate"), (last, "untilDate")):
        if day is not None and day < today:
            problem = f"That day is in the past, for today is {spoken_day(now.astimezone(zone))}"
            raise InvalidRequest("PAST_DATE", field, problem)
        if day is not None and day > horizon.astimezone(zone).date():
            problem = f"It must be within {asked.horizon_days} days from now"
            raise InvalidRequest("INVALID_DATE_TIME", field, problem)
    if first is not None and last is not None and last < first:
        raise InvalidRequest(
            "INVALID_DATE_TIME", "untilDate", "It must not be before the first day"
        )
    since = now if first in (None, today) else datetime.combine(first or today, time(0), zone)
    end = datetime.combine((last or today) + timedelta(days=1), time(0), zone)
    return Search(
        organization=asked.organization,
        first=first,
        last=last,
        since=since,
        # What bookAppointment would refuse is not offered.
        until=min(max(since + SEARCHED, end), horizon),
        part=_read_part(given),
        service_type=parse_text(given.get("service", "Appointment"), "serviceType"),
        duration_minutes=parse_duration(given.get("duration", 30)),
        resource=parse_text(given["resource"], "resource") if "resource" in given else None,
    )


def _day_of(said: object) -> object:
    """The day of `Thursday afternoon`, `this evening` or `tonight`."""
    if not isinstance(said, str):
        return said
    day = " ".join(PART.sub(" ", said.lower().replace("tonight", "today")).split())
    return said if day == said.lower() else "today" if day in ("", "this") else day


def _read_part(given: Mapping[str, object]) -> str | None:
    """The part of the day, or that of a day or a time of day which is given in its place."""
    said = " ".join(str(given.get(name, "")).lower() for name in ("part", "time", "date"))
    found = set(PART.findall(said.replace("tonight", "evening")))
    return found.pop() if len(found) == 1 else None
