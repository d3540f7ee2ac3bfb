"""`upgrade`: the tables of an older release become those of this one."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from booking_asgi.command.postgres import find_programs
from booking_core import Booked, Connection, Finding, Organization, book, preflight, upgrade
from booking_core.fitness.migrations import migration_names
from tests.conftest import SCHEMA, a_database, connected, psql
from tests.support.factories import a_request

RELEASES = sorted((Path(__file__).parent / "releases").glob("*.sql"))


@pytest.fixture
def old_url(server_url: str) -> Iterator[str]:
    """A database as the first release made it."""
    with a_database(server_url, "template0") as url:
        psql(url, "--single-transaction", "-f", str(RELEASES[0]))
        yield url


def dump(url: str) -> str:
    command = [str(find_programs() / "pg_dump"), "--schema-only", "--no-owner", url]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return "\n".join(line for line in lines if not line.startswith("\\"))  # a random key


async def upgraded(url: str, times: int) -> list[list[Finding]]:
    async with connected(url) as conn:
        return [await upgrade(conn) for _ in range(times)]


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
def test_an_upgraded_database_is_a_new_one(server_url: str, release: Path) -> None:
    """The dump of a database upgraded from each release is that of a new one."""
    with (
        a_database(server_url, "template0") as old,
        a_database(server_url, "template0") as new,
    ):
        psql(old, "--single-transaction", "-f", str(release))
        psql(new, "--single-transaction", "-f", str(SCHEMA))
        assert asyncio.run(upgraded(old, times=2)) == [[], []]
        assert dump(new) == dump(old)
        names = "select name from booking_migrations order by name"
        assert migration_names() == psql(old, "-c", names).splitlines()
        assert migration_names() == psql(new, "-c", names).splitlines()


async def an_old_booking(conn: Connection) -> None:
    await conn.execute(
        """
        with clinic as (
          insert into organizations (name, timezone, phone_region)
          values ('Clinic', 'America/New_York', 'US') returning id
        ),
        resource as (insert into resources select id, 'main' from clinic),
        contact as (
          insert into contacts (org_id, phone, name)
          select id, '+15551234567', 'O''Neill' from clinic
          returning id, org_id
        )
        insert into appointments
          (org_id, contact_id, resource, service_type, scheduled_at, attendee_name)
        select org_id, id, 'main', 's', '2027-03-01 14:00Z', 'O''Neill' from contact
        """
    )


async def test_check_says_from_which_to_which(old_url: str) -> None:
    """Before an upgrade `check` has that one line to say; after it there is nothing."""
    async with connected(old_url) as conn:
        [finding] = await preflight(conn)
        assert (finding.what, finding.severity) == ("schema", "error")
        assert "at the baseline" in finding.problem and migration_names()[-1] in finding.problem
        await upgrade(conn)
        assert {"note"} >= {finding.severity for finding in await preflight(conn)}


async def test_the_rows_of_an_older_release_stay(old_url: str) -> None:
    """An appointment of before answers its repeat, in another spelling too."""
    async with connected(old_url) as conn:
        await an_old_booking(conn)
        assert await upgrade(conn) == []
        org_id = await conn.fetchval("select id from organizations")
        clinic = Organization(id=org_id, timezone="America/New_York", phone_region="US")
        again = await book(conn, a_request(clinic, name="O\u2019NEILL"))
        assert isinstance(again, Booked) and not again.created


async def test_an_index_of_a_broken_try_is_built_anew(old_url: str) -> None:
    """Each step is repeated from where an interruption left it."""
    async with connected(old_url) as conn:
        await an_old_booking(conn)
        for name in ("0001_migrations", "0002_functions", "0003_calls"):
            await conn.execute((SCHEMA.parent / "migrations" / f"{name}.sql").read_text())
        await conn.execute("create unique index appointments_call_key on appointments (org_id)")
        await conn.execute(
            "update pg_index set indisvalid = false"
            " where indexrelid = 'appointments_call_key'::regclass"
        )
        assert await upgrade(conn) == []
        key = "select pg_get_indexdef('appointments_call_key'::regclass)"
        assert "call_nth" in await conn.fetchval(key)


async def test_names_that_collide_when_folded_stand_in_the_way(old_url: str) -> None:
    """They are listed, and nothing is written."""
    async with connected(old_url) as conn:
        await an_old_booking(conn)
        await conn.execute(
            """
            insert into resources select id, 'other' from organizations;
            insert into appointments
              (org_id, contact_id, resource, service_type, scheduled_at, attendee_name)
            select org_id, contact_id, 'other', 's', scheduled_at, U&'O\\2019Neill'
            from appointments
            """
        )
        before = dump(old_url)
        assert [one.what for one in await upgrade(conn)] == ["appointments_contact_start_key"]
        assert before == dump(old_url)


async def test_two_upgrades_at_once(old_url: str) -> None:
    """One upgrade waits for the other, and finds nothing left to do."""
    async with connected(old_url) as one, connected(old_url) as other:
        assert list(await asyncio.gather(upgrade(one), upgrade(other))) == [[], []]


async def test_an_upgrade_in_a_transaction(old_url: str) -> None:
    """It refuses, since each step commits."""
    async with connected(old_url) as conn, conn.transaction():
        with pytest.raises(asyncpg.InterfaceError):
            await upgrade(conn)


async def test_a_new_schema_on_older_tables_is_refused(old_url: str) -> None:
    """`schema.sql` says what to do, and changes nothing."""
    async with connected(old_url) as conn:
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="--upgrade"):
            await conn.execute(SCHEMA.read_text())
