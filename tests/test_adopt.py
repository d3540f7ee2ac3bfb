"""Databases of other people, adopted while they are in use."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from booking_core import (
    Booked,
    Connection,
    Email,
    InvalidRequest,
    Organization,
    OutsideHours,
    SlotTaken,
    adopt,
    book,
    plan_adoption,
    read_adoption,
)
from booking_core.fitness._statements import FIND_KEYS
from booking_core.fitness.adoption import adoption_steps
from booking_core.fitness.guarantees import GUARANTEES
from booking_core.fitness.rules import RULES
from tests.conftest import SCHEMA, a_database, connected, count, psql, until
from tests.support.adopted import (
    APPOINTMENTS,
    CONTACTS,
    ORG,
    WITH_AN_ENUM,
    WITH_ORGANIZATIONS,
    graves,
    make,
    settle,
    snapshot,
)
from tests.support.commands import complaint, run
from tests.support.factories import SOON, a_caller, a_clinic, a_request

ADOPT = SCHEMA.parent / "adopt.sql"
EXCL, CHECK = "appointments_resource_excl", "appointments_status_check"
START, CALL = "appointments_contact_start_key", "appointments_call_key"
REPEAT, STATUS = "appointments_idempotency_key", "appointments.status"
RESOURCE = "appointments_resource_check"
BASELINE = SCHEMA.parent.parent / "tests" / "releases" / "baseline.sql"
STATES = "'pending', 'confirmed', 'cancelled', 'completed', 'no_show'"
WITH_MORE = f"""
    {CONTACTS.replace("primary key default", "not null default")}
    alter table contacts add primary key (org_id, id), add source text not null default 'web';
    {APPOINTMENTS.replace("contact_id uuid references contacts (id)", "contact_id uuid")}
    alter table appointments add room integer not null default 1,
      add notes jsonb not null default '[]', alter id drop default;
    """
THEIRS = {"organizations": WITH_ORGANIZATIONS, "enum": WITH_AN_ENUM, "more": WITH_MORE}
# As their own code books, which knows of no new column.
OLD_WAY = f"""
    insert into appointments (id, org_id, service_type, scheduled_at, duration_minutes, status)
    values (gen_random_uuid(), '{ORG}', 's', timestamptz '2035-01-01Z' + $1 * interval '1 hour',
            30, 'confirmed')
    """
AT_ONCE = 50
PROMISED = {*GUARANTEES, *(rule.name for rule in RULES)}


@pytest.fixture
def theirs(server_url: str) -> Iterator[str]:
    """An empty database."""
    with a_database(server_url, "template0") as url:
        yield url


@pytest.fixture
async def conn(theirs: str) -> AsyncIterator[Connection]:
    async with connected(theirs) as conn:
        yield conn


@pytest.fixture(params=THEIRS)
def each(request: pytest.FixtureRequest, theirs: str) -> str:
    """A database of each kind, with a hundred appointments."""
    make(theirs, THEIRS[request.param])
    return theirs


async def write_the_old_way(url: str, done: asyncio.Event, booked: list[float]) -> None:
    """Until it is done, one after the other; how long each took."""
    async with connected(url) as conn:
        while not done.is_set():
            started = time.monotonic()
            await conn.execute(OLD_WAY, len(booked))
            booked.append(time.monotonic() - started)
            await asyncio.sleep(0.002)


@pytest.mark.parametrize("kind", THEIRS)
async def test_nobody_waits_for_an_adoption(theirs: str, conn: Connection, kind: str) -> None:
    """With 20,000 appointments, and while others book: no write takes longer than a second, and the
    guarantees are there for all rows."""
    make(theirs, THEIRS[kind], 19_000)
    done, booked = asyncio.Event(), list[float]()
    writer = asyncio.create_task(write_the_old_way(theirs, done, booked))
    try:
        started = time.monotonic()
        assert await adopt(conn) == []
        took = time.monotonic() - started
    finally:
        done.set()
        await writer
    print(f"{kind}: {len(booked)} writes, the longest {max(booked):.3f} s, all in {took:.1f} s")
    assert max(booked) < 1
    assert await graves(conn) == ["organizations.timezone", "organizations.phone_region"]
    assert await count(conn, "appointments where resource = 'main'") == 19_000 + len(booked)
    await books_as_it_should(conn, await settle(conn))


async def test_a_transaction_that_stays_open_delays_only_the_adoption(
    theirs: str, conn: Connection
) -> None:
    """It steps back from the table each time, so that others book on, and ends after it."""
    make(theirs, WITH_ORGANIZATIONS)
    async with connected(theirs) as holder, connected(theirs) as other:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute(OLD_WAY, 1)
        adoption = asyncio.create_task(adopt(conn))
        await until(other, "select cardinality(pg_blocking_pids($1)) > 0", conn.get_server_pid())
        for number in range(2, 20):
            await other.execute(OLD_WAY, number, timeout=5)
        assert not adoption.done()
        await transaction.commit()
        assert await adoption == []


async def books_as_it_should(conn: Connection, clinic: Organization) -> None:
    start = SOON + timedelta(days=3000)
    by_phone = a_request(clinic, scheduled_at=start, idempotency_key="k")
    first, again = await book(conn, by_phone), await book(conn, by_phone)
    assert isinstance(first, Booked)
    assert isinstance(again, Booked)
    assert (first.created, again.created) == (True, False)
    taken = a_request(clinic, scheduled_at=start + timedelta(minutes=15), phone=a_caller(1))
    assert isinstance(await book(conn, taken), SlotTaken)
    by_email = a_request(
        clinic, phone=None, email=Email("s@test.com"), scheduled_at=start + timedelta(hours=1)
    )
    outcomes = [await book(conn, by_email) for _ in range(2)]
    assert [found.created for found in outcomes if isinstance(found, Booked)] == [True, False]
    with pytest.raises(asyncpg.ExclusionViolationError):
        await conn.execute(
            "insert into appointments (id, org_id, service_type, scheduled_at, status)"
            " values (gen_random_uuid(), $1, 's', $2, 'confirmed')",
            clinic.id,
            start - timedelta(minutes=10),
        )


async def test_both_roads_reach_the_same(each: str, url: str, conn: Connection) -> None:
    """The keys of a new database are those of an adopted one, and nothing is said of either."""
    assert await adopt(conn) == []
    await settle(conn)
    async with connected(url) as new:
        await a_clinic(new)
        assert await graves(conn) == await graves(new) == []
        assert await keys(conn) == await keys(new)


async def keys(conn: Connection) -> set[tuple[str, str, str]]:
    """The keys without the primary ones, which stay as they are, and without the casts of an
    enum."""
    rows = await conn.fetch(*FIND_KEYS.bind({"tables": ["contacts", "appointments", "resources"]}))
    return {
        (row["name"], row["columns"], re.sub(r"::[\w\"]+(\[\])?", "", row["predicate"] or ""))
        for row in rows
        if row["is_valid"] and row["name"] not in ("contacts_pkey", "appointments_pkey")
    }


async def test_50_callers_for_one_slot(each: str, conn: Connection) -> None:
    """On an adopted database one caller gets the slot, and the others are told that it is taken."""
    assert await adopt(conn) == []
    clinic = await settle(conn)
    async with asyncpg.create_pool(each, min_size=1, max_size=10) as pool:

        async def call(number: int) -> Booked | SlotTaken | OutsideHours:
            async with pool.acquire() as one:
                return await book(one, a_request(clinic, phone=a_caller(number)))

        outcomes = await asyncio.gather(*(call(number) for number in range(AT_ONCE)))
    assert Counter(type(found) for found in outcomes) == {Booked: 1, SlotTaken: AT_ONCE - 1}


async def test_twice_is_once(each: str, conn: Connection) -> None:
    """The second time changes neither the catalog nor a row, and contacts are as ever."""
    contacts = await conn.fetch("select * from contacts order by id")
    assert await adopt(conn) == []
    once = snapshot(each)
    assert await adopt(conn) == []
    assert snapshot(each) == once
    assert await conn.fetch("select * from contacts order by id") == contacts


async def test_psql_runs_it_as_it_stands(each: str, conn: Connection) -> None:
    """psql runs the file, and the command after it finds nothing to do."""
    psql(each, "-f", str(ADOPT))
    once = snapshot(each)
    assert await adopt(conn) == []
    assert snapshot(each) == once
    await settle(conn)
    assert await graves(conn) == []


async def test_psql_takes_other_resources(theirs: str, conn: Connection) -> None:
    """psql takes the names of resources as the file's head says."""
    make(theirs, WITH_ORGANIZATIONS)
    psql(theirs, "-c", "set booking.resources = '{Dr. Lee,Dr. Kim}'", "-f", str(ADOPT))
    assert await conn.fetchval("select count(*) from resources") == 2
    assert await count(conn, "appointments where resource = 'Dr. Lee'") == 100


async def test_the_way_back(each: str, conn: Connection) -> None:
    """The commands at the file's end leave the database as it was, but for the labels of an
    enum."""
    had_organizations = await conn.fetchval("select to_regclass('organizations') is not null")
    had_default = await conn.fetchval(
        "select atthasdef from pg_attribute"
        " where attrelid = 'appointments'::regclass and attname = 'id'"
    )
    before = snapshot(each)
    assert await adopt(conn) == []
    back = read_adoption().partition("\n-- The way back.")[2].partition("--\n")[2]
    for line in re.findall(r"[^;]+;", back.replace("-- ", "")):
        case, _, statement = line.rpartition("Where ")[2].rpartition(": ")
        skipped = {
            "it had none": had_default,
            "there were organizations": not had_organizations,
            "they had no name": not had_organizations,
            "there were none": had_organizations,
        }
        if not skipped.get(case, False):
            await conn.execute(statement)
    labels = r"^    '(pending|completed|no_show)',?$\n?|(?<=cancelled'),$"
    assert re.sub(labels, "", snapshot(each), flags=re.M) == before


OVERLAP = """
    insert into appointments (id, org_id, service_type, scheduled_at, duration_minutes, status)
    select gen_random_uuid(), org_id, 's', scheduled_at + interval '10 min', 5, 'pending'
    from appointments limit 25
    """
DOUBLE = """
    insert into appointments (id, org_id, contact_id, service_type, scheduled_at, status)
    select gen_random_uuid(), org_id, contact_id, 's', scheduled_at, 'confirmed'
    from appointments where contact_id is not null limit 1
    """
LATER = "update appointments set scheduled_at = scheduled_at + interval '10 years';"
OBSTACLES = [
    ("organizations", OVERLAP, ["appointments_resource_excl"], "50 .* are over"),
    ("organizations", LATER + OVERLAP, ["appointments_resource_excl"], "25 active .* begin before"),
    (
        "organizations",
        DOUBLE,
        ["appointments_resource_excl", "appointments_contact_start_key"],
        "1 active appointments are over and repeat",
    ),
    (
        "organizations",
        LATER + "update appointments set status = 'scheduled' where contact_id is null",
        ["appointments.status"],
        "10 appointments to come have the status 'scheduled'",
    ),
    (
        "enum",
        LATER + "update appointments set status = null",
        ["appointments.status"],
        "100 .* NULL",
    ),
    (
        "organizations",
        "update appointments set scheduled_at = null",
        ["appointments.scheduled_at"],
        "100 active",
    ),
    (
        "organizations",
        "alter table appointments alter scheduled_at type timestamp",
        ["appointments.scheduled_at"],
        "is timestamp and not timestamptz",
    ),
    ("enum", "drop table appointments, contacts", ["tables"], "no contacts and no appointments"),
]
MENDED = {
    "past overlaps": OVERLAP,
    "overlaps to come": LATER + OVERLAP,
    "past doubles": DOUBLE,
    "doubles to come": LATER + DOUBLE,
    "doubles by name": f"alter table appointments add attendee_name text default ' Nora'; {DOUBLE}",
    "no start": "update appointments set scheduled_at = null",
    "no length": "update appointments set duration_minutes = -5 where contact_id is null",
    "a status": LATER + "update appointments set status = null where contact_id is null",
}
HARMLESS = {
    "a status that is over": "update appointments set status = 'archived'",
    "a status that is missing": "update appointments set status = null",
    "no organization": "delete from organizations",
    "no contact": "alter table appointments drop constraint appointments_contact_id_fkey;"
    " update appointments set contact_id = gen_random_uuid()",
    "ten hours": "update appointments set duration_minutes = 600, status = 'completed'",
}


@pytest.mark.parametrize(("kind", "sabotage", "whats", "words"), OBSTACLES)
async def test_what_stands_in_the_way(
    theirs: str, conn: Connection, kind: str, sabotage: str, whats: list[str], words: str
) -> None:
    """It is listed, with at most three ids and nobody's name; nothing is written."""
    make(theirs, THEIRS[kind])
    await conn.execute(sabotage)
    before = snapshot(theirs)
    findings = await adopt(conn)
    assert [finding.what for finding in findings] == whats
    assert re.search(words, findings[-1].problem)
    assert all(len(re.findall(r"[0-9a-f]{8}-", str(found))) <= 3 for found in findings)
    assert "+1555" not in str(findings)
    assert snapshot(theirs) == before


@pytest.mark.parametrize("sabotage", MENDED.values(), ids=MENDED)
@pytest.mark.parametrize("kind", ["organizations", "enum"])
async def test_each_mend_runs_as_it_is_printed(
    theirs: str, conn: Connection, tmp_path: Path, kind: str, sabotage: str
) -> None:
    """In psql, a statement at a time, and in an editor that sends it all at once. No appointment is
    lost, and what was over is completed, not cancelled."""
    make(theirs, THEIRS[kind])
    await conn.execute(sabotage.replace("'pending'", "'confirmed'"))
    rows = await count(conn, "appointments")
    at_once = True
    for _ in range(4):
        findings = await adopt(conn)
        for finding in findings:
            assert finding.mend
            if at_once:
                psql(theirs, "-c", finding.mend)
            else:
                (tmp_path / "mend.sql").write_text(finding.mend)
                psql(theirs, "-f", str(tmp_path / "mend.sql"))
            at_once = not at_once
        if not findings:
            break
    assert findings == []
    assert await count(conn, "appointments") == rows
    cancelled = "appointments where status = 'cancelled' and scheduled_at < now()"
    assert await count(conn, cancelled) == 0


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
async def test_what_harms_no_promise_stands_in_no_way(
    theirs: str, conn: Connection, change: str
) -> None:
    """It stays as it is, and the guarantees are there all the same."""
    make(theirs, WITH_ORGANIZATIONS)
    await conn.execute(change)
    kept = "select id, status, duration_minutes, contact_id from appointments order by id"
    before = await conn.fetch(kept)
    assert await adopt(conn) == []
    assert await conn.fetch(kept) == before
    assert [what for what in await graves(conn) if what in PROMISED] == []


A1 = """
    alter table appointments alter status set default 'scheduled',
      add check (status in ('scheduled', 'confirmed', 'completed', 'cancelled', 'no_show'))
    """
A_DOMAIN = """
    create domain state as text default 'scheduled'
      check (value in ('scheduled', 'confirmed', 'cancelled'));
    alter table appointments alter status drop default, alter status type state
    """
AN_ENUM = """
    create type state as enum ('scheduled', 'confirmed', 'cancelled');
    alter table appointments alter status drop default, alter status type state using status::state,
      alter status set default 'scheduled'
    """
OTHERS = [
    # PostgreSQL itself names it as ours.
    ("organizations", A1, [CHECK, STATUS]),
    ("organizations", A1.replace("check (", "constraint own check ("), ["own", STATUS]),
    (
        "organizations",
        f"alter table appointments alter status type varchar(20); {A1}",
        [CHECK, STATUS],
    ),
    ("organizations", "alter table appointments alter status set default 'scheduled'", [STATUS]),
    ("organizations", A_DOMAIN, ["state_check", STATUS]),
    ("organizations", AN_ENUM, [STATUS]),
    # One beside it that is right mends nothing of the default.
    ("organizations", f"{A1}, add constraint two check (status <> 'scheduled')", [CHECK, STATUS]),
    # It lets NULL in.
    ("organizations", f"alter table appointments add check (status in ({STATES}))", [CHECK]),
    ("organizations", "alter table appointments add check (status <> '')", [CHECK]),
    (
        "organizations",
        "alter table appointments add check (status ~ '^(confirmed|booked)$')",
        [CHECK],
    ),
    (
        "organizations",
        f"alter table appointments add constraint {EXCL} check (service_type <> '')",
        [EXCL],
    ),
    ("organizations", f"alter table appointments add constraint {EXCL} unique (id)", [EXCL]),
    (
        "organizations",
        f"alter table appointments add constraint {REPEAT} unique (id, created_at)",
        [REPEAT],
    ),
    ("organizations", f"create index {CALL} on appointments (contact_id)", [CALL]),
    ("organizations", f"create unique index {START} on contacts (org_id, name)", [START]),
    ("organizations", f"create view {CALL} as select 1", [CALL]),
    (
        "organizations",
        "alter table appointments add resource text;"
        f" alter table appointments add constraint {RESOURCE} check (id is not null)",
        [RESOURCE],
    ),
]


@pytest.mark.parametrize(("kind", "sabotage", "whats"), OTHERS)
async def test_what_is_named_as_ours_and_is_not(
    theirs: str, conn: Connection, kind: str, sabotage: str, whats: list[str]
) -> None:
    """It stands in the way, as does what lets another status in; nothing is written, the mends run
    as they are printed, and the adoption after them leaves every guarantee."""
    make(theirs, THEIRS[kind])
    await conn.execute(sabotage)
    before = snapshot(theirs)
    findings = await adopt(conn)
    assert sorted(finding.what for finding in findings) == sorted(whats)
    assert snapshot(theirs) == before
    for finding in findings:
        psql(theirs, "-c", finding.mend or "")
    assert await adopt(conn) == []
    clinic = await settle(conn)
    assert [what for what in await graves(conn) if what in PROMISED] == []
    with pytest.raises(asyncpg.PostgresError):
        await conn.execute(
            "insert into appointments (id, org_id, service_type, scheduled_at, status)"
            " values (gen_random_uuid(), $1, 's', now(), 'scheduled')",
            clinic.id,
        )


async def test_a_rule_of_their_own_is_enough(theirs: str, conn: Connection) -> None:
    """A rule that refuses the same in other words is enough: nothing stands in the way."""
    make(theirs, WITH_ORGANIZATIONS)
    await conn.execute(
        "alter table appointments alter status set not null, alter scheduled_at set not null,"
        " add check (status = any ('{no_show,pending,confirmed,cancelled,completed}'))"
    )
    assert await adopt(conn) == []
    await settle(conn)
    assert await graves(conn) == []


async def test_an_older_release_is_upgraded_not_adopted(theirs: str, conn: Connection) -> None:
    """Its keys have our names: it is told so, and nothing is changed."""
    psql(theirs, "-f", str(BASELINE))
    before = snapshot(theirs)
    [finding] = await adopt(conn)
    assert "schema --upgrade" in f"{finding.problem} {finding.mend}"
    assert snapshot(theirs) == before


async def test_an_adoption_that_an_older_release_began(theirs: str, conn: Connection) -> None:
    """No upgrade can end it: its keys stand in the way under our names, and the mends free them."""
    make(theirs, WITH_ORGANIZATIONS)
    await conn.execute(
        f"alter table appointments add attendee_name text; create unique index {START} on"
        " appointments (org_id, contact_id, scheduled_at, lower(coalesce(attendee_name, '')))"
        " where status in ('pending', 'confirmed')"
    )
    [finding] = await adopt(conn)
    assert finding.what == START
    await conn.execute(finding.mend or "")
    assert await adopt(conn) == []


def test_psql_finds_what_is_named_as_ours(theirs: str) -> None:
    """As the head of adopt.sql says, in a row; a database that was adopted has none."""
    make(theirs, WITH_ORGANIZATIONS)
    names = SCHEMA.parent / "fitness" / "find_name_faults.sql"
    assert psql(theirs, "-f", str(names)) == ""
    psql(theirs, "-f", str(ADOPT))
    assert psql(theirs, "-f", str(names)) == ""
    psql(theirs, "-c", f"alter table appointments drop constraint {CHECK}", "-c", A1)
    assert psql(theirs, "-f", str(names)).startswith(f"{CHECK}|error|")


@pytest.mark.parametrize("spelling", ["Nora  O'Neill", "NORA O\u2019NEILL", "nora o\u200b'neill"])
async def test_names_that_fold_alike_are_doubles(
    theirs: str, conn: Connection, spelling: str
) -> None:
    """They are listed before anything is written, though the function is not there yet."""
    make(theirs, WITH_ORGANIZATIONS)
    await conn.execute("alter table appointments add attendee_name text, add resource text")
    for name, resource in (("Nora O'Neill", "a"), (spelling, "b")):
        await conn.execute(
            "insert into appointments"
            " (org_id, contact_id, service_type, scheduled_at, attendee_name, resource)"
            " select $1, min(id::text)::uuid, 's', $2, $3, $4 from contacts",
            ORG,
            SOON + timedelta(days=3000),
            name,
            resource,
        )
    before = snapshot(theirs)
    assert [finding.what for finding in await adopt(conn)] == [START]
    assert snapshot(theirs) == before


async def test_what_comes_meanwhile_is_listed(theirs: str, conn: Connection) -> None:
    """An overlap that nobody saw at first: named, and adopted once it is mended."""
    make(theirs, WITH_ORGANIZATIONS)
    for step in adoption_steps()[:12]:
        await conn.execute(step)
    await conn.execute(OVERLAP)
    await conn.execute("update appointments set resource = null where duration_minutes = 5")
    assert [finding.what for finding in await adopt(conn)] == ["appointments_resource_excl"]
    await conn.execute("update appointments set status = 'cancelled' where duration_minutes = 5")
    assert await adopt(conn) == []


async def test_what_was_interrupted_is_mended(theirs: str, conn: Connection) -> None:
    """An index that is left behind, invalid, is built again."""
    make(theirs, WITH_ORGANIZATIONS)
    assert await adopt(conn) == []
    await conn.execute(
        "update pg_index set indisvalid = false"
        " where indexrelid = 'appointments_contact_start_key'::regclass"
    )
    assert await adopt(conn) == []
    await settle(conn)
    assert await graves(conn) == []


async def test_a_column_of_theirs_is_kept(theirs: str, conn: Connection) -> None:
    """Who fills `resource` beforehand may have what would overlap; the rest gets the first."""
    make(theirs, WITH_ORGANIZATIONS)
    await conn.execute(OVERLAP)
    await conn.execute("alter table appointments add resource text")
    await conn.execute("update appointments set resource = 'B' where duration_minutes = 5")
    assert await adopt(conn, resources=["A", "C"]) == []
    assert await count(conn, "appointments where resource = 'A'") == 100
    rows = await conn.fetch("select resource from resources order by resource")
    assert [row["resource"] for row in rows] == ["A", "B", "C"]


async def test_a_duration_of_theirs_stays(theirs: str, conn: Connection) -> None:
    """The duration stays, and its appointment can be cancelled."""
    make(theirs, WITH_ORGANIZATIONS)
    await conn.execute("update appointments set duration_minutes = 3 where contact_id is null")
    assert await adopt(conn) == []
    await conn.execute("update appointments set status = 'cancelled'")


async def test_a_transaction_is_refused(conn: Connection) -> None:
    """A transaction around it is refused before anything is written."""
    async with conn.transaction():
        with pytest.raises(asyncpg.InterfaceError):
            await adopt(conn)


def test_the_command_adopts(theirs: str) -> None:
    """Once or twice, and says what is next; the resources are those that were named."""
    make(theirs, WITH_AN_ENUM)
    for _ in range(2):
        done = run("schema", "--adopt", "--resource", "Dr. Lee", database_url=theirs)
        assert (done.returncode, complaint(done)) == (0, "")
        assert done.stdout.startswith("Adopted.")
    assert psql(theirs, "-c", "select distinct resource from appointments") == "Dr. Lee"
    checked = run("check", database_url=theirs)
    assert checked.returncode == 2
    assert str(ORG) in checked.stdout


def test_the_command_lists_what_stands_in_the_way(theirs: str) -> None:
    """The command lists what stands in the way, and exits with 1."""
    make(theirs, WITH_ORGANIZATIONS)
    psql(theirs, "-c", DOUBLE)
    done = run("schema", "--adopt", database_url=theirs)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(re.findall("^Error: ", done.stderr, re.M)) == 2


def test_more_than_20000_ask_for_a_lock(theirs: str) -> None:
    """The command says what the lock costs; with `--lock` it is done."""
    make(theirs, WITH_ORGANIZATIONS, 20_001)
    before = snapshot(theirs)
    done = run("schema", "--adopt", database_url=theirs)
    assert done.returncode == 1
    assert re.search(r"20001 active appointments: .* \d+ s", done.stderr)
    assert "--adopt --lock" in done.stderr
    planned = run("schema", "--adopt", "--plan", database_url=theirs)
    assert planned.returncode == 1
    assert "booking-asgi schema --adopt --lock --plan\n" in planned.stdout
    assert snapshot(theirs) == before
    assert run("schema", "--adopt", "--lock", database_url=theirs).returncode == 0


@pytest.mark.parametrize("words", [["--adopt", "--apply"], ["--lock"], ["--resource", "a"]])
def test_options_that_clash(words: list[str]) -> None:
    """Nothing is run."""
    assert run("schema", *words).returncode == 2


CATALOG = """
    select 'column ' || table_name || '.' || column_name from information_schema.columns
    where table_schema = 'public'
    union all
    select 'default ' || table_name || '.' || column_name from information_schema.columns
    where table_schema = 'public' and column_default is not null
    union all
    select 'table ' || tablename || case when rowsecurity then ' closed' else '' end
    from pg_tables where schemaname = 'public'
    union all
    select 'key ' || conname from pg_constraint c join pg_class r on r.oid = c.conrelid
    where c.contype <> 'n' and r.relname in ('contacts', 'appointments')
    union all
    select 'key ' || indexname from pg_indexes where tablename in ('contacts', 'appointments')
    union all
    select 'label ' || enumlabel from pg_enum
    union all
    select 'function ' || proname from pg_proc where proname like 'booking%'
    union all
    select 'extension ' || extname from pg_extension
    """


async def test_the_plan_names_all_that_changes(each: str, conn: Connection) -> None:
    """Each column, default, key, label, table, function and extension that the adoption adds to
    what others write stands in it, and afterwards nothing is left to change; it writes nothing."""
    before, catalog = snapshot(each), {row[0] for row in await conn.fetch(CATALOG)}
    plan = await plan_adoption(conn)
    assert (plan.obstacles, plan.appointments, plan.active) == ((), 100, 100)
    assert snapshot(each) == before
    assert await adopt(conn) == []
    new = {row[0] for row in await conn.fetch(CATALOG)} - catalog
    made = {name.split()[1] for name in new if name.startswith("table ")}
    said = " ".join(plan.changes)
    for thing in new:
        kind, name = thing.split()[:2]
        table, _, column = name.partition(".")
        assert table in made or kind == "default" or (column or name) in said, thing
    assert ("default appointments.id" in new) == ("without an id" in said)
    assert "without a resource gets 'main'" in said
    assert all(f"table {name} closed" in new for name in made)
    assert (await plan_adoption(conn)).changes == ()


def test_the_command_plans(theirs: str) -> None:
    """With exit code 1 and what stands in the way, or with 0 and the command that adopts."""
    make(theirs, WITH_ORGANIZATIONS)
    psql(theirs, "-c", LATER, "-c", "update appointments set status = 'archived'")
    before = snapshot(theirs)
    done = run("schema", "--adopt", "--plan", "--resource", "Dr. Lee", database_url=theirs)
    assert done.returncode == 1
    assert "100 appointments to come have the status 'archived'" in done.stdout
    command = "booking-asgi schema --adopt --plan --ended archived\n"
    assert command in done.stdout
    planned = run(*command.split()[1:], database_url=theirs)
    assert planned.returncode == 0
    assert planned.stdout.endswith("    booking-asgi schema --adopt --ended archived\n")
    assert snapshot(theirs) == before
    assert run("schema", "--adopt", "--ended", "archived", database_url=theirs).returncode == 0
    # What was named once stays named.
    assert run("schema", "--adopt", database_url=theirs).returncode == 0
    psql(theirs, "-c", "update appointments set status = 'archived', duration_minutes = 600")


async def test_a_status_that_is_named_later(theirs: str, conn: Connection) -> None:
    """An adoption with it lets it in; one of ours is no status of others."""
    make(theirs, WITH_ORGANIZATIONS)
    await conn.execute(LATER)
    assert await adopt(conn, ended=["gone"]) == []
    archive = "update appointments set status = 'archived'"
    with pytest.raises(asyncpg.CheckViolationError):
        await conn.execute(archive)
    later = ["gone", "it's archived", "archived"]
    plan = await plan_adoption(conn, ended=later)
    assert plan.changes == ("The statuses archived, it's archived become allowed at any time",)
    assert await adopt(conn, ended=later) == []
    assert (await plan_adoption(conn)).changes == ()
    await conn.execute(archive)
    assert [what for what in await graves(conn) if what in PROMISED] == []
    with pytest.raises(InvalidRequest, match="confirmed is a status of ours"):
        await adopt(conn, ended=["confirmed"])


async def test_a_row_of_theirs_that_is_longer_than_ours(theirs: str, conn: Connection) -> None:
    """Ten hours are held for ten hours, and whoever asks again hears of them."""
    make(theirs, WITH_ORGANIZATIONS)
    assert await adopt(conn) == []
    clinic = await settle(conn)
    first = await book(conn, a_request(clinic))
    assert isinstance(first, Booked)
    await conn.execute(
        "update appointments set duration_minutes = 600 where id = $1", first.appointment_id
    )
    again = await book(conn, a_request(clinic))
    assert isinstance(again, Booked)
    assert (again.created, again.duration_minutes) == (False, 600)
    late = a_request(clinic, phone=a_caller(1), scheduled_at=SOON + timedelta(hours=9))
    assert isinstance(await book(conn, late), SlotTaken)


TABLES_OF_OTHERS = {
    "contacts alone": (CONTACTS, "contacts_org_email_idx"),
    "appointments alone": (APPOINTMENTS.replace(" references contacts (id)", ""), EXCL),
}


@pytest.mark.parametrize(("tables", "change"), TABLES_OF_OTHERS.values(), ids=TABLES_OF_OTHERS)
async def test_one_table_of_theirs(theirs: str, conn: Connection, tables: str, change: str) -> None:
    """`check` and `schema --apply` name the adoption, which makes the other table, closed to all
    but its owner."""
    await conn.execute(tables)
    checked = run("check", database_url=theirs)
    assert "schema --adopt --plan" in checked.stdout
    assert "--apply" not in checked.stdout
    applied = run("schema", "--apply", database_url=theirs)
    assert applied.returncode == 1
    assert "schema --adopt --plan" in applied.stderr
    plan = await plan_adoption(conn)
    assert plan.obstacles == ()
    assert "New tables are made: " in plan.changes[-1]
    assert change in " ".join(plan.changes)
    assert await adopt(conn) == []
    clinic = await a_clinic(conn)
    assert isinstance(await book(conn, a_request(clinic)), Booked)
    assert [what for what in await graves(conn) if what in PROMISED] == []


async def test_tables_that_are_not_where_they_are_looked_for(theirs: str, conn: Connection) -> None:
    """Behind a view or in another schema: `check` and the plan say where, and nothing is made."""
    await conn.execute(
        f"create schema crm; set search_path = crm; {CONTACTS} {APPOINTMENTS} reset search_path"
    )
    before = snapshot(theirs)
    for words in (["check"], ["schema", "--adopt", "--plan"], ["schema", "--adopt"]):
        done = run(*words, database_url=theirs)
        assert done.returncode == 1
        assert "crm.appointments" in done.stdout + done.stderr
        assert "set search_path = crm" in done.stdout + done.stderr
    assert snapshot(theirs) == before
    await conn.execute(
        "create view contacts as table crm.contacts;"
        "create view appointments as table crm.appointments"
    )
    for words in (["check"], ["schema", "--adopt", "--plan"], ["schema", "--adopt"]):
        done = run(*words, database_url=theirs)
        assert done.returncode == 1
        assert "appointments is a view" in done.stdout + done.stderr
    applied = run("schema", "--apply", database_url=theirs)
    assert applied.returncode == 1
    assert "schema --adopt --plan" in applied.stderr


async def test_a_table_of_the_name_of_ours(empty_url: str) -> None:
    """A clinic's application has services and events of its own: both stay, and ours are made in a
    schema beside them, once the printed SQL has run."""
    psql(empty_url, "-c", f"{CONTACTS} {APPOINTMENTS}")
    theirs = "create table services (id serial primary key, title text not null);"
    psql(empty_url, "-c", theirs + "insert into services (title) values ('Botox')")
    psql(empty_url, "-c", "create table events (id serial primary key, payload jsonb)")
    psql(empty_url, "-c", f"insert into contacts (org_id, phone) values ('{ORG}', '+15551234567')")
    async with connected(empty_url) as conn:
        found = await adopt(conn)
        assert [finding.what for finding in found] == ["events", "services"]
        user = await conn.fetchval("select current_user")
        await conn.execute(found[0].mend or "")
    try:
        async with connected(empty_url) as conn:
            assert await adopt(conn) == []
            clinic = await settle(conn)
            assert isinstance(await book(conn, a_request(clinic)), Booked)
            assert await conn.fetchval("select title from public.services") == "Botox"
            assert await conn.fetchval("select count(*) from public.events") == 0
            assert await conn.fetchval("select count(*) from booking.events") == 1
            assert await graves(conn) == []
    finally:
        name = urlsplit(empty_url).path[1:]
        psql(empty_url, "-c", f'alter role "{user}" in database "{name}" reset search_path')
