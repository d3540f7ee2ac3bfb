"""What a model or a JSON body calls the arguments: each name, and what it means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Literal

from booking_core import spoken


@dataclass(frozen=True, slots=True)
class Argument:
    """The names of an argument, ours first, and the description that a model gets.

    Each name is read in any spelling: `patientName`, `patient_name`, "Patient Name". One that has
    no description is read, but not offered.
    """

    names: tuple[str, ...]
    description: str | None = None
    type: Literal["string", "integer"] = "string"
    choices: tuple[str, ...] = ()


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
    "new_date": Argument(
        (
            "newDate",
            *("newAppointmentDate", "newDay", "rescheduleDate", "targetDate", "moveToDate"),
            *("rescheduledDate", "newStartDate"),
        ),
        "Date to move it to, in the clinic's time zone, as YYYY-MM-DD.",
    ),
    "new_time": Argument(
        (
            "newTime",
            *("newAppointmentTime", "rescheduleTime", "targetTime", "moveToTime", "newHour"),
            *("rescheduledTime",),
        ),
        "Time to move it to, in the clinic's time zone, on the 24-hour clock, as HH:MM.",
    ),
    "new_instant": Argument(
        (
            "newScheduledAt",
            *("newStartTime", "newStart", "newDateTime", "rescheduleTo", "moveTo", "newSlot"),
            *("newAppointmentDateTime", "newStartAt"),
        )
    ),
    "until": Argument(
        ("untilDate", "until", "endDate", "toDate", "lastDate", "dateTo", "latestDate"),
        "The last day to look at, as YYYY-MM-DD, where the caller does not mind which day.",
    ),
    "part": Argument(
        ("partOfDay", "dayPart", "preferredPartOfDay", "period"),
        "Only if the caller said so.",
        choices=("morning", "afternoon", "evening"),
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


# An argument whose name contains one of these may be meant for us.
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


def by_meaning(arguments: Mapping[str, object]) -> dict[str, object]:
    """The first value of each meaning that says something; our own name goes first. Pure."""
    given: dict[str, object] = {}
    for meaning, name in _by_rank(arguments):
        if meaning is not None:
            given.setdefault(meaning, arguments[name])
    return given


def names_by_meaning(arguments: Mapping[str, object]) -> dict[str | None, str]:
    """The names of the arguments that `by_meaning` reads, as they are written. Pure."""
    names: dict[str | None, str] = {}
    for meaning, name in _by_rank(arguments):
        names.setdefault(meaning, name)
    return names


def _by_rank(arguments: Mapping[str, object]) -> list[tuple[str | None, str]]:
    """The meaning and the name of each argument that says something: our own names first, unknown
    names last."""
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
