"""`book`: its outcomes, on one connection, inside a transaction and outside of any."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from booking_core import (
    AppointmentRefused,
    Booked,
    Connection,
    ContactNotResolved,
    Email,
    InvalidRequest,
    Organization,
    OrganizationNotFound,
    OrganizationNotReady,
    Phone,
    SlotTaken,
    book,
)
from tests.conftest import connected, count
from tests.support.factories import SOON, a_caller, a_clinic, a_request
from tests.support.wire import counting

SAM = Email("sam@test.com")


async def booked(conn: Connection, clinic: Organization, **fields: object) -> Booked:
    outcome = await book(conn, a_request(clinic, **fields))
    assert isinstance(outcome, Booked)
    return outcome


async def test_a_booking_is_one_contact_and_one_appointment(
    conn: Connection, clinic: Organization
) -> None:
    """The rows hold what was asked for, and the outcome is what the rows hold."""
    outcome = await booked(conn, clinic, email=SAM, service_type="Botox", duration_minutes=45)
    [contact] = await conn.fetch("select * from contacts where org_id = $1", clinic.id)
    [appointment] = await conn.fetch("select * from appointments where org_id = $1", clinic.id)
    assert {
        "id": outcome.contact_id,
        "org_id": clinic.id,
        "phone": "+15551234567",
        "email": "sam@test.com",
        "name": "Sam Wilson",
        "lead_status": "contacted",
    } == {name: value for name, value in contact.items() if name != "last_contact_at"}
    assert contact["last_contact_at"] is not None
    assert {
        "org_id": clinic.id,
        "id": outcome.appointment_id,
        "contact_id": outcome.contact_id,
        "resource": "main",
        "found_by_email": False,
        "service_type": "Botox",
        "scheduled_at": SOON,
        "duration_minutes": 45,
        "status": "confirmed",
        "attendee_name": "Sam Wilson",
        "attendee_given": True,
        "by_own_number": True,
        "call_id": None,
        "call_nth": None,
        "buffer_before_minutes": 0,
        "buffer_after_minutes": 0,
        "idempotency_key": None,
    } == {
        name: value
        for name, value in appointment.items()
        if not name.endswith("ed_at") or name == "scheduled_at"
    }
    assert outcome.created
    assert outcome.scheduled_at == SOON


async def test_a_fresh_connection_commits(url: str) -> None:
    """Another connection sees the booking as soon as `book` has returned."""
    async with connected(url) as conn, connected(url) as other:
        clinic = await a_clinic(conn)
        for phone, email in ((Phone("+15551234567"), None), (None, SAM)):
            start = SOON + timedelta(hours=email is not None)
            outcome = await booked(conn, clinic, phone=phone, email=email, scheduled_at=start)
            assert not conn.is_in_transaction()
            assert outcome.appointment_id == await other.fetchval(
                "select id from appointments where scheduled_at = $1", start
            )


@pytest.mark.parametrize("person", [{}, {"email": SAM}, {"phone": None, "email": SAM}])
async def test_a_rollback_of_the_callers_transaction_leaves_nothing(
    url: str, person: dict[str, Email | None]
) -> None:
    """Inside `conn.transaction()` the booking belongs to it."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn)
        with pytest.raises(ZeroDivisionError):
            async with conn.transaction():
                await booked(conn, clinic, **person)
                raise ZeroDivisionError
        assert await count(conn, "contacts") == 0
        assert await count(conn, "appointments") == 0


@pytest.mark.parametrize("level", ["repeatable_read", "serializable"])
async def test_without_a_phone_another_isolation_raises_before_it_writes(
    url: str, level: str
) -> None:
    """The email path needs to see what others commit: READ COMMITTED, or nothing is written."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn)
        async with conn.transaction(isolation=level):  # type: ignore[arg-type]  # from the table
            with pytest.raises(asyncpg.InterfaceError, match="isolation level"):
                await book(conn, a_request(clinic, phone=None, email=SAM))
            assert await count(conn, "contacts") == 0


async def test_a_repeat_finds_the_appointment(conn: Connection, clinic: Organization) -> None:
    """The same person, start and attendee is the same appointment, though the rest differs."""
    first = await booked(conn, clinic, service_type="Botox")
    again = await booked(conn, clinic, service_type="Fillers", duration_minutes=60)
    assert (
        dataclasses.replace(first, created=False, recognised_by="contact", is_as_long=False)
        == again
    )


async def test_a_repeat_finds_the_appointment_by_its_key(
    conn: Connection, clinic: Organization
) -> None:
    """A key answers with its first booking, even where another chair is free."""
    await conn.execute("insert into resources values ($1, 'chair 2')", clinic.id)
    first = await booked(conn, clinic, idempotency_key="k")
    again = await booked(conn, clinic, idempotency_key="k", name="Samuel Wilson")
    assert first.appointment_id == again.appointment_id
    assert not again.created


async def test_a_repeat_writes_the_contact(conn: Connection, clinic: Organization) -> None:
    """A repeat is acknowledged only after a write of its own, as durable as the first one's."""
    for person in ({"phone": a_caller(1)}, {"phone": None, "email": SAM}):
        request = a_request(clinic, **person, scheduled_at=SOON + timedelta(hours=len(person)))
        first = await book(conn, request)
        before = await conn.fetchval("select ctid from contacts where id = $1", first.contact_id)
        again = await book(conn, request)
        assert isinstance(again, Booked)
        assert not again.created
        assert before != await conn.fetchval(
            "select ctid from contacts where id = $1", again.contact_id
        )


async def test_a_cancelled_booking_answers_no_repeat(
    conn: Connection, clinic: Organization
) -> None:
    """However it was cancelled, the same request with the same key books anew."""
    first = await booked(conn, clinic, idempotency_key="k")
    await conn.execute("update appointments set status = 'cancelled' where org_id = $1", clinic.id)
    again = await booked(conn, clinic, idempotency_key="k")
    assert again.created
    assert first.appointment_id != again.appointment_id


async def test_two_children_of_one_parent_are_two_appointments(
    conn: Connection, clinic: Organization
) -> None:
    """One phone and one start with another attendee is no repeat."""
    await conn.execute("insert into resources values ($1, 'chair 2')", clinic.id)
    ada = await booked(conn, clinic, name="Ada")
    bob = await booked(conn, clinic, name="Bob")
    assert ada.contact_id == bob.contact_id
    assert ada.appointment_id != bob.appointment_id
    assert {"Ada", "Bob"} == {ada.attendee_name, bob.attendee_name}


async def test_an_attendee_that_is_not_given_is_the_contact(
    conn: Connection, clinic: Organization
) -> None:
    """A call without a name repeats the booking of the call that gave it."""
    first = await booked(conn, clinic)
    again = await booked(conn, clinic, name=None)
    assert first.appointment_id == again.appointment_id


NEIGHBOURS = pytest.mark.parametrize(
    ("minutes", "length", "taken"),
    [
        (-30, 30, False),
        (-30, 31, True),
        (-29, 30, True),
        (29, 30, True),
        (30, 30, False),
        (-10, 60, True),
    ],
)


@NEIGHBOURS
async def test_no_two_appointments_overlap(
    conn: Connection, clinic: Organization, minutes: int, length: int, taken: bool
) -> None:
    """Half past two follows two o'clock; a minute earlier it does not."""
    await booked(conn, clinic, phone=a_caller(1))
    start = SOON + timedelta(minutes=minutes)
    request = a_request(clinic, phone=a_caller(2), scheduled_at=start, duration_minutes=length)
    assert taken == isinstance(await book(conn, request), SlotTaken)


@NEIGHBOURS
async def test_the_constraint_alone_forbids_an_overlap(
    conn: Connection, clinic: Organization, minutes: int, length: int, taken: bool
) -> None:
    """The constraint holds for every writer, however the row is written: here an INSERT by hand."""
    first = await booked(conn, clinic)
    start = SOON + timedelta(minutes=minutes)
    insert = """
        insert into appointments
          (org_id, contact_id, resource, service_type, scheduled_at, duration_minutes)
        values ($1, $2, 'main', 'by hand', $3, $4)
        """
    row = (clinic.id, first.contact_id, start, length)
    if not taken:
        await conn.execute(insert, *row)
        return
    with pytest.raises(asyncpg.ExclusionViolationError) as raised:
        await conn.execute(insert, *row)
    assert raised.value.constraint_name == "appointments_resource_excl"


async def test_a_taken_slot_keeps_the_contact(conn: Connection, clinic: Organization) -> None:
    """A caller who lost a slot is still a lead."""
    await booked(conn, clinic, phone=a_caller(1))
    outcome = await book(conn, a_request(clinic, phone=a_caller(2)))
    assert isinstance(outcome, SlotTaken)
    assert outcome.contact_id == await conn.fetchval(
        "select id from contacts where phone = $1", a_caller(2)
    )


async def test_each_resource_takes_one_booking(conn: Connection) -> None:
    """Three chairs take three bookings at two o'clock, each another; the fourth caller is told."""
    clinic = await a_clinic(conn, resources=["a", "b", "c"])
    chairs = {(await booked(conn, clinic, phone=a_caller(n))).resource for n in range(3)}
    assert {"a", "b", "c"} == chairs
    assert isinstance(await book(conn, a_request(clinic, phone=a_caller(3))), SlotTaken)


async def test_a_named_resource_is_the_one_booked(conn: Connection) -> None:
    """A named resource is booked or nothing is, though another resource is free."""
    clinic = await a_clinic(conn, resources=["a", "b", "c"])
    assert (await booked(conn, clinic, phone=a_caller(1), resource="b")).resource == "b"
    request = a_request(clinic, phone=a_caller(2), resource="b")
    assert isinstance(await book(conn, request), SlotTaken)


@pytest.mark.parametrize("person", [{}, {"phone": None, "email": SAM}])
async def test_an_unknown_resource_writes_nothing(
    conn: Connection, clinic: Organization, person: dict[str, Email | None]
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        await book(conn, a_request(clinic, resource="Dr. No", **person))
    assert raised.value.code == "INVALID_RESOURCE"
    assert await count(conn, "contacts") == 0


@pytest.mark.parametrize("person", [{}, {"phone": None, "email": SAM}])
async def test_an_organization_without_resources_is_not_taken(
    conn: Connection, clinic: Organization, person: dict[str, Email | None]
) -> None:
    """It is a broken set-up, an error, and nothing is written."""
    await conn.execute("delete from resources where org_id = $1", clinic.id)
    with pytest.raises(OrganizationNotReady):
        await book(conn, a_request(clinic, **person))
    assert await count(conn, "contacts") == 0


async def test_an_unknown_organization_is_not_found(conn: Connection, clinic: Organization) -> None:
    with pytest.raises(OrganizationNotFound):
        await book(conn, dataclasses.replace(a_request(clinic), org_id=uuid4()))


async def test_a_row_that_a_key_of_ones_own_refuses_is_an_error(
    conn: Connection, clinic: Organization
) -> None:
    """Never `SlotTaken` while a resource is free: the caller would be told what is not so."""
    await conn.execute("create unique index mine on appointments (service_type)")
    await booked(conn, clinic)
    with pytest.raises(AppointmentRefused, match="the key mine"):
        await book(
            conn, a_request(clinic, phone=a_caller(2), scheduled_at=SOON + timedelta(days=1))
        )


async def test_a_trigger_that_drops_the_row_is_named(
    conn: Connection, clinic: Organization
) -> None:
    """A fault, not "try again": it would be the same for ever."""
    await conn.execute(
        """
        create function drop_it() returns trigger language plpgsql as 'begin return null; end';
        create trigger drops before insert on appointments for each row execute function drop_it();
        """
    )
    with pytest.raises(AppointmentRefused, match="the trigger drops"):
        await book(conn, a_request(clinic))


@pytest.mark.parametrize("person", [{}, {"phone": None, "email": SAM}], ids=["phone", "email"])
@pytest.mark.parametrize("is_there", [False, True])
async def test_a_trigger_that_drops_the_contact_is_named(
    conn: Connection, clinic: Organization, person: dict[str, object], is_there: bool
) -> None:
    """No resource is called unknown for it, and no second contact is made."""
    if is_there:
        await booked(conn, clinic, **person)
    await conn.execute(
        """
        create function drop_it() returns trigger language plpgsql as 'begin return null; end';
        create trigger drop_it before insert or update on contacts
          for each row execute function drop_it();
        """
    )
    counted = "select (select count(*) from contacts), (select count(*) from appointments)"
    before = await conn.fetchrow(counted)
    with pytest.raises(ContactNotResolved, match="trigger"):
        await book(conn, a_request(clinic, **person, scheduled_at=SOON.replace(hour=9)))
    assert before == await conn.fetchrow(counted)


async def test_the_past_is_taken(conn: Connection, clinic: Organization) -> None:
    """Imports are legitimate; to refuse the past is the endpoint's affair."""
    assert (await booked(conn, clinic, scheduled_at=SOON.replace(year=2001))).created


async def test_tenants_do_not_meet(conn: Connection, clinic: Organization) -> None:
    """Two organizations with one phone, one start, one key and one resource's name have two of
    everything."""
    other = await a_clinic(conn)
    here = await booked(conn, clinic, idempotency_key="k", email=SAM)
    there = await booked(conn, other, idempotency_key="k", email=SAM)
    assert here.contact_id != there.contact_id
    assert here.appointment_id != there.appointment_id
    by_email = await booked(conn, other, phone=None, email=SAM, scheduled_at=SOON.replace(hour=9))
    assert there.contact_id == by_email.contact_id


async def test_ids_are_in_the_order_of_time(conn: Connection, clinic: Organization) -> None:
    """Random ones would have each booking touch pages of the indexes that no other does."""
    if conn.get_server_version().major < 18:
        pytest.skip("PostgreSQL makes them from 18 on")
    made = [
        await booked(conn, clinic, phone=a_caller(n), scheduled_at=SOON + timedelta(hours=n))
        for n in range(5)
    ]
    for ids in ([one.appointment_id for one in made], [one.contact_id for one in made]):
        assert ids == sorted(ids)


async def test_who_calls_again_is_written_in_no_index(
    conn: Connection, clinic: Organization
) -> None:
    """The update of a contact who calls again touches no index, in a page that others filled
    too."""
    others = "insert into contacts (org_id, phone) select $1, n from generate_series(1, 300) n"
    hot = "select pg_stat_get_xact_tuples_hot_updated('contacts'::regclass)"
    async with conn.transaction():
        before = await conn.fetchval(hot)  # a pooled connection's may be others'
        first = await booked(conn, clinic)
        await conn.execute(others, clinic.id)
        again = await booked(conn, clinic, scheduled_at=SOON + timedelta(hours=1))
        assert again.contact_id == first.contact_id
        assert await conn.fetchval(hot) == before + 1


async def test_a_booking_by_phone_is_one_round_trip(url: str) -> None:
    """Each answer takes one round trip. It is counted on the wire, once the statement is
    prepared."""
    async with counting(url) as (conn, sent):
        clinic = await a_clinic(conn)
        await booked(conn, clinic)
        later, outcomes = SOON + timedelta(hours=1), []
        for caller in (1, 1, 2):
            request = a_request(clinic, phone=a_caller(caller), scheduled_at=later)
            sent.clear()
            outcomes.append(await book(conn, request))
            assert len(sent) == 1
    first, repeat, other = outcomes
    assert isinstance(first, Booked)
    assert repeat == dataclasses.replace(first, created=False, recognised_by="contact")
    assert isinstance(other, SlotTaken)
