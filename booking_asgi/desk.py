"""The desk: books what was asked, and writes down what happened, with nobody's name in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

import asyncpg
import structlog
from structlog.typing import FilteringBoundLogger

from booking_asgi.database import Database, Lease, Unavailable
from booking_asgi.intake import Understood
from booking_asgi.logs import describe, mask_email, mask_phone
from booking_asgi.speech import Failure, FailureCode, Outcome
from booking_core import (
    Booked,
    BookingRequest,
    ContactNotResolved,
    InvalidRequest,
    LimitReached,
    Limits,
    SlotTaken,
    book,
)

FAILED: Mapping[FailureCode, str] = {
    "BOOKING_FAILED": "❌ Failed to book appointment",
    "CONTACT_CREATION_FAILED": "❌ Failed to insert contact",
    "CONTACT_RESOLUTION_FAILED": "❌ Contact resolution failed - no valid contact ID",
    "CONTACT_UPSERT_FAILED": "❌ Failed to upsert contact by phone",
    "TEMPORARILY_UNAVAILABLE": "❌ Booking could not be confirmed",
}

# No unique key for ON CONFLICT (org_id, phone), and no privilege.
NO_TABLE = ("42P10", "42501")

NO_LIMITS = Limits()

log = structlog.get_logger("booking_asgi")


async def book_all(
    database: Database, understood: Sequence[Understood], give_up_at: float, limits: Limits
) -> list[Outcome]:
    """Book in order on one connection: an outcome for each, by `give_up_at` at the latest.

    The limits are for what comes out of a call: a direct caller is the clinic's own staff.

    One that fails spoils no other; what is no request is its own outcome.
    """
    outcomes: list[Outcome] = []

    async def book_in_order(lease: Lease) -> None:
        for asked in understood:
            outcomes.append(await _book(lease, asked, limits))

    # All of one organization, which has its share of the connections.
    org_id = next((asked.org_id for asked in understood if isinstance(asked, BookingRequest)), None)
    try:
        await database.within(give_up_at, book_in_order, org_id)
    except Unavailable as error:
        missing = understood[len(outcomes) :]
        # A list of its own: the one that was given up may still add to the other.
        return outcomes + [_failure(error, asked) for asked in missing]
    return outcomes


async def _book(lease: Lease, request: Understood, limits: Limits) -> Outcome:
    if not isinstance(request, BookingRequest):
        return request
    # Bound once: through the module's own a line takes 1.4 times as long.
    lines: FilteringBoundLogger = log.bind()
    who, org_id = _who(request), str(request.org_id)
    if request.phone is not None:
        lines.info("VapiTools: 📞 Using phone-based upsert (primary path)", orgId=org_id, **who)
    else:
        lines.warning(
            "VapiTools: ⚠️ No phone provided, using email-based lookup", orgId=org_id, **who
        )
    try:
        outcome = await lease.run(
            lambda conn: book(conn, request, limits if request.call_id else NO_LIMITS)
        )
    except InvalidRequest as error:
        return error
    except Exception as error:  # even a fault of ours must not leave the other calls unanswered
        return _failure(error, request)
    if isinstance(outcome, LimitReached):
        lines.warning("VapiTools: ⚠️ Limit reached", limit=outcome.limit, orgId=org_id)
        return outcome
    contact_id = str(outcome.contact_id)
    _log_contact(lines, outcome, {"contactId": contact_id, **who})
    if isinstance(outcome, SlotTaken):
        lines.info("VapiTools: Slot is taken", contactId=contact_id, orgId=org_id)
    else:
        lines.info(
            "VapiTools: ✅ Successfully booked appointment",
            appointmentId=str(outcome.appointment_id),
            contactId=contact_id,
            orgId=org_id,
        )
    return outcome


def name_of(outcome: Outcome) -> str:
    """One word for it, as a direct caller's `error` has it."""
    match outcome:
        case Booked():
            return "BOOKED" if outcome.created else "REPEATED"
        case SlotTaken():
            return "SLOT_UNAVAILABLE"
        case LimitReached():
            return "TOO_MANY_APPOINTMENTS"
        case InvalidRequest() | Failure():
            return outcome.code
        case _:
            assert_never(outcome)


def _failure(error: Exception, request: Understood) -> InvalidRequest | Failure:
    if not isinstance(request, BookingRequest):
        return request
    code: FailureCode = "BOOKING_FAILED"
    if isinstance(error, Unavailable):
        code = "TEMPORARILY_UNAVAILABLE"
    elif isinstance(error, ContactNotResolved):
        code = "CONTACT_RESOLUTION_FAILED"
    elif isinstance(error, asyncpg.PostgresError) and _is_of_contacts(error):
        code = "CONTACT_UPSERT_FAILED" if request.phone else "CONTACT_CREATION_FAILED"
    log.error(
        f"VapiTools: {FAILED[code]}", orgId=str(request.org_id), **_who(request), **describe(error)
    )
    return Failure(code)


def _is_of_contacts(error: asyncpg.PostgresError) -> bool:
    """Whether the contact could not be written. A missing key of ON CONFLICT and a missing grant
    name no table. Where the table is partitioned, its name is only the beginning of what is told.
    """
    if error.table_name is None:
        return error.sqlstate in NO_TABLE
    return error.table_name.startswith("contacts")


def _log_contact(
    lines: FilteringBoundLogger, outcome: Booked | SlotTaken, contact: Mapping[str, str]
) -> None:
    match outcome.contact_match:
        case "phone":
            lines.info("VapiTools: ✅ Upserted contact by phone", **contact)
        case "email_found":
            lines.info("VapiTools: ✅ Found existing contact by email", **contact)
        case "email_created":
            lines.info("VapiTools: ✅ Created new contact by email", **contact)
        case "email_race":
            lines.warning("VapiTools: ⚠️ Race condition detected on email insert, retrying SELECT")
            lines.info("VapiTools: ✅ Found contact after race condition retry", **contact)
        case "email_ambiguous":
            lines.warning(
                "VapiTools: ⚠️ Several contacts share the email, took one of them",
                **contact,
            )
        case _:
            assert_never(outcome.contact_match)
    if outcome.contact_changes:
        lines.info(
            "VapiTools: Contact changed",
            contactId=contact["contactId"],
            columns=list(outcome.contact_changes),
        )
    if not outcome.email_kept:
        lines.warning(
            "VapiTools: ⚠️ A unique key gives the email to another contact, not stored", **contact
        )


def _who(request: BookingRequest) -> dict[str, str]:
    if request.phone is not None:
        return {"patientPhone": mask_phone(request.phone)}
    return {"patientEmail": mask_email(request.email or "")}
