"""Too little of something: a table that is locked, no free connection, callers who do not wait."""

from __future__ import annotations

import asyncio
import random
import time

from tests.conftest import connected, until
from tests.faults.application import deployed
from tests.faults.figures import Figures
from tests.faults.ledger import PATH, Ledger, a_busy_clinic, body_of
from tests.support.factories import TOKEN
from tests.support.outages import OURS, Hurried, held, running, taken

CALLERS = 40
POOL = 4
# The default deadline, and half of what a call waits: a busy machine adds to it.
DEADLINE, LATEST = 4.0, 10.0
LOCKED = 7.0
GONE = 120
SEED = 20261122


async def test_a_locked_table(durable_url: str, figures: Figures) -> None:
    """Longer than the deadline: all are answered in time, and all are booked when they repeat."""
    async with (
        connected(durable_url) as conn,
        running(durable_url, DEADLINE, POOL) as (client, app, connections),
    ):
        clinic = await a_busy_clinic(conn, TOKEN)
        ledger = Ledger(client)
        async with held(durable_url):
            unlock_at = time.monotonic() + LOCKED
            await ledger.run(range(CALLERS), at_once=CALLERS)
            assert ledger.heard == {"503": CALLERS}
            again = asyncio.create_task(ledger.settle(at_once=CALLERS))
            await asyncio.sleep(unlock_at - time.monotonic())
        await again
        assert ledger.slowest < LATEST
        counts = await ledger.verify(conn, clinic)
        await Hurried(client, conn, clinic, durable_url, app, connections).is_whole()
    figures.add(
        f"table locked for {LOCKED:g} s, {CALLERS} callers on {POOL} connections",
        f"all answered by {ledger.slowest:.1f} s of a deadline of {DEADLINE:g} s; after the repeat"
        f" {counts['acknowledged']} rows, the pool whole; longest without a success"
        f" {ledger.longest_gap():.1f} s",
        acknowledged=counts["acknowledged"],
    )


async def test_no_free_connection(durable_url: str, figures: Figures) -> None:
    """All are told in time that it is not confirmed, and are booked as soon as there is one."""
    async with (
        connected(durable_url) as conn,
        running(durable_url, DEADLINE / 2, POOL) as (client, app, connections),
    ):
        clinic = await a_busy_clinic(conn, TOKEN)
        ledger = Ledger(client)
        all_of_them = await taken(connections)
        await ledger.run(range(CALLERS), at_once=CALLERS)
        assert ledger.heard == {"503": CALLERS}
        assert ledger.slowest < LATEST
        for one in all_of_them:
            connections.release(one)
        await ledger.settle(at_once=CALLERS)
        counts = await ledger.verify(conn, clinic)
        await Hurried(client, conn, clinic, durable_url, app, connections).is_whole()
    figures.add(
        f"none of {POOL} connections free, {CALLERS} callers",
        f"all answered by {ledger.slowest:.1f} s of a deadline of {DEADLINE / 2:g} s; after the"
        f" repeat {counts['acknowledged']} rows, the pool whole",
        acknowledged=counts["acknowledged"],
    )


async def test_clients_that_are_gone(durable_url: str, figures: Figures) -> None:
    """Clients leave at random instants, some in the midst of their request; what they repeat is
    there."""
    chance = random.Random(SEED)
    async with connected(durable_url) as conn:
        clinic = await a_busy_clinic(conn, TOKEN)
        with deployed(durable_url) as application:

            async def leave(number: int) -> None:
                key = {"Idempotency-Key": f"caller {number}"}
                _, writer = await application.send(PATH, body_of(number), key)
                await asyncio.sleep(chance.uniform(0, 0.1))
                writer.transport.abort()

            await asyncio.gather(*(leave(number) for number in range(GONE)))
            async with application.callers() as client:
                ledger = Ledger(client, asked=set(range(GONE)))
                await ledger.settle()
                counts = await ledger.verify(conn, clinic)
            most = await conn.fetchval(f"select count(*) {OURS}")
            assert most <= 10
            await until(conn, f"select bool_and(state = 'idle') is not false {OURS}")
    figures.add(
        f"{GONE} clients gone at random instants, then redelivered",
        f"{counts['acknowledged']} rows, {most} connections, all idle",
        acknowledged=counts["acknowledged"],
    )
