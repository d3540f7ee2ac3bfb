"""Appointments to be found, moved and cancelled, and what became of them and of the events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from booking_core import Booked, BookingRequest, Choice, Connection, Organization, book
from tests.support.factories import a_request

DAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=40)
START = DAY + timedelta(hours=14)
"""A start that is still to come: nobody moves or cancels what is past."""

Rows: TypeAlias = Mapping[UUID, Mapping[str, Any]]


def hours(number: float) -> datetime:
    """So many hours from `START` on."""
    return START + timedelta(hours=number)


def at(start: datetime) -> Choice:
    """The appointment of this very start."""
    return Choice(since=start, until=start + timedelta(minutes=1))


WHOLE_DAY = Choice(since=DAY, until=DAY + timedelta(days=1))


def a_booking(clinic: Organization, **fields: Any) -> BookingRequest:
    """A request for `START`, unless `fields` say otherwise."""
    return a_request(clinic, **{"scheduled_at": START, **fields})


async def booked(conn: Connection, clinic: Organization, **fields: Any) -> UUID:
    """The id of the appointment of `a_booking`."""
    outcome = await book(conn, a_booking(clinic, **fields))
    assert isinstance(outcome, Booked) and outcome.created
    return outcome.appointment_id


async def rows(conn: Connection) -> Rows:
    """All appointments, of whatever organization, but for when they were written last."""
    found = await conn.fetch("select * from appointments")
    return {row["id"]: {**row, "updated_at": None} for row in found}


def changes(before: Rows, after: Rows) -> dict[UUID, dict[str, Any]]:
    """The columns that changed, as they are since then. No row came and none went."""
    assert before.keys() == after.keys()
    changed = {
        id: {name: value for name, value in row.items() if value != before[id][name]}
        for id, row in after.items()
    }
    return {id: columns for id, columns in changed.items() if columns}


async def events(conn: Connection, kind: str | None = None) -> list[dict[str, Any]]:
    """All events, or those of a kind, without their ids and times; by their appointment."""
    query = """
        select org_id, type, appointment_id, actor, call_id, data from events
        where type = coalesce($1, type) order by at, appointment_id, type
    """
    found = await conn.fetch(query, kind)
    return [{**row, "data": json.loads(row["data"])} for row in found]


def start_of(data: Mapping[str, str]) -> datetime:
    """The start that an event names."""
    return datetime.fromisoformat(data["scheduled_at"])
