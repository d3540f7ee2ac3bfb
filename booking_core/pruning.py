"""`prune`: what is old is deleted, and what nobody needs any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from booking_core._statements import (
    COUNT_PRUNABLE,
    LIST_REFERRERS,
    PRUNE_APPOINTMENTS,
    PRUNE_CONTACTS,
    PRUNE_EVENTS,
    Connection,
    Statement,
    check_connection,
)
from booking_core.errors import InvalidRequest

# So many rows in one statement, so that none takes long.
BATCH = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """How many rows are deleted, or would be. `kept_for` has tables of your own and the table of
    ours that each refers to, which is not pruned for that reason."""

    events: int
    appointments: int
    contacts: int
    kept_for: tuple[tuple[str, str], ...]


async def count_prunable(conn: Connection, org_id: UUID, *, before: datetime) -> Pruned:
    """What `prune` would delete. Nothing is written."""
    check_connection(conn)
    values, kept_for = await _values(conn, org_id, before)
    row = await conn.fetchrow(*COUNT_PRUNABLE.bind(values))
    assert row is not None
    return Pruned(**row, kept_for=kept_for)


async def prune(conn: Connection, org_id: UUID, *, before: datetime) -> Pruned:
    """Delete what is older than `before`, which is aware and past.

    These are events; appointments that had ended by then, whatever became of them; and contacts
    that have no appointment left and were last in contact before. It deletes in batches, each of
    which commits on a fresh connection. It is safe to repeat. A table of ours to which a table of
    your own refers is not pruned: you alone can say what becomes of your rows. Raises
    `InvalidRequest`, and what asyncpg raises.
    """
    check_connection(conn)
    values, kept_for = await _values(conn, org_id, before)
    return Pruned(
        events=await _delete(conn, PRUNE_EVENTS, values),
        appointments=await _delete(conn, PRUNE_APPOINTMENTS, values)
        if values["prunes_appointments"]
        else 0,
        # Behind their appointments.
        contacts=await _delete(conn, PRUNE_CONTACTS, values) if values["prunes_contacts"] else 0,
        kept_for=kept_for,
    )


async def _values(
    conn: Connection, org_id: UUID, before: datetime
) -> tuple[dict[str, object], tuple[tuple[str, str], ...]]:
    if not isinstance(before, datetime) or before.utcoffset() is None:
        raise InvalidRequest("INVALID_DATE_TIME", "before", "It must be a datetime with a zone")
    if before > datetime.now(UTC):
        raise InvalidRequest("INVALID_DATE_TIME", "before", "It must be in the past")
    referrers = await conn.fetch(*LIST_REFERRERS.bind({}))
    kept_for = tuple((row["referrer"], row["name"]) for row in referrers)
    values = {
        "org_id": org_id,
        "before": before,
        "most": BATCH,
        "prunes_appointments": _is_free("appointments", kept_for),
        "prunes_contacts": _is_free("contacts", kept_for),
    }
    return values, kept_for


def _is_free(table: str, kept_for: Sequence[tuple[str, str]]) -> bool:
    # PostgreSQL writes the schema before a name that the search_path does not find.
    return table not in {name.rpartition(".")[2] for _, name in kept_for}


async def _delete(conn: Connection, statement: Statement, values: dict[str, object]) -> int:
    whole = 0
    while gone := await conn.fetchval(*statement.bind(values)):
        whole += gone
    return whole
