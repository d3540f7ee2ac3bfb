"""A clinic as its owner sets it up, and what can be booked there then."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from booking_core import Connection, Organization, _statements, book
from tests.conftest import connected
from tests.support.commands import complaint, refused, run
from tests.support.factories import a_clinic, a_request

MONDAY = datetime(2030, 7, 1)
"""Midnight of a Monday to come, in local time."""
SUNDAY = MONDAY - timedelta(days=1)


@dataclass(frozen=True)
class Owner:
    """Runs commands on a database of its own, in which there is a clinic of two doctors."""

    conn: Connection
    clinic: Organization
    url: str

    def does(self, *words: str) -> str:
        """What a command prints that succeeds."""
        done = run(*words, database_url=self.url)
        assert (done.returncode, complaint(done)) == (0, ""), done
        return done.stdout

    def may_not(self, *words: str) -> str:
        """The one line of a command that is refused."""
        return refused(run(*words, database_url=self.url))


@contextlib.asynccontextmanager
async def an_owner(url: str) -> AsyncIterator[Owner]:
    async with connected(url) as conn:
        yield Owner(conn, await a_clinic(conn, resources=("Dr. Kim", "Dr. Lee")), url)


async def free_starts(
    conn: Connection, clinic: Organization, since: datetime, until: datetime, **given: Any
) -> dict[datetime, list[str]]:
    """The starts between two local times that can be booked, each with who is free then."""
    asked = {
        **{"org_id": clinic.id, "service_type": "Appointment", "duration_minutes": 30},
        **{"since": since.replace(tzinfo=clinic.zone), "until": until.replace(tzinfo=clinic.zone)},
        **{"resource": None, "from_time": None, "to_time": None, "ignored_id": None},
        **{"most": 1000, **given},
    }
    rows = await conn.fetch(*_statements.FIND_TIMES.bind(asked))
    return {row["starts"]: list(row["resources"]) for row in rows}


async def free_times(
    conn: Connection, clinic: Organization, day: datetime = MONDAY, **given: Any
) -> dict[str, list[str]]:
    """The local times of the day that can be booked, each with who is free then."""
    found = await free_starts(conn, clinic, day, day + timedelta(days=1), **given)
    return {f"{start.astimezone(clinic.zone):%H:%M}": names for start, names in found.items()}


async def openness(
    conn: Connection, clinic: Organization, day: datetime = MONDAY, **given: Any
) -> str:
    """From the first free start to the last one, so that it is seen at a glance."""
    times = [*await free_times(conn, clinic, day, **given)]
    return f"{times[0]} to {times[-1]}" if times else "closed"


async def book_at(conn: Connection, clinic: Organization, local: datetime, **given: Any) -> Any:
    """Book a time that can be booked."""
    at = local.replace(tzinfo=clinic.zone)
    return await book(conn, a_request(clinic, scheduled_at=at, **given))
