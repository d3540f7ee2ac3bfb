"""The application's clock is wrong, or jumps: only what it refuses depends on it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self

import httpx
import pytest

from booking_asgi import Config
from booking_asgi.tools import readings
from booking_core import Connection, Organization
from tests.conftest import connected, serving, until
from tests.faults.figures import Figures
from tests.faults.ledger import PATH, Ledger, a_busy_clinic, body_of
from tests.support.factories import TOKEN

DAYS = 90
TIMES = """
select count(*)
from appointments a join contacts c on (c.org_id, c.id) = (a.org_id, a.contact_id)
where a.org_id = $1
  and created_at between $2 and now() and updated_at between $2 and now()
  and last_contact_at between $2 and now()
"""
STARTS = "select idempotency_key, scheduled_at from appointments where org_id = $1"


class Clock:
    """Ours, so many days off."""

    days = 0

    def set_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The hour of the day, of the application; what measures a duration is another."""
        clock, true = self, time.time

        class Moved(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Self:
                return cls.fromtimestamp(true() + clock.days * 86400, tz)

        monkeypatch.setattr(readings, "datetime", Moved)
        monkeypatch.setattr(time, "time", lambda: true() + clock.days * 86400)


async def verify_times(
    conn: Connection, clinic: Organization, ledger: Ledger, since: datetime
) -> None:
    """Each row's times are the server's own, and the appointment's is what was asked."""
    assert await conn.fetchval(TIMES, clinic.id, since) == len(ledger.acknowledged)
    rows = await conn.fetch(STARTS, clinic.id)
    wanted = {f"caller {number}": body_of(number)["scheduledAt"] for number in ledger.asked}
    assert {key: start.isoformat() for key, start in rows} == wanted


async def told(client: httpx.AsyncClient, days: int) -> str:
    """The answer to a start that is so many days from now, by a clock that is right."""
    start = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=days)
    who = {"patientPhone": "+12125550100", "patientName": str(days)}
    reply = await client.post(PATH, json={**who, "scheduledAt": start.isoformat()})
    content = json.loads(reply.json()["toolResult"]["content"])
    return str(content.get("error", "booked"))


async def test_the_clock_jumps(
    durable_url: str, full: bool, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Back and forward by 90 days between the requests, and while one waits for a lock."""
    clock = Clock()
    clock.set_for(monkeypatch)
    async with connected(durable_url) as conn:
        since = await conn.fetchval("select now()")
        clinic = await a_busy_clinic(conn, TOKEN)
        config = Config(database_url=durable_url, deadline_seconds=30)
        async with serving(config) as client:
            ledger = Ledger(client)
            step = 200 if full else 20
            for turn, days in enumerate([0, -DAYS, DAYS, -DAYS, DAYS, 0]):
                clock.days = days
                await ledger.run(range(turn * step, (turn + 1) * step), at_once=8)
            for number, days in enumerate([DAYS, -DAYS], 6 * step):
                async with connected(durable_url) as other, other.transaction():
                    await other.execute("lock table appointments")
                    call = asyncio.create_task(ledger.ask(number))
                    await until(conn, "select count(*) = 1 from pg_locks where not granted")
                    clock.days = days
                assert await call
            assert ledger.heard.keys() == {"200"}
        counts = await ledger.verify(conn, clinic)
        await verify_times(conn, clinic, ledger, since)
    figures.add(
        "the application's clock jumps 90 days back and forward",
        f"{counts['acknowledged']:,} booked, each row's times the server's own",
        acknowledged=counts["acknowledged"],
    )


async def test_what_the_clock_decides(
    durable_url: str, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock decides what lies in the past and what lies beyond the horizon, and nothing
    else."""
    clock = Clock()
    clock.set_for(monkeypatch)
    async with connected(durable_url) as conn:
        await a_busy_clinic(conn, TOKEN)
        async with serving(Config(database_url=durable_url, deadline_seconds=30)) as client:
            answers = {}
            for days in (-DAYS, 0, DAYS):
                clock.days = days
                answers[days] = [await told(client, n) for n in (-30, 30, 700, 760)]
    past, far = "PAST_DATE", "INVALID_DATE_TIME"
    assert answers == {
        -DAYS: ["booked", "booked", far, far],
        0: [past, "booked", "booked", far],
        DAYS: [past, past, "booked", "booked"],
    }
    figures.add("the same, for starts around now and the horizon", "only their refusal follows it")


@pytest.mark.parametrize("days", [-DAYS, DAYS])
async def test_the_clock_of_the_process(
    durable_url: str, full: bool, figures: Figures, days: int
) -> None:
    """The command `serve`, all of whose clocks are off since before it started."""
    faketime = shutil.which("faketime")
    if not full:
        pytest.skip("it belongs to --full")
    if faketime is None:
        pytest.skip("there is no faketime on the PATH")
    async with connected(durable_url) as conn:
        since = await conn.fetchval("select now()")
        clinic = await a_busy_clinic(conn, TOKEN)
        async with a_process(durable_url, faketime, days) as client:
            ledger = Ledger(client)
            await ledger.run(range(500), at_once=8)
            assert ledger.heard == {"200": 500}
            counts = await ledger.verify(conn, clinic)
            await verify_times(conn, clinic, ledger, since)
            # Its clock is off indeed.
            assert await told(client, days // 3) == ("booked" if days < 0 else "PAST_DATE")
    figures.add(
        f"the process of `serve` under libfaketime, {days:+} days",
        f"{counts['acknowledged']:,} booked, each row's times the server's own",
        acknowledged=counts["acknowledged"],
    )


@contextlib.asynccontextmanager
async def a_process(url: str, faketime: str, days: int) -> AsyncIterator[httpx.AsyncClient]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [faketime, "-f", f"{days:+}d", sys.executable, "-m", "booking_asgi", "serve"]
    environ = {**os.environ, "BOOKING_DATABASE_URL": url, "BOOKING_PORT": str(port)}
    with subprocess.Popen(  # noqa: ASYNC220  # it takes no time to speak of
        command, env=environ, stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(
                base_url=address, headers={"X-Vapi-Secret": TOKEN}, timeout=30
            ) as client:
                async with asyncio.timeout(30):
                    while not await answers(client):  # noqa: ASYNC110  # it tells nobody
                        await asyncio.sleep(0.1)
                yield client
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # faketime hands no signal on


async def answers(client: httpx.AsyncClient) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return (await client.get("/api/ready")).is_success
    return False
