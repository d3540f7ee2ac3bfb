"""One call, one appointment: taken, found again, or told that the time is gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg

from booking_core._statements import BOOK, FIND_REFUSALS, LIST_APPOINTMENTS
from booking_core.contacts import (
    Connection,
    ContactMatch,
    fetch_keeping_contact,
    find_or_insert_by_email,
)
from booking_core.errors import (
    AppointmentRefused,
    BookingError,
    BookingNotSettled,
    InvalidRequest,
    OrganizationNotReady,
)
from booking_core.requests import BookingRequest

# After each that fails, one free resource fewer is left, or a booking was given back meanwhile.
ATTEMPTS = 16


RecognisedBy = Literal["key", "call", "contact"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Booked:
    """The appointment that stands, as it is stored.

    `created` is false where the request repeats it. `recognised_by` then says how it was found: by
    the idempotency key, as the same person's in the same call, or by contact, start and attendee
    alone. What is stored of one found by `"contact"` is not for the caller's ears: another person
    may have said it. `attendee_given` is whether a request said the attendee's name; else it is the
    contact's, or None. `scheduled_at` is aware, in UTC.

    `others_at_this_start` is how many appointments the same call had booked for the same start
    before this one, `other_start` the start of the last one that it booked before for another
    time. `contact_changes` names the columns of a contact that this request changed. For
    `email_kept` see `ResolvedContact`.
    """

    appointment_id: UUID
    contact_id: UUID
    resource: str
    service_type: str
    scheduled_at: datetime
    duration_minutes: int
    attendee_name: str | None
    attendee_given: bool = True
    created: bool
    recognised_by: RecognisedBy | None = None
    others_at_this_start: int = 0
    other_start: datetime | None = None
    contact_match: ContactMatch
    contact_changes: tuple[str, ...] = ()
    email_kept: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotTaken:
    """Nothing is free at that time. The contact is kept: who lost a slot is still a lead.

    `held_for` is the attendee for whom the same call has booked that very time before.
    """

    contact_id: UUID
    scheduled_at: datetime
    held_for: str | None = None
    contact_match: ContactMatch
    contact_changes: tuple[str, ...] = ()
    email_kept: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Appointment:
    """An active one as it stands. `overlaps`: an earlier one of its resource has not ended."""

    id: UUID
    contact_id: UUID
    resource: str
    scheduled_at: datetime
    duration_minutes: int
    overlaps: bool


async def book(conn: Connection, request: BookingRequest) -> Booked | SlotTaken:
    """Book the appointment for the contact, who is made or updated with it.

    On a fresh connection it is committed when this returns. By phone that is one round trip, and
    one more each time that another caller was faster at that very moment, or that a unique key of
    your own refuses the email. Inside `conn.transaction()` it joins it: roll back, and nothing is
    left. Without a phone, a transaction around it must be READ COMMITTED: another level raises
    `asyncpg.InterfaceError` before anything is written. A time in the past is taken.

    Raises `InvalidRequest` for a resource that the organization does not have, and for an
    idempotency key of another contact or start; `OrganizationNotReady` where it has no resource at
    all; `ContactNotResolved`, `AppointmentRefused`, `BookingNotSettled` (try again), and what
    asyncpg raises.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            if outcome := await _settle(conn, request):
                return outcome
            break
        except asyncpg.UniqueViolationError as error:
            # While this request gave a stored appointment its longer name, another one booked
            # under that name: look again. A key of your own refuses again.
            is_ours = request.call_id is not None and attempt < ATTEMPTS
            if not (is_ours and (error.table_name or "").startswith("appointments")):
                raise
    refusals = [row["name"] for row in await conn.fetch(*FIND_REFUSALS.bind({}))]
    if refusals:
        raise AppointmentRefused(f"appointments takes no row: look at {', '.join(refusals)}")
    raise BookingNotSettled(f"free at each of {ATTEMPTS} looks, and yet never booked")


async def list_appointments(conn: Connection, org_id: UUID) -> list[Appointment]:
    """All that are pending or confirmed, by their start."""
    rows = await conn.fetch(*LIST_APPOINTMENTS.bind({"org_id": org_id}))
    return [Appointment(**row) for row in rows]


async def _settle(conn: Connection, request: BookingRequest) -> Booked | SlotTaken | None:
    """The outcome, and None where at each look another caller seemed to be faster."""
    if request.phone is not None:
        return await _repeat(conn, request, None, "phone")
    assert request.email is not None
    async with conn.transaction(isolation="read_committed"):
        contact = await find_or_insert_by_email(conn, request.org_id, request.email, request.name)
        return await _repeat(conn, request, contact.contact_id, contact.contact_match)


async def _repeat(
    conn: Connection, request: BookingRequest, contact_id: UUID | None, contact_match: ContactMatch
) -> Booked | SlotTaken | None:
    for _ in range(ATTEMPTS):
        if outcome := await _take(conn, request, contact_id, contact_match):
            return outcome
    return None


async def _take(
    conn: Connection,
    request: BookingRequest,
    contact_id: UUID | None,
    contact_match: ContactMatch,
) -> Booked | SlotTaken | None:
    """One look, and None where another caller was faster."""
    values = {
        "org_id": request.org_id,
        "phone": request.phone,
        "email": request.email,
        "contact_id": contact_id,
        "name": request.name,
        "service_type": request.service_type,
        "scheduled_at": request.scheduled_at,
        "duration_minutes": request.duration_minutes,
        "resource": request.resource,
        "idempotency_key": request.idempotency_key,
        "call_id": request.call_id,
        "by_own_number": request.by_own_number,
    }
    row, email_kept = await fetch_keeping_contact(conn, BOOK, values)
    assert row is not None
    if row["contact_id"] is None:
        raise _why_nothing(row)
    contact = {
        "contact_id": row["contact_id"],
        "contact_match": contact_match,
        "contact_changes": tuple(row["contact_changes"]),
        "email_kept": email_kept,
    }
    if row["appointment_id"] is not None:
        return Booked(
            appointment_id=row["appointment_id"],
            resource=row["resource"],
            service_type=row["service_type"],
            scheduled_at=row["scheduled_at"],
            duration_minutes=row["duration_minutes"],
            attendee_name=row["attendee_name"],
            attendee_given=row["attendee_given"],
            created=row["created"],
            recognised_by=row["recognised_by"],
            others_at_this_start=row["at_this_start"],
            other_start=row["other_start"],
            **contact,
        )
    if row["resource_is_free"]:
        return None
    return SlotTaken(scheduled_at=request.scheduled_at, held_for=row["held_for"], **contact)


def _why_nothing(row: asyncpg.Record) -> BookingError:
    """Why neither the contact was written nor the appointment."""
    if row["key_is_reused"]:
        problem = "It was given with another contact or another start: send a new one"
        return InvalidRequest("IDEMPOTENCY_KEY_REUSED", "idempotency_key", problem)
    if row["resource_is_known"]:
        return BookingNotSettled("the contact that the email found is gone")
    if row["organization_is_ready"]:
        problem = "There is nobody and nothing of this name"
        return InvalidRequest("INVALID_RESOURCE", "resource", problem)
    return OrganizationNotReady("the organization has no resource to book")
