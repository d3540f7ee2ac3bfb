"""The request for a booking, as one typed value. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from booking_core import spoken
from booking_core.contacts import check_person
from booking_core.errors import InvalidRequest
from booking_core.spoken import Email, Phone
from booking_core.spoken.dates import YEARS

AWARE = "Give it one, as in datetime(2030, 12, 2, 14, tzinfo=organization.zone)"


@dataclass(frozen=True, kw_only=True, slots=True)
class BookingRequest:
    """One appointment for one person at one organization.

    `scheduled_at` is aware, to the minute; `duration_minutes` is 5 to 480. Without a `resource` any
    free one is booked. A request that comes again with its `idempotency_key` finds its first
    booking. Requests of one `call_id` come from one phone call or chat: when it asks again for the
    same start, with more of the name or a phone added, it gets the same appointment.

    `actor` says who asks, for the events: `caller` of a call, else `system` if nobody says so.
    `by_own_number` is false where neither the phone's own number called nor somebody who speaks for
    the clinic: the request then fills gaps of a stored contact, and replaces nothing. `misheard`
    names what was given but not understood, beside something that identifies the person.

    Raises `InvalidRequest` for values that the parsers would not have made.
    """

    org_id: UUID
    phone: Phone | None = None
    email: Email | None = None
    name: str | None = None
    service_type: str = "Appointment"
    scheduled_at: datetime
    duration_minutes: int = 30
    resource: str | None = None
    idempotency_key: str | None = None
    call_id: str | None = None
    by_own_number: bool = True
    actor: str = ""
    misheard: tuple[Literal["phone", "email"], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.org_id, UUID):
            problem = f"It must be a UUID, not {_kind(self.org_id)}: uuid.UUID(...) makes one"
            raise InvalidRequest("INVALID_ARGUMENTS", "org_id", problem)
        check_person(phone=self.phone, email=self.email, name=self.name)
        spoken.check_text(self.service_type, "service_type")
        check_aware(self.scheduled_at, "scheduled_at")
        check_duration(self.duration_minutes)
        if not self.actor:
            object.__setattr__(self, "actor", "caller" if self.call_id else "system")
        for field in ("resource", "idempotency_key", "call_id", "actor"):
            if (value := getattr(self, field)) is not None:
                spoken.check_text(value, field)
        if type(self.by_own_number) is not bool:
            problem = f"It must be a bool, not {_kind(self.by_own_number)}"
            raise InvalidRequest("INVALID_ARGUMENTS", "by_own_number", problem)


def _kind(value: object) -> str:
    return type(value).__name__


def check_duration(value: object) -> None:
    """Raise `InvalidRequest` for what is no length in minutes."""
    if type(value) is not int:
        problem = f"It must be an int, in minutes, not {_kind(value)}"
        raise InvalidRequest("INVALID_ARGUMENTS", "duration_minutes", problem)
    spoken.parse_duration(value, "duration_minutes")


def check_aware(value: object, field: str) -> None:
    """Raise `InvalidRequest` for what is not an aware datetime to the minute."""
    problem = None
    if not isinstance(value, datetime):
        problem = f"It must be a datetime, not {_kind(value)}. {AWARE}"
    elif value.utcoffset() is None:
        problem = f"It has no time zone. {AWARE}"
    elif value.second or value.microsecond or value.year not in YEARS:
        problem = f"It must be to the minute, from {YEARS.start} to {YEARS.stop - 1}"
    if problem is not None:
        raise InvalidRequest("INVALID_DATE_TIME", field, problem)
