"""A booking as it is asked for: from a mapping of arguments to one typed value. Pure."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from operator import itemgetter
from typing import Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from booking_core import spoken
from booking_core.contacts import check_person
from booking_core.errors import InvalidRequest, missing_contact
from booking_core.organizations import Organization
from booking_core.spoken import Email, Phone
from booking_core.spoken.dates import YEARS


@dataclass(frozen=True, slots=True)
class Argument:
    """What an argument is called, our name first, and what a model is told of it.

    Each name is read in any spelling: `patientName`, `patient_name`, "Patient Name". One that has
    no description is read, but not offered.
    """

    names: tuple[str, ...]
    description: str | None = None
    type: Literal["string", "integer"] = "string"


def _of_people(*names: str) -> tuple[str, ...]:
    """The names, ours first, and each as of a patient, a customer, and so on."""
    people = ("patient", "customer", "client", "caller", "contact", "attendee", "guest", "user")
    return (*names, *(f"{who}{name[0].upper()}{name[1:]}" for name in names for who in people))


ARGUMENTS: Mapping[str, Argument] = {
    "name": Argument(
        ("patientName", "name", "fullName", *_of_people("name", "fullName")),
        "Full name of the person the appointment is for.",
    ),
    "first_name": Argument(_of_people("firstName", "givenName")),
    "last_name": Argument(_of_people("lastName", "familyName", "surname")),
    "phone": Argument(
        (
            "patientPhone",
            *("phone", "phoneNumber", "callbackNumber", "contactNumber", "mobile", "mobileNumber"),
            *("cell", "cellPhone", "cellNumber", "telephone", "telephoneNumber", "tel"),
            *_of_people("phone", "phoneNumber", "mobile", "telephone"),
        ),
        "Phone number with its area code. Leave it out to use the number the caller calls from.",
    ),
    "caller": Argument(("callerNumber", "callerId")),
    "email": Argument(
        ("patientEmail", "email", "emailAddress", "eMail", *_of_people("email", "emailAddress")),
        "Email address, as sam@example.com. Needed only where there is no phone number.",
    ),
    "date": Argument(
        (
            "appointmentDate",
            *("date", "preferredDate", "bookingDate", "requestedDate", "startDate", "visitDate"),
            *("desiredDate", "day", "appointmentDay", "preferredDay"),
        ),
        "Date in the clinic's time zone, as YYYY-MM-DD.",
    ),
    "time": Argument(
        (
            "appointmentTime",
            *("time", "preferredTime", "bookingTime", "visitTime", "desiredTime", "timeOfDay"),
            *("slotTime", "hour"),
        ),
        "Time in the clinic's time zone, on the 24-hour clock, as HH:MM.",
    ),
    "instant": Argument(
        (
            "scheduledAt",
            *("startTime", "start", "requestedTime", "dateTime", "appointmentDateTime", "slot"),
            *("startDateTime", "scheduledTime", "scheduledFor", "startAt", "when", "startsAt"),
            *("preferredDateTime", "requestedDateTime", "timeSlot", "appointmentSlot", "timestamp"),
        ),
        "Only where an answer asks for it: date, time and offset as it names them.",
    ),
    "zone": Argument(("timeZone", "tz", "zone", "timeZoneId", "ianaTimeZone")),
    "service": Argument(
        (
            "serviceType",
            *("service", "reason", "appointmentType", "serviceName", "treatment", "procedure"),
            *("reasonForVisit", "visitReason", "visitType", "appointmentReason", "treatmentType"),
            *("purpose", "serviceRequested", "requestedService"),
        ),
        "What the appointment is for, in a few words.",
    ),
    "duration": Argument(
        (
            "duration",
            *("durationMinutes", "durationInMinutes", "durationMins", "appointmentDuration"),
            *("length", "appointmentLength", "lengthMinutes", "minutes", "serviceDuration"),
        ),
        "Length in minutes, 5 to 480; 30 if left out.",
        "integer",
    ),
    "resource": Argument(
        (
            "resource",
            *(
                "provider",
                "doctor",
                "practitioner",
                "dentist",
                "therapist",
                "clinician",
                "physician",
            ),
            *("hygienist", "stylist", "technician", "specialist", "staff", "staffMember", "room"),
            *("providerName", "doctorName", "practitionerName", "staffName", "resourceName"),
            *("preferredProvider", "preferredDoctor", "withWhom"),
        ),
        "Whom or what to book, by name. Leave it out unless the caller asks for somebody.",
    ),
}
"""The arguments that are read, by meaning."""


def _folded(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


# By name without case and signs, and how far from our own name it stands.
MEANINGS = {
    _folded(name): (meaning, rank)
    for meaning, it in reversed(list(ARGUMENTS.items()))
    for rank, name in reversed(list(enumerate(it.names)))
}
UNKNOWN = (None, 1000)
LONGEST_NAME = 64


@lru_cache(maxsize=1024)
def _meaning(name: str) -> tuple[str | None, int]:
    return MEANINGS.get(_folded(name), UNKNOWN) if len(name) <= LONGEST_NAME else UNKNOWN


# What is in the name of an argument that may be meant for us.
OURS = re.compile(
    r"name|phone|mobile|cell|number|mail|date|day|time|hour|slot|start|end|schedule|when|zone"
    r"|service|reason"
    r"|treatment|duration|length|minute|resource|provider|doctor|dentist|staff|therapist"
    r"|patient|customer"
    r"|client|caller|contact|attendee|appointment|booking"
)
# Said by the platform or the adapter itself.
NOT_OURS = {
    "orgid",
    "organizationid",
    "callid",
    "toolcallid",
    "assistantid",
    "appointmentid",
    "contactid",
}


def unread_arguments(arguments: Mapping[str, object]) -> list[str]:
    """The names of arguments that look like ours and say something, and yet are not read: of no
    known name, or a second value of one meaning. Pure."""
    read: dict[str, object] = {}
    unread = []
    for meaning, name in _by_rank(arguments):
        if meaning is None:
            if OURS.search(folded := _folded(name)) and folded not in NOT_OURS:
                unread.append(name)
        elif meaning in read and read[meaning] != arguments[name]:
            unread.append(name)
        else:
            read.setdefault(meaning, arguments[name])
    return unread


def _by_rank(arguments: Mapping[str, object]) -> list[tuple[str | None, str]]:
    """Each argument that says something, by its meaning: our own name first, unknown ones last."""
    known: list[tuple[int, str | None, str]] = []
    for name, value in arguments.items():
        meaning, rank = _meaning(name)
        if not spoken.is_absent(value, ABSENT_AS.get(meaning or "")):
            known.append((rank, meaning, name))
    known.sort(key=itemgetter(0))
    return [(meaning, name) for _, meaning, name in known]


ABSENT_AS: Mapping[str, spoken.Meaning] = {
    "name": "name",
    "phone": "phone",
    "email": "email",
    "service": "service",
    "resource": "resource",
}


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
        check_person(phone=self.phone, email=self.email, name=self.name)
        spoken.check_text(self.service_type, "service_type")
        _check_instant(self.scheduled_at)
        if type(self.duration_minutes) is not int:
            raise InvalidRequest("INVALID_ARGUMENTS", "duration_minutes", "It must be an int")
        spoken.parse_duration(self.duration_minutes)
        for field in ("resource", "idempotency_key", "call_id"):
            if (value := getattr(self, field)) is not None:
                spoken.check_text(value, field)
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
        for meaning, name in _by_rank(arguments):
            if meaning is not None:
                given.setdefault(meaning, arguments[name])
        own = _own_number(caller_number, organization)
        phone, email, misheard = _person(given, organization, own)
        return cls(
            org_id=organization.id,
            phone=phone,
            email=email,
            name=_name(given),
            service_type=spoken.parse_text(given.get("service", "Appointment"), "serviceType"),
            scheduled_at=_start(given, organization.zone),
            duration_minutes=spoken.parse_duration(given.get("duration", 30)),
            resource=spoken.parse_text(given["resource"], "resource")
            if "resource" in given
            else None,
            idempotency_key=idempotency_key,
            call_id=call_id,
            by_own_number=call_id is None or (phone is not None and phone == own),
            misheard=misheard,
        )


def _own_number(caller_number: object, organization: Organization) -> Phone | None:
    if not spoken.is_hidden_number(caller_number):
        with contextlib.suppress(InvalidRequest):
            return spoken.parse_phone(caller_number, organization.phone_region)
    return None


def _person(
    given: Mapping[str, object], organization: Organization, own: Phone | None
) -> tuple[Phone | None, Email | None, tuple[Literal["phone", "email"], ...]]:
    """What identifies the person, and what was given but not understood."""
    phone, email = None, None
    refusals: dict[Literal["phone", "email"], InvalidRequest] = {}
    if not spoken.is_hidden_number(given.get("phone")):
        try:
            phone = spoken.parse_phone(given["phone"], organization.phone_region)
        except InvalidRequest as refusal:
            refusals["phone"] = refusal
    if phone is None:
        phone = _own_number(given["caller"], organization) if "caller" in given else own
    if "email" in given:
        try:
            email = spoken.parse_email(given["email"])
        except InvalidRequest as refusal:
            refusals["email"] = refusal
    if phone is None and email is None:
        raise next(iter(refusals.values()), missing_contact())
    return phone, email, tuple(refusals)


def _name(given: Mapping[str, object]) -> str | None:
    if "name" in given:
        return spoken.parse_text(given["name"], "patientName")
    parts = (given[part] for part in ("first_name", "last_name") if part in given)
    names = [spoken.parse_text(part, "patientName") for part in parts]
    return spoken.parse_text(" ".join(names), "patientName") if names else None


def _start(given: Mapping[str, object], zone: ZoneInfo) -> datetime:
    """The one moment that all of a date, a time and an instant say together."""
    named = spoken.find_zone(given["zone"], "timeZone") if "zone" in given else None
    moments = [
        (FIELDS[kind], spoken.read_moment(given[kind], FIELDS[kind], KINDS[kind]))
        for kind in FIELDS
        if kind in given
    ]
    whole = [
        spoken.instant(moment.day, moment.clock, moment.zone or named, zone, field)
        for field, moment in moments
        if moment.day and moment.clock
    ]
    home = named if isinstance(named, ZoneInfo | timezone) else zone
    parts = [moment for _, moment in moments]
    # In the clinic's time, or in that of the zone that was named.
    locals_ = [found.astimezone(home) for found in whole]
    days = {found.date() for found in locals_} | {
        moment.day for moment in parts if moment.day and not moment.clock
    }
    clocks = {found.time() for found in locals_} | {
        moment.clock for moment in parts if moment.clock and not moment.day
    }
    if len(days) > 1 or len(clocks) > 1 or len(set(whole)) > 1:
        problem = "The date and time given apart are not those given together"
        raise InvalidRequest("INVALID_DATE_TIME", "scheduledAt", problem)
    if not days or not clocks:
        missing = "date" if not days else "time"
        raise _missing(missing, both=not days and not clocks)
    if whole:
        return whole[0]
    apart = next((moment.zone for moment in parts if moment.zone), None)
    return spoken.instant(days.pop(), clocks.pop(), apart or named, zone, "appointmentTime")


FIELDS = {"date": "appointmentDate", "time": "appointmentTime", "instant": "scheduledAt"}
KINDS: Mapping[str, spoken.Kind] = {"date": "day", "time": "clock", "instant": "both"}


def _missing(what: str, *, both: bool) -> InvalidRequest:
    problem = "A date and a time are needed" if both else f"A {what} is needed"
    return InvalidRequest("INVALID_DATE_TIME", FIELDS[what], problem, remedy="ask")


def _check_instant(value: object) -> None:
    """Raise `InvalidRequest` for what is not an aware datetime to the minute."""
    problem = None
    if not isinstance(value, datetime):
        problem = "It must be a datetime"
    elif value.utcoffset() is None:
        problem = "A date and time with a time zone is needed"
    elif value.second or value.microsecond or value.year not in YEARS:
        problem = f"It must be to the minute, from {YEARS.start} to {YEARS.stop - 1}"
    if problem is not None:
        raise InvalidRequest("INVALID_DATE_TIME", "scheduled_at", problem)
