"""Appointments that a column of their owner marks as gone: they hold their time all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from booking_core import (
    Booked,
    Connection,
    Finding,
    Organization,
    SlotTaken,
    adopt,
    book,
    preflight,
)
from tests.conftest import a_database, connected, psql
from tests.support.adopted import ORG, WITH_AN_ENUM, WITH_ORGANIZATIONS, make, settle, snapshot
from tests.support.factories import a_caller, a_request

MARKS = [
    ("deleted_at timestamptz", "now()"),
    ("deleted_at timestamp", "now()"),
    ("deleted_at date", "current_date"),
    ("deleted_at bigint default 0", "1700000000"),
    ('"deletedAt" timestamptz', "now()"),
    ("deleted boolean not null default false", "true"),
    ("is_deleted boolean", "true"),
    ("is_deleted integer default 0", "1"),
    ("deleted text", "'yes'"),
    ("deleted_by uuid", "gen_random_uuid()"),
    ("cancelled_at timestamptz", "now()"),
    ("canceled_at timestamptz", "now()"),
    ("is_cancelled boolean default false", "true"),
    ("cancellation_date date", "current_date"),
    ("discarded_at timestamptz", "now()"),
    ("removed_on date", "current_date"),
    ("is_active boolean default true", "false"),
]
# As it is where nothing is marked.
UNMARKED = [
    ("deleted_at timestamptz", "null"),
    ("deleted_at timestamptz default 'infinity'", "'infinity'"),
    ("deleted_at timestamptz", "now() + interval '1 day'"),
    ("deleted_at bigint default 0", "0"),
    ("is_deleted boolean", "false"),
    ("deleted text", "'false'"),
    ("active boolean default true", "true"),
]
NO_MARKS = ["deleted_rows_note text default 'x'", "cancellation_policy text default 'x'"]


@pytest.fixture
def theirs(server_url: str) -> Iterator[str]:
    """An empty database."""
    with a_database(server_url, "template0") as url:
        yield url


@pytest.fixture
async def owned(theirs: str) -> AsyncIterator[Connection]:
    async with connected(theirs) as conn:
        yield conn


def found(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.what.startswith("appointments.")]


def name(column: str) -> str:
    return column.split()[0]


@pytest.mark.parametrize(("column", "value"), MARKS)
async def test_check_warns_of_a_row_that_is_gone(
    conn: Connection, clinic: Organization, column: str, value: str
) -> None:
    """It is told how many there are; its mend frees the time, and leaves a note."""
    await book(conn, a_request(clinic))
    await conn.execute(
        f"alter table appointments add {column}; update appointments set {name(column)} = {value}"
    )
    assert isinstance(await book(conn, a_request(clinic, phone=a_caller(1))), SlotTaken)
    [finding] = found(await preflight(conn))
    assert (finding.what, finding.severity) == (f"appointments.{name(column)}", "warning")
    assert "1 active" in finding.problem
    await conn.execute(finding.mend or "")
    [note] = found(await preflight(conn))
    assert (note.what, note.severity, note.mend) == (finding.what, "note", None)
    assert isinstance(await book(conn, a_request(clinic, phone=a_caller(1))), Booked)


@pytest.mark.parametrize(("column", "value"), UNMARKED)
async def test_a_row_that_is_not_gone_is_left_alone(
    conn: Connection, clinic: Organization, column: str, value: str
) -> None:
    """The column alone is a note."""
    await book(conn, a_request(clinic))
    await conn.execute(
        f"alter table appointments add {column}; update appointments set {name(column)} = {value}"
    )
    assert [finding.severity for finding in found(await preflight(conn))] == ["note"]


@pytest.mark.parametrize("column", NO_MARKS)
async def test_other_columns_are_none(conn: Connection, clinic: Organization, column: str) -> None:
    await book(conn, a_request(clinic))
    await conn.execute(f"alter table appointments add {column}")
    assert found(await preflight(conn)) == []


async def test_what_took_place_may_be_archived(conn: Connection, clinic: Organization) -> None:
    """Only one that is still to come is in the way."""
    await book(conn, a_request(clinic))
    await conn.execute("alter table appointments add archived_at timestamptz default now()")
    assert [finding.severity for finding in found(await preflight(conn))] == ["warning"]
    await conn.execute("update appointments set scheduled_at = now() - interval '1 day'")
    assert [finding.severity for finding in found(await preflight(conn))] == ["note"]


@pytest.mark.parametrize("tables", [WITH_ORGANIZATIONS, WITH_AN_ENUM])
@pytest.mark.parametrize(("column", "value"), MARKS)
async def test_adopt_waits_for_rows_that_are_gone(
    theirs: str, owned: Connection, tables: str, column: str, value: str
) -> None:
    """They stand in the way, nothing is written, and the mend runs as it is printed."""
    make(theirs, tables, 10)
    await owned.execute(
        f"alter table appointments add {column};"
        f" update appointments set {name(column)} = {value} where contact_id is null"
    )
    before = snapshot(theirs)
    [finding] = await adopt(owned)
    assert (finding.what, finding.severity) == (f"appointments.{name(column)}", "error")
    assert snapshot(theirs) == before
    psql(theirs, "-c", finding.mend or "")
    assert await adopt(owned) == []
    await settle(owned)
    assert await owned.fetchval("select count(*) from organizations where id = $1", ORG) == 1
    assert [f.severity for f in found(await preflight(owned))] == ["note"]
