"""The tool findAppointments: the caller's next appointments, and whether a booking did work."""

from __future__ import annotations

import re
from http import HTTPStatus
from zoneinfo import ZoneInfo

import structlog

from booking_asgi.database import Lease
from booking_asgi.speech import Answer, FailureCode
from booking_asgi.tools import held
from booking_asgi.tools.arguments import by_meaning
from booking_asgi.tools.held import Sought, read_sought, spoken_start, words_of_none
from booking_asgi.tools.tool import Asked, Tool
from booking_core import Held, Limits, find_appointments

NAME = "findAppointments"
PATH = "find-appointments"
DESCRIPTION = (
    "Says which appointments the caller has. Call it where the caller asks when their"
    " appointment is, or whether a booking went through after there was no answer. Do not call"
    " it to look for free times, nor before every move or cancellation: these find the"
    " appointment themselves. It knows the caller by the number that they call from. It changes"
    " nothing."
)
OFFERED = {
    "name": "Full name of the person the appointment is for, as the caller says it.",
}
RETURNS = {
    "appointments": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "appointmentId": {"type": "string", "format": "uuid"},
                "scheduledAt": {"type": "string", "format": "date-time"},
            },
        },
    }
}
CALLED = re.compile(
    r"(?:.* )?(?:find|get|list|look up|lookup|show|check|search)"
    r" (?:(?:my|the|an?|existing|upcoming|patient|booked) )*(?:appointments?|bookings?)(?: .*)?"
)
# These words make it a search for free times.
OF_TIMES = re.compile(r"\b(?:times?|slots?|availability|free|available|open|openings?)\b")
COUNTS = ("No", "One", "Two", "Three")

log = structlog.get_logger("booking_asgi")


def is_called(name: str) -> bool:
    return bool(CALLED.fullmatch(name)) and not OF_TIMES.search(name)


def read(asked: Asked) -> Sought:
    """Who asks."""
    return read_sought(asked, by_meaning(asked.arguments))


async def run(lease: Lease, sought: Sought, limits: Limits) -> list[Held]:
    """Look them up."""
    org_id = sought.organization.id
    found = await lease.run(find_appointments, org_id, sought.actor, sought.choice)
    log.info("VapiTools: Appointments looked up", found=len(found), orgId=str(org_id))
    return found


def why(error: Exception, sought: Sought) -> FailureCode:
    return "SEARCH_FAILED"


def answer(found: list[Held], sought: Sought, zone: ZoneInfo) -> Answer:
    if not found:
        said, to_do = words_of_none(sought)
        return Answer(
            status=HTTPStatus.NOT_FOUND,
            code="NOT_FOUND",
            message="None was found",
            said=said,
            told=f"None found under this number and name. {to_do}",
        )
    starts = [
        spoken_start(one.scheduled_at, zone)
        + (", booked in this call" if one.is_of_this_call else "")
        for one in found
    ]
    noun = "appointment" if len(found) == 1 else "appointments"
    told = f"{COUNTS[len(found)]} {noun}: {'; and '.join(starts)}."
    return Answer(
        done=True,
        status=HTTPStatus.OK,
        code="FOUND",
        said=f"I have {'; and '.join(starts)}.",
        told=told,
        content={
            "appointments": [
                {
                    "appointmentId": str(one.id),
                    "scheduledAt": one.scheduled_at.astimezone(zone).isoformat(),
                }
                for one in found
            ]
        },
    )


FIND_APPOINTMENTS = Tool(
    name=NAME,
    path=PATH,
    description=DESCRIPTION,
    offered=OFFERED,
    required=("name",),
    undone="None found",
    doing="looking for your appointment",
    changes=False,
    codes=("NOT_FOUND",),
    returns=RETURNS,
    is_called=is_called,
    read=read,
    run=run,
    why=why,
    who=held.who,
    answer=answer,
)
