"""`find_contacts`, `export_contact` and `erase_contact`: what a person may ask of a clinic."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from booking_core._statements import (
    ERASE_CONTACT,
    EXPORT_CONTACT,
    FIND_CONTACTS,
    LIST_OWN_COLUMNS,
    LIST_REFERRERS,
    LOCK_CONTACT,
    Connection,
    check_connection,
)
from booking_core.actors import Staff
from booking_core.changes import NotFound
from booking_core.contacts import check_person, nested
from booking_core.spoken import Email, Phone


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """A contact as it is stored. `appointments` counts all that it ever had."""

    id: UUID
    phone: str | None
    email: str | None
    name: str | None
    lead_status: str | None
    last_contact_at: datetime | None
    appointments: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Erased:
    """Nothing of ours names the person any more. `changed` is false where it was so before.

    `appointments` counts those of the contact, which stay without its details. `cancelled` are the
    starts of those that were still to come. `kept` names what may still hold something of the
    person: columns of your own, as `contacts.notes`, and tables of your own that refer to contacts
    or to appointments.
    """

    contact_id: UUID
    changed: bool
    appointments: int
    cancelled: tuple[datetime, ...]
    kept: tuple[str, ...]


EraseOutcome: TypeAlias = Erased | NotFound


async def find_contacts(
    conn: Connection, org_id: UUID, *, phone: Phone | None = None, email: Email | None = None
) -> list[Contact]:
    """The contacts of a phone number or of an email address, or of either where both are given.

    The last one that was in contact comes first. Several contacts may share an email. Raises
    `InvalidRequest` without either, and for values that the parsers would not have made.
    """
    check_connection(conn)
    check_person(phone=phone, email=email, name=None)
    values = {"org_id": org_id, "phone": phone, "email": email}
    return [Contact(**row) for row in await conn.fetch(*FIND_CONTACTS.bind(values))]


async def export_contact(conn: Connection, org_id: UUID, contact_id: UUID) -> dict[str, Any] | None:
    """All that is stored of a person, or None where there is no such contact.

    It has the `contact`, its `appointments` and their `events`, each row with all of its columns,
    your own too, as PostgreSQL writes them in JSON. What tables of your own hold is not in it.
    """
    check_connection(conn)
    values = {"org_id": org_id, "contact_id": contact_id}
    exported = await conn.fetchval(*EXPORT_CONTACT.bind(values))
    return None if exported is None else dict(json.loads(exported))


async def erase_contact(
    conn: Connection, org_id: UUID, contact_id: UUID, staff: Staff
) -> EraseOutcome:
    """Erase a person, and keep the clinic's books.

    The phone, email and name of the contact go, and of its appointments the attendee, the
    idempotency key, the call's id, and a service that is not listed, since that is free text.
    Appointments to come are cancelled. Times, resources and listed services stay. The next call
    from that number makes a new contact. Safe to repeat. It waits for bookings of the contact that
    are under way, and they for it.

    What PostgreSQL does not need any more stays in its files until VACUUM, and longer in its log,
    in backups and replicas.

    Commits on a fresh connection, and joins a READ COMMITTED transaction of yours. Raises what
    asyncpg raises, such as a violation of a rule of your own by a contact without a phone.
    """
    check_connection(conn)
    values = {"org_id": org_id, "contact_id": contact_id, "actor": staff.label}
    async with nested(conn, "read_committed"):
        if await conn.fetchval(*LOCK_CONTACT.bind(values)) is None:
            return NotFound()
        row = await conn.fetchrow(*ERASE_CONTACT.bind(values))
        columns = await conn.fetch(*LIST_OWN_COLUMNS.bind({}))
        referrers = await conn.fetch(*LIST_REFERRERS.bind({}))
    assert row is not None
    return Erased(
        contact_id=contact_id,
        changed=row["changed"],
        appointments=row["appointments"],
        cancelled=tuple(row["cancelled"]),
        kept=tuple(
            dict.fromkeys([*(r["name"] for r in columns), *(r["referrer"] for r in referrers)])
        ),
    )
