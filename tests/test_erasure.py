"""A person is found, told what is stored, and erased, and the clinic keeps its books."""

from __future__ import annotations

import asyncio
import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from booking_asgi.command.postgres import find_programs
from booking_core import (
    Booked,
    Connection,
    Email,
    Erased,
    InvalidRequest,
    NotFound,
    Organization,
    Phone,
    Service,
    Staff,
    book,
    erase_contact,
    export_contact,
    find_contacts,
    find_events,
    put_service,
)
from tests.conftest import connected, count, until
from tests.support.factories import a_caller, a_clinic, a_request
from tests.support.owners import MONDAY, an_owner

PHONE = Phone("+15557340912")
CANARIES = ("7340912", "heron", "quill", "egret", "bittern", "call-kestrel", "key-kestrel")
"""In the phone, name, email, attendee, service, call and key of one person."""
PERSON = {"phone": PHONE, "email": Email("quill@example.org"), "name": "Heron Quill"}
STAFF = Staff(name="Kim")
NOON = MONDAY + timedelta(hours=12)
HOUR = timedelta(hours=1)
BOOKS = "select id, scheduled_at, duration_minutes, resource from appointments"


async def a_booking(conn: Connection, clinic: Organization, **given: Any) -> Booked:
    at = given.pop("at", NOON).replace(tzinfo=clinic.zone)
    outcome = await book(conn, a_request(clinic, scheduled_at=at, **{**PERSON, **given}))
    assert isinstance(outcome, Booked)
    return outcome


async def a_past(conn: Connection, clinic: Organization, **given: Any) -> Booked:
    """An appointment of last month that nobody has marked."""
    day = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0, tzinfo=None)
    return await a_booking(conn, clinic, at=day - timedelta(days=30), **given)


async def a_whole_person(conn: Connection, clinic: Organization) -> UUID:
    """Somebody with appointments of every kind; returns the contact's id."""
    scan = Service(service="Scan", duration_minutes=60)
    await put_service(conn, clinic.id, scan)
    call = {"call_id": "call-kestrel"}
    booked = await a_booking(conn, clinic, service_type="Scan", **call)
    await a_booking(conn, clinic, at=NOON + 2 * HOUR, name="Egret", **call)
    await a_booking(
        conn,
        clinic,
        at=NOON + 4 * HOUR,
        service_type="Bittern treatment",
        idempotency_key="key-kestrel",
    )
    await a_past(conn, clinic, name="Egret Quill", **call)
    return booked.contact_id


def dump(url: str) -> str:
    command = [str(find_programs() / "pg_dump"), "--no-owner", url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def rows(whole: str) -> str:
    """The dump without the random key of newer versions of pg_dump."""
    return "\n".join(line for line in whole.splitlines() if not line.startswith("\\"))


def found_in(whole: str) -> list[str]:
    return [canary for canary in CANARIES if canary in whole.lower()]


async def test_nothing_of_the_person_is_in_a_dump(url: str) -> None:
    """Not one byte of the phone, names, email, free text, call and key; the other people stay."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn)
        contact_id = await a_whole_person(conn, clinic)
        await a_booking(conn, clinic, at=NOON + 6 * HOUR, phone=a_caller(5), email=None, name="Ada")
        assert found_in(dump(url)) == list(CANARIES)
        assert isinstance(await erase_contact(conn, clinic.id, contact_id, STAFF), Erased)
        after = dump(url)
        assert found_in(after) == []
        assert "Ada" in after and str(a_caller(5)) in after


async def test_the_books_stay(url: str) -> None:
    """Times, resources and listed services stay. What was to come is cancelled, and its time is
    free at once."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn)
        contact_id = await a_whole_person(conn, clinic)
        before = await conn.fetch(
            "select id, scheduled_at, duration_minutes, resource from appointments"
        )
        erased = await erase_contact(conn, clinic.id, contact_id, STAFF)
        starts = [(NOON + hours * HOUR).replace(tzinfo=clinic.zone) for hours in (0, 2, 4)]
        assert isinstance(erased, Erased)
        assert (erased.changed, erased.appointments, erased.kept) == (True, 4, ())
        assert list(erased.cancelled) == starts
        after = await conn.fetch(
            "select id, scheduled_at, duration_minutes, resource from appointments"
        )
        assert {tuple(row) for row in before} == {tuple(row) for row in after}
        services = "select service_type, status from appointments order by scheduled_at"
        assert [tuple(row) for row in await conn.fetch(services)] == [
            ("Appointment", "confirmed"),
            ("Scan", "cancelled"),
            ("Appointment", "cancelled"),
            ("Appointment", "cancelled"),
        ]
        assert (await a_booking(conn, clinic, phone=a_caller(5))).created


async def test_it_is_written_down_who_erased(conn: Connection, clinic: Organization) -> None:
    """The events stay, without the call; a cancellation and the erasure are events as well."""
    booked = await a_booking(conn, clinic, call_id="call-kestrel")
    await erase_contact(conn, clinic.id, booked.contact_id, STAFF)
    events = await find_events(conn, clinic.id, appointment_id=booked.appointment_id)
    assert [(event.type, event.actor, event.call_id) for event in events] == [
        ("booked", "caller", None),
        ("cancelled", "staff:Kim", None),
        ("erased", "staff:Kim", None),
    ]


async def test_erasing_twice_changes_nothing(url: str) -> None:
    async with connected(url) as conn:
        clinic = await a_clinic(conn)
        contact_id = await a_whole_person(conn, clinic)
        await erase_contact(conn, clinic.id, contact_id, STAFF)
        once = rows(dump(url))
        again = await erase_contact(conn, clinic.id, contact_id, STAFF)
        assert isinstance(again, Erased)
        assert (again.changed, again.cancelled) == (False, ())
        assert rows(dump(url)) == once


async def test_two_children_of_one_past_start(url: str) -> None:
    """Both appointments stay, and still are two: no key refuses the erasure."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn, resources=("a", "b", "c"))
        for name in ("Heron", "Egret", "Quill"):
            booked = await a_past(conn, clinic, name=name)
        for changed in (True, False):
            erased = await erase_contact(conn, clinic.id, booked.contact_id, STAFF)
            assert isinstance(erased, Erased)
            assert (erased.changed, erased.appointments) == (changed, 3)
        assert found_in(dump(url)) == []


async def test_the_next_call_makes_a_new_contact(conn: Connection, clinic: Organization) -> None:
    """It has nothing of the old one."""
    booked = await a_booking(conn, clinic)
    await erase_contact(conn, clinic.id, booked.contact_id, STAFF)
    again = await a_booking(conn, clinic, email=None, name=None)
    assert again.contact_id != booked.contact_id
    assert (again.created, again.attendee_name) == (True, "Unknown")


async def test_a_contact_that_is_not_there(conn: Connection, clinic: Organization) -> None:
    """Another organization's is not there either, and stays."""
    booked = await a_booking(conn, clinic)
    other = await a_clinic(conn, name="Other")
    for org, contact_id in ((clinic, uuid4()), (other, booked.contact_id)):
        assert await erase_contact(conn, org.id, contact_id, STAFF) == NotFound()
        assert await export_contact(conn, org.id, contact_id) is None
        assert await find_contacts(conn, other.id, phone=PHONE) == []
    assert len(await find_contacts(conn, clinic.id, phone=PHONE)) == 1


async def test_a_booking_that_is_under_way_is_erased_too(url: str) -> None:
    """The erasure waits for it, and finds its appointment."""
    async with connected(url) as conn, connected(url) as other:
        clinic = await a_clinic(conn)
        contact_id = (await a_booking(conn, clinic)).contact_id
        async with other.transaction():
            await a_booking(other, clinic, at=NOON + HOUR, name="Egret")
            erasing = asyncio.create_task(erase_contact(conn, clinic.id, contact_id, STAFF))
            await until(other, "select count(*) > 0 from pg_locks where not granted")
        erased = await erasing
        assert isinstance(erased, Erased) and len(erased.cancelled) == 2
        assert found_in(dump(url)) == []


async def test_a_transaction_that_can_not_see_what_is_new(url: str) -> None:
    """It would miss a booking that is under way, so nothing is erased in it."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn)
        contact_id = (await a_booking(conn, clinic)).contact_id
        async with conn.transaction(isolation="repeatable_read"):
            with pytest.raises(asyncpg.InterfaceError):
                await erase_contact(conn, clinic.id, contact_id, STAFF)
        assert len(await find_contacts(conn, clinic.id, phone=PHONE)) == 1


async def test_a_booking_that_waits_for_an_erasure(url: str) -> None:
    """It makes a new contact, and is booked."""
    async with connected(url) as conn, connected(url) as other:
        clinic = await a_clinic(conn)
        contact_id = (await a_booking(conn, clinic)).contact_id
        async with conn.transaction():
            await erase_contact(conn, clinic.id, contact_id, STAFF)
            booking = asyncio.create_task(a_booking(other, clinic, at=NOON + HOUR))
            await until(conn, "select count(*) > 0 from pg_locks where not granted")
        booked = await booking
        assert booked.created and booked.contact_id != contact_id
        assert await count(conn, "contacts") == 2


async def test_contacts_are_found(conn: Connection, clinic: Organization) -> None:
    """By phone one; by email, in any case, all that share it, the last one that called first."""
    await a_booking(conn, clinic)
    await a_booking(conn, clinic, at=NOON + HOUR, phone=a_caller(5))
    await conn.execute(
        "update contacts set last_contact_at = now() - interval '1 day' where phone = $1", PHONE
    )
    [one] = await find_contacts(conn, clinic.id, phone=PHONE)
    assert (one.phone, one.name, one.appointments) == (PHONE, "Heron Quill", 1)
    several = await find_contacts(conn, clinic.id, email=Email("quill@example.org"))
    assert [each.phone for each in several] == [a_caller(5), PHONE]
    with pytest.raises(InvalidRequest):
        await find_contacts(conn, clinic.id)


async def test_an_export_has_every_column(url: str) -> None:
    """Of the contact, its appointments and their events, columns of one's own too."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn)
        await conn.execute("alter table contacts add column notes text default 'bittern'")
        contact_id = await a_whole_person(conn, clinic)
        exported = await export_contact(conn, clinic.id, contact_id)
        assert exported is not None
        assert (exported["contact"]["phone"], exported["contact"]["notes"]) == (PHONE, "bittern")
        assert len(exported["appointments"]) == 4 and len(exported["events"]) == 4
        assert found_in(json.dumps(exported)) == list(CANARIES)


async def test_what_is_ones_own_stays_and_is_named(url: str) -> None:
    """Columns of contacts and appointments, and tables that refer to them."""
    async with an_owner(url) as owner:
        booked = await a_booking(owner.conn, owner.clinic)
        await owner.conn.execute(
            """
            alter table contacts add column notes text default 'mine';
            alter table appointments add column room text;
            create table invoices (
              org_id uuid, contact_id uuid,
              foreign key (org_id, contact_id) references contacts (org_id, id)
            )
            """
        )
        said = owner.does("contact", "erase", "--id", str(booked.contact_id), "--yes")
        assert "Of your own, and as it was: contacts.notes, appointments.room and invoices." in said
        assert await owner.conn.fetchval("select notes from contacts") == "mine"


async def test_the_command_contact(url: str) -> None:
    """From a phone to the erasure; without --yes nothing is changed."""
    async with an_owner(url) as owner:
        booked = await a_booking(owner.conn, owner.clinic)
        found = owner.does("contact", "find", "--phone", "(555) 734-0912")
        [head, row] = found.splitlines()
        assert head.split()[:4] == ["id", "name", "phone", "email"]
        assert row.startswith(f"{booked.contact_id}  Heron Quill  •••0912  q•••@example.org  ")
        [one] = json.loads(owner.does("contact", "find", "--email", "QUILL@example.org", "--json"))
        assert one["id"] == str(booked.contact_id)
        exported = json.loads(owner.does("contact", "export", "--id", one["id"]))
        assert exported["contact"]["phone"] == PHONE
        erase = ("contact", "erase", "--id", one["id"])
        before = rows(dump(url))
        assert owner.does(*erase) == (
            f"It would erase: contact {one['id']}. Its appointments stay without the person: 1. It"
            " would cancel: 2030-07-01 12:00.\nNothing was changed. To do it, add --yes.\n"
        )
        assert rows(dump(url)) == before
        assert owner.does(*erase, "--yes", "--as", "Kim") == (
            f"Erased: contact {one['id']}. Its appointments stay without the person: 1. Cancelled:"
            " 2030-07-01 12:00.\n"
        )
        again = f"Erased before: contact {one['id']}. Nothing was changed.\n"
        assert owner.does(*erase, "--yes") == again
        assert "no such contact" in owner.may_not("contact", "find", "--phone", PHONE)
        for command in ("export", "erase"):
            said = owner.may_not("contact", command, "--id", str(uuid4()))
            assert said.startswith("Error: There is no contact of the id")
        assert "the patient's details erased by Kim of the staff" in owner.does(
            "history", "--appointment", str(booked.appointment_id)
        )
