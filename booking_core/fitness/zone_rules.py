"""Whether each organization has a zone and a region, and Python and PostgreSQL the same clocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from uuid import UUID

import asyncpg

from booking_core._statements import Connection
from booking_core.errors import OrganizationNotReady
from booking_core.fitness import _statements as sql
from booking_core.fitness.findings import Finding
from booking_core.organizations import Organization
from booking_core.zones import is_region, zone

HORIZON_DAYS = 731
NOBODY = UUID(int=0)


def organization_findings(rows: Sequence[asyncpg.Record]) -> Iterator[Finding]:
    """A finding if an organization has no known zone or region, of the rows of count_zones."""
    for column, others in (
        ("timezone", {"phone_region": "US"}),
        ("phone_region", {"timezone": "UTC"}),
    ):
        found = [row for row in rows if not _is_ready(**{**others, column: row[column]})]
        if found:
            ids = [str(id) for row in found for id in row["ids"]][:20]
            count = sum(row["organizations"] for row in found)
            problem = f"{count} organizations have no known {column}, and none is ever assumed: "
            listed = ", ".join(f"'{id}'" for id in ids)
            # Neither is taken for a zone or a region, so that a mend that is run as it stands does
            # no harm.
            unset = "Region/City" if column == "timezone" else "XX"
            mend = f"-- Put the {column} of the organizations in the place of {unset}.\n"
            mend += f"update organizations set {column} = '{unset}' where id in ({listed});"
            yield Finding(f"organizations.{column}", "warning", problem + ", ".join(ids), mend)


async def clock_findings(
    conn: Connection, rows: Sequence[asyncpg.Record], today: datetime
) -> list[Finding]:
    """Of the rows of count_zones: the zones in which PostgreSQL's clock differs from Python's
    within the horizon."""
    names = {row["timezone"] for row in rows}
    zones = {name: zone(name) for name in sorted(filter(None, names)) if _is_ready(name, "US")}
    days = [today + timedelta(days=day) for day in range(HORIZON_DAYS + 1)]
    changes = {change for each in zones.values() for change in _changes(each, days)}
    instants = sorted({*days, *changes, *(change - timedelta(seconds=1) for change in changes)})
    values = {"zones": list(zones), "instants": instants}
    theirs = {row["zone"]: row["offsets"] for row in await _read_offsets(conn, values)}
    return [
        found
        for name, each in zones.items()
        if name in theirs and (found := _clock_finding(name, each, instants, theirs[name]))
    ]


def _clock_finding(
    name: str, ours: tzinfo, instants: Sequence[datetime], theirs: Sequence[int] | None
) -> Finding | None:
    if not is_region(name):
        problem = f"The zone {name} follows the clocks of no place through the year"
        mend = "-- Put the zone of their place in the place of Region/City.\n"
        mend += f"update organizations set timezone = 'Region/City' where timezone = '{name}';"
        return Finding(f"zone {name}", "warning", problem, mend)
    mend = "-- Update the zone rules of the database server, or those of this one: the older ones."
    if theirs is None:
        problem = f"PostgreSQL does not know the zone {name}"
        return Finding(f"zone {name}", "warning", problem, mend)
    for instant, seconds in zip(instants, theirs, strict=True):
        offset = _offset(ours, instant)
        if offset != timedelta(seconds=seconds):
            local = instant.astimezone(ours)
            there = (instant + timedelta(seconds=seconds)).replace(tzinfo=None)
            problem = (
                f"The clocks of {name} differ from {local:%Y-%m-%d} on: by Python's rules they are"
                f" {_spoken(offset)} off UTC, by PostgreSQL's {_spoken(timedelta(seconds=seconds))}"
                f", so that what is booked for {local:%H:%M} shows as {there:%H:%M} there"
            )
            return Finding(f"zone {name}", "warning", problem, mend)
    return None


def _changes(ours: tzinfo, days: Sequence[datetime]) -> Iterator[datetime]:
    """The instants at which the offset changes, found by bisection between two days."""
    for start, end in pairwise(days):
        before = _offset(ours, start)
        if _offset(ours, end) == before:
            continue
        low, high = start, end
        while high - low > timedelta(seconds=1):
            middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
            low, high = (middle, high) if _offset(ours, middle) == before else (low, middle)
        yield high


def _offset(ours: tzinfo, instant: datetime) -> timedelta:
    return instant.astimezone(ours).utcoffset() or timedelta()


def _spoken(offset: timedelta) -> str:
    sign = "-" if offset < timedelta() else "+"
    minutes = abs(offset) // timedelta(minutes=1)
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"


async def _read_offsets(conn: Connection, values: Mapping[str, object]) -> list[asyncpg.Record]:
    """The offsets that PostgreSQL has, or None if it fails to say."""
    try:
        async with conn.transaction():
            return await conn.fetch(*sql.FIND_ZONE_OFFSETS.bind(values))
    except (asyncpg.DataError, asyncpg.SyntaxOrAccessError, asyncpg.QueryCanceledError):
        return []


def midnight_utc() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _is_ready(timezone: str, phone_region: str) -> bool:
    try:
        Organization(id=NOBODY, timezone=timezone, phone_region=phone_region)
    except OrganizationNotReady:
        return False
    return True
