"""The tool findTimes: the free times of a day, or the soonest ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from booking_asgi.database import Lease
from booking_asgi.speech import (
    MOST_RESOURCE_WORDS,
    Answer,
    FailureCode,
    listed,
    shorten,
    spoken_day,
)
from booking_asgi.tools.arguments import by_meaning
from booking_asgi.tools.free_times import (
    MOST_LOOKED_AT,
    spoken_date,
    spoken_times,
    spread,
)
from booking_asgi.tools.readings import read_day
from booking_asgi.tools.tool import Asked, Tool
from booking_core import FreeTime, InvalidRequest, Limits, Organization, find_times
from booking_core.spoken import parse_duration, parse_text

NAME = "findTimes"
PATH = "find-times"
DESCRIPTION = (
    "Says which times are free at the clinic, soonest first. Call it where the caller asks what is"
    " free, or has no time in mind. Do not call it where the caller has said a day and a time: call"
    " bookAppointment then, which names other times if that one can't be had. Never say a time that"
    " the answer does not name. It books nothing."
)
OFFERED = {
    "date": "The day to look at, as YYYY-MM-DD, or as the caller said it: today, Thursday. Leave it"
    " out for the soonest times.",
    **dict.fromkeys(("until", "part", "service", "resource")),
}
RETURNS = {
    "freeTimes": {"type": "array", "items": {"type": "string", "format": "date-time"}},
    "more": {"type": "integer"},
}
CALLED = re.compile(
    r"(?:.* )?(?:find|get|list|search|check|show|look up)"
    r" (?:(?:free|available|open|next|appointment|the|for) )*"
    r"(?:times?|slots?|availability|availabilities|openings?)(?: .*)?"
)
PARTS: Mapping[str, tuple[time | None, time | None]] = {
    "morning": (None, time(12)),
    "afternoon": (time(12), time(17)),
    "evening": (time(17), None),
}

log = structlog.get_logger("booking_asgi")


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """From `since` on; the times up to the end of `last` are what is asked for, and a later one is
    named where there are none. `is_one_day`: the caller asked for that day."""

    organization: Organization
    since: datetime
    last: date | None
    is_one_day: bool
    part: str | None
    service_type: str
    duration_minutes: int
    resource: str | None


def read(asked: Asked) -> Search:
    """What is to be looked for. Refuses the past, and what lies beyond the horizon."""
    given = by_meaning(asked.arguments)
    zone = asked.organization.zone
    now = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    today = now.astimezone(zone).date()
    first = read_day(given["date"], "appointmentDate", today) if "date" in given else None
    last = read_day(given["until"], "untilDate", first or today) if "until" in given else first
    for day, field in ((first, "appointmentDate"), (last, "untilDate")):
        if day is not None and day < today:
            problem = f"That day is in the past, for today is {spoken_day(now.astimezone(zone))}"
            raise InvalidRequest("PAST_DATE", field, problem)
        if day is not None and day > today + timedelta(days=asked.horizon_days):
            problem = f"It must be within {asked.horizon_days} days from now"
            raise InvalidRequest("INVALID_DATE_TIME", field, problem)
    if first is not None and last is not None and last < first:
        raise InvalidRequest(
            "INVALID_DATE_TIME", "untilDate", "It must not be before the first day"
        )
    return Search(
        organization=asked.organization,
        since=now if first in (None, today) else datetime.combine(first or today, time(0), zone),
        last=last,
        is_one_day=first is not None and first == last,
        part=_read_part(given),
        service_type=parse_text(given.get("service", "Appointment"), "serviceType"),
        duration_minutes=parse_duration(given.get("duration", 30)),
        resource=parse_text(given["resource"], "resource") if "resource" in given else None,
    )


def _read_part(given: Mapping[str, object]) -> str | None:
    """The part of the day, or that of a time of day which is given in its place."""
    said = f"{given.get('part', '')} {given.get('time', '')}".lower()
    found = [part for part in PARTS if re.search(rf"\b{part}s?\b", said)]
    return found[0] if len(found) == 1 else None


async def run(lease: Lease, search: Search, limits: Limits) -> list[FreeTime]:
    """Look it up."""
    from_time, to_time = PARTS[search.part] if search.part else (None, None)
    found: list[FreeTime] = await lease.run(
        find_times,
        search.organization.id,
        since=search.since,
        from_time=from_time,
        to_time=to_time,
        service_type=search.service_type,
        duration_minutes=search.duration_minutes,
        resource=search.resource,
        most=MOST_LOOKED_AT,
    )
    log.info("VapiTools: Free times looked up", found=len(found), orgId=str(search.organization.id))
    return found


def why(error: Exception, search: Search) -> FailureCode:
    return "SEARCH_FAILED"


def who(search: Search) -> Mapping[str, str]:
    return {}


def answer(found: list[FreeTime], search: Search, zone: ZoneInfo) -> Answer:
    starts = [free.starts_at for free in found]
    meant = [one for one in starts if search.last is None or _day(one, zone) <= search.last]
    chosen = spread(meant, zone)
    offered = chosen or starts[:1]
    said = _words(found, meant, chosen, search, zone)
    return Answer(
        done=True,
        status=HTTPStatus.OK,
        code="FREE_TIMES" if meant else "NOTHING_FREE",
        said=said,
        told=f"{said} Offer what is named here, and nothing else; then call bookAppointment."
        if found
        else f"{said} Offer that somebody from the clinic calls back.",
        content={
            "freeTimes": [one.astimezone(zone).isoformat() for one in offered],
            "more": len(meant) - len(chosen),
        },
    )


def _words(
    found: list[FreeTime],
    meant: list[datetime],
    chosen: list[datetime],
    search: Search,
    zone: ZoneInfo,
) -> str:
    """What is free, or the next time that is."""
    if not found:
        return "Nothing is free in the three months from then on."
    when = ""
    if search.last is not None:
        when = f" {'on' if search.is_one_day else 'until'} {spoken_date(search.last)}"
    if search.part is not None:
        when += f" in the {search.part}"
    with_whom = ""
    if search.resource is not None:
        with_whom = f" with {shorten(found[0].resources[0], MOST_RESOURCE_WORDS)}"
    if not meant:
        following = spoken_times([found[0].starts_at], zone)
        return f"Nothing is free{with_whom}{when}. The next free time is {following}."
    more = len(meant) - len(chosen)
    # As many as were looked at: there may be others.
    is_cut = len(found) == MOST_LOOKED_AT and len(meant) == len(found)
    others = f"; {more}{' or' if is_cut else ''} more" if more else ""
    if search.is_one_day:
        clocks = listed([f"{one.astimezone(zone):%-I:%M %p}" for one in chosen], "and")
        return f"Free{with_whom} on {spoken_date(_day(chosen[0], zone))}: {clocks}{others}."
    return f"Free{with_whom}: {spoken_times(chosen, zone)}{others}."


def _day(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()


def is_called(name: str) -> bool:
    return bool(CALLED.fullmatch(name)) and "book" not in name.split()


FIND_TIMES: Tool[Any, Any] = Tool(
    name=NAME,
    path=PATH,
    description=DESCRIPTION,
    offered=OFFERED,
    required=(),
    undone="Not looked up",
    doing="looking for free times",
    changes=False,
    codes=(),
    returns=RETURNS,
    is_called=is_called,
    read=read,
    run=run,
    why=why,
    who=who,
    answer=answer,
)
