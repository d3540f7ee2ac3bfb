"""One call, one appointment: taken, found again, or told that the time is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from booking_core._statements import (
    BOOK_BY_PHONE,
    BOOK_FOR_CONTACT,
    FIND_RESOURCES,
    LIST_APPOINTMENTS,
    Statement,
)
from booking_core.contacts import (
    Connection,
    ContactMatch,
    fetch_keeping_contact,
    find_or_insert_by_email,
)
from booking_core.errors import (
    BookingError,
    BookingNotSettled,
    InvalidRequest,
    OrganizationNotReady,
)
from booking_core.requests import BookingRequest

# After each that fails, one free resource fewer is left, or a booking was given back meanwhile.
ATTEMPTS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Booked:
    """The appointment that stands, as it is stored; `created` is false where a repeat found it.

    `scheduled_at` is aware, in UTC. For `email_kept` see `ResolvedContact`.
    """

    appointment_id: UUID
    contact_id: UUID
    resource: str
    service_type: str
    scheduled_at: datetime
    duration_minutes: int
    attendee_name: str | None
    created: bool
    contact_match: ContactMatch
    email_kept: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotTaken:
    """Nothing is free at that time. The contact is kept: who lost a slot is still a lead."""

    contact_id: UUID
    scheduled_at: datetime
    contact_match: ContactMatch
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

    On a fresh connection it is committed when this returns, by phone in one round trip, and one
    more each time that somebody was faster at that very moment. Inside `conn.transaction()` it
    joins it: roll back, and nothing is left. Without a phone, a transaction around it must be READ
    COMMITTED: another level raises `asyncpg.InterfaceError` before anything is written. A time in
    the past is taken.

    Raises `InvalidRequest` for a resource that the organization does not have,
    `OrganizationNotReady` where it has none at all, `ContactNotResolved`, `BookingNotSettled` (try
    again), and what asyncpg raises.
    """
    if request.phone is not None:
        by_phone = {"phone": request.phone, "email": request.email}
        return await _take(conn, request, BOOK_BY_PHONE, by_phone, "phone")
    assert request.email is not None
    async with conn.transaction(isolation="read_committed"):
        contact = await find_or_insert_by_email(conn, request.org_id, request.email, request.name)
        resolved = {"contact_id": contact.contact_id}
        return await _take(conn, request, BOOK_FOR_CONTACT, resolved, contact.contact_match)


async def list_appointments(conn: Connection, org_id: UUID) -> list[Appointment]:
    """All that are pending or confirmed, by their start."""
    rows = await conn.fetch(*LIST_APPOINTMENTS.bind({"org_id": org_id}))
    return [Appointment(**row) for row in rows]


async def _take(
    conn: Connection,
    request: BookingRequest,
    statement: Statement,
    contact: Mapping[str, object],
    contact_match: ContactMatch,
) -> Booked | SlotTaken:
    values = {
        "org_id": request.org_id,
        "name": request.name,
        "service_type": request.service_type,
        "scheduled_at": request.scheduled_at,
        "duration_minutes": request.duration_minutes,
        "resource": request.resource,
        "idempotency_key": request.idempotency_key,
        **contact,
    }
    for _ in range(ATTEMPTS):
        row, email_kept = await fetch_keeping_contact(conn, statement, values)
        if row is None:
            raise await _why_nothing(conn, request)
        if row["appointment_id"] is not None:
            return Booked(
                appointment_id=row["appointment_id"],
                contact_id=row["contact_id"],
                resource=row["resource"],
                service_type=row["service_type"],
                scheduled_at=row["scheduled_at"],
                duration_minutes=row["duration_minutes"],
                attendee_name=row["attendee_name"],
                created=row["created"],
                contact_match=contact_match,
                email_kept=email_kept,
            )
        if not row["resource_is_free"]:
            return SlotTaken(
                contact_id=row["contact_id"],
                scheduled_at=request.scheduled_at,
                contact_match=contact_match,
                email_kept=email_kept,
            )
    raise BookingNotSettled(f"free at each of {ATTEMPTS} looks, and yet never booked")


async def _why_nothing(conn: Connection, request: BookingRequest) -> BookingError:
    """Why neither the contact was written nor the appointment."""
    rows = await conn.fetch(*FIND_RESOURCES.bind({"org_id": request.org_id}))
    if not rows:
        return OrganizationNotReady("the organization has no resource to book")
    if request.resource not in (None, *(row["resource"] for row in rows)):
        problem = "There is nobody and nothing of this name"
        return InvalidRequest("INVALID_RESOURCE", "resource", problem)
    return BookingNotSettled("the contact that the email found is gone")
