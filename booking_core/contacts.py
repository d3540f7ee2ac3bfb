"""One person, one contact: found by phone, or by email where there is no phone."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import asyncpg

from booking_core._statements import (
    INSERT_CONTACT_BY_EMAIL,
    LOCK_CONTACT_EMAIL,
    TOUCH_CONTACT_BY_EMAIL,
    UPSERT_CONTACT,
    Connection,
    Statement,
    check_connection,
)
from booking_core.errors import ContactNotResolved, InvalidRequest, missing_contact
from booking_core.spoken import Email, Phone, check_text, is_email, is_phone

PHONE_FORM = "It is not in E.164: parse_phone(phone, organization.phone_region) makes it so"
EMAIL_FORM = "It is not normalized: parse_email(email) makes it so"
# asyncpg says what is wrong with the transaction around ours, but not what to do.
AROUND = (
    "A transaction around it must be begun by conn.transaction(), not by a BEGIN, and without a"
    " phone it must be READ COMMITTED"
)
ContactMatch = Literal["phone", "email_found", "email_created", "email_race", "email_ambiguous"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedContact:
    """A contact that stands, and how it was found.

    `email_kept` is false where a unique key of the database gives the email to another contact:
    this one was then stored without it. `contact_changes` names the columns that were changed of a
    contact that was there.
    """

    contact_id: UUID
    contact_match: ContactMatch
    contact_changes: tuple[str, ...] = ()
    email_kept: bool


async def resolve_contact(
    conn: Connection,
    *,
    org_id: UUID,
    phone: Phone | None = None,
    email: Email | None = None,
    name: str | None = None,
) -> ResolvedContact:
    """Find or make the contact, and mark it as contacted now.

    By phone where there is one, else by email. On a fresh connection the contact is committed when
    this returns; inside `conn.transaction()` it joins it. By email, a transaction around it must be
    READ COMMITTED: another level raises `asyncpg.InterfaceError` before anything is written. Raises
    `InvalidRequest` for values that the parsers would not have made.
    """
    check_connection(conn)
    check_person(phone=phone, email=email, name=name)
    values = {"org_id": org_id, "phone": phone, "email": email, "name": name}
    if phone is not None:
        row, email_kept = await fetch_keeping_contact(conn, UPSERT_CONTACT, values)
        if row is None:
            raise ContactNotResolved("a trigger or rule of contacts drops the row")
        return ResolvedContact(
            contact_id=row["id"],
            contact_match="phone",
            contact_changes=tuple(row["changes"] or ()),
            email_kept=email_kept,
        )
    assert email is not None
    async with nested(conn, "read_committed"):
        return await touch_or_insert_by_email(conn, org_id, email, name)


def check_person(*, phone: object, email: object, name: object, is_needed: bool = True) -> None:
    """Raise `InvalidRequest` for a phone, email or name that the parsers would not have made."""
    if is_needed and phone is None and email is None:
        raise missing_contact()
    if phone is not None and not (isinstance(phone, str) and is_phone(phone)):
        raise InvalidRequest("INVALID_PHONE", "phone", PHONE_FORM)
    if email is not None and not (isinstance(email, str) and is_email(email)):
        raise InvalidRequest("INVALID_EMAIL", "email", EMAIL_FORM)
    if name is not None:
        check_text(name, "name")


async def touch_or_insert_by_email(
    conn: Connection, org_id: UUID, email: Email, name: str | None
) -> ResolvedContact:
    """Inside a READ COMMITTED transaction: each SELECT must see what others committed meanwhile."""
    values = {"org_id": org_id, "email": email, "name": name}
    if found := await conn.fetchrow(*TOUCH_CONTACT_BY_EMAIL.bind(values)):
        return _by_email(found, "email_found" if found["matches"] == 1 else "email_ambiguous")
    await conn.execute(*LOCK_CONTACT_EMAIL.bind(values))
    if found := await conn.fetchrow(*TOUCH_CONTACT_BY_EMAIL.bind(values)):
        return _by_email(found, "email_race")
    refusal = None
    try:
        async with conn.transaction():
            inserted = await conn.fetchrow(*INSERT_CONTACT_BY_EMAIL.bind(values))
        if inserted is not None:
            return _by_email(inserted, "email_created")
    except asyncpg.UniqueViolationError as error:
        refusal = error
    # Somebody who does not take our lock: whoever gives a phone with the email.
    if found := await conn.fetchrow(*TOUCH_CONTACT_BY_EMAIL.bind(values)):
        return _by_email(found, "email_race")
    raise ContactNotResolved(
        "a key, trigger or rule of contacts refuses the row, yet none has its email"
    ) from refusal


async def fetch_keeping_contact(
    conn: Connection, statement: Statement, values: Mapping[str, object]
) -> tuple[asyncpg.Record | None, bool]:
    """Run a statement that writes a contact, without the email where a unique key refuses that.

    Returns the row, and whether the email was kept.
    """
    try:
        return await _fetch(conn, statement, values), True
    except asyncpg.UniqueViolationError as error:
        # On a partition the constraint's name is the partition's own, so we can't ask which key of
        # contacts refused. Retry without the email; another key refuses again.
        if values.get("email") is None or (error.table_name or "").startswith("appointments"):
            raise
    return await _fetch(conn, statement, {**values, "email": None}), False


async def _fetch(
    conn: Connection, statement: Statement, values: Mapping[str, object]
) -> asyncpg.Record | None:
    # A refusal must not poison the caller's transaction; by email all of ours is a savepoint in it.
    at_risk = values["phone"] is not None and conn.is_in_transaction()
    async with nested(conn) if at_risk else contextlib.nullcontext():
        return await conn.fetchrow(*statement.bind(values))


@contextlib.asynccontextmanager
async def nested(
    conn: Connection, isolation: Literal["read_committed"] | None = None
) -> AsyncIterator[None]:
    """A transaction, or a savepoint within the caller's. Raises `asyncpg.InterfaceError`, with
    nothing written, for a transaction of the caller's in which there can be none."""
    transaction = conn.transaction(isolation=isolation)
    try:
        await transaction.start()
    except asyncpg.InterfaceError as error:
        # An error of a subclass is the connection's.
        if type(error) is not asyncpg.InterfaceError or not conn.is_in_transaction():
            raise
        raise asyncpg.InterfaceError(f"{error}. {AROUND}") from error
    try:
        yield
    except BaseException:
        await transaction.rollback()
        raise
    await transaction.commit()


def _by_email(row: asyncpg.Record, match: ContactMatch) -> ResolvedContact:
    return ResolvedContact(
        contact_id=row["id"],
        contact_match=match,
        contact_changes=tuple(row["changes"]),
        email_kept=True,
    )
