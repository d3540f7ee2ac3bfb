"""The intake: from a call's arguments to a request that may be booked. No database."""

from __future__ import annotations

import dataclasses
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import structlog

from booking_asgi import vapi
from booking_asgi.config import Config
from booking_asgi.logs import describe
from booking_asgi.speech import Failure, spoken_day
from booking_core import (
    BookingRequest,
    InvalidRequest,
    Organization,
    is_absent,
    unread_arguments,
)

# Only what looks like a name goes to the log.
NAME = re.compile(r"[A-Za-z][A-Za-z_ .-]{0,39}")
MOST_NAMES = 8

log = structlog.get_logger("booking_asgi")

Understood: TypeAlias = BookingRequest | InvalidRequest | Failure


def understand_call(
    config: Config,
    organization: Organization,
    message: vapi.Message,
    call: vapi.ToolCall,
    path: str | None,
) -> Understood:
    """Read one call of a message. `path` is the tool whose own path it came to, if any: a call
    without a name is then of that tool."""
    if not vapi.is_booking(call.name or path or ""):
        return Failure("UNKNOWN_TOOL")
    if call.arguments is None:
        return InvalidRequest("INVALID_ARGUMENTS", "arguments", "They are not a JSON object")
    if is_foreign(call.arguments, organization):
        return InvalidRequest("INVALID_ARGUMENTS", "orgId", "It is not this organization's")
    # Without a call or chat to belong to, nothing says that a second one is a repeat.
    call_id = message.conversation or secrets.token_hex()
    asked = understand(
        config,
        organization,
        call.arguments,
        caller_number=message.caller_number,
        call_id=call_id,
    )
    if isinstance(asked, BookingRequest):
        key = vapi.idempotency_key(call_id, "book-appointment", asked)
        asked = dataclasses.replace(asked, idempotency_key=key)
    return asked


def understand(
    config: Config,
    organization: Organization,
    arguments: Mapping[str, object],
    *,
    caller_number: object = None,
    call_id: str | None = None,
    idempotency_key: str | None = None,
) -> Understood:
    """Read the arguments, and refuse what this endpoint does not book. Never raises."""
    if unread := [name for name in unread_arguments(arguments) if NAME.fullmatch(name)]:
        log.warning("VapiTools: ⚠️ Arguments not read", names=unread[:MOST_NAMES])
    try:
        request = BookingRequest.parse(
            arguments,
            organization,
            caller_number=caller_number,
            call_id=call_id,
            idempotency_key=idempotency_key,
        )
        check_bookable(request, organization, datetime.now(UTC), config.horizon_days)
    except InvalidRequest as refusal:
        if refusal.code == "MISSING_CONTACT_INFO":
            log.warning("VapiTools: ⚠️ Missing both email and phone")
        else:
            log.info("VapiTools: Request refused", code=refusal.code, field=refusal.field)
        return refusal
    except Exception as error:  # even a fault of ours must not leave the other calls unanswered
        log.error("VapiTools: ❌ Failed to read the request", **describe(error))
        return Failure("BOOKING_FAILED")
    return request


def check_bookable(
    request: BookingRequest, organization: Organization, now: datetime, horizon_days: int
) -> None:
    """Refuse the past, naming today, since models send last year's dates; and the far future."""
    if request.scheduled_at < now:
        today = spoken_day(now.astimezone(organization.zone))
        problem = f"That time is in the past, for today is {today}"
        raise InvalidRequest("PAST_DATE", "appointmentDate", problem)
    if request.scheduled_at > now + timedelta(days=horizon_days):
        problem = f"It must be within {horizon_days} days from now"
        raise InvalidRequest("INVALID_DATE_TIME", "appointmentDate", problem)


def is_foreign(arguments: Mapping[str, object], organization: Organization) -> bool:
    """Whether they name another organization than the token does."""
    given = arguments.get("orgId")
    if isinstance(given, str) and not is_absent(given):
        return given.strip().lower() != str(organization.id)
    return not is_absent(given)
