"""`find_times` and `book` at the edges of hours, closures, services and clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from booking_core import (
    Booked,
    Connection,
    InvalidRequest,
    Organization,
    OrganizationNotFound,
    OrganizationNotReady,
    OutsideHours,
    SlotTaken,
    _statements,
    book,
    find_times,
)
from tests.conftest import connected
from tests.support.clinics import clock_changes
from tests.support.factories import NEW_YORK, a_clinic, a_request
from tests.support.wire import counting

# The Monday after next: far from now, whenever the tests run.
MONDAY = datetime.now(UTC).date() + timedelta(days=14 - datetime.now(UTC).weekday())


def at(clock: str, day: date = MONDAY, zone: ZoneInfo = NEW_YORK) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), zone)


async def hours(
    conn: Connection, clinic: Organization, *spans: str, resource: str = "main"
) -> None:
    """On each day of the week: `09:00-17:00`."""
    for span in spans:
        opens, closes = map(time.fromisoformat, span.split("-"))
        await conn.execute(
            "insert into opening_hours select $1, $2, d, $3, $4 from generate_series(1, 7) as d",
            *(clinic.id, resource, opens, closes),
        )


async def exception(
    conn: Connection,
    clinic: Organization,
    starts: str,
    ends: str,
    *,
    opens: bool = False,
    resource: str | None = None,
) -> None:
    await conn.execute(
        "insert into exceptions (org_id, resource, during, opens)"
        " values ($1, $2, $3::text::tsrange, $4)",
        *(clinic.id, resource, f"[{MONDAY} {starts}, {MONDAY} {ends})", opens),
    )


async def service(conn: Connection, clinic: Organization, **fields: Any) -> None:
    row = {"org_id": clinic.id, "service": "Cleaning", "duration_minutes": 30, **fields}
    marks = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await conn.execute(f"insert into services ({', '.join(row)}) values ({marks})", *row.values())


async def starts(conn: Connection, clinic: Organization, **search: Any) -> list[str]:
    """The clock times that are free on Monday, or from `since` on."""
    day = {"since": at("00:00"), "until": at("00:00", MONDAY + timedelta(days=1)), "most": 200}
    found = await find_times(conn, clinic.id, **{**day, **search})
    return [f"{free.starts_at.astimezone(clinic.zone):%H:%M}" for free in found]


async def asked(conn: Connection, clinic: Organization, clock: str, **fields: Any) -> object:
    """What `book` answers, as a word."""
    request = a_request(clinic, scheduled_at=at(clock), **fields)
    outcome = await book(conn, request)
    return outcome.closed_by if isinstance(outcome, OutsideHours) else type(outcome)


async def test_without_hours_all_is_open(conn: Connection, clinic: Organization) -> None:
    """As in every database of before."""
    assert len(await starts(conn, clinic)) == 96
    assert await asked(conn, clinic, "03:15") is Booked


async def test_an_appointment_lies_within_one_window(
    conn: Connection, clinic: Organization
) -> None:
    """Not over a lunch break, nor over two windows that touch."""
    await hours(conn, clinic, "09:00-10:00", "10:00-10:45")
    assert await starts(conn, clinic) == ["09:00", "09:15", "09:30", "10:00", "10:15"]
    assert await asked(conn, clinic, "09:45") == "hours"
    assert await asked(conn, clinic, "08:45") == "hours"
    assert await asked(conn, clinic, "09:30") is Booked
    assert await asked(conn, clinic, "10:00") is Booked


@pytest.mark.parametrize(
    ("span", "free", "closed"),
    [
        ("22:00-00:00", ["22:00", "23:30"], ["21:30", "23:45", "00:00"]),
        ("22:00-06:00", ["22:00", "23:45", "00:00", "05:30"], ["06:00", "21:45", "05:45"]),
        ("00:00-00:00", ["00:00", "12:00", "23:30"], ["23:45"]),
        ("09:00-09:00", ["09:00", "08:30", "00:00", "23:45"], ["08:45"]),
    ],
    ids=["to midnight", "overnight", "a day from midnight", "a day from nine"],
)
async def test_hours_that_touch_midnight(
    conn: Connection, clinic: Organization, span: str, free: list[str], closed: list[str]
) -> None:
    """Where the closing is not after the opening it is on the next day."""
    await hours(conn, clinic, span)
    found = await starts(conn, clinic)
    assert set(free) <= set(found) and set(closed).isdisjoint(found)
    for clock in closed:
        assert await asked(conn, clinic, clock) == "hours"
    for clock in free:
        assert await asked(conn, clinic, clock) is Booked


@pytest.mark.parametrize("number", [0, 1], ids=["one change", "the other"])
async def test_the_days_of_a_clock_change(conn: Connection, number: int) -> None:
    """The clinic is open from one to four: two hours of it in spring, four in autumn, of which the
    hour that comes twice is not offered."""
    clinic = await a_clinic(conn)
    await hours(conn, clinic, "01:00-04:00")
    day = clock_changes("America/New_York")[number]
    midnight = datetime.combine(day, time(0), NEW_YORK)
    found = await find_times(
        conn, clinic.id, since=midnight, until=midnight + timedelta(hours=6), most=200
    )
    elapsed = {(free.starts_at - midnight.astimezone(UTC)) for free in found}
    longer = day.month > 6
    assert min(elapsed) == timedelta(hours=3 if longer else 1)
    assert max(elapsed) == timedelta(hours=4.5 if longer else 2.5)
    assert len(elapsed) == 7


async def test_a_closure_for_all_and_one_for_one(conn: Connection) -> None:
    """The one closes the clinic, the other leaves it to whoever else is there."""
    clinic = await a_clinic(conn, resources=["Dr. Kim", "Dr. Lee"])
    await exception(conn, clinic, "09:00", "12:00")
    await exception(conn, clinic, "12:00", "18:00", resource="Dr. Lee")
    found = await find_times(conn, clinic.id, since=at("00:00"), until=at("23:00"), most=200)
    who = {f"{one.starts_at.astimezone(NEW_YORK):%H:%M}": one.resources for one in found}
    assert who["08:30"] == ("Dr. Kim", "Dr. Lee")
    assert "08:45" not in who and "11:45" not in who
    assert who["12:00"] == ("Dr. Kim",)
    assert await asked(conn, clinic, "11:00") == "closure"
    assert await asked(conn, clinic, "12:00", resource="Dr. Lee") == "closure"
    assert await asked(conn, clinic, "12:00") is Booked
    assert await asked(conn, clinic, "12:00", name="Another") is SlotTaken


async def test_an_extra_opening_beats_hours_and_closures(
    conn: Connection, clinic: Organization
) -> None:
    """Saturday morning once, and an hour of a holiday."""
    await hours(conn, clinic, "09:00-17:00")
    await exception(conn, clinic, "00:00", "23:59")
    await exception(conn, clinic, "19:00", "20:00", opens=True)
    await exception(conn, clinic, "10:00", "10:30", opens=True, resource="main")
    assert await starts(conn, clinic) == ["10:00", "19:00", "19:15", "19:30"]
    assert await asked(conn, clinic, "10:15") == "closure"
    assert await asked(conn, clinic, "19:30") is Booked


async def test_a_service_brings_its_length_its_buffers_and_its_grid(
    conn: Connection, clinic: Organization
) -> None:
    """In any spelling, and whatever length is asked for."""
    await hours(conn, clinic, "09:00-12:00")
    fields = {"buffer_before_minutes": 10, "buffer_after_minutes": 20}
    await service(conn, clinic, duration_minutes=60, slot_minutes=20, **fields)
    assert (await starts(conn, clinic, service_type="CLEANING"))[:3] == ["09:00", "09:20", "09:40"]
    request = a_request(
        clinic, scheduled_at=at("10:00"), service_type="cleaning", duration_minutes=15
    )
    booked = await book(conn, request)
    assert isinstance(booked, Booked)
    assert (booked.service_type, booked.duration_minutes) == ("Cleaning", 60)
    assert booked.is_as_long
    # It keeps 9:50 to 11:20: what has no buffers of its own fits right before and right after.
    others = await starts(conn, clinic, service_type="Other", duration_minutes=10)
    assert others == ["09:00", "09:15", "09:30", "11:30", "11:45"]
    assert await starts(conn, clinic, service_type="Cleaning") == []
    again = await book(conn, request)
    assert isinstance(again, Booked) and not again.created and again.is_as_long


async def test_a_service_that_one_of_three_does(conn: Connection) -> None:
    """The others are neither offered nor booked for it, and the caller is told who does it."""
    clinic = await a_clinic(conn, resources=["Dr. Ito", "Dr. Kim", "Dr. Lee"])
    await service(conn, clinic)
    await conn.execute(
        "insert into service_resources values ($1, 'Cleaning', 'Dr. Kim')", clinic.id
    )
    found = await find_times(conn, clinic.id, since=at("09:00"), service_type="Cleaning")
    assert {one.resources for one in found} == {("Dr. Kim",)}
    assert await asked(conn, clinic, "09:00", service_type="Cleaning") is Booked
    assert await asked(conn, clinic, "09:00", service_type="Cleaning", name="B") is SlotTaken
    for search in (
        find_times(conn, clinic.id, since=at("09:00"), service_type="Cleaning", resource="dr lee"),
        book(conn, a_request(clinic, service_type="Cleaning", resource="Dr. Lee")),
    ):
        with pytest.raises(InvalidRequest, match="done by others") as raised:
            await search
        assert raised.value.choices == ("Dr. Kim",)


async def test_what_must_be_booked_earlier_is_too_soon(
    conn: Connection, clinic: Organization
) -> None:
    """Neither offered nor booked within the notice."""
    await service(conn, clinic, notice_minutes=60 * 24 * 30)
    assert await starts(conn, clinic, service_type="Cleaning") == []
    assert await asked(conn, clinic, "09:00", service_type="Cleaning") == "notice"
    assert await asked(conn, clinic, "09:00", service_type="Other") is Booked


async def test_who_left_is_neither_offered_nor_booked(conn: Connection) -> None:
    """The appointment stays, and answers its repeat."""
    clinic = await a_clinic(conn, resources=["Dr. Kim", "Dr. Lee"])
    request = a_request(clinic, scheduled_at=at("09:00"), resource="Dr. Lee")
    assert isinstance(await book(conn, request), Booked)
    await conn.execute("update resources set active = false where resource = 'Dr. Lee'")
    found = await find_times(conn, clinic.id, since=at("09:00"))
    assert {one.resources for one in found} == {("Dr. Kim",)}
    again = await book(conn, request)
    assert isinstance(again, Booked) and not again.created
    with pytest.raises(InvalidRequest, match="nobody and nothing of this name"):
        await asked(conn, clinic, "10:00", resource="Dr. Lee")


async def test_a_new_name_reaches_the_appointments(conn: Connection) -> None:
    """A resource that is renamed keeps its hours and what is booked."""
    clinic = await a_clinic(conn, resources=["Dr. Lee"])
    await hours(conn, clinic, "09:00-10:00", resource="Dr. Lee")
    assert await asked(conn, clinic, "09:00") is Booked
    await conn.execute("update resources set resource = 'Dr. Park'")
    assert await conn.fetchval("select resource from appointments") == "Dr. Park"
    assert await starts(conn, clinic) == ["09:30"]


async def test_a_search_is_bounded(conn: Connection, clinic: Organization) -> None:
    """By its start and end, the part of the day, and how many are wanted."""
    await hours(conn, clinic, "09:00-17:00")
    assert await starts(conn, clinic, most=2) == ["09:00", "09:15"]
    assert await starts(conn, clinic, since=at("16:05")) == ["16:15", "16:30"]
    assert await starts(conn, clinic, until=at("09:15")) == ["09:00"]
    part = {"from_time": time(12), "to_time": time(12, 30)}
    assert await starts(conn, clinic, **part) == ["12:00", "12:15"]
    assert (await starts(conn, clinic, since=at("17:00"), until=None))[0] == "09:00"


async def test_a_move_does_not_count_the_old_time_against_itself(
    conn: Connection, clinic: Organization
) -> None:
    await hours(conn, clinic, "09:00-10:00")
    booked = await book(conn, a_request(clinic, scheduled_at=at("09:00"), duration_minutes=60))
    assert isinstance(booked, Booked)
    assert await starts(conn, clinic) == []
    assert await starts(conn, clinic, ignored_id=booked.appointment_id) == [
        *("09:00", "09:15", "09:30"),
    ]


async def test_the_past_is_never_offered(conn: Connection, clinic: Organization) -> None:
    since = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=2)
    [found] = await find_times(conn, clinic.id, since=since, most=1)
    assert found.starts_at >= await conn.fetchval("select now()")


WRONG: dict[str, dict[str, Any]] = {
    "since": {"since": datetime(2030, 1, 1)},  # on purpose
    "until": {"until": "tomorrow"},
    "from_time": {"from_time": "12:00"},
    "to_time": {"to_time": time(12, tzinfo=UTC)},
    "duration_minutes": {"duration_minutes": 1},
    "duration_minutes as a float": {"duration_minutes": 30.0},
    "most": {"most": 0},
    "service_type": {"service_type": ""},
    "resource": {"resource": "x\0"},
}


@pytest.mark.parametrize("field", WRONG)
async def test_what_no_search_can_mean(conn: Connection, clinic: Organization, field: str) -> None:
    """Is refused with the name of the field."""
    with pytest.raises(InvalidRequest) as raised:
        await find_times(conn, clinic.id, **{"since": at("09:00"), **WRONG[field]})
    assert raised.value.field == field.partition(" ")[0]


async def test_who_is_asked_for_in_vain(conn: Connection, clinic: Organization) -> None:
    """An unknown name, an unknown organization, and one that has nothing to book."""
    with pytest.raises(InvalidRequest, match="nobody and nothing of this name"):
        await find_times(conn, clinic.id, since=at("09:00"), resource="Dr. Who")
    assert await find_times(conn, clinic.id, since=at("09:00"), resource="MAIN")
    with pytest.raises(OrganizationNotFound):
        await find_times(conn, UUID(int=7), since=at("09:00"))
    await conn.execute("delete from resources")
    with pytest.raises(OrganizationNotReady):
        await find_times(conn, clinic.id, since=at("09:00"))


async def test_a_search_is_one_round_trip(url: str) -> None:
    """Once its statement is prepared, and where something is free."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn)
    async with counting(url) as (conn, asks):
        await find_times(conn, clinic.id, since=at("09:00"))
        asks.clear()
        assert len(await find_times(conn, clinic.id, since=at("09:00"))) == 3
        assert len(asks) == 1


async def test_a_search_reads_few_pages(url: str) -> None:
    """Three times among 10,000 appointments of three years: at most 100 pages, and the index of the
    constraint."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn)
        await conn.execute(
            """
            insert into resources select $1, 'Dr. ' || n from generate_series(2, 3) n;
            """.replace("$1", f"'{clinic.id}'")
        )
        await conn.execute(
            """
            with contact as (
              insert into contacts (org_id, phone) values ($1, '+15550000001') returning id
            )
            insert into appointments
              (org_id, contact_id, resource, service_type, scheduled_at, attendee_name)
            select $1, contact.id, case k % 3 when 0 then 'main' else 'Dr. ' || 1 + k % 3 end, 's',
                   $2::timestamptz + k / 9 * interval '1 day' + k / 3 % 3 * interval '2 hours', k
            from contact, generate_series(0, 9999) k
            """,
            clinic.id,
            at("09:00") - timedelta(days=500),
        )
        await conn.execute("analyze")
        values = {
            **{
                "org_id": clinic.id,
                "since": at("09:00"),
                "until": at("09:00") + timedelta(days=92),
            },
            **{"from_time": None, "to_time": None, "service_type": "x", "duration_minutes": 30},
            **{"resource": None, "most": 3, "ignored_id": None},
        }
        text, *bound = _statements.FIND_TIMES.bind(values)
        rows = await conn.fetch(f"explain (analyze, buffers, timing off) {text}", *bound)
        plan = "\n".join(row[0] for row in rows)
        assert "appointments_resource_excl" in plan, plan
        pages = next(line for line in plan.splitlines() if "Buffers: shared hit=" in line)
        assert int(pages.partition("hit=")[2].split()[0]) <= 100, plan
