"""What the tools share that find, move or cancel an appointment: who asks, which one is meant, and
the words for what is not done. Pure, but for the count of namings."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from http import HTTPStatus
from uuid import UUID
from zoneinfo import ZoneInfo

from booking_asgi.phrases import spoken
from booking_asgi.speech import Answer, FailureCode
from booking_asgi.tools.readings import own_number, read_day, read_name, read_start
from booking_asgi.tools.tool import Asked
from booking_core import (
    Actor,
    Caller,
    Choice,
    InvalidRequest,
    NotFound,
    Organization,
    SeveralFound,
    Staff,
    TooLate,
    is_absent,
    parse_phone,
)
from booking_core.errors import missing_contact

MOST_NAMINGS = 3
MOST_CALLS = 4096
STATUSES = {
    "NOT_FOUND": HTTPStatus.NOT_FOUND,
    "SEVERAL_FOUND": HTTPStatus.CONFLICT,
    "TOO_LATE": HTTPStatus.CONFLICT,
}
CODES = tuple(STATUSES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sought:
    """Who asks for an appointment of the organization, and which one is meant."""

    organization: Organization
    actor: Actor
    choice: Choice


def read_sought(asked: Asked, given: Mapping[str, object]) -> Sought:
    """A caller is whom the envelope names; no argument proves a number. A direct caller is the
    clinic's own staff, who name the contact's phone or the appointment's id."""
    since, until = _read_span(given, asked.organization.zone)
    actor: Actor
    if asked.call_id is not None:
        actor = Caller(
            call_id=asked.call_id,
            phone=own_number(asked.caller_number, asked.organization),
            name=read_name(given),
        )
        return Sought(
            organization=asked.organization, actor=actor, choice=Choice(since=since, until=until)
        )
    actor = Staff(name=asked.token_id or "unknown", via="api")
    named = asked.arguments.get("appointmentId")
    region = asked.organization.phone_region
    phone = parse_phone(given["phone"], region) if "phone" in given else None
    if phone is None and is_absent(named):
        raise missing_contact()
    choice = Choice(since=since, until=until, appointment_id=_read_id(named), phone=phone)
    return Sought(organization=asked.organization, actor=actor, choice=choice)


def _read_id(value: object) -> UUID | None:
    if is_absent(value):
        return None
    try:
        return UUID(str(value))
    except ValueError as error:
        raise InvalidRequest("INVALID_ARGUMENTS", "appointmentId", "It must be a UUID") from error


def _read_span(
    given: Mapping[str, object], zone: ZoneInfo
) -> tuple[datetime | None, datetime | None]:
    """A date is the whole day; with a time it is that start. A time alone is a question."""
    if "date" in given and "time" not in given and "instant" not in given:
        day = read_day(given["date"], "appointmentDate", datetime.now(zone).date())
        midnight = datetime.combine(day, time(0), zone)
        return midnight, datetime.combine(day + timedelta(days=1), time(0), zone)
    if "time" in given or "instant" in given:
        start = read_start(given, zone)
        return start, start + timedelta(minutes=1)
    return None, None


def why(error: Exception, request: object) -> FailureCode:
    return "BOOKING_FAILED"


def who(request: object) -> Mapping[str, str]:
    return {}


def answer_undone(
    outcome: NotFound | SeveralFound | TooLate, sought: Sought, undone: str, doing: str
) -> Answer:
    """The answer where it is not told which is meant, or the one that is meant can't be changed."""
    zone = sought.organization.zone
    match outcome:
        case NotFound():
            code = "NOT_FOUND"
            said, to_do = words_of_none(sought)
            told = f"none was found under this number and name. {to_do}"
        case TooLate():
            code = "TOO_LATE"
            when = spoken(outcome.scheduled_at, zone)
            said = f"{when} is too soon to be {doing} by phone. Shall somebody call you back?"
            told = f"{when} is too soon to be {doing} by phone. Offer that somebody from the clinic"
            told += " calls back, and do not try again."
        case SeveralFound() if outcome.cancelled_before is not None:
            code = "SEVERAL_FOUND"
            gone = spoken_start(outcome.cancelled_before, zone)
            rest = _listed(outcome.starts, zone)
            stands = "stand" if len(outcome.starts) > 1 else "stands"
            said = f"{gone} is cancelled. {rest} still {stands}. Should that be {doing} too?"
            told = f"{gone} was cancelled in this call, and {rest} still {stands}. Ask whether that"
            told += " is meant too. If so, call again with its date and time."
        case SeveralFound():
            code = "SEVERAL_FOUND"
            rest = _listed(outcome.starts, zone)
            said = f"I have {rest}. Which one do you mean?"
            told = (
                f"there is more than one appointment: {rest}. Ask which one, then call again with"
            )
            told += " its date and time."
    return Answer(
        status=STATUSES[code],
        code=code,
        message="No appointment is meant, or more than one" if code != "TOO_LATE" else "Too late",
        said=said,
        told=f"{undone}: {told}",
    )


def words_of_none(sought: Sought) -> tuple[str, str]:
    """What a person hears, and what the model is to do: one and the same for no number, a wrong
    name, and no appointment."""
    if NAMINGS.count(sought.actor) >= MOST_NAMINGS:
        return (
            "I can't find it. Shall somebody from the clinic call you back?",
            "Offer that somebody from the clinic calls back, and do not try again.",
        )
    return (
        "I can't find an appointment under this number and name. Which name was it booked under?",
        "Ask for the full name that it was booked under, then call again.",
    )


def spoken_start(start: datetime, zone: ZoneInfo) -> str:
    """Thursday, December 3 at 2:00 PM"""
    return f"{start.astimezone(zone):%A, %B %-d at %-I:%M %p}"


def _listed(starts: Sequence[datetime], zone: ZoneInfo) -> str:
    return "; and ".join(spoken_start(start, zone) for start in starts)


class Namings:
    """How often each call named somebody in vain: a hint for the answer, and no guarantee, since it
    is of this process alone."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, int] = OrderedDict()

    def count(self, actor: Actor) -> int:
        """Count one more of this call. Staff are not counted."""
        if isinstance(actor, Staff):
            return 0
        times = self._counts.pop(actor.call_id, 0) + 1
        self._counts[actor.call_id] = times
        if len(self._counts) > MOST_CALLS:
            self._counts.popitem(last=False)
        return times


NAMINGS = Namings()
