"""Roles that may use the tables: grants, row-level security, and what `check` says of both."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import asyncpg
import pytest

from booking_asgi import Config
from booking_core import (
    Booked,
    BookingRequest,
    Cancelled,
    Choice,
    Connection,
    Finding,
    Moved,
    Phone,
    Staff,
    add_token,
    adopt,
    book,
    cancel,
    find_appointments,
    grant_role,
    list_day,
    lock_down,
    move,
    preflight,
    set_status,
    touch_tokens,
    upgrade,
)
from booking_core.organizations import token_sha256
from tests.conftest import SCHEMA, a_database, connected, count, psql, serving
from tests.support.adopted import APPOINTMENTS, CONTACTS, ORG, settle
from tests.support.changes import DAY
from tests.support.commands import refused, run
from tests.support.factories import TOKEN, arguments, in_days

TABLES = (
    "organizations",
    "contacts",
    "resources",
    "services",
    "service_resources",
    "opening_hours",
    "exceptions",
    "appointments",
    "events",
    "vapi_credentials",
    "booking_migrations",
)
WRITES = {
    "contacts": "insert into contacts (org_id, phone) select id, '+1' from organizations",
    "vapi_credentials": "insert into vapi_credentials (token_sha256, org_id)"
    " values ('x', '00000000-0000-4000-8000-000000000001')",
    "organizations": "insert into organizations (name, timezone, phone_region)"
    " values ('n', 'UTC', 'US')",
    "booking_migrations": "insert into booking_migrations values ('n')",
}
ROWS = """
    with clinic as (
      insert into organizations (name, timezone, phone_region)
      values ('c', 'America/New_York', 'US') returning id
    ),
    resource as (insert into resources select id, 'main' from clinic),
    service as (
      insert into services (org_id, service, duration_minutes) select id, 's', 30 from clinic
    ),
    service_resource as (insert into service_resources select id, 's', 'main' from clinic),
    hours as (
      insert into opening_hours select id, 'main', d, '00:00', '00:00'
      from clinic, generate_series(1, 7) as d
    ),
    exception as (
      insert into exceptions (org_id, during) select id, '[2026-01-01, 2026-01-02)' from clinic
    ),
    token as (
      insert into vapi_credentials (token_sha256, org_id) select sha256('a-token'), id from clinic
    ),
    event as (
      insert into events (org_id, type, appointment_id, actor)
      select id, 'booked', id, 'caller' from clinic
    ),
    contact as (
      insert into contacts (org_id, phone) select id, '+15551230000' from clinic
      returning org_id, id
    )
    insert into appointments (org_id, contact_id, resource, service_type, scheduled_at, status)
    select org_id, id, 'main', 's', '2026-01-01Z', 'cancelled' from contact
    """
# A trigger would run with the rights of whoever books.
FIRE, FUNCTION = (
    "create trigger t before update",
    "execute function suppress_redundant_updates_trigger()",
)
# What the baseline's role was granted by hand, before there was a `schema --grant`.
BY_HAND = """
    grant usage on schema public to {0};
    grant select on all tables in schema public to {0};
    grant insert, update on contacts, appointments to {0};
    grant insert on events to {0};
    """
OF_0009 = tuple(
    table
    for table in TABLES
    if table not in ("services", "service_resources", "opening_hours", "exceptions", "events")
)
BEFORE_0009 = """
    do $$ declare change text; begin
      for change in
        select format('drop policy %I on %s', polname, polrelid::regclass)
        from pg_policy where polrelid = any(array[OF_0009]::regclass[])
        union all
        select format('alter table %s disable row level security', name)
        from unnest(array[OF_0009]) as name
      loop execute change; end loop;
    end $$;
    delete from booking_migrations where name = '0009_row_security';
    """.replace("OF_0009", ", ".join(f"'{table}'" for table in OF_0009))
BEFORE_0010 = """
    drop table services, service_resources, opening_hours, exceptions, events;
    alter table resources drop column active;
    delete from booking_migrations where name >= '0010';
    """


@dataclass(frozen=True)
class Roles:
    """As Supabase has them: nobody logs in as `anon`, but its API becomes it for each request."""

    url: str
    anon: str
    desk: str
    desk_url: str


@contextlib.contextmanager
def an_empty_database_with_roles(server_url: str) -> Iterator[Roles]:
    """Roles outlive a database, so that they are made before it and dropped after it."""
    suffix, password = secrets.token_hex(4), secrets.token_hex(8)
    anon, desk, api = f"anon_{suffix}", f"desk_{suffix}", f"api_{suffix}"
    psql(
        server_url,
        *("-c", f"create role {anon} nologin", "-c", f"create role {api} login noinherit"),
        *("-c", f"create role {desk} login password '{password}'"),
        *("-c", f"grant {anon} to {api}"),
    )
    try:
        with a_database(server_url, "template0") as url:
            psql(url, "-c", f"grant usage on schema public to {anon}")
            psql(url, "-c", f"alter default privileges grant all on tables to {anon}")
            place = urlsplit(url)
            netloc = f"{desk}:{password}@{place.netloc.rpartition('@')[2]}"
            yield Roles(url, anon, desk, place._replace(netloc=netloc).geturl())
    finally:
        psql(server_url, "-c", f"drop role {api}, {anon}, {desk}")


@pytest.fixture
def empty(server_url: str) -> Iterator[Roles]:
    with an_empty_database_with_roles(server_url) as roles:
        yield roles


@pytest.fixture
def ours(empty: Roles) -> Roles:
    """With the tables, a row in each, and Supabase's grants by default."""
    psql(empty.url, "--single-transaction", "-f", str(SCHEMA), "-c", ROWS)
    return empty


async def refuses(conn: Connection, statement: str) -> bool:
    """Whether it changes and shows nothing: by an error, or since no row is there for this role."""
    transaction = conn.transaction()
    await transaction.start()
    try:
        return await conn.execute(statement) in {"SELECT 0", "UPDATE 0", "DELETE 0", "INSERT 0 0"}
    except asyncpg.InsufficientPrivilegeError:
        return True
    except asyncpg.IntegrityConstraintViolationError:  # no right was missing
        return False
    finally:
        await transaction.rollback()


async def may_nothing(url: str, role: str) -> bool:
    async with connected(url) as conn:
        await conn.execute(f"set role {role}")
        statements = [
            *WRITES.values(),
            *(f"select from {table}" for table in TABLES),
            *(f"delete from {table}" for table in TABLES),
            *(f"truncate {table} cascade" for table in TABLES),
            *(f"{FIRE} on {table} {FUNCTION}" for table in TABLES),
            "update contacts set phone = '+1'",
            "update appointments set status = 'cancelled'",
            "update vapi_credentials set revoked_at = null",
        ]
        return all([await refuses(conn, statement) for statement in statements])


def grave(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity != "note"]


async def checked(url: str) -> list[Finding]:
    async with connected(url) as conn:
        return grave(await preflight(conn))


async def book_in_each_way(url: str, day: int) -> None:
    """Book by phone, by email, and both again."""
    async with serving(Config(database_url=url, deadline_seconds=60)) as client:
        path = "/api/vapi/tools/book-appointment"
        for hour, person in ((9, {"patientEmail": None}), (10, {"patientPhone": None})):
            time = {"appointmentDate": in_days(day), "appointmentTime": f"{hour:02}:00"}
            given = arguments(**person, **time)
            for _ in range(2):
                reply = await client.post(path, json=given)
                assert reply.status_code == 200, reply.text


async def test_a_new_database_is_closed_to_other_roles(ours: Roles) -> None:
    """Supabase's `anon` reads and writes nothing of them, and `check` is clean."""
    await book_in_each_way(ours.url, day=1)
    async with connected(ours.url) as conn:
        assert await count(conn, "appointments") == 3
    assert await may_nothing(ours.url, ours.anon)
    assert await checked(ours.url) == []


@pytest.mark.parametrize("table", TABLES)
async def test_what_another_role_can_read_is_found(ours: Roles, table: str) -> None:
    """A warning that names the table and the role; its mend ends it."""
    async with connected(ours.url) as conn:
        await conn.execute(f"alter table {table} disable row level security")
        assert not await may_nothing(ours.url, ours.anon)
        [finding] = grave(await preflight(conn))
        assert (finding.what, finding.severity) == (f"access to {table}", "warning")
        assert ours.anon in finding.problem
        assert finding.mend is not None
        await conn.execute(finding.mend)
        assert await may_nothing(ours.url, ours.anon)
        assert grave(await preflight(conn)) == []


@pytest.mark.parametrize(
    ("grant", "severity"),
    [
        ("grant select (phone) on contacts to {anon}", "warning"),
        ("grant insert on contacts to public", "warning"),
        ("grant select on contacts to {desk}", "note"),
        ("grant truncate on contacts to {anon}", "warning"),
        ("grant trigger on contacts to {anon}", "warning"),
        ("grant references (id) on contacts to {anon}", "warning"),
    ],
)
async def test_grants_of_each_kind(ours: Roles, grant: str, severity: str) -> None:
    """A grant of each kind is found: on a column, to everybody, to a role that logs in, and of a
    right that row-level security does not hold back."""
    async with connected(ours.url) as conn:
        await conn.execute(f"revoke all on contacts from {ours.anon}")
        if not re.search("truncate|trigger|references", grant):
            await conn.execute("alter table contacts disable row level security")
        await conn.execute(grant.format(anon=ours.anon, desk=ours.desk))
        [finding] = [one for one in await preflight(conn) if one.what == "access to contacts"]
        assert finding.severity == severity
        await conn.execute(finding.mend or "")
        assert "access to contacts" not in {one.what for one in await preflight(conn)}


async def test_the_least_role_serves(ours: Roles) -> None:
    """The rights that `schema --grant` gives are enough to book by phone and email, and to repeat.
    They allow neither making tokens nor deleting."""
    for _ in range(2):  # it is safe to repeat
        done = run("schema", "--grant", ours.desk, database_url=ours.url)
        assert (done.returncode, done.stdout) == (0, "Granted.\n")
    await book_in_each_way(ours.desk_url, day=1)
    assert await checked(ours.desk_url) == []
    async with connected(ours.desk_url) as conn:
        assert await count(conn, "appointments") == 3
        for statement in (
            "insert into vapi_credentials (token_sha256, org_id) select 'x', id from organizations",
            "update vapi_credentials set revoked_at = now()",
            "update organizations set name = 'n'",
            "insert into resources select id, 'other' from organizations",
            *(f"delete from {table}" for table in TABLES),
            *(f"truncate {table} cascade" for table in TABLES),
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(statement)
        await touch_tokens(conn, [token_sha256(TOKEN)])
        assert await conn.fetchval("select last_used_at is not null from vapi_credentials")
    assert await may_nothing(ours.url, ours.anon)


async def test_the_least_role_writes_each_change_down(ours: Roles) -> None:
    """The role books, moves, cancels and says what became of an appointment, reads the events of
    it, and can neither change nor delete one."""
    async with connected(ours.url) as conn:
        assert await grant_role(conn, ours.desk) == []
        org_id = await conn.fetchval("select id from organizations")
        await conn.execute("delete from appointments")
        await conn.execute("delete from events")
    desk, start = Staff(name="front desk"), DAY + timedelta(hours=14)
    async with connected(ours.desk_url) as conn:
        for endings in ("completed", "cancelled"):
            request = BookingRequest(
                org_id=org_id, phone=Phone("+15551230001"), name="Sam", scheduled_at=start
            )
            booked = await book(conn, request)
            assert isinstance(booked, Booked) and booked.created
            choice = Choice(appointment_id=booked.appointment_id)
            moved = await move(conn, org_id, desk, choice, to=start + timedelta(hours=1))
            assert isinstance(moved, Moved)
            assert len(await find_appointments(conn, org_id, desk, choice)) == 1
            if endings == "completed":
                assert await set_status(conn, org_id, desk, booked.appointment_id, "completed")
            else:
                assert isinstance(await cancel(conn, org_id, desk, choice), Cancelled)
        assert len(await list_day(conn, org_id, start.date())) == 2
        kinds = await conn.fetch("select type, count(*) from events group by 1 order by 1")
        assert [tuple(row) for row in kinds] == [
            *(("booked", 2), ("cancelled", 1), ("completed", 1), ("moved", 2))
        ]
        for statement in ("update events set actor = 'system'", "delete from events"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(statement)


async def test_a_note_where_no_superuser_asks(ours: Roles) -> None:
    """The superuser is told so, and no other role."""
    async with connected(ours.url) as conn:
        await grant_role(conn, ours.desk)
        assert "superuser" in {finding.what for finding in await preflight(conn)}
    async with connected(ours.desk_url) as conn:
        assert "superuser" not in {finding.what for finding in await preflight(conn)}


async def test_a_role_without_its_policy_is_told_so(ours: Roles) -> None:
    """It has the grants, and would see no row: an error for each table, and the SQL."""
    async with connected(ours.url) as conn:
        await conn.execute(BY_HAND.format(ours.desk))
    found = await checked(ours.desk_url)
    assert {finding.what for finding in found} == {
        f"row security on {table}" for table in TABLES if table != "booking_migrations"
    }
    async with connected(ours.url) as conn:
        for finding in found:
            await conn.execute(finding.mend or "")
    assert await checked(ours.desk_url) == []


@pytest.mark.parametrize(
    ("role", "prepare", "said"),
    [
        ("nobody_at_all", "select", "There is no role nobody_at_all"),
        ("{desk}", "drop table booking_migrations, vapi_credentials cascade", "schema --apply"),
        ("{desk}", "delete from booking_migrations where name like '0009%'", "schema --upgrade"),
    ],
)
def test_what_a_grant_stops_at(ours: Roles, role: str, prepare: str, said: str) -> None:
    """One line says what to do, and nothing is granted."""
    psql(ours.url, "-c", prepare)
    done = run("schema", "--grant", role.format(desk=ours.desk), database_url=ours.url)
    assert done.returncode == 1
    assert said in done.stderr
    assert psql(ours.url, "-c", "select count(*) from pg_policy") == "0"


def test_only_the_owner_grants_and_locks_down(ours: Roles) -> None:
    """Another role is told whose the tables are."""
    psql(ours.url, "-c", BY_HAND.format(ours.desk))
    psql(ours.url, "-c", f"create policy p on booking_migrations to {ours.desk} using (true)")
    for what in (("--grant", ours.desk), ("--lock-down",)):
        assert "belongs to" in refused(run("schema", *what, database_url=ours.desk_url))


def test_one_thing_at_a_time(ours: Roles) -> None:
    done = run("schema", "--lock-down", "--grant", ours.desk, database_url=ours.url)
    assert done.returncode == 2
    assert "exclude each other" in done.stderr


async def test_lock_down_of_an_adopted_database(empty: Roles) -> None:
    """It waits for the policy of the role that serves, and names who loses the access."""
    psql(empty.url, "-c", f"{CONTACTS} {APPOINTMENTS}")
    psql(empty.url, "-c", f"insert into contacts (org_id, phone) values ('{ORG}', '+15551234567')")
    async with connected(empty.url) as conn:
        assert await adopt(conn) == []
        clinic = await settle(conn)
        await conn.execute(BY_HAND.format(empty.desk))
        [warning, other] = grave(await preflight(conn))
        assert {warning.what, other.what} == {"access to contacts", "access to appointments"}
        assert empty.anon in warning.problem and empty.desk in warning.problem
        [standing] = await lock_down(conn)
        assert f"schema --grant {empty.desk}" in standing.problem
        assert await conn.fetchval("select count(*) from contacts") == 1
        assert await grant_role(conn, empty.desk) == []
    done = run("schema", "--lock-down", database_url=empty.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("Locked down.\n") and empty.anon in done.stdout
    assert await may_nothing(empty.url, empty.anon)
    async with connected(empty.url) as conn:
        await add_token(conn, clinic.id, token=TOKEN)
        assert grave(await preflight(conn)) == []
    await book_in_each_way(empty.desk_url, day=1)


@pytest.mark.parametrize("change", [upgrade, adopt], ids=["upgrade", "adopt"])
async def test_no_request_fails_while_row_security_comes(
    ours: Roles, change: Callable[[Connection], Awaitable[list[Finding]]]
) -> None:
    """The role that serves owns nothing, and was granted what it has by hand, before there was any
    row-level security."""
    async with connected(ours.url) as conn:
        assert await grant_role(conn, ours.desk) == []
        await conn.execute(BEFORE_0009)
        await conn.execute(f"grant all on {', '.join(OF_0009)} to {ours.anon}")
        await conn.execute(BY_HAND.format(ours.desk))
        assert not await may_nothing(ours.url, ours.anon)
        async with serving(Config(database_url=ours.desk_url, deadline_seconds=60)) as client:
            answered: list[int] = []
            is_over = asyncio.Event()

            async def call() -> None:
                while not is_over.is_set():
                    number = len(answered)
                    answered.append(0)
                    given = arguments(
                        patientPhone=f"+1212555{number % 10_000:04}",
                        appointmentDate=in_days(1 + number // 30),
                        appointmentTime=f"{8 + number % 30 // 2:02}:{number % 2 * 30:02}",
                    )
                    reply = await client.post("/api/vapi/tools/book-appointment", json=given)
                    answered[number] = reply.status_code

            calls = [asyncio.create_task(call()) for _ in range(4)]
            await asyncio.sleep(0.5)
            before = len(answered)
            assert await change(conn) == []
            await asyncio.sleep(0.5)
            is_over.set()
            await asyncio.gather(*calls)
        assert 0 < before < len(answered) - 4
        assert set(answered) == {200}
        assert await count(conn, "appointments") == 1 + len(answered)
        assert grave(await preflight(conn)) == []
    assert await checked(ours.desk_url) == []
    assert await may_nothing(ours.url, ours.anon)


async def test_the_role_that_serves_reads_the_hours_of_a_new_release(ours: Roles) -> None:
    """Whoever can book gets what a booking reads from now on, and nobody else gets anything."""
    async with connected(ours.url) as conn:
        assert await grant_role(conn, ours.desk) == []
        await conn.execute(BEFORE_0010)
        await conn.execute(f"alter default privileges grant all on tables to {ours.anon}")
        assert await upgrade(conn) == []
        assert grave(await preflight(conn)) == []
    assert await checked(ours.desk_url) == []
    assert await may_nothing(ours.url, ours.anon)
    await book_in_each_way(ours.desk_url, day=1)
