"""Each mistake of a schema, made on purpose: it is found, and its mend ends it."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from booking_core import (
    Connection,
    Finding,
    Organization,
    _statements,
    book,
    grant_role,
    preflight,
)
from booking_core._statements import Statement
from booking_core.fitness._statements import NAME_RESOURCES
from booking_core.fitness.preflight import SAMPLE, SERVING, SETTING_UP
from tests.conftest import SCHEMA, connected, count, psql
from tests.support.commands import BOOK, complaint, free_port, run, served
from tests.support.factories import TOKEN, a_clinic, a_request, arguments

KEY, EXCL = "uq_contacts_org_phone", "appointments_resource_excl"
START, REPEAT = "appointments_contact_start_key", "appointments_idempotency_key"
CALL = "appointments_call_key"
NO_KEY = f"alter table contacts drop constraint {KEY};"
NO_EXCL = f"alter table appointments drop constraint {EXCL};"
SUPERUSER = (
    "note superuser: This role is a superuser, whom nothing in the database holds back:"
    " serve as a role of its own, after booking-asgi schema --grant ROLE\n"
)
KEYLESS = "alter table {} drop constraint {}_org_fkey;"


def add(name: str, rule: str, table: str = "contacts") -> str:
    return f"alter table {table} add constraint {name} {rule}"


def invalid(index: str) -> str:
    """As a CREATE INDEX CONCURRENTLY leaves it that failed."""
    return f"update pg_index set indisvalid = false where indexrelid = '{index}'::regclass"


KEYS = [
    (NO_KEY, KEY, "error"),
    (
        f"{NO_KEY} create unique index {KEY} on contacts (org_id, phone) where phone > ''",
        KEY,
        "error",
    ),
    (
        f"{NO_KEY} create unique index theirs on contacts (org_id, phone) where phone is not null",
        KEY,
        "error",
    ),
    (f"{NO_KEY} {add(KEY, 'unique (org_id, phone, email)')}", KEY, "error"),
    (f"{NO_KEY} {add(KEY, 'unique (org_id, email)')}", KEY, "error"),
    (f"{NO_KEY} {add(KEY, 'unique (org_id, phone) deferrable')}", KEY, "error"),
    (add("theirs", "unique (org_id, phone) deferrable"), KEY, "error"),
    (f"{NO_KEY} create index {KEY} on contacts (org_id, phone)", KEY, "error"),
    (invalid(KEY), KEY, "error"),
    (f"{NO_KEY} {add(KEY, 'unique nulls not distinct (org_id, phone)')}", KEY, "warning"),
    (NO_EXCL, EXCL, "warning"),
    (
        f"{NO_EXCL} alter table appointments add constraint {EXCL}"
        " exclude using gist (org_id with =, resource with =)",
        EXCL,
        "warning",
    ),
    (f"drop index {START}", START, "warning"),
    (invalid(START), START, "warning"),
    (
        f"drop index {START}; create unique index {START} on appointments"
        " (org_id, contact_id, scheduled_at, lower(coalesce(attendee_name, '')))",
        START,
        "warning",
    ),
    (f"drop index {REPEAT}", REPEAT, "warning"),
    (invalid(REPEAT), REPEAT, "warning"),
    (f"drop index {CALL}", CALL, "warning"),
    (invalid(CALL), CALL, "warning"),
    (
        f"drop index {CALL}; create unique index {CALL} on appointments (org_id, call_id)"
        " where status in ('pending', 'confirmed') and call_id is not null",
        CALL,
        "warning",
    ),
    # Something else has the name.
    (f"drop index {CALL}; create index {CALL} on contacts (org_id)", CALL, "warning"),
    (f"drop index {CALL}; create view {CALL} as select 1 as one", CALL, "warning"),
    (f"drop index {START}; create table {START} (id int)", START, "warning"),
    (
        f"{NO_EXCL} alter table appointments add constraint {EXCL} check (service_type <> '')",
        EXCL,
        "warning",
    ),
    (
        f"{NO_EXCL} alter table appointments add constraint {EXCL} unique (org_id, id, resource)",
        EXCL,
        "warning",
    ),
    (
        # As an older release had it: the buffers are not heeded.
        f"{NO_EXCL} alter table appointments add constraint {EXCL} exclude using gist (org_id with"
        " =, tsrange(scheduled_at at time zone 'UTC', (scheduled_at at time zone 'UTC') +"
        " make_interval(mins => coalesce(duration_minutes, 30))) with &&, resource with =)"
        " where (status in ('pending', 'confirmed'))",
        EXCL,
        "warning",
    ),
    (
        f"drop index {REPEAT}; alter table appointments add constraint {REPEAT}"
        " unique (org_id, idempotency_key) deferrable",
        REPEAT,
        "error",
    ),
    (add("theirs", "unique (scheduled_at)", "appointments"), "theirs", "warning"),
    (add("theirs", "unique (scheduled_at, id) deferrable", "appointments"), "theirs", "error"),
    (add("theirs", "unique (phone)"), "theirs", "warning"),
]
CHECKS = [
    (add("named", "check (name <> 'Unknown')"), "named", "warning"),
    (add('"It\'s named"', "check (name <> 'Unknown')"), '"It\'s named"', "warning"),
    (add("known", "check (lead_status in ('hot', 'warm', 'cold'))"), "known", "error"),
    (add("reached", "check (email is not null)"), "reached", "warning"),
    (add("digits", "check (phone ~ '^[0-9]+$')"), "digits", "warning"),
    (add("settled", "check (status <> 'confirmed')", "appointments"), "settled", "error"),
    (
        "alter table contacts add source text; " + add("known", "check (source is not null)"),
        "known",
        "error",
    ),
]
COLUMNS = [
    ("alter table contacts drop last_contact_at", "contacts.last_contact_at", "error"),
    (
        "alter table contacts rename last_contact_at to last_contacted_at",
        "contacts.last_contact_at",
        "error",
    ),
    ("alter table contacts drop email", "contacts.email", "error"),
    ("alter table contacts alter email set not null", "contacts.email", "warning"),
    ("alter table contacts alter phone set not null", "contacts.phone", "warning"),
    (
        "create domain given as text not null; alter table contacts alter email type given",
        "contacts.email",
        "warning",
    ),
    ("alter table contacts alter phone type varchar(15)", "contacts.phone", "warning"),
    ("alter table contacts alter name type varchar(50)", "contacts.name", "note"),
    (
        "create domain short as char(32); alter table appointments add key short;"
        " alter table appointments drop idempotency_key;"
        " alter table appointments rename key to idempotency_key",
        "appointments.idempotency_key",
        "error",
    ),
    ("alter table contacts add source text not null", "contacts.source", "error"),
    ("alter table contacts alter id drop default", "contacts.id", "error"),
    ("alter table contacts alter last_contact_at type date", "contacts.last_contact_at", "error"),
    ("alter table contacts alter phone type bigint using phone::bigint", "contacts.phone", "error"),
    (
        f"{KEYLESS.format('contacts', 'contacts')} alter table appointments drop constraint"
        " appointments_contact_fkey; alter table contacts alter org_id type text",
        "contacts.org_id",
        "error",
    ),
    (
        "alter table appointments drop constraint appointments_contact_fkey;"
        " alter table contacts alter id drop default, alter id type text",
        "contacts.id",
        "error",
    ),
    (
        "alter table appointments drop constraint appointments_contact_fkey;"
        " alter table appointments alter contact_id type text",
        "appointments.contact_id",
        "error",
    ),
    (
        f"{NO_EXCL} alter table appointments alter scheduled_at type timestamp",
        "appointments.scheduled_at",
        "error",
    ),
    (
        "alter table appointments drop duration_minutes cascade",
        "appointments.duration_minutes",
        "error",
    ),
    ("alter table organizations drop phone_region", "organizations.phone_region", "error"),
    ("alter table appointments drop call_id", "appointments.call_id", "error"),
    ("alter table appointments drop call_nth", "appointments.call_nth", "error"),
    ("alter table appointments drop attendee_given", "appointments.attendee_given", "error"),
    ("alter table appointments drop by_own_number", "appointments.by_own_number", "error"),
    (
        "alter table appointments drop buffer_before_minutes cascade",
        "appointments.buffer_before_minutes",
        "error",
    ),
    (
        "alter table appointments alter buffer_after_minutes drop not null",
        "appointments.buffer_after_minutes",
        "error",
    ),
    (
        "alter table appointments alter by_own_number drop not null",
        "appointments.by_own_number",
        "warning",
    ),
    (
        "alter table appointments alter attendee_given drop default,"
        " alter attendee_given type integer using attendee_given::integer",
        "appointments.attendee_given",
        "error",
    ),
    ("drop function booking_span cascade", "functions", "error"),
    ("drop function booking_fold cascade", "functions", "error"),
    ("drop extension btree_gist cascade", "btree_gist", "warning"),
]
ROWS = [
    (
        "insert into organizations values (gen_random_uuid(), '', 'UTC', 'US')",
        "resources",
        "warning",
    ),
    (
        "with o as ("
        "insert into organizations values (gen_random_uuid(), '', 'UTC', 'US') returning id)"
        " insert into contacts (org_id, phone) select id, '+1 (555) 123-4567' from o",
        "phones",
        "warning",
    ),
]
TABLE = [*KEYS, *CHECKS, *COLUMNS, *ROWS]


def found(findings: list[Finding], what: str) -> Finding:
    [finding] = [finding for finding in findings if finding.what == what]
    return finding


def grave(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity != "note"]


async def test_a_clean_schema_has_no_fault(conn: Connection, clinic: Organization) -> None:
    """A new database has no error, no warning, and one suggestion, with a booking in it too."""
    await book(conn, a_request(clinic))
    assert [finding.what for finding in await preflight(conn)] == [
        "statement_timeout",
        "superuser",
        "opening_hours",
    ]


@pytest.mark.parametrize(("sabotage", "what", "severity"), TABLE, ids=lambda text: str(text)[:60])
async def test_a_mistake_is_found(
    conn: Connection, sabotage: str, what: str, severity: str
) -> None:
    """By its name, as an error where something can't work, and its mend ends it."""
    await conn.execute(sabotage)
    finding = found(await preflight(conn), what)
    assert (finding.severity, finding.problem.count("\n")) == (severity, 0)
    assert finding.mend is not None
    await conn.execute(finding.mend)
    assert what not in [finding.what for finding in await preflight(conn)]


@pytest.mark.parametrize(("sabotage", "what", "severity"), TABLE, ids=lambda text: str(text)[:60])
async def test_all_mends_together_leave_a_clean_database(
    conn: Connection, sabotage: str, what: str, severity: str
) -> None:
    """Those of one look, worst first; at most a second look is needed for what hid behind."""
    await conn.execute(sabotage)
    for _ in range(2):
        for finding in grave(await preflight(conn)):
            if finding.mend is not None:
                async with conn.transaction():
                    await conn.execute(finding.mend)
    assert grave(await preflight(conn)) == []


@pytest.mark.parametrize("key", ["(org_id, email)", "(email)"])
async def test_a_key_on_email_is_a_note(conn: Connection, key: str) -> None:
    """It works, with what is said of it: nobody is told to drop it."""
    await conn.execute(f"create unique index theirs on contacts {key}")
    note = found(await preflight(conn), "theirs")
    assert (note.severity, note.mend) == ("note", None)
    assert "booked without it" in note.problem


@pytest.mark.parametrize(("column", "value"), [("timezone", "Asia/Tokyo"), ("phone_region", "JP")])
async def test_an_organization_without_a_zone_or_a_region(
    url: str, column: str, value: str
) -> None:
    """It is named, and its mend runs as it stands, and mends with the value put in."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn)
        await conn.execute(f"update organizations set {column} = 'QQ'")
        finding = found(await preflight(conn), f"organizations.{column}")
        assert finding.severity == "warning"
        assert str(clinic.id) in finding.problem
        psql(url, "-c", finding.mend or "")
        again = found(await preflight(conn), f"organizations.{column}").mend or ""
        psql(url, "-c", re.sub("'(Region/City|XX)'", f"'{value}'", again))
        assert grave(await preflight(conn)) == []


async def test_odd_phones_are_counted_and_named_by_id(
    conn: Connection, clinic: Organization
) -> None:
    """The finding names at most twenty ids, and nobody's phone."""
    await conn.execute(
        "insert into contacts (org_id, phone)"
        " select $1, '555000' || n from generate_series(1, 30) n",
        clinic.id,
    )
    finding = found(await preflight(conn), "phones")
    assert "30 contacts" in finding.problem
    assert len(re.findall(r"[0-9a-f-]{36}", finding.problem)) == 20
    assert "555000" not in finding.problem


@pytest.fixture
async def role(conn: Connection) -> str:
    """The session's role now: one that may do what `serve` does, and no more."""
    await conn.execute("create role booking_serving")
    assert await grant_role(conn, "booking_serving") == []
    await conn.execute("set local role booking_serving")
    return "booking_serving"


async def mend_as_owner(conn: Connection, finding: Finding, role: str) -> None:
    assert finding.mend is not None
    await conn.execute(f"set local role none; {finding.mend} set local role {role}")


async def test_a_role_that_only_serves_is_enough(conn: Connection, role: str) -> None:
    """A role that can't set up organizations gets a note, and no error."""
    findings = await preflight(conn)
    assert grave(findings) == []
    assert any("add_organization" in finding.what for finding in findings)


@pytest.mark.parametrize(
    ("privilege", "table"),
    [
        ("insert", "contacts"),
        ("update", "contacts"),
        ("insert", "appointments"),
        ("update", "appointments"),
        ("select", "appointments"),
        ("select", "vapi_credentials"),
        ("all", "resources"),
    ],
)
async def test_a_missing_privilege_is_an_error(
    conn: Connection, role: str, privilege: str, table: str
) -> None:
    """Named by its table, with the grant."""
    await conn.execute(
        f"set local role none; revoke {privilege} on {table} from {role}; set local role {role}"
    )
    finding = found(await preflight(conn), f"grants on {table}")
    assert finding.severity == "error"
    await mend_as_owner(conn, finding, role)
    assert grave(await preflight(conn)) == []


@pytest.mark.parametrize("function", ["booking_fold", "booking_span"])
async def test_a_function_that_may_not_be_called_is_an_error(
    conn: Connection, role: str, function: str
) -> None:
    """Named, with the grant."""
    await conn.execute(
        f"set local role none; revoke execute on function {function} from public;"
        f" set local role {role}"
    )
    finding = found(await preflight(conn), f"grants on {function}")
    assert finding.severity == "error"
    await mend_as_owner(conn, finding, role)
    assert grave(await preflight(conn)) == []


async def test_a_role_without_any_right_is_told_so(conn: Connection) -> None:
    """Nothing can be read, and yet each table is named."""
    await conn.execute("create role booking_stranger; set local role booking_stranger")
    whats = {finding.what for finding in grave(await preflight(conn))}
    assert {"grants on contacts", "grants on appointments", "grants on resources"} <= whats


@pytest.mark.parametrize(
    ("policy", "severity"),
    [
        ("", "error"),
        ("create policy theirs on contacts to session_user using (true);", "error"),
        ("create policy theirs on contacts for select using (true);", "error"),
        (
            "create policy theirs on contacts"
            " using (org_id = nullif(current_setting('app.org', true), '')::uuid);",
            "warning",
        ),
    ],
)
async def test_a_policy_that_hides_rows(
    conn: Connection, role: str, policy: str, severity: str
) -> None:
    """An error where no policy gives the role its rows, a warning where one may not."""
    await conn.execute(
        f"set local role none; drop policy booking_{role} on contacts;"
        f"{policy} set local role {role}"
    )
    finding = found(await preflight(conn), "row security on contacts")
    assert finding.severity == severity
    await mend_as_owner(conn, finding, role)
    assert grave(await preflight(conn)) == []


async def test_a_restrictive_policy_is_named(conn: Connection, role: str) -> None:
    """No other policy gives back what it takes, so that there is no mend."""
    await conn.execute(
        """
        set local role none;
        create policy few on contacts as restrictive using (phone like '+1%');
        set local role booking_serving
        """
    )
    finding = found(await preflight(conn), "row security on contacts")
    assert (finding.severity, finding.mend) == ("warning", None)
    assert "few" in finding.problem


async def test_a_database_that_is_read_only(url: str) -> None:
    """An error, whose mend holds for the next connection."""
    database = url.rpartition("/")[2]
    psql(url, "-c", f"alter database {database} set default_transaction_read_only = on")
    async with connected(url) as conn:
        finding = found(await preflight(conn), "read-only")
        assert finding.severity == "error"
        await conn.execute(f"begin read write; {finding.mend} commit")
    async with connected(url) as conn:
        assert grave(await preflight(conn)) == []


async def test_a_timeout_of_the_role_ends_the_note(url: str) -> None:
    """A timeout of the role ends the note, for the next connection."""
    async with connected(url) as conn:
        note = found(await preflight(conn), "statement_timeout")
        assert note.severity == "note"
        await conn.execute(note.mend or "")
    async with connected(url) as conn:
        assert "statement_timeout" not in {finding.what for finding in await preflight(conn)}


async def test_a_label_that_an_enum_lacks(conn: Connection) -> None:
    """The plan of the statements tells: it names the label, and which of them can't run."""
    await conn.execute(
        """
        create type lead as enum ('new', 'hot');
        alter table contacts alter lead_status drop default;
        alter table contacts alter lead_status type lead using 'new';
        """
    )
    [finding] = grave(await preflight(conn))
    assert "book" in finding.what
    assert '"contacted"' in finding.problem


async def test_other_spellings_are_no_fault(conn: Connection) -> None:
    """A key of another name, order or type, an INCLUDE: nobody complains of what works."""
    await conn.execute(
        f"""
        {NO_KEY}
        create unique index theirs on contacts (phone, org_id) include (name);
        drop index {START}, {REPEAT}, {CALL};
        alter table appointments drop constraint {EXCL}, drop constraint appointments_status_check;
        alter table appointments alter attendee_name type varchar(200);
        create type state as enum ('pending', 'confirmed', 'cancelled', 'completed', 'no_show');
        alter table appointments alter status drop default, alter status type state using 'pending';
        """
    )
    for finding in grave(await preflight(conn)):
        await conn.execute(finding.mend or "")
    assert grave(await preflight(conn)) == []


async def test_a_check_of_ones_own_that_can_be_met(conn: Connection) -> None:
    """One that a default meets, that a caller can meet, or that nothing is known of."""
    await conn.execute(
        """
        alter table contacts add source text default 'phone' check (source is not null);
        alter table contacts add check (last_contact_at <= now());
        alter table contacts add check (coalesce(phone, email) is not null);
        alter table appointments add check (extract(isodow from scheduled_at) < 6);
        alter table appointments add check (duration_minutes in (15, 45));
        """
    )
    assert grave(await preflight(conn)) == []


async def test_nothing_is_written(conn: Connection, clinic: Organization) -> None:
    """Not a row, nor by a function in a CHECK; on a database of its own not even an xid is used."""
    await conn.execute(
        """
        create table seen (n int);
        create function writes(text) returns boolean language plpgsql
        as $$ begin insert into seen values (1); return true; end $$;
        alter table contacts add check (writes(name));
        """
    )
    assert grave(await preflight(conn)) == []
    assert await count(conn, "seen") == 0
    assert await conn.fetchval("show transaction_read_only") == "off"
    await conn.execute("insert into seen values (2)")


async def test_no_transaction_id_is_used(url: str) -> None:
    """In the caller's transaction: whatever writes gets one, so nothing was written or locked."""
    psql(url, "-c", NO_KEY)
    async with connected(url) as conn, conn.transaction():
        assert KEY in {finding.what for finding in await preflight(conn)}
        assert await conn.fetchval("select pg_current_xact_id_if_assigned()::text") is None
        locks = "select count(*) from pg_locks where pid = pg_backend_pid() and mode like 'RowE%'"
        assert await conn.fetchval(locks) == 0


async def test_the_callers_transaction_stays_usable(conn: Connection, clinic: Organization) -> None:
    """What failed in it is undone: the caller books on, at any isolation level."""
    await conn.execute("alter table vapi_credentials rename token_sha256 to hash")
    assert grave(await preflight(conn)) != []
    await book(conn, a_request(clinic))
    assert await count(conn, "appointments") == 1


async def test_a_fresh_connection_is_left_as_it_was(url: str) -> None:
    async with connected(url) as conn:
        await preflight(conn)
        assert not conn.is_in_transaction()
        await a_clinic(conn)


async def test_tables_of_which_some_are_missing(conn: Connection) -> None:
    """They are named beside what the others lack."""
    await conn.execute(f"drop table vapi_credentials; {NO_KEY}")
    findings = await preflight(conn)
    assert "vapi_credentials" in found(findings, "tables").problem
    assert found(findings, KEY).severity == "error"


def test_each_statement_is_planned() -> None:
    """Each statement is planned with a sample of each parameter, so that a new one is planned
    too."""
    statements = {value for value in vars(_statements).values() if isinstance(value, Statement)}
    assert statements == {*SERVING, *SETTING_UP} - {NAME_RESOURCES}
    assert {name for one in statements for name in one.parameters} <= set(SAMPLE)


def check_as_json(url: str) -> list[dict[str, str]]:
    listed: list[dict[str, str]] = json.loads(run("check", "--json", database_url=url).stdout)
    return listed


@pytest.fixture
def quiet(url: str) -> str:
    """A database of which there is nothing to say, but that a superuser asks."""
    database = url.rpartition("/")[2]
    for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
        psql(url, "-c", f"alter database {database} set {setting} = '30s'")
    return url


def test_check_of_a_clean_database(quiet: str) -> None:
    done = run("check", database_url=quiet)
    assert (done.returncode, done.stdout, complaint(done)) == (0, SUPERUSER, "")
    assert [one["what"] for one in check_as_json(quiet)] == ["superuser"]


@pytest.mark.parametrize(
    ("options", "noted"),
    [
        ("encoding 'SQL_ASCII' locale 'C' locale_provider libc", True),
        ("encoding 'UTF8' locale 'C' locale_provider libc", True),
        ("encoding 'UTF8' locale 'C.UTF-8' locale_provider libc", False),
        ("encoding 'LATIN1' locale 'C' locale_provider libc", True),
    ],
)
async def test_names_that_are_folded_in_ascii_only(
    server_url: str, options: str, noted: bool
) -> None:
    """A note, where the encoding or the collation has no more."""
    async with connected(server_url) as conn:
        name = f"booking_test_{secrets.token_hex(4)}"
        await conn.execute(f"create database {name} template template0 {options}")
    url = urlsplit(server_url)._replace(path=f"/{name}").geturl()
    try:
        psql(url, "-f", str(SCHEMA))
        async with connected(url) as conn:
            whats = [finding.what for finding in await preflight(conn)]
        assert ("folding" in whats) == noted
    finally:
        async with connected(server_url) as conn:
            await conn.execute(f"drop database {name} with (force)")


def test_check_of_tables_that_are_to_be_adopted(empty_url: str) -> None:
    """Where there are contacts and appointments already, `schema --apply` would fail halfway."""
    psql(empty_url, "-c", "create table contacts (id uuid); create table appointments (id uuid)")
    done = run("check", database_url=empty_url)
    assert done.returncode == 1
    assert "schema --adopt" in done.stdout
    assert "schema --apply" not in done.stdout


def test_check_of_a_suggestion_is_success(url: str) -> None:
    done = run("check", database_url=url)
    assert done.returncode == 0
    note = r"note statement_timeout: .+\n    alter role .+;\n"
    assert re.fullmatch(note + re.escape(SUPERUSER), done.stdout)


def test_check_of_a_missing_guarantee(quiet: str) -> None:
    """Exit code 2, and the SQL, which ends it."""
    psql(quiet, "-c", NO_EXCL)
    done = run("check", database_url=quiet)
    assert done.returncode == 2
    head, _, mend = done.stdout.partition("\n")
    assert head.startswith(f"warning {EXCL}: ")
    psql(quiet, "-c", mend.removesuffix(SUPERUSER))
    assert run("check", database_url=quiet).returncode == 0


def test_check_as_json(quiet: str) -> None:
    """The same findings with the same exit code."""
    psql(quiet, "-c", NO_KEY)
    done = run("check", "--json", database_url=quiet)
    assert done.returncode == 1
    listed = json.loads(done.stdout)
    assert [set(one) for one in listed] == [{"what", "severity", "problem", "mend"}] * 3
    psql(quiet, *(part for one in listed if one["mend"] for part in ("-c", one["mend"])))
    assert run("check", database_url=quiet).stdout == SUPERUSER


def test_check_of_a_database_without_tables(empty_url: str) -> None:
    done = run("check", database_url=empty_url)
    assert done.returncode == 1
    assert "schema --apply" in done.stdout


def test_8_check_had_said_so(quiet: str) -> None:
    """Without uq_contacts_org_phone `check` fails and `serve` refuses; mended, it is clean."""
    psql(quiet, "-c", NO_KEY)
    checked = run("check", database_url=quiet)
    assert checked.returncode == 1
    assert f"error {KEY}: " in checked.stdout
    mend = f"alter table contacts add constraint {KEY} unique (org_id, phone);"
    assert f"    {mend}\n" in checked.stdout
    served = run("serve", port=free_port(), database_url=quiet)
    assert (served.returncode, served.stdout) == (1, "")
    assert f"Error: {KEY}: " in served.stderr
    assert f"    {mend}\n" in served.stderr
    psql(quiet, "-c", mend)
    assert run("check", database_url=quiet).returncode == 0


def test_serve_goes_on_where_a_guarantee_is_missing(quiet: str, folder: Path) -> None:
    """It says so in a warning line, and takes bookings."""
    psql(quiet, "-c", f"drop index {REPEAT}")
    asyncio.run(add_clinic(quiet))
    with served(folder, database_url=quiet, log_format="json") as serving:
        headers = {"X-Vapi-Secret": TOKEN}
        reply = httpx.post(serving.base + BOOK, json=arguments(), headers=headers)
        _, *logged = serving.output().splitlines()  # the first line names the database
    assert reply.status_code == 200
    lines = map(json.loads, logged)
    [warning] = [line for line in lines if "Preflight" in line["event"]]
    assert (warning["level"], warning["what"]) == ("warning", REPEAT)
    assert warning["mend"].startswith(f"create unique index {REPEAT}")


async def add_clinic(url: str) -> None:
    async with connected(url) as conn:
        await a_clinic(conn, token=TOKEN)
