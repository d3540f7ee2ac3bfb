"""When a clinic can be booked: hours that are read, set and copied, and what is outside of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from datetime import datetime, time, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from booking_core import (
    Connection,
    InvalidRequest,
    OpeningHours,
    Organization,
    OrganizationNotFound,
    add_closure,
    add_resource,
    copy_hours,
    format_hours,
    list_hours,
    list_outside,
    parse_hours,
    preflight,
    retire_resource,
    set_hours,
)
from booking_core.week import FORM, check_apart
from tests.conftest import until
from tests.support.factories import a_caller, a_clinic
from tests.support.owners import (
    MONDAY,
    SUNDAY,
    an_owner,
    book_at,
    free_starts,
    free_times,
    openness,
)

NOON = MONDAY + timedelta(hours=12)
SATURDAY = MONDAY + timedelta(days=5)
TUESDAY = MONDAY + timedelta(days=1)

READ = [
    ("mon-fri 09:00-12:30 13:30-17:00", "mon-fri 09:00-12:30 13:30-17:00"),
    ("sat closed", "sat closed"),
    ("Monday to Friday 9am-5pm", "mon-fri 09:00-17:00"),
    ("mon,wed 22:00-06:00", "mon 22:00-06:00 wed 22:00-06:00"),
    ("daily 00:00-24:00", "mon-sun 00:00-24:00"),
    ("Every day: 00:00 - 00:00", "mon-sun 00:00-24:00"),
    ("sun-thu 08:00-16:00", "mon-thu 08:00-16:00 sun 08:00-16:00"),
    ("mon-fri 9-17, sat 10-14; Sundays closed", "mon-fri 09:00-17:00 sat 10:00-14:00 sun closed"),
    ("weekdays 8:30-12:30 and 13.30\u201317.00", "mon-fri 08:30-12:30 13:30-17:00"),
    ("Tues. through Thurs. from 9 a.m. to 5:30 p.m.", "tue-thu 09:00-17:30"),
    ("weekends 8am-noon 1pm-midnight", "sat-sun 08:00-12:00 13:00-24:00"),
    ("mon & tue open 12pm-12am", "mon-tue 12:00-24:00"),
    ("mon 13:00-17:00 mon 09:00-12:00", "mon 09:00-12:00 13:00-17:00"),
    ("mon 10:00-05:00", "mon 10:00-05:00"),
    ("mon 13:00-5:00 thu 0:30-6:00", "mon 13:00-05:00 thu 00:30-06:00"),
    ("sun 22:00-06:00 mon 06:00-08:00", "mon 06:00-08:00 sun 22:00-06:00"),
]


@pytest.mark.parametrize(("words", "meant"), READ)
def test_hours_are_read_as_a_person_writes_them(words: str, meant: str) -> None:
    assert format_hours(parse_hours(words)) == meant


REFUSED = [
    ("", "Nothing was given"),
    ("mon", "The hours are missing"),
    ("mon-fri", "The hours are missing"),
    ("09:00-17:00", "'09:00-17:00' was not understood"),
    ("fridy 09:00-17:00", "'fridy' was not understood"),
    ("mon 09:00", "'09:00' was not understood"),
    ("mon 09:00-17:00x", "'09:00-17:00x' was not understood"),
    ("mon-mon 09:00-17:00", "'mon' was not understood"),
    ("mon-daily 09:00-17:00", "'daily' was not understood"),
    ("mon- 09:00-17:00", "'09:00-17:00' was not understood"),
    ("mon 9-5", "'9-5' could be morning or afternoon: am or pm is needed"),
    ("mon 9-5pm", "'9-5pm' could be morning or afternoon: am or pm is needed"),
    ("mon 10:00-5:00", "'10:00-5:00' could be morning or afternoon: am or pm is needed"),
    ("mon 12:30-5:00", "'12:30-5:00' could be morning or afternoon: am or pm is needed"),
    ("mon-wed-fri 09:00-17:00", "'-' was not understood"),
    ("weekdays-sat 09:00-17:00", "'-' was not understood"),
    ("mon 25:00-26:00", "'25:00-26:00' is no time of a day"),
    ("mon 13pm-14pm", "'13pm-14pm' is no time of a day"),
    ("mon 09:60-17:00", "'09:60-17:00' is no time of a day"),
    ("mon 24:00-09:00", "'24:00-09:00' is no time of a day"),
    ("mon closed 09:00-17:00", "'09:00-17:00' was not understood"),
    ("mon-fri 09:00-17:00 wed closed", "wed is both closed and open"),
    ("a" * 1001, "It must be text of at most 1000 characters"),
]


@pytest.mark.parametrize(("words", "problem"), REFUSED, ids=[words[:30] for words, _ in REFUSED])
def test_what_is_not_understood_is_named(words: str, problem: str) -> None:
    """With the form to write it in."""
    with pytest.raises(InvalidRequest) as refused:
        parse_hours(words)
    assert (refused.value.field, refused.value.problem) == ("hours", f"{problem}. {FORM}")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("mon 09:00-12:00 11:00-13:00", "mon 09:00-12:00 and mon 11:00-13:00 overlap"),
        ("mon 09:00-12:00 09:00-12:00", "mon 09:00-12:00 and mon 09:00-12:00 overlap"),
        ("mon 09:00-12:00 12:00-13:00", "mon 09:00-12:00 and mon 12:00-13:00 meet: "),
        ("mon 22:00-06:00 tue 05:00-08:00", "mon 22:00-06:00 and tue 05:00-08:00 overlap"),
        ("sun 22:00-06:00 mon 05:00-08:00", "sun 22:00-06:00 and mon 05:00-08:00 overlap"),
        ("daily 22:00-06:00 05:00-07:00", "mon 22:00-06:00 and tue 05:00-07:00 overlap"),
        ("mon 00:00-24:00 08:00-09:00", "mon 00:00-24:00 and mon 08:00-09:00 overlap"),
    ],
)
def test_hours_that_overlap_are_refused(words: str, problem: str) -> None:
    """Those that run into the next day too, and from Sunday into Monday."""
    with pytest.raises(InvalidRequest) as refused:
        parse_hours(words)
    assert refused.value.problem.startswith(problem)


CLOCKS = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))


@st.composite
def weeks(draw: st.DrawFn) -> dict[int, tuple[OpeningHours, ...]]:
    """Weekdays with hours that keep apart."""
    kept: list[OpeningHours] = []
    for each in draw(st.lists(st.builds(OpeningHours, st.integers(1, 7), CLOCKS, CLOCKS))):
        try:
            check_apart([*kept, each])
        except InvalidRequest:
            continue
        kept.append(each)
    days = draw(st.sets(st.integers(1, 7), min_size=1)) | {each.weekday for each in kept}
    return {day: tuple(sorted(h for h in kept if h.weekday == day)) for day in sorted(days)}


@given(weeks())
@example({7: (OpeningHours(7, time(0), time(0)),)})
def test_what_is_written_is_read_as_it_was(days: dict[int, tuple[OpeningHours, ...]]) -> None:
    """The hours of any week."""
    assert parse_hours(format_hours(days)) == days


PIECES = ["mon", "fri", "-", "to", "9", "09:00-17:00", "9am", "22:00-06:00", "closed", ",", "x"]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_any_words_are_read_or_refused(words: str) -> None:
    """Never another error, and what is read keeps apart."""
    try:
        days = parse_hours(words)
    except InvalidRequest as refused:
        assert refused.field == "hours"
    else:
        check_apart(each for hours in days.values() for each in hours)


@pytest.mark.parametrize(
    "wrong",
    [
        (0, time(9), time(17)),
        (8, time(9), time(17)),
        (True, time(9), time(17)),
        (1, "09:00", time(17)),
        (1, time(9), time(17, 0, 1)),
    ],
    ids=str,
)
def test_opening_hours_that_are_none(wrong: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidRequest):
        OpeningHours(*wrong)


async def test_hours_replace_those_of_the_weekdays_that_are_named(
    conn: Connection, clinic: Organization
) -> None:
    """Other weekdays stay as they are; with the first hours, those without are closed."""
    await set_hours(conn, clinic.id, "main", parse_hours("mon-fri 09:00-17:00"))
    await set_hours(conn, clinic.id, "MAIN", parse_hours("mon 09:00-12:00 13:00-15:00 tue closed"))
    [hours] = (await list_hours(conn, clinic.id)).values()
    assert " ".join(map(str, hours)) == (
        "09:00-12:00 13:00-15:00 09:00-17:00 09:00-17:00 09:00-17:00"
    )
    assert [*await free_times(conn, clinic)][-8:-4] == ["11:30", "13:00", "13:15", "13:30"]
    assert await openness(conn, clinic, TUESDAY) == "closed"
    assert await openness(conn, clinic, SATURDAY) == "closed"


async def test_hours_of_the_night_end_on_the_next_day(
    conn: Connection, clinic: Organization
) -> None:
    await set_hours(conn, clinic.id, "main", parse_hours("mon 22:00-06:00"))
    assert await openness(conn, clinic) == "22:00 to 23:45"
    assert await openness(conn, clinic, TUESDAY) == "00:00 to 05:30"


async def test_24_00_is_the_end_of_the_day(conn: Connection, clinic: Organization) -> None:
    await set_hours(conn, clinic.id, "main", parse_hours("mon 18:00-24:00"))
    assert await openness(conn, clinic) == "18:00 to 23:30"
    [hours] = (await list_hours(conn, clinic.id))["main"]
    assert (hours.closes, str(hours)) == (time(0), "18:00-24:00")


async def test_hours_of_all_resources(conn: Connection) -> None:
    """Without the name of one; and one of them may have others afterwards."""
    clinic = await a_clinic(conn, resources=("a", "b"))
    await set_hours(conn, clinic.id, None, parse_hours("mon 09:00-12:00"))
    await set_hours(conn, clinic.id, "b", parse_hours("mon 10:00-11:00"))
    free = await free_times(conn, clinic)
    assert {time: free[time] for time in ("09:45", "10:00", "10:30", "10:45")} == {
        "09:45": ["a"],
        "10:00": ["a", "b"],
        "10:30": ["a", "b"],
        "10:45": ["a"],
    }


@pytest.mark.parametrize("before", ["", "mon 09:00-17:00"])
async def test_no_resource_loses_its_last_hours(
    conn: Connection, clinic: Organization, before: str
) -> None:
    """It would be open at all times then; the words say what to do in its place."""
    if before:
        await set_hours(conn, clinic.id, "main", parse_hours(before))
    stored = await list_hours(conn, clinic.id)
    with pytest.raises(InvalidRequest, match=r"main would .* or retire it, or add a closure"):
        await set_hours(conn, clinic.id, None, parse_hours("mon closed sat closed"))
    assert await list_hours(conn, clinic.id) == stored


async def test_hours_keep_apart_from_those_of_other_days(
    conn: Connection, clinic: Organization
) -> None:
    """Which were set before."""
    await set_hours(conn, clinic.id, "main", parse_hours("sun 22:00-06:00"))
    with pytest.raises(InvalidRequest, match="sun 22:00-06:00 and mon 05:00-09:00 overlap"):
        await set_hours(conn, clinic.id, "main", parse_hours("mon 05:00-09:00"))
    assert len((await list_hours(conn, clinic.id))["main"]) == 1


async def test_two_changes_at_once_leave_hours(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    """Each closes the day that the other one leaves: the second waits for the first, and hears of
    it. A booking waits for neither."""
    async with pool.acquire() as first, pool.acquire() as second, pool.acquire() as third:
        clinic = await a_clinic(first)
        await set_hours(first, clinic.id, "main", parse_hours("mon-tue 09:00-17:00"))
        async with first.transaction():
            await set_hours(first, clinic.id, "main", parse_hours("mon closed"))
            pid = await second.fetchval("select pg_backend_pid()")
            waiting = asyncio.create_task(
                set_hours(second, clinic.id, "main", parse_hours("tue closed"))
            )
            await until(third, "select cardinality(pg_blocking_pids($1)) > 0", pid)
            await book_at(third, clinic, TUESDAY + timedelta(hours=9))
        with pytest.raises(InvalidRequest, match="no opening hours left"):
            await waiting
        assert len((await list_hours(third, clinic.id))["main"]) == 1


async def test_hours_are_copied(conn: Connection) -> None:
    """In place of all that the other one had."""
    clinic = await a_clinic(conn, resources=("a", "b"))
    await set_hours(conn, clinic.id, "a", parse_hours("mon 09:00-12:00 wed 10:00-24:00"))
    await set_hours(conn, clinic.id, "b", parse_hours("tue 09:00-12:00"))
    await copy_hours(conn, clinic.id, "A", "b")
    hours = await list_hours(conn, clinic.id)
    assert hours["a"] == hours["b"]


async def test_what_has_no_hours_is_not_copied(conn: Connection) -> None:
    clinic = await a_clinic(conn, resources=("a", "b"))
    with pytest.raises(InvalidRequest, match=r"source: .* open at all times"):
        await copy_hours(conn, clinic.id, "a", "b")
    with pytest.raises(InvalidRequest, match="source: There is nobody"):
        await copy_hours(conn, clinic.id, "x", "b")
    with pytest.raises(InvalidRequest, match="target: There is nobody"):
        await copy_hours(conn, clinic.id, "a", "x")


@pytest.mark.parametrize(
    "days",
    [
        {},
        None,
        [OpeningHours(1, time(9), time(17))],
        {1: None},
        {1: "09:00-17:00"},
        {1: ["09:00-17:00"]},
        {2: [OpeningHours(1, time(9), time(17))]},
        {0: []},
        {"mon": []},
    ],
    ids=str,
)
async def test_days_that_are_none(conn: Connection, clinic: Organization, days: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"days: |weekday: "):
        await set_hours(conn, clinic.id, "main", days)


async def test_hours_of_nobody(conn: Connection, clinic: Organization) -> None:
    hours = parse_hours("mon 09:00-17:00")
    with pytest.raises(InvalidRequest) as refused:
        await set_hours(conn, clinic.id, "Dr. Who", hours)
    assert (refused.value.field, refused.value.choices) == ("resource", ("main",))
    for asked in (
        set_hours(conn, uuid4(), None, hours),
        copy_hours(conn, uuid4(), "a", "b"),
        list_hours(conn, uuid4()),
        list_outside(conn, uuid4()),
    ):
        with pytest.raises(OrganizationNotFound):
            await asked


async def test_what_is_outside_of_the_hours_is_listed(
    conn: Connection, clinic: Organization
) -> None:
    """Whatever put it there: hours that it does not end in, a closure, or that its resource was
    retired; not what is past, cancelled or held by an extra opening."""
    await add_resource(conn, clinic.id, "Dr. Lee")
    hours = [timedelta(hours=hour) for hour in (8, 9, 12, 15)]
    early, morning, noon, late = [
        (await book_at(conn, clinic, MONDAY + hour, resource="main")).appointment_id
        for hour in hours
    ]
    lees = await book_at(conn, clinic, NOON, resource="Dr. Lee", phone=a_caller(1))
    await conn.execute("update appointments set duration_minutes = 60 where id = $1", late)
    assert await list_outside(conn, clinic.id) == []

    async def outside() -> list[object]:
        return [each.id for each in await list_outside(conn, clinic.id)]

    await set_hours(conn, clinic.id, "main", parse_hours("mon 09:00-15:30"))
    assert await outside() == [early, late]
    await add_closure(
        conn, clinic.id, starts=NOON, ends=NOON + timedelta(minutes=15), resource="main"
    )
    assert await outside() == [early, noon, late]
    await retire_resource(conn, clinic.id, "Dr. Lee")
    assert set(await outside()) == {early, noon, lees.appointment_id, late}
    await add_closure(
        conn, clinic.id, starts=NOON, ends=NOON + timedelta(hours=4), opens=True, resource="main"
    )
    assert set(await outside()) == {early, lees.appointment_id}
    await conn.execute("update appointments set status = 'cancelled' where id = $1", early)
    await conn.execute(
        "update appointments set scheduled_at = '2020-01-01Z' where id = $1", lees.appointment_id
    )
    assert await outside() == []
    assert morning not in await outside()


EACH_45_MINUTES = """
with contact as (
  insert into contacts (org_id, phone) values ($1, '+15551234567') returning org_id, id
)
insert into appointments (org_id, contact_id, resource, service_type, scheduled_at)
select org_id, id, 'main', 'Appointment', start
from contact, generate_series($2::timestamptz, $3, interval '45 minutes') as start
"""


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    ("timezone", "day"),
    [
        ("America/New_York", datetime(2030, 3, 10)),
        ("America/New_York", datetime(2030, 11, 3)),
        ("Australia/Lord_Howe", datetime(2030, 4, 7)),
        ("Africa/Cairo", datetime(2030, 4, 26)),
    ],
)
async def test_what_is_outside_is_what_is_not_offered(
    conn: Connection, timezone: str, day: datetime, seed: int
) -> None:
    """Around a change of the clocks, with hours, closures and openings at random: an empty clinic
    with the same ones offers the start of each appointment that is not outside, and no other's."""
    chance = random.Random(f"{timezone} {day} {seed}")
    full, empty = [await a_clinic(conn, timezone=timezone) for _ in range(2)]
    since, until = day - timedelta(days=2), day + timedelta(days=2)
    local = [since.replace(tzinfo=full.zone), until.replace(tzinfo=full.zone)]
    await conn.execute(EACH_45_MINUTES, full.id, *local)
    hours: list[OpeningHours] = []
    for _ in range(chance.randrange(1, 12)):
        opens, closes = (time(chance.randrange(24), chance.choice([0, 30])) for _ in range(2))
        with contextlib.suppress(InvalidRequest):
            each = OpeningHours(chance.randrange(1, 8), opens, closes)
            check_apart([*hours, each])
            hours.append(each)
    days = {each: [one for one in hours if one.weekday == each] for each in range(1, 8)}
    exceptions: list[dict[str, Any]] = []
    for _ in range(chance.randrange(6)):
        starts = since + timedelta(minutes=30 * chance.randrange(4 * 48))
        ends = starts + timedelta(minutes=30 * chance.randrange(1, 20))
        exceptions.append({"starts": starts, "ends": ends, "opens": chance.random() < 0.5})
    for clinic in (full, empty):
        await set_hours(conn, clinic.id, None, days)
        for exception in exceptions:
            await add_closure(conn, clinic.id, **exception)
    outside = {each.scheduled_at for each in await list_outside(conn, full.id)}
    booked = {row[0] for row in await conn.fetch("select scheduled_at from appointments")}
    offered = set(await free_starts(conn, empty, since, until + timedelta(days=1)))
    assert {at for at in booked - outside if not comes_twice(at, full)} == booked & offered


def comes_twice(at: datetime, clinic: Organization) -> bool:
    """Whether the clocks show this time twice: such a time is never offered."""
    local = at.astimezone(clinic.zone)
    first, second = (local.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    return first > second


async def test_who_is_outside_of_the_hours_is_another_clinics(
    conn: Connection, clinic: Organization
) -> None:
    """What one clinic sets does not touch another one."""
    await book_at(conn, clinic, SUNDAY)
    other = await a_clinic(conn)
    await set_hours(conn, other.id, None, parse_hours("mon 09:00-10:00"))
    assert await list_outside(conn, clinic.id) == await list_outside(conn, other.id) == []


async def test_resources_without_hours_are_noted(conn: Connection, clinic: Organization) -> None:
    """In one finding for the whole database, with their number; a retired one does not count."""
    other = await a_clinic(conn, resources=("a", "b", "c"))
    await retire_resource(conn, other.id, "c")
    [note] = [each for each in await preflight(conn) if each.what == "opening_hours"]
    assert (note.severity, note.problem.partition(" ")[0]) == ("note", "3")
    for organization in (clinic, other):
        await set_hours(conn, organization.id, None, parse_hours("mon 09:00-17:00"))
    assert "opening_hours" not in [each.what for each in await preflight(conn)]


async def test_the_command_hours(url: str) -> None:
    """Sets, shows and copies; and lists what is outside by its local time, without a name."""
    async with an_owner(url) as owner:
        booked = await book_at(owner.conn, owner.clinic, NOON, resource="Dr. Lee")
        said = owner.does("hours", "set", "--resource", "Dr. Lee", "mon-fri", "9am-12pm", "13-17")
        assert said == (
            "Dr. Lee: mon-fri 09:00-12:00 13:00-17:00\n"
            "\n"
            "These appointments are outside of the hours now:\n"
            f"  {booked.appointment_id}  Mon 2030-07-01 12:00  Dr. Lee\n"
        )
        assert owner.does("hours", "show").splitlines() == [
            "resource  hours",
            "Dr. Kim   at any time",
            "Dr. Lee   mon-fri 09:00-12:00 13:00-17:00 sat-sun closed",
        ]
        said = owner.does("hours", "copy", "Dr. Lee", "Dr. Kim")
        assert said.startswith("Dr. Kim has the hours of Dr. Lee now\n")
        said = owner.does("hours", "set", "mon 00:00-24:00 tue-fri closed")
        assert said == "All resources: mon 00:00-24:00 tue-fri closed\n"
        assert json.loads(owner.does("hours", "show", "--json")) == {
            name: [{"weekday": 1, "opens": "00:00", "closes": "24:00"}]
            for name in ("Dr. Kim", "Dr. Lee")
        }
        assert "'fryday' was not understood" in owner.may_not("hours", "set", "fryday", "9-17")
        assert "would have no opening hours left" in owner.may_not("hours", "set", "mon", "closed")
