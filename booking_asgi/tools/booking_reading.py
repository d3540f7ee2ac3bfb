"""The booking that a call or a JSON body asks for, and the key that a repeat is known by. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC

from booking_asgi.tools.arguments import by_meaning
from booking_asgi.tools.readings import own_number, read_name, read_person, read_start
from booking_core import BookingRequest, Organization
from booking_core.spoken import parse_duration, parse_text

# A part of the keys that are stored: it stays, whatever becomes of the path.
TOOL = "book-appointment"


def read_booking(
    arguments: Mapping[str, object],
    organization: Organization,
    *,
    caller_number: object = None,
    call_id: str | None = None,
    idempotency_key: str | None = None,
    actor: str = "",
) -> BookingRequest:
    """Read the arguments of a call or of a JSON body; `ARGUMENTS` lists their names.

    A date and a time are the organization's wall clock. `caller_number`, or an argument of the
    name, stands in for a phone that is not given. With a `call_id` the request comes from a call,
    and `by_own_number` is whether `caller_number` is its phone; an argument of the name proves
    nothing. The past is not refused. Raises `InvalidRequest`, of the first problem.
    """
    given = by_meaning(arguments)
    own = own_number(caller_number, organization)
    phone, email, misheard = read_person(given, organization, own)
    return BookingRequest(
        org_id=organization.id,
        phone=phone,
        email=email,
        name=read_name(given),
        service_type=parse_text(given.get("service", "Appointment"), "serviceType"),
        scheduled_at=read_start(given, organization.zone),
        duration_minutes=parse_duration(given.get("duration", 30)),
        resource=parse_text(given["resource"], "resource") if "resource" in given else None,
        idempotency_key=idempotency_key,
        call_id=call_id,
        by_own_number=call_id is None or (phone is not None and phone == own),
        actor=actor,
        misheard=misheard,
    )


def idempotency_key(conversation: str, request: BookingRequest) -> str:
    """The same key for a call that Vapi delivers again, and for a new call of the same content in
    the same conversation."""
    content = (
        request.phone,
        request.email and request.email.lower(),
        request.name,
        request.service_type,
        request.scheduled_at.astimezone(UTC).isoformat(),
        request.duration_minutes,
        request.resource,
    )
    return hashlib.sha256(json.dumps([conversation, TOOL, *content]).encode()).hexdigest()
