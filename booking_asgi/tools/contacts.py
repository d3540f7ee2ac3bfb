"""What the log says of a contact, masked, and whether an error is the contact's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import asyncpg
import structlog

from booking_asgi.logs import mask_email, mask_phone
from booking_core import Booked, BookingRequest, OutsideHours, SlotTaken

# No unique key for ON CONFLICT (org_id, phone), and no privilege.
NO_TABLE = ("42P10", "42501")

log = structlog.get_logger("booking_asgi")


def who(request: BookingRequest) -> dict[str, str]:
    if request.phone is not None:
        return {"patientPhone": mask_phone(request.phone)}
    return {"patientEmail": mask_email(request.email or "")}


def is_of_contacts(error: asyncpg.PostgresError) -> bool:
    """Whether the contact could not be written. A missing key of ON CONFLICT and a missing grant
    name no table. Where the table is partitioned, its name is only the beginning of what is told.
    """
    if error.table_name is None:
        return error.sqlstate in NO_TABLE
    return error.table_name.startswith("contacts")


def log_contact(outcome: Booked | SlotTaken | OutsideHours, contact: Mapping[str, str]) -> None:
    """How it was found or made, and what changed of it."""
    match outcome.contact_match:
        case "phone":
            log.info("VapiTools: ✅ Upserted contact by phone", **contact)
        case "email_found":
            log.info("VapiTools: ✅ Found existing contact by email", **contact)
        case "email_created":
            log.info("VapiTools: ✅ Created new contact by email", **contact)
        case "email_race":
            log.warning("VapiTools: ⚠️ Race condition detected on email insert, retrying SELECT")
            log.info("VapiTools: ✅ Found contact after race condition retry", **contact)
        case "email_ambiguous":
            log.warning(
                "VapiTools: ⚠️ Several contacts share the email, took one of them", **contact
            )
        case _:
            assert_never(outcome.contact_match)
    if outcome.contact_changes:
        log.info(
            "VapiTools: Contact changed",
            contactId=contact["contactId"],
            columns=list(outcome.contact_changes),
        )
    if not outcome.email_kept:
        log.warning(
            "VapiTools: ⚠️ A unique key gives the email to another contact, not stored", **contact
        )
