"""Finding, moving and cancelling: who may do it, and with which appointment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest

from booking_core import (
    Booked,
    Caller,
    Cancelled,
    Choice,
    Connection,
    Email,
    InvalidRequest,
    Moved,
    NotFound,
    Organization,
    OutsideHours,
    SeveralFound,
    SlotTaken,
    Staff,
    TooLate,
    book,
    cancel,
    find_appointments,
    list_day,
    move,
    set_status,
)
from tests.conftest import connected
from tests.support.changes import (
    DAY,
    START,
    WHOLE_DAY,
    Rows,
    a_booking,
    at,
    booked,
    changes,
    events,
    hours,
    rows,
    start_of,
)
from tests.support.factories import a_caller, a_clinic
from tests.support.wire import counting

SAM, STRANGER = a_caller(1), a_caller(2)
NAME = "Sam O'Neill-Wilson"
OWNER = Caller(call_id="a later call", phone=SAM, name=NAME)
DESK = Staff(name="front desk")
# Who asks, and whether the appointments of SAM, which the call "the call" booked, are theirs.
CALLERS: dict[str, tuple[Caller, bool]] = {
    "the number withheld": (replace(OWNER, phone=None), False),
    "another number": (replace(OWNER, phone=STRANGER), False),
    "the own number, another name": (replace(OWNER, name="Eve Adams"), False),
    "the own number, a part of a word of the name": (replace(OWNER, name="Eve Neill"), False),
    "the own number, no name": (replace(OWNER, name=None), False),
    "the own number and name": (OWNER, True),
    "the last name": (replace(OWNER, name="Wilson"), True),
    "the last name after another first name": (replace(OWNER, name="Mr Wilson"), True),
    "another spelling": (replace(OWNER, name="sam o\u2019neill\u2010WILSON"), True),
    "the first half of a hyphenated name": (replace(OWNER, name="Sam O'Neill"), True),
    "this very call, withheld and without a name": (Caller(call_id="the call"), True),
    "this very call, another number and name": (
        Caller(call_id="the call", phone=STRANGER, name="Eve Adams"),
        True,
    ),
}
WHO = [*CALLERS, "staff by id", "staff by phone"]
LATER = hours(24 * 7)


async def asker(conn: Connection, who: str, ids: list[UUID]) -> tuple[Caller | Staff, Choice, bool]:
    """The actor, how the actor names the appointment, and whether that names one of theirs."""
    if who == "staff by id":
        return DESK, Choice(appointment_id=ids[0] if ids else uuid4()), bool(ids)
    if who == "staff by phone":
        return DESK, Choice(phone=SAM), bool(ids)
    caller, may = CALLERS[who]
    return caller, Choice(), may and bool(ids)


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("verb", ["find", "move", "cancel"])
@pytest.mark.parametrize("who", WHO)
async def test_who_may_change_what(conn: Connection, who: str, verb: str, number: int) -> None:
    """The caller whose number and name it is, the very call, and staff find, move and cancel; for
    all others there is nothing. Where several are meant, none is changed. One event stands for each
    change, and another organization's appointments of the same person and call stay."""
    clinic, other = await a_clinic(conn), await a_clinic(conn, name="Other")
    ids = []
    for each in (clinic, other):
        for nth in range(number):
            known = {"phone": SAM, "name": NAME, "call_id": "the call"}
            id = await booked(conn, each, scheduled_at=hours(nth), **known)
            ids += [id] if each is clinic else []
    actor, choice, may = await asker(conn, who, ids)
    is_one = may and (number == 1 or who == "staff by id")
    before, written = await rows(conn), await events(conn)
    expected: dict[UUID, dict[str, Any]] = {}
    if verb == "find":
        found = await find_appointments(conn, clinic.id, actor, choice)
        assert [held.id for held in found] == (ids[:1] if is_one else ids if may else [])
        assert {held.is_of_this_call for held in found} <= {who.startswith("this very call")}
    elif verb == "move":
        moved = await move(conn, clinic.id, actor, choice, to=LATER)
        if is_one:
            expected = {ids[0]: {"scheduled_at": LATER}}
            assert moved == Moved(
                appointment_id=ids[0],
                scheduled_at=LATER,
                old_start=START,
                resource="main",
                changed=True,
            )
        else:
            assert moved == (SeveralFound(starts=(START, hours(1))) if may else NotFound())
    else:
        cancelled = await cancel(conn, clinic.id, actor, choice)
        if is_one:
            expected = {ids[0]: {"status": "cancelled"}}
            assert cancelled == Cancelled(appointment_id=ids[0], scheduled_at=START, changed=True)
        else:
            assert cancelled == (SeveralFound(starts=(START, hours(1))) if may else NotFound())
    assert expected == changes(before, await rows(conn))
    new = [event for event in await events(conn) if event not in written]
    assert [(event["appointment_id"], event["type"]) for event in new] == [
        (id, "moved" if verb == "move" else "cancelled") for id in expected
    ]
    for event in new:
        assert (event["actor"], event["call_id"], event["org_id"]) == (
            ("caller", actor.call_id, clinic.id)
            if isinstance(actor, Caller)
            else ("staff:front desk", None, clinic.id)
        )


async def nothing_for(conn: Connection, clinic: Organization, caller: Caller) -> None:
    """The caller finds, moves and cancels nothing."""
    before = await rows(conn)
    assert await find_appointments(conn, clinic.id, caller) == []
    assert await move(conn, clinic.id, caller, to=LATER) == NotFound()
    assert await cancel(conn, clinic.id, caller) == NotFound()
    assert changes(before, await rows(conn)) == {}


async def test_what_an_email_found_is_not_a_numbers(conn: Connection, clinic: Organization) -> None:
    """Whoever calls from the number of a contact does not get what was booked for that contact by
    email; the call that booked it does, and so do staff."""
    first = await booked(conn, clinic, phone=SAM, email=Email("sam@test.com"), name=NAME)
    await cancel(conn, clinic.id, DESK, Choice(appointment_id=first))
    id = await booked(
        conn, clinic, phone=None, email=Email("sam@test.com"), name=NAME, call_id="the call"
    )
    [contact] = {row["contact_id"] for row in (await rows(conn)).values()}
    assert contact is not None
    await nothing_for(conn, clinic, OWNER)
    for actor, choice in (
        (Caller(call_id="the call"), Choice()),
        (DESK, Choice(phone=SAM)),
        (DESK, Choice(appointment_id=id)),
    ):
        assert [held.id for held in await find_appointments(conn, clinic.id, actor, choice)] == [id]


async def test_another_email_gives_no_appointment_to_a_number(
    conn: Connection, clinic: Organization
) -> None:
    """A call that books by email and says another email then, which is that of a contact with a
    phone, does not hand the appointment to whoever calls from that phone."""
    theirs = await booked(conn, clinic, phone=SAM, email=Email("sam@test.com"), name=NAME)
    await cancel(conn, clinic.id, DESK, Choice(appointment_id=theirs))
    for email in (Email("eve@test.com"), Email("sam@test.com")):
        asked = a_booking(clinic, phone=None, email=email, name=NAME, call_id="the call")
        assert isinstance(await book(conn, asked), Booked)
    await nothing_for(conn, clinic, OWNER)


async def test_an_attendee_that_was_not_given_needs_no_name(
    conn: Connection, clinic: Organization
) -> None:
    """Where nobody said the attendee's name, the number is enough, whatever name is said."""
    id = await booked(conn, clinic, phone=SAM, name=None)
    for name in (None, "Eve Adams"):
        held = await find_appointments(conn, clinic.id, replace(OWNER, name=name))
        assert [each.id for each in held] == [id]
    await nothing_for(conn, clinic, replace(OWNER, phone=STRANGER))
    assert isinstance(await cancel(conn, clinic.id, replace(OWNER, name=None)), Cancelled)


async def test_a_child_is_named(conn: Connection, clinic: Organization) -> None:
    """Of two attendees who share a number the one who is named is meant."""
    sam = await booked(conn, clinic, phone=SAM, name="Sam Wilson")
    ann = await booked(conn, clinic, phone=SAM, name="Ann Lee", scheduled_at=hours(1))
    moved = await move(conn, clinic.id, replace(OWNER, name="Ann Lee"), to=LATER)
    assert isinstance(moved, Moved) and moved.appointment_id == ann
    cancelled = await cancel(conn, clinic.id, replace(OWNER, name="Sam Wilson"))
    assert isinstance(cancelled, Cancelled) and cancelled.appointment_id == sam


async def test_what_is_past_is_not_a_callers(conn: Connection, clinic: Organization) -> None:
    """What has started is neither found nor changed by a caller; staff change it."""
    past = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
    id = await booked(conn, clinic, phone=SAM, name=NAME, scheduled_at=past, call_id="the call")
    await nothing_for(conn, clinic, OWNER)
    await nothing_for(conn, clinic, Caller(call_id="the call"))
    moved = await move(conn, clinic.id, DESK, Choice(appointment_id=id), to=LATER)
    assert isinstance(moved, Moved)


async def test_a_caller_comes_in_time(conn: Connection, clinic: Organization) -> None:
    """`cancel_until_minutes` before its start, and before the start that it would have, a caller
    can't cancel or move an appointment any more; staff can."""
    await conn.execute("update organizations set cancel_until_minutes = 120")
    soon = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=90)
    id = await booked(conn, clinic, phone=SAM, name=NAME, scheduled_at=soon)
    assert await cancel(conn, clinic.id, OWNER) == TooLate(scheduled_at=soon)
    assert await move(conn, clinic.id, OWNER, to=LATER) == TooLate(scheduled_at=soon)
    assert len(await find_appointments(conn, clinic.id, OWNER)) == 1
    assert isinstance(await move(conn, clinic.id, DESK, Choice(phone=SAM), to=LATER), Moved)
    assert await move(conn, clinic.id, OWNER, to=soon) == TooLate(scheduled_at=soon)
    assert isinstance(await move(conn, clinic.id, OWNER, to=hours(24 * 8)), Moved)
    assert isinstance(await move(conn, clinic.id, DESK, Choice(phone=SAM), to=soon), Moved)
    cancelled = await cancel(conn, clinic.id, DESK, Choice(appointment_id=id))
    assert isinstance(cancelled, Cancelled) and cancelled.changed


async def test_nobody_moves_into_the_past_but_staff(conn: Connection, clinic: Organization) -> None:
    """A caller can't move an appointment to a time that is over."""
    past = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=1)
    await booked(conn, clinic, phone=SAM, name=NAME)
    assert await move(conn, clinic.id, OWNER, to=past) == TooLate(scheduled_at=past)
    assert isinstance(await move(conn, clinic.id, DESK, Choice(phone=SAM), to=past), Moved)


async def test_a_caller_names_no_id(conn: Connection, clinic: Organization) -> None:
    """An id or a phone in a caller's choice is refused, and nothing is changed."""
    id = await booked(conn, clinic, phone=SAM, name=NAME)
    before = await rows(conn)
    for choice in (Choice(appointment_id=id), Choice(phone=SAM)):
        for asked in (
            find_appointments(conn, clinic.id, OWNER, choice),
            cancel(conn, clinic.id, OWNER, choice),
            move(conn, clinic.id, OWNER, choice, to=LATER),
        ):
            with pytest.raises(InvalidRequest, match="choice"):
                await asked
    assert changes(before, await rows(conn)) == {}


async def test_names_of_another_collation(conn: Connection, clinic: Organization) -> None:
    """A column of another collation is compared like every other."""
    await conn.execute('alter table appointments alter attendee_name type text collate "ucs_basic"')
    await booked(conn, clinic, phone=SAM, name=NAME)
    assert len(await find_appointments(conn, clinic.id, OWNER)) == 1
    assert isinstance(await move(conn, clinic.id, OWNER, to=LATER), Moved)
    assert isinstance(await cancel(conn, clinic.id, OWNER), Cancelled)


async def test_the_next_are_found(conn: Connection, clinic: Organization) -> None:
    """The soonest come first, at most as many as are asked for, of the time that is asked for."""
    ids = [
        await booked(conn, clinic, phone=SAM, name=NAME, scheduled_at=hours(nth))
        for nth in (24, 2, 0, 1)
    ]
    [day, two, zero, one] = ids

    async def found(choice: Choice = Choice(), most: int = 3) -> list[UUID]:  # noqa: B008
        held = await find_appointments(conn, clinic.id, OWNER, choice, most=most)
        return [each.id for each in held]

    assert await found() == [zero, one, two]
    assert await found(most=9) == [zero, one, two, day]
    assert await found(at(hours(1))) == [one]
    assert await found(Choice(since=hours(3), until=hours(48))) == [day]
    await cancel(conn, clinic.id, OWNER, at(START))
    await set_status(conn, clinic.id, DESK, one, "completed")
    assert await found() == [two, day]


# Cancelling


async def test_a_named_time_is_cancelled(conn: Connection, clinic: Organization) -> None:
    """The appointment of the time that is named goes, and no other."""
    await booked(conn, clinic, phone=SAM, name=NAME)
    second = await booked(conn, clinic, phone=SAM, name=NAME, scheduled_at=hours(1))
    before = await rows(conn)
    assert await cancel(conn, clinic.id, OWNER, at(hours(2))) == NotFound()
    assert await cancel(conn, clinic.id, OWNER, at(hours(1))) == Cancelled(
        appointment_id=second, scheduled_at=hours(1), changed=True
    )
    assert changes(before, await rows(conn)) == {second: {"status": "cancelled"}}


async def test_a_named_day_is_cancelled(conn: Connection, clinic: Organization) -> None:
    """The only appointment of the day that is named goes; of two, neither."""
    first = await booked(conn, clinic, phone=SAM, name=NAME)
    await booked(conn, clinic, phone=SAM, name=NAME, scheduled_at=hours(24))
    cancelled = await cancel(conn, clinic.id, OWNER, WHOLE_DAY)
    assert cancelled == Cancelled(appointment_id=first, scheduled_at=START, changed=True)
    for nth in (0, 1):
        await booked(conn, clinic, phone=SAM, name=NAME, scheduled_at=hours(nth))
    another = replace(OWNER, call_id="another")
    assert await cancel(conn, clinic.id, another, WHOLE_DAY) == SeveralFound(
        starts=(START, hours(1)), cancelled_before=START
    )


@pytest.mark.parametrize("choice", [Choice(), at(START), WHOLE_DAY], ids=["any", "time", "day"])
@pytest.mark.parametrize("own", ["the contact's", "the call's"])
async def test_a_cancel_that_comes_again(
    conn: Connection, clinic: Organization, own: str, choice: Choice
) -> None:
    """The same call is told that the appointment is cancelled, and nothing is changed."""
    caller = OWNER if own == "the contact's" else Caller(call_id="the call")
    await booked(conn, clinic, phone=SAM, name=NAME, call_id="the call")
    assert isinstance(await cancel(conn, clinic.id, caller, choice), Cancelled)
    before = await rows(conn), await events(conn)
    again = Cancelled(appointment_id=None, scheduled_at=START, changed=False)
    for _ in range(2):
        assert await cancel(conn, clinic.id, caller, choice) == again
    assert before == (await rows(conn), await events(conn))


@pytest.mark.parametrize(
    ("choice", "again"),
    [
        (at(START), Choice()),
        (at(START), WHOLE_DAY),
        (Choice(until=hours(1), since=DAY), WHOLE_DAY),
    ],
    ids=["any", "day", "day after hours"],
)
async def test_a_cancel_that_comes_again_does_not_take_the_next(
    conn: Connection, clinic: Organization, choice: Choice, again: Choice
) -> None:
    """Where this call cancelled one, and another one fits what the next request names as well, the
    call is asked which one is meant. The very time of the other one is an answer."""
    await booked(conn, clinic, phone=SAM, name=NAME)
    second = await booked(conn, clinic, phone=SAM, name=NAME, scheduled_at=hours(2))
    assert isinstance(await cancel(conn, clinic.id, OWNER, choice), Cancelled)
    before = await rows(conn)
    asked = SeveralFound(starts=(hours(2),), cancelled_before=START)
    for _ in range(2):
        assert await cancel(conn, clinic.id, OWNER, again) == asked
    assert changes(before, await rows(conn)) == {}
    last = await cancel(conn, clinic.id, OWNER, at(hours(2)))
    assert last == Cancelled(appointment_id=second, scheduled_at=hours(2), changed=True)


async def test_another_call_cancels_what_is_left(conn: Connection, clinic: Organization) -> None:
    """What another call cancelled makes no question of the one that is left."""
    await booked(conn, clinic, phone=SAM, name=NAME)
    second = await booked(conn, clinic, phone=SAM, name=NAME, scheduled_at=hours(2))
    await cancel(conn, clinic.id, OWNER, at(START))
    another = replace(OWNER, call_id="another")
    cancelled = await cancel(conn, clinic.id, another)
    assert cancelled == Cancelled(appointment_id=second, scheduled_at=hours(2), changed=True)


async def test_another_call_hears_of_a_cancelled_time(
    conn: Connection, clinic: Organization
) -> None:
    """Who names the time hears that it is cancelled, by whomever; who may not know of it, or names
    no time, hears nothing."""
    id = await booked(conn, clinic, phone=SAM, name=NAME)
    await cancel(conn, clinic.id, DESK, Choice(appointment_id=id))
    again = Cancelled(appointment_id=None, scheduled_at=START, changed=False)
    assert await cancel(conn, clinic.id, OWNER, at(START)) == again
    assert await cancel(conn, clinic.id, OWNER, WHOLE_DAY) == again
    assert await cancel(conn, clinic.id, OWNER) == NotFound()
    assert await cancel(conn, clinic.id, DESK, Choice(appointment_id=id)) == again
    for stranger in (
        replace(OWNER, phone=None),
        replace(OWNER, phone=STRANGER),
        replace(OWNER, name="Eve Adams"),
    ):
        assert await cancel(conn, clinic.id, stranger, at(START)) == NotFound()


async def test_a_time_is_cancelled_and_booked_again(conn: Connection, clinic: Organization) -> None:
    """The time of a cancelled appointment is free at once, and the new one can be cancelled by its
    time in the same call."""
    await booked(conn, clinic, phone=SAM, name=NAME)
    await cancel(conn, clinic.id, OWNER)
    second = await booked(conn, clinic, phone=SAM, name=NAME)
    asked = SeveralFound(starts=(START,), cancelled_before=START)
    assert await cancel(conn, clinic.id, OWNER) == asked
    cancelled = await cancel(conn, clinic.id, OWNER, at(START))
    assert cancelled == Cancelled(appointment_id=second, scheduled_at=START, changed=True)
    await booked(conn, clinic, phone=STRANGER)


# Moving


async def test_a_move_keeps_the_rest(conn: Connection, clinic: Organization) -> None:
    """Only the start is another one, the key of the booking is gone, and so it is told."""
    await conn.execute("insert into services values ($1, 'Crown', default, 45, 10, 20)", clinic.id)
    id = await booked(
        conn,
        clinic,
        phone=SAM,
        name=NAME,
        service_type="crown",
        idempotency_key="k",
        call_id="the call",
    )
    before = await rows(conn)
    await move(conn, clinic.id, OWNER, to=LATER)
    after = await rows(conn)
    assert changes(before, after) == {id: {"scheduled_at": LATER, "idempotency_key": None}}
    assert (after[id]["duration_minutes"], after[id]["service_type"]) == (45, "Crown")
    assert (after[id]["buffer_before_minutes"], after[id]["buffer_after_minutes"]) == (10, 20)
    [event] = await events(conn, "moved")
    assert (start_of(event["data"]["from"]), start_of(event["data"]["to"])) == (START, LATER)


async def test_a_move_overlaps_its_own_old_time(conn: Connection, clinic: Organization) -> None:
    """The old time is no hindrance, nor is that time of the neighbour which only touches it."""
    await booked(conn, clinic, phone=SAM, name=NAME, duration_minutes=60)
    await booked(conn, clinic, phone=STRANGER, scheduled_at=hours(1.5))
    assert isinstance(await move(conn, clinic.id, OWNER, to=hours(0.5)), Moved)


@pytest.mark.parametrize("choice", [Choice(), at(START), WHOLE_DAY], ids=["any", "time", "day"])
@pytest.mark.parametrize("resource", [None, "Dr. Lee", "dr lee"])
async def test_a_move_that_comes_again(
    conn: Connection, choice: Choice, resource: str | None
) -> None:
    """It says that the appointment stands there, however the doctor's name is spelled."""
    clinic = await a_clinic(conn, resources=["Dr. Lee"])
    id = await booked(conn, clinic, phone=SAM, name=NAME)
    first = await move(conn, clinic.id, OWNER, choice, to=hours(1), resource=resource)
    before = await rows(conn), await events(conn)
    assert isinstance(first, Moved) and first.changed
    again = replace(first, changed=False, old_start=None)
    assert await move(conn, clinic.id, OWNER, choice, to=hours(1), resource=resource) == again
    assert before == (await rows(conn), await events(conn))
    assert again.appointment_id == id


async def test_a_move_to_a_taken_time(conn: Connection, clinic: Organization) -> None:
    """The time is told to be taken, buffers included, and the old one stands."""
    await conn.execute("insert into services values ($1, 'Crown', default, 30, 0, 30)", clinic.id)
    await booked(conn, clinic, phone=SAM, name=NAME, service_type="Crown")
    await booked(conn, clinic, phone=STRANGER, scheduled_at=hours(3))
    before = await rows(conn)
    for to in (hours(3), hours(2.5), hours(2.25)):
        outcome = await move(conn, clinic.id, OWNER, to=to)
        assert isinstance(outcome, SlotTaken) and outcome.scheduled_at == to
    assert changes(before, await rows(conn)) == {}
    assert await events(conn, "moved") == []
    assert isinstance(await move(conn, clinic.id, OWNER, to=hours(2)), Moved)


async def test_a_move_to_the_contacts_other_appointment(conn: Connection) -> None:
    """The attendee can't be in two chairs: it is taken, and the old one stands. Another attendee of
    the contact can."""
    clinic = await a_clinic(conn, resources=["a", "b"])
    await booked(conn, clinic, phone=SAM, name=NAME, resource="a")
    await booked(conn, clinic, phone=SAM, name=NAME, resource="b", scheduled_at=hours(1))
    before = await rows(conn)
    assert isinstance(await move(conn, clinic.id, OWNER, at(hours(1)), to=START), SlotTaken)
    assert changes(before, await rows(conn)) == {}
    await booked(conn, clinic, phone=SAM, name="Ann Lee", resource="b", scheduled_at=hours(2))
    ann = replace(OWNER, name="Ann Lee")
    assert isinstance(await move(conn, clinic.id, ann, to=START), Moved)


@pytest.mark.parametrize("by", ["hours", "closure", "notice"])
async def test_a_move_to_a_closed_time(conn: Connection, clinic: Organization, by: str) -> None:
    """It is told by what the clinic is closed then, and the old one stands."""
    zone, to = clinic.zone, hours(48)
    await booked(conn, clinic, phone=SAM, name=NAME, service_type="Crown")
    if by == "hours":
        local = START.astimezone(zone)
        await conn.execute(
            "insert into opening_hours values ($1, 'main', $2, $3, $4)",
            *(clinic.id, local.isoweekday(), time(0), time(0)),
        )
    elif by == "closure":
        day = to.astimezone(zone).date()
        await conn.execute(
            "insert into exceptions (org_id, during) values ($1, tsrange($2, $3))",
            *(clinic.id, datetime.combine(day, time(0)), datetime.combine(day, time(23))),
        )
    else:
        await conn.execute(
            "insert into services (org_id, service, duration_minutes, notice_minutes)"
            " values ($1, 'crown', 30, $2)",
            *(clinic.id, 60 * 24 * 365),
        )
    before = await rows(conn)
    outcome = await move(conn, clinic.id, OWNER, to=to)
    assert isinstance(outcome, OutsideHours)
    assert (by, to) == (outcome.closed_by, outcome.scheduled_at)
    assert changes(before, await rows(conn)) == {}
    assert await events(conn, "moved") == []


async def test_staff_need_give_no_notice(conn: Connection, clinic: Organization) -> None:
    """The notice that a service needs is the caller's."""
    await booked(conn, clinic, phone=SAM, name=NAME, service_type="Crown")
    await conn.execute(
        "insert into services (org_id, service, duration_minutes, notice_minutes)"
        " values ($1, 'crown', 30, $2)",
        *(clinic.id, 60 * 24 * 365),
    )
    assert isinstance(await move(conn, clinic.id, DESK, Choice(phone=SAM), to=LATER), Moved)


async def test_a_move_to_another_resource(conn: Connection) -> None:
    """The resource is the one that is meant, however its name is spelled; one that is unknown, has
    left or does not do the service is refused with those to choose from."""
    clinic = await a_clinic(conn, resources=["Dr. Lee", "Dr. Kim", "Dr. Day", "Dr. Out"])
    await conn.execute("update resources set active = resource <> 'Dr. Out'")
    await conn.execute(
        "insert into services (org_id, service, duration_minutes) values ($1, 'Crown', 30)",
        clinic.id,
    )
    for doctor in ("Dr. Lee", "Dr. Kim"):
        await conn.execute(
            "insert into service_resources values ($1, 'Crown', $2)", clinic.id, doctor
        )
    id = await booked(conn, clinic, phone=SAM, name=NAME, resource="Dr. Lee", service_type="Crown")
    before = await rows(conn)
    for resource in ("Dr. Who", "Dr. Day", "dr day", "Dr. Out"):
        with pytest.raises(InvalidRequest) as refusal:
            await move(conn, clinic.id, OWNER, to=hours(1), resource=resource)
        assert refusal.value.choices == ("Dr. Kim", "Dr. Lee")
    assert changes(before, await rows(conn)) == {}
    moved = await move(conn, clinic.id, OWNER, to=START, resource="dr kim")
    assert moved == Moved(
        appointment_id=id, scheduled_at=START, old_start=START, resource="Dr. Kim", changed=True
    )
    assert changes(before, await rows(conn)) == {id: {"resource": "Dr. Kim"}}
    [event] = await events(conn, "moved")
    assert [event["data"][end]["resource"] for end in ("from", "to")] == ["Dr. Lee", "Dr. Kim"]


async def test_who_left_keeps_the_appointment(conn: Connection) -> None:
    """An appointment of a resource that left, or does the service no more, can still be moved."""
    clinic = await a_clinic(conn, resources=["a", "b"])
    await booked(conn, clinic, phone=SAM, name=NAME, resource="a")
    await conn.execute("update resources set active = false where resource = 'a'")
    moved = await move(conn, clinic.id, OWNER, to=LATER)
    assert isinstance(moved, Moved) and moved.resource == "a"


async def test_an_unknown_resource_of_nobody(conn: Connection, clinic: Organization) -> None:
    """Whoever has no appointment is told so, whatever resource is named."""
    for resource in ("main", "MAIN", "nobody"):
        assert await move(conn, clinic.id, OWNER, to=LATER, resource=resource) == NotFound()


async def test_the_first_time_after_all(conn: Connection, clinic: Organization) -> None:
    """Who books, moves, and says no, ends at the first time, whichever of the two was named."""
    call = Caller(call_id="the call")
    for choice in (Choice(), at(hours(1)), WHOLE_DAY):
        id = await booked(conn, clinic, phone=SAM, name=NAME, call_id="the call")
        assert isinstance(await move(conn, clinic.id, call, to=hours(1)), Moved)
        back = await move(conn, clinic.id, call, choice, to=START)
        assert back == Moved(
            appointment_id=id,
            scheduled_at=START,
            old_start=hours(1),
            resource="main",
            changed=True,
        )
        assert (await rows(conn))[id]["scheduled_at"] == START
        await cancel(conn, clinic.id, call, at(START))


async def test_a_booking_that_comes_again_after_a_move(
    conn: Connection, clinic: Organization
) -> None:
    """It does not find the moved appointment as its own: what it says is true of its own time."""
    asked = a_booking(clinic, phone=SAM, name=NAME, call_id="the call", idempotency_key="k")
    first = await book(conn, asked)
    assert isinstance(first, Booked)
    await move(conn, clinic.id, Caller(call_id="the call"), to=LATER)
    again = await book(conn, asked)
    assert isinstance(again, Booked)
    assert again.created and again.scheduled_at == START and again.other_start == LATER
    assert again.appointment_id != first.appointment_id


# A day, and what became of it


@pytest.mark.parametrize(
    ("timezone", "day"),
    [
        ("America/New_York", date(2027, 3, 14)),
        ("America/New_York", date(2027, 11, 7)),
        ("Atlantic/Azores", date(2027, 3, 28)),
        ("Atlantic/Azores", date(2027, 10, 31)),
        ("America/Santiago", date(2027, 4, 4)),
        ("America/Santiago", date(2027, 9, 5)),
        ("Australia/Lord_Howe", date(2027, 4, 4)),
    ],
)
async def test_a_day_of_a_clock_change(conn: Connection, timezone: str, day: date) -> None:
    """Each appointment stands in the list of the day that its clock shows, and in no other one."""
    clinic = await a_clinic(conn, timezone=timezone)
    noon = datetime.combine(day, time(12), UTC)
    starts = [noon + timedelta(minutes=30 * nth) for nth in range(-72, 72)]
    for nth, start in enumerate(starts):
        await booked(conn, clinic, phone=a_caller(nth), scheduled_at=start)
    for shown in (day - timedelta(days=1), day, day + timedelta(days=1)):
        listed = [each.scheduled_at for each in await list_day(conn, clinic.id, shown)]
        assert listed == [each for each in starts if each.astimezone(clinic.zone).date() == shown]


async def test_a_day_shows_what_became_of_each(conn: Connection, clinic: Organization) -> None:
    """The cancelled ones too, with the contact, in order, and nothing of another organization."""
    other = await a_clinic(conn, name="Other")
    await booked(conn, other, phone=SAM, name=NAME)
    second = await booked(conn, clinic, phone=SAM, name=NAME, scheduled_at=hours(1))
    first = await booked(conn, clinic, phone=None, email=Email("sam@test.com"), name="Ann Lee")
    await cancel(conn, clinic.id, DESK, Choice(appointment_id=first))
    listed = await list_day(conn, clinic.id, START.astimezone(clinic.zone).date())
    shown = [(a.id, a.status, a.attendee_name, a.contact_name, a.phone) for a in listed]
    assert shown == [
        (first, "cancelled", "Ann Lee", "Ann Lee", None),
        (second, "confirmed", NAME, NAME, SAM),
    ]


@pytest.mark.parametrize("status", ["completed", "no_show"])
async def test_what_became_of_an_appointment(
    conn: Connection, clinic: Organization, status: Literal["completed", "no_show"]
) -> None:
    """It is said once, however often it is repeated, and can be corrected; what is cancelled, or
    another organization's, or unknown, stays."""
    other = await a_clinic(conn, name="Other")
    id, theirs = await booked(conn, clinic, phone=SAM), await booked(conn, other, phone=SAM)
    gone = await booked(conn, clinic, phone=SAM, scheduled_at=hours(1))
    await cancel(conn, clinic.id, DESK, Choice(appointment_id=gone))
    before = await rows(conn)
    assert [await set_status(conn, clinic.id, DESK, id, status) for _ in range(2)] == [True, True]
    for each in (gone, theirs, uuid4()):
        assert not await set_status(conn, clinic.id, DESK, each, status)
    assert changes(before, await rows(conn)) == {id: {"status": status}}
    [event] = await events(conn, status)
    assert (event["appointment_id"], event["actor"]) == (id, "staff:front desk")
    corrected: Literal["completed", "no_show"] = "no_show" if status == "completed" else "completed"
    assert await set_status(conn, clinic.id, DESK, id, corrected)
    assert len(await events(conn, corrected)) == 1
    with pytest.raises(InvalidRequest, match="status"):
        await set_status(conn, clinic.id, DESK, id, "cancelled")  # type: ignore[arg-type]  # a wrong one


async def test_a_change_is_one_round_trip(url: str) -> None:
    """Finding, moving and cancelling take one round trip each, repeats and refusals too. It is
    counted on the wire, once the statements are prepared."""
    async with counting(url) as (conn, sent):
        clinic = await a_clinic(conn)
        await booked(conn, clinic, phone=STRANGER, scheduled_at=hours(5))
        for is_prepared in (False, True):
            await booked(conn, clinic, phone=SAM, name=NAME)
            for asked, expected in (
                (lambda: find_appointments(conn, clinic.id, OWNER), list),
                (lambda: move(conn, clinic.id, OWNER, to=LATER), Moved),
                (lambda: move(conn, clinic.id, OWNER, to=LATER), Moved),
                (lambda: move(conn, clinic.id, OWNER, to=hours(5)), SlotTaken),
                (lambda: cancel(conn, clinic.id, OWNER, at(LATER)), Cancelled),
                (lambda: cancel(conn, clinic.id, OWNER, at(LATER)), Cancelled),
            ):
                sent.clear()
                assert isinstance(await asked(), expected)
                assert not is_prepared or len(sent) == 1
    async with connected(url) as conn:
        committed: Rows = await rows(conn)
    assert sorted(row["status"] for row in committed.values()) == [
        "cancelled",
        "cancelled",
        "confirmed",
    ]
