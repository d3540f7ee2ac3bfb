"""Many at once, over HTTP, on a process of its own."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter

from tests.conftest import connected, count
from tests.faults.application import deployed
from tests.faults.figures import Figures
from tests.faults.ledger import PATH
from tests.support.factories import TOKEN, a_call, a_caller, a_clinic, arguments, tool_calls

CALLERS = 500
DELIVERIES = 100
EARLIER = 100
# One that a busy machine does not reach.
DEADLINE = 60


async def test_one_slot(durable_url: str, figures: Figures) -> None:
    """One caller is booked, and each other one is told that the time is taken."""
    async with connected(durable_url) as conn:
        await a_clinic(conn, token=TOKEN)
        with deployed(durable_url, deadline_seconds=DEADLINE) as application:
            earlier = [
                arguments(patientPhone=a_caller(number), appointmentTime="09:00")
                for number in range(EARLIER)
            ]
            bodies = [arguments(patientPhone=a_caller(number)) for number in range(CALLERS)]
            # As one that is in service: connected, and its statements prepared.
            await asyncio.gather(*(application.post(PATH, body) for body in earlier))
            started = time.monotonic()
            answers = await asyncio.gather(*(application.post(PATH, body) for body in bodies))
            seconds = time.monotonic() - started
        told = Counter(status for status, _ in answers)
        assert told == {200: 1, 409: CALLERS - 1}
        assert await count(conn, "appointments") == 2  # with the earlier one
        assert await count(conn, "contacts") == CALLERS
    figures.add(
        f"{CALLERS} callers for one slot at once, over HTTP",
        f"1 booked, {told[409]} told that it is taken; {seconds:.2f} s",
        acknowledged=1,
    )


async def test_one_call(durable_url: str, figures: Figures) -> None:
    """Delivered many times at once: one appointment, and the same answer, byte for byte."""
    async with connected(durable_url) as conn:
        await a_clinic(conn, token=TOKEN, resources=["a", "b"])
        message = {"message": tool_calls(a_call(arguments()))}
        with deployed(durable_url, deadline_seconds=DEADLINE) as application:
            started = time.monotonic()
            answers = await asyncio.gather(
                *(application.post("/api/vapi/tools", message) for _ in range(DELIVERIES))
            )
            seconds = time.monotonic() - started
        [(status, content)] = set(answers)
        [answer] = json.loads(content)["results"]
        assert status == 200
        assert answer["result"].startswith("Booked: ")
        assert [await count(conn, "appointments"), await count(conn, "contacts")] == [1, 1]
    figures.add(
        f"{DELIVERIES} deliveries of one tool-call id at once, over HTTP",
        f"1 row, {len(answers)} identical bodies; {seconds:.2f} s",
        acknowledged=1,
    )
