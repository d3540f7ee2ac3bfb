"""The tool findTimes: the free times of a day, or the soonest ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from http import HTTPStatus
from zoneinfo import ZoneInfo

import structlog

from booking_asgi.database import Lease
from booking_asgi.phrases import MOST_RESOURCE_WORDS, listed, shorten
from booking_asgi.speech import Answer, FailureCode
from booking_asgi.tools.free_times import (
    MOST_LOOKED_AT,
    spoken_date,
    spoken_times,
    spread,
)
from booking_asgi.tools.searches import PARTS, Search, read_search
from booking_asgi.tools.tool import Tool
from booking_core import FreeTime, Limits, find_times

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
log = structlog.get_logger("booking_asgi")


async def run(lease: Lease, search: Search, limits: Limits) -> list[FreeTime]:
    """Look it up."""
    from_time, to_time = PARTS[search.part] if search.part else (None, None)
    found: list[FreeTime] = await lease.run(
        find_times,
        search.organization.id,
        since=search.since,
        until=search.until,
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
        said=f"{said} {_question(offered)}",
        told=f"{said} {_what_to_do(offered)}",
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
    part = f" in the {search.part}" if search.part else ""
    whom = ""
    if search.resource is not None and found:
        whom = f" with {shorten(found[0].resources[0], MOST_RESOURCE_WORDS)}"
    if not found:
        return f"Nothing is free{part}{_span(search.first, _day(search.until, zone))}."
    if not meant:
        following = spoken_times([found[0].starts_at], zone)
        days = _span(search.first, search.last)
        return f"Nothing is free{whom}{days}{part}. The next free time{part} is {following}."
    more = len(meant) - len(chosen)
    # As many as were looked at: there may be others.
    is_cut = len(found) == MOST_LOOKED_AT and len(meant) == len(found)
    others = f"; {more}{' or' if is_cut else ''} more" if more else ""
    if search.first is not None and search.first == search.last:
        clocks = listed([f"{one.astimezone(zone):%-I:%M %p}" for one in chosen], "and")
        return f"Free{whom} on {spoken_date(search.first)}: {clocks}{others}."
    return f"Free{whom}: {spoken_times(chosen, zone)}{others}."


def _span(first: date | None, last: date | None) -> str:
    if last is None or first == last:
        return f" on {spoken_date(first)}" if first else ""
    return f"{f' from {spoken_date(first)}' if first else ''} until {spoken_date(last)}"


def _question(offered: list[datetime]) -> str:
    match len(offered):
        case 0:
            return "Shall somebody from the clinic call you back?"
        case 1:
            return "Would you like that one?"
        case _:
            return "Which one would you like?"


def _what_to_do(offered: list[datetime]) -> str:
    if not offered:
        return "Offer that somebody from the clinic calls back."
    return "Offer what is named here, and nothing else. Call bookAppointment once one is chosen."


def _day(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()


def is_called(name: str) -> bool:
    return bool(CALLED.fullmatch(name)) and "book" not in name.split()


FIND_TIMES = Tool(
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
    read=read_search,
    run=run,
    why=why,
    who=who,
    answer=answer,
)
