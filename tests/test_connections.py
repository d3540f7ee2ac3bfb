"""The connections of the application: how many, which one is next, and what becomes of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from booking_asgi import connections
from booking_asgi.connections import Connections
from booking_core import Connection, InvalidRequest
from tests.conftest import database_of
from tests.servers import STATEMENT_CACHE_SIZE
from tests.test_deadline import GUARD, taken


@pytest.fixture
async def two(url: str) -> AsyncIterator[Connections]:
    two = Connections(url, size=2, timeout=GUARD, statement_cache_size=STATEMENT_CACHE_SIZE)
    yield two
    await two.close()


async def test_the_last_one_used_is_next(two: Connections) -> None:
    """So that few are warm, and the others may be closed."""
    first, second = await taken(two)
    two.release(first)
    two.release(second)
    assert await taken(two) == [second, first]


async def test_who_finds_none_free_waits(two: Connections) -> None:
    """In the order in which they came; one that is given up leaves the line."""
    [first, second] = await taken(two)
    a, given_up, b = (asyncio.create_task(two.acquire()) for _ in range(3))
    await asyncio.sleep(0)
    given_up.cancel()
    two.release(first)
    async with asyncio.timeout(GUARD):
        assert await a is first
    assert not b.done()
    two.release(second)
    async with asyncio.timeout(GUARD):
        assert await b is second


async def test_a_dropped_one_leaves_its_place(two: Connections) -> None:
    first, second = await taken(two)
    await two.drop(first)
    async with asyncio.timeout(GUARD):
        third = await two.acquire()
    assert first.is_closed()
    assert await third.fetchval("select 1") == 1
    two.release(second)


async def test_a_closed_one_is_not_handed_out(two: Connections) -> None:
    for conn in await taken(two):
        two.release(conn)
        conn.terminate()
    assert not any(conn.is_closed() for conn in await taken(two))


async def test_one_idle_for_too_long_is_not_handed_out(
    two: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be dead, behind a proxy that forgot it."""
    first = await two.acquire()
    two.release(first)
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.0)
    assert await two.acquire() is not first
    assert first.is_closed()


async def test_one_that_is_not_needed_is_closed(
    two: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as another one, which serves for both, comes back."""
    first, second = await taken(two)
    two.release(first)
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.0)
    two.release(second)
    assert first.is_closed()


async def test_a_failure_to_connect_leaves_the_place(url: str) -> None:
    wrong = url.replace("postgres:", "nobody:", 1)
    nobody = Connections(wrong, size=1, timeout=GUARD)
    for _ in range(2):
        async with asyncio.timeout(GUARD):
            with pytest.raises(asyncpg.PostgresError):
                await nobody.acquire()


async def test_one_that_met_an_error_is_not_used_again(url: str) -> None:
    """Of the server's, whatever it was; a refusal of ours says nothing about the connection."""
    used = []

    async def fail(conn: Connection) -> None:
        used.append(conn)
        await conn.execute("select 1 / 0")

    async def refuse(conn: Connection) -> None:
        used.append(conn)
        raise InvalidRequest("INVALID_RESOURCE", "resource", "")

    async with database_of(url) as database:

        async def run(work: Callable[[Connection], Awaitable[None]]) -> None:
            await database.within(time.monotonic() + GUARD, lambda lease: lease.run(work))

        with pytest.raises(asyncpg.DivisionByZeroError):
            await run(fail)
        for _ in range(2):
            with pytest.raises(InvalidRequest):
                await run(refuse)
    failed, refused, again = used
    assert failed is not refused
    assert refused is again


async def test_close_ends_all(two: Connections) -> None:
    """Idle or in use."""
    in_use, idle = await taken(two)
    two.release(idle)
    await two.close()
    assert in_use.is_closed()
    assert idle.is_closed()
