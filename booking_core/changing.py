"""`find_appointments`, `move` and `cancel`: what a caller asks for next, and what staff do."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import get_args
from uuid import UUID

import asyncpg

from booking_core._statements import (
    CANCEL_APPOINTMENT,
    FIND_APPOINTMENTS,
    LIST_DAY,
    LIST_RESOURCES,
    MOVE_APPOINTMENT,
    SET_STATUS,
    Connection,
    check_connection,
)
from booking_core.actors import Actor, Caller, Staff
from booking_core.changes import (
    ANY,
    Cancelled,
    CancelOutcome,
    Choice,
    DayAppointment,
    Ending,
    Held,
    Moved,
    MoveOutcome,
    NotFound,
    SeveralFound,
    TooLate,
)
from booking_core.errors import BookingNotSettled, InvalidRequest
from booking_core.outcomes import Kept, OutsideHours, SlotTaken
from booking_core.requests import check_aware
from booking_core.resources import find_resource, match_resources

ATTEMPTS = 16
WAIT_SECONDS = 0.02


async def find_appointments(
    conn: Connection, org_id: UUID, actor: Actor, choice: Choice = ANY, *, most: int = 3
) -> list[Held]:
    """The next active appointments that the actor may change, soonest first. One round trip.

    After a time-out it tells a caller whether the call's booking did work: `is_of_this_call`.
    """
    check_connection(conn)
    values = {**_values(org_id, actor, choice), "most": most}
    return [Held(**row) for row in await conn.fetch(*FIND_APPOINTMENTS.bind(values))]


async def cancel(
    conn: Connection, org_id: UUID, actor: Actor, choice: Choice = ANY
) -> CancelOutcome:
    """Cancel the one appointment that is meant, or none; its time is free at once. Safe to repeat.

    One round trip, and one more where another request changed it at that moment. On a fresh
    connection it commits; inside `conn.transaction()` it joins it. Raises what asyncpg raises.
    """
    check_connection(conn)
    values = _values(org_id, actor, choice)
    for _ in range(ATTEMPTS):
        row = await conn.fetchrow(*CANCEL_APPOINTMENT.bind(values))
        assert row is not None
        starts: list[datetime] = row["starts"]
        before: datetime | None = row["cancelled_before"]
        if row["appointment_id"] is not None:
            return Cancelled(
                appointment_id=row["appointment_id"],
                scheduled_at=row["scheduled_at"],
                changed=True,
            )
        if len(starts) > 1:
            return SeveralFound(starts=tuple(starts), cancelled_before=before)
        if not starts:
            if before is None:
                return NotFound()
            return Cancelled(appointment_id=None, scheduled_at=before, changed=False)
        if row["is_too_late"]:
            return TooLate(scheduled_at=starts[0])
        if row["may_be_repeat"]:
            return SeveralFound(starts=tuple(starts), cancelled_before=before)
    raise BookingNotSettled(f"changed by others at each of {ATTEMPTS} looks")


async def move(
    conn: Connection,
    org_id: UUID,
    actor: Actor,
    choice: Choice = ANY,
    *,
    to: datetime,
    resource: str | None = None,
) -> MoveOutcome:
    """Move the one appointment that is meant to the start `to`, which is aware and to the minute.

    It keeps its id, contact, attendee and service, and its resource unless another one is named.
    The new time obeys hours, buffers and, for a caller, the notice that the service needs; it may
    overlap the old one. Where it can't be had, the old one stands: it is taken as well where the
    attendee has another appointment at that very start. Safe to repeat.

    One round trip on a fresh connection, and one more each time that another caller is booking the
    same resource at that moment; two more where the resource's name is spelled otherwise than in
    its row. On a fresh connection it commits; inside `conn.transaction()` it joins it, by a
    savepoint.

    Raises `InvalidRequest` for a resource that the organization does not have or that does not do
    the service; `BookingNotSettled` (try again), for one where another transaction stays open that
    booked or moved to the same resource; and what asyncpg raises.
    """
    check_connection(conn)
    check_aware(to, "to")
    values = {**_values(org_id, actor, choice), "scheduled_at": to, "resource": resource}
    for attempt in range(ATTEMPTS):
        try:
            async with _savepoint(conn):
                row = await conn.fetchrow(*MOVE_APPOINTMENT.bind(values))
        except (asyncpg.ExclusionViolationError, asyncpg.UniqueViolationError):
            continue  # another one was faster: the next look sees it
        assert row is not None
        if row["appointment_id"] is None:
            if starts := tuple(row["starts"]):
                return SeveralFound(starts=starts)
            if (named := await _spelled(conn, org_id, values["resource"])) is None:
                return NotFound()
            values["resource"] = named
            continue
        if row["moved"] or row["stands"]:
            return Moved(
                appointment_id=row["appointment_id"],
                scheduled_at=to,
                old_start=row["old_start"],
                resource=row["resource"],
                changed=row["moved"],
            )
        if row["is_too_late"]:
            return TooLate(scheduled_at=min(row["old_start"], to))
        if not row["resource_is_known"]:
            named = await find_resource(conn, org_id, resource, row["service_type"])
            values["resource"] = named
            continue
        kept = {
            "contact_id": row["contact_id"],
            "scheduled_at": to,
            "contact_match": "phone",
            "email_kept": True,
            "kept": Kept(
                appointment_id=row["appointment_id"],
                scheduled_at=row["old_start"],
                resource=row["resource"],
                service_type=row["service_type"],
                duration_minutes=row["duration_minutes"],
            ),
        }
        if row["closed_by"] is not None:
            return OutsideHours(closed_by=row["closed_by"], **kept)
        if not row["is_free"]:
            return SlotTaken(**kept)
        await asyncio.sleep(WAIT_SECONDS * random.random() * attempt)
    raise BookingNotSettled(f"others were booking the resource at each of {ATTEMPTS} looks")


async def list_day(conn: Connection, org_id: UUID, day: date) -> list[DayAppointment]:
    """All appointments of a local day, in order, the cancelled ones too; with names, for staff."""
    check_connection(conn)
    rows = await conn.fetch(*LIST_DAY.bind({"org_id": org_id, "day": day}))
    return [DayAppointment(**row) for row in rows]


async def set_status(
    conn: Connection, org_id: UUID, staff: Staff, appointment_id: UUID, status: Ending
) -> bool:
    """Say what became of an appointment. Returns whether there is one that is not cancelled. Safe
    to repeat. Raises `InvalidRequest` for another status than `completed` and `no_show`."""
    check_connection(conn)
    if status not in get_args(Ending):
        raise InvalidRequest("INVALID_ARGUMENTS", "status", "It must be completed or no_show")
    values = {
        "org_id": org_id,
        "appointment_id": appointment_id,
        "status": status,
        "actor": staff.label,
    }
    for _ in range(ATTEMPTS):
        row = await conn.fetchrow(*SET_STATUS.bind(values))
        if row is None or row["is_so"]:
            return row is not None
    raise BookingNotSettled(f"changed by others at each of {ATTEMPTS} looks")


async def _spelled(conn: Connection, org_id: UUID, said: object) -> str | None:
    """The very name of a resource, where `said` is another spelling of it: by that name a move that
    comes again finds its appointment."""
    if not isinstance(said, str):
        return None
    rows = await conn.fetch(*LIST_RESOURCES.bind({"org_id": org_id}))
    matching = match_resources(said, [row["resource"] for row in rows])
    return matching[0] if len(matching) == 1 and matching[0] != said else None


def _values(org_id: UUID, actor: Actor, choice: Choice) -> dict[str, object]:
    is_staff = isinstance(actor, Staff)
    if not is_staff and (choice.appointment_id or choice.phone):
        problem = "A caller names a time: only staff name an id or a phone"
        raise InvalidRequest("INVALID_ARGUMENTS", "choice", problem)
    return {
        "org_id": org_id,
        "is_staff": is_staff,
        "actor": actor.label,
        "call_id": actor.call_id if isinstance(actor, Caller) else None,
        "phone": actor.phone if isinstance(actor, Caller) else choice.phone,
        "name": actor.name if isinstance(actor, Caller) else None,
        "appointment_id": choice.appointment_id if is_staff else None,
        "since": choice.since,
        "until": choice.until,
    }


@contextlib.asynccontextmanager
async def _savepoint(conn: Connection) -> AsyncIterator[None]:
    """Inside a transaction of the caller's a refusal must not break it."""
    if not conn.is_in_transaction():
        yield
        return
    async with conn.transaction():
        yield
