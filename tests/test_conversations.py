"""Whole conversations through the endpoint, in Vapi's shapes: each sentence, word for word."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count, cycle
from uuid import uuid4

import pytest

from booking_asgi.command.call import SHAPES
from tests.conftest import Endpoint
from tests.support.messages import answers, legacy_answer, words
from tests.support.payloads import a_message

# A week that is not this one, so that none of its days is in the past.
MONDAY = datetime.now(UTC).date() + timedelta(days=14 - datetime.now(UTC).weekday())
TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (MONDAY + timedelta(days=n) for n in range(1, 5))
NEXT_MONDAY, NEXT_TUESDAY = (MONDAY + timedelta(days=n) for n in (7, 8))
NUMBERS = count(5550100)


def spoken(day: date) -> str:
    return f"{day:%A, %B %-d}"


@dataclass
class Caller:
    """One phone call, whose tool calls come in each of the shapes in turn."""

    endpoint: Endpoint
    number: str = field(default_factory=lambda: f"+1555{next(NUMBERS)}")
    conversation: str = field(default_factory=lambda: str(uuid4()))
    shapes: cycle[str] = field(default_factory=lambda: cycle(SHAPES))

    async def __call__(self, tool: str, **arguments: object) -> str:
        shape = next(self.shapes)
        message = a_message(
            arguments,
            shape=shape,
            number=self.number,
            tool=tool,
            conversation=self.conversation,
            call_id=f"call_{uuid4().hex}",
        )
        reply = await self.endpoint.send(message)
        return legacy_answer(reply) if shape == "S7" else words(answers(reply)[0])

    async def find(self, **arguments: object) -> str:
        return await self("findTimes", **arguments)

    async def book(self, day: date, clock: str, **arguments: object) -> str:
        person = {"patientName": "Noor Haddad", "serviceType": "Checkup"}
        when = {"appointmentDate": day.isoformat(), "appointmentTime": clock}
        return await self("bookAppointment", **{**person, **when, **arguments})


@pytest.fixture
async def call(endpoint: Endpoint) -> Caller:
    """To a clinic with two doctors, of whom Dr. Lee does not work on Thursdays. It is open from
    nine to five on weekdays, and closed on the Friday."""
    conn, clinic = endpoint.conn, endpoint.clinic
    await conn.execute("delete from resources")
    await conn.executemany(
        "insert into resources (org_id, resource) values ($1, $2)",
        [(clinic.id, "Dr. Kim"), (clinic.id, "Dr. Lee")],
    )
    await conn.execute(
        "insert into opening_hours select $1, resource, day, '09:00', '17:00'"
        " from resources, generate_series(1, 5) day where resource = 'Dr. Kim' or day <> 4",
        clinic.id,
    )
    await close(endpoint, FRIDAY, FRIDAY + timedelta(days=1))
    return Caller(endpoint)


async def close(endpoint: Endpoint, first: date, end: date) -> None:
    await endpoint.conn.execute(
        "insert into exceptions (org_id, during, opens)"
        " values ($1, tsrange($2::date, $3::date), false)",
        *(endpoint.clinic.id, first, end),
    )


async def test_an_afternoon_that_another_caller_takes_a_part_of(call: Caller) -> None:
    """What is offered is booked, or the refusal offers what is; and a repeat says it again."""
    offer = "Offer what is named here, and nothing else. Call bookAppointment once one is chosen."
    assert await call.find(appointmentDate=THURSDAY.isoformat(), partOfDay="afternoon") == (
        f"Free on {spoken(THURSDAY)}: 12:00 PM, 2:00 PM and 4:00 PM; 16 more. {offer}"
    )
    other = Caller(call.endpoint)
    assert await other.book(THURSDAY, "15:00", patientName="Eve Adams") == (
        f"Booked: Checkup with Dr. Kim on {THURSDAY:%A, %B %-d, %Y} at 3:00 PM."
    )
    assert await call.book(THURSDAY, "3 PM") == (
        f"Not booked: {THURSDAY:%A, %B %-d, %Y} at 3:00 PM is taken. Free that day: 2:30 PM and"
        f" 3:30 PM; or {spoken(NEXT_MONDAY)} at 3:00 PM. Ask which one, then call again."
    )
    booked = f"Booked: Checkup with Dr. Kim on {THURSDAY:%A, %B %-d, %Y} at 3:30 PM."
    assert await call.book(THURSDAY, "3:30 PM") == booked
    assert await call.book(THURSDAY, "15:30") == booked
    assert await call.find(appointmentDate=THURSDAY.isoformat(), partOfDay="afternoon") == (
        f"Free on {spoken(THURSDAY)}: 12:00 PM, 2:00 PM and 4:00 PM; 11 more. {offer}"
    )
    assert await call.endpoint.conn.fetchval("select count(*) from appointments") == 2


async def test_a_doctor_who_is_not_there_that_day(call: Caller) -> None:
    """Another spelling of the name is enough, and the answer has the clinic's own."""
    assert await call.find(
        appointmentDate=THURSDAY.isoformat(), partOfDay="afternoon", resource="doctor LEE"
    ) == (
        f"Nothing is free with Dr. Lee on {spoken(THURSDAY)} in the afternoon. The next free time"
        f" in the afternoon is {spoken(NEXT_MONDAY)} at 12:00 PM. Offer what is named here, and"
        " nothing else. Call bookAppointment once one is chosen."
    )
    assert await call.book(THURSDAY, "14:00", resource="Dr Lee") == (
        f"Not booked: there are no appointments with Dr Lee on {THURSDAY:%A, %B %-d, %Y} at 2:00"
        f" PM. Free: {spoken(NEXT_MONDAY)} at 12:00 PM and 2:00 PM; or {spoken(NEXT_TUESDAY)} at"
        " 2:00 PM. Ask which one, then call again."
    )


async def test_a_holiday(call: Caller) -> None:
    """The answer says that the clinic is closed, and offers the next days."""
    assert await call.book(FRIDAY, "10:00") == (
        f"Not booked: the clinic is closed on {FRIDAY:%A, %B %-d, %Y} at 10:00 AM. Free:"
        f" {spoken(NEXT_MONDAY)} at 10:00 AM and 12:00 PM; or {spoken(NEXT_TUESDAY)} at 10:00 AM."
        " Ask which one, then call again."
    )
    assert await call.find(appointmentDate=FRIDAY.isoformat()) == (
        f"Nothing is free on {spoken(FRIDAY)}. The next free time is {spoken(NEXT_MONDAY)} at 9:00"
        " AM. Offer what is named here, and nothing else. Call bookAppointment once one is chosen."
    )
    assert await call.book(NEXT_MONDAY, "9 AM", resource="Kim") == (
        f"Booked: Checkup with Dr. Kim on {NEXT_MONDAY:%A, %B %-d, %Y} at 9:00 AM."
    )


async def test_a_week_without_a_free_time(call: Caller) -> None:
    """The answer names the next time after it; where only one day is left, it names that day."""
    week = {"appointmentDate": MONDAY.isoformat(), "untilDate": FRIDAY.isoformat()}
    offer = "Offer what is named here, and nothing else. Call bookAppointment once one is chosen."
    await close(call.endpoint, MONDAY, THURSDAY)
    assert await call.find(**week) == (
        f"Free: {spoken(THURSDAY)} at 9:00 AM, 11:00 AM and 1:00 PM; 28 more. {offer}"
    )
    await close(call.endpoint, THURSDAY, FRIDAY)
    assert await call.find(**week) == (
        f"Nothing is free from {spoken(MONDAY)} until {spoken(FRIDAY)}. The next free time is"
        f" {spoken(NEXT_MONDAY)} at 9:00 AM. {offer}"
    )


async def test_a_clinic_without_a_free_time(call: Caller) -> None:
    """No time is invented: the caller is offered a call back, by both tools."""
    await close(call.endpoint, MONDAY - timedelta(days=30), MONDAY + timedelta(days=400))
    last = datetime.now(UTC) + timedelta(days=92)
    assert await call.find(partOfDay="morning") == (
        f"Nothing is free in the morning until {spoken(last.astimezone(call.endpoint.clinic.zone))}"
        ". Offer that somebody from the clinic calls back."
    )
    assert await call.book(THURSDAY, "10:00") == (
        f"Not booked: the clinic is closed on {THURSDAY:%A, %B %-d, %Y} at 10:00 AM, and nothing"
        " else is free in the next weeks. Offer that somebody from the clinic calls back."
    )


async def test_a_day_and_a_part_of_it_in_one_word(call: Caller) -> None:
    """A model sends what the caller said: `Thursday afternoon`, `this evening`, `tonight`."""
    found = await call.find(appointmentDate=f"{THURSDAY.isoformat()} in the afternoon")
    assert found.startswith(f"Free on {spoken(THURSDAY)}: 12:00 PM, 2:00 PM and 4:00 PM; 16 more.")
    found = await call.find(appointmentDate="Thursday afternoon")
    assert " on Thursday, " in found and " AM" not in found
    for said in ("tonight", "this evening", "today in the evening"):
        found = await call.find(appointmentDate=said)
        assert found.startswith("Nothing is free in the evening from "), found
