"""Free times: which of them are said, in what words, and those near a time that can't be had."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

from booking_asgi.database import Lease
from booking_asgi.phrases import MOST_RESOURCE_WORDS, clean, listed, shorten, spoken
from booking_core import FreeTime, OutsideHours, SlotTaken, find_times

MOST_SAID = 3
APART = timedelta(hours=2)
# Before a time that can't be had, the times of the same day are near as well.
BACK = timedelta(hours=8)
MOST_LOOKED_AT = 150


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """A time that can't be had, and the free ones near it; None where they were not looked up."""

    outcome: SlotTaken | OutsideHours
    free: tuple[datetime, ...] | None = None


async def find_near(
    lease: Lease,
    org_id: UUID,
    asked: datetime,
    *,
    service_type: str,
    duration_minutes: int,
    resource: str | None,
    ignored_id: UUID | None = None,
) -> tuple[datetime, ...]:
    """The starts that are free near the one that is asked for, with all else as it is asked for."""
    found: list[FreeTime] = await lease.run(
        find_times,
        org_id,
        since=max(asked - BACK, next_minute()),
        service_type=service_type,
        duration_minutes=duration_minutes,
        resource=resource,
        ignored_id=ignored_id,
        most=MOST_LOOKED_AT,
    )
    return tuple(free.starts_at for free in found)


def of_refused(
    refused: Refused, whom: str | None, zone: ZoneInfo, undone: str
) -> tuple[str, str, list[datetime]]:
    """What a person hears of a time that can't be had, what a model is told, and the free times
    that both offer. `whom` is the resource that was asked for. Pure."""
    outcome = refused.outcome
    why = _why(outcome, spoken(outcome.scheduled_at, zone), whom)
    if refused.free is None:
        told = f"{undone}: {why}. Offer another time."
        return f"I'm sorry, {why}. Shall I look for another time?", told, []
    offered = near(refused.free, outcome.scheduled_at, zone)
    if not offered:
        return (
            f"I'm sorry, {why}, and nothing else is free in the next weeks. Shall somebody from"
            " the clinic call you back?",
            f"{undone}: {why}, and nothing else is free in the next weeks. Offer that somebody"
            " from the clinic calls back.",
            [],
        )
    day = outcome.scheduled_at.astimezone(zone).date()
    times = spoken_times(offered, zone, day)
    is_that_day = offered[0].astimezone(zone).date() == day
    free = f"Free that day: {times}" if is_that_day else f"Free: {times}"
    return (
        f"I'm sorry, {why}. {free}. Which one would you like?",
        f"{undone}: {why}. {free}. Ask which one, then call again.",
        offered,
    )


def _why(outcome: SlotTaken | OutsideHours, when: str, whom: str | None) -> str:
    if isinstance(outcome, SlotTaken):
        return f"{when} is taken"
    name = whom and shorten(clean(whom), MOST_RESOURCE_WORDS)
    match outcome.closed_by:
        case "closure" if not name:
            return f"the clinic is closed on {when}"
        case "closure" | "hours":
            return f"there are no appointments{f' with {name}' if name else ''} on {when}"
        case "notice":
            return f"{when} is too soon for that"
        case _:
            assert_never(outcome.closed_by)


def near(free: Sequence[datetime], asked: datetime, zone: ZoneInfo) -> list[datetime]:
    """At most three: the nearest of the same day, one on its other side or two hours away, and on
    the next days that have any the one nearest to the same time of day. The asked time itself is
    left out, even if it became free meanwhile, and so is each day before it. Pure."""
    local = asked.astimezone(zone)
    later = [one for one in free if one != asked and one.astimezone(zone).date() >= local.date()]
    days = _by_day(later, zone)
    same = sorted(days.pop(local.date(), []), key=_distance(asked))
    chosen = same[:1]
    chosen += [
        one
        for one in same[1:]
        if (one < asked) != (same[0] < asked) or _is_apart(one, chosen, zone)
    ][:1]
    for day in days.values():
        if len(chosen) == MOST_SAID:
            break
        at = datetime.combine(day[0].astimezone(zone).date(), local.time(), zone)
        nearest = sorted(day, key=_distance(at))
        is_first = not chosen
        chosen.append(nearest[0])
        # Nothing is free on the day that was asked for: two of the next one, and one of another.
        if is_first:
            chosen += [one for one in nearest[1:] if _is_apart(one, chosen, zone)][:1]
    return sorted(chosen)


def spread(free: Sequence[datetime], zone: ZoneInfo) -> list[datetime]:
    """At most three: the earliest, then what is two hours away; where there is no such time, one of
    another part of the day, and else the soonest of the others. Pure."""
    chosen: list[datetime] = []

    def is_hours_away(one: datetime) -> bool:
        return all(abs(one - other) >= APART for other in chosen)

    for may_be_said in (is_hours_away, lambda one: _is_apart(one, chosen, zone), lambda one: True):
        for one in free:
            if len(chosen) < MOST_SAID and one not in chosen and may_be_said(one):
                chosen.append(one)
    return sorted(chosen)


def spoken_times(times: Sequence[datetime], zone: ZoneInfo, day: date | None = None) -> str:
    """`1:30 PM and 3:00 PM; or Friday, December 4 at 2:00 PM`, the first ones being of `day`."""
    said = []
    for at, those in _by_day(times, zone).items():
        clocks = listed([f"{one.astimezone(zone):%-I:%M %p}" for one in those], "and")
        said.append(clocks if at == day else f"{spoken_date(at)} at {clocks}")
    return "; or ".join(said)


def spoken_date(day: date) -> str:
    """Friday, December 4"""
    return f"{day:%A, %B %-d}"


def part_of_day(local: datetime) -> str:
    return "morning" if local.hour < 12 else "afternoon" if local.hour < 17 else "evening"


def _is_apart(one: datetime, others: Sequence[datetime], zone: ZoneInfo) -> bool:
    return all(
        abs(one - other) >= APART
        or part_of_day(one.astimezone(zone)) != part_of_day(other.astimezone(zone))
        for other in others
    )


def _distance(at: datetime) -> Callable[[datetime], tuple[timedelta, datetime]]:
    return lambda one: (abs(one - at), one)


def _by_day(times: Sequence[datetime], zone: ZoneInfo) -> dict[date, list[datetime]]:
    return {
        day: list(those)
        for day, those in groupby(times, key=lambda one: one.astimezone(zone).date())
    }


def next_minute() -> datetime:
    """The soonest start that a caller who is on the line can be offered."""
    return datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
