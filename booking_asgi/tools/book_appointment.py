"""The tool bookAppointment: one appointment for one person."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TypeAlias, assert_never
from zoneinfo import ZoneInfo

import asyncpg
import structlog

from booking_asgi.database import Lease
from booking_asgi.speech import Answer, FailureCode
from booking_asgi.tools import booking_words as words
from booking_asgi.tools.booking_reading import idempotency_key, read_booking
from booking_asgi.tools.contacts import is_of_contacts, log_contact, who
from booking_asgi.tools.free_times import Refused, find_near
from booking_asgi.tools.readings import (
    check_future,
)
from booking_asgi.tools.tool import Asked, Tool
from booking_core import (
    Booked,
    BookingRequest,
    Connection,
    ContactNotResolved,
    LimitReached,
    Limits,
    OutsideHours,
    SlotTaken,
    book,
)

NAME = "bookAppointment"
PATH = "book-appointment"
DESCRIPTION = (
    "Books one appointment at the clinic. Call it as soon as the caller has said the date, the time"
    " and what it is for; ask for what is missing, and never make anything up. If the time can't be"
    " had, the answer names free ones: offer these. Do not call it to look for free times, nor to"
    " move or cancel an appointment. The answer says whether it is booked: say so only where it"
    " begins with Booked, else do what it says. If there is no answer, call again with the same"
    " details: nothing is booked twice."
)
OFFERED = dict.fromkeys(
    ("name", "phone", "email", "date", "time", "instant", "service", "duration", "resource")
)
RETURNS = {
    "appointmentId": {"type": "string", "format": "uuid"},
    "contactId": {"type": "string", "format": "uuid"},
    "scheduledAt": {"type": "string", "format": "date-time"},
}
# The words of the tool's name, whatever a clinic put around them, and the verbs of other tools.
CALLED = re.compile(r"(?:.* )?book (?:(?:an?|the|clinic|new) )?appointments?(?: .*)?")
OTHER_VERBS = re.compile(
    r"\b(?:cancel|delete|remove|move|change|edit|update|modify|reschedule|rebook|find|get|list"
    r"|search|check|look|show|confirm|transfer|un|re)\b"
)
NO_LIMITS = Limits()

Outcome: TypeAlias = Booked | Refused | LimitReached

log = structlog.get_logger("booking_asgi")


def is_called(name: str) -> bool:
    return bool(CALLED.fullmatch(name)) and not OTHER_VERBS.search(name)


def read(asked: Asked) -> BookingRequest:
    """The booking that is asked for. Refuses what this endpoint does not book."""
    request = read_booking(
        asked.arguments,
        asked.organization,
        caller_number=asked.caller_number,
        call_id=asked.call_id,
        idempotency_key=asked.idempotency_key,
        actor=asked.actor,
    )
    check_future(request.scheduled_at, asked.organization, asked.horizon_days, "appointmentDate")
    if asked.call_id is None:
        return request
    return dataclasses.replace(request, idempotency_key=idempotency_key(asked.call_id, request))


async def run(lease: Lease, request: BookingRequest, limits: Limits) -> Outcome:
    """Book it. The limits are for what comes out of a call: a direct caller is the clinic's own
    staff."""
    org_id = str(request.org_id)
    if request.phone is not None:
        path = "📞 Using phone-based upsert (primary path)"
        log.info(f"VapiTools: {path}", orgId=org_id, **who(request))
    else:
        path = "⚠️ No phone provided, using email-based lookup"
        log.warning(f"VapiTools: {path}", orgId=org_id, **who(request))
    verb: Callable[
        [Connection, BookingRequest, Limits],
        Awaitable[Booked | SlotTaken | OutsideHours | LimitReached],
    ] = book
    outcome = await lease.run(verb, request, limits if request.call_id else NO_LIMITS)
    if isinstance(outcome, LimitReached):
        log.warning("VapiTools: ⚠️ Limit reached", limit=outcome.limit, orgId=org_id)
        return outcome
    contact_id = str(outcome.contact_id)
    log_contact(outcome, {"contactId": contact_id, **who(request)})
    if isinstance(outcome, Booked):
        log.info(
            "VapiTools: ✅ Successfully booked appointment",
            appointmentId=str(outcome.appointment_id),
            contactId=contact_id,
            orgId=org_id,
        )
        return outcome
    asked = {"contactId": contact_id, "orgId": org_id}
    if isinstance(outcome, OutsideHours):
        log.info("VapiTools: Outside of the hours", closedBy=outcome.closed_by, **asked)
    else:
        log.info("VapiTools: Slot is taken", **asked)
    if isinstance(outcome, SlotTaken) and outcome.held_for is not None:
        return Refused(outcome=outcome)
    free = await find_near(
        lease,
        request.org_id,
        request.scheduled_at,
        service_type=request.service_type,
        duration_minutes=request.duration_minutes,
        resource=request.resource,
    )
    return Refused(outcome=outcome, free=free)


def why(error: Exception, request: BookingRequest) -> FailureCode:
    if isinstance(error, ContactNotResolved):
        return "CONTACT_RESOLUTION_FAILED"
    if isinstance(error, asyncpg.PostgresError) and is_of_contacts(error):
        return "CONTACT_UPSERT_FAILED" if request.phone else "CONTACT_CREATION_FAILED"
    return "BOOKING_FAILED"


def answer(outcome: Outcome, request: BookingRequest, zone: ZoneInfo) -> Answer:
    match outcome:
        case Booked():
            said, told = words.of_booked(outcome, request, zone)
            return Answer(
                done=True,
                status=HTTPStatus.OK,
                code="BOOKED" if outcome.created else "REPEATED",
                said=said,
                told=told,
                content={
                    "appointmentId": str(outcome.appointment_id),
                    "contactId": str(outcome.contact_id),
                    "scheduledAt": outcome.scheduled_at.astimezone(zone).isoformat(),
                },
            )
        case Refused():
            is_taken = isinstance(outcome.outcome, SlotTaken)
            said, told, offered = words.of_refused(outcome, request, zone)
            return Answer(
                status=HTTPStatus.CONFLICT,
                code="SLOT_UNAVAILABLE" if is_taken else "OUTSIDE_HOURS",
                message="The time is taken" if is_taken else "Nothing is open at that time",
                said=said,
                told=told,
                content={"freeTimes": [one.astimezone(zone).isoformat() for one in offered]},
            )
        case LimitReached():
            return Answer(
                status=HTTPStatus.TOO_MANY_REQUESTS,
                code="TOO_MANY_APPOINTMENTS",
                message="No more appointments can be booked in this way",
                said="I can't book more appointments in this call. Shall somebody from the clinic"
                " call you back?",
                told="Not booked: no more can be booked in this way. Offer that somebody from the"
                " clinic calls back, and do not try again.",
            )
        case _:
            assert_never(outcome)


BOOK_APPOINTMENT = Tool(
    name=NAME,
    path=PATH,
    description=DESCRIPTION,
    offered=OFFERED,
    required=("name", "date", "time"),
    undone="Not booked",
    doing="booking your appointment",
    codes=("SLOT_UNAVAILABLE", "OUTSIDE_HOURS", "TOO_MANY_APPOINTMENTS"),
    returns=RETURNS,
    is_called=is_called,
    read=read,
    run=run,
    why=why,
    who=who,
    answer=answer,
)
