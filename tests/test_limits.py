"""How much one call and one contact may book, and what a message may hold."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from booking_core import (
    Booked,
    Connection,
    Email,
    LimitReached,
    Limits,
    Organization,
    SlotTaken,
    book,
)
from tests.conftest import Endpoint, connected, count
from tests.support.factories import a_call, a_caller, a_clinic, a_request, arguments, tool_calls

SAM = Email("sam@test.com")
LIMITS = Limits(most_per_call=4, most_per_contact=10)
NOW = datetime.now(UTC).replace(second=0, microsecond=0)


def in_hours(hours: int) -> datetime:
    return NOW + timedelta(hours=hours)


@pytest.mark.parametrize("person", [{}, {"phone": None, "email": SAM}], ids=["phone", "email"])
async def test_a_call_books_four(
    conn: Connection, clinic: Organization, person: dict[str, Any]
) -> None:
    """The fifth is refused before its contact is written; a repeat is still answered."""
    for number in range(4):
        request = a_request(clinic, call_id="c", scheduled_at=in_hours(number + 1), **person)
        assert isinstance(await book(conn, request, LIMITS), Booked)
    other = {"phone": a_caller(1)} if not person else {**person, "email": Email("o@test.com")}
    fifth = a_request(clinic, call_id="c", scheduled_at=in_hours(9), **other)
    assert await book(conn, fifth, LIMITS) == LimitReached(limit="call")
    assert await count(conn, "contacts") == 1
    again = await book(conn, request, LIMITS)
    assert isinstance(again, Booked) and not again.created
    assert isinstance(await book(conn, fifth), Booked), "without limits"


async def test_a_contact_has_ten_to_come(conn: Connection, clinic: Organization) -> None:
    """Appointments of the past and cancelled ones do not count."""
    for number in range(12):
        request = a_request(clinic, call_id=f"{number}", scheduled_at=in_hours(number - 1))
        assert isinstance(await book(conn, request, LIMITS), Booked)
    eleventh = a_request(clinic, call_id="x", scheduled_at=in_hours(20), email=SAM)
    assert await book(conn, eleventh, LIMITS) == LimitReached(limit="contact")
    assert await conn.fetchval("select email from contacts") is None
    await conn.execute(
        "update appointments set status = 'cancelled' where scheduled_at = $1", in_hours(10)
    )
    assert isinstance(await book(conn, eleventh, LIMITS), Booked)


async def test_a_stranger_does_not_lock_the_owner_out(
    conn: Connection, clinic: Organization
) -> None:
    """Bookings from other numbers count against other numbers alone."""
    asked = {"by_own_number": False, "name": "Eve"}
    for number in range(10):
        request = a_request(clinic, call_id=f"{number}", scheduled_at=in_hours(number + 1), **asked)
        assert isinstance(await book(conn, request, LIMITS), Booked)
    more = a_request(clinic, call_id="x", scheduled_at=in_hours(20), **asked)
    assert await book(conn, more, LIMITS) == LimitReached(limit="contact")
    owner = a_request(clinic, call_id="o", scheduled_at=in_hours(20), name="Nora")
    assert isinstance(await book(conn, owner, LIMITS), Booked)


async def test_a_time_that_is_taken_reaches_no_limit_below_it(
    conn: Connection, clinic: Organization
) -> None:
    await book(conn, a_request(clinic, phone=a_caller(1)))
    assert isinstance(await book(conn, a_request(clinic, call_id="c"), LIMITS), SlotTaken)


@pytest.mark.parametrize("per", ["call", "contact"])
async def test_twenty_at_once_pass_a_limit_by_no_more_than_there_are_connections(
    url: str, per: str
) -> None:
    async with asyncpg.create_pool(url, min_size=5, max_size=5) as pool:
        async with pool.acquire() as conn:
            clinic = await a_clinic(conn, resources=[f"{number}" for number in range(30)])

        async def call(number: int) -> object:
            asked: dict[str, Any] = {"call_id": "c" if per == "call" else f"{number}"}
            request = a_request(clinic, scheduled_at=in_hours(number + 1), **asked)
            async with pool.acquire() as conn:
                return await book(conn, request, LIMITS)

        told = await asyncio.gather(*(call(number) for number in range(20)))
    booked = sum(isinstance(one, Booked) for one in told)
    most = 4 if per == "call" else 10
    assert most <= booked <= most + 5
    assert {type(one) for one in told} == {Booked, LimitReached}
    async with connected(url) as looking:
        assert await count(looking, "appointments") == booked


async def test_through_the_endpoint(endpoint: Endpoint) -> None:
    """A call hears that no more can be booked; the clinic's own staff books on."""
    hours = [f"{hour}:00" for hour in range(10, 16)]
    message = tool_calls(
        *(a_call(arguments(appointmentTime=hour), id=hour) for hour in hours), customer={}
    )
    results = (await endpoint.send(message)).json()["results"]
    assert ["result" in one for one in results] == [True] * 4 + [False] * 2
    assert results[4]["error"] == (
        "Not booked: no more can be booked in this way. Offer that somebody from the clinic calls"
        " back, and do not try again."
    )
    for half in range(12):
        time = f"{16 + half // 2}:{30 * (half % 2):02}"
        assert (await endpoint.book(**arguments(appointmentTime=time))).status_code == 200


async def test_a_message_of_too_many_calls_is_refused_as_a_whole(endpoint: Endpoint) -> None:
    calls = [a_call(arguments(), id=f"{number}") for number in range(257)]
    reply = await endpoint.send(tool_calls(*calls))
    assert (reply.status_code, "TOO_MANY_CALLS" in reply.text) == (400, True)
    assert await count(endpoint.conn, "appointments") == 0
    reply = await endpoint.send(tool_calls(*calls[:256]))
    assert (reply.status_code, len(reply.json()["results"])) == (200, 256)
