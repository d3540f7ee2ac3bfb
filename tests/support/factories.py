"""Sane values, so that a test names only what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from booking_asgi.speech import Answer, Failure, fail, refuse
from booking_asgi.tools.book_appointment import BOOK_APPOINTMENT
from booking_asgi.tools.free_times import Refused
from booking_core import (
    Booked,
    BookingRequest,
    Connection,
    InvalidRequest,
    LimitReached,
    Organization,
    OutsideHours,
    Phone,
    SlotTaken,
    add_organization,
    add_token,
)

TOKEN = "a-token"
NEW_YORK = ZoneInfo("America/New_York")
SOON = datetime(2027, 3, 1, 14, 0, tzinfo=UTC)
"""A start for the library, which takes any time at all."""

EMAIL_OF_ANOTHER_TENANT = """
    create unique index mine on contacts (lower(email));
    insert into organizations (name, timezone, phone_region) values ('o', 'UTC', 'US');
    insert into contacts (org_id, email)
    select id, 'sam@test.com' from organizations where name = 'o'
    """
"""Sabotage: a unique key across all tenants, and sam@test.com is another one's."""


def answered(
    outcome: Booked | SlotTaken | OutsideHours | LimitReached | InvalidRequest | Failure,
    zone: ZoneInfo,
    request: BookingRequest,
    free: tuple[datetime, ...] | None = None,
) -> Answer:
    """What the endpoint answers to a call of bookAppointment; `free` are the times near it."""
    if isinstance(outcome, InvalidRequest):
        return refuse(outcome, BOOK_APPOINTMENT.undone)
    if isinstance(outcome, Failure):
        return fail(outcome, BOOK_APPOINTMENT.undone, BOOK_APPOINTMENT.doing)
    if isinstance(outcome, SlotTaken | OutsideHours):
        return BOOK_APPOINTMENT.answer(Refused(outcome=outcome, free=free), request, zone)
    return BOOK_APPOINTMENT.answer(outcome, request, zone)


def in_days(days: int) -> str:
    """A date for the endpoint, which refuses the past: so many days from today in New York."""
    return (datetime.now(NEW_YORK).date() + timedelta(days=days)).isoformat()


async def a_clinic(
    conn: Connection,
    *,
    name: str = "Clinic",
    resources: Sequence[str] = ("main",),
    timezone: str = "America/New_York",
    phone_region: str = "US",
    token: str | None = None,
) -> Organization:
    clinic = await add_organization(
        conn, name=name, timezone=timezone, phone_region=phone_region, resources=resources
    )
    if token is not None:
        await add_token(conn, clinic.id, token=token)
    return clinic


def a_request(clinic: Organization, **fields: Any) -> BookingRequest:
    """A request by phone, at `SOON`, unless `fields` say otherwise."""
    defaults = {"phone": Phone("+15551234567"), "name": "Sam Wilson", "scheduled_at": SOON}
    return BookingRequest(org_id=clinic.id, **{**defaults, **fields})


def a_caller(number: int) -> Phone:
    """The phone of one of ten thousand people."""
    return Phone(f"+1555200{number:04}")


def arguments(**given: object) -> dict[str, object]:
    """The arguments that a model sends, changed by `given`; an argument that is None is left
    out."""
    defaults = {
        "patientPhone": "+15551234567",
        "patientEmail": "sam@test.com",
        "patientName": "Sam Wilson",
        "serviceType": "Botox Consultation",
        "appointmentDate": in_days(1),
        "appointmentTime": "14:00",
    }
    return {name: value for name, value in {**defaults, **given}.items() if value is not None}


def tool_calls(*calls: object, **message: object) -> dict[str, object]:
    """Vapi's message with these calls, in a phone call of its own."""
    call = {"id": str(uuid4()), "type": "inboundPhoneCall"}
    return {"type": "tool-calls", "call": call, "toolCallList": list(calls), **message}


def a_call(
    given: object, *, id: str = "call_1", name: str = "bookAppointment"
) -> dict[str, object]:
    """One call in shape S1: the arguments as an object; in shape S2 where they are text."""
    return {"id": id, "type": "function", "function": {"name": name, "arguments": given}}
