"""The command `appointment`: a day is listed, and each appointment is moved, cancelled or ended."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from booking_core import Booked, parse_hours, set_hours
from tests.support.factories import a_caller
from tests.support.owners import MONDAY, Owner, an_owner, book_at

NOON = MONDAY + timedelta(hours=12)
DAY = f"{MONDAY:%Y-%m-%d}"


async def booked_at(owner: Owner, local: datetime = NOON, **given: object) -> str:
    """The id of an appointment with Dr. Lee."""
    outcome = await book_at(owner.conn, owner.clinic, local, **{"resource": "Dr. Lee", **given})
    assert isinstance(outcome, Booked)
    return str(outcome.appointment_id)


async def the_events(owner: Owner) -> list[tuple[str, str]]:
    rows = await owner.conn.fetch("select type, actor from events order by at, id")
    return [(row["type"], row["actor"]) for row in rows]


async def test_a_day_is_listed_in_order(url: str) -> None:
    """With names, and of each phone the last digits; whole phones where they are asked for."""
    async with an_owner(url) as owner:
        late = await booked_at(owner, NOON + timedelta(hours=2), phone=a_caller(2), name="Nora")
        early = await booked_at(owner)
        await booked_at(owner, NOON + timedelta(days=1))
        owner.does("appointment", "cancel", late)
        listed = owner.does("appointment", "list", "--day", DAY)
        [head, *rows] = [line.split() for line in listed.splitlines()]
        assert " ".join(head) == "time length resource service attendee phone status id"
        sam = ["12:00", "30", "min", "Dr.", "Lee", "Appointment", "Sam", "Wilson", "•••4567"]
        assert rows == [
            [*sam, "confirmed", early],
            [
                "14:00",
                "30",
                "min",
                "Dr.",
                "Lee",
                "Appointment",
                "Nora",
                "•••0002",
                "cancelled",
                late,
            ],
        ]
        assert "+15551234567" in owner.does("appointment", "list", "--day", DAY, "--phones")
        [first, _] = json.loads(owner.does("appointment", "list", "--day", DAY, "--json"))
        shown = (first["id"], first["scheduled_at"], first["phone"])
        assert shown == (early, f"{DAY}T12:00:00-04:00", "•••4567")


async def test_today_is_the_clinics_day(url: str) -> None:
    """Without --day, and by the clinic's clock, whatever the day is elsewhere."""
    async with an_owner(url) as owner:
        today = datetime.now(UTC).astimezone(owner.clinic.zone).replace(tzinfo=None)
        midnight = today.replace(hour=0, minute=0, second=0, microsecond=0)
        ids = [
            await booked_at(owner, midnight + timedelta(days=days, hours=23), phone=a_caller(days))
            for days in (0, 1)
        ]
        for words, shown in (((), ids[0]), (("--day", "tomorrow"), ids[1])):
            [one] = json.loads(owner.does("appointment", "list", "--json", *words))
            assert one["id"] == shown


async def test_the_listing_cannot_steer_a_terminal(url: str) -> None:
    """A database that was adopted may hold any text."""
    async with an_owner(url) as owner:
        await booked_at(owner)
        await owner.conn.execute("update appointments set service_type = E'a\\x1b[2J\\nb'")
        assert "a [2J b" in owner.does("appointment", "list", "--day", DAY)


async def test_a_move(url: str) -> None:
    """It says from when to when, it may change the doctor, and a repeat changes nothing."""
    async with an_owner(url) as owner:
        one = await booked_at(owner)
        words = ("appointment", "move", one, DAY, "2:30", "PM", "--resource", "dr kim")
        assert owner.does(*words) == (
            "Moved: from Monday, July 1, 2030 at 12:00 PM to Monday, July 1, 2030 at 2:30 PM,"
            " Dr. Kim\n"
        )
        assert owner.does(*words).startswith("It is there already: Monday, July 1, 2030 at 2:30 PM")
        assert await the_events(owner) == [
            ("booked", "system"),
            ("moved", f"staff:{getpass.getuser()}"),
        ]


async def test_a_move_to_a_time_that_is_taken(url: str) -> None:
    """The old time stands, and the next free ones are named. Its own time counts as free."""
    async with an_owner(url) as owner:
        one = await booked_at(owner)
        await booked_at(owner, NOON - timedelta(minutes=30), phone=a_caller(2))
        said = owner.may_not("appointment", "move", one, f"{DAY}T11:45")
        assert said == (
            "Error: Not moved: that time is taken. Free: 2030-07-01 12:00, 2030-07-01 12:15 and"
            " 2030-07-01 12:30\n"
        )
        assert await owner.conn.fetchval(
            "select count(*) from appointments where id = $1 and scheduled_at = $2",
            *(one, NOON.replace(tzinfo=owner.clinic.zone)),
        )


async def test_a_move_to_when_it_is_closed(url: str) -> None:
    async with an_owner(url) as owner:
        await set_hours(owner.conn, owner.clinic.id, "Dr. Lee", parse_hours("mon 9-17"))
        one = await booked_at(owner)
        assert owner.may_not("appointment", "move", one, DAY, "16:45") == (
            "Error: Not moved: that is outside of the opening hours. Free: 2030-07-08 09:00,"
            " 2030-07-08 09:15 and 2030-07-08 09:30\n"
        )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((DAY,), "A date and a time are needed, as 2027-03-02 14:00"),
        (("noonish",), "INVALID_DATE_TIME: time: "),
        (("2030-11-03", "1:30 am"), "twice; say 2030-11-03T01:30:00-04:00 or 2030"),
        ((DAY, "14:00", "--resource", "Dr. No"), "there are Dr. Kim, Dr. Lee"),
    ],
)
async def test_a_move_to_what_is_no_time(url: str, words: tuple[str, ...], said: str) -> None:
    async with an_owner(url) as owner:
        one = await booked_at(owner)
        assert said in owner.may_not("appointment", "move", one, *words)
        assert await the_events(owner) == [("booked", "system")]


async def test_a_cancellation(url: str) -> None:
    """A repeat says so, and only the first one is written down, with the name that was given."""
    async with an_owner(url) as owner:
        one = await booked_at(owner)
        at = "Monday, July 1, 2030 at 12:00 PM\n"
        assert owner.does("appointment", "cancel", one, "--as", "Kim") == f"Cancelled: {at}"
        assert owner.does("appointment", "cancel", one) == f"Cancelled before: {at}"
        assert await the_events(owner) == [("booked", "system"), ("cancelled", "staff:Kim")]


async def test_what_became_of_it(url: str) -> None:
    async with an_owner(url) as owner:
        one = await booked_at(owner)
        assert owner.does("appointment", "complete", one) == f"Completed: appointment {one}\n"
        assert owner.does("appointment", "no-show", one) == f"Nobody came: appointment {one}\n"
        assert [each for each, _ in await the_events(owner)] == ["booked", "completed", "no_show"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cancel",), "Not cancelled: there is no active appointment of the id"),
        (("move",), "Not moved: there is no active appointment of the id"),
        (("complete",), "Nothing was changed: there is no appointment of the id"),
        (("no-show",), "Nothing was changed: there is no appointment of the id"),
    ],
)
async def test_an_appointment_that_is_not_there(
    url: str, words: tuple[str, ...], said: str
) -> None:
    """Another organization's is not there either."""
    async with an_owner(url) as owner:
        one = await booked_at(owner)
        owner.does("org", "add", "--name", "o", "--timezone", "UTC", "--region", "US")
        other = str(await owner.conn.fetchval("select id from organizations where name = 'o'"))
        time = (DAY, "14:00") if words == ("move",) else ()
        for org, asked in ((str(owner.clinic.id), str(uuid4())), (other, one)):
            assert said in owner.may_not("appointment", *words, "--org", org, asked, *time)
        assert await the_events(owner) == [("booked", "system")]


async def test_a_name_that_is_none(url: str) -> None:
    """Whoever changes something has a name of one line."""
    async with an_owner(url) as owner:
        one = await booked_at(owner)
        assert "--as: " in owner.may_not("appointment", "cancel", one, "--as", "a\nb")
