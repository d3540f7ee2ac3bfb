"""The direct contract: the arguments are the whole body, and the status is the outcome's. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from zoneinfo import ZoneInfo

from booking_asgi import codec, speech
from booking_asgi.speech import Failure, Outcome
from booking_core import Booked, BookingRequest, InvalidRequest, LimitReached, SlotTaken

MESSAGES = {
    "BOOKING_FAILED": "The appointment could not be written",
    "CONTACT_CREATION_FAILED": "The contact could not be written",
    "CONTACT_RESOLUTION_FAILED": "Unable to create or find contact record",
    "CONTACT_UPSERT_FAILED": "The contact could not be written",
    "TEMPORARILY_UNAVAILABLE": "The booking could not be confirmed; repeat the same request",
}


def render(
    outcome: Outcome, zone: ZoneInfo, request: BookingRequest | None = None
) -> tuple[int, dict[str, object]]:
    """The status and the body of a reply."""
    said = speech.say(outcome, zone, request)
    match outcome:
        case Booked():
            content = {
                "success": True,
                "appointmentId": str(outcome.appointment_id),
                "contactId": str(outcome.contact_id),
                "scheduledAt": outcome.scheduled_at.astimezone(zone).isoformat(),
                "message": said,
            }
            return HTTPStatus.OK, _reply(content, said)
        case SlotTaken():
            return failure(HTTPStatus.CONFLICT, "SLOT_UNAVAILABLE", "The time is taken", said)
        case LimitReached():
            message = "No more appointments can be booked in this way"
            code = "TOO_MANY_APPOINTMENTS"
            return failure(HTTPStatus.TOO_MANY_REQUESTS, code, message, said)
        case InvalidRequest():
            reused = outcome.code == "IDEMPOTENCY_KEY_REUSED"
            status = HTTPStatus.UNPROCESSABLE_ENTITY if reused else HTTPStatus.BAD_REQUEST
            return failure(status, outcome.code, outcome.problem, said)
        case Failure():
            out = outcome.code == "TEMPORARILY_UNAVAILABLE"
            fault = HTTPStatus.SERVICE_UNAVAILABLE if out else HTTPStatus.INTERNAL_SERVER_ERROR
            return failure(fault, outcome.code, MESSAGES[outcome.code], said)


def failure(status: int, code: str, message: str, said: str) -> tuple[int, dict[str, object]]:
    content = {"success": False, "error": code, "message": message}
    return status, _reply(content, said)


def _reply(content: Mapping[str, object], said: str) -> dict[str, object]:
    return {"toolResult": {"content": codec.encode(content)}, "speech": said}
