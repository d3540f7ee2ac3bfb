"""`python -m bench.hours [ROWS]`: what opening hours cost a booking, and what a search costs.

CPU time of the connection's PostgreSQL backend, by turns in one run: the median of 15 rounds, and
of their ratios. A million rows take two minutes to fill.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import asyncpg

from bench import server
from bench.growth import FILL, RESOURCES, grow
from booking_core import Booked, BookingRequest, Connection, Phone, book, find_times
from booking_core._statements import FIND_TIMES

ROUNDS, TIMES = 15, 60
MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=2)
OPEN = """
    insert into opening_hours select org_id, resource, day, opens::time, closes::time
    from resources, generate_series(1, 7) day,
      (values ('08:00', '12:30'), ('13:00', '18:00')) as hours (opens, closes)
"""
# All ten resources, from eight to six on 28 days.
FULL = f"""
    delete from appointments;
    insert into appointments (org_id, contact_id, resource, service_type, scheduled_at)
    select c.org_id, id, resource, 's', timestamptz '{MIDNIGHT}' + day * interval '1 day'
      + half * interval '30 minutes'
    from contacts c join resources r on c.org_id = r.org_id and right(phone, 3) = resource || '00',
      generate_series(0, 27) day, generate_series(16, 35) half
"""
Line = tuple[Connection, Callable[[], Awaitable[object]]]


async def by_turns(what: str, lines: dict[str, Line]) -> None:
    """Print the ms of CPU that each line takes, and how many times that of the first it is."""
    spent: dict[str, list[float]] = {line: [] for line in lines}
    for number in range(1 + ROUNDS):
        for line, (conn, ask) in lines.items():
            before = cpu(conn)
            for _ in range(TIMES):
                await ask()
            if number > 0:  # the first round is not counted
                spent[line].append((cpu(conn) - before) / TIMES)
    print(f"\n| {what} | ms | times |\n| --- | ---: | ---: |")
    for line, those in spent.items():
        ratios = [one / other for one, other in zip(those, next(iter(spent.values())), strict=True)]
        print(f"| {line} | {median(those):.2f} | {median(ratios):.2f} |", flush=True)


def cpu(conn: Connection) -> float:
    """The milliseconds that the connection's backend has run on a processor."""
    return int(Path(f"/proc/{conn.get_server_pid()}/schedstat").read_text().split()[0]) / 1e6


async def a_clinic(server_url: str, rows: int, *statements: str) -> Connection:
    """So many appointments of ten resources, half an hour in each hour, around that midnight."""
    first = MIDNIGHT - timedelta(hours=rows // RESOURCES // 2)
    grown = await grow(server_url, rows, 1, FILL.replace("2000-01-01 00:00Z", first.isoformat()))
    conn = await asyncpg.connect(grown.url)
    await conn.execute(";".join((*statements, "analyze")))
    return conn


async def booking(conn: Connection) -> Line:
    """A new caller each time, at a half hour that is open, on any resource."""
    org_id, numbers = await conn.fetchval("select id from organizations"), itertools.count()

    async def ask() -> None:
        day, half = divmod(number := next(numbers), 9)
        at = MIDNIGHT + timedelta(days=day, hours=8, minutes=30 * half)
        request = BookingRequest(org_id=org_id, phone=Phone(f"+1556{number:07}"), scheduled_at=at)
        assert isinstance(await book(conn, request), Booked)

    return conn, ask


async def search(conn: Connection, since: datetime = MIDNIGHT) -> Line:
    """Three free times from then on. Prints how many pages it reads."""
    org_id = await conn.fetchval("select id from organizations")
    given = {"org_id": org_id, "since": since, "until": since + timedelta(days=92), "most": 3}
    given |= dict.fromkeys(("from_time", "to_time", "resource", "ignored_id"))
    given |= {"service_type": "Appointment", "duration_minutes": 30}
    text, *values = FIND_TIMES.bind(given)
    rows = await conn.fetch(f"explain (analyze, buffers) {text}", *values)
    pages = re.findall(r"(?:hit|read)=(\d+)", next(row[0] for row in rows if "Buffers" in row[0]))
    print(f"{sum(map(int, pages))} pages from {since:%F}")

    return conn, lambda: find_times(conn, org_id, since=since)


async def measure(url: str, rows: int) -> None:
    plain, opened = await a_clinic(url, 100), await a_clinic(url, 100, OPEN)
    lines = {"without hours": await booking(plain), "with hours": await booking(opened)}
    await by_turns("`book`, ten resources", lines)
    clinics = {size: await a_clinic(url, size, OPEN) for size in (10_000, rows)}
    for resources in (RESOURCES, 3):
        for conn in clinics.values():
            await conn.execute(f"update resources set active = resource::int < {resources}")
        lines = {f"{n:,} appointments": await search(conn) for n, conn in clinics.items()}
        await by_turns(f"`find_times`, {resources} resources", lines)
    full = await a_clinic(url, 10, OPEN, FULL)
    days = {f"after {n} days": MIDNIGHT + timedelta(days=28 - n) for n in (0, 7, 14, 28)}
    lines = {name: await search(full, day) for name, day in days.items()}
    await by_turns("`find_times`, ten resources, booked out", lines)


if __name__ == "__main__":
    with server.embedded({"shared_buffers": "1GB", "max_wal_size": "4GB"}) as server_url:
        asyncio.run(measure(server_url, int(sys.argv[1]) if sys.argv[1:] else 1_000_000))
