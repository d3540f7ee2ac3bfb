"""Databases of other people, as they are before they are adopted."""

from __future__ import annotations

import subprocess
from uuid import UUID

from booking_asgi.command.postgres import find_programs
from booking_core import (
    Connection,
    Organization,
    preflight,
)
from tests.conftest import psql
from tests.support.commands import without_key

ORG = UUID("00000000-0000-4000-8000-000000000001")


CONTACTS = """
    create table contacts (
      id uuid primary key default gen_random_uuid(), org_id uuid not null, phone text, email text,
      name text, lead_status text, last_contact_at timestamptz,
      constraint uq_contacts_org_phone unique (org_id, phone)
    );
    """


APPOINTMENTS = """
    create table appointments (
      id uuid primary key default gen_random_uuid(), org_id uuid not null,
      contact_id uuid references contacts (id), service_type text, scheduled_at timestamptz,
      duration_minutes integer, status text default 'confirmed',
      created_at timestamptz default now(), updated_at timestamptz default now()
    );
    """


WITH_ORGANIZATIONS = f"""
    create table organizations (
      id uuid primary key, slug text not null, plan text not null default 'free'
    );
    insert into organizations (id, slug) values ('{ORG}', 'bright');
    {CONTACTS}
    {APPOINTMENTS}
    """


WITH_AN_ENUM = f"""
    create type "AppointmentState2" as enum ('confirmed', 'cancelled');
    {CONTACTS}
    {APPOINTMENTS}
    alter table appointments alter status drop default,
      alter status type "AppointmentState2" using 'confirmed', alter status set default 'confirmed';
    """


# Every tenth has no contact, every second no duration; one after the other, in the past and ahead.
ROWS = f"""
    insert into contacts (org_id, phone, name)
    select '{ORG}', '+1555' || 1000000 + n, 'p' || n from generate_series(1, 100) n;
    insert into appointments
      (id, org_id, contact_id, service_type, scheduled_at, duration_minutes, status)
    select gen_random_uuid(), '{ORG}', case when n % 10 > 0 then c.id end, 's',
           timestamptz '2026-01-01Z' + n * interval '30 min', case when n % 2 > 0 then 30 end,
           'confirmed'
    from generate_series(1, {{rows}}) n
    join contacts c on c.phone = '+1555' || 1000001 + n % 100;
    """


def make(url: str, tables: str, rows: int = 100) -> None:
    psql(url, "-c", tables, "-c", ROWS.format(rows=rows), "-c", "analyze")


def snapshot(url: str) -> str:
    """The catalog and the rows."""
    command = [str(find_programs() / "pg_dump"), "--inserts", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return "\n".join(sorted(without_key(done.stdout).splitlines()))


async def settle(conn: Connection) -> Organization:
    """Fill in what only the operator can know."""
    await conn.execute("update organizations set timezone = 'Asia/Tokyo', phone_region = 'JP'")
    return Organization(id=ORG, timezone="Asia/Tokyo", phone_region="JP")


async def graves(conn: Connection) -> list[str]:
    return [finding.what for finding in await preflight(conn) if finding.severity != "note"]
