"""The tool cancelAppointment: the one appointment that is meant, or none."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import assert_never
from zoneinfo import ZoneInfo

import structlog

from booking_asgi.database import Lease
from booking_asgi.phrases import spoken
from booking_asgi.speech import Answer
from booking_asgi.tools import held
from booking_asgi.tools.arguments import by_meaning
from booking_asgi.tools.held import Sought, answer_undone, read_sought
from booking_asgi.tools.tool import Asked, Tool
from booking_core import Cancelled, Limits, NotFound, SeveralFound, TooLate, cancel
from booking_core.changes import CancelOutcome

NAME = "cancelAppointment"
PATH = "cancel-appointment"
DESCRIPTION = (
    "Cancels one appointment of the caller. Call it only after the caller has said that they"
    " want to cancel, and has confirmed the date and time that you said back. Do not call it to"
    " move an appointment, nor a second time once the answer began with Cancelled. It knows the"
    " caller by the number that they call from. Say that it is cancelled only where the answer"
    " begins with Cancelled or Already cancelled, else do what it says."
)
OFFERED = {
    "name": "Full name of the person the appointment is for, as the caller says it.",
    "date": "Date of the appointment to cancel, as YYYY-MM-DD, if the caller said it.",
    "time": "Time of the appointment to cancel, as HH:MM, if the caller said it.",
}
RETURNS = {"scheduledAt": {"type": "string", "format": "date-time"}}
CALLED = re.compile(
    r"(?:.* )?(?:cancel|delete|remove) (?:(?:my|the|an?|existing|patient) )*"
    r"(?:appointments?|bookings?)(?: .*)?"
)
SPOKEN_OF = (
    "[Cc]ancel|[Cc]all (it|that|this) off|[Dd]elete|[Rr]emove|[Dd]rop|[Cc]an.?t (make|come)"
    "|[Nn]ot (coming|able)|[Aa]bsag|[Ss]torn|[Aa]nul|[Aa]nnul|[Dd]isdi"
)

log = structlog.get_logger("booking_asgi")


def is_called(name: str) -> bool:
    return bool(CALLED.fullmatch(name))


def read(asked: Asked) -> Sought:
    """Who asks, and which one is meant."""
    return read_sought(asked, by_meaning(asked.arguments))


async def run(lease: Lease, sought: Sought, limits: Limits) -> CancelOutcome:
    """Cancel it."""
    org_id = sought.organization.id
    outcome = await lease.run(cancel, org_id, sought.actor, sought.choice)
    if isinstance(outcome, Cancelled) and outcome.changed:
        log.info(
            "VapiTools: ✅ Cancelled appointment",
            appointmentId=str(outcome.appointment_id),
            orgId=str(org_id),
        )
    return outcome


def answer(outcome: CancelOutcome, sought: Sought, zone: ZoneInfo) -> Answer:
    match outcome:
        case Cancelled():
            when = spoken(outcome.scheduled_at, zone)
            return Answer(
                done=True,
                status=HTTPStatus.OK,
                code="CANCELLED" if outcome.changed else "REPEATED",
                said=f"Your appointment on {when} is cancelled.",
                told=f"{'Cancelled' if outcome.changed else 'Already cancelled'}: {when}.",
                content={"scheduledAt": outcome.scheduled_at.astimezone(zone).isoformat()},
            )
        case NotFound() | SeveralFound() | TooLate():
            return answer_undone(outcome, sought, "Not cancelled", "cancelled")
        case _:
            assert_never(outcome)


CANCEL_APPOINTMENT = Tool(
    name=NAME,
    path=PATH,
    description=DESCRIPTION,
    offered=OFFERED,
    required=("name",),
    undone="Not cancelled",
    doing="cancelling your appointment",
    codes=held.CODES,
    returns=RETURNS,
    spoken_of=SPOKEN_OF,
    is_called=is_called,
    read=read,
    run=run,
    why=held.why,
    who=held.who,
    answer=answer,
)
