"""The events: what was done to an appointment, by whom, in which call; and nothing of a person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from uuid import UUID

import pytest

from booking_core import (
    Caller,
    Choice,
    Connection,
    Email,
    Organization,
    Staff,
    book,
    cancel,
    move,
    set_status,
)
from tests.conftest import count
from tests.support.changes import START, a_booking, at, booked, events, hours, rows, start_of
from tests.support.factories import a_caller

SAM = a_caller(1)
CALLER = Caller(call_id="a later call", phone=SAM, name="Sam Wilson")
PROGRAM = Staff(name="the calendar", via="api")
DESK = Staff(name="front desk")
AROUND = """
select e.type, e.xmin = a.xmin and e.cmin = a.cmin as is_of_one_statement
from events e join appointments a on a.org_id = e.org_id and a.id = e.appointment_id
order by e.cmin::text::int desc limit 1
"""


@dataclass(frozen=True)
class Stage:
    """A clinic with one appointment of SAM, which the call `the call` booked by email or phone."""

    conn: Connection
    clinic: Organization
    id: UUID

    async def again(self, **fields: Any) -> object:
        """The booking once more, changed by `fields`, in the same call."""
        return await book(self.conn, a_booking(self.clinic, call_id="the call", **fields))


Change: TypeAlias = Callable[[Stage], Awaitable[object]]
# The change, the type of its event, its actor, its call, and its data.
CHANGES: dict[str, tuple[Change, str, str, str | None, dict[str, Any]]] = {
    "booked by a call": (
        lambda s: s.again(phone=SAM, scheduled_at=hours(1)),
        "booked",
        "caller",
        "the call",
        {"scheduled_at": hours(1), "duration_minutes": 30, "resource": "main"},
    ),
    "booked by a program": (
        lambda s: book(
            s.conn, a_booking(s.clinic, phone=SAM, scheduled_at=hours(1), actor="api:0a1b2c")
        ),
        "booked",
        "api:0a1b2c",
        None,
        {"scheduled_at": hours(1), "duration_minutes": 30, "resource": "main"},
    ),
    "booked by who did not say": (
        lambda s: book(s.conn, a_booking(s.clinic, phone=SAM, scheduled_at=hours(1))),
        "booked",
        "system",
        None,
        {"scheduled_at": hours(1), "duration_minutes": 30, "resource": "main"},
    ),
    "a longer name": (
        lambda s: s.again(phone=SAM, name="Sam Wilson Smith"),
        "mended",
        "caller",
        "the call",
        {"name": True, "contact": False},
    ),
    "a move by a caller": (
        lambda s: move(s.conn, s.clinic.id, CALLER, to=hours(2)),
        "moved",
        "caller",
        "a later call",
        {
            "from": {"scheduled_at": START, "resource": "main"},
            "to": {"scheduled_at": hours(2), "resource": "main"},
        },
    ),
    "a move by staff": (
        lambda s: move(s.conn, s.clinic.id, DESK, Choice(appointment_id=s.id), to=hours(2)),
        "moved",
        "staff:front desk",
        None,
        {
            "from": {"scheduled_at": START, "resource": "main"},
            "to": {"scheduled_at": hours(2), "resource": "main"},
        },
    ),
    "a cancel by a caller": (
        lambda s: cancel(s.conn, s.clinic.id, CALLER),
        "cancelled",
        "caller",
        "a later call",
        {"scheduled_at": START, "resource": "main"},
    ),
    "a cancel by a program": (
        lambda s: cancel(s.conn, s.clinic.id, PROGRAM, Choice(phone=SAM)),
        "cancelled",
        "api:the calendar",
        None,
        {"scheduled_at": START, "resource": "main"},
    ),
    "completed": (
        lambda s: set_status(s.conn, s.clinic.id, DESK, s.id, "completed"),
        "completed",
        "staff:front desk",
        None,
        {"scheduled_at": START, "resource": "main"},
    ),
    "nobody came": (
        lambda s: set_status(s.conn, s.clinic.id, DESK, s.id, "no_show"),
        "no_show",
        "staff:front desk",
        None,
        {"scheduled_at": START, "resource": "main"},
    ),
}


@pytest.fixture
async def stage(conn: Connection, clinic: Organization) -> Stage:
    id = await booked(conn, clinic, phone=SAM, name="Sam Wilson", call_id="the call")
    return Stage(conn, clinic, id)


def as_values(data: dict[str, Any]) -> dict[str, Any]:
    """The data of an event, with its starts as instants."""
    nested = {key: as_values(value) for key, value in data.items() if isinstance(value, dict)}
    starts = {"scheduled_at": start_of(data)} if "scheduled_at" in data else {}
    return {**data, **nested, **starts}


@pytest.mark.parametrize("name", CHANGES)
async def test_each_change_is_one_event(stage: Stage, name: str) -> None:
    """It says what was done, by whom, in which call, and what it was and is. The statement that
    changes the appointment writes it. The same again changes nothing and writes none."""
    change, kind, actor, call_id, data = CHANGES[name]
    written = await events(stage.conn)
    await change(stage)
    [event] = [each for each in await events(stage.conn) if each not in written]
    assert (kind, actor, call_id) == (event["type"], event["actor"], event["call_id"])
    assert data == as_values(event["data"])
    assert event["appointment_id"] in await rows(stage.conn)
    assert tuple(await stage.conn.fetchrow(AROUND) or ()) == (kind, True)
    await change(stage)
    assert len(await events(stage.conn)) == len(written) + 1


async def test_a_phone_added_is_one_event(conn: Connection, clinic: Organization) -> None:
    """The appointment that a call booked by email is pointed at the phone's contact, and the event
    says so."""
    id = await booked(
        conn, clinic, phone=None, email=Email("sam@test.com"), name="Sam", call_id="the call"
    )
    stage = Stage(conn, clinic, id)
    for _ in range(2):
        await stage.again(phone=SAM, email=Email("sam@test.com"), name="Sam")
    [event] = await events(conn, "mended")
    assert (event["appointment_id"], event["data"]) == (id, {"name": False, "contact": True})


async def test_what_is_refused_is_no_event(stage: Stage) -> None:
    """What changes no appointment writes no event: who is told taken, closed, several, too late or
    nothing, whose resource is unknown, and who only asks again."""
    conn, clinic = stage.conn, stage.clinic
    await booked(conn, clinic, phone=a_caller(2), scheduled_at=hours(3))
    await booked(conn, clinic, phone=SAM, name="Sam Wilson", scheduled_at=hours(4))
    stranger = replace(CALLER, name="Eve Adams")
    written, before = await events(conn), await rows(conn)
    await stage.again(phone=SAM, name="Sam Wilson")
    await book(conn, a_booking(clinic, phone=a_caller(3)))  # taken
    await move(conn, clinic.id, CALLER, at(START), to=hours(3))
    for actor in (CALLER, stranger):
        await move(conn, clinic.id, actor, to=hours(5))
        await cancel(conn, clinic.id, actor)
    await conn.execute("update organizations set cancel_until_minutes = 100000")
    await move(conn, clinic.id, CALLER, at(START), to=hours(5))
    await cancel(conn, clinic.id, CALLER, at(START))
    await conn.execute(
        "insert into exceptions (org_id, during) values ($1, '[2000-01-01, 2100-01-01)')", clinic.id
    )
    await move(conn, clinic.id, DESK, Choice(appointment_id=stage.id), to=hours(5))
    await book(conn, a_booking(clinic, phone=a_caller(3), scheduled_at=hours(6)))
    assert (written, before) == (await events(conn), await rows(conn))


async def test_no_event_names_a_person(conn: Connection, clinic: Organization) -> None:
    """No name, phone, email or free text of anybody stands in an event, whatever was done."""
    person = {"phone": SAM, "email": Email("canary.mail@test.com"), "name": "Canaryname Petersen"}
    free = {"service_type": "Canary service", "idempotency_key": "canary key"}
    await booked(conn, clinic, **{**person, "phone": None, **free}, call_id="the call")
    stage = Stage(conn, clinic, next(iter(await rows(conn))))
    await stage.again(**person)
    await stage.again(**{**person, "name": "Canaryname Petersen Canarylast"})
    caller = Caller(call_id="the call", phone=SAM, name="Canarylast")
    await move(conn, clinic.id, caller, to=hours(1))
    await cancel(conn, clinic.id, caller)
    for kind in ("completed", "no_show"):
        id = await booked(conn, clinic, **person)
        await set_status(conn, clinic.id, DESK, id, kind)
    told = await events(conn)
    assert {event["type"] for event in told} == {
        *("booked", "mended", "moved", "cancelled", "completed", "no_show")
    }
    text = " ".join(await conn.fetchval("select array_agg(e::text) from events e")).lower()
    for canary in ("canary", "petersen", "test.com", SAM[-7:]):
        assert canary not in text
    assert await conn.fetchval(
        "select every(actor in ('caller', 'system', $1)) from events", DESK.label
    )


@pytest.mark.parametrize("name", CHANGES)
async def test_an_event_is_rolled_back_with_its_change(stage: Stage, name: str) -> None:
    """A rollback of the transaction around a change leaves neither."""
    written, before = await events(stage.conn), await rows(stage.conn)
    transaction = stage.conn.transaction()
    await transaction.start()
    await CHANGES[name][0](stage)
    assert await count(stage.conn, "events") == len(written) + 1
    await transaction.rollback()
    assert (written, before) == (await events(stage.conn), await rows(stage.conn))
