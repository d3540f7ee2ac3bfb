"""The tool moveAppointment: one appointment to another time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TypeAlias, assert_never
from zoneinfo import ZoneInfo

import structlog

from booking_asgi.database import Lease
from booking_asgi.phrases import spoken
from booking_asgi.speech import Answer
from booking_asgi.tools import held
from booking_asgi.tools.arguments import by_meaning
from booking_asgi.tools.free_times import Refused, find_near, of_refused
from booking_asgi.tools.held import Sought, answer_undone, read_sought, spoken_start
from booking_asgi.tools.readings import check_future, read_start
from booking_asgi.tools.tool import Asked, Tool
from booking_core import (
    Limits,
    Moved,
    NotFound,
    OutsideHours,
    SeveralFound,
    SlotTaken,
    TooLate,
    move,
)
from booking_core.spoken import parse_text

NAME = "moveAppointment"
PATH = "move-appointment"
DESCRIPTION = (
    "Moves one appointment of the caller to another time. Call it once the caller has said that"
    " they want to move it, and the new date and time. Do not call it to book a further"
    " appointment, and do not cancel the old one: it keeps the old time until the new one is"
    " sure. It knows the caller by the number that they call from. If the new time can't be had,"
    " the answer names free ones: offer these. Say that it is moved only where the answer begins"
    " with Moved, else do what it says."
)
OFFERED = {
    "name": "Full name of the person the appointment is for, as the caller says it.",
    "new_date": None,
    "new_time": None,
    "date": "Date that the appointment has now, as YYYY-MM-DD, if the caller said it.",
    "time": "Time that the appointment has now, as HH:MM, if the caller said it.",
    "resource": "Whom or what to move it to, by name. Leave it out unless the caller asks for it.",
}
RETURNS = {
    "appointmentId": {"type": "string", "format": "uuid"},
    "scheduledAt": {"type": "string", "format": "date-time"},
}
CALLED = re.compile(
    r"(?:.* )?(?:move|reschedule|change|rebook|update|modify|shift|postpone)"
    r" (?:(?:my|the|an?|existing|patient) )*(?:appointments?|bookings?)(?: .*)?"
)
SPOKEN_OF = (
    "[Mm]ov|[Cc]hang|[Rr]e-?sched|[Ss]hift|[Pp]ostpon|[Pp]ush|[Ss]witch|[Ii]nstead|[Aa]nother"
    "|[Dd]ifferent|[Ll]ater|[Ee]arlier|[Oo]ther|[Vv]erschieb|[Vv]erleg|[Cc]ambi|[Mm]ud|[Dd].plac"
)
NEW = {"date": "newDate", "time": "newTime", "instant": "newScheduledAt"}

log = structlog.get_logger("booking_asgi")


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Which appointment is meant, and where to."""

    sought: Sought
    to: datetime
    resource: str | None


Outcome: TypeAlias = Moved | Refused | NotFound | SeveralFound | TooLate


def is_called(name: str) -> bool:
    return bool(CALLED.fullmatch(name))


def read(asked: Asked) -> Request:
    """Who asks, which one is meant, and where to. Refuses the past, and what lies beyond the
    horizon."""
    given = by_meaning(asked.arguments)
    zone = asked.organization.zone
    to = read_start(_new(given), zone, NEW)
    check_future(to, asked.organization, asked.horizon_days, "newDate")
    return Request(
        sought=read_sought(asked, given),
        to=to,
        resource=parse_text(given["resource"], "resource") if "resource" in given else None,
    )


def _new(given: Mapping[str, object]) -> dict[str, object]:
    """The arguments of the new start, as those of a start are called."""
    named = {"new_date": "date", "new_time": "time", "new_instant": "instant", "zone": "zone"}
    return {named[meaning]: value for meaning, value in given.items() if meaning in named}


async def run(lease: Lease, request: Request, limits: Limits) -> Outcome:
    """Move it, or find free times near."""
    sought, org_id = request.sought, request.sought.organization.id
    outcome = await lease.run(
        move, org_id, sought.actor, sought.choice, to=request.to, resource=request.resource
    )
    if isinstance(outcome, Moved) and outcome.changed:
        log.info(
            "VapiTools: ✅ Moved appointment",
            appointmentId=str(outcome.appointment_id),
            orgId=str(org_id),
        )
    if not isinstance(outcome, SlotTaken | OutsideHours):
        return outcome
    if (kept := outcome.kept) is None:
        return Refused(outcome=outcome)
    free = await find_near(
        lease,
        org_id,
        request.to,
        service_type=kept.service_type,
        duration_minutes=kept.duration_minutes,
        resource=request.resource or kept.resource,
        ignored_id=kept.appointment_id,
    )
    return Refused(outcome=outcome, free=free)


def who(request: Request) -> Mapping[str, str]:
    return {}


def answer(outcome: Outcome, request: Request, zone: ZoneInfo) -> Answer:
    match outcome:
        case Moved():
            when = spoken(outcome.scheduled_at, zone)
            before = outcome.old_start
            told = f"Moved: it is on {when}."
            if before is not None:
                told = f"Moved: from {spoken_start(before, zone)} to {when}."
            return Answer(
                done=True,
                status=HTTPStatus.OK,
                code="MOVED" if outcome.changed else "REPEATED",
                said=f"Your appointment is on {when} now.",
                told=told,
                content={
                    "appointmentId": str(outcome.appointment_id),
                    "scheduledAt": outcome.scheduled_at.astimezone(zone).isoformat(),
                },
            )
        case Refused():
            is_taken = isinstance(outcome.outcome, SlotTaken)
            undone = "Not moved, the old time stands"
            said, told, offered = of_refused(outcome, request.resource, zone, undone)
            return Answer(
                status=HTTPStatus.CONFLICT,
                code="SLOT_UNAVAILABLE" if is_taken else "OUTSIDE_HOURS",
                message="The time is taken" if is_taken else "Nothing is open at that time",
                said=said,
                told=told,
                content={"freeTimes": [one.astimezone(zone).isoformat() for one in offered]},
            )
        case NotFound() | SeveralFound() | TooLate():
            return answer_undone(outcome, request.sought, "Not moved", "moved")
        case _:
            assert_never(outcome)


MOVE_APPOINTMENT = Tool(
    name=NAME,
    path=PATH,
    description=DESCRIPTION,
    offered=OFFERED,
    required=("name", "new_date", "new_time"),
    undone="Not moved",
    doing="moving your appointment",
    codes=("SLOT_UNAVAILABLE", "OUTSIDE_HOURS", *held.CODES),
    returns=RETURNS,
    spoken_of=SPOKEN_OF,
    is_called=is_called,
    read=read,
    run=run,
    why=held.why,
    who=who,
    answer=answer,
)
