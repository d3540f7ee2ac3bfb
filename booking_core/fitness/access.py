"""Which roles of the database may use the tables: grants, and row-level security."""

from __future__ import annotations

from collections.abc import Iterable

import asyncpg

from booking_core._statements import Connection, check_connection
from booking_core.fitness import _statements as sql
from booking_core.fitness.briefly import briefly
from booking_core.fitness.findings import Finding, Severity
from booking_core.fitness.migrations import pending_migrations, release_finding


async def grant_role(conn: Connection, role: str) -> list[Finding]:
    """Give the role what it needs to serve, and no more, or return what stands in the way.

    That is USAGE on the schema, the privileges on the tables that the statements of a booking need,
    and on each table a policy. All of it commits in one transaction, and is safe to repeat. Run it
    as the owner of the tables. Raises what asyncpg raises, such as `LockNotAvailableError`.
    """
    check_connection(conn)
    values = {"role": role}
    if faults := await _faults(conn):
        return faults
    if faults := [Finding(**row) for row in await conn.fetch(*sql.FIND_ROLE_FAULTS.bind(values))]:
        return faults
    changes = await conn.fetch(*sql.LIST_ROLE_GRANTS.bind(values))
    await briefly(conn, *((row["change"],) for row in changes))
    return []


async def lock_down(conn: Connection) -> list[Finding]:
    """Enable row-level security on every table, and say what was done in notes; or return errors,
    with nothing done.

    It refuses while a role that can book has no policy: see `grant_role`. Every other role loses
    its access, but for the owner of the tables and for roles that have BYPASSRLS. Each table
    commits for itself; it is safe to repeat. Run it as the owner of the tables. Raises what asyncpg
    raises, such as `LockNotAvailableError`.
    """
    check_connection(conn)
    if faults := await _faults(conn):
        return faults
    if faults := [Finding(**row) for row in await conn.fetch(*sql.FIND_LOCK_DOWN_FAULTS.bind({}))]:
        return faults
    done = []
    for row in await conn.fetch(*sql.LIST_OPEN_TABLES.bind({})):
        await briefly(conn, (row["change"],))
        who = row["roles"] or "nobody"
        problem = f"Row-level security is on. Without a policy this loses its access: {who}"
        done.append(Finding(row["table"], "note", problem))
    return done


def access_findings(rows: Iterable[asyncpg.Record]) -> Iterable[Finding]:
    """A finding for each row of list_open_tables that names a role: maybe nobody meant it to.

    A warning where that is PUBLIC, or a role by which nobody logs in, as an API's.
    """
    for row in rows:
        if not row["roles"]:
            continue
        if row["is_secured"]:
            problem = (
                f"Row-level security does not hold back what else may be done to {row['table']}"
            )
            problem += f" by {row['roles']}, such as to empty it"
        else:
            problem = f"{row['table']} has no row-level security. It is open to {row['roles']}, who"
            problem += " lose that with it, unless a policy gives them rows"
        severity: Severity = "warning" if row["is_strange"] else "note"
        yield Finding(f"access to {row['table']}", severity, problem, row["change"])


async def _faults(conn: Connection) -> list[Finding]:
    """Why this connection can't change who may use the tables."""
    if await pending_migrations(conn) is None:
        problem = "There are no tables of ours: booking-asgi schema --apply or --adopt"
        return [Finding("tables", "error", problem)]
    if older := await release_finding(conn):
        return [older]
    return [Finding(**row) for row in await conn.fetch(*sql.FIND_OWNER_FAULTS.bind({}))]
