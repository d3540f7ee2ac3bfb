"""Closures and extra openings: the dates on which the hours of the week do not hold."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from booking_core._statements import (
    ADD_CLOSURE,
    LIST_CLOSURES,
    REMOVE_CLOSURE,
    Connection,
    check_connection,
)
from booking_core.errors import InvalidRequest
from booking_core.public_holidays import holidays_of
from booking_core.resources import check_id, check_organization, list_resources, meant_resource
from booking_core.spoken import parse_text
from booking_core.spoken.dates import YEARS


@dataclass(frozen=True, kw_only=True, slots=True)
class Closure:
    """From `starts` until before `ends`, in the organization's local time and without a zone, one
    resource is closed, or all where `resource` is None. If `opens` is true it is an extra opening
    instead, which holds beside the hours of the week, and in spite of each closure."""

    id: UUID
    resource: str | None
    starts: datetime
    ends: datetime
    opens: bool
    note: str


async def add_closure(
    conn: Connection,
    org_id: UUID,
    *,
    starts: datetime,
    ends: datetime,
    resource: str | None = None,
    opens: bool = False,
    note: str = "",
) -> Closure:
    """Close a resource, or all, for some time, or open them; safe to repeat. What is booked stays:
    see `list_outside`.

    `starts` and `ends` are local times, without a zone and to the minute. One for the same time
    and resource that is there already is returned as it is. Raises `InvalidRequest` for times that
    are none, and for a resource that is not known, with `choices`; and `OrganizationNotFound`.
    """
    check_connection(conn)
    note = note if note == "" else parse_text(note, "note")
    if type(opens) is not bool:
        raise InvalidRequest("INVALID_ARGUMENTS", "opens", "It must be a bool")
    _check_local(starts, "starts")
    _check_local(ends, "ends")
    if ends <= starts:
        raise InvalidRequest("INVALID_DATE_TIME", "ends", "It must be later than the start")
    known = await list_resources(conn, org_id)
    name = None if resource is None else meant_resource(resource, known).resource
    values = {"resource": name, "starts": starts, "ends": ends, "opens": opens, "note": note}
    row = await conn.fetchrow(*ADD_CLOSURE.bind({"org_id": org_id, **values}))
    assert row is not None
    return _closure(row)


async def list_closures(conn: Connection, org_id: UUID) -> list[Closure]:
    """The closures and extra openings that are not over, the soonest first. Raises
    `OrganizationNotFound`."""
    check_connection(conn)
    check_id(org_id, "org_id")
    rows = await conn.fetch(*LIST_CLOSURES.bind({"org_id": org_id}))
    if not rows:
        await check_organization(conn, org_id)
    return [Closure(**row) for row in rows]


async def remove_closure(conn: Connection, org_id: UUID, closure_id: UUID) -> bool:
    """Remove the closure or the extra opening of this id. Returns whether there was one."""
    check_connection(conn)
    check_id(org_id, "org_id")
    check_id(closure_id, "closure_id")
    values = {"org_id": org_id, "closure_id": closure_id}
    return await conn.fetchval(*REMOVE_CLOSURE.bind(values)) is not None


async def import_holidays(
    conn: Connection,
    org_id: UUID,
    *,
    country: str,
    subdivision: str | None = None,
    years: Collection[int],
    resource: str | None = None,
) -> list[Closure]:
    """Close a resource, or all, on the public holidays of these years, and return the closures that
    were not there yet; commits like `book`. Safe to repeat: it removes nothing, and a day that is
    closed by hand stays as it is.

    `country` is a code of ISO 3166, such as US, and `subdivision` one of its regions, such as NY.
    The days come from the package `holidays`, which the extra `holidays` installs; ImportError is
    raised where it is not. Raises `InvalidRequest` for a country or a region that the package does
    not know, with `choices`, and for a resource that is not known; and `OrganizationNotFound`.
    """
    check_connection(conn)
    days = holidays_of(country, subdivision, years)
    known = await list_resources(conn, org_id)
    name = None if resource is None else meant_resource(resource, known).resource
    added = []
    async with conn.transaction():
        for day, note in days:
            starts = datetime(day.year, day.month, day.day)
            times = {"starts": starts, "ends": starts + timedelta(days=1)}
            values = {"org_id": org_id, "resource": name, "opens": False, "note": note, **times}
            row = await conn.fetchrow(*ADD_CLOSURE.bind(values))
            if row is not None and row["created"]:
                added.append(_closure(row))
    return added


def _closure(row: asyncpg.Record) -> Closure:
    """Of a row of add_closure, which says as well whether it was made."""
    return Closure(**{name: value for name, value in row.items() if name != "created"})


def _check_local(value: object, field: str) -> None:
    problem = None
    if not isinstance(value, datetime):
        problem = "It must be a datetime"
    elif value.tzinfo is not None:
        problem = "It must be local time, without a zone"
    elif value.second or value.microsecond or value.year not in YEARS:
        problem = f"It must be to the minute, from {YEARS.start} to {YEARS.stop - 1}"
    if problem is not None:
        raise InvalidRequest("INVALID_DATE_TIME", field, problem)
