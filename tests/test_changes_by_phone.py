"""Calls that find, move and cancel appointments, in Vapi's shapes: each sentence, word for word."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.conftest import Endpoint
from tests.support.factories import in_days
from tests.test_conversations import (
    MONDAY,
    TUESDAY,
    WEDNESDAY,
    Caller,
    spoken,
)

NAME = {"patientName": "Noor Haddad"}


@pytest.fixture
async def call(endpoint: Endpoint) -> Caller:
    """To a clinic with one doctor, that is open from nine to five on weekdays."""
    await endpoint.conn.execute(
        "insert into opening_hours select org_id, resource, day, '09:00', '17:00'"
        " from resources, generate_series(1, 5) day"
    )
    return Caller(endpoint)


async def move(call: Caller, day: object, clock: str, **arguments: object) -> str:
    return await call(
        "moveAppointment", **{**NAME, "newDate": str(day), "newTime": clock, **arguments}
    )


async def rows(endpoint: Endpoint) -> list[tuple[str, str]]:
    found = await endpoint.conn.fetch(
        "select to_char(scheduled_at at time zone 'America/New_York', 'Dy HH24:MI') as at, status"
        " from appointments order by scheduled_at"
    )
    return [(row["at"], row["status"]) for row in found]


async def test_book_ask_move_and_cancel(endpoint: Endpoint, call: Caller) -> None:
    """Did it go through? Can it be later? That one then. No, cancel it. Is it cancelled?"""
    other = Caller(endpoint)
    assert await other.book(TUESDAY, "15:00", patientName="Sam") == (
        f"Booked: Checkup on {TUESDAY:%A, %B %-d, %Y} at 3:00 PM."
    )
    assert (await call.book(MONDAY, "10:00")).startswith("Booked: Checkup on ")
    assert await call("findAppointments", **NAME) == (
        f"One appointment: {spoken(MONDAY)} at 10:00 AM, booked in this call."
    )
    taken = await move(call, TUESDAY, "15:00")
    assert taken == (
        f"Not moved, the old time stands: {TUESDAY:%A, %B %-d, %Y} at 3:00 PM is taken."
        f" Free that day: 2:30 PM and 3:30 PM; or {spoken(WEDNESDAY)} at 3:00 PM."
        " Ask which one, then call again."
    )
    assert await rows(endpoint) == [("Mon 10:00", "confirmed"), ("Tue 15:00", "confirmed")]
    moved = f"Moved: from {spoken(MONDAY)} at 10:00 AM to {TUESDAY:%A, %B %-d, %Y} at 3:30 PM."
    assert await move(call, TUESDAY, "15:30") == moved
    assert await move(call, TUESDAY, "15:30") == (
        f"Moved: it is on {TUESDAY:%A, %B %-d, %Y} at 3:30 PM."
    )
    assert await call("cancelAppointment", **NAME) == (
        f"Cancelled: {TUESDAY:%A, %B %-d, %Y} at 3:30 PM."
    )
    assert await call("cancelAppointment", **NAME) == (
        f"Already cancelled: {TUESDAY:%A, %B %-d, %Y} at 3:30 PM."
    )
    assert await call("findAppointments", **NAME) == (
        "None found under this number and name. Ask for the full name that it was booked under,"
        " then call again."
    )
    assert await rows(endpoint) == [("Tue 15:00", "confirmed"), ("Tue 15:30", "cancelled")]


async def test_a_cancel_that_comes_again_takes_nothing_else(
    endpoint: Endpoint, call: Caller
) -> None:
    """One of two is cancelled, and the model calls again without any new word of the caller's."""
    await call.book(MONDAY, "10:00")
    await call.book(TUESDAY, "11:00")
    both = f"{spoken(MONDAY)} at 10:00 AM; and {spoken(TUESDAY)} at 11:00 AM"
    assert await call("cancelAppointment", **NAME) == (
        f"Not cancelled: there is more than one appointment: {both}. Ask which one, then call"
        " again with its date and time."
    )
    named = {"appointmentDate": str(MONDAY), "appointmentTime": "10:00"}
    assert (await call("cancelAppointment", **NAME, **named)).startswith("Cancelled: ")
    assert await call("cancelAppointment", **NAME) == (
        f"Not cancelled: {spoken(MONDAY)} at 10:00 AM was cancelled in this call, and"
        f" {spoken(TUESDAY)} at 11:00 AM still stands. Ask whether that is meant too. If so, call"
        " again with its date and time."
    )
    assert (await call("cancelAppointment", **NAME, **named)).startswith("Already cancelled: ")
    assert await rows(endpoint) == [("Mon 10:00", "cancelled"), ("Tue 11:00", "confirmed")]


async def test_the_first_time_after_all(endpoint: Endpoint, call: Caller) -> None:
    """Booked, moved, and moved back: the caller ends where they said."""
    await call.book(MONDAY, "10:00")
    await move(call, MONDAY, "10:15")
    assert (await move(call, MONDAY, "10:00")).startswith("Moved: from ")
    assert await rows(endpoint) == [("Mon 10:00", "confirmed")]


async def test_another_call_from_the_same_number(endpoint: Endpoint, call: Caller) -> None:
    """It needs the name, of which the last word is enough."""
    await call.book(MONDAY, "10:00")
    later = Caller(endpoint, number=call.number)
    assert await later("findAppointments", patientName="Mrs. HADDAD") == (
        f"One appointment: {spoken(MONDAY)} at 10:00 AM."
    )
    assert (await move(later, MONDAY, "11:00", patientName="N. Haddad")).startswith("Moved: ")
    day = {"appointmentDate": str(MONDAY)}
    assert (await later("cancelAppointment", **NAME, **day)).startswith("Cancelled: ")


@pytest.mark.parametrize("tool", ["findAppointments", "moveAppointment", "cancelAppointment"])
async def test_what_is_not_yours_is_one_sentence(
    endpoint: Endpoint, call: Caller, tool: str
) -> None:
    """A wrong name, another number, no number, and no appointment at all sound the same; after
    three of them the answer hands over to a person."""
    await call.book(MONDAY, "10:00")
    new = {"newDate": str(TUESDAY), "newTime": "11:00"} if tool == "moveAppointment" else {}
    heard = set()
    for number, name in (
        (call.number, "Ada Byron"),
        ("+15550009999", "Noor Haddad"),
        ("anonymous", "Noor Haddad"),
        ("+15550008888", "Nobody"),
    ):
        stranger = Caller(endpoint, number=number)
        heard.add(await stranger(tool, patientName=name, **new))
    assert len(heard) == 1
    assert re.match(r"(None|Not \w+: none was) found under this number and name\. ", heard.pop())
    stranger = Caller(endpoint, number="+15550009999")
    answers = [await stranger(tool, **NAME, **new) for _ in range(3)]
    assert answers[2].endswith(
        "Offer that somebody from the clinic calls back, and do not try again."
    )
    assert await rows(endpoint) == [("Mon 10:00", "confirmed")]


async def test_too_late_for_a_caller(endpoint: Endpoint, call: Caller) -> None:
    """The clinic wants to know a month before: it is told so, and not done."""
    await call.book(MONDAY, "10:00")
    await endpoint.conn.execute("update organizations set cancel_until_minutes = 43200")
    when = f"{MONDAY:%A, %B %-d, %Y} at 10:00 AM"
    rest = "by phone. Offer that somebody from the clinic calls back, and do not try again."
    assert await call("cancelAppointment", **NAME) == (
        f"Not cancelled: {when} is too soon to be cancelled {rest}"
    )
    assert await move(call, TUESDAY, "10:00") == f"Not moved: {when} is too soon to be moved {rest}"


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({"newDate": "2020-01-01", "newTime": "10:00"}, "Not moved. That time is in the past"),
        ({"newTime": "10:00"}, "Not moved: newDate: A date is needed"),
        ({"newDate": "2027-02-30", "newTime": "10:00"}, "Not moved: newDate"),
        ({"date": in_days(3), "time": "10:00"}, "Not moved: newDate: A date and a time are needed"),
        (
            {"new_date": in_days(3), "new_time": "10:00", "time": "9 AM"},
            "Not moved: appointmentDate: A date is needed",
        ),
    ],
)
async def test_what_is_missing_for_a_move(
    endpoint: Endpoint, call: Caller, given: dict[str, object], answer: str
) -> None:
    """Is asked for, by its name, and nothing is moved."""
    await call.book(MONDAY, "10:00")
    assert (await call("moveAppointment", **NAME, **given)).startswith(answer)
    assert await rows(endpoint) == [("Mon 10:00", "confirmed")]


async def test_the_clinics_own_programs(endpoint: Endpoint, call: Caller) -> None:
    """With the token of the organization they need no name: the phone, or the appointment's id."""
    await call.book(MONDAY, "10:00")

    async def ask(tool: str, **given: object) -> tuple[int, dict[str, Any]]:
        reply = await endpoint.client.post(f"/api/vapi/tools/{tool}", json=given)
        content: dict[str, Any] = json.loads(reply.json()["toolResult"]["content"])
        return reply.status_code, content

    status, found = await ask("find-appointments", patientPhone=call.number)
    assert status == 200
    [ident] = re.findall(r"'appointmentId': '([0-9a-f-]+)'", str(found))
    status, moved = await ask(
        "move-appointment", appointmentId=ident, newDate=str(TUESDAY), newTime="09:00"
    )
    assert (status, moved["appointmentId"]) == (200, ident)
    status, refused = await ask(
        "move-appointment", appointmentId=ident, newDate=str(TUESDAY), newTime="20:00"
    )
    assert (status, refused["error"]) == (409, "OUTSIDE_HOURS")
    assert len(refused["freeTimes"]) == 3
    for _ in range(2):
        status, done = await ask("cancel-appointment", appointmentId=ident)
        assert (status, done["success"]) == (200, True)
    status, gone = await ask("cancel-appointment", patientPhone=call.number)
    assert (status, gone["error"]) == (404, "NOT_FOUND")
    status, asked = await ask("cancel-appointment", patientName="Noor")
    assert (status, asked["error"]) == (400, "MISSING_CONTACT_INFO")
    actors = await endpoint.conn.fetch("select type, actor from events order by at")
    assert [row["type"] for row in actors] == ["booked", "moved", "cancelled"]
    assert actors[0]["actor"] == "caller"
    assert all(re.fullmatch(r"api:[0-9a-f]{12}", row["actor"]) for row in actors[1:])
