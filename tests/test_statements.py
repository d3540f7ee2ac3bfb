"""The files of `sql/`: each runs in asyncpg, psql and pgbench, and uses its indexes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from booking_asgi.command.postgres import find_programs
from booking_core import Connection, _statements, read_schema
from booking_core._statements import Statement
from booking_core.fitness import _statements as fitness
from tests.conftest import SCHEMA, a_database, connected, psql

SQL = SCHEMA.parent
STATEMENTS = [
    value
    for module in (_statements, fitness)
    for value in vars(module).values()
    if isinstance(value, Statement)
]
EACH = pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.name)
SAMPLES = {
    "org_id": "00000000-0000-4000-8000-000000000001",
    "contact_id": "00000000-0000-4000-8000-000000000002",
    "name": "Sam Wilson",
    "timezone": "America/New_York",
    "phone_region": "US",
    "resource": "main",
    "resources": "{main}",
    "ended": "{}",
    "token_sha256": "\\x00",
    "token_id": "6e340b9cffb3",
    "label": "first",
    "phone": "+15551234567",
    "email": "sam@test.com",
    "service_type": "Botox",
    "scheduled_at": "2027-03-01 14:00Z",
    "duration_minutes": "30",
    "idempotency_key": "k",
    "tables": "{contacts,appointments}",
    "zones": "{America/New_York}",
    "instants": "{2027-03-01 14:00Z}",
    "call_id": "c",
    "by_own_number": "true",
    "most_per_call": "4",
    "most_per_contact": "10",
    "index": "appointments_call_key",
    "tokens": "{}",
    "role": "nobody",
    "since": "2027-03-01 14:00Z",
    "until": "2027-03-08 00:00Z",
    "from_time": "12:00",
    "to_time": "17:00",
    "ignored_id": "00000000-0000-4000-8000-000000000003",
    "most": "3",
    "actor": "caller",
    "is_staff": "false",
    "appointment_id": "00000000-0000-4000-8000-000000000003",
    "status": "completed",
    "day": "2027-03-01",
    "weekdays": "{1,2}",
    "hours_weekdays": "{1,1}",
    "hours_opens": "{09:00,13:30}",
    "hours_closes": "{12:30,00:00}",
    "service": "Checkup",
    "buffer_before_minutes": "0",
    "buffer_after_minutes": "10",
    "slot_minutes": "15",
    "notice_minutes": "60",
    "closure_id": "00000000-0000-4000-8000-000000000004",
    "starts": "2027-12-25 00:00",
    "ends": "2027-12-26 00:00",
    "opens": "false",
    "note": "Christmas",
    "before": "2024-03-01 14:00Z",
    "prunes_appointments": "true",
    "prunes_contacts": "true",
}


def test_each_file_is_a_statement() -> None:
    """Each file is a statement of its name, and each statement has a file. Only schema and adopt
    are no statements."""
    files = {path.stem for path in (*SQL.glob("*.sql"), *SQL.glob("fitness/*.sql"))}
    assert files - {"adopt", "schema"} == {statement.name for statement in STATEMENTS}


@pytest.fixture(scope="module")
def own_url(server_url: str, template: str) -> Iterator[str]:
    """A database of this file's own: what a statement leaves in it harms no other one."""
    with a_database(server_url, template) as url:
        yield url


@EACH
def test_a_statement_says_what_it_promises(statement: Statement) -> None:
    """The first line has the name and the promise, so that pg_stat_activity shows which statement
    it is."""
    assert re.match(rf"-- {statement.name}: \S.*\n", statement.text)


@EACH
async def test_a_statement_prepares(conn: Connection, statement: Statement) -> None:
    """The server counts as many parameters as we do."""
    prepared = await conn.prepare(statement.text)
    assert len(prepared.get_parameters()) == len(statement.parameters)


@EACH
def test_a_statement_runs_in_psql(own_url: str, statement: Statement) -> None:
    """psql runs the file as it stands, with the parameters as its variables."""
    variables = [
        part for name in statement.parameters for part in ("-v", f"{name}='{SAMPLES[name]}'")
    ]
    psql(own_url, *variables, "-c", f"{ORGANIZATION}; {SET_UP}", "-f", str(path_of(statement)))


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
@EACH
def test_a_statement_runs_in_pgbench(own_url: str, statement: Statement, mode: str) -> None:
    """In each of its modes."""
    psql(own_url, "-c", f"{ORGANIZATION}; {SET_UP}")
    quote = "'{}'" if mode == "simple" else "{}"
    variables = [
        part
        for name in statement.parameters
        for part in ("-D", f"{name}={quote.format(SAMPLES[name])}")
    ]
    command = [str(find_programs() / "pgbench"), "-n", "-t", "2", "-M", mode, *variables]
    done = subprocess.run(
        [*command, "-f", str(path_of(statement)), own_url], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def path_of(statement: Statement) -> Path:
    return next(SQL.rglob(f"{statement.name}.sql"))


ORGANIZATION = f"""
insert into organizations (id, name, timezone, phone_region)
values ('{SAMPLES["org_id"]}', 'Clinic', 'UTC', 'US')
on conflict do nothing
"""

# What the statements before it left could stand in its way: a resource under its new name, for one.
SET_UP = f"""
delete from appointments;
delete from resources;
insert into resources values ('{SAMPLES["org_id"]}', '{SAMPLES["resource"]}');
insert into services (org_id, service, duration_minutes)
values ('{SAMPLES["org_id"]}', '{SAMPLES["service"]}', 30)
on conflict do nothing
"""


def test_a_contact_is_written_alike_with_and_without_a_booking() -> None:
    """The clauses of upsert_contact are those of the booking, and an email's fill gaps alike."""
    booking = " ".join((SQL / "book.sql").read_text().split())
    for assignment in assignments("touch_contact_by_email", "c set"):
        # The names of the columns are in a list there.
        assert assignment.partition(" = ")[2] in booking
    for assignment in assignments("upsert_contact", "do update set"):
        # The booking has a case for who may not replace.
        assert assignment.partition(" = ")[2] in booking


def assignments(name: str, clause: str) -> list[str]:
    text = re.sub(r"--.*", "", (SQL / f"{name}.sql").read_text()).partition(clause)[2]
    return [
        " ".join(line.split()) for line in re.split(r"\breturning\b|\bfrom\b", text)[0].split(",\n")
    ]


def test_the_probe_is_the_constraints_range() -> None:
    """A free resource is looked for in the words of the exclusion constraint."""
    schema = read_schema()
    expression = re.search(r"booking_span\(.*\)(?= with &&)", schema)
    assert expression is not None
    assert expression[0] in (SQL / "book.sql").read_text().replace("a.", "")


def test_what_is_outside_is_what_book_refuses() -> None:
    """Whether an appointment is outside of the hours is asked in the words of a booking, and so is
    whether it can be moved."""
    booking, listing = (
        " ".join((SQL / f"{name}.sql").read_text().split()) for name in ("book", "list_outside")
    )
    asked = re.search(
        r"else (coalesce\( -- An extra opening .*? 'open' \)) end as openness", booking
    )
    assert asked is not None
    assert asked[1].replace(":scheduled_at", "a.scheduled_at") + " as openness" in listing
    moving = " ".join((SQL / "move_appointment.sql").read_text().split())
    assert asked[0] in moving


def test_who_may_change_what_is_one_rule() -> None:
    """To find, to cancel and to move an appointment are allowed in the same words."""
    rules = {
        name: re.search(r"\nwith held as \(\n.*?\n\)", (SQL / f"{name}.sql").read_text(), re.DOTALL)
        for name in ("find_appointments", "cancel_appointment", "move_appointment")
    }
    assert None not in rules.values()
    assert len({rule[0] for rule in rules.values() if rule}) == 1


APPOINTMENTS = [
    "appointments_resource_excl",
    "appointments_idempotency_key",
    "appointments_contact_start_key",
    "appointments_call_key",
    "resources_pkey",
    "contacts_pkey",
    "uq_contacts_org_phone",
    "opening_hours_pkey",
    "service_resources_pkey",
    "exceptions_org_end_idx",
]
HELD = ["uq_contacts_org_phone", "appointments_call_key", "appointments_pkey"]


@pytest.mark.parametrize(
    ("name", "indexes"),
    [
        ("book", APPOINTMENTS),
        ("find_appointments", HELD),
        ("cancel_appointment", [*HELD, "events_call_idx", "appointments_start_idx"]),
        (
            "move_appointment",
            [*HELD, "appointments_resource_excl", "appointments_contact_start_key"],
        ),
        ("list_day", ["appointments_start_idx"]),
        ("find_organization_by_token", ["vapi_credentials_pkey"]),
        ("insert_contact_by_email", ["contacts_org_email_idx"]),
        ("touch_contact_by_email", ["contacts_org_email_idx", "contacts_pkey"]),
    ],
)
async def test_a_plan_uses_its_indexes(
    populated: Connection, name: str, indexes: list[str]
) -> None:
    """On a database that is large enough for the planner to care, no statement reads a table as a
    whole."""
    statement = getattr(_statements, name.upper())
    values = ", ".join(f"'{SAMPLES[parameter]}'" for parameter in statement.parameters)
    await populated.execute("set local plan_cache_mode = force_generic_plan")
    await populated.execute(f"prepare planned as {statement.text}")
    plan = "\n".join(row[0] for row in await populated.fetch(f"explain execute planned ({values})"))
    await populated.execute("deallocate planned")
    assert [index for index in indexes if index not in plan] == [], plan
    assert "Seq Scan on" not in plan, plan


async def test_a_plan_is_kept(url: str) -> None:
    """A busy clinic does not have each booking planned anew, which takes longer than to book."""
    statement = _statements.BOOK
    values = ", ".join(f"'{SAMPLES[parameter]}'" for parameter in statement.parameters)
    async with connected(url) as conn:
        await conn.execute(ORGANIZATION)
        await conn.execute(BUSY, SAMPLES["org_id"])
        await conn.execute("analyze contacts, appointments")
        await conn.execute(f"prepare kept as {statement.text}")
        for _ in range(8):
            await conn.execute(f"execute kept ({values})")
        plans = "select generic_plans, custom_plans from pg_prepared_statements where name = 'kept'"
        assert tuple(await conn.fetchrow(plans) or ()) == (3, 5)


BUSY = """
with clinic as (select $1::uuid as id),
     main as (insert into resources select id, 'main' from clinic),
     contact as (
       insert into contacts (org_id, phone)
       select id, '+1555' || 1000000 + n from clinic, generate_series(1, 5000) n
       returning org_id, id
     )
insert into appointments (org_id, contact_id, resource, service_type, scheduled_at)
select org_id, id, 'main', 's',
       timestamptz '2017-01-01Z' + row_number() over () * interval '30 min'
from contact
"""


@pytest.fixture
async def populated(conn: Connection) -> Connection:
    """2,000 organizations of two resources, 10,000 contacts and as many appointments and events."""
    await conn.execute(
        """
        insert into organizations (name, timezone, phone_region)
        select 'o' || n, 'UTC', 'US' from generate_series(1, 2000) n;
        insert into resources select id, r from organizations, unnest(array['a', 'b']) r;
        insert into opening_hours
        select org_id, resource, day, '09:00', '17:00' from resources, generate_series(1, 5) day;
        insert into services (org_id, service, duration_minutes)
        select id, 'Cleaning ' || n, 30 from organizations, generate_series(1, 3) n;
        insert into service_resources select org_id, service, 'a' from services;
        insert into exceptions (org_id, during)
        select id, tsrange(d, d + interval '1 day')
        from organizations, generate_series(timestamp '2026-01-01', '2027-12-31', '60 days') d;
        insert into contacts (org_id, phone, email, name)
        select o.id, '+1555' || 1000000 + n, 'p' || n || '@test.com', 'p' || n
        from organizations o, generate_series(1, 5) n;
        insert into appointments
          (org_id, contact_id, resource, service_type, scheduled_at, attendee_name)
        select org_id, id, 'a', 's',
               timestamptz '2027-01-01Z'
               + row_number() over (partition by org_id) * interval '30 min',
               name
        from contacts;
        insert into events (org_id, type, appointment_id, actor, call_id, data)
        select org_id, 'booked', id, 'caller', id::text, '{}' from appointments;
        insert into vapi_credentials (token_sha256, org_id)
        select sha256(id::text::bytea), id from organizations;
        analyze organizations, resources, contacts, appointments, events, vapi_credentials;
        """
    )
    return conn


def test_the_sql_by_hand(url: str) -> None:
    """The page's commands run in a shell as they stand. Whoever chooses the text chooses no SQL."""
    page = (SQL.parent / "docs" / "how-to" / "run-the-sql-by-hand.md").read_text()
    [shown] = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    psql(
        url,
        "-c",
        "insert into organizations (name, timezone, phone_region) values ('o', 'UTC', 'US');"
        "insert into resources select id, 'main' from organizations;"
        "insert into contacts (org_id, email) select id, 'o''neill@test.com' from organizations;"
        "insert into appointments (org_id, contact_id, resource, service_type, scheduled_at)"
        " select org_id, id, 'main', 'x', now() from contacts",
    )
    org, appointment = psql(url, "-c", "select org_id, id from appointments").split("|")
    given = {"ORG": org, "EMAIL": "O'Neill@test.com", "APPOINTMENT": appointment}
    done = subprocess.run(
        ["sh", "-ec", shown],
        env={"PATH": f"{find_programs()}:/usr/bin:/bin", "DATABASE_URL": url, **given},
        cwd=SQL.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "UPDATE 1" in done.stdout and done.stderr == ""
    assert psql(url, "-c", "select status from appointments") == "cancelled"
    assert psql(url, "-c", "select lead_status from contacts") == "contacted"
