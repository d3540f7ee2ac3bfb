"""Callers who come at the same time: staged one step at a time, and then all at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from typing import TypeAlias, TypeVar

import asyncpg
import pytest

from booking_core import (
    Booked,
    BookingRequest,
    Connection,
    Email,
    OutsideHours,
    SlotTaken,
    book,
    resolve_contact,
)
from tests.conftest import connected, count, until
from tests.support.factories import SOON, a_caller, a_clinic, a_request

T = TypeVar("T")
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
SAM = Email("sam@test.com")


@pytest.fixture
async def one(url: str) -> AsyncIterator[Connection]:
    async with connected(url) as conn:
        yield conn


@pytest.fixture
async def other(url: str) -> AsyncIterator[Connection]:
    async with connected(url) as conn:
        yield conn


async def blocked(watcher: Connection, conn: Connection, work: Awaitable[T]) -> asyncio.Task[T]:
    """`work` on `conn`, started, once the server says that somebody blocks it."""
    task = asyncio.ensure_future(work)
    pid = conn.get_server_pid()
    await until(watcher, "select cardinality(pg_blocking_pids($1)) > 0", pid)
    return task


@pytest.mark.parametrize("ending", ["commit", "rollback"])
async def test_the_second_waits_for_the_first(
    url: str, one: Connection, other: Connection, ending: str
) -> None:
    """If the first commits, the second hears that the time is taken; if the first rolls back, the
    second books."""
    clinic = await a_clinic(one)
    async with connected(url) as watcher:
        transaction = one.transaction()
        await transaction.start()
        assert isinstance(await book(one, a_request(clinic, phone=a_caller(1))), Booked)
        second = await blocked(watcher, other, book(other, a_request(clinic, phone=a_caller(2))))
        await (transaction.commit() if ending == "commit" else transaction.rollback())
        assert isinstance(await second, SlotTaken if ending == "commit" else Booked)
    assert await count(one, "appointments") == 1


@pytest.mark.parametrize("ending", ["commit", "rollback"])
@pytest.mark.parametrize("phone", [a_caller(1), None])
async def test_a_repeat_waits_for_the_first(
    url: str, one: Connection, other: Connection, phone: str | None, ending: str
) -> None:
    """The same request while the first is still open: one appointment, whoever made it."""
    clinic = await a_clinic(one, resources=["a", "b"])
    request = a_request(clinic, phone=phone, email=SAM, idempotency_key="k")
    async with connected(url) as watcher:
        transaction = one.transaction()
        await transaction.start()
        first = await book(one, request)
        second = await blocked(watcher, other, book(other, request))
        await (transaction.commit() if ending == "commit" else transaction.rollback())
        again = await second
    assert isinstance(first, Booked)
    assert isinstance(again, Booked)
    assert (ending == "commit") == (first.appointment_id == again.appointment_id)
    assert (await count(one, "appointments"), await count(one, "contacts")) == (1, 1)


@pytest.mark.parametrize("ending", ["commit", "rollback"])
async def test_an_email_waits_for_its_lock(
    url: str, one: Connection, other: Connection, ending: str
) -> None:
    """Without a unique key on email, the lock alone keeps two callers from making two contacts."""
    clinic = await a_clinic(one)
    async with connected(url) as watcher:
        transaction = one.transaction()
        await transaction.start()
        await resolve_contact(one, org_id=clinic.id, email=SAM)
        upper = Email("SAM@test.com")
        second = await blocked(
            watcher, other, resolve_contact(other, org_id=clinic.id, email=upper)
        )
        await (transaction.commit() if ending == "commit" else transaction.rollback())
        match = (await second).contact_match
    assert ("email_race" if ending == "commit" else "email_created") == match
    assert await count(one, "contacts") == 1


@pytest.mark.parametrize("ending", ["commit", "rollback"])
async def test_an_email_survives_who_takes_no_lock(
    url: str, one: Connection, other: Connection, ending: str
) -> None:
    """With a unique key on email, an INSERT from elsewhere is found after 23505, in the caller's
    transaction, which goes on."""
    clinic = await a_clinic(one)
    await one.execute("create unique index mine on contacts (org_id, lower(email))")
    async with connected(url) as watcher:
        transaction = one.transaction()
        await transaction.start()
        await one.execute("insert into contacts (org_id, email) values ($1, $2)", clinic.id, SAM)
        async with other.transaction():
            second = await blocked(
                watcher, other, resolve_contact(other, org_id=clinic.id, email=SAM)
            )
            await (transaction.commit() if ending == "commit" else transaction.rollback())
            match = (await second).contact_match
            assert await count(other, "contacts") == 1
    assert ("email_race" if ending == "commit" else "email_created") == match


async def test_a_held_resource_delays_nobody(url: str, one: Connection, pool: Pool) -> None:
    """While a chair's booking stays open, every caller gets one of the others at once."""
    clinic = await a_clinic(one, resources=["a", "b", "c"])
    async with one.transaction():
        held = await book(one, a_request(clinic, phone=a_caller(0)))
        assert isinstance(held, Booked)
        async with asyncio.timeout(10), pool.acquire() as conn:
            for number in range(1, 41):
                asked = a_request(clinic, phone=a_caller(number))
                outcome = await book(conn, asked)
                assert isinstance(outcome, Booked)
                assert held.resource != outcome.resource
                await conn.execute("update appointments set status = 'cancelled'")


async def test_a_named_resource_is_waited_for(url: str, one: Connection, other: Connection) -> None:
    """Who wants that one chair waits for its booking to end, and is told the truth."""
    clinic = await a_clinic(one, resources=["a", "b"])
    async with connected(url) as watcher:
        async with one.transaction():
            await book(one, a_request(clinic, phone=a_caller(1), resource="a"))
            asked = a_request(clinic, phone=a_caller(2), resource="a")
            second = await blocked(watcher, other, book(other, asked))
        assert isinstance(await second, SlotTaken)


GATE = """
create function gate() returns trigger language plpgsql as
  'begin perform pg_advisory_xact_lock_shared(7); return new; end';
create trigger gate before insert on contacts for each row execute function gate();
"""


async def at_the_same_instant(
    one: Connection, pool: Pool, requests: list[BookingRequest]
) -> list[Booked | SlotTaken | OutsideHours]:
    """With as many as the pool's connections looking before the first of them writes: `GATE`."""
    async with one.transaction():
        await one.execute("select pg_advisory_xact_lock(7)")
        told = asyncio.ensure_future(at_once(pool, requests))
        waiting = "select count(*) >= $1 from pg_locks where locktype = 'advisory' and not granted"
        await until(one, waiting, min(len(requests), pool.get_max_size()))
    return await told


async def at_once(
    pool: Pool, requests: list[BookingRequest]
) -> list[Booked | SlotTaken | OutsideHours]:
    async def one_of_them(request: BookingRequest) -> Booked | SlotTaken | OutsideHours:
        async with pool.acquire() as conn:
            return await book(conn, request)

    return await asyncio.gather(*(one_of_them(request) for request in requests))


@pytest.mark.parametrize("chairs", [1, 3, 10])
async def test_500_callers_for_one_slot(one: Connection, pool: Pool, chairs: int) -> None:
    """As many callers are booked as there are chairs, each on another chair. The others are told
    that the time is taken, and no error is raised."""
    clinic = await a_clinic(one, resources=[f"chair {number}" for number in range(chairs)])
    outcomes = await at_once(pool, [a_request(clinic, phone=a_caller(n)) for n in range(500)])
    assert {Booked: chairs, SlotTaken: 500 - chairs} == Counter(type(found) for found in outcomes)
    booked = [found for found in outcomes if isinstance(found, Booked)]
    assert chairs == len({found.resource for found in booked})
    assert chairs == await count(one, "appointments")
    assert await count(one, "contacts") == 500


@pytest.mark.parametrize("person", [{}, {"phone": None, "email": SAM}])
@pytest.mark.parametrize("key", ["k", None])
async def test_the_same_caller_200_times_at_once(
    one: Connection, pool: Pool, person: dict[str, Email | None], key: str | None
) -> None:
    """One appointment is made, once, and its id is said 200 times, though two more chairs are
    free."""
    clinic = await a_clinic(one, resources=["a", "b", "c"])
    await one.execute(GATE)
    asked = [a_request(clinic, idempotency_key=key, **person)] * 200
    outcomes = await at_the_same_instant(one, pool, asked)
    booked = [found for found in outcomes if isinstance(found, Booked)]
    assert len(booked) == 200
    assert len({found.appointment_id for found in booked}) == 1
    assert sum(found.created for found in booked) == 1
    assert (await count(one, "appointments"), await count(one, "contacts")) == (1, 1)


@pytest.mark.parametrize("person", [{}, {"phone": None, "email": SAM}])
async def test_500_times_of_one_caller(
    one: Connection, pool: Pool, person: dict[str, Email | None]
) -> None:
    """One contact gets 500 appointments at different times."""
    clinic = await a_clinic(one)
    starts = [SOON + timedelta(minutes=30 * n) for n in range(500)]
    requests = [a_request(clinic, scheduled_at=start, **person) for start in starts]
    outcomes = await at_once(pool, requests)
    assert all(isinstance(found, Booked) for found in outcomes)
    assert (await count(one, "appointments"), await count(one, "contacts")) == (500, 1)


async def test_two_spellings_at_the_same_instant(one: Connection, pool: Pool) -> None:
    """In one call: one appointment, of the longer name, whoever comes first. 50 rounds."""
    clinic = await a_clinic(one, resources=["a", "b", "c"])
    await one.execute(GATE)
    for number in range(50):
        asked = [
            a_request(
                clinic,
                phone=a_caller(number % 25),
                name=name,
                scheduled_at=SOON + timedelta(hours=number),
                call_id="a call",
                by_own_number=number % 2 == 0,
            )
            for name in [None, "Nora", "Nora Late", "nora"] * 5
        ]
        told = await at_the_same_instant(one, pool, asked)
        assert len({found.appointment_id for found in told if isinstance(found, Booked)}) == 1
        assert all(isinstance(found, Booked) for found in told)
        rows = "select attendee_name from appointments where scheduled_at = $1"
        stand = await one.fetch(rows, asked[0].scheduled_at)
        assert [row["attendee_name"] for row in stand] == ["Nora Late"]
