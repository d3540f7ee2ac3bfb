"""Free times: which of them are said, in what words, and those near a time that can't be had."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from booking_asgi.database import Lease
from booking_asgi.speech import listed
from booking_core import BookingRequest, FreeTime, OutsideHours, SlotTaken, find_times

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


async def find_near(lease: Lease, request: BookingRequest) -> tuple[datetime, ...]:
    """The starts that are free near the one that is asked for, with all else as it is asked for."""
    found: list[FreeTime] = await lease.run(
        find_times,
        request.org_id,
        since=max(request.scheduled_at - BACK, next_minute()),
        service_type=request.service_type,
        duration_minutes=request.duration_minutes,
        resource=request.resource,
        most=MOST_LOOKED_AT,
    )
    return tuple(free.starts_at for free in found)


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
