"""A booking as it is asked for: from a mapping of arguments to one typed value. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from booking_core import parsing
from booking_core.errors import InvalidRequest, missing_contact
from booking_core.organizations import Organization
from booking_core.parsing import Email, Phone


@dataclass(frozen=True, slots=True)
class Argument:
    """What an argument is called, our name first, and what a model is told of it.

    One that has no description is read, but not offered.
    """

    names: tuple[str, ...]
    description: str | None = None
    type: Literal["string", "integer"] = "string"


ARGUMENTS: Mapping[str, Argument] = {
    "name": Argument(
        ("patientName", "customerName", "customer_name", "name", "clientName"),
        "Full name of the person the appointment is for.",
    ),
    "first_name": Argument(("firstName",)),
    "last_name": Argument(("lastName",)),
    "phone": Argument(
        ("patientPhone", "customerPhone", "customer_phone", "phone", "phoneNumber"),
        "Phone number with its area code. Leave it out to use the number the caller calls from.",
    ),
    "caller": Argument(("callerNumber", "caller_number")),
    "email": Argument(
        ("patientEmail", "customerEmail", "email"),
        "Email address, as sam@example.com. Needed only where there is no phone number.",
    ),
    "date": Argument(
        ("appointmentDate", "date", "preferredDate"),
        "Date in the clinic's time zone, as YYYY-MM-DD.",
    ),
    "time": Argument(
        ("appointmentTime", "time", "preferredTime"),
        "Time in the clinic's time zone, on the 24-hour clock, as HH:MM.",
    ),
    "instant": Argument(
        ("scheduledAt", "startTime", "start", "requestedTime"),
        "Only where an answer asks for it: date, time and offset as it names them.",
    ),
    "service": Argument(
        ("serviceType", "service", "reason", "appointmentType"),
        "What the appointment is for, in a few words.",
    ),
    "duration": Argument(
        ("duration", "durationMinutes", "duration_minutes"),
        "Length in minutes, 5 to 480; 30 if left out.",
        "integer",
    ),
    "resource": Argument(
        ("resource", "provider", "doctor"),
        "Whom or what to book, by name. Leave it out unless the caller asks for somebody.",
    ),
}
"""The arguments that are read, by meaning; others are ignored."""

MEANINGS = {name: meaning for meaning, it in ARGUMENTS.items() for name in it.names}


@dataclass(frozen=True, kw_only=True, slots=True)
class BookingRequest:
    """One appointment for one person at one organization.

    `scheduled_at` is aware, to the minute; `duration_minutes` is 5 to 480. Without a `resource` any
    free one is booked. A request that comes again with its `idempotency_key` finds its first
    booking. Requests of one `call_id` come from one phone call or chat: when it asks again for the
    same start, with more of the name or a phone added, it gets the same appointment.

    `by_own_number` is false where neither the phone's own number called nor somebody who speaks for
    the clinic: the request then fills gaps of a stored contact, and replaces nothing. `misheard`
    names what was given but not understood, beside something that identifies the person.

    Raises `InvalidRequest` for values that `parse` would not have made.
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
    misheard: tuple[Literal["phone", "email"], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.org_id, UUID):
            raise InvalidRequest("INVALID_ARGUMENTS", "org_id", "It must be a UUID")
        parsing.check_person(phone=self.phone, email=self.email, name=self.name)
        parsing.check_text(self.service_type, "service_type")
        parsing.check_instant(self.scheduled_at, "scheduled_at")
        if type(self.duration_minutes) is not int:
            raise InvalidRequest("INVALID_ARGUMENTS", "duration_minutes", "It must be an int")
        parsing.parse_duration(self.duration_minutes)
        for field in ("resource", "idempotency_key", "call_id"):
            if (value := getattr(self, field)) is not None:
                parsing.check_text(value, field)
        if type(self.by_own_number) is not bool:
            raise InvalidRequest("INVALID_ARGUMENTS", "by_own_number", "It must be a bool")

    @classmethod
    def parse(
        cls,
        arguments: Mapping[str, object],
        organization: Organization,
        *,
        caller_number: object = None,
        call_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Self:
        """Read the arguments of a tool call or of a JSON body; `ARGUMENTS` lists the names.

        A date and a time are the organization's wall clock. `caller_number`, or an argument of the
        name, stands in for a phone that is not given. With a `call_id` the request comes from a
        call, and `by_own_number` is whether `caller_number` is its phone; an argument of the name
        proves nothing. The past is not refused. Raises `InvalidRequest`, of the first problem.
        """
        given: dict[str, object] = {}
        for name, meaning in MEANINGS.items():  # our own name first
            if name in arguments and not parsing.is_absent(value := arguments[name]):
                given.setdefault(meaning, value)
        own = _own_number(caller_number, organization)
        phone, email, misheard = _person(given, organization, own)
        return cls(
            org_id=organization.id,
            phone=phone,
            email=email,
            name=_name(given),
            service_type=parsing.parse_text(given.get("service", "Appointment"), "serviceType"),
            scheduled_at=_start(given, organization.zone),
            duration_minutes=parsing.parse_duration(given.get("duration", 30)),
            resource=parsing.parse_text(given["resource"], "resource")
            if "resource" in given
            else None,
            idempotency_key=idempotency_key,
            call_id=call_id,
            by_own_number=call_id is None or (phone is not None and phone == own),
            misheard=misheard,
        )


def _own_number(caller_number: object, organization: Organization) -> Phone | None:
    if not parsing.is_hidden_number(caller_number):
        with contextlib.suppress(InvalidRequest):
            return parsing.parse_phone(caller_number, organization.phone_region)
    return None


def _person(
    given: Mapping[str, object], organization: Organization, own: Phone | None
) -> tuple[Phone | None, Email | None, tuple[Literal["phone", "email"], ...]]:
    """What identifies the person, and what was given but not understood."""
    phone, email = None, None
    refusals: dict[Literal["phone", "email"], InvalidRequest] = {}
    if not parsing.is_hidden_number(given.get("phone")):
        try:
            phone = parsing.parse_phone(given["phone"], organization.phone_region)
        except InvalidRequest as refusal:
            refusals["phone"] = refusal
    if phone is None:
        phone = _own_number(given["caller"], organization) if "caller" in given else own
    if "email" in given:
        try:
            email = parsing.parse_email(given["email"])
        except InvalidRequest as refusal:
            refusals["email"] = refusal
    if phone is None and email is None:
        raise next(iter(refusals.values()), missing_contact())
    return phone, email, tuple(refusals)


def _name(given: Mapping[str, object]) -> str | None:
    if "name" in given:
        return parsing.parse_text(given["name"], "patientName")
    parts = (given[part] for part in ("first_name", "last_name") if part in given)
    names = [parsing.parse_text(part, "patientName") for part in parts]
    return parsing.parse_text(" ".join(names), "patientName") if names else None


def _start(given: Mapping[str, object], zone: ZoneInfo) -> datetime:
    if "instant" not in given:
        day = parsing.parse_date(given.get("date"))
        return parsing.at_wall_clock(day, parsing.parse_time(given.get("time")), zone)
    instant = parsing.parse_instant(given["instant"], zone)
    local = instant.astimezone(zone)
    if ("date" in given and parsing.parse_date(given["date"]) != local.date()) or (
        "time" in given and parsing.parse_time(given["time"]) != local.time()
    ):
        problem = "The date and time given apart are not those given together"
        raise InvalidRequest("INVALID_DATE_TIME", "scheduledAt", problem)
    return instant
