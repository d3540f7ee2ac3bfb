"""The library: on connections held, on the endpoint's pool, on few organizations, on the wire."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import AsyncIterator
from typing import TypeAlias

from bench.asked import Callers
from bench.load import BOOKED, Ask
from booking_asgi import Config, create_app
from booking_asgi.database import Database
from booking_asgi.tools.booking_reading import read_booking
from booking_core import Booked, Connection, OutsideHours, SlotTaken, book
from tests.support.wire import counting

Held: TypeAlias = list[Connection]


def on_held(held: Held, callers: Callers, organizations: int = 0) -> Ask:
    """Each caller on its own connection; on its own organization too, or on any of so many."""

    async def ask(caller: int) -> str:
        at = random.randrange(organizations) if organizations else caller
        return _verdict(await book(held[caller], callers.request(at)))

    return ask


def on_pool(database: Database, callers: Callers, seconds: float = 10) -> Ask:
    """A connection of the pool for each booking, within a deadline."""

    async def ask(caller: int) -> str:
        request = callers.request(caller)

        async def work(conn: Connection) -> Booked | SlotTaken | OutsideHours:
            return await book(conn, request)

        give_up_at = time.monotonic() + seconds
        return _verdict(await database.within(give_up_at, lambda lease: lease.run(work)))

    return ask


@contextlib.asynccontextmanager
async def pool_of_the_endpoint(url: str) -> AsyncIterator[Database]:
    app = create_app(Config(database_url=url))
    async with app.lifespan_context(app) as state:
        assert state is not None
        database = state["database"]
        assert isinstance(database, Database)
        yield database


async def count_round_trips(url: str) -> dict[str, int]:
    """How often a booking waits for the server, once its statements are prepared."""
    counted: dict[str, int] = {}
    clinic = Callers().clinics[0]
    async with counting(url) as (conn, sent):

        async def count(day: int, **given: object) -> int:
            asked = {"scheduledAt": f"1985-01-{day:02}T14:00Z", **given}
            sent.clear()
            await book(conn, read_booking(asked, clinic))
            return len(sent)

        for prepared in (False, True):
            day = 10 * prepared
            some, other = f"sam.{prepared}@test.com", f"alex.{prepared}@test.com"
            phone = f"+1555300000{int(prepared)}"
            await count(day + 9, patientEmail=other)
            counted = {
                "by phone, new contact": await count(day + 1, patientPhone=phone),
                "by phone, known contact": await count(day + 2, patientPhone=phone),
                "by email, new contact": await count(day + 3, patientEmail=some),
                "by email, known contact": await count(day + 4, patientEmail=some),
            }
    return counted


def _verdict(outcome: Booked | SlotTaken | OutsideHours) -> str:
    return BOOKED if isinstance(outcome, Booked) else type(outcome).__name__
