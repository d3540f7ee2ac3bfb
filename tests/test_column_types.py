"""Texts of other types than text, in a database of other people: adopted, it books all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from booking_core import Booked, Connection, Email, SlotTaken, adopt, book
from tests.conftest import a_database, connected, count
from tests.support.adopted import WITH_ORGANIZATIONS, graves, make, settle
from tests.support.factories import SOON, a_caller, a_request

TYPES = {
    "varchar": "",
    "varchar(254)": "",
    "char(254)": "",
    "citext": "create extension citext",
    "of_text": "create domain of_text as text check (length(value) < 255)",
    "of_varchar": "create domain of_varchar as varchar(254)",
    "of_citext": "create extension citext; create domain of_citext as citext check (value <> '-')",
    "of_domain": "create domain base as text; create domain of_domain as base",
}
THEIRS = [
    "alter table contacts alter phone type {0}, alter email type {0}, alter name type {0},"
    " alter lead_status type {0}",
    "alter table appointments alter service_type type {0}, add attendee_name {0},"
    " add idempotency_key {0}, add call_id {0}",
    "alter table appointments alter status drop default, alter status type {0},"
    " alter status set default 'confirmed'",
    "alter table organizations add timezone {0}, add phone_region {0}, add name {0}",
]
RESOURCE = "alter table appointments add resource {0} not null default 'main'"


@pytest.fixture
def theirs(server_url: str) -> Iterator[str]:
    """An empty database."""
    with a_database(server_url, "template0") as url:
        yield url


@pytest.fixture
async def owned(theirs: str) -> AsyncIterator[Connection]:
    async with connected(theirs) as conn:
        yield conn


@pytest.mark.parametrize("change", [*THEIRS, RESOURCE, ";".join(THEIRS)])
@pytest.mark.parametrize("type", TYPES)
async def test_texts_of_any_type_are_adopted(
    theirs: str, owned: Connection, type: str, change: str
) -> None:
    """`check` is clean after it, and booking works by phone, by email, and for repeats."""
    make(theirs, WITH_ORGANIZATIONS)
    await owned.execute(f"{TYPES[type]}; {change.format(type)}")
    if change == RESOURCE and "citext" in type:
        [finding] = await adopt(owned)  # no exclusion constraint takes it
        await owned.execute(finding.mend or "")
    assert await adopt(owned) == []
    clinic = await settle(owned)
    assert await graves(owned) == []
    start = SOON + timedelta(days=3000)
    by_phone = a_request(
        clinic, email=Email("nora@test.com"), scheduled_at=start, idempotency_key="k" * 64
    )
    first, again = await book(owned, by_phone), await book(owned, by_phone)
    assert isinstance(first, Booked) and isinstance(again, Booked)
    assert (first.created, again.created) == (True, False)
    assert first.appointment_id == again.appointment_id
    taken = a_request(clinic, scheduled_at=start + timedelta(minutes=15), phone=a_caller(1))
    assert isinstance(await book(owned, taken), SlotTaken)
    by_email = a_request(
        clinic, phone=None, email=Email("s@test.com"), scheduled_at=start + timedelta(hours=1)
    )
    outcomes = [await book(owned, by_email) for _ in range(2)]
    assert [found.created for found in outcomes if isinstance(found, Booked)] == [True, False]
    known = a_request(
        clinic, phone=None, email=Email("NORA@test.com"), scheduled_at=start + timedelta(hours=2)
    )
    found = await book(owned, known)
    assert isinstance(found, Booked)
    assert found.contact_id == first.contact_id
    assert await count(owned, "contacts") == 103
