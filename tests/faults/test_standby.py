"""The primary dies, and its synchronous standby takes over: what was acknowledged is there."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator

from booking_asgi import Config
from booking_core import Connection, Organization
from tests.conftest import connected, serving
from tests.faults.figures import Figures
from tests.faults.ledger import Ledger, a_busy_clinic
from tests.faults.standby import Pair, a_pair
from tests.support.factories import TOKEN

AT_ONCE = 16
BOOKED = "select id::text from appointments where org_id = $1"
STANDS = "select count(*) from appointments where org_id = $1 and idempotency_key = $2"


@contextlib.asynccontextmanager
async def asking(
    pair: Pair, *, deadline: float = 4.0
) -> AsyncIterator[tuple[Ledger, Organization]]:
    async with connected(pair.url) as conn:
        clinic = await a_busy_clinic(conn, TOKEN)
    config = Config(database_url=pair.url, deadline_seconds=deadline, pool_size=AT_ONCE)
    async with serving(config) as client:
        yield Ledger(client), clinic


@contextlib.asynccontextmanager
async def under_load(ledger: Ledger) -> AsyncIterator[None]:
    """New callers come all the while."""
    done = False
    numbers = itertools.takewhile(lambda _: not done, itertools.count())
    load = asyncio.create_task(ledger.run(numbers, at_once=AT_ONCE))
    try:
        yield
    finally:
        done = True
        await load


async def acknowledged(ledger: Ledger, how_many: int) -> None:
    """Until as many more are."""
    enough = len(ledger.acknowledged) + how_many
    async with asyncio.timeout(180):
        while len(ledger.acknowledged) < enough:  # noqa: ASYNC110  # the ledger tells nobody
            await asyncio.sleep(0.005)


async def fail_over(pair: Pair, ledger: Ledger) -> float:
    """Seconds without a success after the promotion."""
    pair.lose_primary()
    await pair.promote()
    promoted = time.monotonic()
    await acknowledged(ledger, 1)
    return time.monotonic() - promoted


async def lost(conn: Connection, ledger: Ledger, clinic: Organization) -> int:
    stands = {row["id"] for row in await conn.fetch(BOOKED, clinic.id)}
    return len(set(ledger.acknowledged.values()) - stands)


async def lag(pair: Pair, ledger: Ledger, times: int) -> None:
    """The line to the standby falls silent for two seconds, again and again, and stays so."""
    for turn in range(times):
        await acknowledged(ledger, 50)
        pair.line.fall_silent()
        await asyncio.sleep(2)
        if turn < times - 1:
            pair.line.speak()


async def test_the_primary_is_killed(full: bool, figures: Figures) -> None:
    """Under load, for ever; the promoted standby has all that was acknowledged, and books on."""
    before, after = (3000, 1000) if full else (300, 100)
    async with a_pair() as pair, asking(pair) as (ledger, clinic):
        async with under_load(ledger):
            await acknowledged(ledger, before)
            seconds = await fail_over(pair, ledger)
            await acknowledged(ledger, after)
        await ledger.settle()
        async with connected(pair.url) as conn:
            counts = await ledger.verify(conn, clinic)
    assert seconds < 10
    figures.add(
        "primary killed, synchronous standby promoted",
        f"0 lost, 0 doubled of {counts['acknowledged']:,}; {seconds:.2f} s without a success"
        f" after the promotion, {ledger.longest_gap():.1f} s in all",
        acknowledged=counts["acknowledged"],
    )


async def test_the_primary_is_killed_with_lag(full: bool, figures: Figures) -> None:
    """No booking is acknowledged that the standby has not got."""
    async with a_pair() as pair, asking(pair) as (ledger, clinic):
        async with under_load(ledger):
            await lag(pair, ledger, times=10 if full else 2)
            seconds = await fail_over(pair, ledger)
            await acknowledged(ledger, 1000 if full else 50)
        await ledger.settle()
        async with connected(pair.url) as conn:
            counts = await ledger.verify(conn, clinic)
    assert seconds < 10
    figures.add(
        "the same, the standby two seconds behind",
        f"0 lost, 0 doubled of {counts['acknowledged']:,}; {seconds:.2f} s without a success"
        f" after the promotion, {ledger.longest_gap():.1f} s in all",
        acknowledged=counts["acknowledged"],
    )


async def test_that_lag_loses_what_nobody_waits_for(figures: Figures) -> None:
    """The control: where COMMIT does not wait for the standby, acknowledged bookings are lost."""
    async with a_pair(synchronous=False) as pair, asking(pair) as (ledger, clinic):
        async with under_load(ledger):
            await lag(pair, ledger, times=1)
            pair.lose_primary()
            told = len(ledger.acknowledged)
        await pair.promote()
        async with connected(pair.url) as conn:
            missing = await lost(conn, ledger, clinic)
    assert missing > 0
    figures.add("the control: the same, asynchronous", f"{missing:,} lost of {told:,}")


async def test_a_commit_that_is_cancelled(figures: Figures) -> None:
    """It stands on the primary alone: no repeat is acknowledged while the standby is silent.

    By phone and by email. To break it: let a repeat read what stands, and write nothing.
    """
    by_phone, by_email = 4, 7
    async with a_pair() as pair, asking(pair, deadline=1.0) as (ledger, clinic):
        await ledger.run(range(4), at_once=1)
        pair.line.fall_silent()
        for number in (by_phone, by_email):
            assert not await ledger.ask(number)
            async with connected(pair.url) as conn:
                assert await conn.fetchval(STANDS, clinic.id, f"caller {number}") == 1
            for _ in range(3):
                assert not await ledger.ask(number)
        assert ledger.heard == {"200": 4, "503": 8}
        pair.lose_primary()
        await pair.promote()
        async with connected(pair.url) as conn:
            for number in (by_phone, by_email):
                assert await conn.fetchval(STANDS, clinic.id, f"caller {number}") == 0
            await ledger.settle()
            counts = await ledger.verify(conn, clinic)
    figures.add(
        "COMMIT cancelled while the standby is silent, and repeated; then the primary killed",
        "8 of 8 told 503, 0 lost, 0 doubled",
        acknowledged=counts["acknowledged"],
    )
