"""Brings a database that has appointments of its own up to the guarantees of `sql/schema.sql`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import asyncpg

from booking_core._statements import Connection, Statement, check_connection, read_sql
from booking_core.fitness import _statements as sql
from booking_core.fitness.briefly import STEP_SECONDS
from booking_core.fitness.findings import Finding
from booking_core.fitness.rules import RULES, rule_findings, status_findings
from booking_core.resources import parse_resources

STEP = re.compile(r"^(?=-- step: )", re.MULTILINE)
NEEDED = {"tables": ("contacts", "appointments")}
# The faults of find_column_faults that the steps mend. They do not alter contacts at all.
MENDED = re.compile(
    r"alter table \S+ (add column (resource|attendee_name|idempotency_key|timezone|phone_region"
    r"|call_id|call_nth|attendee_given|by_own_number|buffer_before_minutes|buffer_after_minutes) .*"
    r"|alter column id set default .*);|alter table (\S+\.)?contacts (?!.*\b(id|org_id)\b).*"
)


async def adopt(
    conn: Connection, *, resources: Sequence[str] = ("main",), lock: bool = False
) -> list[Finding]:
    """Run `sql/adopt.sql` where nothing stands in the way, else return what does.

    Nothing is written then, unless rows that came meanwhile are what stands in the way. Each step
    commits, on a connection of its own session, not behind a pooler, and none is inside of a
    transaction: `asyncpg.InterfaceError`. It is safe to repeat, and must be where it was
    interrupted. An organization without a resource gets all of `resources`, an appointment without
    one the first. Contacts are neither written nor altered but for an index on their emails.

    With more than 20,000 active appointments it wants `lock`: bookings then wait for a while.
    Raises `InvalidRequest` without a resource and for a name that is not one line of printable
    text, and what asyncpg raises, such as
    `LockNotAvailableError` where others hold the table for longer than it tries.
    """
    check_connection(conn)
    resources = parse_resources(resources)
    if conn.is_in_transaction():
        raise asyncpg.InterfaceError("each step commits: adopt runs outside of a transaction")
    if findings := await _obstacles(conn, resources[0], lock=lock):
        return findings
    await conn.execute(*sql.NAME_RESOURCES.bind({"resources": resources}))
    try:
        for step in adoption_steps():
            await conn.execute(step, timeout=STEP_SECONDS)
    except asyncpg.IntegrityConstraintViolationError:
        if findings := await _obstacles(conn, resources[0], lock=True):
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


async def find_obstacles(
    conn: Connection, statements: Sequence[Statement], values: Mapping[str, object]
) -> list[Finding]:
    """What the statements find, as they see the database with our two functions in it.

    The functions are made where they are missing, and rolled back with the transaction around it:
    nothing is written.
    """
    transaction = conn.transaction()
    await transaction.start()
    try:
        await conn.execute(read_sql("migrations/0002_functions"))
        await conn.execute(*sql.FORBID_WRITING.bind({}))
        return [
            Finding(**row)
            for statement in statements
            for row in await conn.fetch(*statement.bind(values), timeout=STEP_SECONDS)
        ]
    finally:
        await transaction.rollback()


async def _obstacles(conn: Connection, first: str, *, lock: bool) -> list[Finding]:
    missing = [row["name"] for row in await conn.fetch(*sql.FIND_MISSING_TABLES.bind(NEEDED))]
    if missing:
        problem = f"There is no {' and no '.join(missing)} to adopt: booking-asgi schema --apply"
        return [Finding("tables", "error", problem)]
    if older := await find_obstacles(conn, [sql.FIND_RELEASE_FAULTS], {}):
        return older
    columns = [
        finding
        for row in await conn.fetch(*sql.FIND_COLUMN_FAULTS.bind({}))
        if (finding := Finding(**row)).severity == "error"
        and not MENDED.fullmatch(finding.mend or "")
    ]
    if columns:  # the rows can't be read then
        return columns
    statements = [sql.FIND_STATUS_FAULTS, sql.FIND_SPAN_FAULTS, sql.FIND_SOFT_DELETE_FAULTS]
    statements += [sql.FIND_OVERLAP_FAULTS, sql.FIND_DOUBLE_FAULTS, sql.FIND_LINK_FAULTS]
    # Where there are no organizations yet, they are made of the rows.
    absent = await conn.fetch(*sql.FIND_MISSING_TABLES.bind({"tables": ["organizations"]}))
    statements += [] if absent else [sql.FIND_TENANT_FAULTS]
    statements += [] if lock else [sql.FIND_LOCK_FAULTS]
    found = await find_obstacles(conn, statements, {"resource": first})
    rules = await _rule_obstacles(conn)
    return [*rules, *(finding for finding in found if finding.severity == "error")]


async def _rule_obstacles(conn: Connection) -> list[Finding]:
    """The CHECKs and names of others in the place of ours. A CHECK of theirs that has the name of
    one of ours, and does the same, is taken for it."""
    transaction = conn.transaction()
    await transaction.start()
    try:
        await conn.execute(*sql.FORBID_WRITING.bind({}))
        found = await status_findings(conn)
        missing = {finding.what for finding in await rule_findings(conn, {})}
        names = [Finding(**row) for row in await conn.fetch(*sql.FIND_NAME_FAULTS.bind({}))]
    finally:
        await transaction.rollback()
    kept = {rule.name for rule in RULES} - missing
    return [*found, *(name for name in names if name.what not in {*kept, *(f.what for f in found)})]
