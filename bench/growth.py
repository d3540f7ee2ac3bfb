"""`make bench-growth`: does a booking cost more among ten million, does the endpoint's memory grow?

It takes some 20 GB of disk. All databases are filled first, then measured by turns: one
organization's, then those of many.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import itertools
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from uuid import UUID

import asyncpg
import uvloop

from bench import server
from bench.asked import STEP, Envelopes
from bench.load import BOOKED, Ask, Client, closed
from bench.report import Measured, machine, table, table_of_lines, write
from booking_asgi.tools.booking_reading import read_booking
from booking_core import Booked, BookingRequest, Connection, Organization, book, read_schema

SIZES = (10_000, 1_000_000, 10_000_000)
ORGANIZATIONS = (1, 10_000)
RESOURCES = 10
START = datetime(2000, 1, 1, tzinfo=UTC)
# As callers do, from a thousand hours before the last one booked to nine thousand after it; and
# anywhere from the first one on.
STARTS = NEAR, ANYWHERE = ("near the last", "anywhere")
# A third of a machine's memory, which holds ten million of each, and room to fill it.
SETTINGS = {"shared_buffers": "8GB", "max_wal_size": "8GB"}
ROUNDS, SECONDS = 5, 5
REQUESTS = 100_000

# Row n is the n / organizations-th of its organization, whose chairs are taken in turn, for the
# first half of each hour: the second stays free.
FILL = """
    create function org(n int) returns uuid immutable
      return md5('org' || n % {organizations})::uuid;
    insert into organizations (id, name, timezone, phone_region)
    select org(n), 'Clinic', 'UTC', 'US' from generate_series(0, {organizations} - 1) n;
    insert into resources (org_id, resource)
    select id, n::text from organizations, generate_series(0, {resources} - 1) n;
    insert into contacts (id, org_id, phone, name, lead_status, last_contact_at)
    select md5(n::text)::uuid, org(n), '+1' || 5550000000 + 100 * n::bigint,
           'Sam Wilson', 'contacted', now()
    from generate_series(0, {rows} - 1) n;
    insert into appointments
      (id, org_id, contact_id, resource, service_type, scheduled_at, idempotency_key)
    select md5('a' || n)::uuid, org(n), md5(n::text)::uuid,
           (n / {organizations} % {resources})::text, 'Consultation',
           timestamptz '2000-01-01 00:00Z'
             + (n / {organizations} / {resources}) * interval '1 hour', md5('k' || n)
    from generate_series(0, {rows} - 1) n;
"""
KEYS = """
    select format('alter table %s add constraint %I %s', conrelid::regclass, conname,
                  pg_get_constraintdef(oid)) as make,
           format('alter table %s drop constraint %I', conrelid::regclass, conname) as drop
    from pg_constraint
    where conrelid in ('contacts'::regclass, 'appointments'::regclass)
      and contype in ('p', 'u', 'x', 'f')
    order by contype = 'f'
"""
INDEXES = """
    select pg_get_indexdef(indexrelid) as make,
           format('drop index %s', indexrelid::regclass) as drop
    from pg_index
    where indrelid in ('contacts'::regclass, 'appointments'::regclass)
      and indexrelid not in (select conindid from pg_constraint)
"""
# Into the buffers, where a database in service has what it uses.
PREWARM = """
    create extension if not exists pg_prewarm;
    select pg_prewarm(oid) from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'i');
    checkpoint
"""


@dataclass
class Grown:
    """A database of so many contacts and as many appointments."""

    url: str
    rows: int
    organizations: int

    def __post_init__(self) -> None:
        self._count = itertools.count()
        self._hours = self.rows // self.organizations // RESOURCES

    def ask(self, conn: Connection, starts: str) -> Ask:
        async def ask(caller: int) -> str:
            outcome = await book(conn, self._next(starts))
            return BOOKED if isinstance(outcome, Booked) else type(outcome).__name__

        return ask

    def _next(self, starts: str) -> BookingRequest:
        """For anybody, new or known, at any organization; no start comes twice."""
        number = next(self._count)
        org = random.randrange(self.organizations)
        first, hours, minutes = {
            NEAR: (self._hours - 1_000, 10_000, 30),
            ANYWHERE: (0, max(self._hours, 200_000), 45),
        }[starts]
        hour, chair = divmod(number * STEP % (hours * RESOURCES), RESOURCES)
        known = org + self.organizations * random.randrange(self.rows // self.organizations)
        phone = 5_550_000_000 + 100 * known + number % 2 * random.randrange(1, 100)
        id = UUID(hashlib.md5(f"org{org}".encode()).hexdigest())
        clinic = Organization(id=id, timezone="UTC", phone_region="US")
        asked = {
            "patientName": "Sam Wilson",
            "patientPhone": f"+1{phone}",
            "scheduledAt": (START + timedelta(hours=first + hour, minutes=minutes)).isoformat(),
            "duration": 15,
            "resource": str(chair),
        }
        key = hashlib.md5(f"call {number}".encode()).hexdigest()
        return read_booking(asked, clinic, idempotency_key=key)


async def grow(server_url: str, rows: int, organizations: int, fill: str = FILL) -> Grown:
    begin = perf_counter()
    url = await server.a_database(server_url, "template0")
    conn = await asyncpg.connect(url)
    await conn.execute(read_schema())
    # All keys and indexes at the end: one row at a time they would take hours.
    keys, indexes = await conn.fetch(KEYS), await conn.fetch(INDEXES)
    for row in (*reversed(keys), *indexes):
        await conn.execute(row["drop"])
    await conn.execute(
        fill.format(rows=rows, organizations=organizations, resources=RESOURCES), timeout=3600
    )
    await conn.execute("set maintenance_work_mem = '2GB'")
    for row in (*keys, *indexes):
        await conn.execute(row["make"], timeout=3600)
    await conn.execute("vacuum analyze", timeout=3600)
    await conn.close()
    seconds = perf_counter() - begin
    print(f"{rows:,} rows, organizations: {organizations:,}: filled in {seconds:.0f} s", flush=True)
    return Grown(url, rows, organizations)


async def measure_growth(
    server_url: str, sizes: tuple[int, ...], seconds: int
) -> tuple[dict[str, Measured], str]:
    async def grow_all(organizations: int) -> list[Grown]:
        return [await grow(server_url, rows, organizations) for rows in sizes]

    measured: dict[str, Measured] = {}
    for grown in await asyncio.gather(*map(grow_all, ORGANIZATIONS)):
        async with contextlib.AsyncExitStack() as stack:
            asks: dict[str, Ask] = {}
            for one in grown:
                await server.run(one.url, PREWARM)
                [conn] = await stack.enter_async_context(server.connections(one.url, 1))
                asks |= {_name(one, starts): one.ask(conn, starts) for starts in STARTS}
            # The first round is not counted.
            for number in range(1 + ROUNDS):
                for name, ask in asks.items():
                    sample = await closed(1, seconds, ask)
                    if number > 0:
                        measured.setdefault(name, Measured()).samples.append(sample)
    async with server.connections(server_url, 1) as [conn]:
        return measured, await conn.fetchval("show server_version")


def _name(one: Grown, starts: str) -> str:
    return f"{one.rows:,} rows, organizations: {one.organizations:,}, starts: {starts}"


async def measure_memory(server_url: str, requests: int) -> list[float]:
    """The median of what was resident in each quarter of the requests, MB."""
    await server.make_template(server_url)
    envelopes = Envelopes()
    quarters: list[list[float]] = [[], [], [], []]
    with server.endpoint(await server.a_database(server_url)) as process:
        client = Client(process.port)
        slots = iter(range(requests))

        async def caller() -> None:
            for number in slots:
                verdict = await client.post(envelopes.next())
                if verdict != BOOKED:
                    raise SystemExit(f"request {number}: {verdict}")
                if number % 100 == 0:
                    quarters[4 * number // requests].append(process.memory())

        await asyncio.gather(*(caller() for _ in range(8)))
        client.close()
    return [median(quarter) for quarter in quarters]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="no more than 100,000 rows")
    quick = parser.parse_args().quick
    sizes = (10_000, 100_000) if quick else SIZES
    requests = 2_000 if quick else REQUESTS
    with server.embedded(SETTINGS) as url:
        quarters = uvloop.run(measure_memory(url, requests))
        lines, version = uvloop.run(measure_growth(url, sizes, 1 if quick else SECONDS))
    rows = []
    for count, starts in itertools.product(ORGANIZATIONS, STARTS):
        few, *_, many = (lines[_name(Grown("", size, count), starts)] for size in sizes)
        p50, p99 = (many.percentile(at) / few.percentile(at) for at in (50, 99))
        verdict = "yes" if p50 <= 1.3 else "no"
        rows.append((f"{count:,}", starts, f"{p50:.2f}", f"{p99:.2f}", verdict))
    memory = ", ".join(f"{quarter:.1f}" for quarter in quarters)
    grown = quarters[3] / quarters[1]
    settings = ", ".join(" = ".join(setting) for setting in SETTINGS.items())
    ratios = table(("organizations", "starts", "p50", "p99", "p50 ≤ 1.3"), rows)
    write(
        "growth.md",
        f"""\
# Results of `{"python -m bench.growth --quick" if quick else "make bench-growth"}`

{machine(version)}.

## Growth

The library, one caller on a connection held; as many appointments as contacts. Every second caller
is new. Starts are near the last that is booked, from a thousand hours before it to nine thousand
after, or anywhere from the first one on, which callers don't do. The server has {settings},
and holds in its buffers all that it is asked about.

{table_of_lines(lines)}
{sizes[-1]:,} rows / {sizes[0]:,}:

{ratios}
## Memory

The endpoint over {requests:,} requests of eight callers, resident in each quarter: {memory} MB.
The last is {grown:.3f} of the second (wanted: at most 1.05).
""",
    )


if __name__ == "__main__":
    main()
