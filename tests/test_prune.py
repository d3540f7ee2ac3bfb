"""What is old is deleted, and nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from booking_asgi.command.prune import before
from booking_core import (
    Connection,
    InvalidRequest,
    Organization,
    Pruned,
    book,
    count_prunable,
    prune,
    pruning,
)
from tests.conftest import connected, count
from tests.support.factories import a_caller, a_clinic, a_request
from tests.support.owners import an_owner

DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
YEAR_AGO = NOW - 365 * DAY
TABLES = ("events", "appointments", "contacts")


async def a_person(
    conn: Connection, clinic: Organization, number: int, *, at: datetime, **aged: datetime
) -> None:
    """Somebody with an appointment at that time, booked and last in contact at `booked`."""
    booked = aged.get("booked", at)
    await book(conn, a_request(clinic, phone=a_caller(number), scheduled_at=at))
    await conn.execute(
        "update contacts set last_contact_at = $2 where phone = $1", a_caller(number), booked
    )
    await conn.execute(
        "update events set at = $2 where at > $3 and appointment_id in"
        " (select a.id from appointments a join contacts c on c.id = a.contact_id"
        "  where c.phone = $1)",
        *(a_caller(number), booked, NOW),
    )


async def people(conn: Connection, clinic: Organization) -> None:
    """One of long ago, one of lately, and one who booked long ago for some day to come."""
    await a_person(conn, clinic, 1, at=NOW - 400 * DAY)
    await a_person(conn, clinic, 2, at=NOW - 100 * DAY)
    await a_person(conn, clinic, 3, at=NOW + 100 * DAY, booked=NOW - 400 * DAY)


async def phones(conn: Connection) -> list[str]:
    found = await conn.fetch("select phone from contacts order by phone")
    return [row["phone"] for row in found]


async def counts(conn: Connection) -> list[int]:
    return [await count(conn, table) for table in TABLES]


async def test_only_what_is_old_is_deleted(conn: Connection, clinic: Organization) -> None:
    """Whoever has an appointment to come stays, and each other organization."""
    other = await a_clinic(conn, name="Other")
    await people(conn, clinic)
    await a_person(conn, other, 9, at=NOW - 400 * DAY)
    wanted = Pruned(events=2, appointments=1, contacts=1, kept_for=())
    assert await count_prunable(conn, clinic.id, before=YEAR_AGO) == wanted
    assert await counts(conn) == [4, 4, 4]
    assert await prune(conn, clinic.id, before=YEAR_AGO) == wanted
    assert await phones(conn) == [a_caller(2), a_caller(3), a_caller(9)]
    assert await counts(conn) == [2, 3, 3]
    nothing = Pruned(events=0, appointments=0, contacts=0, kept_for=())
    assert await prune(conn, clinic.id, before=YEAR_AGO) == nothing


async def test_an_appointment_that_had_not_ended_stays(
    conn: Connection, clinic: Organization
) -> None:
    """It began before, and ended after."""
    await a_person(conn, clinic, 1, at=YEAR_AGO - timedelta(minutes=10), booked=NOW - 400 * DAY)
    pruned = await prune(conn, clinic.id, before=YEAR_AGO)
    assert (pruned.appointments, pruned.contacts) == (0, 0)


async def test_a_contact_of_whom_nobody_knows_when_stays(
    conn: Connection, clinic: Organization
) -> None:
    """As the ones of an adopted database."""
    await conn.execute("insert into contacts (org_id, name) values ($1, 'Sam')", clinic.id)
    assert (await prune(conn, clinic.id, before=YEAR_AGO)).contacts == 0


async def test_it_deletes_in_batches(
    conn: Connection, clinic: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it, whatever their size."""
    monkeypatch.setattr(pruning, "BATCH", 2)
    for number in range(5):
        await a_person(conn, clinic, number, at=NOW - (400 + number) * DAY)
    wanted = Pruned(events=5, appointments=5, contacts=5, kept_for=())
    assert await prune(conn, clinic.id, before=YEAR_AGO) == wanted
    assert await counts(conn) == [0, 0, 0]


@pytest.mark.parametrize(("table", "left"), [("contacts", [1, 2, 3]), ("appointments", [1, 3, 3])])
async def test_what_ones_own_table_refers_to_stays(url: str, table: str, left: list[int]) -> None:
    """Else rows of one's own could go with it, by ON DELETE CASCADE."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn)
        await people(conn, clinic)
        await conn.execute(
            f"""
            create table invoices (
              org_id uuid, id uuid,
              foreign key (org_id, id) references {table} (org_id, id) on delete cascade
            );
            insert into invoices select org_id, id from {table}
            """
        )
        counted = await count_prunable(conn, clinic.id, before=YEAR_AGO)
        assert await prune(conn, clinic.id, before=YEAR_AGO) == counted
        assert counted.kept_for == (("invoices", table),)
        assert await count(conn, "invoices") == 3
        assert await counts(conn) == left


@pytest.mark.parametrize("wrong", [NOW + DAY, NOW.replace(tzinfo=None), date(2020, 1, 1), None])
async def test_what_is_no_past(conn: Connection, clinic: Organization, wrong: Any) -> None:
    with pytest.raises(InvalidRequest, match="before"):
        await prune(conn, clinic.id, before=wrong)


@pytest.mark.parametrize(
    ("age", "day"),
    [
        ("3y", "2025-03-28"),
        ("18m", "2026-09-28"),
        ("1M", "2028-02-28"),
        ("2w", "2028-03-17"),
        ("90d", "2028-01-01"),
    ],
)
def test_an_age_is_read(age: str, day: str) -> None:
    """In months and years by the calendar."""
    assert str(before(age, date(2028, 3, 31))) == day


async def test_the_command_prune(url: str) -> None:
    """Without --yes it says what it would delete."""
    async with an_owner(url) as owner:
        await people(owner.conn, owner.clinic)
        would = owner.does("prune", "--older-than", "1y")
        assert "events 2, appointments 1, contacts 1\nNothing was changed" in would
        assert would.startswith("It would delete from before ")
        assert await counts(owner.conn) == [3, 3, 3]
        assert owner.does("prune", "--older-than", "1y", "--yes").startswith("Deleted from before ")
        assert await counts(owner.conn) == [1, 2, 2]
        for age in ("3", "0d", "-1y", "9999y", "1h"):
            assert "90d, 12w, 18m or 3y" in owner.may_not("prune", "--older-than", age)
