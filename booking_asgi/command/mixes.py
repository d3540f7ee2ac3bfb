"""The requests of a race, and a check of the answers against the rows. Pure."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

from booking_core import (
    Appointment,
    Booked,
    BookingRequest,
    Email,
    OutsideHours,
    Phone,
    SlotTaken,
)

MIXES = ("slot", "phone", "email", "overlap", "repeat")
# So far ahead that nothing else on the database takes them for this week's.
START = datetime(2100, 1, 4, tzinfo=UTC)
GRID = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Requests that are sent at once, and the number of rows that must be there then. If
    `appointments` is None, as many as fit."""

    resources: Sequence[str]
    requests: Sequence[BookingRequest]
    contacts: int
    appointments: int | None = None


@dataclass(frozen=True)
class Answer:
    """The answer to one request. `told` is text if the answer is an error. `seconds` count from the
    common start."""

    request: BookingRequest
    told: Booked | SlotTaken | OutsideHours | str
    seconds: float


Cells: TypeAlias = set[tuple[str, datetime]]


def make_mix(name: str, org_id: UUID, callers: int, slots: int) -> Mix:
    """The requests of a mix, each with a key of its own, as the endpoint gives it."""
    # None of them is anybody's: there is no area code 555, and example.com takes no mail.
    phones = [Phone(f"+1555200{number:04}") for number in range(callers)]
    email = Email("race@example.com")
    resources = [f"race {number}" for number in range(1, slots + 1)]

    def ask(start: int, minutes: int = 5, **fields: Any) -> BookingRequest:
        return BookingRequest(
            **{"org_id": org_id, "idempotency_key": uuid4().hex, **fields},
            scheduled_at=START + start * GRID,
            duration_minutes=minutes,
        )

    match name:
        case "slot":
            asked = [ask(0, phone=phone) for phone in phones]
            fit = min(slots, callers)
            return Mix(resources=resources, requests=asked, contacts=callers, appointments=fit)
        case "phone" | "email":
            person = {"phone": phones[0]} if name == "phone" else {"email": email}
            asked = [ask(number, **person) for number in range(callers)]
            return Mix(resources=resources, requests=asked, contacts=1, appointments=callers)
        case "overlap":
            # As many hours as would hold about half of them.
            places = max(1, 6 * callers // slots)
            people = phones[:100]
            asked = [
                ask(
                    random.randrange(places),
                    5 * random.randint(1, 24),
                    phone=people[number % len(people)],
                    name=f"Caller {number}",  # so that none repeats another's
                    resource=random.choice([None, *resources]),
                )
                for number in range(callers)
            ]
            return Mix(resources=resources, requests=asked, contacts=len(people))
        case _:
            different = [ask(number, phone=phone) for number, phone in enumerate(phones[:10])]
            count = len(different)
            # Those of one request stand next to each other, so that they come at the same moment.
            asked = [different[number * count // callers] for number in range(callers)]
            # One more than there are slots: only the keys keep a repeat out of a free one.
            resources.append(f"race {slots + 1}")
            return Mix(resources=resources, requests=asked, contacts=count, appointments=count)


def broken_promises(
    mix: Mix, answers: Sequence[Answer], rows: Sequence[Appointment], contacts: int
) -> Iterator[str]:
    """A line for each promise that the answers and the rows break. Pure."""
    errors = Counter(answer.told for answer in answers if isinstance(answer.told, str))
    for error, count in errors.items():
        yield f"{count} callers got no answer but an error: {error}"
    if overlaps := sum(row.overlaps for row in rows):
        yield f"{overlaps} appointments begin before an earlier one of the resource ends"
    if mix.appointments not in (None, len(rows)):
        yield f"{len(rows)} appointments stand, and not {mix.appointments}"
    if mix.contacts != contacts:
        yield f"{contacts} contacts stand, and not {mix.contacts}"
    standing = {row.id: row for row in rows}
    told = [(one.request, one.told) for one in answers if isinstance(one.told, Booked)]
    if wrong := sum(not _is_true(asked, said, standing) for asked, said in told):
        yield f"{wrong} callers were told of an appointment that does not stand so"
    if secret := len(standing.keys() - {said.appointment_id for _, said in told}):
        yield f"{secret} appointments stand of which nobody was told"
    pairs = {(asked.idempotency_key, said.appointment_id) for asked, said in told}
    if doubled := len(pairs) - len({key for key, _ in pairs}):
        yield f"{doubled} repeats of a request were told of another appointment"
    held: Cells = {
        (row.resource, cell)
        for row in rows
        for cell in _cells(row.scheduled_at, row.duration_minutes)
    }
    refused = [one.request for one in answers if isinstance(one.told, SlotTaken)]
    if untrue := sum(_is_free(asked, mix.resources, held) for asked in refused):
        yield f"{untrue} callers heard that it is taken, and it is free"


def _is_true(asked: BookingRequest, said: Booked, standing: Mapping[UUID, Appointment]) -> bool:
    return asked.scheduled_at == said.scheduled_at and standing.get(
        said.appointment_id
    ) == Appointment(
        id=said.appointment_id,
        contact_id=said.contact_id,
        resource=asked.resource or said.resource,
        scheduled_at=said.scheduled_at,
        duration_minutes=asked.duration_minutes,
        overlaps=False,
    )


def _is_free(asked: BookingRequest, resources: Sequence[str], held: Cells) -> bool:
    """Whether the time is free at the end, and so was free before: no booking is taken back."""
    wanted = list(_cells(asked.scheduled_at, asked.duration_minutes))
    among = resources if asked.resource is None else [asked.resource]
    return any(held.isdisjoint((resource, cell) for cell in wanted) for resource in among)


def _cells(start: datetime, minutes: int) -> Iterator[datetime]:
    return (start + number * GRID for number in range(minutes // 5))
