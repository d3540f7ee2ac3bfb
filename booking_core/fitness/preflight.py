"""A check whether a database can do what the statements need, before a caller finds out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import TypeAlias

import asyncpg

from booking_core import _statements
from booking_core._statements import Connection, check_connection
from booking_core.fitness import _statements as sql
from booking_core.fitness.access import access_findings
from booking_core.fitness.checks import REFUSED, refusal
from booking_core.fitness.findings import Finding
from booking_core.fitness.guarantees import guarantee_findings
from booking_core.fitness.migrations import release_finding
from booking_core.fitness.obstacles import adoption_finding, status_row_findings
from booking_core.fitness.rules import ADOPTED_STATUSES, STRICT, rule_findings
from booking_core.fitness.zone_rules import (
    NOBODY,
    clock_findings,
    midnight_utc,
    organization_findings,
)

Rows: TypeAlias = "Sequence[asyncpg.Record]"


async def preflight(conn: Connection) -> list[Finding]:
    """Have PostgreSQL plan every statement, and look up what they rely on; errors come first.

    Nothing is written, on a server that forbids it too, and a transaction around it stays usable.
    It reads all contacts once, for their phones. A failure of the connection or of a lock is
    asyncpg's own error.
    """
    check_connection(conn)
    transaction = conn.transaction()
    await transaction.start()
    try:
        found = [finding async for finding in _look(conn)]
    finally:
        await transaction.rollback()
    return sorted(found, key=lambda finding: ("error", "warning", "note").index(finding.severity))


TABLES = (
    *("organizations", "contacts", "resources", "services", "service_resources", "opening_hours"),
    *("exceptions", "appointments", "events", "vapi_credentials"),
)
HERE = {"tables": TABLES}

SAMPLE: dict[str, object] = {
    **{"org_id": NOBODY, "contact_id": NOBODY, "phone": "+15551234567", "email": "sam@test.com"},
    **{"name": "Sam", "attendee_name": "Sam", "service_type": "Appointment", "resource": "main"},
    **{"scheduled_at": datetime(2027, 3, 1, 14, tzinfo=UTC), "duration_minutes": 30},
    **{"call_id": "c", "by_own_number": True, "most_per_call": 4, "most_per_contact": 10},
    **{"idempotency_key": "k", "token_sha256": b"", "token_id": "k", "label": "first"},
    **{"tokens": [b""], "timezone": "UTC", "phone_region": "US", "resources": ["main"]},
    **{"since": datetime(2027, 3, 1, 14, tzinfo=UTC), "until": datetime(2027, 3, 8, tzinfo=UTC)},
    **{"from_time": None, "to_time": None, "ignored_id": None, "most": 3},
    **{"actor": "caller", "is_staff": False, "appointment_id": None, "status": "completed"},
    **{"day": date(2027, 3, 1), "before": datetime(2024, 3, 1, tzinfo=UTC)},
    **{"prunes_appointments": True, "prunes_contacts": True},
    "ended": [],
    **{
        "weekdays": [1],
        "hours_weekdays": [1],
        "hours_opens": [time(9)],
        "hours_closes": [time(17)],
    },
    **{"service": "Checkup", "buffer_before_minutes": 0, "buffer_after_minutes": 10},
    **{"slot_minutes": 15, "notice_minutes": 0, "closure_id": NOBODY, "opens": False, "note": ""},
    **{"starts": datetime(2027, 12, 25), "ends": datetime(2027, 12, 26)},
}
# What no caller waits for: the commands alone need it.
SETTING_UP = (
    _statements.ADD_CLOSURE,
    _statements.ADD_ORGANIZATION,
    _statements.ADD_RESOURCE,
    _statements.ADD_TOKEN,
    _statements.COUNT_APPOINTMENTS,
    _statements.COUNT_PRUNABLE,
    _statements.ERASE_CONTACT,
    _statements.EXPORT_CONTACT,
    _statements.FIND_CALL,
    _statements.FIND_CONTACTS,
    _statements.FIND_EVENTS,
    _statements.LIST_APPOINTMENTS,
    _statements.LIST_ORGANIZATIONS,
    _statements.LIST_CLOSURES,
    _statements.LIST_HOURS,
    _statements.LIST_ORGANIZATIONS,
    _statements.LIST_OUTSIDE,
    _statements.LIST_OWN_COLUMNS,
    _statements.LIST_REFERRERS,
    _statements.LIST_SERVICES,
    _statements.LIST_TOKENS,
    _statements.LIST_TRIGGERS,
    _statements.LOCK_CONTACT,
    _statements.LOCK_RESOURCES,
    sql.NAME_RESOURCES,
    _statements.PRUNE_APPOINTMENTS,
    _statements.PRUNE_CONTACTS,
    _statements.PRUNE_EVENTS,
    _statements.PUT_SERVICE,
    _statements.REMOVE_CLOSURE,
    _statements.REMOVE_ORGANIZATION,
    _statements.REMOVE_SERVICE,
    _statements.RENAME_RESOURCE,
    _statements.RETIRE_RESOURCE,
    _statements.REVOKE_TOKEN,
    _statements.SET_HOURS,
    _statements.SET_SERVICE_RESOURCES,
    _statements.TOUCH_TOKENS,
)
# All others: what is added is planned too.
SERVING = tuple(
    statement
    for statement in vars(_statements).values()
    if isinstance(statement, _statements.Statement) and statement not in SETTING_UP
)


async def _look(conn: Connection) -> AsyncIterator[Finding]:
    missing = [row["name"] for row in await conn.fetch(*sql.FIND_MISSING_TABLES.bind(HERE))]
    if len(missing) < len(TABLES) and (older := await release_finding(conn)):
        yield older
        return  # what the upgrade brings would all be missing
    if missing and (theirs := await adoption_finding(conn, missing)):
        yield theirs
        return  # what the adoption brings would all be missing
    if missing:
        which = "The tables" if len(missing) == len(TABLES) else f"The tables {', '.join(missing)}"
        yield Finding("tables", "error", f"{which} are not there: booking-asgi schema --apply")
    if len(missing) == len(TABLES):
        return
    session = await conn.fetch(*sql.FIND_SESSION_FAULTS.bind({}))
    # For the functions in a CHECK of one's own: what is only planned can't write.
    await conn.execute(*sql.FORBID_WRITING.bind({}))
    for row in session:
        yield _with_functions(Finding(**row))
    for row in (
        *await conn.fetch(*sql.FIND_COLUMN_FAULTS.bind({})),
        *await conn.fetch(*sql.FIND_GRANT_FAULTS.bind({})),
        *await conn.fetch(*sql.FIND_POLICY_FAULTS.bind({})),
        *await _read(conn, sql.FIND_RESOURCE_FAULTS),
        *await _read(conn, sql.FIND_HOURS_FAULTS),
        *await _read(conn, sql.FIND_PHONE_FAULTS),
    ):
        yield Finding(**row)
    for finding in access_findings(await conn.fetch(*sql.LIST_OPEN_TABLES.bind({}))):
        yield finding
    for row in await _read(conn, sql.FIND_SOFT_DELETE_FAULTS):
        # An adoption has to wait for it, a booking has not.
        yield replace(Finding(**row), severity="warning" if row["mend"] else "note")
    names = {row["what"]: row["mend"] for row in await conn.fetch(*sql.FIND_NAME_FAULTS.bind({}))}
    for finding in guarantee_findings(await conn.fetch(*sql.FIND_KEYS.bind(HERE)), names):
        yield finding
    for check in await conn.fetch(*sql.FIND_CHECKS.bind(HERE)):
        if found := await refusal(conn, check):
            yield found
    if "appointments" not in missing:
        for finding in await rule_findings(conn, names):
            if finding.what == "appointments_status_check" and finding.mend:
                statuses = await _read(conn, sql.COUNT_STATUSES, ended=[])
                if any(row["is_over"] for row in statuses):  # which the mend would stumble over
                    mend = finding.mend.replace(STRICT, ADOPTED_STATUSES)
                    finding = replace(finding, mend=mend)
                for late in status_row_findings(statuses, []):
                    yield replace(late, severity="warning")
            yield finding
    zones = await _read(conn, sql.COUNT_ZONES)
    for finding in (
        *organization_findings(zones),
        *await clock_findings(conn, zones, midnight_utc()),
    ):
        yield finding
    async for finding in _statement_findings(conn):
        yield finding


def _with_functions(finding: Finding) -> Finding:
    if finding.what != "functions":
        return finding
    return replace(finding, mend=_statements.read_sql("migrations/0002_functions"))


async def _read(conn: Connection, statement: _statements.Statement, **values: object) -> Rows:
    """The rows, or none where they can't be read: that is found, and said, elsewhere. None as well
    where the role's own statement_timeout is too short to count them."""
    try:
        async with conn.transaction():
            return await conn.fetch(*statement.bind(values))
    except (*REFUSED, asyncpg.QueryCanceledError):
        return []


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
            problem += "; only commands that set an organization up need it"
        yield Finding(", ".join(names), "error" if serves else "note", problem)
