"""SIGTERM under load."""

from __future__ import annotations

import asyncio
import signal
import time

from tests.conftest import connected
from tests.faults.application import deployed
from tests.faults.figures import Figures
from tests.faults.ledger import Ledger, a_busy_clinic
from tests.support.factories import TOKEN

AT_ONCE = 24
EXIT_SECONDS = 10


async def test_sigterm_under_load(durable_url: str, figures: Figures, full: bool) -> None:
    """Each request that the application has begun upon is answered, and it leaves in time."""
    times = 10 if full else 2
    seconds = []
    async with connected(durable_url) as conn:
        clinic = await a_busy_clinic(conn, TOKEN)
        with deployed(durable_url) as application:
            async with application.callers(keep_alive=False) as client:
                ledger = Ledger(client)
                for number in range(times):
                    callers = range(number * 300, number * 300 + 300)
                    load = asyncio.create_task(ledger.run(callers, at_once=AT_ONCE))
                    while len(ledger.asked) < callers[100]:  # noqa: ASYNC110  # it tells nobody
                        await asyncio.sleep(0.001)
                    application.send_signal(signal.SIGTERM)
                    told = time.monotonic()
                    code = await asyncio.to_thread(application.process.wait, EXIT_SECONDS)
                    seconds.append(time.monotonic() - told)
                    await load
                    answered = ledger.heard["200"] + ledger.heard["503"]
                    assert (code, answered) == (0, application.accepted())
                    await asyncio.to_thread(application.start)
                    await ledger.settle()
        counts = await ledger.verify(conn, clinic)
    refused = ledger.heard.total() - ledger.heard["200"] - ledger.heard["503"]
    figures.add(
        f"SIGTERM under load, {times} times",
        f"every request that was begun upon was answered, {refused:,} more were refused and"
        f" repeated; exit code 0 after {max(seconds):.1f} s at most",
        acknowledged=counts["acknowledged"],
    )
