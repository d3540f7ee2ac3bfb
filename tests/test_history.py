"""What happened is written down, and found again by call, appointment and contact."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from booking_core import (
    Booked,
    Caller,
    Choice,
    Connection,
    Email,
    InvalidRequest,
    Organization,
    Phone,
    Staff,
    book,
    cancel,
    find_call,
    find_events,
    move,
    set_status,
)
from tests.support.commands import run
from tests.support.factories import a_caller, a_clinic, a_request
from tests.support.owners import MONDAY, Owner, an_owner

NOON = MONDAY + timedelta(hours=12)
PHONE = Phone("+15551234567")


async def a_booking(conn: Connection, clinic: Organization, call: str, **given: Any) -> Booked:
    at = given.pop("at", NOON).replace(tzinfo=clinic.zone)
    outcome = await book(conn, a_request(clinic, scheduled_at=at, call_id=call, **given))
    assert isinstance(outcome, Booked)
    return outcome


async def a_history(conn: Connection, clinic: Organization) -> Booked:
    """A call books, says more of the name, and moves; another call of the patient cancels."""
    await a_booking(conn, clinic, "call-1", name="Sam")
    booked = await a_booking(conn, clinic, "call-1", name="Sam Wilson")
    later = (NOON + timedelta(hours=2)).replace(tzinfo=clinic.zone)
    caller = Caller(call_id="call-1", phone=PHONE, name="Sam Wilson")
    await move(conn, clinic.id, caller, to=later)
    await cancel(conn, clinic.id, Caller(call_id="call-2", phone=PHONE, name="Wilson"))
    return booked


async def types(conn: Connection, clinic: Organization, **asked: Any) -> list[str]:
    return [event.type for event in await find_events(conn, clinic.id, **asked)]


async def test_what_happened_is_found(conn: Connection, clinic: Organization) -> None:
    """By the call only what that call did; by appointment and by contact all of it, in order."""
    booked = await a_history(conn, clinic)
    await a_booking(conn, clinic, "call-3", phone=a_caller(7))
    whole = ["booked", "mended", "moved", "cancelled"]
    assert await types(conn, clinic, call_id="call-1") == whole[:3]
    assert await types(conn, clinic, call_id="call-2") == whole[3:]
    assert await types(conn, clinic, appointment_id=booked.appointment_id) == whole
    assert await types(conn, clinic, contact_id=booked.contact_id) == whole
    assert await types(conn, clinic, contact_id=uuid4()) == []
    # All was at one time, since it was one transaction.
    await conn.execute("update events set at = at - interval '1 day' where type = 'cancelled'")
    assert await types(conn, clinic, contact_id=booked.contact_id) == ["cancelled", *whole[:3]]


async def test_nobody_finds_what_happened_elsewhere(conn: Connection, clinic: Organization) -> None:
    """Another organization's events are not found by the same ids."""
    booked = await a_history(conn, clinic)
    other = await a_clinic(conn, name="Other")
    for asked in (
        {"call_id": "call-1"},
        {"appointment_id": booked.appointment_id},
        {"contact_id": booked.contact_id},
    ):
        assert await types(conn, other, **asked) == []


@pytest.mark.parametrize("asked", [{}, {"call_id": "c", "contact_id": UUID(int=0)}])
async def test_one_of_three_is_needed(
    conn: Connection, clinic: Organization, asked: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest):
        await find_events(conn, clinic.id, **asked)


async def test_the_organizations_of_a_call(conn: Connection, clinic: Organization) -> None:
    await a_booking(conn, clinic, "call-1")
    assert await find_call(conn, "call-1") == [clinic.id]
    assert await find_call(conn, "call-9") == []


def shown(said: str) -> list[str]:
    """The lines, each with its time, ids and calls left out."""
    lines = [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ", "", line) for line in said.splitlines()]
    assert all(lines)
    return [re.sub(r"  \(appointment [0-9a-f-]{36}.*\)$", "", line) for line in lines]


async def told(owner: Owner, *words: str) -> list[str]:
    return shown(owner.does("history", *words))


async def test_a_history_in_words(url: str) -> None:
    """Each event is one line that a clinic's manager understands, and none names the patient."""
    async with an_owner(url) as owner:
        conn, clinic = owner.conn, owner.clinic
        by_email = {"phone": None, "email": Email("sam@test.com"), "resource": "Dr. Lee"}
        await a_booking(conn, clinic, "call-1", name="Sam", **by_email)
        booked = await a_booking(conn, clinic, "call-1", name="Sam Wilson", phone=PHONE)
        one = Choice(appointment_id=booked.appointment_id)
        later = (NOON + timedelta(hours=2)).replace(tzinfo=clinic.zone)
        await move(conn, clinic.id, Staff(name="Kim"), one, to=later, resource="Dr. Kim")
        await set_status(conn, clinic.id, Staff(name="Kim"), booked.appointment_id, "completed")
        await set_status(conn, clinic.id, Staff(name="Kim"), booked.appointment_id, "no_show")
        day = "Monday, July 1, 2030 at"
        assert await told(owner, "--appointment", str(booked.appointment_id)) == [
            f"booked by the caller: {day} 12:00 PM with Dr. Lee, 30 minutes",
            "name completed and phone number added by the caller",
            f"moved by Kim of the staff: from {day} 12:00 PM with Dr. Lee to {day} 2:00 PM with"
            " Dr. Kim",
            f"marked by Kim of the staff as completed: {day} 2:00 PM with Dr. Kim",
            f"marked by Kim of the staff as not attended: {day} 2:00 PM with Dr. Kim",
        ]
        whole = owner.does("history", "--contact", str(booked.contact_id))
        assert f"(appointment {booked.appointment_id}, call call-1)" in whole
        as_json = owner.does("history", "--contact", str(booked.contact_id), "--json")
        for said in (whole, as_json):
            assert not re.search("sam|wilson|5551234567", said, re.IGNORECASE)
        assert [each["type"] for each in json.loads(as_json)][:2] == ["booked", "mended"]


async def test_who_did_it(url: str) -> None:
    """A program is named by its token's id, and what nobody asked for was the system."""
    async with an_owner(url) as owner:
        conn, clinic = owner.conn, owner.clinic
        booked = await a_booking(conn, clinic, "call-1", actor="system", resource="Dr. Lee")
        program = Staff(name="9b2d01c47f3e", via="api")
        await cancel(conn, clinic.id, program, Choice(appointment_id=booked.appointment_id))
        first, second = await told(owner, "--contact", str(booked.contact_id))
        assert first.startswith("booked by the system: ")
        assert second == (
            "cancelled by a program with the token 9b2d01c47f3e: Monday, July 1, 2030 at 12:00 PM"
            " with Dr. Lee"
        )


async def test_a_call_names_its_organization(url: str) -> None:
    """Where several organizations are, the one that had the call is told of; --org says which if
    two had it."""
    async with an_owner(url) as owner:
        await a_booking(owner.conn, owner.clinic, "call-1")
        other = await a_clinic(owner.conn, name="Other")
        assert len(await told(owner, "--call", "call-1")) == 1
        await a_booking(owner.conn, other, "call-1")
        done = run("history", "--call", "call-1", database_url=url)
        assert (done.returncode, "Say which organization" in done.stderr) == (1, True)
        assert len(await told(owner, "--call", "call-1", "--org", str(other.id))) == 1


async def test_a_history_of_nothing(url: str) -> None:
    async with an_owner(url) as owner:
        assert owner.may_not("history", "--call", "x") == "Error: Nothing is written down of that\n"
