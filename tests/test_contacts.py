"""The rules of a contact, by both roads: with a booking, and by `resolve_contact` alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

import asyncpg
import pytest

from booking_core import (
    Booked,
    BookingRequest,
    Connection,
    ContactNotResolved,
    Email,
    InvalidRequest,
    Organization,
    Phone,
    ResolvedContact,
    book,
    resolve_contact,
)
from tests.conftest import count
from tests.support.factories import SOON, a_caller, a_clinic

SAM = Email("sam@test.com")
PHONE = Phone("+15551234567")

Resolve: TypeAlias = Callable[..., Awaitable[Booked | ResolvedContact]]


@pytest.fixture(params=["book", "resolve_contact"])
def resolve(request: pytest.FixtureRequest, conn: Connection, clinic: Organization) -> Resolve:
    """Makes or finds a contact of `clinic`, by either road."""
    starts = iter(range(24))

    async def with_a_booking(**person: str | None) -> Booked:
        start = SOON.replace(hour=next(starts))
        person_fields: dict[str, object] = dict(person)
        asked = BookingRequest(org_id=clinic.id, scheduled_at=start, **person_fields)  # type: ignore[arg-type]  # NewTypes
        outcome = await book(conn, asked)
        assert isinstance(outcome, Booked)
        return outcome

    async def alone(**person: str | None) -> ResolvedContact:
        return await resolve_contact(conn, org_id=clinic.id, **person)  # type: ignore[arg-type]  # NewTypes

    return with_a_booking if request.param == "book" else alone


async def stored(conn: Connection, contact_id: UUID) -> tuple[object, ...]:
    row = await conn.fetchrow(
        "select phone, email, name, lead_status from contacts where id = $1", contact_id
    )
    assert row is not None
    return tuple(row)


async def a_contact(conn: Connection, clinic: Organization, **fields: object) -> UUID:
    """A row as somebody else wrote it."""
    columns = ["org_id", *fields]
    values = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
    statement = f"insert into contacts ({', '.join(columns)}) values ({values}) returning id"
    return UUID(str(await conn.fetchval(statement, clinic.id, *fields.values())))


async def test_a_phone_is_one_contact(conn: Connection, resolve: Resolve) -> None:
    first = await resolve(phone=PHONE, email=SAM, name="Sam Wilson")
    again = await resolve(phone=PHONE, email="different@test.com", name="Samuel Wilson")
    assert first.contact_id == again.contact_id
    assert again.contact_match == "phone"
    assert await stored(conn, first.contact_id) == (
        PHONE,
        "different@test.com",
        "Samuel Wilson",
        "contacted",
    )


async def test_what_is_missing_never_erases(
    conn: Connection, clinic: Organization, resolve: Resolve
) -> None:
    """A second call without email and name leaves both, and a lead that is further along."""
    known = await a_contact(
        conn, clinic, phone=PHONE, email=SAM, name="Sam Wilson", lead_status="converted"
    )
    assert known == (await resolve(phone=PHONE)).contact_id
    assert await stored(conn, known) == (PHONE, SAM, "Sam Wilson", "converted")


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, "contacted"), ("new", "contacted"), ("contacted", "contacted"), ("lost", "lost")],
)
@pytest.mark.parametrize("person", [{"phone": PHONE}, {"email": SAM}])
async def test_only_a_new_lead_becomes_contacted(
    conn: Connection,
    clinic: Organization,
    resolve: Resolve,
    person: dict[str, str],
    before: str | None,
    after: str,
) -> None:
    known = await a_contact(conn, clinic, **person, lead_status=before)
    assert known == (await resolve(**person)).contact_id
    assert after == (await stored(conn, known))[3]


@pytest.mark.parametrize("person", [{"phone": PHONE}, {"email": SAM}])
async def test_a_call_is_the_last_contact(
    conn: Connection, clinic: Organization, resolve: Resolve, person: dict[str, str]
) -> None:
    known = await a_contact(
        conn, clinic, **person, last_contact_at=datetime(2020, 1, 1, tzinfo=UTC)
    )
    await resolve(**person)
    assert await conn.fetchval("select last_contact_at = now() from contacts where id = $1", known)


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ({"phone": PHONE}, "Unknown"),
        ({"phone": PHONE, "email": SAM}, "sam"),
        ({"email": SAM}, "sam"),
        ({"email": SAM, "name": "Sam Wilson"}, "Sam Wilson"),
    ],
)
async def test_a_new_contact_has_a_name(
    conn: Connection, resolve: Resolve, person: dict[str, str], name: str
) -> None:
    """The one given, else the local part of the email, else `Unknown`."""
    contact = await resolve(**person)
    assert name == (await stored(conn, contact.contact_id))[2]


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, "Sam"), ("Unknown", "Sam"), ("sam", "Sam"), ("Samantha", "Samantha")],
)
async def test_by_email_a_name_only_fills_a_gap(
    conn: Connection, clinic: Organization, resolve: Resolve, before: str | None, after: str
) -> None:
    """Missing, or a placeholder of ours: an email may be a family's, so a real name stays."""
    known = await a_contact(conn, clinic, email=SAM, name=before)
    await resolve(email=SAM, name="Sam")
    assert after == (await stored(conn, known))[2]


async def test_an_email_is_one_contact(conn: Connection, resolve: Resolve) -> None:
    """The case of an email does not matter; the second call finds the first one's contact."""
    first = await resolve(email="Sam@test.com")
    again = await resolve(email=SAM)
    assert first.contact_id == again.contact_id
    assert [first.contact_match, again.contact_match] == ["email_created", "email_found"]
    assert await count(conn, "contacts") == 1


async def test_two_phones_are_two_contacts(resolve: Resolve) -> None:
    """Two phones are two contacts, though they share an email."""
    first = await resolve(phone=a_caller(1), email=SAM)
    other = await resolve(phone=a_caller(2), email=SAM)
    assert first.contact_id != other.contact_id


async def test_of_several_who_share_an_email(
    conn: Connection, clinic: Organization, resolve: Resolve
) -> None:
    """The one of the given name, else one without a phone, else the last one contacted. The outcome
    says that it was ambiguous, and no further contact is made."""
    year = datetime(2020, 1, 1, tzinfo=UTC)
    nora = await a_contact(conn, clinic, email=SAM, phone="+15552000001", name="Nora O\u2019Neill")
    await a_contact(conn, clinic, email=SAM, last_contact_at=year)
    last = await a_contact(conn, clinic, email=SAM, last_contact_at=year.replace(year=2021))
    await a_contact(conn, clinic, email=SAM, phone=PHONE, last_contact_at=year.replace(year=2022))
    for name, expected in (("nora o'neill", nora), (None, last), ("Nobody", last)):
        contact = await resolve(email=SAM, name=name)
        assert (expected, "email_ambiguous") == (contact.contact_id, contact.contact_match)
    assert await count(conn, "contacts") == 4


async def test_an_email_that_is_anothers_is_not_kept(
    conn: Connection, clinic: Organization, resolve: Resolve
) -> None:
    """A unique key of the user's own on email costs the email, never the booking; and inside the
    caller's transaction, as here, the transaction goes on."""
    await conn.execute("create unique index mine on contacts (org_id, lower(email))")
    family = await resolve(phone=a_caller(1), email=SAM)
    assert family.email_kept
    other = await resolve(phone=a_caller(2), email=SAM, name="Ada")
    assert not other.email_kept
    assert (a_caller(2), None, "Ada", "contacted") == await stored(conn, other.contact_id)


async def test_a_key_on_email_and_nobody_to_find(
    conn: Connection, clinic: Organization, resolve: Resolve
) -> None:
    """A key across all organizations, and the email is another tenant's: an error, and the caller's
    transaction goes on."""
    await conn.execute("create unique index mine on contacts (lower(email))")
    other = await a_clinic(conn)
    await a_contact(conn, other, email=SAM)
    with pytest.raises(ContactNotResolved):
        await resolve(email=SAM)
    assert await count(conn, "contacts") == 1


async def test_another_key_is_an_error(
    conn: Connection, clinic: Organization, resolve: Resolve
) -> None:
    """What is refused for another reason than the email is asyncpg's own error, unchanged; the
    caller's transaction goes on."""
    await conn.execute("create unique index mine on contacts (name)")
    await resolve(phone=a_caller(1), name="Sam")
    with pytest.raises(asyncpg.UniqueViolationError) as raised:
        await resolve(phone=a_caller(2), email=SAM, name="Sam")
    assert (raised.value.constraint_name, raised.value.table_name) == ("mine", "contacts")
    assert await count(conn, "contacts") == 1


async def test_nobody_is_no_contact(conn: Connection, clinic: Organization) -> None:
    with pytest.raises(InvalidRequest) as raised:
        await resolve_contact(conn, org_id=clinic.id, name="Sam")
    assert raised.value.code == "MISSING_CONTACT_INFO"
    assert await count(conn, "contacts") == 0
