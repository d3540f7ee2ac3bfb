"""The outcomes of a booking, as values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from booking_core.contacts import ContactMatch

RecognisedBy = Literal["key", "call", "contact"]
ClosedBy = Literal["hours", "closure", "notice"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Booked:
    """The appointment that stands, as it is stored.

    `created` is false where the request repeats it. `recognised_by` then says how it was found: by
    the idempotency key, as the same person's in the same call, or by contact, start and attendee
    alone. What is stored of one found by `"contact"` is not for the caller's ears: another person
    may have said it. `attendee_given` is whether a request said the attendee's name; else it is the
    contact's, or None. `scheduled_at` is aware, in UTC. `is_one_of_several` is whether the
    organization has other resources than this one.

    `is_as_long` is whether it takes as long as this request asks for, or as its service needs.
    `others_at_this_start` is how many appointments the same call had booked for the same start
    before this one, `other_start` the start of the last one that it booked before for another
    time. `contact_changes` names the columns of a contact that this request changed. For
    `email_kept` see `ResolvedContact`.
    """

    appointment_id: UUID
    contact_id: UUID
    resource: str
    is_one_of_several: bool = False
    service_type: str
    scheduled_at: datetime
    duration_minutes: int
    attendee_name: str | None
    attendee_given: bool = True
    created: bool
    recognised_by: RecognisedBy | None = None
    is_as_long: bool = True
    others_at_this_start: int = 0
    other_start: datetime | None = None
    contact_match: ContactMatch
    contact_changes: tuple[str, ...] = ()
    email_kept: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """The appointment that was to be moved, and stays as it is."""

    appointment_id: UUID
    scheduled_at: datetime
    resource: str
    service_type: str
    duration_minutes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotTaken:
    """Nothing is free at that time. The contact is kept: who lost a slot is still a lead.

    `held_for` is the attendee for whom the same call has booked that very time before.
    """

    contact_id: UUID
    scheduled_at: datetime
    held_for: str | None = None
    kept: Kept | None = None
    contact_match: ContactMatch
    contact_changes: tuple[str, ...] = ()
    email_kept: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class OutsideHours:
    """No resource that is meant is open at that time. The contact is kept, as for `SlotTaken`.

    `closed_by` says by what: the opening hours, a closure, or the notice that the service needs.
    """

    contact_id: UUID
    scheduled_at: datetime
    closed_by: ClosedBy
    kept: Kept | None = None
    contact_match: ContactMatch
    contact_changes: tuple[str, ...] = ()
    email_kept: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitReached:
    """As many appointments as `Limits` allow stand already, of the same call or the same contact.
    Nothing was written, the contact neither."""

    limit: Literal["call", "contact"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How many active appointments one call may book, and how many future ones a contact may have.

    Bookings from other numbers do not count against those from the contact's own. What comes at the
    same moment may pass a limit by as many as there are connections.
    """

    most_per_call: int | None = None
    most_per_contact: int | None = None


NO_LIMITS = Limits()
Outcome: TypeAlias = Booked | SlotTaken | OutsideHours | LimitReached


@dataclass(frozen=True, kw_only=True, slots=True)
class Appointment:
    """An active appointment. `overlaps` is true if an earlier one of its resource has not ended."""

    id: UUID
    contact_id: UUID
    resource: str
    scheduled_at: datetime
    duration_minutes: int
    overlaps: bool
