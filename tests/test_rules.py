"""What an appointment may lack or have: `check` looks at what the tables let in, not at names."""

from __future__ import annotations

import asyncpg
import pytest

from booking_core import Connection, Finding, Organization, book, preflight
from booking_core.fitness.rules import RULES
from booking_core.fitness.statuses import literals
from tests.support import servers
from tests.support.factories import a_request

RESOURCE, START, LENGTH, STATUS = (rule.name for rule in RULES)
OURS = "'pending', 'confirmed', 'cancelled', 'completed', 'no_show'"
NO_CHECK = f"alter table appointments drop constraint {STATUS};"
# Without what depends on the column's type.
BARE = """
    alter table appointments drop constraint appointments_status_check,
      drop constraint appointments_resource_excl;
    drop index appointments_contact_start_key, appointments_call_key, appointments_idempotency_key;
    alter table appointments alter status drop default;
    """


def add(rule: str, name: str = "own") -> str:
    return f"{NO_CHECK} alter table appointments add constraint {name} check ({rule})"


def typed(definition: str, type: str = "state") -> str:
    change = f"alter table appointments alter status type {type} using status::{type}"
    return f"{BARE} {definition}; {change}"


HOLES = [
    (NO_CHECK, STATUS, "'scheduled'"),
    (add(f"status in ({OURS}, 'scheduled')", STATUS), STATUS, "'scheduled'"),
    (add("status <> ''", STATUS), STATUS, "'"),
    (add(f"lower(status) in ({OURS})"), STATUS, "'"),
    (add(f"status in ({OURS}) or status like 'x-%'"), STATUS, "'x-"),
    (add("status ~ '^[a-z_]+$'"), STATUS, "'scheduled'"),
    (add("length(status) <= 9"), STATUS, "'"),
    (add("status = any ('{pending,confirmed,cancelled,moved}')"), STATUS, "'moved'"),
    (add("status ~ '^(pending|confirmed|cancelled|moved)$'"), STATUS, "'moved'"),
    # It proves nothing where another column has another value.
    (add(f"status in ({OURS}) or service_type = 'import'"), STATUS, "'"),
    (add(f"status in ({OURS}) or duration_minutes > 60"), STATUS, "'"),
    ("alter table appointments alter status drop not null", STATUS, "NULL"),
    ("alter table appointments alter resource drop not null", RESOURCE, "NULL"),
    ("alter table appointments alter scheduled_at drop not null", START, "NULL"),
    ("alter table appointments drop constraint appointments_duration_minutes_check", LENGTH, "'0'"),
    (
        f"{NO_CHECK} alter table appointments add constraint {STATUS}"
        f" check (status in ({OURS})) not valid",
        STATUS,
        "Old rows",
    ),
    # Ours is somebody else's name.
    (
        f"{NO_CHECK} alter table appointments add constraint {STATUS} unique (org_id, id)",
        STATUS,
        "'",
    ),
    (typed("create domain state as text"), STATUS, "'"),
    (typed(f"create domain state as text check (value in ({OURS}, 'moved'))"), STATUS, "'moved'"),
    (typed(f"create type state as enum ({OURS}, 'moved')"), STATUS, "'moved'"),
    (typed("", "varchar(20)"), STATUS, "'"),
]
ENOUGH = [
    add(f"status = any (array[{OURS}])"),
    add("status = any ('{no_show,completed,pending,confirmed,cancelled}')"),
    add("status ~ '^(pending|confirmed|cancelled|completed|no_show)$'"),
    add("status = 'pending' or status in ('confirmed', 'cancelled')"),
    add("case when status in ('confirmed', 'cancelled') then true else false end"),
    add("status in ('confirmed', 'cancelled') and resource is not null and status is not null")
    + "; alter table appointments alter resource drop not null, alter status drop not null",
    add(f"status in ({OURS}, 'moved')")
    + "; alter table appointments add check (status <> 'moved')",
    "alter table appointments alter resource drop not null,"
    " add check (coalesce(resource, '') <> '')",
    "alter table appointments alter scheduled_at drop not null,"
    " add check ((status in ('pending', 'confirmed')) <= (scheduled_at is not null))",
    f"{NO_CHECK} create function is_status(text) returns boolean immutable language sql as"
    f" $$ select $1 in ({OURS}) $$; alter table appointments add check (is_status(status))",
    typed(f"create type state as enum ({OURS})"),
    typed(f"create domain state as text not null check (value in ({OURS}))"),
    typed(f"create domain base as text check (value in ({OURS})); create domain state as base"),
    typed("create extension if not exists citext", "citext")
    + f"; alter table appointments add check (status in ({OURS}))",
    typed("", "varchar(9)") + f"; alter table appointments add check (status in ({OURS}))",
    typed("", "char(9)") + f"; alter table appointments add check (status in ({OURS}))",
]


def rules(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.what in (RESOURCE, START, LENGTH, STATUS)]


@pytest.mark.parametrize(("sabotage", "what", "words"), HOLES)
async def test_a_hole_is_found(
    conn: Connection, clinic: Organization, sabotage: str, what: str, words: str
) -> None:
    """A hole is found by what it lets in, as a warning, and its mend closes it."""
    await book(conn, a_request(clinic))
    await conn.execute(sabotage)
    [finding] = rules(await preflight(conn))
    assert (finding.what, finding.severity) == (what, "warning")
    assert words in finding.problem
    await conn.execute(finding.mend or "")
    assert rules(await preflight(conn)) == []


@pytest.mark.parametrize("rule", ENOUGH)
async def test_a_rule_in_other_words_is_enough(
    conn: Connection, clinic: Organization, rule: str
) -> None:
    """In whatever way it refuses the same, nobody complains of it."""
    await conn.execute(rule)
    assert rules(await preflight(conn)) == []
    with pytest.raises(asyncpg.PostgresError):
        await conn.execute(
            "insert into appointments (org_id, contact_id, resource, service_type, scheduled_at,"
            " status) select $1, gen_random_uuid(), 'main', 's', now(), 'scheduled'",
            clinic.id,
        )


async def test_rows_that_came_through_a_hole_are_named(
    conn: Connection, clinic: Organization
) -> None:
    """With their status: the mend of the hole fails as long as they are there."""
    await book(conn, a_request(clinic))
    await conn.execute(f"{NO_CHECK} update appointments set status = 'scheduled'")
    found = {finding.what: finding for finding in await preflight(conn)}
    assert found["appointments.status"].severity == found[STATUS].severity == "warning"
    assert (
        "1 appointments to come have the status 'scheduled'" in found["appointments.status"].problem
    )
    await conn.execute("update appointments set status = 'confirmed'")
    await conn.execute(found[STATUS].mend or "")
    assert rules(await preflight(conn)) == []


async def test_one_that_is_not_inherited_is_none(conn: Connection) -> None:
    """Where another table inherits, whose rows are appointments too."""
    if servers.PARTITIONS:
        pytest.skip("partitions inherit each CHECK")
    await conn.execute(
        f"{NO_CHECK} alter table appointments add constraint {STATUS}"
        f" check (status in ({OURS})) no inherit; create table old () inherits (appointments)"
    )
    [finding] = rules(await preflight(conn))
    await conn.execute(finding.mend or "")
    assert rules(await preflight(conn)) == []


async def test_one_that_is_not_enforced_is_none(conn: Connection) -> None:
    """As PostgreSQL 18 has it."""
    if conn.get_server_version().major < 18:
        pytest.skip("NOT ENFORCED came with PostgreSQL 18")
    await conn.execute(
        f"{NO_CHECK} alter table appointments add constraint {STATUS}"
        f" check (status in ({OURS})) not enforced"
    )
    [finding] = rules(await preflight(conn))
    await conn.execute(finding.mend or "")
    assert rules(await preflight(conn)) == []


async def test_a_domain_that_refuses_us_is_found(conn: Connection) -> None:
    """Though it is no CHECK of the table."""
    await conn.execute(typed("create domain state as text check (value in ('cancelled', 'held'))"))
    found = {finding.what: finding for finding in await preflight(conn)}
    assert found["state_check"].severity == "error"
    await conn.execute(found["state_check"].mend or "")
    assert "state_check" not in {finding.what for finding in await preflight(conn)}


def test_the_literals_of_an_expression() -> None:
    """Whole, and the words within them; doubled quotes are one."""
    assert literals("(a = 'it''s') or (b = ANY ('{x,y z}'::text[])) or c ~ '^(p|q)$'") >= {
        *("it's", "x", "y z", "p", "q"),
    }
    assert literals("value is not null") == set()
