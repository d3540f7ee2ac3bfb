"""What goes wrong, beside what PostgreSQL says itself.

    BookingError
    ├── InvalidRequest          the caller must change the request
    ├── OrganizationNotReady    the tenant's set-up must be mended
    ├── ContactNotResolved      a key, trigger or rule of the database's own refuses the contact
    ├── AppointmentRefused      a trigger, rule or key of the database's own drops the row
    └── BookingNotSettled       try again

Every other failure is asyncpg's own error, its SQLSTATE untouched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

InvalidCode = Literal[
    "AMBIGUOUS_TIME",
    "IDEMPOTENCY_KEY_REUSED",
    "INVALID_ARGUMENTS",
    "INVALID_DATE_TIME",
    "INVALID_EMAIL",
    "INVALID_PHONE",
    "INVALID_RESOURCE",
    "MISSING_CONTACT_INFO",
    "NONEXISTENT_TIME",
    "PAST_DATE",
]

Remedy = Literal["ask", "correct"]


class BookingError(Exception):
    """The base of what this library raises itself."""


class InvalidRequest(BookingError):
    """The request can't be taken as it is; nothing was written.

    `code` is for programs, `field` is the argument at fault, `problem` says in words what is wrong
    with it and repeats nothing personal. `readings` are the two instants that a time lost or
    doubled by a change of the clocks may mean, in the organization's zone. `choices` are names of
    resources to choose from. `remedy` is whether the caller has to be asked, or whoever wrote the
    request can correct its form.
    """

    def __init__(
        self,
        code: InvalidCode,
        field: str,
        problem: str,
        readings: tuple[datetime, ...] = (),
        choices: tuple[str, ...] = (),
        remedy: Remedy = "correct",
    ) -> None:
        super().__init__(f"{code}: {field}: {problem}")
        self.code = code
        self.field = field
        self.problem = problem
        self.readings = readings
        self.choices = choices
        self.remedy = remedy


def missing_contact() -> InvalidRequest:
    return InvalidRequest("MISSING_CONTACT_INFO", "phone", "Either email or phone is required")


class OrganizationNotReady(BookingError):
    """The organization has no resource to book, or no usable time zone or region."""


class ContactNotResolved(BookingError):
    """Nothing is booked, and trying again will not help: a unique key of your own refuses a new
    contact for the email, and yet none is found by it; or a trigger or rule drops the row."""


class AppointmentRefused(BookingError):
    """Nothing is booked, and trying again will not help: the database drops the row without an
    error. A trigger before the insert, a rule, or a unique key of your own on `appointments` does
    so; the message names those that are there."""


class BookingNotSettled(BookingError):
    """Nothing is booked, and it is not taken either: try again.

    A resource was free at every look, yet others took it and gave it back each time.
    """


Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is amiss: an error can't work, a warning works without a guarantee, a note is to know.

    `problem` is one sentence that repeats no contact's data; `mend` is the SQL that ends it, to be
    read before it is run, with what only you know as a variable of psql (`:'timezone'`).
    """

    what: str
    severity: Severity
    problem: str
    mend: str | None = None
