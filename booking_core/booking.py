"""`book`: makes one appointment for one contact, finds it again, or says that the time is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple, overload
from uuid import UUID

import asyncpg

from booking_core._statements import (
    BOOK,
    FIND_REFUSALS,
    LIST_APPOINTMENTS,
    Connection,
    check_connection,
)
from booking_core.contacts import (
    ResolvedContact,
    fetch_keeping_contact,
    nested,
    touch_or_insert_by_email,
)
from booking_core.errors import (
    AppointmentRefused,
    BookingNotSettled,
    ContactNotResolved,
    InvalidRequest,
)
from booking_core.outcomes import (
    NO_LIMITS,
    Appointment,
    Booked,
    LimitReached,
    Limits,
    Outcome,
    OutsideHours,
    SlotTaken,
)
from booking_core.requests import BookingRequest
from booking_core.resources import find_resource

# After each that fails, one free resource fewer is left, or a booking was given back meanwhile.
ATTEMPTS = 16


@overload
async def book(conn: Connection, request: BookingRequest) -> Booked | SlotTaken | OutsideHours: ...


@overload
async def book(conn: Connection, request: BookingRequest, limits: Limits) -> Outcome: ...


async def book(conn: Connection, request: BookingRequest, limits: Limits = NO_LIMITS) -> Outcome:
    """Book the appointment for the contact, who is made or updated with it.

    On a fresh connection it is committed when this returns. By phone that is one round trip, and
    one more each time that another caller was faster at that very moment, or that a unique key of
    your own refuses the email; two more where the resource's name is spelled otherwise than in its
    row. Inside `conn.transaction()` it joins it: roll back, and nothing is
    left. Without a phone, a transaction around it must be READ COMMITTED: another level raises
    `asyncpg.InterfaceError` before anything is written. A time in the past is taken.

    A service that the organization has listed brings its own length and buffers, in the place of
    `duration_minutes`. A resource is booked within its opening hours, if it has any.

    Raises `InvalidRequest` for a resource that the organization does not have, that does not do the
    service, or of which several can be meant (`choices`), and for an idempotency key of another
    contact or start; `OrganizationNotReady` where it has no resource at all;
    `ContactNotResolved`, `AppointmentRefused`, `BookingNotSettled` (try again), and what asyncpg
    raises.
    """
    check_connection(conn)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            if outcome := await _settle(conn, request, limits):
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
    check_connection(conn)
    rows = await conn.fetch(*LIST_APPOINTMENTS.bind({"org_id": org_id}))
    return [Appointment(**row) for row in rows]


async def _settle(conn: Connection, request: BookingRequest, limits: Limits) -> Outcome | None:
    """The outcome, and None where at each look another caller seemed to be faster."""
    if request.phone is not None:
        return await _repeat(conn, request, None, limits)
    assert request.email is not None
    try:
        async with nested(conn, "read_committed"):
            contact = await touch_or_insert_by_email(
                conn, request.org_id, request.email, request.name
            )
            outcome = await _repeat(conn, request, contact, limits)
            if isinstance(outcome, LimitReached):
                raise _RolledBack(outcome)  # the contact was written before the limits were read
            return outcome
    except _RolledBack as back:
        return back.outcome


class _RolledBack(Exception):
    def __init__(self, outcome: LimitReached) -> None:
        self.outcome = outcome


async def _repeat(
    conn: Connection, request: BookingRequest, by_email: ResolvedContact | None, limits: Limits
) -> Outcome | None:
    for _ in range(ATTEMPTS):
        values = {
            "org_id": request.org_id,
            "phone": request.phone,
            "email": request.email,
            "contact_id": by_email and by_email.contact_id,
            "name": request.name,
            "service_type": request.service_type,
            "scheduled_at": request.scheduled_at,
            "duration_minutes": request.duration_minutes,
            "resource": request.resource,
            "idempotency_key": request.idempotency_key,
            "call_id": request.call_id,
            "by_own_number": request.by_own_number,
            "actor": request.actor,
            "most_per_call": limits.most_per_call,
            "most_per_contact": limits.most_per_contact,
        }
        row, email_kept = await fetch_keeping_contact(conn, BOOK, values)
        assert row is not None
        if row["key_is_reused"]:
            problem = "It was given with another contact or another start: send a new one"
            raise InvalidRequest("IDEMPOTENCY_KEY_REUSED", "idempotency_key", problem)
        if not row["resource_is_known"]:
            named = await find_resource(
                conn, request.org_id, request.resource, request.service_type
            )
            request = replace(request, resource=named)
        elif row["limit_reached"] is not None:
            return LimitReached(limit=row["limit_reached"])
        elif row["contact_id"] is None:
            raise ContactNotResolved("a trigger or rule of contacts drops the row")
        elif outcome := _outcome(request, row, by_email, email_kept):
            return outcome
    return None


def _outcome(
    request: BookingRequest,
    row: asyncpg.Record,
    by_email: ResolvedContact | None,
    email_kept: bool,
) -> Booked | SlotTaken | OutsideHours | None:
    """None where another caller was faster."""
    contact = {
        "contact_id": row["contact_id"],
        "contact_match": by_email.contact_match if by_email else "phone",
        "contact_changes": by_email.contact_changes
        if by_email
        else tuple(row["contact_changes"] or ()),
        "email_kept": email_kept,
    }
    call = [_OfThisCall(*one) for one in row["call"]]
    if row["appointment_id"] is not None:
        booked = Booked(
            appointment_id=row["appointment_id"],
            resource=row["resource"],
            is_one_of_several=row["is_one_of_several"],
            service_type=row["service_type"],
            scheduled_at=row["scheduled_at"],
            duration_minutes=row["duration_minutes"],
            attendee_name=row["attendee_name"],
            attendee_given=row["attendee_given"],
            created=row["created"],
            recognised_by=row["recognised_by"],
            is_as_long=row["is_as_long"],
            **contact,
        )
        return _beside(booked, call) if call else booked
    if row["closed_by"] is not None:
        return OutsideHours(
            scheduled_at=request.scheduled_at, closed_by=row["closed_by"], **contact
        )
    if row["resource_is_free"]:
        return None
    same = [one for one in call if one.scheduled_at == request.scheduled_at]
    held_for = max(same, key=lambda one: one.nth).attendee_name or "Unknown" if same else None
    return SlotTaken(scheduled_at=request.scheduled_at, held_for=held_for, **contact)


class _OfThisCall(NamedTuple):
    """An active appointment that the call of the request had before it."""

    id: UUID
    scheduled_at: datetime
    nth: int
    created_at: datetime
    attendee_name: str | None


def _beside(booked: Booked, call: Sequence[_OfThisCall]) -> Booked:
    """With what its call had booked before it, so that a repeat is answered as the first was."""
    itself = next((one for one in call if one.id == booked.appointment_id), None)
    others = [one for one in call if one is not itself]
    same = [one for one in others if one.scheduled_at == booked.scheduled_at]
    another = [one for one in others if one.scheduled_at != booked.scheduled_at]
    if itself is not None:
        same = [one for one in same if one.nth < itself.nth]
        another = [one for one in another if one.created_at < itself.created_at]
    return replace(
        booked,
        others_at_this_start=len(same),
        other_start=max(another, key=lambda one: (one.created_at, one.id)).scheduled_at
        if another
        else None,
    )
