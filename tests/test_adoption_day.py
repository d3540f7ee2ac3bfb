"""The day on which a clinic adopts its database: from the first `check` to the first booking, by
what is printed and nothing else, while the application that owns the tables goes on writing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import asyncpg
import pytest

from booking_core import Booked, Organization, book, find_organization_by_token, preflight
from tests.conftest import a_database, connected, count, psql
from tests.support.adopted import CONTACTS, ORG
from tests.support.commands import run
from tests.support.factories import a_request

ROWS = 2_000
# Of the appointments every twentieth overlaps the one before; a few of these are still to come.
CLINIC = f"""
    create type state as enum ('confirmed', 'cancelled', 'done', 'rescheduled');
    {CONTACTS}
    create table appointments (
      id uuid primary key default gen_random_uuid(), org_id uuid not null,
      contact_id uuid references contacts (id), service_type text,
      scheduled_at timestamptz not null,
      duration_minutes integer check (duration_minutes between 1 and 720),
      status state not null default 'confirmed', deleted_at timestamptz,
      created_at timestamptz default now(), updated_at timestamptz default now()
    );
    alter table contacts enable row level security;
    alter table appointments enable row level security;
    insert into contacts (org_id, phone, name)
    select '{ORG}', '+1555' || 1000000 + n, 'p' || n from generate_series(1, 100) n;
    insert into appointments
      (org_id, contact_id, service_type, scheduled_at, duration_minutes, status, deleted_at)
    select '{ORG}', c.id, 's',
           date_trunc('hour', now()) - interval '900 hours' + n * interval '30 min'
             - case when n % 20 = 0 then interval '15 min' else interval '0' end,
           30,
           (case when n % 50 = 7 and n > 1900 then 'rescheduled'
                 when n % 9 = 4 and n < 1700 then 'done' else 'confirmed' end)::state,
           case when n % 33 = 5 then now() end
    from generate_series(1, {ROWS}) n
    join contacts c on c.phone = '+1555' || 1000001 + n % 100;
    -- Somebody pressed the button twice, long ago and for next week.
    insert into appointments (org_id, contact_id, service_type, scheduled_at, duration_minutes)
    select org_id, contact_id, 's', scheduled_at, 30 from appointments
    where status = 'confirmed' and deleted_at is null
      and scheduled_at in (
        select unnest(array[min(scheduled_at), max(scheduled_at)]) from appointments
        where status = 'confirmed' and deleted_at is null
      );
    analyze;
    """
ANOTHER = "00000000-0000-4000-8000-000000000002"
INSERT = f"""
    insert into appointments (org_id, contact_id, service_type, scheduled_at, duration_minutes)
    select '{ORG}', min(id::text)::uuid, 's',
           timestamptz '2035-01-01Z' + $1::integer * interval '1 day', 30 from contacts
    returning id
    """
# Each is legal before the adoption, and harms nobody after it.
HABITS = [
    "update appointments set status = 'rescheduled' where id = $1",
    "update appointments set status = 'confirmed' where id = $1",
    "update appointments set duration_minutes = 600 where id = $1",
    "update appointments set scheduled_at = scheduled_at + interval '1 hour' where id = $1",
    "insert into appointments (org_id, service_type, scheduled_at, duration_minutes)"
    f" select '{ANOTHER}', 'a clinic that opens', scheduled_at, 30 from appointments where id = $1",
    "update appointments set scheduled_at = now() - interval '1 day', duration_minutes = 1,"
    " status = 'done' where id = $1",
    "update appointments set contact_id = null, status = 'cancelled', deleted_at = now()"
    " where id = $1",
    "delete from appointments where id = $1",
]


@pytest.fixture
def theirs(server_url: str) -> Iterator[str]:
    with a_database(server_url, "template0") as url:
        psql(url, "-c", CLINIC)
        yield url


@dataclass
class Operator:
    """Runs what was printed, and notes each step."""

    url: str
    steps: list[str] = field(default_factory=list)

    def command(self, line: str) -> tuple[int, str]:
        self.steps.append(line)
        program, *words = line.split()
        assert program == "booking-asgi"
        done = run(*words, database_url=self.url)
        return done.returncode, done.stdout

    def paste(self, sql: str) -> None:
        """As an editor sends it: all at once."""
        self.steps.append(sql)
        psql(self.url, "-c", sql)


def blocks(printed: str) -> list[str]:
    """What is indented by four: the SQL of each finding, and commands."""
    found = re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", printed + "\n", re.MULTILINE)
    return [re.sub(r"^ {4}", "", block, flags=re.MULTILINE).strip() for block in found]


def commands(text: str) -> list[str]:
    return re.findall(r"booking-asgi schema --adopt[^\n]*?(?=$| says)", text, re.MULTILINE)


def adopt_as_printed(operator: Operator) -> None:
    """The statuses that are suggested are indeed those that hold no time here."""
    _, checked = operator.command("booking-asgi check")
    assert "--apply" not in checked
    [line] = commands(checked)
    for _ in range(5):
        code, printed = operator.command(line)
        print(printed)
        *mends, line = blocks(printed)
        if code == 0:
            break
        if named := [found for mend in mends for found in commands(mend)]:
            line = named[-1]
        for mend in mends:
            if not commands(mend):
                operator.paste(mend)
    code, _ = operator.command(line)
    assert code == 0


async def work_as_ever(url: str, done: asyncio.Event) -> int:
    """The application of the clinic: it books, changes and deletes, and nothing may be refused."""
    cycles = 0
    async with connected(url) as conn:
        while not done.is_set():
            row = await conn.fetchval(INSERT, cycles)
            for habit in HABITS:
                await conn.execute(habit, row)
            cycles += 1
            await asyncio.sleep(0.01)
    return cycles


async def test_from_check_to_a_booking(theirs: str) -> None:
    """In at most 14 steps, each of them printed by the one before; what the application does that
    harms nobody is never refused."""
    done = asyncio.Event()
    application = asyncio.create_task(work_as_ever(theirs, done))
    operator = Operator(theirs)
    try:
        async with connected(theirs) as conn:
            dated = "select id from appointments where scheduled_at < now() and deleted_at is null"
            history = await count(conn, f"({dated}) past")
            await asyncio.to_thread(adopt_as_printed, operator)
            _, checked = await asyncio.to_thread(operator.command, "booking-asgi check")
            for mend in blocks(checked):
                if "Region/City" in mend or "XX" in mend:
                    known = mend.replace("'Region/City'", "'Asia/Tokyo'").replace("'XX'", "'JP'")
                    await asyncio.to_thread(operator.paste, known)
            line = f"booking-asgi token add --org {ORG}"
            _, token = await asyncio.to_thread(operator.command, line)
            clinic = await find_organization_by_token(conn, token.strip())
            assert isinstance(clinic, Organization)
            assert isinstance(await book(conn, a_request(clinic)), Booked)
            await asyncio.sleep(0.1)  # the application goes on after it
            assert await count(conn, f"({dated}) past") >= history
            findings = [found for found in await preflight(conn) if found.severity != "note"]
            assert [found.what for found in findings if "access" not in found.what] == []
            overlap = "insert into appointments (org_id, service_type, scheduled_at, status) values"
            with pytest.raises(asyncpg.ExclusionViolationError):
                await conn.execute(
                    f"{overlap} ($1, 's', $2, 'confirmed')", ORG, a_request(clinic).scheduled_at
                )
    finally:
        done.set()
        cycles = await application
    print(f"{len(operator.steps)} steps, {cycles} cycles of the application:")
    print("\n".join(step.partition("\n")[0] for step in operator.steps))
    assert cycles > 5
    assert len(operator.steps) <= 14
