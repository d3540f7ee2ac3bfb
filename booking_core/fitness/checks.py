"""The CHECKs of the tables and of their columns' domains, tried with the rows that we write."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import asyncpg

from booking_core._statements import Connection
from booking_core.fitness.findings import Finding

Row: TypeAlias = "Mapping[str, str | None]"

# The statement can't be as it is. All else, a lost connection or a time-out, says nothing of it.
REFUSED = (
    asyncpg.SyntaxOrAccessError,
    asyncpg.FeatureNotSupportedError,
    asyncpg.DataError,
    ValueError,  # asyncpg's own, where a value of ours is none of the column's type
)
# The errors of an expression that is tried in a transaction that may not write.
UNTOLD = (
    *REFUSED,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.RaiseError,
    asyncpg.ReadOnlySQLTransactionError,
)

# The values that the statements write when the caller did not say any.
FALLBACKS = {"contacted", "confirmed", "Unknown"}
CONTACT = {"lead_status": "contacted", "last_contact_at": "now", "phone": "+15551234567"}
APPOINTMENT = {"status": "confirmed", "created_at": "now", "updated_at": "now"}
# The values that a caller says: one value proves nothing about the others.
SAID = {
    *("id", "org_id", "contact_id", "phone", "email", "name", "attendee_name", "service_type"),
    *("resource", "scheduled_at", "duration_minutes", "idempotency_key", "call_id"),
}
ROWS: dict[str, dict[str, Row]] = {
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


async def passing(
    conn: Connection, check: asyncpg.Record, rows: Sequence[Row]
) -> list[bool | None]:
    """Which rows pass this row of find_checks; None where its expression raises for a row."""
    try:
        async with conn.transaction():
            passed = {row[0] for row in await conn.fetch(check["probe"], json.dumps(rows))}
    except UNTOLD:
        if len(rows) == 1:
            return [None]
        return [(await passing(conn, check, [row]))[0] for row in rows]
    return [number in passed for number in range(1, len(rows) + 1)]


async def refusal(conn: Connection, check: asyncpg.Record) -> Finding | None:
    """A finding with the value of ours that the CHECK refuses."""
    table, name, columns = check["table"], check["name"], check["columns"]
    rows = ROWS.get(table, {})
    given = {column for row in rows.values() for column in row}
    # A NOT NULL is a column's fault. One on a time, a resource or a duration is between it and the
    # caller.
    if check["kind"] == "not null" or not check["is_enforced"] or set(columns) & SAID - given:
        return None
    # A CHECK whose result is null lets the row in.
    passed = await passing(conn, check, list(rows.values()))
    refused = [who for who, passes in zip(rows, passed, strict=True) if passes is False]
    if not refused:
        return None
    mend = f"{check['drop']};"
    values = {rows[who].get(column) for who in refused for column in columns}
    if check["kind"] == "check" and len(columns) == len(values) == 1 and values <= FALLBACKS:
        widened = f"({check['expression']} or {columns[0]} = '{values.pop()}')"
        mend = f"{check['drop']}, add constraint {name} check {widened};"
    everybody = len(refused) == len(rows)
    who = "everybody" if everybody else " and ".join(refused)
    # A phone of ours that it refuses may be of another country than all of theirs.
    fails = everybody and set(columns).isdisjoint({"phone", "email", "name", "attendee_name"})
    problem = f"The CHECK {name} of {table} refuses {who}"
    return Finding(name, "error" if fails else "warning", problem, mend)
