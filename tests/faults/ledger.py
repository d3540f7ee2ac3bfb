"""The callers keep what they were told; at the end it is compared with the rows."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx

from booking_core import Connection, Organization
from tests.support.factories import a_clinic

PATH = "/api/vapi/tools/book-appointment"
# The endpoint refuses the past, also where its clock is 90 days ahead.
START = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=100)
CHAIRS = [f"chair {number}" for number in range(16)]
HALF_HOURS = 28_000
CLAIMED = """
select id::text, idempotency_key, status from appointments where org_id = $1
"""


async def a_busy_clinic(conn: Connection, token: str) -> Organization:
    """A clinic with room for each caller of a ledger."""
    return await a_clinic(conn, token=token, resources=CHAIRS, timezone="UTC")


def body_of(number: int) -> dict[str, object]:
    """Each number is another person who wants a time of their own; every fourth has no phone."""
    half_hour, chair = divmod(number, len(CHAIRS))
    assert half_hour < HALF_HOURS
    who = (
        {"patientEmail": f"sam{number}@test.com"}
        if number % 4 == 3
        else {"patientPhone": f"+1{2_150_000_000 + number}"}
    )
    start = START + timedelta(minutes=30 * half_hour)
    return {**who, "scheduledAt": start.isoformat(), "resource": CHAIRS[chair]}


@dataclass
class Ledger:
    """The acknowledgements of one clinic's callers; each repeats under the key of its first try."""

    client: httpx.AsyncClient
    acknowledged: dict[int, str] = field(default_factory=dict)
    """By number, the appointment's id as it was told."""
    asked: set[int] = field(default_factory=set)
    heard: Counter[str] = field(default_factory=Counter)
    """By status, or by the name of the error where no answer came."""
    slowest: float = 0.0
    """Seconds until the answer that took longest."""
    _succeeded: list[float] = field(default_factory=lambda: [time.monotonic()])

    async def ask(self, number: int) -> bool:
        """Let one caller try once. Returns whether the booking was acknowledged."""
        self.asked.add(number)
        started = time.monotonic()
        try:
            reply = await self.client.post(
                PATH, json=body_of(number), headers={"Idempotency-Key": f"caller {number}"}
            )
        except httpx.TransportError as error:
            self.heard[type(error).__name__] += 1
            return False
        self.slowest = max(self.slowest, time.monotonic() - started)
        self.heard[str(reply.status_code)] += 1
        if reply.status_code != HTTPStatus.OK:
            return False
        content = json.loads(reply.json()["toolResult"]["content"])
        assert content["success"] is True
        # The same answer to each who asks again.
        assert (
            self.acknowledged.setdefault(number, content["appointmentId"])
            == (content["appointmentId"])
        )
        self._succeeded.append(time.monotonic())
        return True

    async def run(self, numbers: Iterable[int], *, at_once: int) -> None:
        """Let each caller try once, so many at a time."""
        left = iter(numbers)

        async def one_line() -> None:
            for number in left:
                await self.ask(number)

        async with asyncio.TaskGroup() as lines:
            for _ in range(at_once):
                lines.create_task(one_line())

    async def settle(self, *, at_once: int = 16, rounds: int = 200) -> None:
        """Each caller without an acknowledgement asks again, until each has one."""
        for _ in range(rounds):
            left = self.asked - self.acknowledged.keys()
            if not left:
                return
            await self.run(sorted(left), at_once=at_once)
            await asyncio.sleep(0.05)
        raise AssertionError(f"{len(left)} callers were never acknowledged")

    def longest_gap(self) -> float:
        """The longest time, in seconds, in which nobody was acknowledged."""
        return max(
            (after - before for before, after in itertools.pairwise(self._succeeded)), default=0
        )

    async def verify(self, conn: Connection, clinic: Organization) -> dict[str, Any]:
        """Nothing lost, nothing twice, nothing that nobody asked for; the counts of it.

        To be called once settled: until then a booking may stand that was never acknowledged.
        """
        rows = await conn.fetch(CLAIMED, clinic.id)
        stands = {row["id"]: row for row in rows if row["status"] == "confirmed"}
        lost = [number for number, told in self.acknowledged.items() if told not in stands]
        keys = Counter(row["idempotency_key"] for row in rows)
        doubled = [key for key, rows_of_it in keys.items() if rows_of_it > 1]
        unasked = set(keys) - {f"caller {number}" for number in self.asked}
        people = await conn.fetchval("select count(*) from contacts where org_id = $1", clinic.id)
        assert (lost, doubled, unasked) == ([], [], set())
        for number, told in self.acknowledged.items():
            assert stands[told]["idempotency_key"] == f"caller {number}"
        assert len(rows) == people == len(self.acknowledged) == len(self.asked)
        return {"acknowledged": len(self.acknowledged), "lost": 0, "doubled": 0}
