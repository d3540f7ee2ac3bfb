"""Whether a database can do what the statements need, before a caller finds out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

import asyncpg

from booking_core import _statements as sql
from booking_core._guarantees import guarantee_findings
from booking_core.contacts import Connection
from booking_core.errors import Finding, OrganizationNotReady
from booking_core.organizations import Organization

Rows: TypeAlias = "Sequence[asyncpg.Record]"


async def preflight(conn: Connection) -> list[Finding]:
    """Have PostgreSQL plan every statement, and look up what they rely on; errors come first.

    Nothing is written, on a server that forbids it too, and a transaction around it stays usable.
    It reads all contacts once, for their phones. A failure of the connection or of a lock is
    asyncpg's own error.
    """
    transaction = conn.transaction()
    await transaction.start()
    try:
        found = [finding async for finding in _look(conn)]
    finally:
        await transaction.rollback()
    return sorted(found, key=lambda finding: ("error", "warning", "note").index(finding.severity))


TABLES = ("organizations", "contacts", "resources", "appointments", "vapi_credentials")
HERE = {"tables": TABLES}

NOBODY = UUID(int=0)
SAMPLE: dict[str, object] = {
    **{"org_id": NOBODY, "contact_id": NOBODY, "phone": "+15551234567", "email": "sam@test.com"},
    **{"name": "Sam", "attendee_name": "Sam", "service_type": "Appointment", "resource": "main"},
    **{"scheduled_at": datetime(2027, 3, 1, 14, tzinfo=UTC), "duration_minutes": 30},
    **{"idempotency_key": "k", "token_sha256": b"", "token_id": "k", "label": "first"},
    **{"timezone": "UTC", "phone_region": "US", "resources": ["main"]},
}
SERVING = (
    sql.BOOK_BY_PHONE,
    sql.BOOK_FOR_CONTACT,
    sql.FIND_CONTACT_BY_EMAIL,
    sql.FIND_ORGANIZATION_BY_TOKEN,
    sql.FIND_RESOURCES,
    sql.INSERT_CONTACT_BY_EMAIL,
    sql.LOCK_CONTACT_EMAIL,
    sql.TOUCH_CONTACT,
    sql.UPSERT_CONTACT,
)
SETTING_UP = (
    sql.ADD_ORGANIZATION,
    sql.ADD_RESOURCE,
    sql.ADD_TOKEN,
    sql.LIST_APPOINTMENTS,
    sql.LIST_TOKENS,
    sql.NAME_RESOURCES,
    sql.REMOVE_ORGANIZATION,
    sql.REVOKE_TOKEN,
)
# The statement can't be as it is. All else, a lost connection or a time-out, says nothing of it.
REFUSED = (
    asyncpg.SyntaxOrAccessError,
    asyncpg.FeatureNotSupportedError,
    asyncpg.DataError,
    ValueError,  # asyncpg's own, where a value of ours is none of the column's type
)
UNTOLD = (*REFUSED, asyncpg.ReadOnlySQLTransactionError, asyncpg.RaiseError)

# What the statements write by themselves, or in the place of what was not said.
FALLBACKS = {"contacted", "confirmed", "Unknown"}
CONTACT = {"lead_status": "contacted", "last_contact_at": "now", "phone": "+15551234567"}
APPOINTMENT = {"status": "confirmed", "created_at": "now", "updated_at": "now"}
SENT = SAMPLE.keys() | {"id"}
ROWS: dict[str, dict[str, dict[str, str | None]]] = {
    "contacts": {
        "who gives a phone alone": {**CONTACT, "email": None, "name": "Unknown"},
        "who gives all": {**CONTACT, "email": "sam@test.com", "name": "Sam"},
        "who gives an email alone": {**CONTACT, "phone": None, "email": "s@test.com", "name": "s"},
    },
    "appointments": {
        "who has no name": {**APPOINTMENT, "attendee_name": "Unknown"},
        "who has one": {**APPOINTMENT, "attendee_name": "Sam"},
    },
}


async def _look(conn: Connection) -> AsyncIterator[Finding]:
    missing = [row["name"] for row in await conn.fetch(*sql.FIND_MISSING_TABLES.bind(HERE))]
    if missing:
        which = "The tables" if len(missing) == len(TABLES) else f"The tables {', '.join(missing)}"
        problem = f"{which} are not there: booking-asgi schema --apply"
        yield Finding("tables", "error", problem)
    if len(missing) == len(TABLES):
        return
    session = await conn.fetch(*sql.FIND_SESSION_FAULTS.bind({}))
    # For the functions in a CHECK of one's own: what is only planned can't write.
    await conn.execute(*sql.FORBID_WRITING.bind({}))
    for row in (
        *session,
        *await conn.fetch(*sql.FIND_COLUMN_FAULTS.bind({})),
        *await conn.fetch(*sql.FIND_GRANT_FAULTS.bind({})),
        *await conn.fetch(*sql.FIND_POLICY_FAULTS.bind({})),
        *await _read(conn, sql.FIND_RESOURCE_FAULTS),
        *await _read(conn, sql.FIND_PHONE_FAULTS),
    ):
        yield Finding(**row)
    for finding in guarantee_findings(await conn.fetch(*sql.FIND_KEYS.bind(HERE))):
        yield finding
    for check in await conn.fetch(*sql.FIND_CHECKS.bind(HERE)):
        if refusal := await _check_finding(conn, check):
            yield refusal
    for finding in _zone_findings(await _read(conn, sql.COUNT_ZONES)):
        yield finding
    async for finding in _statement_findings(conn):
        yield finding


async def _read(conn: Connection, statement: sql.Statement) -> Rows:
    """The rows, or none where they can't be read: that is found, and said, elsewhere. None as well
    where the role's own statement_timeout is too short to count them."""
    try:
        async with conn.transaction():
            return await conn.fetch(*statement.bind({}))
    except (*REFUSED, asyncpg.QueryCanceledError):
        return []


async def _check_finding(conn: Connection, check: asyncpg.Record) -> Finding | None:
    table, name, columns = check["table"], check["name"], check["columns"]
    rows = ROWS.get(table, {})
    given = {column for row in rows.values() for column in row}
    # One on a time, a resource or a duration is between it and the caller.
    if not rows or set(columns) & SENT - given:
        return None
    refused = [who for who, row in rows.items() if not await _passes(conn, check["probe"], row)]
    if not refused:
        return None
    mend = f"{check['drop']};"
    values = {rows[who].get(column) for who in refused for column in columns}
    if len(columns) == len(values) == 1 and values <= FALLBACKS:
        widened = f"({check['expression']} or {columns[0]} = '{values.pop()}')"
        mend = f"{check['drop']}, add constraint {name} check {widened};"
    everybody = len(refused) == len(rows)
    who = "everybody" if everybody else " and ".join(refused)
    # A phone of ours that it refuses may be of another country than all of theirs.
    fails = everybody and set(columns).isdisjoint({"phone", "email", "name", "attendee_name"})
    problem = f"The CHECK {name} of {table} refuses {who}"
    return Finding(name, "error" if fails else "warning", problem, mend)


async def _passes(conn: Connection, probe: str, row: Mapping[str, str | None]) -> bool:
    """Whether the CHECK lets the row in; one that can't be told does."""
    try:
        async with conn.transaction():
            return await conn.fetchval(probe, json.dumps(row)) is not False
    except UNTOLD:
        return True


def _zone_findings(rows: Rows) -> Iterator[Finding]:
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
            mend = f"update organizations set {column} = :'{column}' where id in ({listed});"
            yield Finding(f"organizations.{column}", "warning", problem + ", ".join(ids), mend)


def _is_ready(timezone: str, phone_region: str) -> bool:
    try:
        Organization(id=NOBODY, timezone=timezone, phone_region=phone_region)
    except OrganizationNotReady:
        return False
    return True


async def _statement_findings(conn: Connection) -> AsyncIterator[Finding]:
    refused: dict[str, list[str]] = {}
    for statement in (*SERVING, *SETTING_UP):
        try:
            async with conn.transaction():
                _, *values = statement.bind(SAMPLE)
                # EXPLAIN plans and checks the privileges, and executes nothing.
                # Unnamed and never cached: its types are those of the tables as they are now.
                planned = await conn.prepare("explain " + statement.text, name="")
                await planned.fetch(*values)
        except REFUSED as error:
            refused.setdefault(str(error).partition("\n")[0], []).append(statement.name)
    serving = {statement.name for statement in SERVING}
    for reason, names in refused.items():
        serves = bool(serving & set(names))
        problem = f"PostgreSQL refuses it: {reason}"
        if not serves:
            problem += "; only the commands org, token and race need it"
        yield Finding(", ".join(names), "error" if serves else "note", problem)
