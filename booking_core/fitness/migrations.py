"""Brings tables that an older release made up to `sql/schema.sql`, one step after another."""

from __future__ import annotations

import asyncio
import re
from importlib.resources.abc import Traversable

import asyncpg

from booking_core._statements import Connection, check_connection, read_sql, sql_folder
from booking_core.fitness import _statements as sql
from booking_core.fitness.briefly import STEP_SECONDS, briefly
from booking_core.fitness.findings import Finding
from booking_core.fitness.obstacles import foreign_tables, looking
from booking_core.fitness.overlaps import double_findings

CONCURRENTLY = re.compile(r"create (?:unique )?index concurrently if not exists (\w+)")
LOCK_SECONDS = 30


async def pending_migrations(conn: Connection) -> list[str] | None:
    """The names of the steps that the database has not had, in order; None where no release of
    ours made its tables, or where this role may not read which steps it has had."""
    done = await conn.fetchval(*sql.FIND_RELEASE.bind({}))
    if done is None:
        return None
    if done == "migrated":
        applied = {row["name"] for row in await conn.fetch(*sql.LIST_MIGRATIONS.bind({}))}
        return [name for name in migration_names() if name not in applied]
    return migration_names()


async def release_finding(conn: Connection) -> Finding | None:
    """A finding if an older release made the tables: from which step to which they must come."""
    pending = await pending_migrations(conn)
    if not pending:
        return None
    names = migration_names()
    first = names.index(pending[0])
    problem = f"The tables are at {names[first - 1] if first else 'the baseline'}, and this release"
    problem += f" needs {names[-1]}: booking-asgi schema --upgrade"
    return Finding("schema", "error", problem)


async def upgrade(conn: Connection, *, lock: bool = False) -> list[Finding]:
    """Run each step of `sql/migrations` that the database has not had, or return what stands in
    the way, with nothing written.

    Each step commits, on a connection of its own session, not behind a pooler and not inside a
    transaction: `asyncpg.InterfaceError`. It is safe to repeat, and must be repeated where it was
    interrupted. One upgrade runs at a time; another one waits for up to 30 s. With more than 20,000
    active appointments it wants `lock`: bookings then wait while a constraint is built anew.

    Raises what asyncpg raises, such as `LockNotAvailableError`.
    """
    check_connection(conn)
    if conn.is_in_transaction():
        raise asyncpg.InterfaceError("each step commits: upgrade runs outside of a transaction")
    await _take_turn(conn)
    try:
        pending = await pending_migrations(conn)
        if pending is None:
            problem = (
                "There are no tables of an older release: booking-asgi schema --apply or --adopt"
            )
            return [Finding("tables", "error", problem)]
        found: list[Finding] = []
        async with looking(conn):
            if "0005_folded_key" in pending:
                found += await double_findings(conn)
            if "0007_resource_excl" in pending and not lock:
                rows = await conn.fetch(*sql.FIND_UPGRADE_LOCK_FAULTS.bind({}))
                found += [Finding(**row) for row in rows]
            if "0010_hours" in pending:
                found += await foreign_tables(conn)
        if found:
            return found
        await conn.execute("set statement_timeout = 0")
        for name in pending:
            await _run(conn, name)
    finally:
        if not conn.is_closed():
            await conn.reset(timeout=10)  # and with it the turn is over
    return []


def migration_names() -> list[str]:
    """The steps in their order."""
    files: list[Traversable] = list(sql_folder().joinpath("migrations").iterdir())
    return sorted(file.name.removesuffix(".sql") for file in files)


async def _take_turn(conn: Connection) -> None:
    # Not by waiting inside the server: CREATE INDEX CONCURRENTLY would wait for that statement.
    for _ in range(LOCK_SECONDS * 10):
        if await conn.fetchval(*sql.TRY_MIGRATION_LOCK.bind({})):
            return
        await asyncio.sleep(0.1)
    raise asyncpg.LockNotAvailableError("another upgrade is running")


async def _run(conn: Connection, name: str) -> None:
    step = read_sql(f"migrations/{name}")
    if index := CONCURRENTLY.search(step):
        values = {"index": index[1]}
        # A try that broke off leaves an index that is not valid, and IF NOT EXISTS passes it over.
        for row in await conn.fetch(*sql.FIND_BROKEN_INDEX.bind(values)):
            await conn.execute(row["drop"])
        if await conn.fetchval(*sql.IS_PARTITIONED.bind({})):
            step = step.replace(" concurrently", "")
        await conn.execute(step, timeout=STEP_SECONDS)
        await conn.execute(*sql.RECORD_MIGRATION.bind({"name": name}))
        return
    await briefly(conn, (step,), sql.RECORD_MIGRATION.bind({"name": name}))
