"""SIGKILL under load: of the server with all its processes, and of the application."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Callable

from booking_asgi.command.postgres import EmbeddedPostgres
from tests.conftest import connected
from tests.faults.application import Application, deployed, kill, socket_dir
from tests.faults.figures import Figures
from tests.faults.ledger import Ledger, a_busy_clinic
from tests.support.factories import TOKEN

AT_ONCE = 16
# The default deadline, and half of what a call waits: a busy machine adds to it.
DEADLINE, LATEST = 4.0, 10.0
SEED = 20261122


async def drive(ledger: Ledger, requests: int) -> None:
    async with ledger.client:
        await ledger.run(range(requests), at_once=AT_ONCE)
        await ledger.settle(at_once=AT_ONCE)


async def until_asked(ledger: Ledger, requests: int, load: asyncio.Task[None]) -> None:
    while len(ledger.asked) < requests and not load.done():  # noqa: ASYNC110  # another thread's
        await asyncio.sleep(0.001)


async def disturbed(
    url: str, application: Application, requests: int, faults: int, disturb: Callable[[], None]
) -> Ledger:
    """The load, settled and held against the rows, with so many faults in its midst."""
    async with connected(url) as conn:
        clinic = await a_busy_clinic(conn, TOKEN)
    ledger = Ledger(application.callers())
    # In a thread, for the kernel stops a server when the thread that started it ends: this one
    # starts it, and waits for it.
    load = asyncio.create_task(asyncio.to_thread(asyncio.run, drive(ledger, requests)))
    chance = random.Random(SEED)
    for number in range(faults):
        place = (number + chance.uniform(0.3, 0.7)) * requests / faults
        await until_asked(ledger, int(place), load)
        disturb()
    await load
    assert ledger.heard["200"] >= requests
    async with connected(url) as conn:
        await ledger.verify(conn, clinic)
    return ledger


async def test_the_server_is_killed(
    durable: EmbeddedPostgres, durable_url: str, figures: Figures, full: bool
) -> None:
    """Each request is answered 200 or 503 in time; nothing is lost, and nothing doubled."""
    requests, faults = (9_000, 6) if full else (1_500, 1)
    folder = socket_dir(durable)

    def disturb() -> None:
        kill(durable)
        durable.start(folder)

    with deployed(durable_url) as application:
        ledger = await disturbed(durable_url, application, requests, faults, disturb)
    assert set(ledger.heard) <= {"200", "503"}
    assert ledger.slowest < LATEST
    figures.add(
        f"SIGKILL of the server with all its processes, and restart ({faults}), under"
        f" {requests:,} requests",
        f"{ledger.heard['200']:,} answered 200, {ledger.heard['503']:,} deliberate 503, then"
        f" repeated: {requests:,} rows; longest without a success {ledger.longest_gap():.1f} s;"
        f" slowest answer {ledger.slowest:.1f} s of a deadline of {DEADLINE:g} s",
        acknowledged=requests,
    )


async def test_the_application_is_killed(durable_url: str, figures: Figures, full: bool) -> None:
    """Each caller who got no answer repeats the request, and is booked once."""
    requests, faults = (4_000, 5) if full else (600, 1)
    with deployed(durable_url) as application:

        def disturb() -> None:
            application.send_signal(signal.SIGKILL)
            application.process.wait()
            application.start()

        ledger = await disturbed(durable_url, application, requests, faults, disturb)
    unanswered = ledger.heard.total() - ledger.heard["200"] - ledger.heard["503"]
    figures.add(
        f"SIGKILL of the application and restart ({faults}), under {requests:,} requests",
        f"{unanswered:,} tries without an answer, then repeated: {requests:,} rows; longest without"
        f" a success {ledger.longest_gap():.1f} s; slowest answer {ledger.slowest:.1f} s",
        acknowledged=requests,
    )
