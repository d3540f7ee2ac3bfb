"""What models and people really send, through the endpoint: what is booked, and what is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from booking_core import Booked, Connection, InvalidRequest, book
from tests.conftest import Endpoint, Logged, connected, count, ours
from tests.support.factories import (
    NEW_YORK,
    a_call,
    a_clinic,
    a_request,
    arguments,
    in_days,
    tool_calls,
)
from tests.support.wire import counting

DOCTORS = ["Dr. Lee", "Dr. Kim", "Dr. Ann Wu", "Nurse Wu", "Mr Wu", "Room 7"]


async def answer(endpoint: Endpoint, **given: object) -> str:
    [result] = (await endpoint.send(tool_calls(a_call(given)))).json()["results"]
    return str(result.get("result") or result.get("error"))


async def add(endpoint: Endpoint, *names: str) -> None:
    insert = "insert into resources (org_id, resource) values ($1, $2)"
    for name in names:
        await endpoint.conn.execute(insert, endpoint.clinic.id, name)
    await endpoint.conn.execute("delete from resources where resource = 'main'")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Dr Lee", "with Dr. Lee on"),
        ("doctor lee", "with Dr. Lee on"),
        ("Ann Wu", "with Dr. Ann Wu on"),
        ("room-7", "with Room 7 on"),
        ("any", " with "),
        ("No preference", " with "),
        (None, " with "),
        ("Wu", "with Mr Wu on"),
        (
            "Dr. House",
            "Not booked: There is nobody and nothing of this name. Ask which is meant: Dr. Ann Wu,"
            " Dr. Kim, Dr. Lee or Mr Wu.",
        ),
    ],
)
async def test_whom_a_caller_means(endpoint: Endpoint, said: str | None, expected: str) -> None:
    """With more than one the answer says with whom; where none or several match, up to four."""
    await add(endpoint, *DOCTORS)
    told = await answer(endpoint, **arguments(resource=said))
    assert expected in told
    assert await count(endpoint.conn, "appointments") == ("Not booked" not in told)


async def test_of_several_doctors_of_one_name_none_is_guessed(endpoint: Endpoint) -> None:
    await add(endpoint, "Dr. Wu", "Mr Wu", "Dr. Lee")
    told = await answer(endpoint, **arguments(resource="Wu"))
    assert told.startswith(
        "Not booked: Several go by this name. Ask which is meant: Dr. Wu or Mr Wu."
    )
    reply = await endpoint.book(**arguments(resource="Wu"))
    assert reply.json()["speech"] == "I can't tell whom you would like to see: Dr. Wu or Mr Wu?"
    assert await count(endpoint.conn, "contacts") == 0


async def test_one_resource_is_not_named(endpoint: Endpoint) -> None:
    assert " with " not in await answer(endpoint, **arguments())


@pytest.mark.parametrize(("said", "trips"), [("Dr. Lee", 1), ("dr lee", 3)])
async def test_another_spelling_costs_two_round_trips(url: str, said: str, trips: int) -> None:
    """By phone, another spelling costs the list of names and the booking once more."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn, resources=["Dr. Lee", "Dr. Kim"])
    async with counting(url) as (conn, sent):
        await book(conn, a_request(clinic, resource="Dr. Kim"))
        later = datetime(2027, 3, 2, 14, tzinfo=UTC)
        with pytest.raises(InvalidRequest):
            await book(conn, a_request(clinic, resource="Dr. No", scheduled_at=later))
        sent.clear()
        outcome = await book(conn, a_request(clinic, resource=said, scheduled_at=later))
        assert isinstance(outcome, Booked) and outcome.resource == "Dr. Lee"
        assert len(sent) == trips


async def test_a_zone_that_is_given_is_used(endpoint: Endpoint) -> None:
    """The given zone is used, and the answer says the clinic's own time, with its city."""
    day = in_days(30)
    told = await answer(
        endpoint,
        **arguments(appointmentDate=None, appointmentTime=None),
        start=f"{day}T14:00:00",
        timeZone="America/Los_Angeles",
    )
    assert "at 5:00 PM, New York time." in told
    [row] = await endpoint.conn.fetch("select scheduled_at from appointments")
    pacific = row["scheduled_at"].astimezone(ZoneInfo("America/Los_Angeles"))
    assert pacific.isoformat().startswith(f"{day}T14:00")


async def test_what_most_public_tools_send(endpoint: Endpoint) -> None:
    """Snake case, a date in words, a narrow space before PM, and nothing for the rest."""
    day = datetime.now(NEW_YORK) + timedelta(days=3)
    told = await answer(
        endpoint,
        customer_name="Sam Wilson",
        phone_number="(212) 555-0123",
        customer_email="declined",
        service_type="Botox",
        appointment_date=f"{day:%B} {day.day}, {day.year}",
        appointment_time="5:00\u202fPM",
        provider="any",
    )
    assert told.startswith("Booked: Botox on ") and "at 5:00 PM." in told
    [contact] = await endpoint.conn.fetch("select phone, name, email from contacts")
    assert tuple(contact) == ("+12125550123", "Sam Wilson", None)


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        (["appointmentTime"], "Not booked: appointmentTime: A time is needed. Ask for it"),
        (["appointmentDate"], "Not booked: appointmentDate: A date is needed. Ask for it"),
        (["appointmentDate", "appointmentTime"], "A date and a time are needed. Ask for it"),
        (
            ["patientPhone", "patientEmail"],
            "Not booked: a phone number or an email address is needed. Ask for one of them.",
        ),
    ],
)
async def test_what_is_missing_is_named(endpoint: Endpoint, left_out: list[str], said: str) -> None:
    told = await answer(endpoint, **arguments(**dict.fromkeys(left_out)))
    assert said in told


async def test_a_wrong_form_is_answered_with_the_form(endpoint: Endpoint) -> None:
    """The model knows what was said: it is told to write it otherwise, and not to ask again."""
    told = await answer(endpoint, **arguments(appointmentDate="01/05/2027"))
    assert told == (
        "Not booked: appointmentDate '01/05/2027': It has more than one reading. A date is"
        " needed, as YYYY-MM-DD. Call again with it in that form, and ask the caller only if you"
        " do not know it."
    )


async def test_arguments_that_are_not_read_are_logged(endpoint: Endpoint, logged: Logged) -> None:
    """By name, where they look like ours; never their values."""
    given = {
        "appointmentNotes": "afraid of needles",
        "endTime": "15:00",
        "phone": "+15559999999",
        "temperature": "warm",
        "+15558888888 phone": "x",
        "orgId": None,
    }
    await endpoint.book(**{**arguments(), **given})
    [names] = [fields for _, text, fields in ours(logged()) if "Arguments not read" in text]
    assert names == {"names": ["phone", "appointmentNotes", "endTime"]}
    assert "needles" not in logged() and "9999999" not in logged()


async def test_two_who_withhold_their_number_are_two(endpoint: Endpoint) -> None:
    """However the carrier spells it: no contact of that number is made."""
    for number in ("7378742833", "+266696687", "Anonymous", "266696687"):
        message = tool_calls(
            a_call(arguments(patientPhone=None, patientEmail=f"{len(number)}@test.com"))
        )
        message["customer"] = {"number": number}
        await endpoint.send(message)
    phones = await endpoint.conn.fetch("select phone from contacts")
    assert {row["phone"] for row in phones} == {None}


async def test_a_number_that_nobody_has_gives_way(endpoint: Endpoint) -> None:
    """The caller's own is taken, and the answer says that the other was not understood."""
    message = tool_calls(a_call(arguments(patientPhone="000-000-0000")))
    message["customer"] = {"number": "+12125550123"}
    [result] = (await endpoint.send(message)).json()["results"]
    assert result["result"].endswith("The phone number was not understood.")
    assert await endpoint.conn.fetchval("select phone from contacts") == "+12125550123"


@pytest.mark.parametrize("zone", ["EST", "EST5EDT", "right/America/New_York", "Factory", "GMT+5"])
async def test_a_zone_of_no_place_is_refused(conn: Connection, zone: str) -> None:
    """July would be an hour off."""
    with pytest.raises(InvalidRequest, match="timezone: It must be Region/City"):
        await a_clinic(conn, timezone=zone)
