"""Backends that an operator ends, at random, while callers book."""

from __future__ import annotations

import asyncio
import itertools
import random
import time

from tests.conftest import connected
from tests.faults.application import deployed
from tests.faults.figures import Figures
from tests.faults.ledger import Ledger, a_busy_clinic
from tests.support.factories import TOKEN
from tests.support.outages import OURS

AT_ONCE = 16
SEED = 20261122
PAUSE = 0.06


async def test_backends_are_terminated(durable_url: str, figures: Figures, full: bool) -> None:
    """Each caller is answered, most hear nothing of it; nothing is lost, and nothing doubled."""
    victims, at_least = (600, 6_000) if full else (80, 0)
    chance, started = random.Random(SEED), time.monotonic()
    ended = 0

    async with connected(durable_url) as conn:
        clinic = await a_busy_clinic(conn, TOKEN)
        with deployed(durable_url) as application:
            async with application.callers() as client:
                ledger = Ledger(client)
                numbers = itertools.takewhile(
                    lambda number: ended < victims or number < at_least, itertools.count()
                )
                load = asyncio.create_task(ledger.run(numbers, at_once=AT_ONCE))
                while not load.done():
                    await asyncio.sleep(PAUSE * chance.uniform(0.5, 1.5))
                    pids = [row["pid"] for row in await conn.fetch(f"select pid {OURS}")]
                    if pids:
                        pid = chance.choice(pids)
                        ended += await conn.fetchval("select pg_terminate_backend($1)", pid)
                await load
                seconds = time.monotonic() - started
                await ledger.settle()
        assert set(ledger.heard) <= {"200", "503"}
        assert ended >= victims
        told = await ledger.verify(conn, clinic)
    figures.add(
        f"{ended} backends terminated at random in {seconds:.0f} s",
        f"{ledger.heard['200']:,} answered 200, {ledger.heard['503']} deliberate 503;"
        f" {told['lost']} lost, {told['doubled']} doubled; longest without a success"
        f" {ledger.longest_gap():.2f} s; slowest answer {ledger.slowest:.1f} s",
        acknowledged=told["acknowledged"],
    )
