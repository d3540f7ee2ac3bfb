"""A database that is slow, held, or out of reach, and an application in a hurry."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from booking_asgi import Config, create_app
from booking_asgi.connections import Connections
from booking_core import Connection
from tests.conftest import Endpoint, connected, until
from tests.support.factories import (
    TOKEN,
)
from tests.support.servers import STATEMENT_CACHE_SIZE

DEADLINE = 1.0


GUARD = 15.0


OURS = """
from pg_stat_activity where datname = current_database() and application_name = 'vapi-booking'
and pid <> pg_backend_pid()  -- PgBouncer leaves the name to whoever comes next
"""


ALL = "lock table appointments in access exclusive mode"


@dataclass(frozen=True)
class Hurried(Endpoint):
    """The endpoint with a short deadline; its application, and the connections of that."""

    app: ASGIApp
    connections: Connections

    async def is_whole(self) -> None:
        """All of its connections can be had at once, and no more; each works."""
        async with asyncio.timeout(GUARD):
            conns = await taken(self.connections)
            assert self.connections._places.locked()  # no place was given back twice
            assert {1} == {await conn.fetchval("select 1") for conn in conns}
        for conn in conns:
            self.connections.release(conn)

    async def is_idle(self) -> None:
        """None of our backends waits, or is in a statement or a transaction."""
        await until(self.conn, f"select bool_and(state = 'idle') is not false {OURS}")


async def taken(connections: Connections) -> list[Connection]:
    """All of them."""
    async with asyncio.timeout(GUARD):
        return [await connections.acquire() for _ in range(connections.size)]


@contextlib.asynccontextmanager
async def running(
    url: str, deadline: float = DEADLINE, pool_size: int = 4
) -> AsyncIterator[tuple[httpx.AsyncClient, ASGIApp, Connections]]:
    """The application. Nothing of it may reach the handler of the loop, which logs errors whole."""
    said: list[str] = []

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # One of asyncpg's own is left where a connection is given up before it stands.
        if not isinstance(context.get("exception"), ConnectionError):
            said.append(str(context))

    asyncio.get_running_loop().set_exception_handler(handle)
    app = create_app(
        Config(
            database_url=url,
            deadline_seconds=deadline,
            pool_size=pool_size,
            statement_cache_size=STATEMENT_CACHE_SIZE,
            most_per_call=1000,
            most_per_contact=1000,
        )
    )
    async with app.lifespan_context(app) as lifespan:
        state = dict(lifespan or {})

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "state": state}, receive, send)

        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(with_state),
            base_url="http://booking",
            headers={"X-Vapi-Secret": TOKEN},
        ) as client:
            yield client, with_state, state["database"].connections
    gc.collect()
    assert said == []


@contextlib.asynccontextmanager
async def held(url: str, work: str = ALL) -> AsyncIterator[None]:
    """`work` in a transaction that stays open."""
    async with connected(url) as conn, conn.transaction():
        await conn.execute(work)
        yield


@pytest.fixture(scope="module", autouse=True)
def quick_collections() -> Iterator[None]:
    """What is there before need not be looked at after each test."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
