"""Brings a database that has appointments of its own up to the guarantees of `sql/schema.sql`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import asyncpg

from booking_core._statements import Connection, check_connection, read_sql
from booking_core.fitness import _statements as sql
from booking_core.fitness.briefly import STEP_SECONDS
from booking_core.fitness.findings import Finding
from booking_core.fitness.obstacles import find_obstacles
from booking_core.fitness.statuses import parse_ended
from booking_core.resources import parse_resources

STEP = re.compile(r"^(?=-- step: )", re.MULTILINE)


async def adopt(
    conn: Connection,
    *,
    resources: Sequence[str] = ("main",),
    ended: Sequence[str] = (),
    lock: bool = False,
) -> list[Finding]:
    """Run `sql/adopt.sql` where nothing stands in the way, else return what does. `plan_adoption`
    says beforehand what changes.

    Nothing is written then, unless rows that came meanwhile are what stands in the way. Each step
    commits, on a connection of its own session, not behind a pooler, and none is inside of a
    transaction: `asyncpg.InterfaceError`. It is safe to repeat, and must be where it was
    interrupted. An organization without a resource gets all of `resources`, an appointment without
    one the first. `ended` names statuses of your own that hold no time; an appointment may have any
    status once it is over, and else ours and these. Contacts are neither written nor altered, but
    for an index on their emails.

    With more than 20,000 active appointments it wants `lock`: bookings then wait for a while.
    Raises `InvalidRequest` without a resource, for a name that is not one line of printable text
    and for a status of ours, and what asyncpg raises, such as `LockNotAvailableError` where
    others hold the table for longer than it tries.
    """
    check_connection(conn)
    resources, ended = parse_resources(resources), parse_ended(ended)
    if conn.is_in_transaction():
        raise asyncpg.InterfaceError("each step commits: adopt runs outside of a transaction")
    if findings := await find_obstacles(conn, resources[0], ended, lock=lock):
        return findings
    await conn.execute(*sql.NAME_RESOURCES.bind({"resources": resources, "ended": ended}))
    try:
        for step in adoption_steps():
            await conn.execute(step, timeout=STEP_SECONDS)
    except asyncpg.IntegrityConstraintViolationError:
        if findings := await find_obstacles(conn, resources[0], ended, lock=True):
            return findings
        raise
    finally:
        if not conn.is_closed():
            await conn.reset(timeout=10)
    return []


def read_adoption() -> str:
    """The SQL that adopts a database, for psql; safe to run again."""
    return read_sql("adopt")


def adoption_steps() -> list[str]:
    """One statement each; not to be run in a transaction."""
    return STEP.split(read_adoption().partition("\n-- The way back.")[0])[1:]
