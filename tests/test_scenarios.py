"""The scenarios of the contract, each through HTTP and through the library, asserted on rows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import asyncpg
import pytest

from booking_asgi.tools.booking_reading import read_booking
from booking_core import Booked, InvalidRequest, book
from tests.conftest import Endpoint, count
from tests.support.factories import arguments, in_days


class Call(Protocol):
    """Books with these arguments: the appointment's and the contact's id, or what went wrong."""

    async def __call__(self, **given: object) -> tuple[str, str] | str: ...


@pytest.fixture(params=["http", "library"])
async def call(request: pytest.FixtureRequest, endpoint: Endpoint) -> AsyncIterator[Call]:
    async def over_http(**given: object) -> tuple[str, str] | str:
        reply = await endpoint.book(**given)
        content = json.loads(reply.json()["toolResult"]["content"])
        if reply.status_code == 200:
            return content["appointmentId"], content["contactId"]
        return str(content["error"])

    async with asyncpg.create_pool(endpoint.url, min_size=1, max_size=20) as pool:

        async def with_the_library(**given: object) -> tuple[str, str] | str:
            try:
                asked = read_booking(given, endpoint.clinic)
                async with pool.acquire() as conn:
                    outcome = await book(conn, asked)
            except InvalidRequest as error:
                return error.code
            except asyncpg.PostgresError:
                return "CONTACT_UPSERT_FAILED"
            assert isinstance(outcome, Booked)
            return str(outcome.appointment_id), str(outcome.contact_id)

        yield over_http if request.param == "http" else with_the_library


async def booked(call: Call, **given: object) -> tuple[str, str]:
    answer = await call(**given)
    assert isinstance(answer, tuple), answer
    return answer


async def booked_at_once(call: Call, calls: Sequence[dict[str, object]]) -> list[tuple[str, str]]:
    return await asyncio.gather(*(booked(call, **given) for given in calls))


BY_EMAIL = {"patientPhone": None, "patientEmail": "test@example.com", "patientName": "Test User"}


def at_different_times(number: int) -> list[dict[str, str]]:
    """Half hours from the day after tomorrow on."""
    times = [f"{hour:02}:{minute}" for hour in range(4, 24) for minute in ("00", "30")]
    return [
        {"appointmentDate": in_days(2 + n // len(times)), "appointmentTime": times[n % len(times)]}
        for n in range(number)
    ]


async def test_1_a_first_booking(endpoint: Endpoint, call: Call) -> None:
    appointment_id, contact_id = await booked(call, **arguments())
    row = await endpoint.conn.fetchrow(
        """
        select a.id::text, c.id::text, phone, email, name, lead_status,
               service_type, duration_minutes,
               to_char(scheduled_at at time zone 'America/New_York', 'YYYY-MM-DD HH24:MI') as start
        from contacts c join appointments a on a.contact_id = c.id
        """
    )
    assert row is not None
    expected = (
        *(appointment_id, contact_id, "+15551234567", "sam@test.com", "Sam Wilson", "contacted"),
        *("Botox Consultation", 30, f"{in_days(1)} 14:00"),
    )
    assert expected == tuple(row)


async def test_2_a_second_booking_with_another_email(endpoint: Endpoint, call: Call) -> None:
    first = await booked(call, **arguments())
    second = await booked(
        call,
        **arguments(
            patientEmail="different@test.com",
            serviceType="Lip Fillers",
            appointmentDate=in_days(8),
            appointmentTime="15:00",
        ),
    )
    assert first[1] == second[1]
    assert [row["email"] for row in await endpoint.conn.fetch("select email from contacts")] == [
        "different@test.com"
    ]
    assert await count(endpoint.conn, "appointments") == 2


async def test_3_an_email_alone(endpoint: Endpoint, call: Call) -> None:
    """An email alone makes a contact; 3b, the same email at another time, finds it."""
    first = await booked(call, **arguments(**BY_EMAIL))
    row = await endpoint.conn.fetchrow("select phone, email, name from contacts")
    assert row is not None
    assert tuple(row) == (None, "test@example.com", "Test User")
    again = await booked(call, **arguments(**BY_EMAIL, appointmentTime="15:00"))
    assert first[1] == again[1]
    assert (await count(endpoint.conn, "contacts"), await count(endpoint.conn, "appointments")) == (
        1,
        2,
    )


@pytest.mark.parametrize("callers", [2, 500])
async def test_4_an_email_alone_at_once(endpoint: Endpoint, call: Call, callers: int) -> None:
    calls = [arguments(**BY_EMAIL, **at) for at in at_different_times(callers)]
    answers = await booked_at_once(call, calls)
    assert callers == len({appointment_id for appointment_id, _ in answers})
    assert len({contact_id for _, contact_id in answers}) == 1
    assert await count(endpoint.conn, "contacts") == 1


async def test_5_neither_phone_nor_email(endpoint: Endpoint, call: Call) -> None:
    answer = await call(**arguments(patientPhone=None, patientEmail=None))
    assert answer == "MISSING_CONTACT_INFO"
    assert (await count(endpoint.conn, "contacts"), await count(endpoint.conn, "appointments")) == (
        0,
        0,
    )


async def test_6_a_phone_500_times_at_once(endpoint: Endpoint, call: Call) -> None:
    answers = await booked_at_once(call, [arguments(**at) for at in at_different_times(500)])
    assert len({contact_id for _, contact_id in answers}) == 1
    assert (await count(endpoint.conn, "contacts"), await count(endpoint.conn, "appointments")) == (
        1,
        500,
    )


async def test_7_an_email_with_two_phones(endpoint: Endpoint, call: Call) -> None:
    first = await booked(call, **arguments())
    other = await booked(call, **arguments(patientPhone="+15557654321", appointmentTime="15:00"))
    assert first[1] != other[1]
    assert await count(endpoint.conn, "contacts") == 2


async def test_8_the_upsert_fails(endpoint: Endpoint, call: Call) -> None:
    """The upsert fails without its constraint, as in the outage that this tool replaces."""
    await endpoint.conn.execute("alter table contacts drop constraint uq_contacts_org_phone")
    assert await call(**arguments()) == "CONTACT_UPSERT_FAILED"
    assert (await count(endpoint.conn, "contacts"), await count(endpoint.conn, "appointments")) == (
        0,
        0,
    )


async def test_9_what_is_missing_survives(endpoint: Endpoint, call: Call) -> None:
    await booked(call, **arguments())
    await endpoint.conn.execute("update contacts set lead_status = 'converted'")
    await booked(call, **arguments(patientEmail=None, patientName=None, appointmentTime="15:00"))
    row = await endpoint.conn.fetchrow("select email, name, lead_status from contacts")
    assert row is not None
    assert tuple(row) == ("sam@test.com", "Sam Wilson", "converted")


async def test_10_a_phone_in_four_spellings(endpoint: Endpoint, call: Call) -> None:
    spellings = ["555-123-4567", "(555) 123-4567", "5551234567", "+15551234567"]
    for hour, spelling in enumerate(spellings, 10):
        await booked(call, **arguments(patientPhone=spelling, appointmentTime=f"{hour}:00"))
    assert await endpoint.conn.fetchval("select phone from contacts") == "+15551234567"
    assert (await count(endpoint.conn, "contacts"), await count(endpoint.conn, "appointments")) == (
        1,
        4,
    )


async def test_11_an_email_in_two_cases(endpoint: Endpoint, call: Call) -> None:
    for hour, spelling in enumerate(["Sam@Test.com", "sam@test.com"], 10):
        given = arguments(patientPhone=None, patientEmail=spelling, appointmentTime=f"{hour}:00")
        await booked(call, **given)
    assert await count(endpoint.conn, "contacts") == 1


async def test_12_an_email_that_two_contacts_share(endpoint: Endpoint, call: Call) -> None:
    await endpoint.conn.execute(
        """
        insert into contacts (org_id, email, name, last_contact_at)
        values ($1, 'test@example.com', 'before', now() - interval '2 days'),
               ($1, 'Test@example.com', 'last', now() - interval '1 day')
        """,
        endpoint.clinic.id,
    )
    _, contact_id = await booked(call, **arguments(**BY_EMAIL))
    assert contact_id == await endpoint.conn.fetchval(
        "select id::text from contacts where name = 'last'"
    )
    assert await count(endpoint.conn, "contacts") == 2
