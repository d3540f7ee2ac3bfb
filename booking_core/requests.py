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

    `scheduled_at` is aware, `duration_minutes` 5 to 480. Without a `resource` any free one is
    booked. A request that comes again with its `idempotency_key` finds its first booking.
    `misheard` names what was given but not understood, beside something that identifies the person.
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
    misheard: tuple[Literal["phone", "email"], ...] = ()

    def __post_init__(self) -> None:
        if self.phone is None and self.email is None:
            raise missing_contact()
        if self.scheduled_at.utcoffset() is None:
            raise InvalidRequest(
                "INVALID_DATE_TIME", "scheduled_at", "A date and time with a time zone is needed"
            )
        parsing.parse_duration(self.duration_minutes)
        key = self.idempotency_key
        if key is not None and key != parsing.parse_text(key, "idempotency_key"):
            problem = "Of white space it may hold single blanks within"
            raise InvalidRequest("INVALID_ARGUMENTS", "idempotency_key", problem)

    @classmethod
    def parse(
        cls,
        arguments: Mapping[str, object],
        organization: Organization,
        *,
        caller_number: object = None,
        idempotency_key: str | None = None,
    ) -> Self:
        """Read the arguments of a tool call or of a JSON body; `ARGUMENTS` lists the names.

        A date and a time are the organization's wall clock. `caller_number`, or an argument of the
        name, stands in for a phone that is not given. The past is not refused. Raises
        `InvalidRequest`, of the first problem.
        """
        given: dict[str, object] = {}
        for name, meaning in MEANINGS.items():  # our own name first
            if name in arguments and not parsing.is_absent(value := arguments[name]):
                given.setdefault(meaning, value)
        phone, email, misheard = _person(given, organization, given.get("caller", caller_number))
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
            misheard=misheard,
        )


def _person(
    given: Mapping[str, object], organization: Organization, caller_number: object
) -> tuple[Phone | None, Email | None, tuple[Literal["phone", "email"], ...]]:
    """What identifies the person, and what was given but not understood."""
    phone, email = None, None
    refusals: dict[Literal["phone", "email"], InvalidRequest] = {}
    if not parsing.is_hidden_number(given.get("phone")):
        try:
            phone = parsing.parse_phone(given["phone"], organization.phone_region)
        except InvalidRequest as refusal:
            refusals["phone"] = refusal
    if phone is None and not parsing.is_hidden_number(caller_number):
        with contextlib.suppress(InvalidRequest):
            phone = parsing.parse_phone(caller_number, organization.phone_region)
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
