"""Which free times are said, and in what words: the pure parts, at their edges."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from booking_asgi.tools.find_times import FIND_TIMES
from booking_asgi.tools.free_times import MOST_LOOKED_AT, near, next_minute, spoken_times, spread
from booking_asgi.tools.readings import read_day
from booking_asgi.tools.searches import Search, read_search
from booking_asgi.tools.tool import Asked
from booking_core import FreeTime, InvalidRequest, OutsideHours
from booking_core.outcomes import ClosedBy
from tests.support.factories import NEW_YORK, SOON, a_request, answered, in_days
from tests.test_requests import CLINIC

DAY = date(2027, 6, 3)
HAVANA = ZoneInfo("America/Havana")


def at(clock: str, days: int = 0, zone: ZoneInfo = NEW_YORK) -> datetime:
    """In UTC, as `find_times` returns them."""
    local = datetime.combine(DAY + timedelta(days=days), time.fromisoformat(clock), zone)
    return local.astimezone(UTC)


def those(*clocks: str, days: int = 0) -> list[datetime]:
    return [at(clock, days) for clock in clocks]


def shown(times: Sequence[datetime]) -> list[str]:
    """`09:00`, and `09:00 +1` on the next day."""
    local = [one.astimezone(NEW_YORK) for one in times]
    days = [(one.date() - DAY).days for one in local]
    return [f"{one:%H:%M}{f' +{n}' if n else ''}" for one, n in zip(local, days, strict=True)]


NEAR: dict[str, tuple[list[datetime], list[str]]] = {
    "none": ([], []),
    "one": (those("09:00"), ["09:00"]),
    "one of another day": (those("09:00", days=4), ["09:00 +4"]),
    "before and after": (those("13:00", "13:45", "14:30", "18:00"), ["13:45", "14:30"]),
    "only before": (those("09:00", "11:30", "13:30", "13:45"), ["11:30", "13:45"]),
    "only after": (those("14:15", "14:30", "16:30", "18:00"), ["14:15", "16:30"]),
    "close together": (those("14:15", "14:30", "14:45"), ["14:15"]),
    "the next day too": (
        [*those("13:00", "15:00"), *those("09:00", "13:45", "17:00", days=1)],
        ["13:00", "15:00", "13:45 +1"],
    ),
    "one of that day": (
        [*those("15:00"), *those("09:00", "10:00", days=1), *those("17:00", days=6)],
        ["15:00", "10:00 +1", "17:00 +6"],
    ),
    "only other days": (
        [*those("09:00", "14:00", "14:15", "16:00", days=1), *those("08:00", "12:00", days=5)],
        ["14:00 +1", "16:00 +1", "12:00 +5"],
    ),
    "one on each other day": (
        [*those("09:00", days=1), *those("10:00", days=2), *those("11:00", days=3)],
        ["09:00 +1", "10:00 +2", "11:00 +3"],
    ),
    "the asked time, free again": (those("13:30", "14:00", "14:30"), ["13:30", "14:30"]),
    "the evening before": ([*those("23:30", days=-1), *those("15:00")], ["15:00"]),
}


@pytest.mark.parametrize("case", NEAR)
def test_what_is_near_a_time_that_cant_be_had(case: str) -> None:
    """The nearest of that day, another one of it that differs, and one of the next day."""
    free, expected = NEAR[case]
    assert shown(near(free, at("14:00"), NEW_YORK)) == expected


SPREAD: dict[str, tuple[list[datetime], list[str]]] = {
    "none": ([], []),
    "one": (those("09:00"), ["09:00"]),
    "all day": (
        those(*(f"{h:02}:{m}" for h in range(9, 17) for m in ("00", "30"))),
        ["09:00", "11:00", "13:00"],
    ),
    "two hours before another part": (
        those("11:00", "11:45", "12:15"),
        ["11:00", "11:45", "12:15"],
    ),
    "close together": (those("09:00", "09:15", "09:30", "09:45"), ["09:00", "09:15", "09:30"]),
    "another part of the day": (
        those("10:30", "10:45", "11:00", "12:00"),
        ["10:30", "10:45", "12:00"],
    ),
    "several days": ([*those("16:00"), *those("09:00", days=1)], ["16:00", "09:00 +1"]),
}


@pytest.mark.parametrize("case", SPREAD)
def test_how_free_times_are_spread(case: str) -> None:
    """The earliest, then what is two hours away, then another part of the day."""
    free, expected = SPREAD[case]
    assert shown(spread(free, NEW_YORK)) == expected


def test_at_most_three_are_said_and_each_is_free() -> None:
    """Whatever is free, in whatever pattern."""
    grid = [at("00:00") + timedelta(minutes=15 * n) for n in range(200)]
    for step in range(1, 40):
        free = grid[step % 7 :: step]
        for offered in (spread(free, NEW_YORK), near(free, at("14:00"), NEW_YORK)):
            assert offered == sorted(set(offered)) and set(offered) <= set(free)
            assert len(offered) <= 3 and (offered or not free)


def test_the_words_of_times() -> None:
    """The day is named once, and not where it is the day that was asked for."""
    times = [*those("13:30", "15:00"), *those("14:00", days=1)]
    friday = "Friday, June 4 at 2:00 PM"
    assert spoken_times(times, NEW_YORK, DAY) == f"1:30 PM and 3:00 PM; or {friday}"
    assert spoken_times(times, NEW_YORK) == (
        f"Thursday, June 3 at 1:30 PM and 3:00 PM; or {friday}"
    )
    assert spoken_times(times[2:], NEW_YORK, DAY) == friday
    assert spoken_times([], NEW_YORK) == ""
    assert spoken_times(those("00:00", "12:00"), NEW_YORK, DAY) == "12:00 AM and 12:00 PM"


@pytest.mark.parametrize("day", [date(2027, 3, 14), date(2027, 11, 7)], ids=["spring", "autumn"])
@pytest.mark.parametrize("zone", [NEW_YORK, HAVANA], ids=["New York", "Havana"])
def test_on_the_days_of_a_clock_change(day: date, zone: ZoneInfo) -> None:
    """Times are of the day that the clinic's clocks show, and near by what elapses. In Havana the
    day of spring has no midnight."""
    noon = datetime.combine(day, time(12), zone).astimezone(UTC)
    grid = [noon + timedelta(minutes=30 * n) for n in range(-30, 80)]
    free = [one for one in grid if abs(one - noon) >= timedelta(hours=1)]
    offered = near(free, noon, zone)
    hour = timedelta(hours=1)
    next_noon = datetime.combine(day + timedelta(days=1), time(12), zone).astimezone(UTC)
    assert offered == [noon - hour, noon + hour, next_noon]
    following = f"{day + timedelta(days=1):%A, %B %-d} at 12:00 PM"
    assert spoken_times(offered, zone, day) == f"11:00 AM and 1:00 PM; or {following}"
    midnight = next(one for one in grid if one.astimezone(zone).date() == day)
    assert near([midnight], noon, zone) == [midnight]
    assert near([midnight - timedelta(minutes=30)], noon, zone) == []


# A Thursday.
DAYS: dict[str, date] = {
    "today": DAY,
    "Today.": DAY,
    "now": DAY,
    "tomorrow": DAY + timedelta(days=1),
    "the day after tomorrow": DAY + timedelta(days=2),
    "Thursday": DAY,
    "this Thursday": DAY,
    "next Thursday": DAY + timedelta(days=7),
    "Friday": DAY + timedelta(days=1),
    "on Wednesday": DAY + timedelta(days=6),
    "this coming Monday": DAY + timedelta(days=4),
    "next tue": DAY + timedelta(days=5),
    "2027-06-10": date(2027, 6, 10),
    "June 10, 2027": date(2027, 6, 10),
}


@pytest.mark.parametrize("said", DAYS)
def test_a_day_is_read_as_it_is_said(said: str) -> None:
    """A day of the week is the next one; on that very day, today, unless `next` is said."""
    assert read_day(said, "appointmentDate", DAY) == DAYS[said]


@pytest.mark.parametrize("said", ["someday", "", "next week", "2027-02-30", "14:00", None, 7, []])
def test_what_is_no_day_is_refused(said: object) -> None:
    with pytest.raises(InvalidRequest) as raised:
        read_day(said, "untilDate", DAY)
    assert (raised.value.code, raised.value.field) == ("INVALID_DATE_TIME", "untilDate")


PARTS = {
    (in_days(3), None): None,
    (in_days(3), "morning"): "morning",
    (in_days(3), "Afternoons"): "afternoon",
    ("Thursday evening", None): "evening",
    ("thursday in the morning", None): "morning",
    ("tonight", None): "evening",
    ("this afternoon", None): "afternoon",
    ("afternoon", None): "afternoon",
    (in_days(3), "morning or evening"): None,
    (in_days(3), "any"): None,
}


@pytest.mark.parametrize(("day", "part"), PARTS, ids=str)
def test_a_part_of_the_day_is_read_where_it_is_said(day: str, part: str | None) -> None:
    """With the day, or beside it; and of two parts neither."""
    given = {"appointmentDate": day, "partOfDay": part} if part else {"appointmentDate": day}
    search = read_search(Asked(arguments=given, organization=CLINIC, horizon_days=30))
    assert search.part == PARTS[day, part]
    assert search.first is not None and search.first == search.last


@pytest.mark.parametrize("days", [1, 30, 365])
def test_nothing_is_offered_that_is_too_far_away_to_book(days: int) -> None:
    """The search ends at the horizon, and in three months at the latest."""
    search = read_search(Asked(arguments={}, organization=CLINIC, horizon_days=days))
    assert search.until - search.since == timedelta(days=min(days, 92))
    last = (next_minute() + timedelta(days=days)).astimezone(NEW_YORK).date()
    read_search(Asked(arguments={"date": str(last)}, organization=CLINIC, horizon_days=days))
    beyond = {"date": str(last + timedelta(days=1))}
    with pytest.raises(InvalidRequest, match="within"):
        read_search(Asked(arguments=beyond, organization=CLINIC, horizon_days=days))


def told(free: Sequence[datetime], **search: object) -> str:
    """The words of findTimes for a clinic that has these times, without what to do with them."""
    first: object = search.get("first", DAY)
    fields = {
        **{"organization": CLINIC, "first": first, "last": first, "part": None, "resource": None},
        **{"since": at("00:00"), "until": at("00:00", 92), "service_type": "x"},
        **{"duration_minutes": 30, **search},
    }
    found = [FreeTime(starts_at=one, resources=("Dr. Kim",)) for one in free]
    answer = FIND_TIMES.answer(found, Search(**fields), NEW_YORK)  # type: ignore[arg-type]  # any
    assert len(answer.told.split()) <= 60 and len(answer.said.split()) <= 60
    return answer.told.partition(" Offer ")[0]


def test_the_times_of_one_day() -> None:
    """Those of the day alone, and how many others it has."""
    free = [*those("09:00", "09:30", "11:00", "13:00"), *those("09:00", days=1)]
    assert told(free) == "Free on Thursday, June 3: 9:00 AM, 11:00 AM and 1:00 PM; 1 more."
    assert told(free[:1]) == "Free on Thursday, June 3: 9:00 AM."
    assert told(free[:2], resource="kim") == (
        "Free with Dr. Kim on Thursday, June 3: 9:00 AM and 9:30 AM."
    )
    assert told(free[4:]) == (
        "Nothing is free on Thursday, June 3. The next free time is Friday, June 4 at 9:00 AM."
    )


def test_the_times_of_several_days() -> None:
    """Those up to the end of the last day, and a later one where there is none."""
    last = DAY + timedelta(days=1)
    free = [*those("16:00"), *those("09:00", days=1), *those("09:00", days=2)]
    assert told(free, last=last) == (
        "Free: Thursday, June 3 at 4:00 PM; or Friday, June 4 at 9:00 AM."
    )
    assert told(free, first=None, last=None) == (
        "Free: Thursday, June 3 at 4:00 PM; or Friday, June 4 at 9:00 AM; or Saturday, June 5 at"
        " 9:00 AM."
    )
    following = "The next free time is Saturday, June 5 at 9:00 AM."
    assert told(free[2:], last=last) == (
        f"Nothing is free from Thursday, June 3 until Friday, June 4. {following}"
    )
    assert told(free[2:], first=None, last=last) == (
        f"Nothing is free until Friday, June 4. {following}"
    )


def test_a_part_of_the_day_is_named_where_it_has_nothing() -> None:
    """The next free time is one of that part: others may be free before it."""
    assert told(those("17:30", days=1), part="evening") == (
        "Nothing is free on Thursday, June 3 in the evening. The next free time in the evening is"
        " Friday, June 4 at 5:30 PM."
    )
    assert told([], part="evening", first=None, last=None) == (
        "Nothing is free in the evening until Friday, September 3."
    )
    assert told([]) == "Nothing is free from Thursday, June 3 until Friday, September 3."


@pytest.mark.parametrize("kept", [MOST_LOOKED_AT, MOST_LOOKED_AT - 1])
def test_a_list_that_was_cut_does_not_count_the_others(kept: int) -> None:
    """As many times as were looked at may be more; those that all were found are counted."""
    free = [at("00:00") + timedelta(minutes=5 * n) for n in range(kept)]
    more = f"{kept - 3}{' or' if kept == MOST_LOOKED_AT else ''} more"
    assert told(free).endswith(f"12:00 AM, 2:00 AM and 4:00 AM; {more}.")
    # The last ones found are of the next day, so that all of the day that was asked for are there.
    assert told([one + timedelta(hours=14) for one in free]).endswith("6:00 PM; 117 more.")


CLOSED = {
    "hours": ("there are no appointments on {}", "there are no appointments with Dr Kim on {}"),
    "closure": ("the clinic is closed on {}", "there are no appointments with Dr Kim on {}"),
    "notice": ("{} is too soon for that", "{} is too soon for that"),
}


@pytest.mark.parametrize("by", get_args(ClosedBy))
def test_why_nothing_is_open(by: ClosedBy) -> None:
    """Each reason in its own words, with what is free instead, and without."""
    outcome = OutsideHours(
        scheduled_at=SOON,
        contact_id=CLINIC.id,
        contact_match="phone",
        email_kept=True,
        closed_by=by,
    )
    when = "Monday, March 1, 2027 at 9:00 AM"
    for reason, resource in zip(CLOSED[by], (None, "Dr. Kim"), strict=True):
        request = a_request(CLINIC, resource=resource)
        why = reason.format(when)
        answer = answered(outcome, NEW_YORK, request)
        assert answer.told == f"Not booked: {why}. Offer another time."
        assert answer.code == "OUTSIDE_HOURS"
        free = (SOON + timedelta(hours=1),)
        assert answered(outcome, NEW_YORK, request, free).told == (
            f"Not booked: {why}. Free that day: 10:00 AM. Ask which one, then call again."
        )
        assert "nothing else is free in the next weeks" in (
            answered(outcome, NEW_YORK, request, ()).told
        )
