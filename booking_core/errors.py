"""The errors of this library. All others are asyncpg's own.

    BookingError
    ├── InvalidRequest          the caller must change the request
    ├── OrganizationNotFound    there is no organization of this id
    ├── OrganizationNotReady    the organization's row or resources must be mended
    ├── ContactNotResolved      a key, trigger or rule of the database's own refuses the contact
    ├── AppointmentRefused      a trigger, rule or key of the database's own drops the row
    └── BookingNotSettled       try again

Every other failure is asyncpg's own error, its SQLSTATE untouched.
"""

from __future__ import annotations

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


class OrganizationNotFound(BookingError):
    """There is no organization of this id; nothing was written."""


class OrganizationNotReady(BookingError):
    """The organization can't take bookings: its row has no usable time zone or phone region, or it
    has no resource. Nothing was written."""


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
