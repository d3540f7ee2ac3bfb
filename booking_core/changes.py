"""What a change of an appointment is asked with and ends in, as values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from booking_core.errors import InvalidRequest
from booking_core.outcomes import OutsideHours, SlotTaken
from booking_core.requests import check_aware
from booking_core.spoken import Phone

Ending = Literal["completed", "no_show"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Which appointment is meant: of those that the actor may change, the one that starts from
    `since` on and before `until`, which are aware; without them the only one that there is. Staff
    name it by its `appointment_id`, or by the `phone` of its contact; a caller names neither.

    Raises `InvalidRequest` for one of `since` and `until` alone, and for what is not aware.
    """

    since: datetime | None = None
    until: datetime | None = None
    appointment_id: UUID | None = None
    phone: Phone | None = None

    def __post_init__(self) -> None:
        if (self.since is None) != (self.until is None):
            raise InvalidRequest("INVALID_ARGUMENTS", "until", "Give since and until, or neither")
        for field in ("since", "until"):
            if (value := getattr(self, field)) is not None:
                check_aware(value, field)


ANY = Choice()


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """An active appointment that is still to come. `is_of_this_call`: the same call booked it."""

    id: UUID
    scheduled_at: datetime
    duration_minutes: int
    resource: str
    service_type: str
    attendee_name: str | None
    is_of_this_call: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class DayAppointment:
    """An appointment of a day, whatever became of it, with its contact's name and phone."""

    id: UUID
    contact_id: UUID
    resource: str
    service_type: str
    scheduled_at: datetime
    duration_minutes: int
    status: str
    attendee_name: str | None
    contact_name: str | None
    phone: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """The appointment starts at `scheduled_at` now. `changed` is false where it did so before: the
    request is a repeat, and `old_start` is None."""

    appointment_id: UUID
    scheduled_at: datetime
    old_start: datetime | None
    resource: str
    changed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Cancelled:
    """The appointment is cancelled. `changed` is false where it was so before: the request is a
    repeat, and `appointment_id` is None."""

    appointment_id: UUID | None
    scheduled_at: datetime
    changed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class NotFound:
    """There is none that is meant and that the actor may change. Nothing tells whether there is one
    of somebody else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SeveralFound:
    """It is not told which is meant; nothing was changed. `starts` are the first four.
    `cancelled_before` is the start of one that this call cancelled before: a request without a time
    may be a repeat of that."""

    starts: tuple[datetime, ...]
    cancelled_before: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TooLate:
    """It starts too soon to be changed by a caller, or would start too soon: see
    `cancel_until_minutes` of organizations."""

    scheduled_at: datetime


CancelOutcome: TypeAlias = Cancelled | NotFound | SeveralFound | TooLate
MoveOutcome: TypeAlias = Moved | SlotTaken | OutsideHours | NotFound | SeveralFound | TooLate
