"""The tables in hash partitions by org_id: the same statements, the same guarantees."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import asyncpg
import pytest

from booking_core import Booked, Connection, Email, SlotTaken, book, preflight
from tests.conftest import SCHEMA, a_database, connected, psql
from tests.support.factories import SOON, a_caller, a_clinic, a_request
from tests.support.servers import partitioned

SAM = Email("sam@test.com")


@pytest.fixture(scope="module")
def partitioned_url(server_url: str) -> Iterator[str]:
    if int(psql(server_url, "-c", "show server_version_num")) < 170000:
        pytest.skip("an exclusion constraint on partitions needs PostgreSQL 17")
    with a_database(server_url, "template0") as url:
        psql(url, "--single-transaction", "-c", partitioned(SCHEMA.read_text(), 16))
        yield url


@pytest.fixture
async def conn(partitioned_url: str) -> AsyncIterator[Connection]:
    async with connected(partitioned_url) as conn:
        transaction = conn.transaction()
        await transaction.start()
        yield conn
        await transaction.rollback()


# Of the connection, and of a resource that the tests give no hours.
NOTED = {"statement_timeout", "superuser", "opening_hours"}


async def findings(conn: Connection) -> list[str]:
    """All but the notes on the role."""
    found = [finding.what for finding in await preflight(conn)]
    return [what for what in found if what not in NOTED]


async def test_partitions_have_all_that_is_needed(conn: Connection) -> None:
    """`check` finds nothing to mend."""
    await a_clinic(conn)
    assert await findings(conn) == []


async def test_a_partition_without_a_guarantee_is_found(conn: Connection) -> None:
    """A missing guarantee is found on a partition as on a whole table."""
    await a_clinic(conn)
    await conn.execute("drop index appointments_idempotency_key")
    assert await findings(conn) == ["appointments_idempotency_key"]


@pytest.mark.parametrize("person", [{}, {"phone": None, "email": SAM}], ids=["phone", "email"])
async def test_a_booking_in_a_partition(conn: Connection, person: dict[str, object]) -> None:
    """Booked, found by its repeat, and taken for the next caller, in each of many organizations."""
    for _ in range(20):
        clinic = await a_clinic(conn)
        asked = a_request(clinic, idempotency_key="key", **person)
        first, again = await book(conn, asked), await book(conn, asked)
        assert isinstance(first, Booked) and isinstance(again, Booked)
        assert (first.appointment_id, True) == (again.appointment_id, first.created)
        assert not again.created
        assert isinstance(await book(conn, a_request(clinic, phone=a_caller(2))), SlotTaken)


async def test_an_overlap_in_a_partition(conn: Connection) -> None:
    """The constraint alone forbids it."""
    await book(conn, a_request(await a_clinic(conn)))
    with pytest.raises(asyncpg.ExclusionViolationError):
        await conn.execute("""
            insert into appointments (org_id, contact_id, resource, service_type, scheduled_at)
            select org_id, contact_id, resource, service_type, scheduled_at + interval '1 minute'
            from appointments
            """)


async def test_an_email_of_another_in_a_partition(conn: Connection) -> None:
    """A unique key on email names the partition that it refuses, and costs no booking there."""
    await conn.execute("create unique index mine on contacts (org_id, lower(email))")
    clinic = await a_clinic(conn)
    for number in (1, 2):
        start = SOON + timedelta(hours=number)
        asked = a_request(clinic, phone=a_caller(number), email=SAM, scheduled_at=start)
        outcome = await book(conn, asked)
        assert isinstance(outcome, Booked)
        assert outcome.email_kept == (number == 1)
