"""`find_events`: what was done to appointments, by whom and when. Each change has written it down
in the statement that made it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from booking_core._statements import FIND_CALL, FIND_EVENTS, Connection, check_connection
from booking_core.errors import InvalidRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One change of an appointment. It names no patient.

    `type` is `booked`, `mended`, `moved`, `cancelled`, `completed`, `no_show` or `erased`. `actor`
    is `caller`, `api:` with a token's id, `staff:` with a name, or `system`. `data` is what the
    appointment was and is since then, as the page on tables says; its times are ISO 8601.
    """

    id: UUID
    at: datetime
    type: str
    appointment_id: UUID
    actor: str
    call_id: str | None
    data: Mapping[str, Any]


async def find_events(
    conn: Connection,
    org_id: UUID,
    *,
    call_id: str | None = None,
    appointment_id: UUID | None = None,
    contact_id: UUID | None = None,
) -> list[Event]:
    """What was done in a call, to an appointment, or to the appointments of a contact, in order.

    Raises `InvalidRequest` unless exactly one of the three is given.
    """
    check_connection(conn)
    asked = {"call_id": call_id, "appointment_id": appointment_id, "contact_id": contact_id}
    if len([value for value in asked.values() if value is not None]) != 1:
        problem = "Give one of call_id, appointment_id and contact_id"
        raise InvalidRequest("INVALID_ARGUMENTS", "call_id", problem)
    rows = await conn.fetch(*FIND_EVENTS.bind({"org_id": org_id, **asked}))
    return [Event(**{**row, "data": json.loads(row["data"])}) for row in rows]


async def find_call(conn: Connection, call_id: str) -> list[UUID]:
    """The ids of the organizations in which the call did something: most of the time one."""
    check_connection(conn)
    return [row["id"] for row in await conn.fetch(*FIND_CALL.bind({"call_id": call_id}))]
